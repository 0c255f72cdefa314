//! Backups: who may have and restore them, and that nobody does so unseen.

use ipc::init::StickFile;
use ipc::stick::Offer;
use ipc::store::{
    BackupFailure, BackupRefusal, BackupRequest, Damage, Reply, Restore, RestoreState,
};
use ipc::{Redacted, store};
use serde_json::json;

use super::world::{
    BACKUP, BACKUP_CODE, OWN_PASSWORD, World, form, get, goes_on, json as body, post, text,
};
use crate::{Body, Peer, Response, StickFault};

impl World {
    /// As the store does it.
    pub(super) fn backups(&mut self, request: BackupRequest) -> Reply {
        let audit = match &request {
            BackupRequest::NewCode(audit) | BackupRequest::Restore { audit, .. } => {
                Some(audit.clone())
            }
            _ => None,
        };
        let reply = match &request {
            BackupRequest::List => Reply::Backups(store::Backups {
                files: vec![store::BackupFile {
                    name: BACKUP.into(),
                    taken_millis: 1_795_351_503_000,
                    bytes: 3000,
                    is_proved: true,
                    needs_code: false,
                    config_version: 41,
                    firmware: "0.1.0".into(),
                }],
                has_code: self.has_backup_code,
                failed: self.backup_failure.clone(),
                restore: self.restore.clone(),
                ..store::Backups::default()
            }),
            BackupRequest::Make => Reply::Stored,
            BackupRequest::NewCode(_) => {
                self.has_backup_code = true;
                Reply::BackupCode(Redacted::new(BACKUP_CODE.into()))
            }
            BackupRequest::Upload { offset, bytes } => Reply::Uploaded {
                next: offset + bytes.len() as u64,
            },
            BackupRequest::Restore { .. } => match self.backup_refusal.clone() {
                Some(refusal) => Reply::BackupRefused(refusal),
                None => Reply::RestoreBegun,
            },
        };
        self.audits.extend(audit.filter(|it| !it.action.is_empty()));
        self.asked_backups.push(request);
        reply
    }
}

const RESTORE: &str = "/api/backups/restore";
const CODE: &str = "/api/backups/code";
/// A password that was said is asked for again then.
const LATER: u64 = 300;

fn begun_at() -> serde_json::Value {
    json!({ "progress": RESTORE })
}

fn last_audit(world: &World) -> &str {
    &world.audits.last().expect("an entry").action
}

fn restore(world: &mut World, session: &str) -> Response {
    let wish = json!({ "file": BACKUP, "code": BACKUP_CODE });
    world.ask(&post(RESTORE, session, &wish))
}

#[test]
fn backups_are_listed_and_made() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let listed = body(&world.ask(&get("/api/backups", &session)));
    assert_eq!(
        listed["backups"][0],
        json!({
            "name": BACKUP, "taken": "2026-11-22T12:45:03Z", "bytes": 3000, "proved": true,
            "needs_code": false, "config_version": 41, "firmware": "0.1.0",
        })
    );
    assert_eq!(listed["code_known"], true);
    let made = world.ask(&post("/api/backups", &session, &json!({})));
    assert_eq!((made.status, last_audit(&world)), (200, "backup asked for"));
}

#[test]
fn a_download_is_the_file_and_in_the_audit_trail() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    for path in [
        format!("/backups/{BACKUP}"),
        format!("/api/backups/{BACKUP}"),
    ] {
        let whole = world.ask(&get(&path, &session));
        assert!(
            whole.body
                == Body::Opened {
                    from: 0,
                    bytes: 3000
                }
        );
        assert_eq!(
            whole.header("content-disposition"),
            Some("attachment; filename=\"ramal-20261122T124503Z.backup\"")
        );
        assert_eq!(last_audit(&world), format!("backup {BACKUP} downloaded"));
    }
    for name in [
        "..",
        "upload.part",
        "1795351503000-0000002a.wav",
        "ramal.redb",
    ] {
        let seen = world.ask(&get(&format!("/api/backups/{name}"), &session));
        assert_eq!(seen.status, 404, "{name}");
    }
}

