//! The errand on a file that stands for the partition, with answers of a store.

use std::cell::RefCell;
use std::io::Write as _;
use std::path::PathBuf;

use super::*;

const FILE: &str = "version = 1\n[network]\nmethod = \"static\"\naddress = \"10.77.0.9/24\"\n\
                    [site]\nhost_name = \"matriz\"\ntime_zone = \"America/Manaus\"\n\
                    [administrator]\nlogin_key_sha256 = \
                    \"e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3e3\"\n\
                    [grid]\ncode = \"K7QF-9M2X-TRWA-03BD\"\n";

/// A partition with this file; gone with it.
struct Esp(PathBuf);

impl Esp {
    fn with(name: &str, content: &[u8]) -> Self {
        let name = format!("ramal-errand-{name}-{}", std::process::id());
        let esp = Self(std::env::temp_dir().join(name));
        File::create(&esp.0)
            .and_then(|file| file.set_len(4 << 20))
            .expect("made");
        let mut file = esp.file();
        fatfs::format_volume(&mut file, fatfs::FormatVolumeOptions::new()).expect("formatted");
        let volume = fatfs::FileSystem::new(file, fatfs::FsOptions::new()).expect("a FAT");
        let folder = volume.root_dir();
        folder.create_dir("RAMAL").expect("made");
        let mut file = folder.create_file(PROVISION_PATH).expect("made");
        file.write_all(content).expect("written");
        drop(file);
        drop(folder);
        volume.unmount().expect("whole");
        esp
    }

    fn file(&self) -> File {
        let file = File::options().read(true).write(true).open(&self.0);
        file.expect("there")
    }

    /// What the errand tells, and what the store was asked, when the store answers so.
    fn run(&self, answer: impl Fn() -> Result<Reply, CallError>) -> (Vec<News>, Vec<Request>) {
        let (asked, mut told) = (RefCell::new(Vec::new()), Vec::new());
        let ask = |request: &Request| {
            asked.borrow_mut().push(request.clone());
            answer()
        };
        errand(&self.file(), ask, |news| told.push(news)).expect("the partition is sound");
        (told, asked.into_inner())
    }

    fn is_there(&self) -> bool {
        let found = open(&self.file()).and_then(|file| file.read(1 << 16));
        found.expect("read") != Found::Nothing
    }

    fn has(&self, secret: &[u8]) -> bool {
        let bytes = std::fs::read(&self.0).expect("read");
        bytes.windows(secret.len()).any(|it| it == secret)
    }
}

impl Drop for Esp {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_file_is_kept_whole_then_wiped_and_no_secret_is_printed() {
    let esp = Esp::with("whole", FILE.as_bytes());
    let (told, asked) = esp.run(|| Ok(Reply::Stored));
    assert_eq!(told, [News::Applied, News::Wiped]);
    let [Request::Provision(kept)] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    assert_eq!(kept.time_zone.as_deref(), Some("America/Manaus"));
    assert_eq!(kept.network.as_deref(), Some("10.77.0.9/24 - -"));
    assert_eq!(kept.address, Some([10, 77, 0, 9].into()));
    assert_eq!(kept.host_name.as_deref(), Some("matriz"));
    let key = kept.login_key_sha256.as_ref().map(|it| *it.reveal());
    assert_eq!(key, Some([0xe3; 32]));
    let shown = format!("{kept:?}");
    assert!(!shown.contains("K7QF") && !shown.contains("227"), "{shown}");
    assert!(!esp.is_there() && !esp.has(b"K7QF"));
    let (told, asked) = esp.run(|| panic!("nothing is left to be kept"));
    assert!(told.is_empty() && asked.is_empty());
}

#[test]
fn what_the_store_may_not_have_is_not_wiped() {
    let closed = || {
        let path = "store.sock".to_owned();
        Err(CallError::Closed { path })
    };
    let full = || {
        let reason = "the disk is full".to_owned();
        Ok(Reply::Failed { reason })
    };
    let refused = || Ok(Reply::Refused { uid: 107 });
    let answers: [&dyn Fn() -> Result<Reply, CallError>; 3] = [&closed, &full, &refused];
    for answer in answers {
        let esp = Esp::with("not-kept", FILE.as_bytes());
        let (told, _) = esp.run(answer);
        assert!(matches!(told.as_slice(), [News::Failed(_)]), "{told:?}");
        assert!(esp.has(FILE.as_bytes()));
    }
}

#[test]
fn a_mistake_is_named_and_the_file_is_left_for_whoever_mends_it() {
    let wide: Vec<u8> = FILE.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let long = "#".repeat(PROVISION_LENGTH_MAX + 1);
    for (content, said) in [
        (
            &b"version = 1\n[site]\nhost_name = \"No Name\"\n"[..],
            "site.host_name: use 1 to 63",
        ),
        (
            b"version = 1\ncolour = 3\n",
            "line 2: unknown field `colour`",
        ),
        (
            b"version = 2\n",
            "version: 2 is not known to this box; write 1",
        ),
        (b"", "missing field `version`"),
        (b"version = 1\n# \xff", "it is not UTF-8"),
        (&wide, "line 1: "),
        (long.as_bytes(), "the file is longer than 16384 bytes"),
    ] {
        let esp = Esp::with("mistake", content);
        let (told, asked) = esp.run(|| panic!("{said}: it is not for the store"));
        let [News::Refused(reasons)] = told.as_slice() else {
            panic!("{said}: {told:?}");
        };
        assert!(reasons.contains(said), "{reasons}");
        assert!(asked.is_empty() && esp.is_there());
    }
}

#[test]
fn a_file_for_a_new_box_is_wiped_from_one_that_somebody_administers() {
    let esp = Esp::with("administered", FILE.as_bytes());
    let (told, _) = esp.run(|| Ok(Reply::Administered));
    let [News::Refused(reasons), News::Wiped] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert!(reasons.contains("leave both sections out"), "{reasons}");
    assert!(!esp.has(b"K7QF"));
}

#[test]
fn what_a_power_cut_left_of_a_wiped_file_is_wiped_without_asking() {
    let mut content = FILE.repeat(3).into_bytes();
    content[..512].fill(0);
    let esp = Esp::with("remains", &content);
    let (told, asked) = esp.run(|| panic!("it is no file"));
    assert_eq!(told, [News::Wiped]);
    assert!(asked.is_empty() && !esp.has(b"K7QF") && !esp.is_there());
}

#[test]
fn a_partition_without_a_file_system_is_told() {
    let esp = Esp::with("damaged", b"");
    esp.file().write_all(&[0x55; 4096]).expect("written");
    let told = errand(&esp.file(), |_| panic!("there is no file"), |_| {});
    assert!(told.is_err());
}
