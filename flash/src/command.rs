//! What `ramal-flash` and `cargo image flash` do, with people in front of them.

use std::fs;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use config::Provision;
use disks::{DeviceError, Disk, FileDevice, Machine, Refusal, room};
use nix::sys::signal::{SigSet, Signal};
use slot::layout;

use crate::progress::Progress;
use crate::source::{Source, SourceError};
use crate::write::{Order, WriteError, write};

/// How a disk is written.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Put this provisioning file on the disk: network, host name, time zone, login key, grid
    /// code. The box applies it once and wipes it (see docs/installing.md).
    #[arg(long, value_name = "FILE")]
    pub provision: Option<PathBuf>,
    /// Do not ask: the disk's name or serial number, as `list` shows it.
    #[arg(long, alias = "confirm", value_name = "SERIAL")]
    pub yes_erase: Option<String>,
    /// Keep the data of the box that is on the disk.
    #[arg(long)]
    pub keep_data: bool,
    /// Do not read the disk back.
    #[arg(long)]
    pub no_verify: bool,
    /// Bytes of a sector when DEVICE is a file.
    #[arg(long, value_name = "BYTES", default_value_t = 512, hide = true)]
    pub file_sector: u64,
}

/// Why a command did not do it.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The image.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The device.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// It was not written whole.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The disk must not be written.
    #[error("{device} is not written: {reasons}")]
    Refused {
        /// Which.
        device: String,
        /// Why, one after the other.
        reasons: String,
    },
    /// A part of a disk.
    #[error("{0} is not a whole disk; name the disk, as `ramal-flash list` shows it")]
    NotWhole(PathBuf),
    /// Nobody said so.
    #[error("nobody is asked here; add --yes-erase {0} to erase it")]
    NotAsked(String),
    /// Somebody said otherwise.
    #[error("{given:?} is not {expected}; nothing was written")]
    NotConfirmed {
        /// What was given.
        given: String,
        /// What would do.
        expected: String,
    },
    /// The provisioning file.
    #[error("{path}: {faults}")]
    Provision {
        /// The file.
        path: PathBuf,
        /// What is wrong, one after the other.
        faults: String,
    },
    /// Standard input or output.
    #[error("cannot talk to you: {0}")]
    Talk(#[from] io::Error),
}

/// Prints the disks of this machine and which of them may be written.
///
/// # Errors
/// Standard output is closed.
pub fn list(machine: &Machine, json: bool) -> Result<(), CommandError> {
    let judged = machine.disks().into_iter().map(|disk| {
        let refusals = machine.refusals(&disk, IMAGE_LENGTH, None);
        let refusals: Vec<_> = refusals.iter().map(ToString::to_string).collect();
        (disk, refusals)
    });
    let judged: Vec<_> = judged.collect();
    let mut out = io::stdout().lock();
    if json {
        let all = judged
            .iter()
            .map(|(disk, refusals)| serde_json::json!({ "disk": disk, "refusals": refusals }));
        writeln!(out, "{:#}", serde_json::Value::from_iter(all))?;
        return Ok(());
    }
    if judged.is_empty() {
        writeln!(out, "no disks")?;
    }
    for (disk, refusals) in &judged {
        writeln!(out, "{}", describe(disk))?;
        for refusal in refusals {
            writeln!(out, "    refused: {refusal}")?;
        }
    }
    Ok(())
}

/// Writes an image to a disk, once whoever asks for it has said so in so many words.
///
/// # Errors
/// It is refused, not confirmed, or fails; see [`WriteError`] for what the disk is then.
pub fn run(
    machine: &Machine,
    image: &Path,
    device: &Path,
    options: &Options,
) -> Result<(), CommandError> {
    let provision = options.provision.as_deref().map(provision).transpose()?;
    let source = Source::open(image)?;
    let target = Target::find(machine, device, &source)?;
    if !source.has_checksum() {
        tell("no SHA256SUMS beside the image names it: whether it is whole is not known");
    }
    confirm(&target, options)?;
    let cancelled = Arc::new(AtomicBool::new(false));
    watch_signals(&cancelled)?;
    let mut opened = FileDevice::open(&target.path, options.file_sector)?;
    let order = Order {
        source: &source,
        provision: provision.as_deref(),
        keep_data: options.keep_data,
        verify: !options.no_verify,
    };
    let mut progress = Progress::new(cancelled);
    let written = write(&mut opened, order, &mut random, &mut progress);
    progress.end();
    let written = written?;
    if written.is_converted {
        tell("the disk has sectors of another size than the image; it was made to fit");
    }
    let verified = if options.no_verify {
        "not read back"
    } else {
        "read back and found the same"
    };
    let size = size(written.bytes);
    tell(&format!(
        "done: {size} written to {}, {verified}",
        target.path.display()
    ));
    Ok(())
}