#[test]
fn a_code_is_made_and_shown_to_a_person_who_has_said_his_password() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let asked = post(CODE, &session, &json!({}));
    world.pass(LATER);
    assert_eq!(world.ask(&asked).status, 403);
    assert!(world.asked_backups.is_empty());
    let say = json!({ "password": OWN_PASSWORD });
    let said = world.ask(&post("/api/confirm", &session, &say));
    assert_eq!(said.status, 200);
    let shown = world.ask(&post(CODE, &goes_on(&said, &session), &json!({})));
    assert_eq!(body(&shown), json!({ "backup_code": BACKUP_CODE }));
    assert_eq!(shown.header("cache-control"), Some("no-store"));
    assert_eq!(last_audit(&world), "backup code made and shown");
    let mut local = post(CODE, "", &json!({}));
    local.peer = Peer::Local;
    assert_eq!(world.ask(&local).status, 404, "it has no password to say");
    assert!(!format!("{:?}", world.audits).contains("FGHJK"));
}

#[test]
fn the_page_says_that_nobody_has_the_code_until_somebody_has() {
    let mut world = World::new();
    world.has_backup_code = false;
    let session = world.sign_in("admin", OWN_PASSWORD);
    let page = |world: &mut World, language| {
        let asked = get("/backups", &session).with("accept-language", language);
        text(&world.ask(&asked))
    };
    assert!(page(&mut world, "en").contains("Nobody has the backup code yet"));
    assert!(page(&mut world, "pt-BR").contains("Ninguém tem o código de backup ainda"));
    let state = text(&world.ask(&get("/", &session).with("accept-language", "en")));
    let (_, rest) = state
        .split_once("nobody has the backup code yet")
        .expect("said");
    assert!(rest.contains(r#"<a href="/backups">Backups</a>"#), "{rest}");
    let shown = world.ask(&form("/backups/code", &session, ""));
    assert!(text(&shown).contains(BACKUP_CODE));
    assert!(!page(&mut world, "en").contains("Nobody has"));
    let state = text(&world.ask(&get("/", &session)));
    assert!(!state.contains("backup code"), "{state}");
}

#[test]
fn a_restore_asks_for_the_password_and_is_on_record_before_it_begins() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.pass(LATER);
    assert_eq!(restore(&mut world, &session).status, 403);
    assert_eq!(restore(&mut world, "").status, 401);
    let typed = format!("file={BACKUP}&code={BACKUP_CODE}");
    let asked = form("/backups/restore", &session, &typed);
    let again = text(&world.ask(&asked));
    assert!(again.contains("confirm_password"), "{again}");
    assert!(!again.contains(BACKUP_CODE), "it is typed again: {again}");
    assert!(again.contains(r#"<input name="code""#) && again.contains(BACKUP));
    assert!(world.asked_backups.is_empty());
    let session = world.sign_in("admin", OWN_PASSWORD);
    let restored = restore(&mut world, &session);
    assert_eq!((restored.status, body(&restored)), (202, begun_at()));
    assert_eq!(restored.header("location"), Some(RESTORE));
    let begun = format!("restore of the backup {BACKUP} begun");
    assert_eq!(last_audit(&world), begun);
    let [BackupRequest::Restore { file, code, audit }] = &*world.asked_backups else {
        panic!("{:?}", world.asked_backups)
    };
    assert_eq!(file.as_deref(), Some(BACKUP));
    assert_eq!(
        code.as_ref().map(|it| it.reveal().as_str()),
        Some(BACKUP_CODE)
    );
    assert_eq!((&*audit.who, audit.from.is_empty()), ("admin", false));
    let typed = format!("file={BACKUP}&code=");
    let page = world.ask(&form("/backups/restore", &session, &typed));
    assert_eq!(page.header("location"), Some("/backups/restore"));
}

#[test]
fn a_restore_that_is_refused_says_why_and_is_on_record() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    for (refusal, code, status) in [
        (BackupRefusal::OtherCode, "other-code", 409),
        (BackupRefusal::Newer, "newer", 409),
        (BackupRefusal::Damaged(Damage::Strange), "damaged", 409),
        (BackupRefusal::Missing, "no-such-backup", 404),
    ] {
        world.backup_refusal = Some(refusal);
        let refused = restore(&mut world, &session);
        assert_eq!(
            (refused.status, body(&refused)["code"].as_str()),
            (status, Some(code))
        );
        assert_eq!(last_audit(&world), "restore refused");
    }
}

#[test]
fn a_backup_is_brought_by_pieces_and_restored_at_the_box_without_a_password() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let mut piece = post("/api/backups/upload/40", &session, &json!({}));
    piece.body = vec![1; 10];
    let piece = piece.with("content-type", "application/octet-stream");
    assert_eq!(body(&world.ask(&piece)), json!({ "next": 50 }));
    let mut local = post(RESTORE, "", &json!({ "code": BACKUP_CODE }));
    local.peer = Peer::Local;
    assert_eq!(body(&world.ask(&local)), begun_at());
    let last = world.asked_backups.last();
    assert!(matches!(
        last,
        Some(BackupRequest::Restore { file: None, .. })
    ));
}

fn on_stick(file: &str) -> StickFile {
    StickFile {
        disk: "sdb".into(),
        offer: Offer::of(file, 3000).expect("plain"),
    }
}

#[test]
fn a_backup_on_the_stick_is_listed_brought_and_restored_like_any_other() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.stick = vec![on_stick("a.update"), on_stick("Lost box.backup")];
    let listed = body(&world.ask(&get("/api/backups", &session)));
    let shown = json!([{ "disk": "sdb", "file": "Lost box.backup", "bytes": 3000 }]);
    assert_eq!(listed["stick"], shown);
    assert!(text(&world.ask(&get("/backups", &session))).contains("Lost box.backup"));
    let wish = json!({ "stick": "Lost box.backup", "code": BACKUP_CODE });
    let restored = world.ask(&post(RESTORE, &session, &wish));
    assert_eq!(body(&restored), begun_at());
    assert_eq!(world.brought, ["Lost box.backup"]);
    let last = world.asked_backups.last();
    assert!(matches!(
        last,
        Some(BackupRequest::Restore { file: None, .. })
    ));
    let taken = "backup Lost box.backup taken from the USB stick sdb";
    assert!(world.audits.iter().any(|it| it.action == taken));
}

