//! How the box's services are, and how fast a dead one comes back.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use qemu::box_api::BoxApi;
use qemu::office::Office;
use serde_json::Value;

use crate::Failure;

/// The services of the box at one moment, by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Vitals(BTreeMap<String, Vital>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Vital {
    state: String,
    pid: u64,
    restarts: u64,
}

impl Vitals {
    /// As the box tells them.
    ///
    /// # Errors
    /// It does not answer.
    pub fn of(api: &BoxApi) -> Result<Self, Failure> {
        let status = api.status()?;
        let services = status.get("services").and_then(Value::as_array);
        let vital = |service: &Value| {
            let number = |field: &str| service.get(field).and_then(Value::as_u64);
            let text = |field: &str| service.get(field).and_then(Value::as_str);
            let vital = Vital {
                state: text("state")?.to_owned(),
                pid: number("pid")?,
                restarts: number("restarts")?,
            };
            Some((text("name")?.to_owned(), vital))
        };
        let services: BTreeMap<_, _> = services.into_iter().flatten().filter_map(vital).collect();
        match services.len() {
            8 => Ok(Self(services)),
            count => Err(Failure::new(format!("status tells {count} services"))),
        }
    }

    /// `ready`, `given-up` and so on.
    pub fn state(&self, service: &str) -> &str {
        self.0.get(service).map_or("", |vital| &vital.state)
    }

    /// How often it was started again.
    pub fn restarts(&self, service: &str) -> u64 {
        self.0.get(service).map_or(0, |vital| vital.restarts)
    }

    /// Whether every service is ready.
    ///
    /// # Errors
    /// One is not.
    pub fn all_ready(&self) -> Result<(), Failure> {
        if self.0.values().all(|vital| vital.state == "ready") {
            return Ok(());
        }
        Err(Failure::new(format!(
            "not every service is ready: {self:?}"
        )))
    }

    /// Whether no service ended between the two.
    ///
    /// # Errors
    /// One did.
    pub fn same_as(&self, later: &Self) -> Result<(), Failure> {
        if self == later {
            return Ok(());
        }
        Err(Failure::new(format!(
            "services changed from {self:?} to {later:?}"
        )))
    }
}

/// What the store wants people to know; empty when all is well.
///
/// # Errors
/// The box does not answer.
pub fn store_warning(api: &BoxApi) -> Result<String, Failure> {
    let status = api.status()?;
    let warning = status.get("store").and_then(|store| store.get("warning"));
    Ok(warning
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned())
}

/// How long a killed service was away, by the box's own clock.
#[derive(Clone, Copy, Debug)]
pub struct Healing {
    /// From its end to the start of the next process, as PID 1 decided.
    pub delay: Duration,
    /// From that start to readiness.
    pub start: Duration,
}

impl Healing {
    /// Both together.
    pub fn total(self) -> Duration {
        self.delay + self.start
    }
}

/// Kills a service as `kill -9` would and waits until it serves again; `None` when PID 1 gave it up
/// instead. `web` dies of its own answer, so whoever was signed in has to sign in again.
///
/// # Errors
/// The box refused, or the service did not come back.
pub fn kill(office: &mut Office, service: &str) -> Result<Option<Healing>, Failure> {
    let serial = office.lab.machine()?.serial().clone();
    let mark = serial.mark();
    let asked = office.api.restart_service(service, true);
    if service != "web" {
        asked?;
    }
    let given_up = format!("service {service} GIVEN UP");
    let ended = format!("service {service} ended (signal 9 (killed)); starting it again in ");
    let ready = format!("service {service} ready after ");
    let Ok(line) = serial.wait_unless(mark, &ended, Some(&given_up), HEAL_WAIT) else {
        // Says the reason when it was not given up either.
        serial.wait(mark, &given_up, Duration::ZERO)?;
        return Ok(None);
    };
    let delay = millis_after(&line.text, &ended)?;
    let line = serial.wait(mark, &ready, HEAL_WAIT)?;
    let start = millis_after(&line.text, &ready)?;
    if service == "web" {
        office.sign_in()?;
    }
    Ok(Some(Healing { delay, start }))
}

fn millis_after(line: &str, words: &str) -> Result<Duration, Failure> {
    let rest = line.split_once(words).map(|(_, rest)| rest);
    let number = rest.and_then(|rest| rest.split_whitespace().next());
    let millis = number.and_then(|number| number.parse().ok());
    let no_time = || Failure::new(format!("no time in {line:?}"));
    Ok(Duration::from_millis(millis.ok_or_else(no_time)?))
}

/// Asks until there is an answer. Each question keeps an emulated box busy for a tenth of a second
/// or more, so this is no busy loop.
///
/// # Errors
/// That of a question, or time is up.
pub fn wait_until<T>(
    what: &str,
    limit: Duration,
    mut ask: impl FnMut() -> Result<Option<T>, Failure>,
) -> Result<T, Failure> {
    let begin = Instant::now();
    while begin.elapsed() < limit {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
    }
    Err(Failure::new(format!(
        "{what} did not come within {limit:?}"
    )))
}

/// Many times what it takes.
const HEAL_WAIT: Duration = Duration::from_secs(30);
