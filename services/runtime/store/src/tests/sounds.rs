//! The sounds of prompts in backups.

use ipc::store::{BackupRequest, PromptRefusal, PromptRequest, RestoreState};

use super::backups::{Box, filled};
use super::*;

fn ask(of: &Box, request: PromptRequest) -> Reply {
    of.store.ask(WEB, Request::Prompt(request))
}

fn with_sounds(of: &Box) {
    let folder = of.scratch.path().join("sounds");
    std::fs::create_dir_all(&folder).expect("a folder");
    of.store.keep_sounds(&folder);
}

fn bring(of: &Box, name: &str, bytes: &[u8]) {
    let (offset, bytes) = (0, bytes.to_vec());
    let length = bytes.len() as u64;
    let taken = ask(of, PromptRequest::Piece { offset, bytes });
    assert_eq!(taken, Reply::Uploaded { next: length });
    let keep = PromptRequest::Keep {
        name: name.into(),
        bytes: length,
        hertz: 8_000,
    };
    assert_eq!(ask(of, keep), Reply::Stored);
}

/// The whole box starts, as it does after a restore: then sounds come back.
fn start_anew(of: &mut Box) {
    of.start_anew();
    with_sounds(of);
}

fn prompt(of: &Box, name: &str) {
    let (base, mut site) = config(&of.store);
    site.prompts.push(ipc::site::Prompt {
        name: name.into(),
        says: String::new(),
    });
    let audit = audit("prompt");
    let reply = of.store.ask(WEB, Request::Commit { base, audit, site });
    assert!(matches!(reply, Reply::Committed { .. }), "{reply:?}");
}

fn heard(of: &Box, name: &str) -> Option<Vec<u8>> {
    let file = of.scratch.path().join("sounds").join(name);
    std::fs::read(file).ok().map(|file| file[44..].to_vec())
}

#[test]
fn sounds_come_back_with_a_backup_on_the_same_box_and_on_another() {
    let mut first = filled();
    with_sounds(&first);
    prompt(&first, "closed");
    let code = first.new_code();
    bring(&first, "closed", &[1, 2, 3, 4]);
    first.settle();
    let bytes = first.make();
    bring(&first, "closed", &[9, 9]);
    bring(&first, "later", &[9, 9]);
    first.bring(&bytes);
    assert!(matches!(first.restore(None), RestoreState::Restored { .. }));
    let of_then = Some(vec![9, 9]);
    assert_eq!(heard(&first, "closed.wav"), of_then, "it runs as before");
    start_anew(&mut first);
    assert_eq!(heard(&first, "closed.wav"), Some(vec![1, 2, 3, 4]));
    assert_eq!(heard(&first, "later.wav"), None, "it is no prompt there");
    let mut second = Box::new();
    with_sounds(&second);
    second.bring(&bytes);
    assert!(matches!(
        second.restore(Some(&code)),
        RestoreState::Restored { .. }
    ));
    start_anew(&mut second);
    assert_eq!(heard(&second, "closed.wav"), Some(vec![1, 2, 3, 4]));
}

#[test]
fn a_backup_without_sounds_leaves_those_of_its_own_box_and_none_of_another() {
    let mut first = filled();
    prompt(&first, "closed");
    let code = first.new_code();
    first.settle();
    let bytes = first.make();
    let format = [bytes[8], bytes[9]];
    assert_eq!(format, [1, 0], "as versions before sounds read it");
    with_sounds(&first);
    bring(&first, "closed", &[1, 2]);
    first.bring(&bytes);
    assert!(matches!(first.restore(None), RestoreState::Restored { .. }));
    start_anew(&mut first);
    assert_eq!(heard(&first, "closed.wav"), Some(vec![1, 2]));
    let mut second = Box::new();
    with_sounds(&second);
    bring(&second, "closed", &[9, 9]);
    second.bring(&bytes);
    assert!(matches!(
        second.restore(Some(&code)),
        RestoreState::Restored { .. }
    ));
    start_anew(&mut second);
    assert_eq!(heard(&second, "closed.wav"), None, "the voice of another");
}

#[test]
fn what_a_backup_of_another_box_has_no_sound_for_has_none() {
    let first = filled();
    with_sounds(&first);
    prompt(&first, "closed");
    prompt(&first, "open");
    let code = first.new_code();
    bring(&first, "open", &[1, 2]);
    first.settle();
    let bytes = first.make();
    let mut second = Box::new();
    with_sounds(&second);
    bring(&second, "closed", &[9, 9]);
    second.bring(&bytes);
    assert!(matches!(
        second.restore(Some(&code)),
        RestoreState::Restored { .. }
    ));
    start_anew(&mut second);
    assert_eq!(heard(&second, "open.wav"), Some(vec![1, 2]));
    assert_eq!(heard(&second, "closed.wav"), None, "the voice of another");
}

#[test]
fn only_the_pages_change_sounds_and_a_store_without_a_folder_says_so() {
    let bare = Box::new();
    let list = || Request::Prompt(PromptRequest::List);
    assert!(matches!(bare.store.ask(WEB, list()), Reply::Failed { .. }));
    assert_eq!(bare.store.ask(PBX, list()), Reply::Refused { uid: PBX });
    with_sounds(&bare);
    let missing = ask(&bare, PromptRequest::Delete("closed".into()));
    assert_eq!(missing, Reply::PromptRefused(PromptRefusal::Missing));
}

#[test]
fn while_a_backup_takes_the_place_of_all_no_sound_is_changed() {
    let own = filled();
    with_sounds(&own);
    bring(&own, "closed", &[1, 2]);
    let shared = own.store.shared();
    let frozen = shared.freeze().expect("nothing was restored");
    let piece = PromptRequest::Piece {
        offset: 0,
        bytes: vec![3, 4],
    };
    for refused in [piece, PromptRequest::Delete("closed".to_owned())] {
        let reply = ask(&own, refused);
        assert!(matches!(reply, Reply::Failed { .. }), "{reply:?}");
    }
    assert!(matches!(ask(&own, PromptRequest::List), Reply::Prompts(all) if all.len() == 1));
    drop(frozen);
    assert_eq!(heard(&own, "closed.wav"), Some(vec![1, 2]));
    bring(&own, "closed", &[3, 4]);
}

#[test]
fn a_backup_that_cannot_read_a_sound_is_none() {
    let own = filled();
    with_sounds(&own);
    own.settle();
    let folder = own.scratch.path().join("sounds");
    std::fs::remove_dir_all(&folder).expect("removed");
    std::fs::write(&folder, b"no folder").expect("written");
    let before = own.backups().files.len();
    assert_eq!(own.ask(BackupRequest::Make), Reply::Stored);
    let after = own.settled();
    assert_eq!(after.files.len(), before);
    assert!(after.failed.is_some(), "{after:?}");
}
