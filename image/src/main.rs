//! `cargo image`: makes the box's image.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use image::cargo::Profile;
use image::{build, prepare, progress};

/// Makes the box's image.
#[derive(Parser)]
#[command(name = "cargo image", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build kernel, initramfs and root file system.
    #[command(after_help = "Examples:\n  cargo image build\n  cargo image build --released")]
    Build {
        /// Optimise the binaries as one piece, as in a released image: a minute and a half more.
        #[arg(long)]
        released: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Command::Build { released } => run_build(released),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress::step(&format!("Failed: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run_build(released: bool) -> Result<(), Box<dyn std::error::Error>> {
    let target = prepare::prepare()?;
    build::build(target, Profile::released(released))?;
    Ok(())
}
