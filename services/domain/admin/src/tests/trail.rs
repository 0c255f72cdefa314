//! The audit trail as a whole: walked through piece by piece, and never out of the box unseen.

use ipc::site::Role;
use ipc::store::{
    Audit, AuditEntry, Named, ReplacedTrail, Reply, TrailAbout, TrailChecked, TrailLines,
    TrailPlace, TrailRequest,
};
use serde_json::json;

use super::world::{OWN_PASSWORD, TRAIL, World, get, json as body, text};
use crate::Body;

fn piece(first: u64, last: u64, is_end: bool) -> TrailChecked {
    TrailChecked {
        entries: last + 1 - first,
        first: Some(first),
        last: Some(TrailPlace {
            sequence: last,
            hash: format!("hash {last}"),
        }),
        is_end,
        of_box: "a box".into(),
        ..TrailChecked::default()
    }
}

/// An auditor, before a trail of two pieces.
fn world() -> (World, String) {
    let mut world = World::new();
    world.hire("ana", Role::Auditor, "102");
    let session = world.sign_in("ana", OWN_PASSWORD);
    world.trail_pieces = [piece(5, 1004, false), piece(1005, 1100, true)].into();
    (world, session)
}

/// An entry as the store gives it.
pub(super) fn entry(sequence: u64, audit: &Audit) -> AuditEntry {
    AuditEntry {
        sequence,
        at_millis: 0,
        audit: audit.clone(),
        hash: String::new(),
    }
}

impl World {
    pub(super) fn trail(&mut self, request: TrailRequest) -> Reply {
        let reply = match &request {
            TrailRequest::Check { .. } => {
                let piece = self.trail_pieces.pop_front();
                Reply::TrailChecked(piece.unwrap_or_else(|| TrailChecked {
                    within: Some((1, 1)),
                    is_end: true,
                    ..TrailChecked::default()
                }))
            }
            TrailRequest::Heading { first, .. } => Reply::TrailLines(TrailLines {
                // Two were dropped meanwhile, and one line came with it.
                first: first + 2,
                text: "{}\n".into(),
                next: Some(first + 3),
            }),
            TrailRequest::Lines { .. } => panic!("not for admin to ask"),
            TrailRequest::About { names, before } => self.about(names, *before),
            TrailRequest::Replaced { is_checked } => {
                let mut all = self.replaced.clone();
                for one in &mut all {
                    one.is_whole = one.is_whole.filter(|_| *is_checked);
                }
                Reply::ReplacedTrails(all)
            }
        };
        self.asked_trail.push(request);
        reply
    }

    /// As the store does it, one entry an answer.
    fn about(&self, names: &[Named], before: Option<u64>) -> Reply {
        let is_about = |audit: &Audit| {
            let all = [&audit.who, &audit.action, &audit.before, &audit.after];
            names
                .iter()
                .any(|it| all.iter().any(|text| text.contains(&it.name)))
        };
        let until = before.map_or(self.audits.len(), |before| {
            usize::try_from(before - 1).expect("few")
        });
        let mut newest_first = (1..=until).rev();
        let newest = newest_first.find(|number| is_about(&self.audits[number - 1]));
        let newest = newest.map(|number| (u64::try_from(number).expect("few"), number));
        let newest = newest.map(|(sequence, number)| (sequence, &self.audits[number - 1]));
        Reply::TrailAbout(TrailAbout {
            next: newest.map(|(number, _)| number),
            entries: newest
                .map(|(number, it)| entry(number, it))
                .into_iter()
                .collect(),
        })
    }
}

#[test]
fn a_check_goes_on_where_the_piece_before_has_ended() {
    let (mut world, session) = world();
    let seen = world.ask(&get("/api/audit/verify", &session));
    assert_eq!(
        body(&seen),
        json!({
            "whole": true, "entries": 1096, "first": 5, "last": 1100, "head": "hash 1100",
            "broken": null, "replaced": [], "signed_by": "a box",
        })
    );
    let after = |request: &TrailRequest| match request {
        TrailRequest::Check { after, .. } => after.as_ref().map(|it| it.sequence),
        other => panic!("{other:?}"),
    };
    let (last, pieces) = world.asked_trail.split_last().expect("asked");
    assert_eq!(*last, TrailRequest::Replaced { is_checked: true });
    let asked: Vec<Option<u64>> = pieces.iter().map(after).collect();
    assert_eq!(asked, [None, Some(1004)]);
}

