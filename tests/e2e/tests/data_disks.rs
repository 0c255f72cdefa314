//! Damaged data: the box says what is wrong and what to do. Data that it cannot read it does not
//! touch, and of a damaged database it keeps what there was.

use std::time::Duration;

use e2e::{Failure, OpenData, Proof, Stand, disk, plan, product, small_disk, store_warning};
use image::progress;
use qemu::disk::BoxDisk;
use qemu::lab::{ADMINISTRATOR, Lab, Way};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use slot::partition;

static STAND: Stand<Used> = Stand::new(3);

/// A box that was used and switched off in order, and its data disk.
struct Used {
    lab: Lab,
    password: String,
    disk: BoxDisk,
    extensions: Value,
}

fn run(test: impl FnOnce(&mut Used) -> Proof) -> Proof {
    STAND.run(Used::set_up, test)
}

#[test]
fn data_with_a_damaged_superblock_are_not_touched() -> Proof {
    run(|used| {
        used.prove_left_alone(
            "superblock",
            "damaged and could not be mended",
            0,
            64 * 1024,
        )
    })
}

#[test]
fn data_with_damaged_tables_are_not_touched() -> Proof {
    // The superblock, which is in the first block, says that all is well; what follows does not.
    run(|used| {
        used.prove_left_alone(
            "tables",
            "damaged and could not be mended",
            4096,
            2 * 1024 * 1024,
        )
    })
}

#[test]
fn a_damaged_database_is_kept_aside_and_the_last_good_configuration_is_back() -> Proof {
    run(|used| {
        let disk = used.copy("database")?;
        let data = OpenData::take_out(&disk)?;
        // All but the first, which says that it is a database.
        for place in disk::blocks_of(data.path(), DATABASE)?.into_iter().skip(1) {
            disk::damage(data.path(), place, 512)?;
        }
        data.put_back()?;
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
        let data = OpenData::take_out(&disk)?;
        let kept = disk::listing(data.path(), "/store")?;
        assert!(kept.contains("ramal.redb.damaged-1"), "{kept}");
        Ok(())
    })
}

impl Used {
    fn set_up() -> Result<Self, Failure> {
        let plan = plan("data-disks", Way::Kernel, small_disk(USED_SIZE));
        let mut lab = Lab::start_with(&plan, product()?)?;
        let disk = lab.disk()?.clone();
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

    fn copy(&self, name: &str) -> Result<BoxDisk, Failure> {
        let copy = self.lab.scratch().join(format!("{name}.raw"));
        Ok(self.disk.twin(copy)?)
    }

    /// Damages a copy of the data: the box has to say what is wrong with them and what to do, has
    /// to answer the power button, and must not write to them.
    fn prove_left_alone(&mut self, name: &str, why: &str, offset: u64, length: usize) -> Proof {
        let disk = self.copy(name)?;
        let data = OpenData::take_out(&disk)?;
        disk::damage(data.path(), offset, length)?;
        data.put_back()?;
        let before = hash(&disk)?;
        self.lab.switch_on_with(disk.clone())?;
        let told = self
            .lab
            .machine()?
            .wait_line("ramal: MAINTENANCE: ", BOOT_MAX)?
            .text;
        progress::note(&format!("console: {told}"));
        for wanted in [why, "Nothing was erased", "Restore a backup"] {
            assert!(told.contains(wanted), "no {wanted:?} in {told:?}");
        }
        switch_off(&mut self.lab)?;
        assert_eq!(
            hash(&disk)?,
            before,
            "the box wrote to data it must not touch"
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

/// Of the data partition without the block of the superblock, in which the checker notes what it
/// found; the boot state next to it may change.
fn hash(disk: &BoxDisk) -> Result<[u8; 32], Failure> {
    let (_, length) = disk.place(partition::DATA)?;
    let length = usize::try_from(length - SUPERBLOCK)?;
    let bytes = disk.read(partition::DATA, SUPERBLOCK, length)?;
    Ok(Sha256::digest(bytes).into())
}

/// Bytes of the block with the superblock.
const SUPERBLOCK: u64 = 4096;

/// As the store names it.
const DATABASE: &str = "/store/ramal.redb";

/// Bytes of the data partition that is used and then damaged: small, so that it is copied soon.
const USED_SIZE: u64 = 128 * 1024 * 1024;

/// Ten times what it takes under emulation.
const BOOT_MAX: Duration = Duration::from_secs(120);
