//! Searching calls, judging them, and taking them along (R17, R32).

use ipc::site::Role;
use ipc::store::{AudioReport, CallRecord, Direction};

use super::world::{OWN_PASSWORD, World, call, get, text};

fn page(world: &mut World, session: &str, target: &str) -> String {
    let answer = world.ask(&get(target, session).with("accept-language", "en"));
    assert_eq!(answer.status, 200, "{target}");
    text(&answer)
}

#[test]
fn what_is_looked_for_is_asked_of_the_store_and_stays_in_the_form() {
    let mut world = World::new();
    world.site.dialling.zone = "America/Sao_Paulo".into();
    world.changed_elsewhere();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.calls.clear();
    let target = "/calls?number=%2B55+11&from=2026-11-22&to=2026-11-22&answered=yes&way=out";
    let seen = page(&mut world, &session, target);
    let asked = world.searched.last().expect("asked").clone();
    assert_eq!(asked.number, "+55 11");
    // Three hours after UTC's midnight, and a day later.
    assert_eq!(asked.from_millis, Some(1_795_316_400_000));
    assert_eq!(asked.until_millis, Some(1_795_316_400_000 + 86_400_000));
    assert_eq!(
        (asked.answered, asked.direction),
        (Some(true), Some(Direction::Outbound))
    );
    for kept in [
        "value=\"+55 11\"",
        "value=\"2026-11-22\"",
        "\"yes\" selected",
        "\"out\" selected",
    ] {
        assert!(seen.contains(kept), "{kept}: {seen}");
    }
    assert!(seen.contains("No call fits"), "{seen}");
}

#[test]
fn what_means_nothing_is_refused_with_the_field() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    for (query, why) in [
        ("from=yesterday", "from: give a day"),
        ("to=2026-13-40", "to: give a day"),
        ("answered=perhaps", "answered: "),
        ("way=up", "way: "),
    ] {
        for at in ["/calls", "/api/calls", "/calls.csv"] {
            let answer = world.ask(&get(&format!("{at}?{query}"), &session));
            assert_eq!(answer.status, 400, "{at}?{query}");
            assert!(
                text(&answer).contains(why),
                "{at}?{query}: {}",
                text(&answer)
            );
        }
    }
    assert!(world.searched.is_empty());
}

/// So many, a millisecond apart, newest first.
fn calls(count: i64) -> Vec<CallRecord> {
    let one = |number| CallRecord {
        id: format!("{:013}-00000001", 1_795_351_501_000_i64 + number),
        ..call()
    };
    (0..count).rev().map(one).collect()
}

#[test]
fn a_page_leads_to_older_calls_with_the_same_search() {
    let mut world = World::new();
    world.calls = calls(60);
    let session = world.sign_in("admin", OWN_PASSWORD);
    let first = page(&mut world, &session, "/calls?answered=yes");
    let last = world.calls[49].id.clone();
    let way = format!("href=\"/calls?answered=yes&amp;before={last}\"");
    assert!(first.contains(&way), "{first}");
    let second = page(
        &mut world,
        &session,
        &format!("/calls?answered=yes&before={last}"),
    );
    assert!(!second.contains("before="), "there are no older ones");
    assert_eq!(second.matches("<td class=\"time\">").count(), 10);
    assert!(first.len() < 100_000, "{}", first.len());
}

#[test]
fn how_a_call_sounded_is_said_in_a_word() {
    let mut world = World::new();
    world.calls[0].caller_audio = AudioReport {
        codec: "PCMA".into(),
        received: 98,
        lost: 2,
        jitter_micros: 2500,
        mos_hundredths: 431,
        ..AudioReport::default()
    };
    world.calls[0].callee_audio.mos_hundredths = 290;
    let session = world.sign_in("admin", OWN_PASSWORD);
    let seen = page(&mut world, &session, "/calls");
    for part in [
        "<span class=\"badge good\">good</span> <span class=\"hint\">caller · 4.3</span>",
        "<span class=\"badge bad\">bad</span> <span class=\"hint\">callee · 2.9</span>",
        "title=\"PCMA, 2 of 100 packets lost, jitter 2.5 ms\"",
    ] {
        assert!(seen.contains(part), "{part}: {seen}");
    }
}

#[test]
fn the_list_is_the_same_search_and_no_cell_of_it_is_reckoned() {
    let mut world = World::new();
    world.calls[0].from = "=HYPERLINK(1)".into();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let audits = world.audits.len();
    let answer = world.ask(&get("/calls.csv?answered=yes", &session));
    assert_eq!(
        answer.header("content-type"),
        Some("text/csv; charset=utf-8")
    );
    let name = Some("attachment; filename=\"calls.csv\"");
    assert_eq!(answer.header("content-disposition"), name);
    let list = text(&answer);
    let mut lines = list.lines();
    assert!(
        lines
            .next()
            .expect("headings")
            .starts_with("started,from,to,")
    );
    let line = lines.next().expect("a call");
    assert!(
        line.starts_with("2026-11-22 09:45:01,'=HYPERLINK(1),101,"),
        "{line}"
    );
    assert_eq!(lines.next(), None);
    let said = &world.audits[audits..];
    assert!(
        said.iter().any(|it| it.action == "call records searched"),
        "{said:?}"
    );
    world.hire("ana", Role::User, "102");
    let ana = world.sign_in("ana", OWN_PASSWORD);
    let hers = text(&world.ask(&get("/calls.csv", &ana)));
    assert_eq!(hers.lines().count(), 1, "nobody else's calls: {hers}");
}

#[test]
fn a_long_list_is_gathered_page_by_page() {
    let mut world = World::new();
    world.calls = calls(2100);
    let session = world.sign_in("admin", OWN_PASSWORD);
    let list = text(&world.ask(&get("/calls.csv", &session)));
    assert_eq!(list.lines().count(), 2101);
    assert_eq!(world.asked_calls.len(), 3);
}
