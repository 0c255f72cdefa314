//! Recordings: who may hear and delete them, and that nobody does so unseen.

use serde_json::json;

use super::world::{OWN_PASSWORD, RECORDING, World, get, json as body, request, text};
use crate::{Body, Method, Response};

fn audits(world: &World) -> Vec<(String, String)> {
    let audits = world.audits.iter();
    audits
        .map(|audit| (audit.action.clone(), audit.after.clone()))
        .filter(|(action, _)| action.starts_with("recording"))
        .collect()
}

fn delete(world: &mut World, session: &str, name: &str) -> Response {
    let path = format!("/api/recordings/{name}");
    world.ask(&request(Method::Delete, &path).with("cookie", session))
}

#[test]
fn recordings_are_listed_newest_first() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let listed = body(&world.ask(&get("/api/recordings", &session)));
    assert_eq!(
        listed[1],
        json!({
            "name": RECORDING, "bytes": 1000, "modified": "2026-11-22T12:45:10Z", "open": false,
        })
    );
    assert_eq!(listed[0]["open"], true);
    world.media_away = true;
    assert_eq!(world.ask(&get("/api/recordings", &session)).status, 503);
}

#[test]
fn a_download_is_the_file_or_a_part_of_it_and_is_in_the_audit_trail() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let path = format!("/api/recordings/{RECORDING}");
    let whole = world.ask(&get(&path, &session));
    assert_eq!(whole.status, 200);
    assert!(
        whole.body
            == Body::Opened {
                from: 0,
                bytes: 1000
            }
    );
    assert_eq!(whole.header("content-type"), Some("audio/wav"));
    assert_eq!(whole.header("accept-ranges"), Some("bytes"));
    let part = world.ask(&get(&path, &session).with("range", "bytes=900-"));
    assert_eq!(part.status, 206);
    assert!(
        part.body
            == Body::Opened {
                from: 900,
                bytes: 100
            }
    );
    assert_eq!(part.header("content-range"), Some("bytes 900-999/1000"));
    let beyond = world.ask(&get(&path, &session).with("range", "bytes=1000-"));
    assert_eq!(beyond.status, 416);
    let downloaded = format!("recording {RECORDING} downloaded");
    assert_eq!(
        audits(&world),
        [
            (downloaded.clone(), String::new()),
            (downloaded, "100 of 1000 bytes, from 900".to_owned()),
        ]
    );
}

#[test]
fn names_that_are_none_of_a_recording_are_nothing() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    for name in [
        "..",
        "..%2Fstore.redb",
        "store.redb",
        "a.wav.wav",
        ".wav",
        "x.wav",
    ] {
        let seen = world.ask(&get(&format!("/api/recordings/{name}"), &session));
        assert_eq!(seen.status, 404, "{name}");
        assert_eq!(delete(&mut world, &session, name).status, 404, "{name}");
    }
    assert_eq!(audits(&world), []);
}

#[test]
fn a_recording_is_deleted_once_it_is_done() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let open = world.recordings[1].name.clone();
    let refused = delete(&mut world, &session, &open);
    assert_eq!(refused.status, 409);
    assert!(text(&refused).contains("hang up"));
    assert_eq!(delete(&mut world, &session, RECORDING).status, 204);
    assert_eq!(delete(&mut world, &session, RECORDING).status, 404);
    assert_eq!(world.recordings.len(), 1);
    let deleted = format!("recording {RECORDING} deleted");
    assert_eq!(audits(&world), [(deleted, String::new())]);
}

#[test]
fn nobody_hears_or_deletes_what_cannot_be_recorded() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.store_away = true;
    let path = format!("/api/recordings/{RECORDING}");
    let seen = (0..300).map(|_| world.ask(&get(&path, &session)).status);
    let seen: Vec<u16> = seen.collect();
    assert_eq!(
        (seen[0], seen[299]),
        (200, 503),
        "the memory for it is full"
    );
    assert_eq!(delete(&mut world, &session, RECORDING).status, 503);
    assert_eq!(world.recordings.len(), 2);
}

#[test]
fn the_page_of_calls_plays_them_in_both_languages() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    for (language, word) in [("en", "Download"), ("pt-BR", "Baixar")] {
        let request = get("/calls", &session).with("accept-language", language);
        let page = world.ask(&request);
        let policy = page.header("content-security-policy").unwrap_or_default();
        assert!(policy.contains("media-src 'self'"), "{policy}");
        let page = text(&page);
        let player = format!("src=\"/api/recordings/{RECORDING}\"");
        assert!(page.contains(&player) && page.contains(word), "{page}");
        assert!(
            page.contains("preload=\"none\""),
            "nothing is loaded unasked"
        );
    }
}
