//! `ramal-flash`: puts a Ramal image onto a disk.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use flash::command::{self, CommandError, Options};
use flash::{DiskFault, Machine, WriteError};

/// Puts a Ramal image onto a disk.
#[derive(Parser)]
#[command(name = "ramal-flash", version, after_help = WRITE_EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show the disks of this machine, and why some are refused.
    #[command(after_help = "Examples:\n  ramal-flash list\n  ramal-flash list --json")]
    List {
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Write an image to a disk. Everything on the disk is lost.
    #[command(after_help = WRITE_EXAMPLES)]
    Write {
        /// ramal-<version>.img.zst, with SHA256SUMS and its .bmap beside it.
        image: PathBuf,
        /// The whole disk, as /dev/sdb, or a file.
        device: PathBuf,
        #[command(flatten)]
        options: Options,
    },
}

fn main() -> ExitCode {
    let machine = Machine::default();
    let result = match Arguments::parse().command {
        Command::List { json } => command::list(&machine, json),
        Command::Write {
            image,
            device,
            options,
        } => command::run(&machine, &image, &device, &options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _closed = writeln!(std::io::stderr(), "ramal-flash: {error}");
            match error {
                CommandError::Write(WriteError::Disk(DiskFault::Cancelled)) => ExitCode::from(130),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

const WRITE_EXAMPLES: &str = "Examples:
  ramal-flash write ramal-0.1.0.img.zst /dev/sdb
  ramal-flash write ramal-0.1.0.img.zst /dev/sdb --provision provision.toml
  ramal-flash write ramal-0.1.0.img.zst /dev/sdb --yes-erase 4C530001230628115442
  ramal-flash write ramal-0.2.0.img.zst /dev/nvme0n1 --keep-data";
