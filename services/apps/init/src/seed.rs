//! The seed: a secret that is kept from one start to the next, so that a box without a hardware
//! source of random numbers has good ones before its first key is made.
//!
//! ```text
//! read it -> the next one is made of it, written and on the disk -> only then it is used
//! ```
//! So no seed is used twice, wherever the power fails. It lies on the encrypted data, and no image
//! has one: the first start makes it. A copy of the disk in another box has the same one, so what
//! is made of it depends on the box too, and there it counts for nothing.

use std::fs;
use std::path::Path;

use kernel::random::{self, Secret};
use kernel::{Context as _, SystemError, clock};
use sha2::{Digest as _, Sha256};

use crate::console::Console;
use crate::data::DATA;
use crate::replace::replace;

/// Gives the kernel the seed of the box, whose data are mounted.
pub(crate) fn use_once(console: &mut Console) {
    let file = Path::new(DATA).join(FILE);
    let now = Surroundings {
        machine: machine(),
        moment: moment(),
        fresh: random::secret(),
        noise: random::anything(),
    };
    let (keep, contribution) = next(&fs::read(&file).unwrap_or_default(), &now);
    let kept = replace(&file, &keep.encode()).context("write", file.display());
    let mixed = match told(kept.map(|()| contribution), console) {
        Some(Contribution {
            secret,
            counts: true,
        }) => random::credit(&secret),
        Some(Contribution { secret, .. }) => random::mix(&secret),
        // What is not kept is not used: it would be the same at the next start.
        None => random::mix(&now.bytes()),
    };
    told(mixed, console);
}

/// Writes a seed of all that the kernel has gathered, before the system ends.
pub(crate) fn renew(console: &mut Console) {
    let Some(secret) = random::secret() else {
        return;
    };
    let seed = Seed {
        secret,
        machine: machine(),
        counts: true,
    };
    let file = Path::new(DATA).join(FILE);
    told(
        replace(&file, &seed.encode()).context("write", file.display()),
        console,
    );
}

fn told<T>(result: Result<T, SystemError>, console: &mut Console) -> Option<T> {
    result
        .map_err(|error| console.line(&format!("ramal: {error}")))
        .ok()
}

/// What is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Seed {
    secret: Secret,
    /// A hash of what tells the box that wrote it from others.
    machine: [u8; 32],
    /// Whether the kernel had gathered enough when it was made.
    counts: bool,
}

/// What else is known at a start.
struct Surroundings {
    machine: [u8; 32],
    /// Clocks and counters: not secret, but seldom the same.
    moment: Vec<u8>,
    /// Of the kernel, when it has gathered enough.
    fresh: Option<Secret>,
    /// Of the kernel, whatever it has.
    noise: Secret,
}

/// What the kernel is given.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Contribution {
    secret: Secret,
    /// Whether it counts: it is the box's own, and was a secret when it was made.
    counts: bool,
}

/// The seed for the next start, and what this start gets, of the bytes that were kept. Neither
/// tells of the other.
fn next(kept: &[u8], now: &Surroundings) -> (Seed, Contribution) {
    let seed = Seed::decode(kept);
    let is_own = |it: &Seed| it.counts && it.machine == now.machine;
    let counts = seed.as_ref().is_some_and(is_own);
    let make = |purpose: &[u8]| -> Secret {
        let hash = Sha256::new().chain_update(purpose).chain_update(kept);
        hash.chain_update(now.bytes()).finalize().into()
    };
    let keep = Seed {
        secret: make(b"ramal seed: keep"),
        machine: now.machine,
        counts: counts || now.fresh.is_some(),
    };
    let secret = make(b"ramal seed: use");
    (keep, Contribution { secret, counts })
}

impl Surroundings {
    fn bytes(&self) -> Vec<u8> {
        let fresh = self.fresh.unwrap_or_default();
        [&self.machine[..], &fresh, &self.noise, &self.moment].concat()
    }
}

impl Seed {
    fn encode(&self) -> Vec<u8> {
        let counts = [u8::from(self.counts)];
        [MAGIC, &self.secret, &self.machine, &counts].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (secret, rest) = rest.split_first_chunk()?;
        let (machine, rest) = rest.split_first_chunk()?;
        let counts = match rest {
            [counts] => *counts == 1,
            _ => return None,
        };
        Some(Self {
            secret: *secret,
            machine: *machine,
            counts,
        })
    }
}

