//! The certificate of the pages: a request, what others have signed, and the way back.

use ipc::about::About;
use ipc::site::Passkey;
use serde_json::{Value, json};

use super::world::{OWN_PASSWORD, World, form, get, json as body, post, request, text};
use crate::about_view::Running;
use crate::{
    CertificateFacts, CertificateFault, CertificateOrder, CertificateState, Method, SigningRequest,
};

const CHAIN: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
/// When the world begins.
const NOW: i64 = 1_795_446_000_000;
const DAY: i64 = 86_400_000;

/// What a box has signed itself.
pub(super) fn self_signed() -> CertificateState {
    CertificateState {
        served: CertificateFacts {
            subject: "CN=Ramal".into(),
            issuer: "CN=Ramal".into(),
            names: vec!["ramal.local".into(), "192.168.0.7".into()],
            from_millis: 0,
            until_millis: 4_102_444_799_000,
            sha256: [0xa7; 32],
        },
        is_self_signed: true,
        asked_name: None,
        request: None,
    }
}

fn signed() -> CertificateFacts {
    CertificateFacts {
        subject: "CN=pbx.example.com".into(),
        issuer: "CN=Office CA".into(),
        names: vec!["pbx.example.com".into()],
        from_millis: NOW,
        until_millis: NOW + 90 * DAY,
        sha256: [0xb8; 32],
    }
}

impl World {
    /// The runtime, which has keys.
    pub(super) fn certificate(
        &mut self,
        order: CertificateOrder,
    ) -> Result<CertificateState, CertificateFault> {
        self.asked_certificate.push(order.clone());
        let state = &mut self.certificate;
        match order {
            CertificateOrder::Look => {}
            CertificateOrder::Request { .. } if self.certificate_fault.is_some() => {
                return Err(self.certificate_fault.clone().expect("some"));
            }
            CertificateOrder::Request { name, is_alone } => {
                let own = (!is_alone).then(|| "ramal.local".to_owned());
                let names = [name].into_iter().filter(|it| !it.is_empty());
                state.request = Some(SigningRequest {
                    names: names.chain(own).collect(),
                    pem: "-----BEGIN CERTIFICATE REQUEST-----\n".into(),
                });
            }
            CertificateOrder::Check(_) | CertificateOrder::Set(_) => {
                if let Some(fault) = self.certificate_fault.clone() {
                    return Err(fault);
                }
                let asked = state.request.as_ref().map(|it| it.names[0].clone());
                let would_be = CertificateState {
                    served: CertificateFacts {
                        names: self.certificate_names.clone(),
                        ..signed()
                    },
                    is_self_signed: false,
                    asked_name: asked.or_else(|| state.asked_name.clone()),
                    request: state.request.clone(),
                };
                if matches!(order, CertificateOrder::Check(_)) {
                    return Ok(would_be);
                }
                *state = would_be;
            }
            CertificateOrder::SelfSigned => {
                let request = state.request.take();
                *state = CertificateState {
                    request,
                    ..self_signed()
                };
            }
        }
        Ok(self.certificate.clone())
    }
}

fn actions(world: &World) -> Vec<&str> {
    let all = world.audits.iter().map(|it| it.action.as_str());
    all.filter(|it| it.contains("signing request") || it.contains("certificate"))
        .collect()
}

#[test]
fn what_an_authority_has_signed_is_served_and_each_step_is_on_record() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let seen = body(&world.ask(&get("/api/certificate", &session)));
    assert_eq!(
        (&seen["self_signed"], &seen["request"], &seen["fingerprint"]),
        (&json!(true), &Value::Null, &json!("a7".repeat(32)))
    );
    // Nothing to set while there is no request.
    let page = text(&world.ask(&get("/certificate", &session)));
    assert!(!page.contains("name=\"chain\""), "{page}");
    assert!(page.contains(&["A7"; 32].join(":")), "{page}");
    let none = world.ask(&get("/certificate/request.pem", &session));
    assert_eq!(none.status, 409, "{}", text(&none));

    let wish = json!({"name": "PBX.example.com"});
    let made = world.ask(&post("/api/certificate/request", &session, &wish));
    assert_eq!(made.status, 200, "{}", text(&made));
    let names = json!(["pbx.example.com", "ramal.local"]);
    assert_eq!(body(&made)["request"]["names"], names);
    let file = world.ask(&get("/certificate/request.pem", &session));
    assert!(text(&file).starts_with("-----BEGIN CERTIFICATE REQUEST"));

    let set = json!({ "chain": CHAIN });
    let set = world.ask(&post("/api/certificate", &session, &set));
    assert_eq!(set.status, 200, "{}", text(&set));
    assert_eq!(body(&set)["self_signed"], false);
    assert_eq!(body(&set)["until"], "2027-02-21T15:00:00Z");

    world.pass(301);
    let session = world.sign_in("admin", OWN_PASSWORD);
    let back = request(Method::Delete, "/api/certificate").with("cookie", &session);
    let back = world.ask(&back);
    assert_eq!(body(&back)["self_signed"], true, "{}", text(&back));
    let told = format!(
        "certificate set: pbx.example.com by CN=Office CA, until 2027-02-21T15:00:00Z, SHA-256 {}",
        "b8".repeat(32)
    );
    assert_eq!(
        actions(&world),
        [
            "signing request made for pbx.example.com",
            &told,
            "self-signed certificate set"
        ]
    );
}

