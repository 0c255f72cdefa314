//! Registrations, calls with sound and hang-ups for a long time, and whether that leaves anything
//! behind: memory that grows, a descriptor or a media port that stays open.

use std::path::Path;
use std::time::{Duration, Instant};

use ipc::sound::{Reply, Request};
use native::{Installation, Service, free_port, number};
use run_loop::ipc::BlockingClient;

use crate::call::{Office, Phones};
use crate::register::register;
use crate::{BenchError, Run, say};

/// Sound that the phones send: one second of G.711, played again and again. The scenarios name it.
const SOUND: &str = "sound.alaw";

/// How long a call of the scenario lasts, seconds.
const TALK_SECONDS: u64 = 6;

/// How often everything is looked at.
const SAMPLE: Duration = Duration::from_secs(60);

/// Growth that is none: allocators round, and the kernel counts pages late.
const GROWTH_KIB: u64 = 1024;
const GROWTH_PERCENT: u64 = 5;

/// What the store may keep of its database in memory, KiB: records become more all the time.
const STORE_CACHE_KIB: u64 = 8 * 1024;

/// How long after the last call something may stay open: transactions linger for 32 s
/// (RFC 3261 §17.2.2, Timer J), port pairs rest for ten.
const SETTLE_MAX: Duration = Duration::from_secs(60);

/// Failed calls of a thousand that are the load generator's own.
const FAILED_MAX_PERMILLE: u64 = 10;

/// Command line of `soak`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How long.
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    /// Phones that call in turn, all the same one, and register meanwhile.
    #[arg(long, default_value_t = 50)]
    callers: usize,
    /// Calls a second; each lasts six seconds.
    #[arg(long, default_value_t = 5)]
    rate: u64,
    /// Registrations a second.
    #[arg(long, default_value_t = 20)]
    registrations: u64,
}

/// One service at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Sample {
    name: &'static str,
    resident_kib: u64,
    descriptors: usize,
    udp_sockets: usize,
}

/// Soaks and judges.
pub(crate) fn run(run: &Run, arguments: &Arguments) -> Result<(), BenchError> {
    let box_ = run.start(arguments.callers + 1)?;
    let folder = box_.folder();
    let sound = folder.join(SOUND);
    // A tone would tell no more than silence (0xd5, ITU-T G.711 A-law).
    std::fs::write(&sound, [0xd5; 8000]).map_err(BenchError::io("write", sound))?;
    let phones = Phones {
        callers: arguments.callers,
        rate: arguments.rate.max(1),
        caller: "soak_caller.xml",
        callee: "soak_callee.xml",
    };
    let office = Office::open(box_.sip, phones, folder)?;
    let idle = settled(&box_, None)?;
    tell("idle", &idle);
    let samples = load(&box_, &office, arguments, folder)?;
    let after = settled(&box_, Some(&idle))?;
    tell("after the last call", &after);
    judge(&idle, &samples, &after)
}

/// Runs the load and looks at the services every minute.
fn load(
    box_: &Installation,
    office: &Office<'_>,
    arguments: &Arguments,
    folder: &Path,
) -> Result<Vec<[Sample; 3]>, BenchError> {
    let seconds = arguments.minutes.max(1) * 60;
    let calls = seconds.saturating_sub(TALK_SECONDS) * arguments.rate.max(1);
    let numbers: Vec<String> = (0..arguments.callers).map(number).collect();
    let rate = arguments.registrations.max(1);
    std::thread::scope(|scope| {
        let calling = scope.spawn(|| office.call(calls));
        let registering = scope.spawn(|| {
            register(
                box_.sip,
                free_port()?,
                &numbers,
                seconds * rate,
                rate,
                folder,
            )
        });
        let mut samples = Vec::new();
        let began = Instant::now();
        while !(calling.is_finished() && registering.is_finished()) {
            std::thread::sleep(Duration::from_millis(200));
            let minutes = u32::try_from(samples.len() + 1).unwrap_or(u32::MAX);
            // The last one is taken while the calls still go on.
            let early = Duration::from_secs(TALK_SECONDS + 2);
            if began.elapsed() + early >= SAMPLE * minutes && u64::from(minutes) <= seconds / 60 {
                let sample = sample(box_);
                tell(&format!("minute {minutes}"), &sample);
                samples.push(sample);
                packets(box_)?;
            }
        }
        for (what, load) in [("calls", calling), ("registrations", registering)] {
            let ended = load.join();
            let outcome = ended.map_err(|_| BenchError::Load(format!("{what} panicked")))??;
            say(&format!(
                "{what}: {} done, {} failed, {} repeated by SIPp",
                outcome.succeeded, outcome.failed, outcome.retransmissions
            ));
            if outcome.failed * 1000 > outcome.succeeded * FAILED_MAX_PERMILLE {
                return Err(BenchError::Load(format!("too many {what} failed")));
            }
        }
        Ok(samples)
    })
}

fn sample(box_: &Installation) -> [Sample; 3] {
    box_.services().map(|service: &Service| Sample {
        name: service.name(),
        resident_kib: service.resident_kib(),
        descriptors: service.descriptors(),
        udp_sockets: service.udp_sockets(),
    })
}