#[test]
fn the_first_entry_that_does_not_fit_is_named() {
    for (path, named) in [
        ("/api/audit/verify", "\"broken\":7"),
        ("/audit/verify", "<strong>7<"),
    ] {
        let (mut world, session) = world();
        world.trail_pieces[0].broken = Some(7);
        world.trail_pieces[1].broken = Some(1005);
        let seen = world.ask(&get(path, &session));
        assert!(text(&seen).contains(named), "{}", text(&seen));
    }
}

#[test]
fn an_export_is_recorded_first_and_is_of_the_days_that_were_named() {
    let (mut world, session) = world();
    world.trail_pieces[0].within = Some((900, 1004));
    world.trail_pieces[1].within = Some((1005, 1007));
    let path = "/api/audit/export?from=2026-11-22&to=2026-11-22";
    let seen = world.ask(&get(path, &session));
    let expected = Body::Trail {
        heading: "{}\n".into(),
        next: Some(903),
        last: 1007,
    };
    assert!(seen.status == 200 && seen.body == expected);
    assert_eq!(
        seen.header("content-disposition"),
        Some("attachment; filename=\"ramal-audit-902-1007.jsonl\"")
    );
    let entry = world.audits.last().expect("an entry");
    assert_eq!(
        (entry.who.as_str(), entry.action.as_str()),
        ("ana", "audit trail exported, from 2026-11-22 to 2026-11-22")
    );
    let TrailRequest::Check {
        from_millis,
        before_millis,
        ..
    } = world.asked_trail[0]
    else {
        panic!("{:?}", world.asked_trail)
    };
    let day = 1_795_305_600_000;
    assert_eq!(
        (from_millis, before_millis),
        (Some(day), Some(day + 86_400_000))
    );
}

#[test]
fn an_export_of_nothing_or_of_no_day_says_so() {
    let (mut world, session) = world();
    let none = world.ask(&get("/api/audit/export?from=2030-01-01&to=", &session));
    assert_eq!(none.status, 404);
    let told = world.audits.len();
    let no_day = world.ask(&get("/api/audit/export?to=tomorrow", &session));
    let fault = json!({ "error": "to: write a day as 2026-11-22" });
    assert_eq!((no_day.status, body(&no_day)), (400, fault));
    assert_eq!(world.audits.len(), told);
    world.store_away = true;
    let away = world.ask(&get("/api/audit/export", &session));
    assert_eq!(away.status, 503);
}

#[test]
fn trails_that_a_restore_replaced_are_listed_checked_and_handed_out() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let page = |world: &mut World, path: &str| {
        text(&world.ask(&get(path, &session).with("accept-language", "pt-BR")))
    };
    let title = "Auditorias que uma restauração substituiu";
    assert!(!page(&mut world, "/audit").contains(title));
    world.replaced = vec![ReplacedTrail {
        name: TRAIL.into(),
        at_millis: 1_795_351_503_000,
        bytes: 3000,
        first: 1,
        last: 9,
        head: "ab".repeat(32),
        is_whole: Some(false),
    }];
    let shown = page(&mut world, "/audit");
    assert!(shown.contains(title) && shown.contains(TRAIL), "{shown}");
    assert!(
        !shown.contains("não está como foi escrita"),
        "it was not checked: {shown}"
    );
    let shown = page(&mut world, "/audit/verify");
    assert!(shown.contains("não está como foi escrita"), "{shown}");
    let checked = body(&world.ask(&get("/api/audit/verify", &session)));
    assert_eq!(checked["replaced"][0]["whole"], false);
    let listed = body(&world.ask(&get("/api/audit/replaced", &session)));
    assert_eq!(
        (&listed[0]["name"], &listed[0]["last"]),
        (&json!(TRAIL), &json!(9))
    );
    for path in ["/audit/replaced/", "/api/audit/replaced/"] {
        let file = world.ask(&get(&format!("{path}{TRAIL}"), &session));
        assert_eq!(
            file.header("content-disposition"),
            Some("attachment; filename=\"ramal-audit-until-20261122T124503Z.jsonl\"")
        );
        let newest = &world.audits.last().expect("an entry").action;
        assert_eq!(*newest, format!("replaced audit trail {TRAIL} downloaded"));
        for other in ["1795351503000.backup", "..", "1795351503001.trail"] {
            let none = world.ask(&get(&format!("{path}{other}"), &session));
            assert_eq!(none.status, 404, "{other}");
        }
    }
}
