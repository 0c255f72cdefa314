//! A dialogue that was recorded with swtpm 0.7.1, as it was and garbled.
//!
//! `swtpm-0.7.1.txt` has the TPM's answers, a line each. Everything random on this side comes from
//! the entropy that is given, so the same answers fit again.

use proptest::prelude::*;
use sansio::Entropy;
use tpm::{Fault, Open, Seal, Sealed, Secret, Step};

const RECORDED: &str = include_str!("swtpm-0.7.1.txt");
const SECRET: [u8; 20] = *b"0123456789abcdefghij";

/// The answers of one of the two dialogues.
fn answers(which: &str) -> Vec<Vec<u8>> {
    let lines = RECORDED.lines().filter_map(|line| line.strip_prefix(which));
    lines.map(|line| unhex(line.trim())).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: &u8| match byte {
        b'0'..=b'9' => byte - b'0',
        _ => byte - b'a' + 10,
    };
    let pairs = text.as_bytes().as_chunks::<2>().0.iter();
    pairs
        .map(|[high, low]| digit(high) << 4 | digit(low))
        .collect()
}

fn seal(answers: &[Vec<u8>]) -> Result<Option<Sealed>, Fault> {
    let secret = Secret::new(SECRET.to_vec());
    let (mut seal, _) = Seal::new(secret, Entropy::new([7; 32]))?;
    for answer in answers {
        if let Step::Done(sealed) = seal.answer(answer)? {
            return Ok(Some(sealed));
        }
    }
    Ok(None)
}

fn open(sealed: &Sealed, answers: &[Vec<u8>]) -> Result<Option<Secret>, Fault> {
    let (mut open, _) = Open::new(sealed.clone(), Entropy::new([9; 32]));
    for answer in answers {
        if let Step::Done(secret) = open.answer(answer)? {
            return Ok(Some(secret));
        }
    }
    Ok(None)
}

fn sealed() -> Option<Sealed> {
    seal(&answers("seal")).ok().flatten()
}

#[test]
fn what_was_recorded_fits_again() {
    let sealed = sealed().expect("sealed");
    let opened = open(&sealed, &answers("open")).expect("opened");
    assert_eq!(opened, Some(Secret::new(SECRET.to_vec())));
    assert_eq!(format!("{opened:?}"), "Some(Secret(..))");
}

#[test]
fn answers_to_another_dialogue_are_not_taken() {
    let (mut other, _) = Open::new(sealed().expect("sealed"), Entropy::new([8; 32]));
    let faults = answers("open")
        .into_iter()
        .map(|it| other.answer(&it).err());
    let first = faults.flatten().next();
    assert_eq!(first, Some(Fault::NotAuthentic("Load")));
}

#[test]
fn after_the_end_and_after_a_fault_nothing_more_is_sent() {
    let secret = Secret::new(SECRET.to_vec());
    let (mut seal, _) = Seal::new(secret, Entropy::new([7; 32])).expect("short enough");
    let all = answers("seal");
    for answer in &all {
        seal.answer(answer).expect("fits");
    }
    assert_eq!(seal.answer(&all[0]).map(drop), Err(Fault::NotAsked));
    let (mut open, _) = Open::new(sealed().expect("sealed"), Entropy::new([9; 32]));
    // TPM_RC_HIERARCHY: the owner hierarchy is switched off.
    let refused = Fault::Refused {
        command: "CreatePrimary",
        code: 0x185,
    };
    let answer = b"\x80\x01\0\0\0\x0a\0\0\x01\x85";
    assert_eq!(open.answer(answer).map(drop), Err(refused));
    assert_eq!(
        open.answer(&answers("open")[0]).map(drop),
        Err(Fault::NotAsked)
    );
    let long = Secret::new(vec![0; tpm::SECRET_MAX + 1]);
    let refused = Seal::new(long, Entropy::new([7; 32])).map(drop);
    assert_eq!(refused, Err(Fault::NotAsked));
}

#[test]
fn every_byte_counts_and_every_length() {
    let (sealed, all) = (sealed().expect("sealed"), answers("open"));
    for (place, answer) in all.iter().enumerate() {
        for at in 0..answer.len() {
            let mut changed = all.clone();
            changed[place][at] ^= 0x10;
            // What a TPM says of a handle or a session's nonce shows in the next proof only.
            let found = open(&sealed, &changed);
            assert!(
                !matches!(found, Ok(Some(it)) if it.bytes() != SECRET),
                "{place} {at}"
            );
            let mut short = all.clone();
            short[place].truncate(at);
            assert!(open(&sealed, &short).is_err(), "{place} {at}");
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        place in 0_usize..4,
        at in any::<prop::sample::Index>(),
        noise in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let sealed = sealed().expect("sealed");
        for which in ["seal", "open"] {
            let mut all = answers(which);
            let count = all.len();
            let answer = &mut all[place % count];
            let start = at.index(answer.len());
            let end = (start + noise.len()).min(answer.len());
            answer.splice(start..end, noise.iter().copied());
            match which {
                "seal" => drop(seal(&all)),
                _ => {
                    let found = open(&sealed, &all);
                    prop_assert!(!matches!(found, Ok(Some(it)) if it.bytes() != SECRET));
                }
            }
        }
        let _ = Sealed::decode(&noise);
        let _ = open(&sealed, &[noise]);
    }
}
