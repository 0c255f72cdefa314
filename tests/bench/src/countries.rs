//! What the table of countries takes: memory, the time to read it, and the time of one answer.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use countries::Table;
use native::say;
use sansio::Rng;

use crate::BenchError;

/// One answer, in the middle of many.
const BAR: Duration = Duration::from_micros(1);
/// Memory that stays, KiB.
const BAR_KIB: u64 = 4 * 1024;
/// Answers that are timed together.
const ANSWERS: u32 = 1_000_000;

/// Command line of `countries`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The table, as `cargo image countries` makes it.
    #[arg(long, value_name = "FILE")]
    table: PathBuf,
}

/// Measures and judges.
pub(crate) fn run(arguments: &Arguments) -> Result<(), BenchError> {
    let before = resident_kib()?;
    let begun = Instant::now();
    let path = &arguments.table;
    let bytes = std::fs::read(path).map_err(BenchError::io("read", path))?;
    let whole = bytes.len();
    let table = Table::parse(bytes);
    let table = table.map_err(|damage| BenchError::Load(damage.to_string()))?;
    let read = begun.elapsed();
    let kib = resident_kib()?.saturating_sub(before);
    let mut rng = Rng::from_seed(7);
    let mut ipv4 = || IpAddr::from(Ipv4Addr::from_bits(low(rng.next_u64())));
    let ipv4 = each(&table, &mut ipv4);
    let mut rng = Rng::from_seed(7);
    // Among 2000::/3, where all addresses are that anybody has.
    let mut ipv6 = || {
        let line = rng.next_u64() >> 3 | 1 << 61;
        IpAddr::from(Ipv6Addr::from_bits(u128::from(line) << 64))
    };
    let ipv6 = each(&table, &mut ipv6);
    say(&format!(
        "countries: a table of {} KiB read in {:.1} ms, {kib} KiB of memory; an answer takes {} ns \
         for IPv4, {} ns for IPv6; bars {} ns and {BAR_KIB} KiB",
        whole / 1024,
        read.as_secs_f64() * 1_000.0,
        ipv4.as_nanos(),
        ipv6.as_nanos(),
        BAR.as_nanos(),
    ));
    if ipv4.max(ipv6) > BAR || kib > BAR_KIB {
        return Err(BenchError::OverTheBar(format!(
            "{ipv4:?}, {ipv6:?}, {kib} KiB"
        )));
    }
    Ok(())
}

/// How long one answer takes, of many addresses that were drawn before.
fn each(table: &Table, draw: &mut dyn FnMut() -> IpAddr) -> Duration {
    let addresses: Vec<_> = (0..ANSWERS).map(|_| draw()).collect();
    let begun = Instant::now();
    for address in addresses {
        black_box(table.country(black_box(address)));
    }
    begun.elapsed() / ANSWERS
}

fn low(number: u64) -> u32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// What this process has in memory, KiB (proc(5), `statm`).
fn resident_kib() -> Result<u64, BenchError> {
    let path = Path::new("/proc/self/statm");
    let text = std::fs::read_to_string(path).map_err(BenchError::io("read", path))?;
    let pages = text.split(' ').nth(1).and_then(|it| it.parse::<u64>().ok());
    let pages = pages.ok_or_else(|| BenchError::Load(format!("statm says {text:?}")))?;
    let page = u64::try_from(rustix::param::page_size()).unwrap_or(4096);
    Ok(pages.saturating_mul(page) / 1024)
}
