//! Updates as an administrator makes them, on a box that starts by its firmware and our loader.

mod tunnel;

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use backhand::{FilesystemReader, FilesystemWriter, InnerNode};
use e2e::{Failure, Proof, alone, alone_early, file_of, plan, small_disk, version};
use image::progress;
use qemu::box_api::{ApiError, BoxApi};
use qemu::disk::BoxDisk;
use qemu::hardware::Product;
use qemu::lab::{ADMINISTRATOR, Lab, Way};
use qemu::upload::{self, PIECE, UploadError};
use serde_json::json;
use slot::{Slot, partition};

/// By its name before others, so that they have their turns while it waits.
#[test]
fn a_box_whose_tunnel_a_version_loses_goes_back_and_one_that_keeps_it_proves_good() -> Proof {
    tunnel::prove()
}

/// By its name before others, so that they have their turns while it waits to be proved good.
#[test]
fn a_newer_version_is_checked_piece_by_piece_tried_and_proves_good() -> Proof {
    let turn = alone_early();
    let now = version("1.0.0", 1, |_, _| Ok(()))?;
    let before = now.shipped.update.clone();
    let older = file_of(&version("0.9.0", 0, |_, _| Ok(()))?)?;
    let mut stand = Stand::new("update", now)?;
    let following = reworded("1.1.0", &before, stand.lab.scratch())?;
    let next = file_of(&following)?;
    let strangers = stand.lab.scratch().join("strangers");
    let foreign = file_of(&version("1.2.0", 1, |_, shipping| {
        shipping.keys = strangers;
        Ok(())
    })?)?;
    // The version that runs has proved good, so that none below its security number may follow.
    let commit = |state: &firmware::StateFile| state.change(|it| it.commit(Slot::A, 1, 0));
    stand.disk.change_state(commit)?;
    let api = stand.start()?;

    for (name, file) in [("another's", &foreign), ("an older", &older)] {
        let refused = upload::send(&api, file, 0, u64::MAX);
        let Err(UploadError::Refused(reason)) = refused else {
            return Err(Failure::new(format!(
                "{name} version was taken: {refused:?}"
            )));
        };
        progress::note(&format!("{name} version: {reason}"));
    }
    let empty = stand.disk.read(partition::SLOT_B, 0, 1 << 20)?;
    assert!(
        empty.iter().all(|byte| *byte == 0),
        "the other slot was written"
    );

    // The transfer breaks off; somebody else goes on; a piece is damaged on its way.
    let half = upload::send(&api, &next, 0, 2)?;
    let api = stand.sign_in()?;
    let seen = api.get("/api/firmware")?;
    let wanted = seen["update"]["next"].as_u64();
    assert_eq!(wanted, Some(half.next), "{seen}");
    let mut damaged = upload::piece(&next, half.next)?.to_vec();
    // Of the first chunk, which is the one that was asked for: what the box has of those that
    // follow is passed over unread.
    damaged.iter_mut().take(1).for_each(|byte| *byte ^= 1);
    let refused = api.send_piece(half.next, &damaged);
    assert!(
        matches!(refused, Err(ApiError::Refused { status: 409, .. })),
        "{refused:?}"
    );
    let seen = api.get("/api/firmware")?;
    let wanted = seen["update"]["next"].as_u64();
    let wanted = wanted.ok_or_else(|| Failure::new(format!("given up: {seen}")))?;
    let rest = upload::send(&api, &next, wanted, u64::MAX)?;
    prove_patched(&before, &following, half.sent + rest.sent)?;

    let api = stand.restart(&api)?;
    let seen = api.get("/api/firmware")?;
    let slot = &seen["slots"][1];
    assert_eq!(
        (&slot["running"], &slot["version"]),
        (&json!(true), &json!("1.1.0")),
        "{seen}"
    );
    assert_eq!(slot["condition"], "on-trial", "{seen}");
    // Until it proves good the box only has to stand there: another may start beside it.
    drop(turn);
    let proved = stand
        .lab
        .machine()?
        .wait_line("has proved good", PROOF_MAX)?;
    progress::note(&format!("console: {}", proved.text));
    let seen = api.get("/api/firmware")?;
    assert_eq!(seen["slots"][1]["condition"], "good", "{seen}");
    Ok(())
}

