//! A real box in QEMU: what it writes from its first start on, and boxes started after a cut.

mod judge;
mod lives;
mod machine;
mod saved;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use image::build::{Shipping, build, ship};
use image::cargo::Profile;
use qemu::process::run;
use slot::KeySet;

use crate::fault::Fault;
use crate::start::load;
use crate::states::{Plan, each_state};
use crate::trace::{SECTOR_LENGTH, Trace};
use lives::{READY, Recording};
use machine::Powered;

pub(crate) use judge::BoxJudge;

/// What a box wrote, and what is needed to start it again.
#[derive(Debug)]
pub struct BoxTrace {
    /// Its disk.
    pub trace: Trace,
    folder: PathBuf,
    program: Program,
    keys: KeySet,
}

/// What QEMU starts without the firmware's seconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Program {
    pub(crate) vmlinux: PathBuf,
    pub(crate) initramfs: PathBuf,
    pub(crate) command_line: String,
}

/// Builds the image and records the lives of a box with it; see [`lives`]. All goes to `folder`.
///
/// # Errors
/// The image is not built, or the box does not do as it should without any power cut.
pub fn record_box(folder: &Path, profile: Profile) -> Result<BoxTrace, Fault> {
    let in_words = |error: &dyn std::fmt::Display| Fault::Box(error.to_string());
    let target = image::prepare::prepare().map_err(|it| in_words(&it))?;
    let built = build(target, profile).map_err(|it| in_words(&it))?;
    let shipping = Shipping::daily();
    let shipped = ship(&built, &shipping).map_err(|it| in_words(&it))?;
    // Another version of the same parts, so that QEMU can start either by the same kernel.
    let next = Shipping {
        version: Some(NEXT_VERSION.to_owned()),
        ..Shipping::daily()
    };
    let next = ship(&built, &next).map_err(|it| in_words(&it))?;
    let keys = image::keys::read(&shipping.keys).map_err(|it| in_words(&it))?;
    std::fs::create_dir_all(folder).map_err(|it| Fault::file(folder, it))?;
    let program = Program {
        vmlinux: built.vmlinux,
        initramfs: built.initramfs,
        command_line: shipped.command_line,
    };
    let base = folder.join(BASE);
    copy(&shipped.disk, &base)?;
    let error = |source| Fault::file(&base, source);
    let file = File::options().write(true).open(&base).map_err(error)?;
    file.set_len(LENGTH).map_err(error)?;
    let recording = Recording::new(folder, program.clone(), keys.set);
    copy(&base, recording.disk())?;
    let events = recording.all_lives(&next.update)?;
    saved::save(folder, &events, &program, &keys.set)?;
    BoxTrace::open(folder)
}

impl BoxTrace {
    /// One that was recorded before.
    ///
    /// # Errors
    /// There is none in this folder.
    pub fn open(folder: &Path) -> Result<Self, Fault> {
        let (events, program, keys) = saved::read(folder)?;
        let base = folder.join(BASE);
        let file = File::open(&base).map_err(|source| Fault::file(&base, source))?;
        let trace = Trace {
            base: crate::trace::Base::File(file),
            length: LENGTH,
            events,
        };
        Ok(Self {
            trace,
            folder: folder.to_owned(),
            program,
            keys,
        })
    }

    /// Its judge, who also looks into the data in one of `every` states.
    ///
    /// # Errors
    /// There is no room for scratch files.
    pub fn judge(&self, every: usize) -> Result<impl crate::scenarios::Judge + use<>, Fault> {
        BoxJudge::new(&self.trace, self.keys, every)
    }
}

/// Starts a box in QEMU after a cut, and waits until all its services are ready; how it was cut.
///
/// # Errors
/// It does not start.
pub fn boot_state(recorded: &BoxTrace, plan: &Plan, number: usize) -> Result<String, Fault> {
    let disk = recorded.folder.join("cut.img");
    copy(&recorded.folder.join(BASE), &disk)?;
    let error = |source| Fault::file(&disk, source);
    let mut told = None;
    let mine = |it| it == number;
    each_state(&recorded.trace, plan, mine, |cut, view, _| {
        let file = File::options()
            .read(true)
            .write(true)
            .open(&disk)
            .map_err(error)?;
        for sector in view.written_in(0..recorded.trace.length / SECTOR_LENGTH) {
            let mut bytes = [0; crate::trace::SECTOR];
            let at = sector.saturating_mul(SECTOR_LENGTH);
            firmware::Medium::read_at(&view, &mut bytes, at)?;
            firmware::Medium::write_at(&file, &bytes, at)?;
        }
        told = Some(format!("cut after {} events, {}", cut.events, cut.kind));
        Ok(())
    })?;
    let told = told.ok_or_else(|| Fault::broken(format!("there is no state {number}")))?;
    let file = File::options()
        .read(true)
        .write(true)
        .open(&disk)
        .map_err(error)?;
    let handoff = load(&file, recorded.trace.length, &recorded.keys)?;
    let serial = recorded.folder.join(format!("serial-{number}.log"));
    let started = Powered::start(&recorded.program, &handoff, &disk, None, &serial)?;
    started.wait(READY, BOOT_MAX)?;
    drop(started);
    std::fs::remove_file(&disk).map_err(error)?;
    Ok(told)
}

/// Copies a file with holes.
fn copy(from: &Path, to: &Path) -> Result<(), Fault> {
    let names = [from, to].map(|it| it.display().to_string());
    let mut arguments = vec!["--sparse=always".to_owned(), "--reflink=auto".to_owned()];
    arguments.extend(names);
    Ok(run("cp", &arguments)?)
}

/// Bytes of the disk: the image, and room for data that the file system has to grow into.
const LENGTH: u64 = image::disk::IMAGE_LENGTH + 96 * 1024 * 1024;

const BASE: &str = "base.img";

/// What the version that the box is given is called.
const NEXT_VERSION: &str = "next";

/// Ten times what it takes under emulation on an idle two-core machine.
const BOOT_MAX: Duration = Duration::from_secs(180);
