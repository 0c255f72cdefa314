//! What was changed after the box wrote it is found, whatever it was.

use ed25519_dalek::{Signer as _, SigningKey};
use ipc::store::{Audit, AuditEntry};
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

fn entries(actions: &[String]) -> Vec<AuditEntry> {
    let mut previous = GENESIS.to_owned();
    let numbered = (1..).zip(actions);
    let entry = |(sequence, action): (u64, &String)| {
        let at_millis = 1_795_351_503_000;
        let hash = hash(
            &previous,
            sequence,
            at_millis,
            ["admin", "", action, "", "\"\u{1}ä"],
        );
        previous.clone_from(&hash);
        AuditEntry {
            sequence,
            at_millis,
            audit: Audit {
                who: "admin".into(),
                action: action.clone(),
                after: "\"\u{1}ä".into(),
                ..Audit::default()
            },
            hash,
        }
    };
    numbered.map(entry).collect()
}

/// The lines of a file of the entries from `first` on, by the box of a seed.
fn lines(seed: u8, all: &[AuditEntry], first: usize) -> Vec<String> {
    let key = SigningKey::from_bytes(&[seed; 32]);
    let previous = all[..first].last().map(|it| it.hash.clone());
    let stretch = Stretch {
        first: all[first].sequence,
        last: all.last().expect("one").sequence,
        previous: previous.unwrap_or_default(),
        head: all.last().expect("one").hash.clone(),
    };
    let heading = Heading::signed(stretch, of_box(seed), 7, |it| key.sign(it).to_bytes());
    let rest = all[first..].iter().cloned().map(line);
    std::iter::once(heading.line()).chain(rest).collect()
}

fn of_box(seed: u8) -> [u8; 32] {
    SigningKey::from_bytes(&[seed; 32])
        .verifying_key()
        .to_bytes()
}

fn verify(lines: &[impl AsRef<[u8]>]) -> Result<Heading, Wrong> {
    go_on(Verifier::new(None, None), lines)
}

fn go_on(mut verifier: Verifier, lines: &[impl AsRef<[u8]>]) -> Result<Heading, Wrong> {
    for line in lines {
        verifier.line(line.as_ref())?;
    }
    verifier.end()
}

fn three() -> Vec<AuditEntry> {
    entries(&["one", "two", "three"].map(String::from))
}

#[test]
fn a_whole_trail_and_a_part_of_it_are_good() {
    let all = three();
    let whole = verify(&lines(1, &all, 0)).expect("good");
    assert_eq!((whole.first, whole.last), (1, 3));
    let part = verify(&lines(1, &all, 1)).expect("good");
    assert_eq!((part.first, part.previous), (2, all[0].hash.clone()));
}

#[test]
fn the_first_line_that_is_wrong_is_named() {
    let good = lines(1, &three(), 0);
    let check = |lines: &[String], line, what| {
        assert_eq!(verify(lines), Err(Wrong { line, what }));
    };
    let mut changed = good.clone();
    changed[2] = changed[2].replace("two", "2");
    check(&changed, 3, What::Changed(2));
    let missing = [good[0].clone(), good[1].clone(), good[3].clone()];
    let place = |expected, found| What::OutOfPlace { expected, found };
    check(&missing, 3, place(2, 3));
    let mut moved = good.clone();
    moved.swap(1, 2);
    check(&moved, 2, place(1, 2));
    check(&good[..3], 4, What::TooLittle(3));
    let mut more = good.clone();
    more.push(good[3].clone());
    check(&more, 5, What::TooMuch(3));
    check(&good[1..], 1, What::NotATrail);
    check(&[], 1, What::NotATrail);
    let mut later = good.clone();
    later[0] = later[0].replace("\"ramal_audit\":1", "\"ramal_audit\":2");
    check(&later, 1, What::Newer(2));
    let mut shortened = good;
    shortened[0] = shortened[0].replace("\"last\":3", "\"last\":2");
    check(&shortened, 1, What::NotSigned);
}

/// Who may write the file but has not the key of the box cannot make what he changed fit.
#[test]
fn entries_that_were_fitted_anew_do_not_lead_to_the_signed_end() {
    let mut forged = lines(1, &entries(&["one", "2", "three"].map(String::from)), 0);
    forged[0] = lines(1, &three(), 0).remove(0);
    let what = What::OtherEnd;
    assert_eq!(verify(&forged), Err(Wrong { line: 4, what }));
    let by_another = lines(2, &three(), 0);
    let of_the_box = || Verifier::new(Some(of_box(1)), None);
    let what = What::OtherBox(hex::encode(of_box(2)));
    assert_eq!(
        go_on(of_the_box(), &by_another),
        Err(Wrong { line: 1, what })
    );
    assert!(go_on(of_the_box(), &lines(1, &three(), 0)).is_ok());
}

#[test]
fn a_later_file_goes_on_from_an_earlier_one() {
    let all = entries(&["one", "two", "three", "four"].map(String::from));
    let earlier = |till: usize| verify(&lines(1, &all[..till], 0)).expect("good");
    let check = |till: usize, later: &[String], expected: Result<(), (u64, What)>| {
        let found = go_on(Verifier::new(None, Some(earlier(till))), later);
        let found = found.map(drop).map_err(|wrong| (wrong.line, wrong.what));
        assert_eq!(found, expected, "{till}");
    };
    let whole = lines(1, &all, 0);
    for till in 1..=4 {
        check(till, &whole, Ok(()));
    }
    let rest = lines(1, &all, 2);
    check(1, &rest, Err((1, What::Gap(2, 2))));
    check(2, &rest, Ok(()));
    check(3, &rest, Ok(()));
    check(4, &lines(1, &all[..3], 0), Err((1, What::Shorter(4))));
    let other = entries(&["one", "2", "three", "four"].map(String::from));
    check(3, &lines(1, &other, 0), Err((4, What::NotContinued(3))));
    check(2, &lines(1, &other, 2), Err((1, What::NotContinued(2))));
    let foreign = What::OtherBox(hex::encode(of_box(2)));
    check(3, &lines(2, &all, 0), Err((1, foreign)));
}

proptest! {
    #[test]
    fn any_changed_removed_swapped_or_added_line_is_found(
        actions in prop::collection::vec(".{0,8}", 1..8),
        (first, one, other) in any::<(Index, Index, Index)>(),
        (at, bits) in (any::<Index>(), 1_u8..),
    ) {
        let all = entries(&actions);
        let good = lines(1, &all, first.index(all.len()));
        prop_assert!(verify(&good).is_ok());
        let (one, other) = (one.index(good.len()), other.index(good.len()));
        let mut changed: Vec<Vec<u8>> = good.iter().map(|it| it.as_bytes().to_vec()).collect();
        let at = at.index(changed[one].len());
        changed[one][at] ^= bits;
        prop_assert!(verify(&changed).is_err(), "{one} {at} {bits}");
        let mut removed = good.clone();
        removed.remove(one);
        prop_assert!(verify(&removed).is_err());
        let mut swapped = good.clone();
        swapped.swap(one, other);
        prop_assert_eq!(verify(&swapped).is_ok(), one == other);
        let mut added = good.clone();
        added.insert(other, good[one].clone());
        prop_assert!(verify(&added).is_err());
    }
}
