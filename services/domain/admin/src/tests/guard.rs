//! When somebody is banned: who may say so, what the trail has of it, and how the page tells it.

use ipc::guard::Offence;
use ipc::site::{GuardRule, Role};
use serde_json::json;

use super::telephony::Desk;
use super::world::{OWN_PASSWORD, World, cookie, form, get, json as body, post, text};

#[test]
fn bans_are_switched_on_by_an_installer_and_the_trail_says_what_was_before() {
    // R69: off as the box comes.
    let mut world = World::new();
    assert!(!world.site.guard.on);
    world.hire("rui", Role::Installer, "100");
    let session = world.sign_in("rui", OWN_PASSWORD);
    world.pass(400);
    let wish = json!({"on": true, "first_minutes": 15, "reason": "guesses at night"});
    assert_eq!(world.ask(&post("/api/guard", &session, &wish)).status, 400);
    let wish = json!({"on": true, "first_minutes": 15});
    let set = world.ask(&post("/api/guard", &session, &wish));
    assert_eq!(set.status, 200, "no password is asked for: {}", text(&set));
    assert_eq!(body(&set)["longest_hours"], 168);
    assert!(world.site.guard.on);
    let audit = world.audits.last().expect("recorded");
    assert_eq!(
        (&*audit.who, &*audit.action, &*audit.after),
        (
            "rui",
            "bans changed",
            "guard.is_on false -> true; guard.first 600s -> 900s"
        )
    );
}

/// By whatever way it would come about: the setting, its page, the file, an earlier version.
#[test]
fn the_end_of_all_bans_asks_for_the_password() {
    let mut world = World::new();
    let earlier = world.version;
    world.hire("rui", Role::Installer, "100");
    world.site.guard.on = true;
    world.changed_elsewhere();
    let session = world.sign_in("rui", OWN_PASSWORD);
    world.pass(300);
    let version = world.version;
    let back = format!("/api/history/{earlier}/back");
    for (path, wish) in [
        ("/api/guard", json!({"on": false})),
        ("/api/guard", json!({"on": null})),
        ("/api/site", json!({"file": "ramal-site = 1\n[guard]\n"})),
        (&*back, json!({ "current": version })),
    ] {
        let refused = world.ask(&post(path, &session, &wish));
        assert_eq!(refused.status, 403, "{path}");
        assert!(text(&refused).contains("/api/confirm"), "{path}");
        assert!(world.site.guard.on && world.version == version);
    }
    let fields = "first_minutes=10&longest_hours=168";
    let asked = world.ask(&form("/settings/bans", &session, fields));
    assert!(
        text(&asked).contains("confirm_password"),
        "{}",
        text(&asked)
    );
    assert!(world.site.guard.on);
    // What leaves them on does not.
    let other = json!({"longest_hours": 24});
    assert_eq!(world.ask(&post("/api/guard", &session, &other)).status, 200);
    let said = json!({ "password": OWN_PASSWORD });
    let sure = cookie(&world.ask(&post("/api/confirm", &session, &said)));
    let off = world.ask(&post("/api/guard", &sure, &json!({"on": false})));
    assert_eq!(off.status, 200, "{}", text(&off));
    let audit = world.audits.last().expect("recorded");
    assert_eq!(audit.after, "guard.is_on true -> false");
}

#[test]
fn a_rule_says_only_what_is_not_as_it_comes() {
    let mut desk = Desk::new();
    let rules = json!([{"offence": "web-path", "only_report": true}]);
    let (status, shown) = desk.post("guard", &json!({ "rules": rules }));
    assert_eq!(status, 200, "{shown}");
    let rule = GuardRule {
        offence: Offence::WebPath,
        count: None,
        within_secs: None,
        only_report: true,
    };
    assert_eq!(desk.world.site.guard.rules, [rule]);
    let told = &desk.world.audits.last().expect("recorded").after;
    let expected = "guard.rules.web-path 30 in 60 s -> 30 in 60 s, only reported";
    assert_eq!(told, expected);
    let typed = "first_minutes=10&longest_hours=168&never=203.0.113.0%2f24&decoys=1000%0a1001\
                 &rules.0.offence=sip-password&rules.0.count=3&rules.0.within_secs=\
                 &rules.1.offence=&rules.1.count=";
    let answer = desk
        .world
        .ask(&form("/settings/bans", &desk.session, typed));
    assert_eq!(answer.status, 303, "{}", text(&answer));
    let guard = &desk.world.site.guard;
    let rule = GuardRule {
        offence: Offence::SipPassword,
        count: Some(3),
        within_secs: None,
        only_report: false,
    };
    assert_eq!(guard.rules, [rule]);
    assert_eq!(guard.decoys, ["1000", "1001"]);
    assert_eq!(guard.never, ["203.0.113.0/24"]);
}