#[test]
fn what_is_no_backup_on_the_stick_or_cannot_be_read_changes_nothing() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.stick = vec![on_stick("a.update"), on_stick("a.backup")];
    let mut refused = |fault, name: &str, code: &str| {
        world.stick_fault = fault;
        let answer = world.ask(&post(RESTORE, &session, &json!({ "stick": name })));
        assert_eq!(
            (answer.status, body(&answer)["code"].as_str()),
            (400, Some(code)),
            "{name}"
        );
        assert!(world.asked_backups.is_empty(), "{name}");
    };
    refused(None, "a.update", "not-on-stick");
    refused(None, "b.backup", "not-on-stick");
    refused(Some(StickFault::Gone), "a.backup", "stick-cannot-be-read");
}

#[test]
fn why_a_backup_failed_is_said_in_the_language_of_whoever_looks() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let damaged = BackupRefusal::Damaged(Damage::Row("calls".into()));
    for (failure, code, english, portuguese) in [
        (
            BackupFailure::Disk(5),
            "disk",
            "the data disk refused (error 5)",
            "o disco de dados recusou (erro 5)",
        ),
        (
            BackupFailure::Unproved(damaged),
            "not-proved",
            "a row of its table calls cannot be read",
            "uma linha da tabela calls não pode ser lida",
        ),
    ] {
        world.backup_failure = Some(failure);
        let listed = body(&world.ask(&get("/api/backups", &session)));
        assert_eq!(listed["failed_code"], code);
        assert!(
            listed["failed"]
                .as_str()
                .is_some_and(|it| it.contains(english))
        );
        for page in ["/backups", "/"] {
            let mut shown = |language| {
                let asked = get(page, &session).with("accept-language", language);
                text(&world.ask(&asked))
            };
            let (said, dito) = (shown("en"), shown("pt-BR"));
            assert!(
                said.contains(english) && !said.contains(portuguese),
                "{said}"
            );
            assert!(
                dito.contains(portuguese) && !dito.contains(english),
                "{dito}"
            );
            assert!(dito.contains("O último backup falhou"), "{dito}");
        }
    }
}

