//! Recordings: who may hear and delete them, and that nobody does so unseen.

use ipc::site::Role;
use serde_json::json;

use super::world::{
    BACKUP, OWN_PASSWORD, RECORDING, TRAIL, World, form, get, json as body, post, request, text,
};
use crate::{Body, Method, Response};

impl World {
    /// What opening a file by this name finds.
    pub(super) fn length_of(&self, name: &str) -> Option<u64> {
        if let Some(sound) = name.strip_prefix(ipc::sound::SOUNDS) {
            return self.sounds.length_of(sound);
        }
        let found = self.recordings.iter().find(|file| file.name == name);
        let length = found.map(|file| file.bytes);
        let image = [ipc::about::TEXTS, ipc::about::BILL];
        let length = length.or_else(|| image.contains(&name).then_some(300));
        length.or_else(|| (name == BACKUP || name == TRAIL).then_some(3000))
    }
}

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

/// By whatever way it would come about (R4): the setting, the file, an earlier version.
#[test]
fn an_installer_deletes_no_recordings_by_keeping_them_for_less_time() {
    let mut world = World::new();
    world.hire("rui", Role::Installer, "100");
    let earlier = world.version;
    for days in [30, 90] {
        world.site.recording.keep_days = days;
        world.changed_elsewhere();
    }
    let session = world.sign_in("rui", OWN_PASSWORD);
    let file = body(&world.ask(&get("/api/site", &session)))["file"].clone();
    let file = file.as_str().expect("a file").to_owned();
    let shorter = file.replace("[recording]", "[recording]\nkeep_days = 1");
    let (version, before) = (world.version, world.site.recording);
    let back = format!("/api/history/{earlier}/back");
    for (path, wish) in [
        ("/api/recording", json!({"keep_days": 1})),
        ("/api/recording", json!({"max_mib": 64})),
        ("/api/site", json!({ "file": shorter })),
        (&*back, json!({ "current": version })),
    ] {
        let refused = world.ask(&post(path, &session, &wish));
        assert_eq!(refused.status, 403, "{path}");
        assert!(
            text(&refused).contains("deletes some"),
            "{}",
            text(&refused)
        );
        assert_eq!((world.version, &world.site.recording), (version, &before));
    }
    let more = json!({"keep_days": 100, "max_mib": 20_480, "notice": false});
    let kept = world.ask(&post("/api/recording", &session, &more));
    assert_eq!(kept.status, 200, "more is no harm");
}

#[test]
fn keeping_recordings_for_less_time_asks_for_the_password_as_deleting_one_does() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.pass(300);
    assert_eq!(delete(&mut world, &session, RECORDING).status, 403);
    let less = json!({"keep_days": 30});
    let refused = world.ask(&post("/api/recording", &session, &less));
    assert_eq!(refused.status, 403);
    assert!(
        text(&refused).contains("/api/confirm"),
        "{}",
        text(&refused)
    );

    let typed = "keep_days=30&max_mib=10240&notice=1";
    let asked = text(&world.ask(&form("/settings/recording", &session, typed)));
    for field in [
        "action=\"/settings/recording\"",
        "name=\"keep_days\" value=\"30\"",
        "confirm_password",
    ] {
        assert!(asked.contains(field), "{field}: {asked}");
    }
    assert_eq!(world.site.recording.keep_days, 90);
    let password = OWN_PASSWORD.replace(' ', "+");
    let again = format!("{typed}&username=admin&confirm_password={password}");
    let done = world.ask(&form("/settings/recording", &session, &again));
    assert_eq!(done.status, 303, "{}", text(&done));
    assert_eq!(world.site.recording.keep_days, 30);
    let audit = world.audits.last().expect("recorded");
    assert!(audit.after.contains("recording.keep"), "{audit:?}");
}
