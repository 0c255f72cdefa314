//! Prompts: sent as WAV files, heard, played by routes, deleted; and what is refused.

use std::collections::BTreeMap;

use ipc::site::{Destination, Role, Route};
use ipc::sound::{RecordingFile, Reply as Heard};
use ipc::store::{PromptRefusal, PromptRequest, PromptSound, Reply};
use serde_json::json;

use super::world::{OWN_PASSWORD, World, form, get, json as body, post, request, text};
use crate::{Body, Method, Response};

/// What the store keeps.
#[derive(Default)]
pub(super) struct Sounds {
    /// Samples and their rate.
    pub(super) kept: BTreeMap<String, (Vec<u8>, u32)>,
    incoming: Option<Vec<u8>>,
    /// What was said into phones.
    takes: BTreeMap<String, Vec<u8>>,
    pub(super) refusal: Option<PromptRefusal>,
}

impl Sounds {
    pub(super) fn length_of(&self, file: &str) -> Option<u64> {
        let name = file.strip_suffix(".wav")?;
        self.kept
            .get(name)
            .map(|(bytes, _)| bytes.len() as u64 + 44)
    }

    pub(super) fn read(&self, take: &str, offset: u64) -> Heard {
        let Some(file) = self.takes.get(take) else {
            return Heard::Unknown;
        };
        let offset = usize::try_from(offset).expect("short");
        let piece = &file[offset..file.len().min(offset + 500)];
        Heard::Piece(piece.to_vec())
    }

    pub(super) fn answer(&mut self, asked: PromptRequest) -> Reply {
        if let Some(refusal) = &self.refusal {
            return Reply::PromptRefused(refusal.clone());
        }
        match asked {
            PromptRequest::List => {
                let sound = |(name, (bytes, hertz)): (&String, &(Vec<u8>, u32))| PromptSound {
                    name: name.clone(),
                    bytes: bytes.len() as u64 + 44,
                    millis: bytes.len() as u64 * 500 / u64::from(*hertz),
                    modified_millis: 1_795_351_510_000,
                };
                Reply::Prompts(self.kept.iter().map(sound).collect())
            }
            PromptRequest::Piece { offset, bytes } => {
                if offset == 0 {
                    self.incoming = Some(Vec::new());
                }
                let incoming = self.incoming.as_mut().expect("begun");
                assert_eq!(incoming.len() as u64, offset);
                incoming.extend(bytes);
                Reply::Uploaded {
                    next: incoming.len() as u64,
                }
            }
            PromptRequest::Keep { name, bytes, hertz } => {
                let incoming = self.incoming.take().expect("brought");
                assert_eq!(incoming.len() as u64, bytes);
                self.kept.insert(name, (incoming, hertz));
                Reply::Stored
            }
            PromptRequest::Delete(name) => match self.kept.remove(&name) {
                Some(_) => Reply::Stored,
                None => Reply::PromptRefused(PromptRefusal::Missing),
            },
        }
    }
}

/// A WAV file of 16 bits.
fn wav(channels: u16, hertz: u32, samples: &[i16]) -> Vec<u8> {
    let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0".to_vec();
    file.extend(channels.to_le_bytes());
    file.extend(hertz.to_le_bytes());
    file.extend((hertz * 2 * u32::from(channels)).to_le_bytes());
    file.extend((2 * channels).to_le_bytes());
    file.extend(16_u16.to_le_bytes());
    file.extend(b"data\xff\xff\xff\xff");
    file.extend(samples.iter().flat_map(|it| it.to_le_bytes()));
    file
}

fn piece(world: &mut World, session: &str, offset: usize, bytes: &[u8]) -> Response {
    let mut asked = post(
        &format!("/api/prompts/upload/{offset}"),
        session,
        &json!({}),
    )
    .with("content-type", "application/octet-stream");
    asked.body = bytes.to_vec();
    world.ask(&asked)
}

fn send(world: &mut World, session: &str, name: &str, file: &[u8]) -> Response {
    let mut next = 0;
    for bytes in file.chunks(1_000) {
        let taken = piece(world, session, next, bytes);
        if taken.status != 200 {
            return taken;
        }
        next += bytes.len();
        assert_eq!(body(&taken), json!({ "next": next }));
    }
    world.ask(&post(
        &format!("/api/prompts/{name}/sound"),
        session,
        &json!({}),
    ))
}

fn delete(world: &mut World, session: &str, path: &str) -> Response {
    world.ask(&request(Method::Delete, path).with("cookie", session))
}

fn with_prompt() -> (World, String) {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let made = json!({ "name": "closed", "says": "We are closed." });
    assert_eq!(
        world.ask(&post("/api/prompts", &session, &made)).status,
        201
    );
    (world, session)
}

