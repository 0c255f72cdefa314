//! What must hold in every run, whatever the network did.

use std::time::Duration;

use ipc::store::Outcome;
use sansio::Node;

use crate::{Act, Happened, World};

/// Checks a world that has had time to settle after its network was healed.
///
/// # Errors
/// One sentence for each rule that is broken.
pub fn settled(world: &World) -> Result<(), Vec<String>> {
    let mut broken = Vec::new();
    records(world, &mut broken);
    let calls = world.node.status().calls;
    if !calls.is_empty() {
        broken.push(format!("calls outlive their timers: {calls:?}"));
    }
    if !world.media.open.is_empty() {
        broken.push(format!(
            "relays outlive their calls: {:?}",
            world.media.open
        ));
    }
    for phone in &world.phones {
        if phone.is_in_call() {
            broken.push(format!(
                "phone {} still thinks it is in a call",
                phone.number()
            ));
        }
    }
    if broken.is_empty() {
        Ok(())
    } else {
        Err(broken)
    }
}

/// Checks that lost datagrams cost nobody a call: the repetitions of SIP must make up for them.
/// Holds in worlds where no cable was pulled.
///
/// # Errors
/// One sentence for each call that was lost.
pub fn nothing_lost(world: &World) -> Result<(), Vec<String>> {
    let mut broken = Vec::new();
    for record in world.store.records.values() {
        if matches!(record.outcome, Outcome::EndedByBox | Outcome::Unreachable) {
            let (id, outcome) = (&record.id, record.outcome);
            broken.push(format!("call {id} to {}: {outcome:?}", record.to));
        }
    }
    for phone in &world.phones {
        if phone.log.contains(&Happened::NeverAcknowledged) {
            broken.push(format!(
                "phone {} was never acknowledged: {:?}",
                phone.number(),
                phone.log
            ));
        }
    }
    if broken.is_empty() {
        Ok(())
    } else {
        Err(broken)
    }
}

/// Checks that nothing is left at all once every cable has been pulled for longer than the longest
/// registration: no contact, no dialog, no transaction, no timer.
///
/// # Errors
/// One sentence for each thing that is left.
pub fn at_rest(mut world: World) -> Result<(), Vec<String>> {
    for index in 0..world.phones.len() {
        world.act_after(Duration::ZERO, index, Act::Unplug);
    }
    world.run_for(REGISTRATION_TIME_MAX);
    let mut broken = Vec::new();
    let status = world.node.status();
    if !status.phones.is_empty() {
        broken.push(format!("contacts outlive their time: {:?}", status.phones));
    }
    if let Some(deadline) = world.node.deadline() {
        broken.push(format!(
            "a timer is left running: due in {:?}",
            deadline - world.now()
        ));
    }
    if broken.is_empty() {
        Ok(())
    } else {
        Err(broken)
    }
}

/// Simulated phones register for 600 s; their last transactions end within the rest.
const REGISTRATION_TIME_MAX: Duration = Duration::from_secs(700);

/// One INVITE accepted for processing is one record, final exactly once.
fn records(world: &World, broken: &mut Vec<String>) {
    for id in &world.calls_started {
        match world.store.records.get(id) {
            None => broken.push(format!("call {id} has no record")),
            Some(record) if record.outcome == Outcome::Ongoing => {
                broken.push(format!("call {id} never ended in the records"));
            }
            Some(_) => {}
        }
        let finals = world.store.finals.get(id).copied().unwrap_or(0);
        if finals != 1 {
            broken.push(format!("call {id} has {finals} final records"));
        }
    }
    if world.store.records.len() != world.calls_started.len() {
        let (records, calls) = (world.store.records.len(), world.calls_started.len());
        broken.push(format!("{records} records for {calls} calls"));
    }
}
