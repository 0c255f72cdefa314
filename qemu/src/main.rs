//! `cargo qemu`: a box, its network and its phones on this machine.

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use image::cargo::Profile;
use image::progress;
use qemu::lab::{DISK_LENGTH, Plan, Way};
use qemu::{check, interrupt, matrix, privilege, suite, up};

/// Runs a Ramal box in QEMU with a network and two real phones.
#[derive(Parser)]
#[command(name = "cargo qemu", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the image, boot it, register two phones, and run until Ctrl-C.
    #[command(after_help = UP_EXAMPLES)]
    Up {
        /// Prove instead that two phones can talk and the call is on record, then end.
        #[arg(long)]
        check: bool,
        /// Port on 127.0.0.1 for the box's web page; 0 takes a free one.
        #[arg(long, default_value_t = 8443)]
        port: u16,
        /// Show the box's console while it runs.
        #[arg(long)]
        console: bool,
        /// Boot what is released: optimised as one piece, a minute and a half more to build.
        #[arg(long)]
        released: bool,
        /// Start the box by its firmware (OVMF) and our loader, in place of its kernel: some
        /// seconds more.
        #[arg(long)]
        firmware: bool,
    },
    /// Start the image on every kind of hardware it is for: disks, sectors, screen, no network.
    #[command(after_help = "Examples:
  cargo qemu matrix
  cargo qemu matrix \"SD card\" SATA")]
    Matrix {
        /// Only these kinds, as the command calls them; without any, all.
        #[arg(value_name = "KIND")]
        only: Vec<String>,
        /// Boot what is released: optimised as one piece, a minute and a half more to build.
        #[arg(long)]
        released: bool,
    },
    /// Run all tests: format, lints, house rules, unit, simulation, and the box in QEMU.
    #[command(after_help = TEST_EXAMPLES)]
    Test {
        /// Boot what is released: optimised as one piece, a minute and a half more to build.
        #[arg(long)]
        released: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            progress::step(&format!("Failed: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// `false` when all was done and something is not as it should be.
fn run(command: Command) -> Result<bool, Box<dyn std::error::Error>> {
    privilege::become_root_of_the_lab()?;
    interrupt::take_over()?;
    match command {
        Command::Up {
            check: false,
            port,
            console,
            released,
            firmware,
        } => up::up(&plan(port, console, firmware), Profile::released(released))?,
        Command::Up {
            check: true,
            port: _,
            console,
            released,
            firmware,
        } => run_check(&plan(0, console, firmware), Profile::released(released))?,
        Command::Matrix { only, released } => {
            return run_matrix(Profile::released(released), &only);
        }
        Command::Test { released } => return suite::run(Profile::released(released)),
    }
    Ok(true)
}

fn plan(port: u16, show_console: bool, firmware: bool) -> Plan {
    Plan {
        port,
        show_console,
        log_name: "console.log".to_owned(),
        way: if firmware { Way::Firmware } else { Way::Kernel },
        disk_length: DISK_LENGTH,
    }
}

fn run_matrix(profile: Profile, only: &[String]) -> Result<bool, Box<dyn std::error::Error>> {
    let cases = matrix::chosen(only)?;
    let (evidence, is_well) = matrix::run(profile, &cases)?;
    let mut output = std::io::stdout();
    for line in evidence {
        writeln!(output, "{line}")?;
    }
    Ok(is_well)
}

fn run_check(plan: &Plan, profile: Profile) -> Result<(), Box<dyn std::error::Error>> {
    let evidence = check::check(plan, profile)?;
    let mut output = std::io::stdout();
    for line in evidence {
        writeln!(output, "{line}")?;
    }
    writeln!(output, "check passed")?;
    Ok(())
}

const UP_EXAMPLES: &str = "Examples:
  cargo qemu up                 an office to play with, its web page on https://127.0.0.1:8443/
  cargo qemu up --port 9443     the same on another port
  cargo qemu up --console       with the box's console
  cargo qemu up --check         proves a call between two phones, with its record, and ends
  cargo qemu up --released --check
                                proves it of the image that is released
  cargo qemu up --firmware --check
                                proves it of a box that starts by its firmware and our loader";

const TEST_EXAMPLES: &str = "Examples:
  cargo qemu test
  cargo qemu test --released    the box in QEMU is the image that is released

A part of what boots a box, on either image:
  cargo test -p e2e --test telephony
  RAMAL_PROFILE=released cargo test -p e2e --test telephony";
