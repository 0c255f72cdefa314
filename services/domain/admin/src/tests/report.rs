//! The report on exposure and health: who reads it, what it tells, and what it does not.

use ipc::masquerade::State;
use ipc::site::Role;
use serde_json::{Value, json};

use super::world::{OWN_PASSWORD, World, get, json as body, text};
use crate::Away;

fn finding<'a>(report: &'a Value, subject: &str) -> &'a Value {
    let mut all = report["findings"].as_array().expect("findings").iter();
    all.find(|it| it["subject"] == subject)
        .expect("each has one")
}

fn report(world: &mut World, session: &str) -> Value {
    body(&world.ask(&get("/api/report?language=en", session)))
}

#[test]
fn each_finding_comes_with_its_fix_its_requirements_and_the_page() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let calm = report(&mut world, &session);
    assert_eq!(finding(&calm, "bans")["verdict"], "good");
    world.guard.status.outsider_secs = Some(60);
    let told = report(&mut world, &session);
    let bans = finding(&told, "bans");
    assert_eq!(bans["verdict"], "danger");
    assert_eq!(bans["requirements"], json!(["R55", "R69", "T8"]));
    assert_eq!(bans["page"], "/bans");
    assert_eq!(bans["fix"], "Switch bans on, on the page Bans.");
    assert_eq!(finding(&calm, "masquerade")["verdict"], "not-checked");
    assert_eq!(
        finding(&told, "masquerade")["verdict"],
        "good",
        "he came as he is"
    );
    world.guard.status.masquerade = super::masquerade::report(State::Confirmed);
    let hidden = report(&mut world, &session);
    assert_eq!(finding(&hidden, "masquerade")["verdict"], "danger");
    assert_eq!(finding(&told, "backup")["verdict"], "good");
    assert_eq!(finding(&told, "certificate")["verdict"], "look");
    // T1: what answers on the outside is told by who was heard there.
    let ports = told["ports"].as_array().expect("ports");
    let ssh = ports
        .iter()
        .find(|it| it["ports"] == "2522")
        .expect("a row");
    assert_eq!(
        (&ssh["lan"], &ssh["outside"]),
        (&json!("closed"), &json!("closed"))
    );
    let counted: u64 = ["danger", "look", "not_checked", "good"]
        .iter()
        .filter_map(|name| told["summary"][name].as_u64())
        .sum();
    assert_eq!(
        counted,
        told["findings"].as_array().expect("findings").len() as u64
    );
}

#[test]
fn who_does_not_answer_leaves_what_could_not_be_checked() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.guard.is_away = true;
    world.net_away = true;
    world.store_away = true;
    let told = report(&mut world, &session);
    for subject in ["bans", "outside", "address", "backup", "disk"] {
        assert_eq!(
            finding(&told, subject)["verdict"],
            "not-checked",
            "{subject}"
        );
    }
    let page = text(&world.ask(&get("/report", &session).with("accept-language", "en")));
    assert!(
        page.contains("Could not be checked: guard did not answer."),
        "{page}"
    );
    assert_eq!(Away::Silent("guard").to_string(), "guard does not answer");
}

/// R4: who signs in is for administrators and auditors to know.
#[test]
fn an_installer_is_told_how_many_people_lack_a_second_factor_and_not_who() {
    let mut world = World::new();
    world.hire("ana", Role::Installer, "100");
    world.hire("rui", Role::Auditor, "101");
    for (login, names) in [("admin", 3), ("ana", 0), ("rui", 3)] {
        let session = world.sign_in(login, OWN_PASSWORD);
        let told = report(&mut world, &session);
        let factor = finding(&told, "second-factor");
        assert_eq!(factor["verdict"], "look", "{login}");
        let found = factor["found"].as_str().expect("a text");
        assert!(found.starts_with("3 people"), "{login}: {found}");
        assert_eq!(
            factor["details"].as_array().map(Vec::len),
            Some(names),
            "{login}"
        );
        let page = if names == 0 {
            Value::Null
        } else {
            json!("/people")
        };
        assert_eq!(factor["page"], page, "{login}");
    }
}

#[test]
fn it_speaks_both_languages_and_names_whom_the_paper_is_for() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let target = "/report?customer=Padaria+%3CCentral%3E&installer=Jo%C3%A3o";
    let page = text(&world.ask(&get(target, &session).with("accept-language", "pt-BR")));
    assert!(page.contains("Relatório: exposição e saúde"), "{page}");
    assert!(page.contains("Padaria &lt;Central&gt;"), "{page}");
    assert!(page.contains("Instalador: João"), "{page}");
    assert!(page.contains("ramal.local"), "{page}");
    let english = text(&world.ask(&get("/report", &session).with("accept-language", "en")));
    assert!(english.contains("Report: exposure and health"), "{english}");
    assert!(english.contains("R67, R68, T7"), "{english}");
    assert!(!english.contains("Padaria"), "the names are kept nowhere");
}

#[test]
fn the_first_page_says_what_the_report_comes_to_and_asks_no_more_than_once_a_minute() {
    let mut world = World::new();
    world.hire("bia", Role::Operator, "100");
    let session = world.sign_in("admin", OWN_PASSWORD);
    let first = |world: &mut World, session: &str| {
        text(&world.ask(&get("/", session).with("accept-language", "en")))
    };
    let page = first(&mut world, &session);
    assert!(
        page.contains("href=\"/report\">See the report, each with its fix:"),
        "{page}"
    );
    let asked = world.asked_backups.len();
    first(&mut world, &session);
    assert_eq!(world.asked_backups.len(), asked);
    world.pass(61);
    first(&mut world, &session);
    assert_eq!(world.asked_backups.len(), asked + 1);
    let operator = world.sign_in("bia", OWN_PASSWORD);
    assert!(!first(&mut world, &operator).contains("/report"));
}
