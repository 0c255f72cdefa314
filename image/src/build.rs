//! Builds all parts of the image and says how large they are.

use std::path::{Path, PathBuf};

use ::countries::PLACE;
use secure_boot::Role;

use crate::about;
use crate::assemble::{AssembleError, Release, Shipped, assemble};
use crate::base::{self, Base, Parts, UnknownBase};
use crate::bill;
use crate::buildroot::BuildrootError;
use crate::buildroot::sbom::Crate;
use crate::cargo::{BinaryTarget, Profile, build_firmware_programs};
use crate::countries::{self, CountriesError};
use crate::data_template::{self, TemplateError};
use crate::e2fsck::CheckerError;
use crate::enrolment;
use crate::host::HostError;
use crate::initramfs;
use crate::kernel::{self, KernelError};
use crate::keys::{self, Keys};
use crate::machine::{Machine, UnknownMachine};
use crate::modules::{self, Form, ModulesError};
use crate::progress;
use crate::root::{Root, RootError};

/// Why the image could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The kernel.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The checker of the data's file system.
    #[error(transparent)]
    Checker(#[from] CheckerError),
    /// The kernel's modules.
    #[error(transparent)]
    Modules(#[from] ModulesError),
    /// The binaries did not compile, or another program failed.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The template of the data disk.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The root file system.
    #[error(transparent)]
    Root(#[from] RootError),
    /// A file cannot be read or written.
    #[error("cannot use {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The keys.
    #[error(transparent)]
    Keys(#[from] keys::KeysError),
    /// Putting the parts together.
    #[error(transparent)]
    Assemble(Box<AssembleError>),
    /// Buildroot.
    #[error(transparent)]
    Buildroot(#[from] BuildrootError),
    /// The table of countries.
    #[error(transparent)]
    Countries(#[from] CountriesError),
    /// There is no such base.
    #[error(transparent)]
    Base(#[from] UnknownBase),
    /// There is no such machine.
    #[error(transparent)]
    Machine(#[from] UnknownMachine),
    /// A base that there is not for this machine.
    #[error(
        "the base {} is for x86_64 only; for {} take the base buildroot",
        base.name(),
        machine.name()
    )]
    NotOfBase {
        /// The base.
        base: Base,
        /// The machine.
        machine: Machine,
    },
    /// The image is over its budget.
    #[error("the image is {found} bytes, over its limit of {SIZE_MAX}; see what grew above")]
    TooLarge {
        /// Bytes.
        found: u64,
    },
}

/// A built image: where its parts are.
#[derive(Clone, Debug)]
pub struct Image {
    /// The kernel as shipped.
    pub kernel: PathBuf,
    /// The same kernel not compressed, which an emulator starts faster: plain ELF, on Arm `Image`.
    pub vmlinux: PathBuf,
    /// Stage-1 and modules.
    pub initramfs: PathBuf,
    /// The root file system.
    pub root: PathBuf,
    /// For what.
    pub machine: Machine,
    /// How its binaries were built.
    pub profile: Profile,
    /// Whether it works where firmware starts only what is signed; else its kernel is not.
    pub(crate) is_for_secure_boot: bool,
    /// Bytes of kernel, initramfs and root together.
    pub size: u64,
    /// What it is made of, for the bill of materials.
    pub(crate) ingredients: Ingredients,
}

/// What an image is made of.
#[derive(Clone, Debug)]
pub(crate) struct Ingredients {
    /// Every crate in it.
    pub(crate) crates: Vec<Crate>,
    /// Package and version of the kernel.
    pub(crate) kernel: String,
    /// Package and version of the file system checker.
    pub(crate) checker: String,
    /// The checker.
    pub(crate) checker_program: PathBuf,
    /// Package and version of what the table of countries is made of.
    pub(crate) countries: String,
    /// The table.
    pub(crate) countries_table: PathBuf,
}

/// Kernel and userspace together, bytes. The product's budget.
pub const SIZE_MAX: u64 = 32 * 1024 * 1024;

/// Builds the image of the base that [`crate::base::BASE_VARIABLE`] names for the machine that
/// [`crate::machine::MACHINE_VARIABLE`] names, for a target that [`crate::prepare::prepare`] found
/// possible, with binaries of this profile.
///
/// # Errors
/// The first part that failed, by name.
pub fn build(target: BinaryTarget, profile: Profile) -> Result<Image, BuildError> {
    let keys = Shipping::daily().keys;
    let (base, machine) = (Base::of_environment()?, Machine::of_environment()?);
    build_on(base, machine, target, profile, &keys)
}

/// The same of a given base, for a box of this machine that trusts the keys of this folder; a
/// development set is made there when there is none.
///
/// # Errors
/// The first part that failed, by name.
pub fn build_on(
    base: Base,
    machine: Machine,
    target: BinaryTarget,
    profile: Profile,
    keys: &Path,
) -> Result<Image, BuildError> {
    let keys = keys::read_or_make(keys)?;
    let workspace = workspace();
    let target_folder = target_folder();
    let parts = match base {
        Base::Debian | Base::DebianSigned if machine != Machine::X86_64 => {
            return Err(BuildError::NotOfBase { base, machine });
        }
        Base::Debian | Base::DebianSigned => {
            base::debian(&cache_folder(), &workspace, &target_folder, target, profile)?
        }
        Base::Buildroot => base::buildroot(machine, false)?,
        Base::BuildrootDebug => base::buildroot(machine, true)?,
    };
    let folder = image_folder(base, machine);
    std::fs::create_dir_all(&folder).map_err(|source| file_error(&folder, source))?;
    let ingredients = ingredients(&parts, machine, &folder)?;
    let initramfs = progress::timed("Packing the initramfs", || {
        pack_initramfs(&parts, base, machine, &keys, &folder)
    })?;
    let root = progress::timed("Packing the root file system", || {
        let mut root = Root::default();
        root.copy(&parts.binaries.init, "/sbin/init", 0o755)?;
        root.copy(&parts.binaries.ramal, "/usr/bin/ramal", 0o755)?;
        if let Some(busybox) = &parts.busybox {
            root.copy(busybox, "/usr/bin/busybox", 0o755)?;
        }
        root.overlay(&workspace.join("overlay"))?;
        let built = build_time(&workspace);
        let of = about::Of {
            workspace: &workspace,
            base,
            machine,
            built,
            parts: &parts,
            ingredients: &ingredients,
        };
        about::add(&mut root, &of)?;
        let time = format!("{built}\n");
        root.copy(&ingredients.countries_table, PLACE, 0o644)?;
        root.file("/etc/build-time", 0o644, time.into_bytes());
        root.file("/etc/ramal/keys", 0o644, keys.set.encode().to_vec());
        if base.is_for_secure_boot() {
            add_enrolment(&mut root, &keys)?;
        }
        write(&folder, "root.squashfs", &root.pack()?)
    })?;
    let kernel_copy = folder.join("vmlinuz");
    std::fs::copy(&parts.kernel.bz_image, &kernel_copy)
        .map_err(|source| file_error(&kernel_copy, source))?;
    measure(Image {
        kernel: kernel_copy,
        vmlinux: parts.kernel.vmlinux,
        initramfs,
        root,
        machine,
        profile: match base {
            Base::Debian | Base::DebianSigned => profile,
            Base::Buildroot | Base::BuildrootDebug => Profile::Released,
        },
        is_for_secure_boot: base.is_for_secure_boot(),
        size: 0,
        ingredients,
    })
}

/// What an image is made of; the table of countries is made on the way.
fn ingredients(parts: &Parts, machine: Machine, folder: &Path) -> Result<Ingredients, BuildError> {
    let countries = progress::timed("Making the table of countries", || {
        countries::make(&cache_folder())
    })?;
    Ok(Ingredients {
        crates: bill::crates(machine)?,
        kernel: parts.kernel.source.clone(),
        checker: parts.checker.source.clone(),
        checker_program: parts.checker.program.clone(),
        countries: countries.source,
        countries_table: write(folder, "countries", &countries.table)?,
    })
}

/// What a shipped image is to be, besides its parts.
#[derive(Clone, Debug)]
pub struct Shipping {
    /// The folder of the keys; a development set is made there when there is none.
    pub keys: PathBuf,
    /// As people call it; the workspace's version when none is given.
    pub version: Option<String>,
    /// See [`slot::Header::security`].
    pub security: u64,
    /// Bytes of the sectors of the disk the image is for: 512, or 4096.
    pub sector: u16,
    /// See [`Release::patch_from`].
    pub patch_from: Vec<PathBuf>,
}

impl Shipping {
    /// As the daily loop needs it: development keys that are made when there are none.
    #[must_use]
    pub fn daily() -> Self {
        Self {
            keys: cache_folder().join("keys/development"),
            version: None,
            security: 0,
            sector: 512,
            patch_from: Vec::new(),
        }
    }
}

/// Puts the parts of an image together: slot, disk image, update file.
///
/// # Errors
/// The loader does not compile, keys are missing, or the files cannot be written.
pub fn ship(image: &Image, shipping: &Shipping) -> Result<Shipped, BuildError> {
    let workspace = workspace();
    let programs = progress::timed("Compiling the loader", || {
        build_firmware_programs(&workspace, &target_folder(), image.machine, image.profile)
    })?;
    let keys = keys::read_or_make(&shipping.keys)?;
    let version = shipping.version.clone();
    let release = Release {
        version: version.unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned()),
        security: shipping.security,
        built: build_time(&workspace),
        sector: shipping.sector,
        patch_from: shipping.patch_from.clone(),
    };
    let folder = image.kernel.parent().unwrap_or(&workspace);
    let shipped = progress::timed("Putting the image together", || {
        assemble(image, &programs, &keys, &release, folder)
    })?;
    flash::forget_other(&shipped.disk).map_err(|source| file_error(&shipped.disk, source))?;
    Ok(shipped)
}

/// Where images are put instead of `box` in cargo's target folder: whoever builds others at the
/// same time, of the same names, has a folder of their own.
pub const IMAGES_VARIABLE: &str = "RAMAL_IMAGES";

/// Where an image's parts lie.
pub(crate) fn image_folder(base: Base, machine: Machine) -> PathBuf {
    let mut name = "image".to_owned();
    if base != Base::Debian {
        name += &format!("-{}", base.name());
    }
    if machine != Machine::X86_64 {
        name += &format!("-{}", machine.name());
    }
    let images = std::env::var_os(IMAGES_VARIABLE).map(PathBuf::from);
    let images = images.unwrap_or_else(|| target_folder().join("box"));
    images.join(name)
}

fn pack_initramfs(
    parts: &Parts,
    base: Base,
    machine: Machine,
    keys: &Keys,
    folder: &Path,
) -> Result<PathBuf, BuildError> {
    let form = match base.is_for_secure_boot() {
        true => Form::Signed,
        false => Form::Slim,
    };
    let read = |path: &Path| std::fs::read(path).map_err(|source| file_error(path, source));
    let kernel = &parts.kernel;
    let contents = initramfs::Parts {
        init: read(&parts.binaries.init)?,
        checker: read(&parts.checker.program)?,
        keys: keys.set.encode().to_vec(),
        release: &kernel.release,
        modules: modules::gather(&kernel.modules, machine, form)?,
        data_template: data_template::make(folder, parts.mke2fs.as_deref())?,
    };
    let packed = initramfs::pack(contents, folder).map_err(|source| file_error(folder, source))?;
    write(folder, "initramfs.cpio.zst", &packed)
}

/// What has a machine trust this box's firmware alone, for whoever asks for that at the box.
fn add_enrolment(root: &mut Root, keys: &Keys) -> Result<(), BuildError> {
    for role in Role::ALL {
        let written = enrolment::written(&keys.secure_boot, keys.set.version, role);
        let written = written.map_err(AssembleError::Sign)?;
        root.file(&enrolment::path(role), 0o644, written);
    }
    Ok(())
}

fn measure(mut image: Image) -> Result<Image, BuildError> {
    progress::step("Image built");
    for path in [&image.kernel, &image.initramfs, &image.root] {
        let size = std::fs::metadata(path)
            .map_err(|source| file_error(path, source))?
            .len();
        progress::note(&format!(
            "{:>6} KiB  {}",
            size.div_ceil(1024),
            path.display()
        ));
        image.size += size;
    }
    let mib = |bytes: u64| format!("{}.{} MiB", bytes >> 20, ((bytes & 0xf_ffff) * 10) >> 20);
    progress::note(&format!(
        "{} in all, the limit is {}",
        mib(image.size),
        mib(SIZE_MAX)
    ));
    if image.size > SIZE_MAX {
        Err(BuildError::TooLarge { found: image.size })
    } else {
        Ok(image)
    }
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, BuildError> {
    let path = folder.join(name);
    std::fs::write(&path, bytes).map_err(|source| file_error(&path, source))?;
    Ok(path)
}

/// The floor of the box's clock, Unix seconds: when the source was committed, so that the same
/// source gives the same image. `SOURCE_DATE_EPOCH` overrides it.
fn build_time(workspace: &Path) -> u64 {
    if let Some(time) = std::env::var("SOURCE_DATE_EPOCH")
        .ok()
        .and_then(|time| time.parse().ok())
    {
        return time;
    }
    let mut git = std::process::Command::new("git");
    git.current_dir(workspace)
        .args(["log", "-1", "--format=%ct"]);
    let committed = crate::host::output(&mut git).ok();
    let committed = committed.and_then(|text| String::from_utf8_lossy(&text).trim().parse().ok());
    committed.unwrap_or(TIME_WITHOUT_GIT)
}

/// The workspace this tool was compiled in.
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Where cargo builds, and where the lab keeps its logs.
pub fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}

/// Debian's kernel as it is packed, for tests that need one and no image.
///
/// # Errors
/// The package cannot be had.
pub fn debian_kernel() -> Result<PathBuf, BuildError> {
    Ok(kernel::fetch(&cache_folder())?.bz_image)
}

/// `RAMAL_CACHE`, else `~/.cache/ramal`.
#[must_use]
pub fn cache_folder() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/root".into()));
    std::env::var_os("RAMAL_CACHE").map_or_else(|| home().join(".cache/ramal"), PathBuf::from)
}

pub(crate) fn file_error(path: &Path, source: std::io::Error) -> BuildError {
    BuildError::File {
        path: path.to_owned(),
        source,
    }
}

/// 2026-11-01: a source archive without history still needs a plausible floor.
const TIME_WITHOUT_GIT: u64 = 1_793_491_200;