fn actions(world: &World) -> Vec<&str> {
    let actions = world.audits.iter().map(|it| it.action.as_str());
    actions.filter(|it| it.contains("prompt")).collect()
}

#[test]
fn a_file_of_any_rate_becomes_the_sound_of_a_prompt_and_the_trail_says_who_sent_it() {
    let (mut world, session) = with_prompt();
    let file = wav(2, 48_000, &[1_000; 2 * 4_800]);
    assert_eq!(send(&mut world, &session, "closed", &file).status, 200);
    let (bytes, hertz) = &world.sounds.kept["closed"];
    assert_eq!((bytes.len(), *hertz), (2 * 1_600, 16_000));
    assert_eq!(&bytes[1_600..1_602], &1_000_i16.to_le_bytes());
    let expected = "sound of prompt \"closed\" replaced";
    assert_eq!(actions(&world).last(), Some(&expected));
    let listed = body(&world.ask(&get("/api/prompts", &session)));
    assert_eq!(
        listed,
        json!([{
            "name": "closed", "says": "We are closed.", "listed": true, "played_by": [],
            "sound": { "millis": 100, "bytes": 3244, "sent": "2026-11-22T12:45:10Z" },
        }])
    );
}

#[test]
fn a_sound_is_heard_whole_or_from_the_middle() {
    let (mut world, session) = with_prompt();
    let path = "/api/prompts/closed/sound";
    let missing = world.ask(&get(path, &session));
    assert_eq!(missing.status, 404);
    send(&mut world, &session, "closed", &wav(1, 8_000, &[5; 478]));
    let heard = world.ask(&get(path, &session));
    assert!(
        heard.body
            == Body::Opened {
                from: 0,
                bytes: 1_000
            }
    );
    assert_eq!(heard.header("content-type"), Some("audio/wav"));
    let part = world.ask(&get(path, &session).with("range", "bytes=900-"));
    assert_eq!(part.header("content-range"), Some("bytes 900-999/1000"));
    assert!(
        part.body
            == Body::Opened {
                from: 900,
                bytes: 100
            }
    );
    let beyond = world.ask(&get(path, &session).with("range", "bytes=1000-"));
    assert_eq!(beyond.status, 416);
    let nowhere = world.ask(&get("/api/prompts/..%2F..%2Fx/sound", &session));
    assert_eq!(nowhere.status, 404);
}

#[test]
fn what_is_not_taken_says_what_to_do_and_leaves_the_sound_that_is_there() {
    let (mut world, session) = with_prompt();
    send(&mut world, &session, "closed", &wav(1, 8_000, &[5; 100]));
    let check = |world: &mut World, file: &[u8], status, fix: &str| {
        let refused = send(world, &session, "closed", file);
        assert_eq!(refused.status, status);
        let said = body(&refused)["error"].to_string();
        assert!(said.contains(fix), "{said}");
        assert_eq!(world.sounds.kept["closed"].0.len(), 200);
    };
    let mp3 = [b"ID3".as_slice(), &[0; 2_000]].concat();
    check(&mut world, &mp3, 400, "MP3: save it as WAV");
    check(&mut world, b"RIFF", 400, "no WAV file");
    check(&mut world, &wav(6, 8_000, &[0; 60]), 400, "mono or stereo");
    check(
        &mut world,
        &wav(1, 96_000, &[0; 60]),
        400,
        "8000 to 48000 Hz",
    );
    check(&mut world, &wav(1, 8_000, &[]), 400, "no sound");
    world.sounds.refusal = Some(PromptRefusal::TooMuch(64));
    check(&mut world, &wav(1, 8_000, &[0; 60]), 409, "delete one");
}

#[test]
fn pieces_that_do_not_follow_each_other_and_names_that_nobody_gave_are_refused() {
    let (mut world, session) = with_prompt();
    let file = wav(1, 8_000, &[5; 100]);
    assert_eq!(piece(&mut world, &session, 0, &file[..50]).status, 200);
    assert_eq!(piece(&mut world, &session, 60, &file[60..]).status, 409);
    assert_eq!(piece(&mut world, &session, 50, &file[50..]).status, 200);
    let other = world.ask(&post("/api/prompts/other/sound", &session, &json!({})));
    assert_eq!(other.status, 404);
    let kept = world.ask(&post("/api/prompts/closed/sound", &session, &json!({})));
    assert_eq!(kept.status, 200);
    let again = world.ask(&post("/api/prompts/closed/sound", &session, &json!({})));
    assert_eq!(again.status, 409);
    let bad = json!({ "name": "hor\u{e1}rio" });
    let refused = world.ask(&post("/api/prompts", &session, &bad));
    assert_eq!(refused.status, 400);
    assert!(
        body(&refused)["error"]
            .to_string()
            .contains("without accents")
    );
}

