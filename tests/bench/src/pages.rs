//! How long each page takes at 1,000 extensions and as many call records as the store keeps (at
//! most 100 ms).
//!
//! Asked by the control socket, so TLS is not in it, which a browser sets up once; everything
//! behind it is. Wall time is what a person waits, processor time what a busy machine does not
//! change.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use native::{Installation, Plan, Service};

use crate::backup::{RECORDS_MAX, fill, record, within_the_limit};
use crate::measure::{part, sorted_millis};
use crate::{BenchError, Run, say};

/// What is measured.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Call records in the store; it keeps 200,000.
    #[arg(long, default_value_t = RECORDS_MAX, value_parser = within_the_limit())]
    records: u32,
    /// Extensions.
    #[arg(long, default_value_t = 1_000)]
    extensions: usize,
}

/// Each page is asked for so often.
const TIMES: u32 = 20;

/// What no page may take longer than.
const BAR_MILLIS: f64 = 100.0;

/// The pages without files and streams; one of a call, an extension and a search among them.
const PAGES: [&str; 40] = [
    "/",
    "/about",
    "/audit",
    "/backups",
    "/calls",
    "/calls?number=01191000",
    "/calls?number=%2B5548999999999",
    "/capture",
    "/certificate",
    "/extension-list",
    "/extensions",
    "/extensions/1000",
    "/firmware",
    "/grid",
    "/groups",
    "/history",
    "/logs",
    "/network",
    "/new/group",
    "/new/person",
    "/new/prompt",
    "/new/route",
    "/new/time",
    "/new/trunk",
    "/people",
    "/privacy",
    "/prompts",
    "/routes",
    "/settings",
    "/settings/dialling",
    "/settings/features",
    "/settings/limits",
    "/settings/networks",
    "/settings/parking",
    "/settings/recording",
    "/settings/retention",
    "/site",
    "/times",
    "/trace",
    "/trunks",
];

pub(crate) fn run(run: &Run, arguments: &Arguments) -> Result<(), BenchError> {
    let plan = Plan {
        keep: run.keep,
        backups: true,
        ..Plan::on_loopback(run.ramal.clone(), arguments.extensions)
    };
    let box_ = Installation::start(&plan, |_| {})?;
    fill(arguments.records, record, |calls| {
        Ok(box_.ask_store(&calls)?)
    })?;
    let (web, control) = box_.serve_web()?;
    // The index of calls is made by the first search; that is the store's figure (`search`).
    let is_slow = |(took, _)| took >= Duration::from_secs(1);
    while ask(&control, "/calls?number=01191000")?.is_some_and(is_slow) {}
    let (mut slowest, mut count) = (0.0_f64, 0);
    for page in PAGES {
        match measured(page, &box_, &web, &control)? {
            Some(middle) => {
                slowest = slowest.max(middle);
                count += 1;
            }
            None => say(&format!("{page}: of a service that does not run here")),
        }
    }
    say(&format!(
        "{count} pages at {} extensions and {} call records: {slowest:.1} ms in the middle for the \
         slowest; bar {BAR_MILLIS} ms",
        arguments.extensions, arguments.records,
    ));
    match slowest <= BAR_MILLIS {
        true => Ok(()),
        false => Err(BenchError::OverTheBar(format!(
            "a page takes {slowest:.1} ms"
        ))),
    }
}

/// Milliseconds in the middle; `None` for a page that asks `init`, `net` or `grid`.
fn measured(
    page: &str,
    box_: &Installation,
    web: &Service,
    control: &Path,
) -> Result<Option<f64>, BenchError> {
    let spent = || web.cpu_millis() + box_.store.cpu_millis() + box_.pbx.cpu_millis();
    let before = spent();
    let mut times = Vec::new();
    let mut bytes = 0;
    for _ in 0..TIMES {
        let Some((took, length)) = ask(control, page)? else {
            return Ok(None);
        };
        times.push(took);
        bytes = length;
    }
    let each = spent().saturating_sub(before) / u64::from(TIMES);
    let times = sorted_millis(times);
    let middle = part(&times, 50);
    say(&format!(
        "{page}: {} KiB; {middle:.1} ms in the middle, {:.1} at most, {each} of processor time",
        bytes / 1024,
        part(&times, 100),
    ));
    Ok(Some(middle))
}

/// How long the page takes, and how long it is; `None` where what it shows cannot be asked.
fn ask(control: &Path, page: &str) -> Result<Option<(Duration, usize)>, BenchError> {
    let begun = Instant::now();
    let mut stream = UnixStream::connect(control).map_err(BenchError::io("ask", control))?;
    let request = format!("GET {page} HTTP/1.1\r\nHost: ramal.local\r\nConnection: close\r\n\r\n");
    let sent = stream.write_all(request.as_bytes());
    sent.map_err(BenchError::io("ask", control))?;
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    read.map_err(BenchError::io("ask", control))?;
    let took = begun.elapsed();
    if answer.starts_with(b"HTTP/1.1 503 ") {
        return Ok(None);
    }
    if !answer.starts_with(b"HTTP/1.1 200 ") {
        let line = answer.split(|it| *it == b'\r').next().unwrap_or_default();
        return Err(BenchError::Load(format!(
            "{page}: {}",
            String::from_utf8_lossy(line)
        )));
    }
    Ok(Some((took, answer.len())))
}
