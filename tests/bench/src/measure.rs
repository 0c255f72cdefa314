//! Processor time of some services over a stretch of load, per operation.

use std::time::Duration;

use crate::{BenchError, say};
use native::Outcome;
use native::Service;

/// Processor times at one moment.
#[derive(Debug)]
pub(crate) struct Start(Vec<u64>);

impl Start {
    /// Notes the times now.
    pub(crate) fn now(services: &[&Service]) -> Self {
        Self(
            services
                .iter()
                .map(|service| service.cpu_millis())
                .collect(),
        )
    }

    /// Microseconds an operation since then, by service.
    pub(crate) fn each(&self, services: &[&Service], operations: u64) -> Vec<(&'static str, f64)> {
        let used = services.iter().zip(&self.0).map(|(service, before)| {
            let millis = service.cpu_millis().saturating_sub(*before);
            (service.name(), micros_each(millis, operations))
        });
        used.collect()
    }
}

/// Milliseconds for all as microseconds for one.
pub(crate) fn micros_each(millis: u64, operations: u64) -> f64 {
    let float = |number: u64| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    float(millis) * 1000.0 / float(operations.max(1))
}

/// Says what was measured and holds it against its bar, microseconds.
pub(crate) fn judge(
    what: &str,
    outcome: Outcome,
    each: &[(&'static str, f64)],
    bar: f64,
) -> Result<f64, BenchError> {
    let Outcome {
        succeeded,
        failed,
        retransmissions,
    } = outcome;
    say(&format!(
        "{what}: {succeeded} done, {failed} failed, {retransmissions} repeated by SIPp"
    ));
    let parts: Vec<String> = each
        .iter()
        .map(|(name, micros)| format!("{name} {micros:.1}"))
        .collect();
    let all: f64 = each.iter().map(|(_, micros)| micros).sum();
    say(&format!(
        "  {all:.1} us of processor time each ({} us); bar {bar:.0} us",
        parts.join(" + ")
    ));
    if failed > 0 {
        return Err(BenchError::Load(format!("{failed} of {what} failed")));
    }
    if all > bar {
        return Err(BenchError::OverTheBar(format!(
            "{what} take {all:.1} us, allowed {bar:.0}"
        )));
    }
    Ok(all)
}

/// Times in milliseconds, shortest first.
pub(crate) fn sorted_millis(mut times: Vec<Duration>) -> Vec<f64> {
    times.sort();
    times.iter().map(|it| it.as_secs_f64() * 1000.0).collect()
}

/// What this many hundredths of the sorted times are at most.
pub(crate) fn part(sorted: &[f64], hundredths: usize) -> f64 {
    let place = (sorted.len() * hundredths / 100).saturating_sub(1);
    sorted.get(place).copied().unwrap_or_default()
}
