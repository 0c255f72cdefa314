//! `cargo image`: makes the box's image.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
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
    #[command(after_help = "Example:\n  cargo image build")]
    Build,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Command::Build => run_build(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress::step(&format!("Failed: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run_build() -> Result<(), Box<dyn std::error::Error>> {
    let target = prepare::prepare()?;
    build::build(target)?;
    Ok(())
}
