//! The audit trail that a restore replaces: kept, proved, and never gone without a word.

use ipc::store::{ReplacedTrail, TrailRequest};

use super::backups::{Box, filled};
use super::*;

impl Box {
    fn replaced(&self) -> Vec<ReplacedTrail> {
        let request = TrailRequest::Replaced { is_checked: true };
        match self.store.ask(WEB, Request::Trail(request)) {
            Reply::ReplacedTrails(all) => all,
            other => panic!("{other:?}"),
        }
    }

    fn become_another(&mut self, bytes: &[u8], code: &Redacted<String>) {
        self.bring(bytes);
        let restored = self.restore(Some(code));
        assert!(
            matches!(restored, RestoreState::Restored { .. }),
            "{restored:?}"
        );
        self.start_anew();
    }
}

#[test]
fn the_trail_of_before_is_kept_in_a_file_that_proves_itself() {
    let first = filled();
    let code = first.new_code();
    let bytes = first.make();
    let mut second = Box::new();
    assert!(matches!(commit(&second.store), Reply::Committed { .. }));
    let before = second.entries();
    second.become_another(&bytes, &code);

    let [kept] = &second.replaced()[..] else {
        panic!("{:?}", second.replaced())
    };
    assert_eq!((kept.first, kept.last), (1, before[0].sequence));
    assert_eq!((&kept.head, kept.is_whole), (&before[0].hash, Some(true)));
    let newest = second.entries().remove(0).audit;
    assert!(newest.before.contains(&kept.name), "{newest:?}");
    let path = second.folder().join(&kept.name);
    let mut file = std::fs::read(&path).expect("it is there");
    let text = String::from_utf8(file.clone()).expect("text");
    assert!(text.contains("extension created"), "{text}");
    let middle = file.len() / 2;
    file[middle] ^= 1;
    std::fs::write(&path, file).expect("it is ours");
    assert_eq!(second.replaced()[0].is_whole, Some(false));
    let cut = &text.as_bytes()[..text.len() - 1];
    std::fs::write(&path, cut).expect("it is ours");
    assert_eq!(
        second.replaced()[0].is_whole,
        Some(false),
        "it is cut short"
    );
}

#[test]
fn on_the_boxs_own_past_the_trail_stays_and_none_is_kept() {
    let mut own = filled();
    let bytes = own.make();
    own.bring(&bytes);
    assert!(matches!(own.restore(None), RestoreState::Restored { .. }));
    own.start_anew();
    assert_eq!(own.replaced(), []);
}

#[test]
fn eight_are_kept_and_the_entry_names_the_one_that_makes_room() {
    let first = filled();
    let code = first.new_code();
    let bytes = first.make();
    let mut second = Box::new();
    for number in 0..8 {
        let name = format!("{number:013}.trail");
        std::fs::write(second.folder().join(name), "an earlier one").expect("it is ours");
    }
    second.become_another(&bytes, &code);
    let names: Vec<String> = second.replaced().into_iter().map(|it| it.name).collect();
    assert_eq!(names.len(), 8);
    assert_eq!(names[7], "0000000000001.trail");
    let newest = second.entries().remove(0).audit;
    let gone = "the one kept as 0000000000000.trail was deleted";
    assert!(newest.before.contains(gone), "{newest:?}");
}

#[test]
fn two_that_are_replaced_at_one_time_are_both_there() {
    let first = filled();
    let code = first.new_code();
    let bytes = first.make();
    let mut second = Box::new();
    second.become_another(&bytes, &code);
    let third = filled();
    third.person("joana");
    let other_code = third.new_code();
    let other = third.make();
    third.store.close();
    second.become_another(&other, &other_code);
    assert_eq!(second.replaced().len(), 2);
    assert!(second.replaced().iter().all(|it| it.is_whole == Some(true)));
}
