//! From the parts to what is shipped: a signed slot, the disk image, the update file.

use std::path::{Path, PathBuf};

use slot::{Header, HeaderFault, Slot, Text, TextFault};

use crate::authenticode::SignError;
use crate::bill;
use crate::build::{BuildError, Image};
use crate::buildroot::BuildrootError;
use crate::cargo::FirmwarePrograms;
use crate::disk::{self, DiskError};
use crate::esp::EspFile;
use crate::keys::{Keys, KeysError};
use crate::machine::Machine;
use crate::patches::{self, Patch, PatchesError};
use crate::pe::PeError;
use crate::root::{self, RootError};
use crate::slot_image::{self, Content, Root};
use crate::{initramfs, progress, uki, update_file};

/// Why the parts could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// A program for the firmware is none.
    #[error(transparent)]
    Program(#[from] PeError),
    /// A program could not be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The bill of materials.
    #[error(transparent)]
    Bill(#[from] BuildrootError),
    /// The disk image.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A patch for a version before.
    #[error(transparent)]
    Patches(#[from] PatchesError),
    /// The programs in the root.
    #[error(transparent)]
    Root(#[from] RootError),
    /// The slot that was just made.
    #[error("the slot is damaged: {0:?}")]
    Slot(HeaderFault),
    /// The version is none.
    #[error("`{version}` is no version: {fault}")]
    Version {
        /// The version.
        version: String,
        /// What is wrong.
        fault: TextFault,
    },
    /// A file cannot be read or written.
    #[error("cannot use {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// What the system is called and how it is ordered among its versions.
#[derive(Clone, Debug)]
pub struct Release {
    /// As people call it.
    pub version: String,
    /// See [`slot::Header::security`].
    pub security: u64,
    /// When its source was committed, Unix seconds.
    pub built: u64,
    /// Bytes of the sectors of the disk the image is for: 512, or 4096.
    pub sector: u16,
    /// Update files or slots of versions whose boxes get a patch.
    pub patch_from: Vec<PathBuf>,
}

/// What is shipped, and what the lab needs to start it without the firmware.
#[derive(Clone, Debug)]
pub struct Shipped {
    /// The disk image.
    pub disk: PathBuf,
    /// The update file.
    pub update: PathBuf,
    /// The slot alone, as it lies in the partition.
    pub slot: PathBuf,
    /// The bill of materials (CycloneDX).
    pub bill: PathBuf,
    /// The signed command line.
    pub command_line: String,
}

impl Shipped {
    /// The command line with the handoff that the loader would add for a slot.
    ///
    /// # Errors
    /// The disk image cannot be read.
    pub fn command_line_of(&self, slot: Slot, disk: &Path) -> Result<String, AssembleError> {
        let error = |source| file_error(disk, source);
        let disk = disk::bootstate_guid(disk).map_err(error)?;
        let handoff = slot::Handoff {
            slot: Some(slot),
            disk,
        };
        Ok(format!("{} {handoff}", self.command_line))
    }
}

/// Puts the parts of an image together in `folder`.
///
/// # Errors
/// A part is not as it should be, or there are too few keys.
pub fn assemble(
    image: &Image,
    programs: &FirmwarePrograms,
    keys: &Keys,
    release: &Release,
    folder: &Path,
) -> Result<Shipped, AssembleError> {
    let read = |path: &Path| std::fs::read(path).map_err(|source| file_error(path, source));
    let version = text(&release.version)?;
    let hardware = text(image.machine.hardware())?;
    let root = Root::new(read(&image.root)?);
    let command_line = command_line(image.machine, &root.tree.root_hash);
    // A kernel that takes no module where it is signed for is worse than one that is refused: it
    // would start, and find no disk.
    let sign = |program: Vec<u8>| match image.is_for_secure_boot {
        true => keys.secure_boot.sign(&program),
        false => Ok(program),
    };
    let kernel = sign(read(&image.kernel)?)?;
    let (stub, initrd) = (read(&programs.stub)?, read(&image.initramfs)?);
    let os_release = os_release(&release.version);
    let uki_of = |command_line: &str| -> Result<Vec<u8>, AssembleError> {
        let uki = uki::make(&uki::Parts {
            stub: &stub,
            os_release: &os_release,
            command_line,
            initrd: &initrd,
            kernel: &kernel,
        })?;
        Ok(sign(uki)?)
    };
    let content = |uki, root| Content {
        hardware,
        version,
        security: release.security,
        built: release.built,
        uki,
        root,
    };
    let system = content(uki_of(&command_line)?, Some(root));
    let rescue = content(uki_of(&rescue_command_line(image.machine))?, None);
    let slot = slot_image::make(&system, keys)?;
    let bill = bill_of(image, &release.version, &slot)?;
    let patches = patches(release, &slot, keys)?;
    let update = update_file::make(&slot, &system, &patches, keys)?;
    let esp = esp_files(image.machine, &read(&programs.loader)?, rescue, keys)?;
    let name = |ending: &str| folder.join(format!("ramal-{}{ending}", release.version));
    let shipped = Shipped {
        disk: name(".img"),
        update: name(".update"),
        slot: name(".slot"),
        bill: name(".cdx.json"),
        command_line,
    };
    let contents = disk::Content {
        esp: &esp,
        slot: &slot,
    };
    disk::write(&shipped.disk, release.sector, contents)?;
    let files = [
        (&shipped.update, &update),
        (&shipped.slot, &slot),
        (&shipped.bill, &bill),
    ];
    for (path, bytes) in files {
        std::fs::write(path, bytes).map_err(|source| file_error(path, source))?;
    }
    tell(&shipped, slot.len(), update.len(), keys);
    Ok(shipped)
}

/// The patches for the versions that are named.
fn patches(release: &Release, slot: &[u8], keys: &Keys) -> Result<Vec<Patch>, AssembleError> {
    if release.patch_from.is_empty() {
        return Ok(Vec::new());
    }
    let header = Header::decode(slot).map_err(AssembleError::Slot)?;
    let [init, _] = root::programs(slot, header.root.start)?;
    let initramfs = initramfs::changing(init, keys.set.encode().to_vec());
    let parts = patches::Parts {
        slot,
        initramfs: &initramfs,
    };
    let versions = release.patch_from.iter();
    let patches = versions.map(|old| parts.patch_for(&header, old));
    Ok(patches.collect::<Result<_, _>>()?)
}

fn bill_of(image: &Image, version: &str, slot: &[u8]) -> Result<Vec<u8>, AssembleError> {
    let read = |path: &Path| std::fs::read(path).map_err(|source| file_error(path, source));
    let parts = &image.ingredients;
    let (kernel, checker) = (read(&image.kernel)?, read(&parts.checker_program)?);
    let countries = read(&parts.countries_table)?;
    let foreign = bill::foreign(
        (&parts.kernel, &kernel),
        (&parts.checker, &checker),
        (&parts.countries, &countries),
    );
    let bill = bill::document(version, Some(slot), &parts.crates, &foreign)?;
    Ok(format!("{bill:#}\n").into_bytes())
}

/// The loader with its keys, and the rescue system with a header that says who signed it.
fn esp_files(
    machine: Machine,
    loader: &[u8],
    rescue: Content,
    keys: &Keys,
) -> Result<Vec<EspFile>, AssembleError> {
    let loader = uki::loader_with_keys(loader, &keys.set)?;
    let loader = keys.secure_boot.sign(&loader)?;
    let header = slot_image::header_alone(&rescue, keys)?;
    let file = |path: &str, bytes| EspFile {
        path: path.to_owned(),
        bytes,
    };
    Ok(vec![
        file(machine.loader(), loader),
        file("EFI/ramal/rescue.efi", rescue.uki),
        file("EFI/ramal/rescue.hdr", header),
    ])
}

fn tell(shipped: &Shipped, slot: usize, update: usize, keys: &Keys) {
    progress::step("Image assembled");
    progress::note(&format!("disk     {}", shipped.disk.display()));
    progress::note(&format!("update   {}", shipped.update.display()));
    progress::note(&format!("contents {}", shipped.bill.display()));
    let (slot, update) = (slot.div_ceil(1024), update.div_ceil(1024));
    progress::note(&format!(
        "a slot takes {slot} KiB, the update file {update} KiB"
    ));
    let kind = match keys.set.is_development {
        true => "development keys: for no customer",
        false => "release keys",
    };
    progress::note(&format!("it trusts `{}` ({kind})", keys.set.name));
}

fn command_line(machine: Machine, root_hash: &[u8; 32]) -> String {
    let (screens, root_hash) = (screens(machine), hex::encode(root_hash));
    format!("{screens} {COMMAND_LINE} ramal.roothash={root_hash}")
}

/// The same for the rescue system, which has no root.
fn rescue_command_line(machine: Machine) -> String {
    format!("{} {RESCUE_COMMAND_LINE}", screens(machine))
}

/// Both screens of a box.
fn screens(machine: Machine) -> String {
    format!("console=tty0 console={}", machine.serial_line())
}

fn os_release(version: &str) -> String {
    format!("ID=ramal\nNAME=Ramal\nVERSION_ID={version}\nPRETTY_NAME=\"Ramal {version}\"\n")
}

fn text<const N: usize>(version: &str) -> Result<Text<N>, AssembleError> {
    Text::new(version).map_err(|fault| AssembleError::Version {
        version: version.to_owned(),
        fault,
    })
}

fn file_error(path: &Path, source: std::io::Error) -> AssembleError {
    AssembleError::File {
        path: path.to_owned(),
        source,
    }
}

impl From<AssembleError> for BuildError {
    fn from(error: AssembleError) -> Self {
        Self::Assemble(Box::new(error))
    }
}

/// Errors and above, as each line costs time; a kernel that is lost starts anew; and
/// what an intruder would need is off (Kernel Self Protection Project).
const COMMAND_LINE: &str = "consoleblank=0 loglevel=4 panic=10 oops=panic softlockup_panic=1 \
                            random.trust_cpu=on init_on_alloc=1 slab_nomerge";

const RESCUE_COMMAND_LINE: &str =
    "consoleblank=0 loglevel=4 panic=10 oops=panic random.trust_cpu=on";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_writes_on_the_serial_line_that_its_machine_has() {
        let line = |machine| command_line(machine, &[0xab; 32]);
        assert_eq!(
            line(Machine::X86_64),
            format!(
                "console=tty0 console=ttyS0,115200 consoleblank=0 loglevel=4 panic=10 oops=panic \
                 softlockup_panic=1 random.trust_cpu=on init_on_alloc=1 slab_nomerge \
                 ramal.roothash={}",
                "ab".repeat(32)
            )
        );
        assert!(line(Machine::Aarch64).starts_with("console=tty0 console=ttyAMA0,115200 "));
        assert_eq!(
            rescue_command_line(Machine::X86_64),
            "console=tty0 console=ttyS0,115200 consoleblank=0 loglevel=4 panic=10 oops=panic \
             random.trust_cpu=on"
        );
    }
}
