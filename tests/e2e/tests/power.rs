//! The end of the box: by the power button and by Ctrl-Alt-Del it stops in order and loses nothing,
//! and when it stands still its watchdog restarts it.

use std::time::{Duration, Instant};

use e2e::{Proof, Stand, processor, switched_on};
use image::progress;
use qemu::box_api::BoxApi;
use qemu::lab::{ADMINISTRATOR, Lab};
use serde_json::Value;

static STAND: Stand<Owned> = Stand::new(3);

/// A box with an owner, and no phones.
struct Owned {
    lab: Lab,
    password: String,
}

fn run(test: impl FnOnce(&mut Owned) -> Proof) -> Proof {
    let set_up = || {
        let mut lab = switched_on("power")?;
        lab.machine()?.wait_ready()?;
        let (_, password) = lab.first_sign_in()?;
        Ok(Owned { lab, password })
    };
    STAND.run(set_up, test)
}

#[test]
fn the_power_button_stops_the_services_in_reverse_order_and_switches_off() -> Proof {
    run(|owned| {
        let kept = owned.keep_something("201")?;
        let serial = owned.lab.machine()?.serial().clone();
        let mark = serial.mark();
        owned.lab.machine()?.press_power_button()?;
        serial.wait_end(STOP_MAX)?;
        let said: Vec<String> = serial
            .since(mark)
            .into_iter()
            .map(|line| line.text)
            .collect();
        let mut rest = said.iter();
        for wanted in STOP_LINES.iter().chain(&["ramal: power off"]) {
            assert!(
                rest.any(|line| line.contains(wanted)),
                "no {wanted:?} in its place: {said:#?}"
            );
        }
        owned.lab.switch_on()?;
        owned.lab.machine()?.wait_ready()?;
        owned.prove_ended("ordered", "the power button was pressed")?;
        owned.prove_kept(&kept)
    })
}

#[test]
fn ctrl_alt_del_restarts_in_order_and_what_was_acknowledged_is_there() -> Proof {
    run(|owned| {
        let kept = owned.keep_something("202")?;
        let serial = owned.lab.machine()?.serial().clone();
        let mark = serial.mark();
        owned.lab.machine()?.press_ctrl_alt_del()?;
        let machine = owned.lab.machine()?;
        machine.wait_ready()?;
        let said: Vec<String> = serial
            .since(mark)
            .into_iter()
            .map(|line| line.text)
            .collect();
        let mut rest = said.iter();
        for wanted in STOP_LINES
            .iter()
            .chain(&["ramal: restart", "ramal: stage kernel"])
        {
            assert!(
                rest.any(|line| line.contains(wanted)),
                "no {wanted:?} in its place: {said:#?}"
            );
        }
        owned.prove_ended("ordered", "Ctrl-Alt-Del was pressed")?;
        owned.prove_kept(&kept)
    })
}

#[test]
fn a_box_that_stands_still_is_restarted_by_its_watchdog() -> Proof {
    run(|owned| {
        let kept = owned.keep_something("203")?;
        let socket = owned.lab.scratch().join("debugger.sock");
        let machine = owned.lab.machine()?;
        machine.expect_restart();
        processor::freeze(machine.qmp(), &socket)?;
        let frozen = Instant::now();
        machine.wait_event("WATCHDOG", WATCHDOG_MAX)?;
        let seconds = frozen.elapsed().as_secs();
        progress::note(&format!(
            "measured: the watchdog acted {seconds} s after the freeze"
        ));
        machine.wait_ready()?;
        owned.prove_ended("watchdog", "")?;
        owned.prove_kept(&kept)?;
        // And without a word: the power is gone.
        owned.lab.switch_off();
        owned.lab.switch_on()?;
        owned.lab.machine()?.wait_ready()?;
        owned.prove_ended("unexpected", "")
    })
}

impl Owned {
    fn sign_in(&self) -> Result<BoxApi, e2e::Failure> {
        let mut api = self.lab.api();
        api.sign_in(ADMINISTRATOR, &self.password)?;
        Ok(api)
    }

    /// Has the box acknowledge something, and gives what it keeps then.
    fn keep_something(&self, extension: &str) -> Result<[Value; 2], e2e::Failure> {
        let api = self.sign_in()?;
        api.create_extension(extension, "Kept")?;
        Ok([
            api.get("/api/extensions")?,
            api.get("/api/audit?limit=100")?,
        ])
    }

    /// The run before the one that is on ended like this.
    fn prove_ended(&self, end: &str, why: &str) -> Proof {
        let status = self.sign_in()?.status()?;
        let of_run = |place: &str| status.pointer(place).and_then(Value::as_str);
        assert_eq!(of_run("/runs/0/end"), Some("running"), "{status}");
        assert_eq!(of_run("/runs/1/end"), Some(end), "{status}");
        assert_eq!(of_run("/runs/1/why"), Some(why), "{status}");
        Ok(())
    }

    fn prove_kept(&self, before: &[Value; 2]) -> Proof {
        let api = self.sign_in()?;
        let [extensions, audit] = before;
        assert_eq!(&api.get("/api/extensions")?, extensions);
        let entries = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let (old, new) = (entries(audit), entries(&api.get("/api/audit?limit=200")?));
        assert!(
            !old.is_empty() && new.ends_with(&old),
            "{new:?} does not go on from {old:?}"
        );
        Ok(())
    }
}

/// In this order: the reverse of the start, and the disk last.
const STOP_LINES: [&str; 7] = [
    "service web stopped",
    "service pbx stopped",
    "service media stopped",
    "service net stopped",
    "service store stopped",
    "ramal: services stopped",
    "ramal: data unmounted",
];

/// Every service has five seconds; the box is emulated.
const STOP_MAX: Duration = Duration::from_secs(60);

/// PID 1 gives the watchdog 60 s.
const WATCHDOG_MAX: Duration = Duration::from_secs(150);