#[test]
fn what_will_not_do_is_named_with_the_fix_in_both_languages() {
    let mut desk = Desk::new();
    let mut check = |wish: serde_json::Value, english: &str, portuguese: &str| {
        for (language, expected) in [("en", english), ("pt-BR", portuguese)] {
            let request = post("/api/guard", &desk.session, &wish);
            let refused = desk.world.ask(&request.with("accept-language", language));
            assert_eq!(refused.status, 400, "{wish}");
            assert_eq!(body(&refused)["text"], expected);
        }
    };
    check(
        json!({"decoys": ["100"]}),
        "guard: decoys: \"100\" is also an extension; change one of them",
        "bloqueios: Iscas: \"100\" também é um ramal; mude um dos dois",
    );
    check(
        json!({"decoys": ["701"]}),
        "guard: decoys: \"701\" is also a parking slot; change one of them",
        "bloqueios: Iscas: \"701\" também é uma vaga de estacionamento; mude um dos dois",
    );
    check(
        json!({"decoys": ["1"]}),
        "guard: decoys: \"1\" cannot be an extension; use 2 to 10 digits",
        "bloqueios: Iscas: \"1\" não pode ser um ramal; use de 2 a 10 dígitos",
    );
    check(
        json!({"first_minutes": 90, "longest_hours": 1}),
        "guard: longest_hours: 1 is out of range; use 2 to 8760",
        "bloqueios: Um bloqueio dura no máximo (horas): 1 está fora da faixa; use de 2 a 8760",
    );
    check(
        json!({"rules": [{"offence": "web-path", "count": 0}]}),
        "guard: rules.count: 0 is out of range; use 1 to 100",
        "bloqueios: Quantas vezes são demais: 0 está fora da faixa; use de 1 a 100",
    );
    for bad in [json!([{"offence": "web-pth"}]), json!([{"count": 3}])] {
        assert_eq!(desk.post("guard", &json!({ "rules": bad })).0, 400);
    }
    let misspelt = json!([{"offence": "web-path", "times": 3}]);
    let (status, answer) = desk.post("guard", &json!({ "rules": misspelt }));
    let told = "the request cannot be read: there is no field rules.times";
    assert_eq!((status, &answer["error"]), (400, &json!(told)));
}

#[test]
fn a_number_that_is_a_decoy_becomes_no_extension() {
    let mut desk = Desk::new();
    assert_eq!(desk.post("guard", &json!({"decoys": ["1000"]})).0, 200);
    let (status, answer) = desk.post("extensions", &json!({"number": "1000"}));
    assert_eq!(status, 400, "{answer}");
    let told = answer["error"].as_str().expect("a sentence");
    assert!(told.contains("\"1000\" is also an extension"), "{told}");
}

#[test]
fn the_page_says_what_a_decoy_is_and_what_happens_while_bans_are_off() {
    let mut desk = Desk::new();
    for (language, texts) in [
        (
            "en",
            [
                "Bans and guesses",
                "Off: it counts all the same, and tells what it would have done.",
                "whoever tries one as an extension is guessing",
                "wrong password of an extension (5 in 600 s)",
            ],
        ),
        (
            "pt-BR",
            [
                "Bloqueios e tentativas",
                "Desligado: ela conta do mesmo jeito e diz o que teria feito.",
                "quem tenta um deles como ramal está adivinhando",
                "senha errada de um ramal (5 em 600 s)",
            ],
        ),
    ] {
        let mut shown = |path: &str| {
            let request = get(path, &desk.session).with("accept-language", language);
            text(&desk.world.ask(&request))
        };
        let settings = shown("/settings");
        assert!(settings.contains("href=\"/settings/bans\""), "{settings}");
        let page = shown("/settings/bans");
        for expected in texts {
            assert!(page.contains(expected), "{expected}: {page}");
        }
    }
}
