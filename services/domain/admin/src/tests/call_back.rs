//! Calls back (R18): set by the API and in the file of the site, told by the simulator and by the
//! record of a call.

use ipc::site::{Grant, Role, Whose};
use serde_json::{Value, json};

use super::telephony::Desk;
use super::world::{OWN_PASSWORD, World, call, form, get, json as body, post, text};

fn inward(call_back: &Value) -> Value {
    json!({"name": "in", "pattern": "1130000000", "sources": ["trunks"],
           "destinations": [{"extension": "100"}], "call_back": call_back})
}

#[test]
fn a_route_is_told_to_call_back_and_the_trail_and_the_page_of_routes_say_so() {
    let mut desk = Desk::new();
    let (status, route) = desk.post("routes", &inward(&json!({})));
    assert_eq!(status, 201, "{route}");
    let off = json!({"enabled": false, "hours": 24, "ring_secs": 15});
    assert_eq!(route["call_back"], off);
    let page = |desk: &mut Desk| {
        let request = get("/routes", &desk.session).with("accept-language", "pt-BR");
        text(&desk.world.ask(&request))
    };
    assert!(!page(&mut desk).contains(">retorno<"));
    let wish = json!({"call_back": {"enabled": true, "hours": 48}});
    let (status, route) = desk.post("routes/in", &wish);
    let on = json!({"enabled": true, "hours": 48, "ring_secs": 15});
    assert_eq!((status, &route["call_back"]), (200, &on));
    let audit = desk.world.audits.last().expect("recorded");
    assert!(
        audit
            .after
            .contains("route in: call_back.enabled false -> true"),
        "{}",
        audit.after
    );
    assert!(page(&mut desk).contains(">retorno<"));
}

#[test]
fn what_no_call_back_can_be_is_refused_with_the_field_and_the_fix_in_both_languages() {
    let mut desk = Desk::new();
    let mut refused = |wish: &Value| {
        let answer = desk.world.ask(&post("/api/routes", &desk.session, wish));
        assert_eq!(answer.status, 400);
        body(&answer)["error"]
            .as_str()
            .expect("a sentence")
            .to_owned()
    };
    let long = inward(&json!({"hours": 721}));
    let said = refused(&long);
    assert!(
        said.contains("call_back.hours") && said.contains("1 to 720"),
        "{said}"
    );
    let short = inward(&json!({"ring_secs": 4}));
    let said = refused(&short);
    assert!(
        said.contains("call_back.ring_secs") && said.contains("5 to 60"),
        "{said}"
    );
    let mut inside = inward(&json!({"enabled": true}));
    inside["sources"] = json!(["extensions"]);
    let said = refused(&inside);
    assert!(said.contains("name a trunk among the sources"), "{said}");
    let typed = "name=in&pattern=1&sources=extensions&destinations=extension%3A100&\
                 call_back.enabled=on&call_back.hours=24&call_back.ring_secs=15";
    let request = form("/new/route", &desk.session, typed).with("accept-language", "pt-BR");
    let page = text(&desk.world.ask(&request));
    assert!(
        page.contains("indique um tronco entre as origens"),
        "{page}"
    );
}

#[test]
fn the_simulator_says_what_it_cannot_know() {
    let mut desk = Desk::new();
    let wish = inward(&json!({"enabled": true, "hours": 48, "ring_secs": 20}));
    assert_eq!(desk.post("routes", &wish).0, 201);
    let question =
        |language: &str| json!({"trunk": "Carrier", "dialled": "1130000000", "language": language});
    let answer = desk.explain(&question("en"));
    let said = answer["steps"].to_string();
    assert!(
        said.contains("20 seconds") && said.contains("past 48 hours"),
        "{said}"
    );
    assert!(said.contains("does not look into call records"), "{said}");
    assert_eq!(
        answer["text"],
        "the extension rings that last had to do with the caller's number, if there is one; then \
         extension 100 rings"
    );
    let first = json!({"kind": "call-back", "hours": 48, "ring_secs": 20});
    assert_eq!(answer["outcome"]["stages"][0], first);
    let said = desk.explain(&question("pt"))["steps"].to_string();
    assert!(
        said.contains("nem olha os registros de ligações") && said.contains("48 horas"),
        "{said}"
    );
}

#[test]
fn the_file_of_the_site_has_what_differs() {
    let mut desk = Desk::furnished();
    let file = desk.get("site")["file"].as_str().expect("text").to_owned();
    let part = file
        .split("[routes.call_back]")
        .nth(1)
        .expect("it is there");
    let lines: Vec<&str> = part.lines().skip(1).take(2).collect();
    assert!(
        lines.contains(&"enabled = true") && lines.contains(&"hours = 48"),
        "{part}"
    );
    assert!(!part.contains("ring_secs = 15"), "{part}");
}

#[test]
fn the_record_of_a_call_says_whom_it_went_back_to() {
    let mut world = World::new();
    let mut back = call();
    back.called_back = "101".into();
    world.calls = vec![back];
    let session = world.sign_in("admin", OWN_PASSWORD);
    let calls = body(&world.ask(&get("/api/calls?limit=5", &session)));
    assert_eq!(calls[0]["called_back"], "101");
    let mut page = |language: &str| {
        text(&world.ask(&get("/calls", &session).with("accept-language", language)))
    };
    assert!(page("en").contains("called back: first 101"));
    assert!(page("pt-BR").contains("retorno: primeiro 101"));
    let privacy = text(&world.ask(&get("/privacy", &session).with("accept-language", "pt-BR")));
    assert!(
        privacy.contains("passar quem liga ao ramal que ligou por último"),
        "{privacy}"
    );
}

/// That 101 had a call with this number stands in a record that he may not see (R5).
#[test]
fn whom_a_call_went_back_to_is_shown_only_to_who_may_see_the_calls_of_that_extension() {
    let seen_by = |role: Role, extension: &str, grants: &[(Whose, i64)]| {
        let mut world = World::new();
        let mut back = call();
        back.from = "+5548999990021".into();
        back.extensions = vec!["100".into()];
        back.rung = vec!["101".into(), "100".into()];
        back.called_back = "101".into();
        let began = back.started_millis;
        world.calls = vec![back];
        world.hire("ana", role, extension);
        let ana = world.site.people.last_mut().expect("hired");
        for (of, after) in grants {
            ana.grants.push(Grant {
                of: of.clone(),
                by: "admin".into(),
                since_millis: began + after,
            });
        }
        world.changed_elsewhere();
        let session = world.sign_in("ana", OWN_PASSWORD);
        let calls = body(&world.ask(&get("/api/calls?limit=5", &session)));
        let shown = calls[0]["called_back"].as_str().expect("shown").to_owned();
        let page = text(&world.ask(&get("/calls", &session).with("accept-language", "en")));
        assert_eq!(page.contains("called back"), !shown.is_empty(), "{page}");
        shown
    };
    let of_101 = || Whose::Extension("101".into());
    assert_eq!(seen_by(Role::User, "100", &[]), "");
    assert_eq!(seen_by(Role::User, "100", &[(of_101(), 1)]), "", "of then");
    assert_eq!(seen_by(Role::User, "100", &[(of_101(), 0)]), "101");
    assert_eq!(seen_by(Role::User, "101", &[]), "101");
    assert_eq!(seen_by(Role::Administrator, "100", &[]), "101");
}