#[test]
fn a_version_whose_services_do_not_start_is_left_and_the_reason_is_told() -> Proof {
    let turn = alone_early();
    let mut stand = Stand::new("bad-services", version("1.0.0", 0, |_, _| Ok(()))?)?;
    let api = stand.start()?;
    let kept = stand.try_broken(&api, SERVICES, b"no program".to_vec())?;
    // The box gives the version its time, and goes back by itself: another may start beside it.
    drop(turn);
    let machine = stand.lab.machine()?;
    let left = machine.wait_line("firmware in slot b is left", LEFT_MAX)?;
    progress::note(&format!("console: {}", left.text));
    machine.expect_restart();
    stand.prove_back(&kept, "service-not-well")
}

#[test]
fn a_version_whose_init_ends_is_left_after_three_tries() -> Proof {
    let _turn = alone();
    let now = version("1.0.0", 0, |_, _| Ok(()))?;
    let services = content_of(&now.image.root, SERVICES)?;
    let mut stand = Stand::new("bad-init", now)?;
    let api = stand.start()?;
    // As PID 1, what the services run as does not know what to do, and ends.
    let kept = stand.try_broken(&api, "/sbin/init", services)?;
    for _ in 0..slot::TRIES {
        let machine = stand.lab.machine()?;
        machine.wait_line("Rebooting in 10 seconds", LEFT_MAX)?;
        machine.expect_restart();
    }
    stand.prove_back(&kept, "never-proved-good")
}

/// A box with an owner.
struct Stand {
    lab: Lab,
    disk: BoxDisk,
    password: String,
}

impl Stand {
    fn new(log: &str, product: Product) -> Result<Self, Failure> {
        let plan = plan(log, Way::Firmware, small_disk(DATA_LENGTH));
        let lab = Lab::set_up(&plan, product)?;
        let disk = lab.disk()?.clone();
        Ok(Self {
            lab,
            disk,
            password: String::new(),
        })
    }

    fn start(&mut self) -> Result<BoxApi, Failure> {
        self.lab.switch_on()?;
        self.lab.machine()?.wait_ready()?;
        let (api, password) = self.lab.first_sign_in()?;
        self.password = password;
        Ok(api)
    }

    fn sign_in(&self) -> Result<BoxApi, Failure> {
        let mut api = self.lab.api();
        api.sign_in(ADMINISTRATOR, &self.password)?;
        Ok(api)
    }

