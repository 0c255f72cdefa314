//! The store from outside: questions, restarts, power cuts, full and damaged disks.

#![expect(
    clippy::cast_possible_truncation,
    reason = "the numbers of a test are small"
)]

mod backups;
mod backups_kept;
mod bans;
mod brought;
mod call_back;
mod chores;
mod counting;
mod cuts;
mod damage;
mod erasing;
mod failing_disk;
mod full_disk;
mod keeping;
mod killed;
mod lost_key;
mod merging;
mod numbers;
mod power_cut;
mod replaced;
mod replacing;
mod serving;
mod sim_disk;
mod sim_files;
mod sounds;
mod trail;
mod versions;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ipc::Redacted;
use ipc::site::{Extension, Site};
use ipc::store::{
    Audit, CallFilter, CallRecord, Health, Outcome, Registration, Reply, Request, RestoreState,
};
use sansio::UnixTime;

use crate::{DataDisk, Medium, Peers, Store};

const STORE: u32 = 101;
const NET: u32 = 102;
const PBX: u32 = 103;
const WEB: u32 = 105;
const PROVISION: u32 = 107;
const GRID: u32 = 111;
const GUARD: u32 = 113;

/// A directory of its own, gone with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ramal-store-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("the temporary directory can be written");
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn store(&self) -> Store {
        store(Box::new(DataDisk::new(&self.0)), &self.0)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn store(medium: Box<dyn Medium>, directory: &Path) -> Store {
    try_store(medium, directory).expect("the store opens")
}

fn try_store(medium: Box<dyn Medium>, directory: &Path) -> Result<Store, crate::OpenError> {
    let now = UnixTime::from_millis(1_700_000_000_000);
    try_store_by(medium, directory, move || now, now)
}

/// With a clock, and made at that time.
fn try_store_by(
    medium: Box<dyn Medium>,
    directory: &Path,
    clock: impl Fn() -> UnixTime + Send + Sync + 'static,
    made: UnixTime,
) -> Result<Store, crate::OpenError> {
    let peers = Peers {
        own: STORE,
        net: NET,
        pbx: PBX,
        web: WEB,
        provision: PROVISION,
        grid: GRID,
        guard: GUARD,
    };
    let store = Store::open(medium, directory, peers, Arc::new(clock))?;
    store.made_at(made);
    Ok(store)
}

fn call(number: u32, outcome: Outcome) -> CallRecord {
    CallRecord {
        id: format!(
            "{:013}-{number:08x}",
            1_700_000_000_000_u64 + u64::from(number)
        ),
        from: "100".into(),
        to: "101".into(),
        source: "10.77.0.2:5060".into(),
        started_millis: 1_700_000_000_000 + i64::from(number),
        answered_millis: None,
        ended_millis: None,
        outcome,
        status: 200,
        dtmf_digits: 3,
        packets_to_callee: 10,
        packets_to_caller: 11,
        ..CallRecord::default()
    }
}

fn registration(extension: &str) -> Registration {
    Registration {
        extension: extension.into(),
        contact: format!("sip:{extension}@10.77.0.2:5060"),
        source: "udp 10.77.0.2:5060".into(),
        local: "10.77.0.50:5060".into(),
        expires_secs: 600,
        kept_millis: 1,
        call_id: "a".into(),
        cseq: 1,
        user_agent: "phone".into(),
        params: ";+sip.instance=\"<urn:uuid:1>\";reg-id=1".to_owned(),
        path: "<sip:proxy.example;lr>".to_owned(),
        reg_id: 1,
    }
}

fn audit(action: &str) -> Audit {
    Audit {
        who: "admin".into(),
        action: action.into(),
        ..Audit::default()
    }
}

/// The current configuration with one extension more.
fn grown(store: &Store) -> (u64, Site) {
    let (base, mut site) = config(store);
    let number = (100 + site.extensions.len()).to_string();
    site.extensions.push(Extension {
        number,
        display_name: String::new(),
        ha1_md5: Redacted::new("0".repeat(32)),
        ha1_sha256: Redacted::new("0".repeat(64)),
        ..Extension::default()
    });
    (base, site)
}

fn commit(store: &Store) -> Reply {
    let (base, site) = grown(store);
    store.ask(
        WEB,
        Request::Commit {
            base,
            audit: audit("extension created"),
            site,
        },
    )
}

fn config(store: &Store) -> (u64, Site) {
    match store.ask(WEB, Request::Config) {
        Reply::Config { version, site } => (version, site),
        other => panic!("{other:?}"),
    }
}

fn calls(store: &Store, limit: u32, before: Option<&str>) -> Vec<CallRecord> {
    match store.ask(
        WEB,
        Request::Calls {
            limit,
            before: before.map(Into::into),
            only: CallFilter::default(),
        },
    ) {
        Reply::Calls(calls) => calls,
        other => panic!("{other:?}"),
    }
}

fn health(store: &Store) -> Health {
    match store.ask(WEB, Request::Health) {
        Reply::Health(health) => health,
        other => panic!("{other:?}"),
    }
}
