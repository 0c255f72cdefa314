//! A provisioning file on a disk that was just flashed: applied once, wiped, and never seen again;
//! one with a mistake is refused whole, and the box starts as a new one.

use std::fs::File;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use e2e::{
    Failure, Proof, alone, check_certificate, is_found_at, plan, product, small_disk, wait_until,
};
use flash::{FileDevice, Order, Phase, Source, Watcher};
use qemu::box_api::BoxApi;
use qemu::disk::BoxDisk;
use qemu::forward::Forwarder;
use qemu::lab::{ADMINISTRATOR, Lab, Way};
use qemu::lan::BOX_ADDRESS;
use serde_json::Value;
use slot::partition;

#[test]
fn what_an_installer_laid_down_is_applied_once_and_nothing_of_it_is_left() -> Proof {
    let _turn = alone();
    let text = provision();
    let mut lab = flashed("provisioning", Way::Firmware, &text)?;
    let disk = lab.disk()?.clone();
    assert!(on_esp(&disk, GRID_CODE)? && on_esp(&disk, HOST)?);
    lab.switch_on()?;
    let serial = lab.machine()?.serial().clone();
    serial.wait(0, "ramal: provision.toml applied", BOOT_MAX)?;
    serial.wait(0, "ramal: provision.toml wiped", BOOT_MAX)?;
    serial.wait(0, &format!("https://{ADDRESS}/"), BOOT_MAX)?;
    serial.wait(0, &format!("https://{HOST}.local/"), BOOT_MAX)?;

    let way_in = way_in(&lab)?;
    let mut api = BoxApi::new(way_in.port());
    let mut must_change = None;
    wait_until("the login key signs in at the address", ANSWER_MAX, || {
        must_change = api.sign_in(ADMINISTRATOR, LOGIN_KEY).ok();
        Ok(must_change)
    })?;
    assert_eq!(must_change, Some(true), "a password has to be chosen");
    check_certificate(way_in.port(), &format!("{HOST}.local"))?;
    check_certificate(way_in.port(), &ADDRESS.to_string())?;
    api.change_password(LOGIN_KEY, CHOSEN)?;
    let again = BoxApi::new(way_in.port()).sign_in(ADMINISTRATOR, LOGIN_KEY);
    assert!(again.is_err_and(|error| error.to_string().contains("answered 401")));
    check_site(&way_in)?;
    let installer = lab.lan().join("installer", INSTALLER)?;
    wait_until("an answer for the name that was set", ANSWER_MAX, || {
        let found = installer.run(|| is_found_at(INSTALLER, HOST, ADDRESS.into()))??;
        Ok(found.then_some(()))
    })?;

    let mark = serial.mark();
    lab.machine()?.expect_restart();
    let mut api = BoxApi::new(way_in.port());
    api.sign_in(ADMINISTRATOR, CHOSEN)?;
    api.post("/api/restart", &serde_json::json!({}))?;
    serial.wait(mark, "ramal: ready", BOOT_MAX)?;
    check_site(&way_in)?;
    let said = serial.since(mark);
    let again = said.iter().find(|it| it.text.contains("provision"));
    assert!(again.is_none(), "{again:?}");
    lab.machine()?.press_power_button()?;
    serial.wait(mark, "ramal: power off", BOOT_MAX)?;
    lab.switch_off();

    for secret in [GRID_CODE, HOST, &digest(), "America/Manaus"] {
        assert!(!on_esp(&disk, secret)?, "{secret} is on the disk still");
    }
    let log = std::fs::read_to_string(lab.log())?;
    for secret in [GRID_CODE, LOGIN_KEY, &digest()] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    Ok(())
}

#[test]
fn a_file_with_a_mistake_is_named_and_the_box_starts_as_a_new_one() -> Proof {
    let _turn = alone();
    let text = provision().replace(HOST, "No Name");
    let mut lab = flashed("provisioning-mistake", Way::Kernel, &text)?;
    let disk = lab.disk()?.clone();
    disk.make_data_partition()?;
    lab.switch_on()?;
    let refused = "provision.toml refused, nothing was changed: site.host_name: use 1 to 63 of a-z";
    let machine = lab.machine()?;
    machine.wait_line(refused, BOOT_MAX)?;
    machine.wait_ready()?;
    let serial = machine.serial().clone();
    // On the page for people too, and the box is found as any new one.
    serial.wait(0, "screen: !", BOOT_MAX)?;
    serial.wait(0, &format!("https://{BOX_ADDRESS}/"), BOOT_MAX)?;
    let (api, _) = lab.first_sign_in()?;
    let status = api.status()?;
    let warnings = status["warnings"].to_string();
    assert!(warnings.contains("site.host_name: use 1 to 63"), "{status}");
    assert_ne!(api.get("/api/dialling")?["zone"], "America/Manaus");
    let key = lab.api().sign_in(ADMINISTRATOR, LOGIN_KEY);
    assert!(key.is_err_and(|error| error.to_string().contains("answered 401")));
    assert!(on_esp(&disk, GRID_CODE)?, "it is kept for whoever mends it");
    Ok(())
}

