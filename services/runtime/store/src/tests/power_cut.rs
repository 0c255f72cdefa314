//! The power goes at any write or sync; what was acknowledged is there afterwards.

use ipc::store::laid_down::NETWORK;
use sansio::Rng;

use super::sim_disk::SimDisk;
use super::*;

/// Seeds a push; each cuts the power at another place.
const SEEDS: u64 = 150;

/// The entry of a change of the network's setting.
const NETWORK_SET: &str = "network set";

/// What the store has promised so far.
#[derive(Default)]
struct Promised {
    calls: Vec<CallRecord>,
    version: u64,
    audits: u64,
    secret: Option<u8>,
    registrations: Option<u32>,
    network: Option<String>,
}

/// One random question; `false` when it was not granted.
fn step(store: &Store, rng: &mut Rng, number: u32, promised: &mut Promised) -> bool {
    match rng.below(7) {
        0 => {
            let granted = matches!(commit(store), Reply::Committed { .. });
            promised.version += u64::from(granted);
            promised.audits += u64::from(granted);
            granted
        }
        1 => {
            let asked = store.ask(WEB, Request::Audit(audit(&format!("step {number}"))));
            promised.audits += u64::from(asked == Reply::Stored);
            asked == Reply::Stored
        }
        2 => {
            let value = rng.below(200) as u8;
            let put = Request::PutSecret("key".into(), Redacted::new(vec![value; 900]));
            let granted = store.ask(WEB, put) == Reply::Stored;
            if granted {
                promised.secret = Some(value);
            }
            granted
        }
        3 => {
            let kept = rng.below(40) as u32;
            let all = (0..kept).map(|n| registration(&n.to_string())).collect();
            let granted = store.ask(PBX, Request::PutRegistrations(all)) == Reply::Stored;
            if granted {
                promised.registrations = Some(kept);
            }
            granted
        }
        4 => {
            let network = format!("10.0.0.{}/24 - -", number + 1);
            let asked = Request::SetNetwork {
                network: Some(network.clone()),
                audit: audit(NETWORK_SET),
            };
            let granted = store.ask(WEB, asked) == Reply::Stored;
            if granted {
                promised.audits += 1;
                promised.network = Some(network);
            }
            granted
        }
        _ => {
            let count = 1 + rng.below(20) as u32;
            let records: Vec<_> = (0..count)
                .map(|n| call(number * 100 + n, Outcome::Cancelled))
                .collect();
            let granted = store.ask(PBX, Request::PutCalls(records.clone())) == Reply::Stored;
            if granted {
                promised.calls.extend(records);
            }
            granted
        }
    }
}

fn check(seed: u64) {
    let scratch = Scratch::new();
    let disk = SimDisk::new();
    let mut rng = Rng::from_seed(seed);
    let before = store(Box::new(disk.clone()), scratch.path());
    let mut promised = Promised {
        version: 1,
        audits: 1,
        ..Promised::default()
    };
    disk.cut_after(rng.below(400));
    let steps = (1..40).take_while(|number| step(&before, &mut rng, *number, &mut promised));
    let steps = steps.count();
    disk.cut_after(0);
    drop(before);
    // A snapshot that is newer than the database must not be needed.
    std::fs::remove_dir_all(scratch.path()).expect("it is ours");
    std::fs::create_dir_all(scratch.path()).expect("it is ours");
    disk.power_on(&mut rng);
    let after = store(Box::new(disk.clone()), scratch.path());

    let place = format!("seed {seed} after {steps} steps");
    assert_eq!(disk.times_set_aside(), 0, "{place}");
    assert_eq!(health(&after).warning, "", "{place}");
    let found = calls(&after, 1000, None);
    for record in &promised.calls {
        assert!(
            found.contains(record),
            "{place}: call {} is lost",
            record.id
        );
    }
    let version = config(&after).0;
    assert!(
        (promised.version..=promised.version + 1).contains(&version),
        "{place}: version {version}"
    );
    let Reply::AuditTrail(trail) = after.ask(WEB, Request::AuditTrail { limit: 1000 }) else {
        panic!("{place}")
    };
    assert!(
        trail.len() as u64 >= promised.audits,
        "{place}: {} audits",
        trail.len()
    );
    if let Some(value) = promised.secret {
        let Reply::Secret(Some(kept)) = after.ask(WEB, Request::Secret("key".into())) else {
            panic!("{place}: the secret is lost")
        };
        // The one asked for as the power went may or may not have made it, but is whole.
        assert!(
            kept.reveal().iter().all(|byte| *byte == kept.reveal()[0]),
            "{place}"
        );
        assert_eq!(kept.reveal().len(), 900, "{place}: {value}");
    }
    let Reply::Secret(network) = after.ask(NET, Request::Secret(NETWORK.into())) else {
        panic!("{place}: the network's setting")
    };
    let network = network.map(|it| String::from_utf8(it.reveal().clone()).expect("text"));
    let entered = trail.iter().find(|it| it.audit.action == NETWORK_SET);
    let entered = entered.map(|it| it.audit.after.clone());
    assert_eq!(network, entered, "{place}: who set it is on record");
    let number = |text: &String| text["10.0.0.".len()..text.find('/')?].parse::<u32>().ok();
    let (kept, promised) = (network.as_ref(), promised.network.as_ref());
    assert!(
        kept.and_then(number) >= promised.and_then(number),
        "{place}: {kept:?}, and {promised:?} was promised"
    );
    assert!(
        matches!(commit(&after), Reply::Committed { .. }),
        "{place}: it works on"
    );
}

#[test]
fn nothing_acknowledged_is_lost_wherever_the_power_goes() {
    for seed in 0..SEEDS {
        check(seed);
    }
}

#[test]
fn a_power_cut_while_the_first_content_is_written_leaves_a_box_as_new() {
    let mut opened = false;
    let mut cut = 0;
    while !opened {
        let (scratch, disk) = (Scratch::new(), SimDisk::new());
        disk.cut_after(cut);
        opened = try_store(Box::new(disk.clone()), scratch.path()).is_ok();
        disk.power_on(&mut Rng::from_seed(cut));
        let after = store(Box::new(disk.clone()), scratch.path());
        let place = format!("a cut after {cut} operations");
        assert_eq!(disk.times_set_aside(), 0, "{place}");
        assert_eq!(health(&after).warning, "", "{place}");
        assert_eq!(config(&after).0, 1, "{place}");
        cut += 1;
    }
    assert!(cut > 10, "{cut} places were cut");
}
