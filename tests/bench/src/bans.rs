//! What `guard` takes for many bans, and how soon after its start doors know them (E3 of the
//! research on security: 100,000 in at most 64 MiB and 2 s).

use std::time::{Duration, Instant};

use ipc::guard::{self, BanRow, Offence};
use ipc::site::Site;
use ipc::store::{self, Audit, BanChanges};
use native::{Folder, Home, Service, say, unix};
use run_loop::ipc::{BlockingClient, Subscription};

use crate::{BenchError, Run};

/// Memory allowed, KiB.
const BAR_KIB: u64 = 64 * 1024;
/// From the start of the process until a door knows all bans.
const BAR: Duration = Duration::from_secs(2);
/// Bans that one change has at most.
const CHANGED_MAX: usize = 20_000;

/// Command line of `bans`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many are banned; 120,000 are kept.
    #[arg(long, default_value_t = 100_000, value_parser = up_to_all())]
    bans: u32,
}

fn up_to_all() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=120_000)
}

type Store = BlockingClient<store::Request, store::Reply>;

/// Measures and judges.
pub(crate) fn run(run: &Run, arguments: &Arguments) -> Result<(), BenchError> {
    let folder = Folder::new(run.keep)?;
    let home = Home {
        ramal: run.ramal.clone(),
        folder: folder.path.clone(),
    };
    let data = home.folder.join("data");
    std::fs::create_dir(&data).map_err(BenchError::io("make", &data))?;
    let data = data.to_string_lossy();
    let _store = Service::start(
        &home,
        "store",
        &["--data", &data],
        &[("ipc", unix(&home, "store")?)],
    )?;
    let store = Store::new(home.folder.join("store.sock"));
    switch_on(&store)?;
    fill(&store, arguments.bans)?;
    let begun = Instant::now();
    let socket = unix(&home, "guard")?;
    let guard = Service::start(&home, "guard", &[], &[("ipc", socket)])?;
    let known = watched(&home)?;
    let took = begun.elapsed();
    let kib = guard.resident_kib();
    say(&format!(
        "bans: {known} known to a door {:.2} s after the start; {:.1} MiB of memory; bars {} s and \
         {} MiB",
        took.as_secs_f64(),
        f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1024.0,
        BAR.as_secs(),
        BAR_KIB / 1024
    ));
    if known != arguments.bans.div_ceil(2) as usize {
        return Err(BenchError::Load(format!("{known} bans came back")));
    }
    if took > BAR || kib > BAR_KIB {
        return Err(BenchError::OverTheBar(format!("{took:?}, {kib} KiB")));
    }
    Ok(())
}

/// Bans are off on a box where nobody has said otherwise, and then none is kept.
fn switch_on(store: &Store) -> Result<(), BenchError> {
    let store::Reply::Config { version, site } = store.call(&store::Request::Config)? else {
        return Err(BenchError::Load("the store has no site".into()));
    };
    let request = store::Request::Commit {
        base: version,
        audit: Audit::default(),
        site: Site {
            guard: ipc::site::Guard {
                on: true,
                ..site.guard
            },
            ..site
        },
    };
    match store.call(&request)? {
        store::Reply::Committed { .. } => Ok(()),
        other => Err(BenchError::Load(format!("not switched on: {other:?}"))),
    }
}

fn fill(store: &Store, bans: u32) -> Result<(), BenchError> {
    let all: Vec<BanRow> = (0..bans).map(ban).collect();
    let mut slowest = Duration::ZERO;
    for some in all.chunks(CHANGED_MAX) {
        let begun = Instant::now();
        let changes = BanChanges {
            put: some.to_vec(),
            ..BanChanges::default()
        };
        match store.call(&store::Request::ChangeBans(changes))? {
            store::Reply::Stored => slowest = slowest.max(begun.elapsed()),
            other => return Err(BenchError::Load(format!("not kept: {other:?}"))),
        }
    }
    say(&format!(
        "  {} of them were kept in {:.2} s, one commit",
        bans.min(20_000),
        slowest.as_secs_f64()
    ));
    Ok(())
}

/// One as attackers get them: what was tried is the longest that is kept, and every other ban is
/// over and kept for the next.
fn ban(number: u32) -> BanRow {
    let [a, b, c, d] = number.to_be_bytes();
    BanRow {
        network: format!("{}.{b}.{c}.{d}/32", a.saturating_add(100)),
        offence: Offence::SipPassword,
        count: 5,
        within_secs: 600,
        tried: ["a", "b", "c"].map(|it| it.repeat(40)).to_vec(),
        since_secs: 1_700_000_000,
        left_secs: u64::from(number.is_multiple_of(2)) * 3_600,
        until_secs: None,
        times: 1,
    }
}

/// How many are banned, as a door is told first.
fn watched(home: &Home) -> Result<usize, BenchError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(BenchError::io("start", "a runtime"))?;
    let path = home.folder.join("guard.sock");
    let told = runtime.block_on(async {
        let mut watch = Subscription::open(path, &guard::Request::Watch).await?;
        watch.next().await
    });
    match told? {
        guard::Reply::Bans(bans) if bans.is_whole => Ok(bans.banned.len()),
        other => Err(BenchError::Load(format!("no bans: {other:?}"))),
    }
}
