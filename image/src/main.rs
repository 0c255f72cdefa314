//! `cargo image`: makes the box's image.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use image::base::Base;
use image::buildroot::{self, Machine, Variant};
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
    #[command(
        after_help = "Examples:\n  cargo image build\n  cargo image build --released\n  \
                                cargo image build --base buildroot"
    )]
    Build {
        /// Optimise the binaries as one piece, as in a released image: a minute and a half more.
        #[arg(long)]
        released: bool,
        /// Who makes kernel, e2fsprogs and programs: debian, buildroot, or buildroot-debug, which
        /// has a shell on the serial line. Both of Buildroot's need BUILDROOT_DIR and are always
        /// as in a released image.
        #[arg(long, value_parser = Base::of_name, default_value = "debian")]
        base: Base,
    },
    /// The production base: Buildroot makes kernel, e2fsprogs and our programs.
    #[command(subcommand)]
    Buildroot(Buildroot),
    /// Compare the two bases: sizes, and the kernel's options that we ask for.
    Compare,
}

#[derive(Subcommand)]
enum Buildroot {
    /// Fetch every source from Debian and make the toolchain; a build fetches nothing itself.
    Sources {
        /// For which machine the toolchain is.
        #[arg(long, value_parser = machine, default_value = "x86_64")]
        machine: Machine,
    },
    /// Run Buildroot only, without packing an image.
    Make {
        /// For which machine.
        #[arg(long, value_parser = machine, default_value = "x86_64")]
        machine: Machine,
        /// With a shell on the serial line.
        #[arg(long)]
        debug: bool,
        /// Where to build, in place of a folder below `target`.
        #[arg(long)]
        output: Option<PathBuf>,
    },
    /// Check the external tree against the release in BUILDROOT_DIR.
    Check,
    /// Make the committed lists of symbols anew.
    Symbols {
        /// An unpacked source of the kernel.
        kernel: PathBuf,
    },
}

fn machine(name: &str) -> Result<Machine, String> {
    let found = Machine::ALL
        .into_iter()
        .find(|machine| machine.name() == name);
    found.ok_or_else(|| "x86_64 and aarch64 are known".to_owned())
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Command::Build { released, base } => run_build(released, base),
        Command::Buildroot(command) => run_buildroot(command).map_err(Into::into),
        Command::Compare => run_compare(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress::step(&format!("Failed: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run_build(released: bool, base: Base) -> Result<(), Box<dyn std::error::Error>> {
    let target = prepare::prepare()?;
    build::build_on(base, target, Profile::released(released))?;
    Ok(())
}

fn run_buildroot(command: Buildroot) -> Result<(), buildroot::BuildrootError> {
    match command {
        Buildroot::Sources { machine } => {
            let sources = buildroot::sources::provide(machine)?;
            for path in [sources.downloads, sources.toolchain, sources.crates] {
                progress::note(&path.display().to_string());
            }
            Ok(())
        }
        Buildroot::Make {
            machine,
            debug,
            output,
        } => {
            let parts = buildroot::run::build(Variant { machine, debug }, output.as_deref())?;
            progress::note(&parts.output.display().to_string());
            Ok(())
        }
        Buildroot::Check => buildroot::check::check(),
        Buildroot::Symbols { kernel } => buildroot::symbols::renew(&kernel),
    }
}

fn run_compare() -> Result<(), Box<dyn std::error::Error>> {
    let table = buildroot::compare::table()?;
    std::io::Write::write_all(&mut std::io::stdout(), table.as_bytes())?;
    Ok(())
}