#[test]
fn the_pages_do_the_same() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let sent = "name=pbx.example.com&only=on";
    let made = world.ask(&form("/certificate/request", &session, sent));
    assert_eq!(made.header("location"), Some("/certificate"));
    let wanted = CertificateOrder::Request {
        name: "pbx.example.com".into(),
        is_alone: true,
    };
    assert!(world.asked_certificate.contains(&wanted));
    let page = text(&world.ask(&get("/certificate", &session)));
    assert!(page.contains("name=\"chain\"") && page.contains("request.pem"));
    assert!(!page.contains("/certificate/self-signed"));
    let set = world.ask(&form("/certificate", &session, "chain=x"));
    assert_eq!(set.header("location"), Some("/certificate"));
    let back = world.ask(&form("/certificate/self-signed", &session, ""));
    assert_eq!(
        back.header("location"),
        Some("/certificate"),
        "{}",
        text(&back)
    );
    assert!(world.certificate.is_self_signed);
}

#[test]
fn what_cannot_be_served_changes_nothing_and_the_page_says_why() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.ask(&post("/api/certificate/request", &session, &json!({})));
    for (fault, status, said) in [
        (CertificateFault::OtherKey, 400, "not for a key of this box"),
        (CertificateFault::PrivateKey, 400, "private key"),
        (CertificateFault::NotSignedByNext(2), 400, "certificate 2"),
        (CertificateFault::Over(NOW), 400, "2026-11-23T15:00:00Z"),
        (CertificateFault::OtherName("a.b".into()), 400, "a.b"),
        (CertificateFault::NoRequest, 409, "make a request first"),
        (CertificateFault::Away, 503, "try again"),
    ] {
        world.certificate_fault = Some(fault);
        let set = post("/api/certificate", &session, &json!({ "chain": CHAIN }));
        let refused = world.ask(&set);
        let why = body(&refused)["error"].to_string();
        assert!(refused.status == status && why.contains(said), "{why}");
        let page = world.ask(&form("/certificate", &session, "chain=x"));
        assert_eq!(page.status, status);
        assert!(text(&page).contains("role=\"alert\"") && text(&page).contains("name=\"chain\""));
    }
    assert!(world.certificate.is_self_signed);
    assert_eq!(actions(&world).len(), 1, "{:?}", actions(&world));
}

#[test]
fn a_name_that_is_none_is_refused_before_anything_is_asked() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    for wish in [
        json!({"name": "10.0.0.5"}),
        json!({"name": "*.example.com"}),
        json!({"only": true}),
    ] {
        let refused = world.ask(&post("/api/certificate/request", &session, &wish));
        let why = body(&refused)["error"].to_string();
        assert!(refused.status == 400 && why.contains("name:"), "{why}");
    }
    assert!(world.asked_certificate.is_empty());
}

#[test]
fn a_program_renews_it_and_does_not_take_it_away() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let wish = json!({"name": "acme", "permissions": ["manage-box"], "days": 30});
    let made = world.ask(&post("/api/tokens", &session, &wish));
    let token = body(&made)["token"].as_str().expect("a token").to_owned();
    let bearer = format!("Bearer {token}");
    let set = post("/api/certificate", "", &json!({ "chain": CHAIN }));
    let set = world.ask(&set.with("authorization", &bearer));
    assert_eq!(set.status, 200, "{}", text(&set));
    let back = request(Method::Delete, "/api/certificate").with("authorization", &bearer);
    assert_eq!(world.ask(&back).status, 403);
    assert!(!world.certificate.is_self_signed);
    // Nor does it forget the key that is being signed for, nor bring one for another key.
    let another = json!({"name": "x.example.com", "only": true});
    let another = post("/api/certificate/request", "", &another);
    let another = another.with("authorization", &bearer);
    assert_eq!(world.ask(&another).status, 403);
    let is_of_token = |it: &CertificateOrder| matches!(it, CertificateOrder::Request { .. });
    assert!(!world.asked_certificate.iter().any(is_of_token));
    let confirmed = |it: &CertificateOrder| match it {
        CertificateOrder::Check(chain) | CertificateOrder::Set(chain) => chain.is_confirmed,
        _ => false,
    };
    assert!(!world.asked_certificate.iter().any(confirmed));
}

