//! `ramal secure-boot`: whether firmware that knows nothing but the box's own certificate would
//! start what is on the disk.
//!
//! PID 1 runs it before it gives the machine that certificate, as somebody at the box has asked: a
//! box must never lock itself out. What is looked at comes from a disk that others may have
//! written to, so this process may reach nothing but the partitions, open for reading.

use std::error::Error;
use std::path::PathBuf;

use clap::builder::TypedValueParser as _;
use firmware::{SignedPrograms, StartedBy, StateFile};
use ipc::secure_boot::{Part, Reason, Verdict};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use run_loop::notify::Notify;
use run_loop::passed::Passed;
use secure_boot::{Fault, certificate_of, content_of};
use slot::Slot;

/// Command line of `ramal secure-boot`.
#[derive(clap::Args)]
#[command(
    after_help = "PID 1 passes it the partitions of the box, as descriptors.

Example (as PID 1 starts it):
  ramal secure-boot --running a"
)]
pub(crate) struct Arguments {
    /// The slot the system was started from.
    #[arg(long, value_name = "a|b", value_parser = slots())]
    running: Slot,
    /// What the machine is to be given for `db`.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/etc/ramal/secure-boot/db.auth"
    )]
    keys: PathBuf,
}

fn slots() -> impl clap::builder::TypedValueParser<Value = Slot> {
    clap::builder::PossibleValuesParser::new(["a", "b"])
        .map(|name| if name == "a" { Slot::A } else { Slot::B })
}

/// Judges, and tells PID 1.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    run_loop::log::init();
    let notify = Notify::from_env();
    let verdict = look(arguments).unwrap_or_else(|error| {
        tracing::error!("it cannot be told what the machine would start: {error}");
        Verdict::Unknown
    });
    notify.verdict(verdict);
    Ok(())
}

fn look(arguments: &Arguments) -> Result<Verdict, Box<dyn Error>> {
    let mut passed = Passed::from_env();
    let written = std::fs::read(&arguments.keys)?;
    let certificate = content_of(&written).and_then(certificate_of);
    let certificate = certificate.ok_or("the file of the machine's keys is none")?;
    let programs = SignedPrograms {
        running: arguments.running,
        esp: passed.file("esp")?,
        slot: passed.file("slot-running")?,
        other: passed.file("slot-other")?,
        state: StateFile::of(passed.file("boot-state")?, "the boot state"),
    };
    let refused = programs.refused(certificate, |key, message, signature| {
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.0);
        key.verify(message, signature).is_ok()
    })?;
    Ok(match refused {
        None => Verdict::Good,
        Some((part, fault)) => Verdict::Bad(part_of(part), reason(fault)),
    })
}

const fn part_of(part: StartedBy) -> Part {
    match part {
        StartedBy::Loader => Part::Loader,
        StartedBy::Rescue => Part::Rescue,
        StartedBy::Slot(Slot::A) => Part::SlotA,
        StartedBy::Slot(Slot::B) => Part::SlotB,
    }
}

const fn reason(fault: Fault) -> Reason {
    match fault {
        Fault::NotSigned => Reason::NotSigned,
        Fault::OtherKey => Reason::OtherKey,
        Fault::NoProgram | Fault::Broken => Reason::Damaged,
    }
}