/// What tells this box from others: numbers of the board and of its network interfaces.
fn machine() -> [u8; 32] {
    let mut hash = Sha256::new();
    for name in ["product_uuid", "product_serial", "board_serial"] {
        hash.update(fs::read(Path::new("/sys/class/dmi/id").join(name)).unwrap_or_default());
        hash.update([0]);
    }
    let interfaces = fs::read_dir("/sys/class/net").into_iter().flatten();
    let address = |it: fs::DirEntry| fs::read(it.path().join("address")).ok();
    let mut addresses: Vec<_> = interfaces.flatten().filter_map(address).collect();
    addresses.sort_unstable();
    hash.update(addresses.concat());
    hash.finalize().into()
}

fn moment() -> Vec<u8> {
    let since_boot = clock::since_boot().as_nanos().to_le_bytes();
    [&since_boot[..], &clock::unix_seconds().to_le_bytes()].concat()
}

const FILE: &str = "seed";
const MAGIC: &[u8] = b"RMLSEED1";

#[cfg(test)]
mod tests {
    use super::*;

    fn at(machine: u8, moment: u8, fresh: Option<u8>) -> Surroundings {
        Surroundings {
            machine: [machine; 32],
            moment: vec![moment],
            fresh: fresh.map(|byte| [byte; 32]),
            noise: [0; 32],
        }
    }

    /// A folder with nothing in it.
    struct Folder(std::path::PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let unique = format!("ramal-seed-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(unique);
            fs::create_dir_all(&path).expect("made");
            Self(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_first_seed_of_a_box_counts_from_the_second_start_on() {
        let (first, given) = next(&[], &at(1, 0, Some(9)));
        assert!(first.counts && !given.counts);
        let (second, given) = next(&first.encode(), &at(1, 1, None));
        assert!(second.counts && given.counts);
        // A kernel that had gathered nothing yet makes one that never counts of itself.
        let (poor, _) = next(&[], &at(1, 0, None));
        assert!(!poor.counts);
        assert!(!next(&poor.encode(), &at(1, 1, None)).1.counts);
    }

    #[test]
    fn no_start_gets_what_another_got_or_what_is_kept() {
        let mut kept = next(&[], &at(1, 0, Some(9))).0.encode();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..50 {
            // The clock stands still, and the kernel has nothing.
            let (keep, given) = next(&kept, &at(1, 0, None));
            assert!(seen.insert(keep.secret) && seen.insert(given.secret));
            kept = keep.encode();
        }
    }

    #[test]
    fn a_copy_of_the_disk_in_another_box_gets_other_numbers_and_they_do_not_count() {
        let kept = next(&[], &at(1, 0, Some(9))).0.encode();
        let (own, copy) = (next(&kept, &at(1, 5, None)), next(&kept, &at(2, 5, None)));
        assert!(own.1.counts && !copy.1.counts);
        assert_ne!(own.1.secret, copy.1.secret);
        assert_ne!(own.0.secret, copy.0.secret);
        // Nor later, until its own kernel has made one that does.
        assert!(!next(&copy.0.encode(), &at(2, 6, None)).1.counts);
    }

    #[test]
    fn what_is_damaged_or_cut_short_never_counts() {
        let kept = next(&[], &at(1, 0, Some(9))).0.encode();
        for length in 0..kept.len() {
            assert!(!next(&kept[..length], &at(1, 1, None)).1.counts, "{length}");
        }
        let longer = [&kept[..], b"x"].concat();
        assert!(!next(&longer, &at(1, 1, None)).1.counts);
    }

    #[test]
    fn a_seed_takes_the_place_of_the_one_before_and_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = Folder::new("file");
        let file = folder.0.join(FILE);
        let (first, _) = next(&[], &at(1, 0, Some(9)));
        let (second, _) = next(&first.encode(), &at(1, 1, None));
        // What a power cut left of an attempt before.
        fs::write(file.with_extension("new"), b"torn and longer".repeat(20)).expect("written");
        for seed in [&first, &second] {
            replace(&file, &seed.encode()).expect("written");
            let read = Seed::decode(&fs::read(&file).expect("read"));
            assert_eq!(read.as_ref(), Some(seed));
        }
        assert!(!file.with_extension("new").exists());
        let mode = fs::metadata(&file).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(replace(&folder.0.join("absent/seed"), &first.encode()).is_err());
    }

    #[test]
    fn a_host_is_the_same_machine_each_time() {
        assert_eq!(machine(), machine());
    }
}