#[test]
fn nobody_ends_what_somebody_else_sends_until_it_broke_off() {
    let (mut world, session) = with_prompt();
    world.hire("rui", Role::Administrator, "101");
    let other = world.sign_in("rui", OWN_PASSWORD);
    let file = wav(1, 8_000, &[5; 100]);
    let keep = post("/api/prompts/closed/sound", &other, &json!({}));
    assert_eq!(piece(&mut world, &session, 0, &file[..50]).status, 200);
    assert_eq!(world.ask(&keep).status, 409);
    let wish = json!({ "prompt": "closed" });
    let take = post(&format!("/api/takes/{TAKE}"), &other, &wish);
    assert_eq!(world.ask(&take).status, 409);
    let refused = piece(&mut world, &other, 0, &file);
    assert_eq!(refused.status, 409);
    let said = body(&refused)["error"].to_string();
    assert!(said.contains("somebody else"), "{said}");
    world.pass(59);
    assert_eq!(piece(&mut world, &other, 0, &file).status, 409);
    assert_eq!(piece(&mut world, &session, 50, &file[50..]).status, 200);
    let kept = world.ask(&post("/api/prompts/closed/sound", &session, &json!({})));
    assert_eq!(kept.status, 200);
    assert_eq!(world.sounds.kept["closed"].0.len(), 200);
    // One that broke off is in nobody's way.
    assert_eq!(piece(&mut world, &session, 0, &file[..50]).status, 200);
    world.pass(60);
    assert_eq!(piece(&mut world, &other, 0, &file).status, 200);
    assert_eq!(piece(&mut world, &session, 50, &file[50..]).status, 409);
    assert_eq!(world.ask(&keep).status, 200);
}

