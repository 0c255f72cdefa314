//! Every scenario that needs no box in QEMU: more than 2,000 states at each push.

#![expect(clippy::expect_used, reason = "a test's helpers may fail the test")]

use powercut::scenarios::ALL;
use powercut::{Plan, run};

/// States of each scenario.
const STATES: usize = 600;

/// Another one is for the night: `cargo run -p powercut -- --states 100000 --seed 2`.
const SEED: u64 = 1;

fn check(name: &str) {
    let scenario = ALL.iter().find(|it| it.name == name).expect("it is one");
    let (trace, judge) = (scenario.make)().expect("recorded");
    let plan = Plan {
        states: STATES,
        seed: SEED,
        only: None,
        threads: 1,
    };
    let report = run(&trace, &*judge, &plan).expect("judged");
    assert!(report.count() >= STATES, "only {} states", report.count());
    let broken: Vec<String> = report
        .broken
        .iter()
        .map(|(cut, what)| {
            let number = cut.number;
            format!(
                "{what}\n  cargo run -p powercut -- --scenario {name} --states {STATES} --seed \
                 {SEED} --only {number}"
            )
        })
        .collect();
    assert!(
        broken.is_empty(),
        "{} broken:\n{}",
        report.broken_count,
        broken.join("\n")
    );
}

#[test]
fn an_update_leaves_the_old_version_or_the_new_one_wherever_the_power_fails() {
    check("update");
}

#[test]
fn a_change_of_the_boot_state_is_there_once_it_was_acknowledged() {
    check("state");
}

#[test]
fn keys_that_took_over_stay_and_a_torn_set_ends_nothing() {
    check("keys");
}

#[test]
fn after_a_factory_reset_everything_is_there_or_nothing() {
    check("data-key");
}

#[test]
fn a_key_that_gives_way_to_its_sealed_form_is_never_lost_and_then_no_longer_there() {
    check("sealed-key");
}

#[test]
fn a_recovery_code_that_was_shown_opens_the_data_until_a_newer_one_was() {
    check("recovered-key");
}

#[test]
fn a_partition_table_is_the_old_one_or_the_new_one() {
    check("table");
}

#[test]
fn a_provisioning_file_is_there_or_is_wiped_and_the_loader_beside_it_is_whole() {
    check("provision");
}

#[test]
fn all_scenarios_together_are_more_than_two_thousand_states() {
    assert!(ALL.len() * STATES >= 2000);
}
