//! A disk that does not answer any more: who waits for it cannot be killed, and without the store
//! telephony stands still, so the watchdog starts the box anew.

use std::time::Duration;

use e2e::{Proof, alone, alone_early, plan, product, small_disk};
use image::progress;
use qemu::lab::{ADMINISTRATOR, Lab, Way};
use qemu::qmp::{Qmp, QmpError};
use serde_json::json;

#[test]
fn a_critical_service_that_hangs_is_ended_by_the_watchdog_which_is_told_afterwards() -> Proof {
    let turn = alone_early();
    let plan = plan("hanging", Way::Kernel, small_disk(DATA_LENGTH));
    let mut lab = Lab::start_with(&plan, product()?)?;
    lab.machine()?.wait_ready()?;
    let (mut api, password) = lab.first_sign_in()?;
    api.create_extension("100", "Kept")?;
    let machine = lab.machine()?;
    machine.expect_restart();
    limit_disk(machine.qmp(), 1)?;
    // It waits for the disk, and is never acknowledged.
    let refused = api.create_extension("101", "Lost").err();
    progress::note(&format!("the box said: {refused:?}"));
    assert!(
        refused.is_some(),
        "it was acknowledged by a disk that hangs"
    );
    // The store has its time, and the watchdog its own: another box may start beside this one.
    drop(turn);
    machine.wait_line("service store gave no sign of life", HANG_MAX)?;
    let told = machine.wait_line("service store cannot be killed", HANG_MAX)?;
    progress::note(&format!("console: {}", told.text));
    machine.wait_event("WATCHDOG", HANG_MAX)?;
    let _turn = alone();
    limit_disk(machine.qmp(), 0)?;
    machine.wait_ready()?;
    api.sign_in(ADMINISTRATOR, &password)?;
    let status = api.status()?;
    let end = status.pointer("/runs/1/end");
    assert_eq!(end, Some(&json!("watchdog")), "{status}");
    let extensions = api.get("/api/extensions")?;
    assert_eq!(extensions.pointer("/0/number"), Some(&json!("100")));
    Ok(())
}

/// Lets the disk read and write so many bytes a second; 0 is as many as it can.
fn limit_disk(qmp: &mut Qmp, bytes: u64) -> Result<(), QmpError> {
    let limits = json!({
        "device": "disk0", "bps": bytes, "bps_rd": 0, "bps_wr": 0, "iops": 0, "iops_rd": 0,
        "iops_wr": 0
    });
    qmp.execute("block_set_io_throttle", &limits).map(drop)
}

/// Bytes of the data partition where little is stored.
const DATA_LENGTH: u64 = 128 * 1024 * 1024;

/// Half a minute of silence, ten seconds after SIGKILL, a minute of the watchdog: several times.
const HANG_MAX: Duration = Duration::from_secs(240);