#[test]
fn a_session_that_lies_open_forgets_no_key_and_replaces_none() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.pass(300);
    let wish = json!({"name": "x.example.com", "only": true});
    let asked = world.ask(&post("/api/certificate/request", &session, &wish));
    assert_eq!(asked.status, 403, "{}", text(&asked));
    let page = form(
        "/certificate/request",
        &session,
        "name=x.example.com&only=on",
    );
    assert!(text(&world.ask(&page)).contains("name=\"confirm_password\""));
    assert!(world.asked_certificate.is_empty());

    world.certificate_fault = Some(CertificateFault::ConfirmFirst);
    let set = post("/api/certificate", &session, &json!({ "chain": CHAIN }));
    let refused = world.ask(&set);
    assert_eq!(refused.status, 403, "{}", text(&refused));
    assert!(
        text(&refused).contains("/api/confirm"),
        "{}",
        text(&refused)
    );
    let page = text(&world.ask(&form("/certificate", &session, "chain=x")));
    assert!(page.contains("name=\"confirm_password\""), "{page}");
    assert!(world.certificate.is_self_signed);

    // With the password along, the chain is brought by somebody who has said who he is.
    world.certificate_fault = None;
    let typed = OWN_PASSWORD.replace(' ', "+");
    let set = form(
        "/certificate",
        &session,
        &format!("chain=x&confirm_password={typed}"),
    );
    assert_eq!(world.ask(&set).header("location"), Some("/certificate"));
    let last = world.asked_certificate.last().expect("asked");
    assert!(matches!(last, CertificateOrder::Set(chain) if chain.is_confirmed));
}

#[test]
fn it_is_told_a_month_before_it_ends_by_a_clock_that_can_be_right() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let mut warned = |until: Option<i64>, built_millis: i64| {
        let facts = until.map(|until_millis| CertificateFacts {
            until_millis,
            ..signed()
        });
        let name = "pbx.example.com";
        world
            .admin
            .serves_signed(facts.as_ref().map(|it| (it, name)));
        world.admin.runs(Running {
            about: Some(About {
                built: u64::try_from(built_millis / 1000).expect("after 1970"),
                ..About::default()
            }),
            ..Running::default()
        });
        let seen = body(&world.ask(&get("/api/status", &session)));
        let all = seen["warnings"].as_array().expect("a list").clone();
        let texts = all
            .into_iter()
            .map(|it| it.as_str().expect("text").to_owned());
        texts.into_iter().find(|it| it.contains("certificate"))
    };
    let built = NOW - 100 * DAY;
    assert_eq!(warned(None, built), None, "its own has no end");
    assert_eq!(warned(Some(NOW + 31 * DAY), built), None);
    let soon = warned(Some(NOW + 30 * DAY - 1), built).expect("told");
    assert!(soon.contains("ends in 29 days"), "{soon}");
    let over = warned(Some(NOW - 1), built).expect("told");
    assert!(over.contains("has ended"), "{over}");
    // The clock is before the firmware was made: nobody knows.
    assert_eq!(warned(Some(NOW - 1), NOW + 2 * DAY), None);
}

#[test]
fn one_without_the_name_of_the_box_ends_no_passkeys_unasked() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.hire("rui", ipc::site::Role::Operator, "100");
    let rui = world.site.people.last_mut().expect("hired");
    rui.passkeys.push(Passkey {
        made_for: "ramal.local".into(),
        ..Passkey::default()
    });
    world.changed_elsewhere();
    world.ask(&post("/api/certificate/request", &session, &json!({})));
    let page = || get("/certificate", &session).with("accept-language", "en");
    let shown = text(&world.ask(&page()));
    assert!(shown.contains("name=\"ends_passkeys\"") && !shown.contains("can use or make"));

    let set = json!({ "chain": CHAIN });
    for (language, word) in [("en", "passkeys"), ("pt-BR", "chaves de acesso")] {
        let refused = post("/api/certificate", &session, &set).with("accept-language", language);
        let refused = world.ask(&refused);
        let why = text(&refused);
        assert_eq!(refused.status, 409, "{why}");
        assert!(why.contains("ramal.local") && why.contains(word), "{why}");
        let page = form("/certificate", &session, "chain=x").with("accept-language", language);
        let page = world.ask(&page);
        assert_eq!(page.status, 409);
        assert!(text(&page).contains(word) && text(&page).contains("role=\"alert\""));
    }
    assert!(world.certificate.is_self_signed);

    let agreed = json!({ "chain": CHAIN, "ends_passkeys": true });
    let agreed = world.ask(&post("/api/certificate", &session, &agreed));
    assert_eq!(agreed.status, 200, "{}", text(&agreed));
    let shown = text(&world.ask(&page()));
    let told = "nobody can use or make a passkey: ramal.local";
    assert!(shown.contains(told), "{shown}");
    // Nothing is lost by its renewal.
    let renewed = world.ask(&post("/api/certificate", &session, &set));
    assert_eq!(renewed.status, 200, "{}", text(&renewed));
}

