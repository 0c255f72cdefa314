//! Which states there are, on disks of a few sectors.

use std::collections::BTreeSet;

use firmware::Medium as _;

use super::*;
use crate::trace::{Base, SECTOR};

fn write(sector: u64, bytes: &[u8]) -> Event {
    let bytes = bytes.iter().flat_map(|byte| [*byte; SECTOR]).collect();
    Event::Write {
        sector,
        bytes,
        is_forced: false,
    }
}

fn trace(events: Vec<Event>) -> Trace {
    Trace {
        base: Base::Memory(BTreeMap::new()),
        length: 16 * SECTOR as u64,
        events,
    }
}

/// The first byte of each of four sectors in every state, with what people had been told.
fn contents(trace: &Trace, states: usize) -> BTreeSet<(Vec<u8>, usize)> {
    let plan = Plan {
        states,
        seed: 7,
        only: None,
        threads: 1,
    };
    let mut found = BTreeSet::new();
    let visit = |_: Cut, view: View<'_>, told: &[&str]| {
        let mut bytes = vec![0; 4 * SECTOR];
        view.read_at(&mut bytes, 0)?;
        let firsts = bytes.chunks(SECTOR).map(|sector| sector[0]).collect();
        found.insert((firsts, told.len()));
        Ok(())
    };
    each_state(trace, &plan, |_| true, visit).unwrap();
    found
}

#[test]
fn what_was_flushed_is_there_in_every_later_state() {
    let trace = trace(vec![
        write(0, &[1, 1]),
        Event::Flush,
        Event::Mark("told".into()),
        write(0, &[2]),
        write(2, &[2, 2]),
    ]);
    for (sectors, told) in contents(&trace, 500) {
        if told > 0 {
            assert!(sectors[0] != 0 && sectors[1] == 1, "{sectors:?}");
        } else {
            assert!(sectors[2] == 0, "{sectors:?}");
        }
    }
}

#[test]
fn what_people_were_told_last_is_judged_with_what_was_flushed_and_nothing_more() {
    let told = || Event::Mark("told".into());
    let last = trace(vec![write(0, &[1]), Event::Flush, told()]);
    assert!(contents(&last, 10).contains(&(vec![1, 0, 0, 0], 1)));
    let between = trace(vec![told(), write(0, &[1]), Event::Flush]);
    assert!(contents(&between, 2).contains(&(vec![0; 4], 1)));
}

#[test]
fn every_subset_of_unflushed_sectors_is_found() {
    let trace = trace(vec![write(0, &[1, 1]), write(2, &[1, 1])]);
    let found: BTreeSet<_> = contents(&trace, 2000).into_iter().map(|it| it.0).collect();
    assert_eq!(found.len(), 16);
}

#[test]
fn of_two_writes_to_a_sector_an_older_one_never_comes_after_a_newer() {
    let trace = trace(vec![write(0, &[1]), write(0, &[2]), Event::Flush]);
    let found = contents(&trace, 300);
    let states: BTreeSet<u8> = found.iter().map(|(sectors, _)| sectors[0]).collect();
    assert_eq!(states, BTreeSet::from([0, 1, 2]));
    let last = contents(&trace, 300).into_iter().map(|it| it.0[0]).max();
    assert_eq!(last, Some(2));
}

#[test]
fn a_forced_write_is_there_although_nothing_was_flushed() {
    let mut forced = write(1, &[5]);
    if let Event::Write { is_forced, .. } = &mut forced {
        *is_forced = true;
    }
    let trace = trace(vec![write(0, &[1]), forced, Event::Mark("told".into())]);
    for (sectors, told) in contents(&trace, 300) {
        assert!(told == 0 || sectors[1] == 5, "{sectors:?}");
    }
}

#[test]
fn a_state_is_made_again_from_its_number_and_the_seed() {
    let trace = trace(vec![
        write(0, &[1, 1, 1]),
        Event::Flush,
        write(0, &[2, 2, 2]),
    ]);
    let look = |only: Option<usize>| {
        let plan = Plan {
            states: 100,
            seed: 3,
            only: None,
            threads: 1,
        };
        let mut found = Vec::new();
        let visit = |cut: Cut, view: View<'_>, _: &[&str]| {
            let mut bytes = vec![0; 4 * SECTOR];
            view.read_at(&mut bytes, 0)?;
            found.push((cut, bytes));
            Ok(())
        };
        let mine = |number| only == Some(number) || only.is_none();
        each_state(&trace, &plan, mine, visit).unwrap();
        found
    };
    let all = look(None);
    assert_eq!(all.len(), 100);
    assert_eq!(look(Some(61)), [all[61].clone()]);
}
