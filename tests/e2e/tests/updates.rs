//! Updates as an administrator makes them, on a box that starts by its firmware and our loader.

use std::path::Path;
use std::time::Duration;

use backhand::{FilesystemReader, FilesystemWriter};
use e2e::{Failure, Proof, alone, plan, small_disk, version};
use image::progress;
use qemu::box_api::{ApiError, BoxApi};
use qemu::disk::BoxDisk;
use qemu::hardware::Product;
use qemu::lab::{ADMINISTRATOR, Lab, Way};
use serde_json::json;
use slot::{Slot, partition};

#[test]
fn an_update_is_checked_piece_by_piece_tried_and_proves_good() -> Proof {
    let _turn = alone();
    let now = version("1.0.0", 1, |_, _| Ok(()))?;
    let next = read(&version("1.1.0", 1, |_, _| Ok(()))?)?;
    let older = read(&version("0.9.0", 0, |_, _| Ok(()))?)?;
    let mut stand = Stand::new("update", now)?;
    let strangers = stand.lab.scratch().join("strangers");
    let foreign = read(&version("1.2.0", 1, |_, shipping| {
        shipping.keys = strangers;
        Ok(())
    })?)?;
    // The version that runs has proved good, so that none below its security number may follow.
    let commit = |state: &firmware::StateFile| state.change(|it| it.commit(Slot::A, 1, 0));
    stand.disk.change_state(commit)?;
    let api = stand.start()?;

    for (name, file) in [("another's", &foreign), ("an older", &older)] {
        let refused = send(&api, file, 0, u64::MAX);
        let Err(Failed::Refused(reason)) = refused else {
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
    let half = send(&api, &next, 0, 2)?;
    let api = stand.sign_in()?;
    let seen = api.get("/api/firmware")?;
    let wanted = seen["update"]["next"].as_u64();
    assert_eq!(wanted, Some(half.next), "{seen}");
    let mut damaged = piece(&next, half.next)?.to_vec();
    damaged.iter_mut().rev().take(1).for_each(|byte| *byte ^= 1);
    let refused = api.send_piece(half.next, &damaged);
    assert!(
        matches!(refused, Err(ApiError::Refused { status: 409, .. })),
        "{refused:?}"
    );
    let seen = api.get("/api/firmware")?;
    let wanted = seen["update"]["next"].as_u64();
    let wanted = wanted.ok_or_else(|| Failure::new(format!("given up: {seen}")))?;
    let rest = send(&api, &next, wanted, u64::MAX)?;
    let sent = half.sent + rest.sent;
    progress::note(&format!(
        "measured: {sent} bytes of the {} of the update file were sent",
        next.len()
    ));
    // What the box runs already, which is all but the version, is not sent again.
    assert!(
        sent < next.len() as u64 * 15 / 100,
        "{sent} bytes were sent"
    );

    let api = stand.restart(&api)?;
    let seen = api.get("/api/firmware")?;
    let slot = &seen["slots"][1];
    assert_eq!(
        (&slot["running"], &slot["version"]),
        (&json!(true), &json!("1.1.0")),
        "{seen}"
    );
    assert_eq!(slot["condition"], "on-trial", "{seen}");
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
    let _turn = alone();
    let now = version("1.0.0", 0, |_, _| Ok(()))?;
    let mut stand = Stand::new("bad-update", now)?;
    let root = stand.lab.scratch().join("broken.squashfs");
    let broken = read(&version("1.1.0-broken", 0, |image, _| {
        break_services(&image.root, &root)?;
        image.root = root;
        Ok(())
    })?)?;
    let api = stand.start()?;
    api.create_extension("100", "Kept")?;
    let kept = api.get("/api/extensions")?;
    send(&api, &broken, 0, u64::MAX)?;
    stand.ask_restart(&api)?;
    let machine = stand.lab.machine()?;
    let left = machine.wait_line("new firmware in slot b is left", LEFT_MAX)?;
    progress::note(&format!("console: {}", left.text));
    stand.lab.machine()?.expect_restart();
    stand.lab.machine()?.wait_ready()?;
    let api = stand.sign_in()?;
    let seen = api.get("/api/firmware")?;
    assert_eq!(seen["slots"][0]["running"], true, "{seen}");
    assert_eq!(seen["slots"][1]["condition"], "bad", "{seen}");
    assert_eq!(seen["journal"][0]["reason"], "service-not-well", "{seen}");
    progress::note(&format!("journal: {}", seen["journal"][0]));
    assert_eq!(api.get("/api/extensions")?, kept);
    Ok(())
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
}

/// How far an update came.
#[derive(Debug)]
struct Sent {
    next: u64,
    sent: u64,
}

/// Why one came to nothing.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("refused: {0}")]
    Refused(String),
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("the box asks for what is not in the file: {0}")]
    Beyond(u64),
}

/// Sends what the box asks for from `offset` on, at most so many pieces; 0 begins anew.
fn send(api: &BoxApi, file: &[u8], offset: u64, pieces: u64) -> Result<Sent, Failed> {
    if offset == 0 {
        api.post("/api/firmware/update", &json!({}))?;
    }
    let mut so_far = Sent {
        next: offset,
        sent: 0,
    };
    for _ in 0..pieces {
        let piece = piece(file, so_far.next)?;
        so_far.sent += piece.len() as u64;
        match api.send_piece(so_far.next, piece) {
            Ok(Some(next)) => so_far.next = next,
            Ok(None) => break,
            Err(ApiError::Refused { reason, .. }) => return Err(Failed::Refused(reason)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(so_far)
}

fn piece(file: &[u8], offset: u64) -> Result<&[u8], Failed> {
    let begin = usize::try_from(offset).unwrap_or(usize::MAX);
    let rest = file.get(begin..).filter(|rest| !rest.is_empty());
    let rest = rest.ok_or(Failed::Beyond(offset))?;
    Ok(rest.get(..PIECE).unwrap_or(rest))
}

fn read(product: &Product) -> Result<Vec<u8>, Failure> {
    Ok(std::fs::read(&product.shipped.update)?)
}

/// Copies a root in which the program of all services is none.
fn break_services(root: &Path, to: &Path) -> Proof {
    let reader = std::io::BufReader::new(std::fs::File::open(root)?);
    let reader = FilesystemReader::from_reader(reader)?;
    let mut writer = FilesystemWriter::from_fs_reader(&reader)?;
    writer.replace_file("/usr/bin/ramal", std::io::Cursor::new(b"no program"))?;
    writer.write(&mut std::fs::File::create(to)?)?;
    Ok(())
}

/// Bytes: what the web page takes at once.
const PIECE: usize = 64 * 1024;

/// Bytes of the data partition.
const DATA_LENGTH: u64 = 128 * 1024 * 1024;

/// A start, and what the product promises: ten minutes.
const LEFT_MAX: Duration = Duration::from_secs(700);

/// The firmware proves good two minutes after everything is ready.
const PROOF_MAX: Duration = Duration::from_secs(360);
