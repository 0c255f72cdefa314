//! The judges find what they are there to find: each test writes in an order that loses something.

#![expect(clippy::expect_used, reason = "a test's helpers may fail the test")]

use firmware::{Code, Keeper as _, KeyPlace, Medium as _, Protection, RecoveryCode};
use powercut::scenarios::sealed_key::{Mask, OpenOrSealed, SEALED, STORED};
use powercut::{Judge, Plan, Promise, Promises, Report, Site, Trace, Version, run};
use slot::layout::{DATA_KEY_COPIES, STATE_COPIES, WRITE_UNIT};
use slot::{BootState, HEADER_LENGTH, Slot, partition};

const FIRST: Version = version("1.0.0");
const SECOND: Version = version("2.0.0");

const fn version(name: &'static str) -> Version {
    Version {
        name,
        security: 0,
        keys: 1,
    }
}

const fn promise(told: &'static str, versions: &'static [&'static str]) -> Promise {
    Promise {
        told,
        versions,
        floor: 0,
        keys: 1,
    }
}

const PROMISES: [Promise; 2] = [
    promise("", &["1.0.0", "2.0.0"]),
    promise("installed", &["2.0.0"]),
];

const JUDGE: Promises = Promises {
    versions: &[FIRST, SECOND],
    promises: &PROMISES,
};

fn judged(trace: &Trace, judge: &dyn Judge) -> Report {
    let plan = Plan {
        states: 400,
        seed: 1,
        only: None,
        threads: 1,
    };
    run(trace, judge, &plan).expect("judged")
}

/// What is broken when an update is written by hand like this.
fn broken(write: impl FnOnce(&Site) -> Result<(), powercut::Fault>) -> Vec<String> {
    let site = Site::shipped(&FIRST).expect("made");
    let begin = |state: &mut BootState| state.begin_install(Slot::A);
    site.state().expect("there").change(begin).expect("written");
    write(&site).expect("written");
    let report = judged(&site.into_trace(), &JUDGE);
    report.broken.into_iter().map(|it| it.1).collect()
}

fn finish(site: &Site) -> Result<(), powercut::Fault> {
    site.state()?
        .change(|state| state.finish_install(Slot::B))?;
    site.disk().mark("installed");
    Ok(())
}

/// The slot, and how many bytes of it are the header.
fn slot_bytes() -> Vec<u8> {
    SECOND.slot()
}

#[test]
fn an_update_in_the_right_order_is_not_called_broken() {
    let broken = broken(|site| {
        let slot = site.part(partition::SLOT_B)?;
        let bytes = slot_bytes();
        slot.write_at(&bytes[HEADER_LENGTH..], HEADER_LENGTH as u64)?;
        slot.sync()?;
        slot.write_at(&bytes[..HEADER_LENGTH], 0)?;
        slot.sync()?;
        finish(site)
    });
    assert_eq!(broken, [""; 0]);
}

#[test]
fn a_slot_that_may_be_started_before_it_was_flushed_is_found() {
    let broken = broken(|site| {
        let slot = site.part(partition::SLOT_B)?;
        // The state is flushed with the slot's last writes: either may be there alone.
        let bytes = slot_bytes();
        let mut state = site.state()?.read()?;
        state.finish_install(Slot::B);
        let mut block = [0; WRITE_UNIT];
        block[..slot::STATE_LENGTH].copy_from_slice(&state.next().encode());
        let boot_state = site.part(partition::BOOTSTATE)?;
        let place = usize::from(state.sequence % 2 == 1);
        slot.write_at(&bytes, 0)?;
        boot_state.write_at(&block, STATE_COPIES[place])?;
        boot_state.sync()?;
        site.disk().mark("installed");
        Ok(())
    });
    assert!(
        broken
            .iter()
            .any(|it| it.contains("slot b may be started and is not whole")),
        "{broken:?}"
    );
}

#[test]
fn an_update_that_was_acknowledged_before_it_was_flushed_is_found() {
    let broken = broken(|site| {
        let slot = site.part(partition::SLOT_B)?;
        slot.write_at(&slot_bytes(), 0)?;
        slot.sync()?;
        let mut state = site.state()?.read()?;
        state.finish_install(Slot::B);
        let mut block = [0; WRITE_UNIT];
        block[..slot::STATE_LENGTH].copy_from_slice(&state.next().encode());
        let place = usize::from(state.sequence % 2 == 1);
        site.part(partition::BOOTSTATE)?
            .write_at(&block, STATE_COPIES[place])?;
        site.disk().mark("installed");
        Ok(())
    });
    assert!(
        broken
            .iter()
            .any(|it| it.contains("1.0.0 is started in place of 2.0.0")),
        "{broken:?}"
    );
}

#[test]
fn a_running_slot_that_is_written_over_is_found() {
    let broken = broken(|site| {
        let slot = site.part(partition::SLOT_A)?;
        slot.write_at(&slot_bytes(), 0)?;
        slot.sync()?;
        Ok(())
    });
    assert!(
        broken
            .iter()
            .any(|it| it.contains("the loader starts nothing")),
        "{broken:?}"
    );
}

#[test]
fn a_boot_state_whose_copies_are_written_at_once_is_found() {
    let broken = broken(|site| {
        let part = site.part(partition::BOOTSTATE)?;
        let mut block = [0; WRITE_UNIT];
        let next = site.state()?.read()?.next();
        block[..slot::STATE_LENGTH].copy_from_slice(&next.encode());
        // As an encoding that does not fit into one sector would be torn.
        let mut torn = block;
        torn[..slot::STATE_LENGTH].fill(0xa5);
        for copy in STATE_COPIES {
            part.write_at(&torn, copy)?;
            part.write_at(&block, copy)?;
        }
        part.sync()?;
        Ok(())
    });
    assert!(
        broken
            .iter()
            .any(|it| it.contains("the boot state is lost")),
        "{broken:?}"
    );
}

/// What is broken when an open key gives way to its sealed form by hand like this: the block with
/// the sealed form is written into the bootstate partition.
fn broken_sealing(
    write: impl FnOnce(&Site, &[u8; WRITE_UNIT]) -> Result<(), powercut::Fault>,
) -> Vec<String> {
    let site = Site::shipped(&FIRST).expect("made");
    let state = site.state().expect("there");
    let open = state.key_at_start(true, |_| Ok(None::<Mask>));
    let key = open.expect("made").key;
    state.note_formatted().expect("written");
    site.disk().mark(STORED);
    write(&site, &sealed_block(&key)).expect("written");
    site.disk().mark(SEALED);
    let keys = [*key.material(), [0; 64]];
    let report = judged(&site.into_trace(), &OpenOrSealed { keys });
    report.broken.into_iter().map(|it| it.1).collect()
}

/// As the product writes it, on another disk.
fn sealed_block(key: &firmware::DataKey) -> [u8; WRITE_UNIT] {
    let code = RecoveryCode::fresh().expect("random");
    let place = KeyPlace::Kept {
        protection: Protection::Tpm(Code::Unseen),
        is_formatted: true,
        payload: Mask.seal(key, &code).expect("masked"),
        paper: None,
        before: None,
    };
    let elsewhere = Site::shipped(&FIRST).expect("made");
    let state = elsewhere.state().expect("there");
    state.keep_key(&place).expect("written");
    let mut block = [0; WRITE_UNIT];
    let part = elsewhere.part(partition::BOOTSTATE).expect("there");
    part.read_at(&mut block, DATA_KEY_COPIES[0]).expect("read");
    block
}

/// Writes the block over these copies; flushes behind each when `is_flushed`.
fn write_key(site: &Site, block: &[u8], is_flushed: bool) -> Result<(), powercut::Fault> {
    let part = site.part(partition::BOOTSTATE)?;
    for copy in DATA_KEY_COPIES {
        part.write_at(block, copy)?;
        if is_flushed {
            part.sync()?;
        }
    }
    part.sync()?;
    Ok(())
}

#[test]
fn a_key_that_is_sealed_one_copy_after_the_other_is_not_called_broken() {
    let broken = broken_sealing(|site, block| write_key(site, block, true));
    assert_eq!(broken, [""; 0]);
}

#[test]
fn a_sealed_form_that_is_written_over_both_copies_at_once_is_found() {
    let broken = broken_sealing(|site, block| write_key(site, block, false));
    assert!(
        broken
            .iter()
            .any(|it| it.contains("both copies of the data's key are damaged")),
        "{broken:?}"
    );
}

#[test]
fn an_open_key_that_is_destroyed_before_its_sealed_form_is_there_is_found() {
    let broken = broken_sealing(|site, block| {
        write_key(site, &[0; WRITE_UNIT], true)?;
        write_key(site, block, true)
    });
    let is_lost = |it: &String| {
        it.contains("both copies of the data's key are damaged")
            || it.contains("what was stored is lost without a factory reset")
    };
    assert!(broken.iter().any(is_lost), "{broken:?}");
}

#[test]
fn an_open_copy_that_is_left_beside_the_sealed_form_is_found() {
    let broken = broken_sealing(|site, block| {
        let part = site.part(partition::BOOTSTATE)?;
        part.write_at(block, DATA_KEY_COPIES[0])?;
        part.sync()?;
        Ok(())
    });
    assert!(
        broken
            .iter()
            .any(|it| it.contains("a key that was destroyed is still on the disk")),
        "{broken:?}"
    );
}