/// A file with everything in it.
fn provision() -> String {
    format!(
        "version = 1\n[network]\nmethod = \"static\"\naddress = \"{ADDRESS}/24\"\n\
         gateway = \"10.77.0.1\"\ndns = [\"10.77.0.1\"]\n\
         [site]\nhost_name = \"{HOST}\"\ntime_zone = \"America/Manaus\"\n\
         [administrator]\nlogin_key_sha256 = \"{}\"\n\
         [grid]\ncode = \"{GRID_CODE}\"\n",
        digest()
    )
}

/// SHA-256 of the login key, as `sha256sum` prints it.
fn digest() -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(LOGIN_KEY);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A lab whose box is off, with a disk as `ramal-flash write --provision` makes it; but nobody has
/// looked at the file before.
fn flashed(log: &str, way: Way, text: &str) -> Result<Lab, Failure> {
    let product = product()?;
    let source = Source::open(&product.shipped.disk)?;
    let lab = Lab::set_up(&plan(log, way, small_disk(DATA_LENGTH)), product)?;
    let mut device = FileDevice::open(lab.disk()?.path(), SECTOR)?;
    let order = Order {
        source: &source,
        provision: Some(text),
        keep_data: false,
        verify: true,
    };
    let mut random = |bytes: &mut [u8; 16]| File::open("/dev/urandom")?.read_exact(bytes);
    flash::write(&mut device, order, &mut random, &mut Nobody)?;
    Ok(lab)
}

/// Looks on.
struct Nobody;

impl Watcher for Nobody {
    fn begin(&mut self, _: Phase, _: u64) {}

    fn advance(&mut self, _: u64) {}

    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Whether these bytes are anywhere on the EFI system partition.
fn on_esp(disk: &BoxDisk, text: &str) -> Result<bool, Failure> {
    let (_, length) = disk.place(partition::ESP)?;
    let mut at = 0;
    while at < length {
        // Pieces overlap, so that nothing hides on the border of two.
        let piece = usize::try_from((length - at).min(PIECE + 1024)).unwrap_or_default();
        let bytes = disk.read(partition::ESP, at, piece)?;
        let text = text.as_bytes();
        if bytes.windows(text.len()).any(|it| it == text) {
            return Ok(true);
        }
        at += PIECE;
    }
    Ok(false)
}

/// From the host to the web admin at the address that was set.
fn way_in(lab: &Lab) -> Result<Forwarder, Failure> {
    let inside = Arc::clone(lab.lan().namespace());
    Ok(Forwarder::start(
        0,
        inside,
        SocketAddr::from((ADDRESS, 443)),
    )?)
}

/// What was set is what the box is.
fn check_site(way_in: &Forwarder) -> Proof {
    let mut api = BoxApi::new(way_in.port());
    wait_until("the chosen password signs in", ANSWER_MAX, || {
        Ok(api.sign_in(ADMINISTRATOR, CHOSEN).ok())
    })?;
    let status = api.status()?;
    let is = |value: &Value, pointer: &str, wanted: &str| {
        assert_eq!(
            value.pointer(pointer),
            Some(&wanted.into()),
            "{pointer}: {value}"
        );
    };
    is(&status, "/network/0/address", &format!("{ADDRESS}/24"));
    is(&status, "/network/0/gateway", "10.77.0.1");
    is(&api.get("/api/dialling")?, "/zone", "America/Manaus");
    let trail = api.get("/api/audit")?;
    let entries = trail.as_array().cloned().unwrap_or_default();
    let applied = |it: &&Value| it["action"] == "provisioning file applied";
    assert_eq!(entries.iter().filter(applied).count(), 1, "{trail}");
    Ok(())
}

/// Another one than the router would give.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 60);
const HOST: &str = "ramal-matriz";
const LOGIN_KEY: &str = "5f2c0e6b7c1d4a0f9b8e3d2c1a0f4e5d";
const GRID_CODE: &str = "K7QF-9M2X-TRWA-03BD";
const CHOSEN: &str = "a password of the installer";
/// Whoever sets the box up.
const INSTALLER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 150);
/// Bytes of data.
const DATA_LENGTH: u64 = 128 << 20;
const SECTOR: u64 = 512;
const PIECE: u64 = 4 << 20;
/// Emulated, from the firmware of the machine on.
const BOOT_MAX: Duration = Duration::from_secs(240);
const ANSWER_MAX: Duration = Duration::from_secs(90);