    fn ask_restart(&mut self, api: &BoxApi) -> Proof {
        self.lab.machine()?.expect_restart();
        match api.post("/api/restart", &json!({})) {
            // The web page may end before its answer has left the box.
            Ok(_) | Err(ApiError::NoAnswer { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn restart(&mut self, api: &BoxApi) -> Result<BoxApi, Failure> {
        self.ask_restart(api)?;
        self.lab.machine()?.wait_ready()?;
        self.sign_in()
    }

    /// Installs a version in which one file is another, and has it started; what is configured.
    fn try_broken(
        &mut self,
        api: &BoxApi,
        path: &str,
        content: Vec<u8>,
    ) -> Result<serde_json::Value, Failure> {
        api.create_extension("100", "Kept")?;
        let root = self.lab.scratch().join("broken.squashfs");
        let broken = file_of(&version("1.1.0-broken", 0, |image, _| {
            replace(&image.root, &root, path, content)?;
            image.root = root;
            Ok(())
        })?)?;
        upload::send(api, &broken, 0, u64::MAX)?;
        let kept = api.get("/api/extensions")?;
        self.ask_restart(api)?;
        Ok(kept)
    }

    /// The box runs again what it ran before, with everything that was configured, and tells why it
    /// left the other version.
    fn prove_back(&mut self, kept: &serde_json::Value, reason: &str) -> Proof {
        self.lab.machine()?.wait_ready()?;
        let api = self.sign_in()?;
        let seen = api.get("/api/firmware")?;
        let wanted = [
            ("/slots/0/running", json!(true)),
            ("/slots/1/condition", json!("bad")),
            ("/journal/0/reason", json!(reason)),
        ];
        for (place, wanted) in wanted {
            assert_eq!(seen.pointer(place), Some(&wanted), "{place} of {seen}");
        }
        let latest = seen.pointer("/journal/0").unwrap_or_default();
        progress::note(&format!("journal: {latest}"));
        assert_eq!(&api.get("/api/extensions")?, kept);
        Ok(())
    }
}

/// A version whose services say the same in other words, with a patch for the version before.
fn reworded(name: &str, before: &Path, scratch: &Path) -> Result<Product, Failure> {
    let root = scratch.join("reworded.squashfs");
    version(name, 1, |image, shipping| {
        let mut services = content_of(&image.root, SERVICES)?;
        let said = reword(&mut services, OLD_WORD, NEW_WORD);
        progress::note(&format!("{said} texts of the services are reworded"));
        replace(&image.root, &root, SERVICES, services)?;
        image.root = root;
        shipping.patch_from = vec![before.to_owned()];
        Ok(())
    })
}

/// Writes another word of the same length wherever a program has this one; how often.
fn reword(program: &mut [u8], old: &[u8], new: &[u8]) -> usize {
    let mut said = 0;
    for at in 0..program.len().saturating_sub(old.len()) {
        let place = program.get_mut(at..at + old.len());
        if let Some(place) = place.filter(|it| *it == old) {
            place.copy_from_slice(new);
            said += 1;
        }
    }
    said
}

/// So many bytes were sent because the programs came as a patch: without it, what lies behind the
/// first of their blocks that is compressed to another length is sent as well.
fn prove_patched(before: &Path, next: &Product, sent: u64) -> Proof {
    let counted = image::delta::between(before, &next.shipped.update)?;
    let patch = counted.iter().find(|it| it.part == "patch");
    assert!(patch.is_some_and(|it| it.sent > 0), "{counted:?}");
    let all = counted.last().ok_or_else(|| Failure::new("no count"))?;
    progress::note(&format!(
        "measured: {sent} bytes were sent; {} are counted of the {} of the version",
        all.sent, all.length
    ));
    // The transfer breaks off after two pieces, and a piece may begin in what the box has.
    let pieces = 4 * PIECE as u64;
    assert!(
        sent <= all.sent + pieces && sent < all.length * 15 / 100,
        "{sent} bytes were sent"
    );
    Ok(())
}

/// Copies a root in which a file has another content.
fn replace(root: &Path, to: &Path, path: &str, content: Vec<u8>) -> Proof {
    let reader = std::io::BufReader::new(std::fs::File::open(root)?);
    let reader = FilesystemReader::from_reader(reader)?;
    let mut writer = FilesystemWriter::from_fs_reader(&reader)?;
    writer.replace_file(path, std::io::Cursor::new(content))?;
    writer.write(&mut std::fs::File::create(to)?)?;
    Ok(())
}

/// What is in a file of a root.
fn content_of(root: &Path, path: &str) -> Result<Vec<u8>, Failure> {
    let reader = std::io::BufReader::new(std::fs::File::open(root)?);
    let reader = FilesystemReader::from_reader(reader)?;
    let mut files = reader
        .files()
        .filter(|node| node.fullpath == Path::new(path));
    let Some(InnerNode::File(file)) = files.next().map(|node| &node.inner) else {
        return Err(Failure::new(format!("the root has no file {path}")));
    };
    let mut content = Vec::new();
    reader.file(file).reader().read_to_end(&mut content)?;
    Ok(content)
}

/// The program that all services run.
const SERVICES: &str = "/usr/bin/ramal";

/// Words of the same length.
const OLD_WORD: &[u8] = b" cannot ";
const NEW_WORD: &[u8] = b" may not";

/// Bytes of the data partition.
const DATA_LENGTH: u64 = 128 * 1024 * 1024;

/// A start, and what the product promises: ten minutes.
const LEFT_MAX: Duration = Duration::from_secs(700);

/// The firmware proves good two minutes after everything is ready, or five after the tunnel is up.
const PROOF_MAX: Duration = Duration::from_secs(600);
