//! Damaged data disks: the box says which, what is wrong and what to do. A disk that it cannot read
//! it does not touch, and of a damaged database it keeps what there was.

use std::path::PathBuf;
use std::time::Duration;

use e2e::{Failure, Proof, Stand, disk, store_warning, switched_on};
use image::progress;
use qemu::lab::{ADMINISTRATOR, Lab};
use qemu::machine::make_data_disk;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

static STAND: Stand<Used> = Stand::new(3);

/// A box that was used and switched off in order, and its data disk.
struct Used {
    lab: Lab,
    password: String,
    disk: PathBuf,
    extensions: Value,
}

fn run(test: impl FnOnce(&mut Used) -> Proof) -> Proof {
    STAND.run(Used::set_up, test)
}

#[test]
fn a_disk_with_a_damaged_superblock_is_not_touched() -> Proof {
    run(|used| used.prove_left_alone("superblock", "no file system of this box", 0, 64 * 1024))
}

#[test]
fn a_disk_with_damaged_tables_is_not_touched() -> Proof {
    // The superblock, which is in the first block, says that all is well; what follows does not.
    run(|used| {
        used.prove_left_alone(
            "tables",
            "its file system is damaged",
            4096,
            2 * 1024 * 1024,
        )
    })
}

#[test]
fn a_damaged_database_is_kept_aside_and_the_last_good_configuration_is_back() -> Proof {
    run(|used| {
        let disk = used.copy("database")?;
        // All but the first, which says that it is a database.
        for place in disk::blocks_of(&disk, DATABASE)?.into_iter().skip(1) {
            disk::damage(&disk, place, 512)?;
        }
        used.lab.switch_on_with(disk.clone())?;
        let machine = used.lab.machine()?;
        let damaged = machine.wait_line("the database is damaged", BOOT_MAX)?;
        let restored = machine.wait_line("was restored", BOOT_MAX)?;
        progress::note(&format!("console: {}", damaged.text));
        progress::note(&format!("console: {}", restored.text));
        machine.wait_ready()?;
        let mut api = used.lab.api();
        api.sign_in(ADMINISTRATOR, &used.password)?;
        assert_eq!(api.get("/api/extensions")?, used.extensions);
        let warning = store_warning(&api)?;
        assert!(
            warning.contains("damaged") && warning.contains("restored"),
            "{warning:?}"
        );
        switch_off(&mut used.lab)?;
        let kept = disk::listing(&disk, "/store")?;
        assert!(kept.contains("ramal.redb.damaged-1"), "{kept}");
        Ok(())
    })
}

impl Used {
    fn set_up() -> Result<Self, Failure> {
        let mut lab = switched_on("data-disks")?;
        let disk = lab.scratch().join("used.raw");
        make_data_disk(&disk, USED_SIZE)?;
        lab.switch_on_with(disk.clone())?;
        lab.machine()?.wait_ready()?;
        let (api, password) = lab.first_sign_in()?;
        for number in ["100", "101"] {
            api.create_extension(number, "Kept")?;
        }
        let extensions = api.get("/api/extensions")?;
        switch_off(&mut lab)?;
        Ok(Self {
            lab,
            password,
            disk,
            extensions,
        })
    }

    fn copy(&self, name: &str) -> Result<PathBuf, Failure> {
        let copy = self.lab.scratch().join(format!("{name}.raw"));
        std::fs::copy(&self.disk, &copy)?;
        Ok(copy)
    }

    /// Damages a copy of the disk: the box has to say which disk, what is wrong with it and what to
    /// do, has to answer the power button, and must not write to it.
    fn prove_left_alone(&mut self, name: &str, why: &str, offset: u64, length: usize) -> Proof {
        let disk = self.copy(name)?;
        disk::damage(&disk, offset, length)?;
        let before = hash(&disk)?;
        self.lab.switch_on_with(disk.clone())?;
        let told = self
            .lab
            .machine()?
            .wait_line("ramal: MAINTENANCE: ", BOOT_MAX)?
            .text;
        progress::note(&format!("console: {told}"));
        for wanted in [
            "data disk vd",
            why,
            "ramal-data",
            "Nothing on it was erased",
            "restart the box",
        ] {
            assert!(told.contains(wanted), "no {wanted:?} in {told:?}");
        }
        switch_off(&mut self.lab)?;
        assert_eq!(
            hash(&disk)?,
            before,
            "the box wrote to a disk it must not touch"
        );
        Ok(())
    }
}

/// Presses the power button and waits until the box is off.
fn switch_off(lab: &mut Lab) -> Proof {
    let serial = lab.machine()?.serial().clone();
    lab.machine()?.press_power_button()?;
    Ok(serial.wait_end(BOOT_MAX)?)
}

fn hash(disk: &PathBuf) -> Result<String, Failure> {
    let mut hasher = Sha256::new();
    std::io::copy(
        &mut std::fs::File::open(disk)?,
        &mut HashWriter(&mut hasher),
    )?;
    Ok(format!("{:x?}", hasher.finalize()))
}

struct HashWriter<'a>(&'a mut Sha256);

impl std::io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// As the store names it, on its data disk.
const DATABASE: &str = "/store/ramal.redb";

/// Bytes of the data disk that is used and then damaged: small, so that it is copied soon.
const USED_SIZE: u64 = 128 * 1024 * 1024;

/// Ten times what it takes under emulation.
const BOOT_MAX: Duration = Duration::from_secs(120);