/// A box that serves what was asked for by this name, for which somebody has a passkey.
fn serving(name: &str, names: &[&str]) -> (World, String) {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.hire("rui", ipc::site::Role::Operator, "100");
    let rui = world.site.people.last_mut().expect("hired");
    rui.passkeys.push(Passkey {
        made_for: name.into(),
        ..Passkey::default()
    });
    world.changed_elsewhere();
    let served = CertificateFacts {
        names: names.iter().map(|it| (*it).to_owned()).collect(),
        ..signed()
    };
    world.admin.serves_signed(Some((&served, name)));
    world.certificate = CertificateState {
        served,
        is_self_signed: false,
        asked_name: Some(name.into()),
        request: None,
    };
    (world, session)
}

#[test]
fn one_that_was_asked_for_by_another_name_ends_passkeys_though_it_names_theirs_too() {
    let (mut world, session) = serving("old.example.com", &["old.example.com"]);
    world.certificate_names = vec!["new.example.com".into(), "old.example.com".into()];
    for wish in [json!({ "name": "new.example.com" }), json!({})] {
        world.ask(&post("/api/certificate/request", &session, &wish));
        for (language, word) in [("en", "passkeys"), ("pt-BR", "chaves de acesso")] {
            let set = post("/api/certificate", &session, &json!({ "chain": CHAIN }));
            let refused = world.ask(&set.with("accept-language", language));
            let why = text(&refused);
            assert_eq!(refused.status, 409, "{why}");
            assert!(
                why.contains("old.example.com") && why.contains(word),
                "{why}"
            );
        }
    }
    assert_eq!(world.certificate.served.names, ["old.example.com"]);
    let agreed = json!({ "chain": CHAIN, "ends_passkeys": true });
    let agreed = world.ask(&post("/api/certificate", &session, &agreed));
    assert_eq!(agreed.status, 200, "{}", text(&agreed));
}

#[test]
fn by_a_wildcard_passkeys_go_on_where_their_name_was_asked_for_and_end_where_not() {
    let set = json!({ "chain": CHAIN });
    let (mut world, session) = serving("pbx.example.com", &["*.example.com"]);
    let wish = json!({ "name": "pbx.example.net" });
    world.ask(&post("/api/certificate/request", &session, &wish));
    world.certificate_names = vec!["pbx.example.net".into()];
    let refused = world.ask(&post("/api/certificate", &session, &set));
    let why = text(&refused);
    assert!(
        refused.status == 409 && why.contains("pbx.example.com"),
        "{why}"
    );
    assert_eq!(world.certificate.served.names, ["*.example.com"]);

    // One for the name itself is renewed by one for all of them, unasked.
    let (mut world, session) = serving("pbx.example.com", &["pbx.example.com"]);
    world.certificate_names = vec!["*.example.com".into()];
    let renewed = world.ask(&post("/api/certificate", &session, &set));
    assert_eq!(renewed.status, 200, "{}", text(&renewed));
    assert_eq!(world.certificate.served.names, ["*.example.com"]);
}

#[test]
fn one_for_another_name_ends_no_passkeys_of_the_name_before_unasked() {
    let (mut world, session) = serving("old.example.com", &["old.example.com", "ramal.local"]);
    let page = text(&world.ask(&get("/certificate", &session).with("accept-language", "en")));
    assert!(page.contains("Passkeys made for old.example.com"), "{page}");
    world.ask(&post("/api/certificate/request", &session, &json!({})));
    let set = world.ask(&post(
        "/api/certificate",
        &session,
        &json!({ "chain": CHAIN }),
    ));
    let why = text(&set);
    assert!(
        set.status == 409 && why.contains("old.example.com"),
        "{why}"
    );
    let agreed = json!({ "chain": CHAIN, "ends_passkeys": true });
    let agreed = world.ask(&post("/api/certificate", &session, &agreed));
    assert_eq!(agreed.status, 200, "{}", text(&agreed));
}

#[test]
fn the_trail_says_what_was_not_done_after_all() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.certificate_fault = Some(CertificateFault::Away);
    let asked = world.ask(&post("/api/certificate/request", &session, &json!({})));
    assert_eq!(asked.status, 503, "{}", text(&asked));
    let step = world.admin.overdue().expect("to be recorded");
    world.run(step);
    let [.., made, left] = actions(&world)[..] else {
        panic!("{:?}", actions(&world));
    };
    assert!(made.starts_with("signing request made"), "{made}");
    assert!(
        left.starts_with("certificate left as it is: the store"),
        "{left}"
    );
}