/// A disk or file, and what has to be typed to erase it.
struct Target {
    path: PathBuf,
    description: String,
    answers: Vec<String>,
}

impl Target {
    fn find(machine: &Machine, device: &Path, source: &Source) -> Result<Self, CommandError> {
        let failed = |source| DeviceError::Open {
            path: device.to_owned(),
            source,
        };
        let path = fs::canonicalize(device).map_err(failed)?;
        let metadata = fs::metadata(&path).map_err(failed)?;
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let image = source.path();
        let (description, mut answers, refusals) = if metadata.file_type().is_block_device() {
            let disk = machine.disk(&name);
            let disk = disk.ok_or_else(|| CommandError::NotWhole(path.clone()))?;
            let refusals = machine.refusals(&disk, source.length(), Some(image));
            (describe(&disk), vec![disk.name, disk.serial], refusals)
        } else {
            let identity = |it: fs::Metadata| (it.dev(), it.ino());
            let same = fs::metadata(image).map(identity).ok() == Some(identity(metadata.clone()));
            let mut refusals: Vec<_> = room(metadata.len(), source.length()).into_iter().collect();
            refusals.extend(same.then_some(Refusal::HoldsImage));
            let description = format!("{name}  a file of {}", size(metadata.len()));
            (description, vec![name], refusals)
        };
        answers.retain(|answer| !answer.is_empty());
        if refusals.is_empty() {
            return Ok(Self {
                path,
                description,
                answers,
            });
        }
        Err(CommandError::Refused {
            device: path.display().to_string(),
            reasons: joined(&refusals),
        })
    }
}

fn confirm(target: &Target, options: &Options) -> Result<(), CommandError> {
    let expected = target.answers.join(" or ");
    let given = if let Some(given) = &options.yes_erase {
        given.clone()
    } else if io::stdin().is_terminal() {
        let kept = if options.keep_data {
            "Everything but the box's data"
        } else {
            "Everything"
        };
        tell(&format!(
            "{}\n{kept} on this disk will be lost.",
            target.description
        ));
        write!(io::stderr(), "Type {expected} to write to it: ")?;
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        line.trim().to_owned()
    } else {
        let last = target.answers.last().cloned();
        return Err(CommandError::NotAsked(last.unwrap_or_default()));
    };
    if target.answers.contains(&given) {
        Ok(())
    } else {
        Err(CommandError::NotConfirmed { given, expected })
    }
}

fn provision(path: &Path) -> Result<String, CommandError> {
    let wrong = |faults: String| CommandError::Provision {
        path: path.to_owned(),
        faults,
    };
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    Provision::parse(&text).map_err(|faults| wrong(joined(&faults)))?;
    Ok(text)
}

/// Ctrl-C ends it in order; a second one at once.
fn watch_signals(cancelled: &Arc<AtomicBool>) -> io::Result<()> {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        signals.add(signal);
    }
    signals.thread_block()?;
    let cancelled = Arc::clone(cancelled);
    std::thread::Builder::new().spawn(move || {
        if signals.wait().is_ok() {
            cancelled.store(true, Ordering::Relaxed);
            let _as_before = signals.thread_unblock();
            std::thread::park();
        }
    })?;
    Ok(())
}

fn random(bytes: &mut [u8; 16]) -> io::Result<()> {
    let flags = rustix::rand::GetRandomFlags::empty();
    rustix::rand::getrandom(&mut bytes[..], flags)?;
    Ok(())
}

fn describe(disk: &Disk) -> String {
    let serial = if disk.serial.is_empty() {
        "no serial number"
    } else {
        &disk.serial
    };
    let removable = if disk.is_removable { ", removable" } else { "" };
    let (name, model, bus) = (&disk.name, &disk.model, disk.bus);
    let mut text = format!(
        "{name}  {}  {bus}{removable}  {model}  {serial}",
        size(disk.bytes)
    );
    for part in &disk.partitions {
        text.push_str(&format!(
            "\n    {}  {}  {}",
            part.name,
            size(part.bytes),
            part.label
        ));
    }
    text
}

/// As it is printed on disks: in powers of ten.
fn size(bytes: u64) -> String {
    let (unit, tenths) = if bytes >= 1_000_000_000 {
        ("GB", bytes / 100_000_000)
    } else {
        ("MB", bytes / 100_000)
    };
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

fn joined(all: &[impl ToString]) -> String {
    let all: Vec<_> = all.iter().map(ToString::to_string).collect();
    all.join("; ")
}

fn tell(text: &str) {
    // A closed standard error must not end it half-way.
    let _closed = writeln!(io::stderr(), "{text}");
}

/// Bytes of a disk image, for judging disks without one.
const IMAGE_LENGTH: u64 =
    layout::ESP_LENGTH + layout::BOOTSTATE_LENGTH + 2 * layout::SLOT_LENGTH + 2 * layout::ALIGNMENT;