/// Says how much sound the endpoints that are open have relayed; none is an error, or it would be
/// flat for nothing.
fn packets(box_: &Installation) -> Result<(), BenchError> {
    let media = BlockingClient::<Request, Reply>::new(box_.folder().join("media.sock"));
    let Reply::Endpoints(endpoints) = media.call(&Request::Status)? else {
        return Err(BenchError::Load("media does not say what is open".into()));
    };
    let sent: u64 = endpoints.iter().map(|(_, stats)| stats.sent).sum();
    let open = endpoints.len();
    say(&format!(
        "  {open} endpoints open, {sent} packets relayed by them"
    ));
    if sent == 0 {
        return Err(BenchError::Load("no sound is relayed".into()));
    }
    Ok(())
}

fn tell(when: &str, sample: &[Sample]) {
    let each: Vec<String> = sample
        .iter()
        .map(|one| {
            let Sample {
                name,
                resident_kib,
                descriptors,
                udp_sockets,
            } = one;
            format!("{name} {resident_kib} KiB, {descriptors} descriptors, {udp_sockets} UDP")
        })
        .collect();
    say(&format!("{when}: {}", each.join("; ")));
}

/// The services once nothing changes any more: as few things open as `before`, or when there is no
/// before, the same for a while.
fn settled(box_: &Installation, before: Option<&[Sample; 3]>) -> Result<[Sample; 3], BenchError> {
    let began = Instant::now();
    let mut last = sample(box_);
    let mut since = began;
    loop {
        std::thread::sleep(Duration::from_millis(500));
        let now = sample(box_);
        if open(&now) != open(&last) {
            since = Instant::now();
        }
        last = now;
        let is_settled = match before {
            Some(before) => open(before)
                .iter()
                .zip(open(&now))
                .all(|(old, new)| new <= *old),
            None => since.elapsed() >= Duration::from_secs(3),
        };
        if is_settled || began.elapsed() > SETTLE_MAX {
            return Ok(last);
        }
    }
}

/// What is open, without the memory.
fn open(sample: &[Sample; 3]) -> [(usize, usize); 3] {
    sample.map(|one| (one.descriptors, one.udp_sockets))
}

/// Whether it is flat. Memory is compared from a fifth of the time on: before that, every buffer
/// grows to the size it needs.
fn judge(
    idle: &[Sample; 3],
    samples: &[[Sample; 3]],
    after: &[Sample; 3],
) -> Result<(), BenchError> {
    let mut faults = Vec::new();
    let first = samples.get(samples.len() / 5);
    if let (Some(first), Some(last)) = (first, samples.last()) {
        for (first, last) in first.iter().zip(last) {
            let (from, to) = (first.resident_kib, last.resident_kib);
            let name = first.name;
            let cache = if name == "store" { STORE_CACHE_KIB } else { 0 };
            if to > from + GROWTH_KIB + cache + from * GROWTH_PERCENT / 100 {
                faults.push(format!("{name} grew from {from} to {to} KiB"));
            }
        }
    }
    for (idle, after) in idle.iter().zip(after) {
        let name = idle.name;
        if after.descriptors > idle.descriptors {
            let (old, new) = (idle.descriptors, after.descriptors);
            faults.push(format!(
                "{name} had {old} descriptors before the calls, {new} after"
            ));
        }
        if after.udp_sockets > idle.udp_sockets {
            let more = after.udp_sockets - idle.udp_sockets;
            faults.push(format!("{name} leaks {more} UDP ports"));
        }
    }
    if faults.is_empty() {
        say("flat: no memory grew, and nothing stayed open");
        return Ok(());
    }
    Err(BenchError::NotFlat(faults.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services(resident_kib: u64, descriptors: usize, udp_sockets: usize) -> [Sample; 3] {
        let one = |name| Sample {
            name,
            resident_kib,
            descriptors,
            udp_sockets,
        };
        [one("pbx"), one("media"), one("store")]
    }

    fn check(samples: &[[Sample; 3]], after: [Sample; 3], expected: Option<&str>) {
        let judged = judge(&services(5000, 20, 1), samples, &after);
        let fault = judged.err().map(|error| error.to_string());
        assert_eq!(fault.as_deref(), expected);
    }

    #[test]
    fn growth_and_leaks_are_told() {
        let idle = services(5000, 20, 1);
        let flat = [services(9000, 60, 41), services(9100, 50, 31)];
        check(&flat, idle, None);
        let mut grown = flat;
        grown[1][0].resident_kib = 9000 + 1024 + 451;
        check(
            &grown,
            idle,
            Some("not flat: pbx grew from 9000 to 10475 KiB"),
        );
        let mut after = idle;
        after[1].udp_sockets = 5;
        check(&flat, after, Some("not flat: media leaks 4 UDP ports"));
        let mut after = idle;
        after[2].descriptors = 21;
        let fault = "not flat: store had 20 descriptors before the calls, 21 after";
        check(&flat, after, Some(fault));
    }
}