const RESTORE_PAGE: &str = "/backups/restore";

fn told(world: &mut World, session: &str) -> serde_json::Value {
    body(&world.ask(&get(RESTORE, session)))
}

fn page(world: &mut World, session: &str, language: &str) -> String {
    text(&world.ask(&get(RESTORE_PAGE, session).with("accept-language", language)))
}

fn at(world: &mut World, session: &str, state: RestoreState) -> serde_json::Value {
    world.restore = Some(Restore {
        began_millis: 1_795_351_503_000,
        file: BACKUP.into(),
        state,
    });
    told(world, session)
}

#[test]
fn how_far_a_restore_is_is_told_on_a_page_that_goes_on_with_a_script_and_without() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    assert_eq!(told(&mut world, &session)["state"], "none");
    assert!(page(&mut world, &session, "pt-BR").contains("Nenhum backup foi restaurado"));
    let reading = RestoreState::Reading { done: 3, total: 9 };
    let seen = at(&mut world, &session, reading);
    assert_eq!(seen["state"], "reading");
    assert_eq!(
        (&seen["read_bytes"], &seen["bytes"]),
        (&json!(3), &json!(9))
    );
    assert_eq!(seen["file"], BACKUP);
    assert_eq!(seen["began"], "2026-11-22T12:45:03Z");
    let shown = page(&mut world, &session, "pt-BR");
    assert!(shown.contains("O backup está sendo lido"), "{shown}");
    assert!(
        shown.contains(r#"<noscript><meta http-equiv="refresh""#),
        "{shown}"
    );
    assert!(
        shown.contains(r#"data-events="/backups/restore/events""#),
        "{shown}"
    );
    let backups = text(&world.ask(&get("/backups", &session)));
    assert!(backups.contains(r#"href="/backups/restore""#), "{backups}");
    let Body::Events(parts) = world.ask(&get("/backups/restore/events", &session)).body else {
        panic!("events")
    };
    let bar = r#"<progress value="3" max="9""#;
    assert!(parts[0].data.contains(bar), "{parts:?}");
}

#[test]
fn what_became_of_a_restore_is_told_and_its_page_stays_as_it_is() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let seen = at(&mut world, &session, RestoreState::Restored { version: 42 });
    assert_eq!(
        (&seen["state"], &seen["restored"]),
        (&json!("restored"), &json!(42))
    );
    let shown = page(&mut world, &session, "pt-BR");
    assert!(shown.contains("O backup foi restaurado"), "{shown}");
    assert!(
        !shown.contains("http-equiv") && !shown.contains("data-events"),
        "{shown}"
    );
    let failure = BackupFailure::Undecided;
    let seen = at(&mut world, &session, RestoreState::Failed(failure.clone()));
    assert_eq!(
        (&seen["state"], &seen["code"]),
        (&json!("failed"), &json!("undecided"))
    );
    assert_eq!(seen["error"], failure.english());
    assert!(page(&mut world, &session, "pt-BR").contains(&failure.portuguese()));
    let refusal = BackupRefusal::Damaged(Damage::Site(2));
    let seen = at(&mut world, &session, RestoreState::Refused(refusal));
    assert_eq!(
        (&seen["state"], &seen["code"]),
        (&json!("refused"), &json!("damaged"))
    );
}