#[test]
fn a_prompt_that_is_played_stays_and_what_plays_it_is_named() {
    let (mut world, session) = with_prompt();
    send(&mut world, &session, "closed", &wav(1, 8_000, &[5; 100]));
    let route = Route {
        name: "night".into(),
        pattern: "!".into(),
        destinations: vec![Destination::Announcement("closed".into())],
        ..Route::default()
    };
    let made = world.ask(&post("/api/routes", &session, &json!(route)));
    assert_eq!(made.status, 201);
    let refused = delete(&mut world, &session, "/api/prompts/closed");
    assert_eq!(refused.status, 400);
    let said = body(&refused)["error"].to_string();
    assert!(said.contains("night") && said.contains("closed"), "{said}");
    assert!(world.sounds.kept.contains_key("closed"));
    let page = text(&world.ask(&get("/prompts", &session).with("accept-language", "pt-BR")));
    assert!(page.contains(r#"<a href="/routes/night">"#), "{page}");
    let explained = json!({ "from": "trunk:x", "dialled": "123" });
    let _ = world.ask(&post("/api/routes/explain", &session, &explained));
    assert_eq!(
        delete(&mut world, &session, "/api/routes/night").status,
        204
    );
    assert_eq!(
        delete(&mut world, &session, "/api/prompts/closed").status,
        204
    );
    assert!(world.sounds.kept.is_empty());
    assert!(actions(&world).contains(&"prompt \"closed\" deleted"));
}

#[test]
fn a_prompt_is_chosen_as_the_music_of_whoever_waits_and_stays_while_it_is() {
    let (mut world, session) = with_prompt();
    let choose = |name: &str| post("/api/dialling", &session, &json!({ "music": name }));
    let none = world.ask(&choose("other"));
    let said = body(&none)["error"].to_string();
    assert!(none.status == 400 && said.contains("no prompt"), "{said}");
    assert_eq!(world.ask(&choose("closed")).status, 200);
    assert_eq!(world.site.dialling.music, "closed");
    let told = &world.audits.last().expect("recorded").after;
    assert!(told.contains("music"), "{told}");
    let listed = body(&world.ask(&get("/api/prompts", &session)));
    assert_eq!(listed[0]["played_by"], json!(["music"]));
    let page = text(&world.ask(&get("/prompts", &session).with("accept-language", "pt-BR")));
    assert!(page.contains("música de espera"), "{page}");
    let page = text(&world.ask(&get("/settings/dialling", &session)));
    assert!(page.contains("<option value=\"closed\" selected"), "{page}");
    assert_eq!(
        delete(&mut world, &session, "/api/prompts/closed").status,
        400
    );
    assert_eq!(world.ask(&choose("")).status, 200);
    assert_eq!(
        delete(&mut world, &session, "/api/prompts/closed").status,
        204
    );
}

#[test]
fn a_sound_goes_alone_and_one_without_a_prompt_is_shown_and_can_go() {
    let (mut world, session) = with_prompt();
    send(&mut world, &session, "closed", &wav(1, 8_000, &[5; 100]));
    let left = world.sounds.kept["closed"].clone();
    world.sounds.kept.insert("old".into(), left);
    let page = text(&world.ask(&get("/prompts", &session).with("accept-language", "en")));
    assert!(page.contains("not in the configuration"), "{page}");
    let gone = world.ask(&form("/prompts/old/sound-off", &session, ""));
    assert_eq!(gone.header("location"), Some("/prompts"));
    assert_eq!(
        delete(&mut world, &session, "/api/prompts/closed/sound").status,
        204
    );
    assert_eq!(
        delete(&mut world, &session, "/api/prompts/closed/sound").status,
        404
    );
    assert!(world.sounds.kept.is_empty());
    let page = text(&world.ask(&get("/prompts", &session).with("accept-language", "en")));
    assert!(page.contains("no sound yet"), "{page}");
}

#[test]
fn a_route_made_by_its_form_plays_a_prompt() {
    let (mut world, session) = with_prompt();
    let page = text(&world.ask(&get("/new/route", &session).with("accept-language", "en")));
    assert!(
        page.contains(r#"<option value="announcement:closed">play closed"#),
        "{page}"
    );
    let fields = "name=night&enabled=1&pattern=!&destinations=announcement%3Aclosed\
                  &destinations=hang-up%3A480";
    let made = world.ask(&form("/new/route", &session, fields));
    assert_eq!(made.status, 303, "{}", text(&made));
    let played = Destination::Announcement("closed".into());
    assert_eq!(world.site.routes[0].destinations[0], played);
}

const TAKE: &str = "take-100-1795351510000.wav";

#[test]
fn what_was_said_into_a_phone_is_heard_and_becomes_the_sound_of_a_prompt() {
    let (mut world, session) = with_prompt();
    let said: Vec<i16> = (0..400).flat_map(|_| [700, 9]).collect();
    world.sounds.takes.insert(TAKE.into(), wav(2, 8_000, &said));
    world.recordings.push(RecordingFile {
        name: TAKE.into(),
        bytes: 1_644,
        modified_millis: 0,
        is_open: false,
    });
    let listed = body(&world.ask(&get("/api/takes", &session)));
    let expected = json!([{
        "name": TAKE, "extension": "100", "taken": "2026-11-22T12:45:10Z", "bytes": 1644,
        "open": false,
    }]);
    assert_eq!(listed, expected);
    let page = text(&world.ask(&get("/prompts", &session).with("accept-language", "en")));
    assert!(page.contains("Dial *77") && page.contains(TAKE), "{page}");
    let calls = body(&world.ask(&get("/api/recordings", &session)));
    assert!(!calls.to_string().contains("take"), "{calls}");
    let heard = world.ask(&get(&format!("/api/takes/{TAKE}"), &session));
    assert!(
        heard.body
            == Body::Opened {
                from: 0,
                bytes: 1_644
            }
    );
    let kept = world.ask(&form(&format!("/takes/{TAKE}"), &session, "prompt=closed"));
    assert_eq!(kept.header("location"), Some("/prompts"));
    let (bytes, hertz) = &world.sounds.kept["closed"];
    assert_eq!((bytes.len(), *hertz), (800, 8_000));
    assert_eq!(
        &bytes[..2],
        &700_i16.to_le_bytes(),
        "what was heard is left out"
    );
    let told = format!("take {TAKE} made the sound of prompt \"closed\"");
    assert_eq!(actions(&world).last(), Some(&told.as_str()));
    let path = format!("/api/takes/{TAKE}");
    assert_eq!(delete(&mut world, &session, &path).status, 204);
    assert_eq!(body(&world.ask(&get("/api/takes", &session))), json!([]));
}

#[test]
fn no_recording_of_a_call_is_taken_for_a_take() {
    let (mut world, session) = with_prompt();
    let wish = json!({ "prompt": "closed" });
    for name in [super::world::RECORDING, "take-100-179535151000é.wav", ".."] {
        let path = format!("/api/takes/{name}");
        assert_eq!(world.ask(&get(&path, &session)).status, 404, "{name}");
        assert_eq!(
            world.ask(&post(&path, &session, &wish)).status,
            404,
            "{name}"
        );
        assert_eq!(delete(&mut world, &session, &path).status, 404, "{name}");
    }
    let path = format!("/api/takes/{TAKE}");
    assert_eq!(
        world.ask(&post(&path, &session, &wish)).status,
        404,
        "there is none"
    );
    let wish = json!({ "prompt": "other" });
    assert_eq!(
        world.ask(&post(&path, &session, &wish)).status,
        404,
        "no such prompt"
    );
}
