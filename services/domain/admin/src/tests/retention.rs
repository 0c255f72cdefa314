//! How long data of people is kept: who may say so, and where it is shown (LGPD art. 9, 15 and 16).

use ipc::site::Role;
use serde_json::json;

use super::world::{OWN_PASSWORD, World, cookie, get, json as body, post, text};

/// By whatever way it would come about (R4): the setting, the file, an earlier version.
#[test]
fn an_installer_deletes_nothing_by_keeping_it_for_fewer_days() {
    let mut world = World::new();
    world.hire("rui", Role::Installer, "100");
    let earlier = world.version;
    for days in [500, 1_000] {
        world.site.retention.calls_days = days;
        world.changed_elsewhere();
    }
    let session = world.sign_in("rui", OWN_PASSWORD);
    let file = body(&world.ask(&get("/api/site", &session)))["file"].clone();
    let file = file.as_str().expect("a file").to_owned();
    assert!(file.contains("calls_days = 1000"), "{file}");
    let shorter = file.replace("[retention]", "[retention]\naudit_days = 180");
    let (version, before) = (world.version, world.site.retention);
    let back = format!("/api/history/{earlier}/back");
    for (path, wish) in [
        ("/api/retention", json!({"calls_days": 999})),
        ("/api/retention", json!({"quality_days": 1})),
        ("/api/retention", json!({"versions_days": 30})),
        ("/api/site", json!({ "file": shorter })),
        (&*back, json!({ "current": version })),
    ] {
        let refused = world.ask(&post(path, &session, &wish));
        assert_eq!(refused.status, 403, "{path}");
        let said = text(&refused);
        assert!(said.contains("fewer days"), "{said}");
        assert_eq!((world.version, world.site.retention), (version, before));
    }
    let more = json!({"calls_days": 1_001, "audit_days": 3_650});
    let kept = world.ask(&post("/api/retention", &session, &more));
    assert_eq!(kept.status, 200, "more is no harm");
    assert_eq!(world.site.retention.audit_days, 3_650);
}

#[test]
fn fewer_days_ask_an_administrator_for_the_password() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.pass(300);
    let less = json!({"calls_days": 365});
    let refused = world.ask(&post("/api/retention", &session, &less));
    assert_eq!(refused.status, 403);
    assert!(text(&refused).contains("/api/confirm"));
    let said = json!({ "password": OWN_PASSWORD });
    let sure = cookie(&world.ask(&post("/api/confirm", &session, &said)));
    assert_eq!(world.ask(&post("/api/retention", &sure, &less)).status, 200);
    assert_eq!(world.site.retention.calls_days, 365);
}

#[test]
fn the_trail_is_not_kept_for_less_than_who_must_account_for_it_needs() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    for (language, why) in [("en", "LGPD art. 37"), ("pt-BR", "LGPD, art. 37")] {
        let wish = json!({"audit_days": 30});
        let request = post("/api/retention", &session, &wish).with("accept-language", language);
        let refused = world.ask(&request);
        assert_eq!(refused.status, 400);
        let said = text(&refused);
        assert!(said.contains(why) && said.contains("180"), "{said}");
    }
}

#[test]
fn the_page_shows_the_days_in_force_under_headings_for_people() {
    let mut world = World::new();
    world.site.retention.calls_days = 41;
    world.changed_elsewhere();
    let session = world.sign_in("admin", OWN_PASSWORD);
    for (language, heading, days) in [
        ("en", "<h2>Call records</h2>", "41 days"),
        ("pt-BR", "<h2>Registros de ligações</h2>", "41 dias"),
    ] {
        let request = get("/privacy", &session).with("accept-language", language);
        let page = text(&world.ask(&request));
        assert!(page.contains(heading) && page.contains(days), "{page}");
        assert!(page.contains("href=\"/settings/retention\""), "{page}");
        assert!(!page.contains("call-index"), "no name of a table");
    }
    let told = body(&world.ask(&get("/api/privacy", &session)));
    assert_eq!(told[0]["name"], "calls");
    assert_eq!(told[0]["kept_days"], 41);
}
