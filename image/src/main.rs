//! `cargo image`: makes the box's image and the keys that sign it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use image::base::Base;
use image::build::Shipping;
use image::buildroot::{self, Variant};
use image::cargo::Profile;
use image::keys::{self, Wanted};
use image::machine::{Machine, UnknownMachine};
use image::{build, countries, delta, prepare, progress};

/// Makes the box's image.
#[derive(Parser)]
#[command(name = "cargo image", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the disk image and the update file.
    #[command(
        after_help = "Examples:\n  cargo image build\n  cargo image build --released\n  \
                                cargo image build --base buildroot\n  \
                                cargo image build --base buildroot --machine aarch64\n  \
                                cargo image build --released --keys /media/keys/release \
                                --version 1.0.0\n  \
                                cargo image build --released --version 1.0.1 \
                                --patch-from ramal-1.0.0.update\n\n\
                                An image for customers needs --keys: without \
                                it, it trusts development keys, and says so."
    )]
    Build {
        /// What the image is to be.
        #[command(flatten)]
        shipping: ShippingArguments,
        /// Optimise the binaries as one piece, as in a released image: a minute and a half more.
        #[arg(long)]
        released: bool,
        /// Who makes kernel, e2fsprogs and programs: debian, buildroot, or buildroot-debug, which
        /// has a shell on the serial line. Both of Buildroot's need BUILDROOT_DIR and are always
        /// as in a released image.
        #[arg(long, value_parser = Base::of_name, default_value = "debian")]
        base: Base,
        /// For which machine: x86_64, or aarch64, which only Buildroot's bases are for.
        #[arg(long, value_parser = machine, default_value = "x86_64")]
        machine: Machine,
    },
    /// Make a set of keys that sign firmware.
    #[command(after_help = "Examples:\n  cargo image keys\n  \
                                cargo image keys --release --name acme-2026 --count 3 \
                                --threshold 2 --out /media/keys")]
    Keys {
        /// The folder, which must hold no keys yet; by default where `build` looks for them.
        #[arg(long)]
        out: Option<PathBuf>,
        /// Keys for customers' boxes. Without it: development keys, which no customer's box trusts.
        #[arg(long, requires = "name", requires = "out")]
        release: bool,
        /// What people call the set: letters, digits and signs, at most 32.
        #[arg(long, default_value = "development")]
        name: String,
        /// How many keys, 1 to 4.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=4))]
        count: u8,
        /// How many of them must sign.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=4))]
        threshold: u8,
    },
    /// Compress the raw image of a disk, and write its block map and checksums beside it.
    #[command(
        after_help = "Example:\n  cargo image pack target/box/image/ramal.img target/release"
    )]
    Pack {
        /// The raw image of a whole disk.
        raw: PathBuf,
        /// The folder for the three files.
        out: PathBuf,
    },
    /// Write an image to a disk, as `ramal-flash write` does. Everything on the disk is lost.
    #[command(after_help = "Examples:\n  cargo image flash /dev/sdb\n  \
                                cargo image flash /dev/sdb --image ramal-0.1.0.img.zst\n  \
                                cargo image flash /dev/sdb --provision provision.toml")]
    Flash {
        /// The whole disk, or a file.
        device: PathBuf,
        /// The image; by default the one that `cargo image build` made.
        #[arg(long)]
        image: Option<PathBuf>,
        #[command(flatten)]
        options: flash::command::Options,
    },
    /// The production base: Buildroot makes kernel, e2fsprogs and our programs.
    #[command(subcommand)]
    Buildroot(Buildroot),
    /// Make the table of which country an address is registered in, as `build` does.
    #[command(after_help = "Example:\n  cargo image countries target/countries")]
    Countries {
        /// The file.
        out: PathBuf,
    },
    /// Compare the two bases: sizes, and the kernel's options that we ask for.
    Compare,
    /// Count what a box that has one version downloads of another.
    #[command(after_help = "Example:\n  cargo image delta ramal-1.0.0.update ramal-1.0.1.update")]
    Delta {
        /// The update file, or the slot, of the version that runs.
        old: PathBuf,
        /// Of the version that is downloaded.
        new: PathBuf,
    },
}

/// What an image is to be.
#[derive(Args)]
struct ShippingArguments {
    /// The folder of the keys, which has to hold some; by default development keys, which are made
    /// when there are none.
    #[arg(long, value_name = "FOLDER")]
    keys: Option<PathBuf>,
    /// As people call it; the workspace's version when none is given.
    #[arg(long)]
    version: Option<String>,
    /// The security number: one more when no older version may run any more.
    #[arg(long, default_value_t = 0)]
    security: u64,
    /// Bytes of the sectors of the disk the image is for.
    #[arg(long, default_value_t = 512, value_parser = sector)]
    sector: u16,
    /// An update file of a version before: boxes that run it download a patch in place of what
    /// changed in the programs. May be given several times.
    #[arg(long, value_name = "UPDATE")]
    patch_from: Vec<PathBuf>,
}

impl ShippingArguments {
    /// # Errors
    /// The folder that was named holds no keys: development keys must not take their place.
    fn shipping(self) -> Result<Shipping, keys::KeysError> {
        if let Some(named) = &self.keys {
            keys::read(named)?;
        }
        Ok(Shipping {
            keys: self.keys.unwrap_or_else(|| Shipping::daily().keys),
            version: self.version,
            security: self.security,
            sector: self.sector,
            patch_from: self.patch_from,
        })
    }
}

fn sector(text: &str) -> Result<u16, String> {
    match text {
        "512" => Ok(512),
        "4096" => Ok(4096),
        _ => Err("disks have sectors of 512 or 4096 bytes".to_owned()),
    }
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

fn machine(name: &str) -> Result<Machine, UnknownMachine> {
    Machine::of_name(name)
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command {
        Command::Build {
            shipping,
            released,
            base,
            machine,
        } => run_build(shipping, released, base, machine),
        Command::Keys {
            out,
            release,
            name,
            count,
            threshold,
        } => run_keys(
            out,
            &Wanted {
                name,
                is_development: !release,
                threshold,
                count,
            },
        ),
        Command::Pack { raw, out } => run_pack(&raw, &out).map_err(Into::into),
        Command::Flash {
            device,
            image,
            options,
        } => {
            let image = image.unwrap_or_else(built_image);
            let machine = flash::Machine::default();
            flash::command::run(&machine, &image, &device, &options).map_err(Into::into)
        }
        Command::Buildroot(command) => run_buildroot(command).map_err(Into::into),
        Command::Countries { out } => run_countries(&out),
        Command::Compare => run_compare(),
        Command::Delta { old, new } => run_delta(&old, &new),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress::step(&format!("Failed: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run_build(
    arguments: ShippingArguments,
    released: bool,
    base: Base,
    machine: Machine,
) -> Result<(), Box<dyn std::error::Error>> {
    let shipping = &arguments.shipping()?;
    let target = prepare::prepare()?;
    let profile = Profile::released(released);
    let image = build::build_on(base, machine, target, profile, &shipping.keys)?;
    let shipped = build::ship(&image, shipping)?;
    let folder = shipped.disk.parent().unwrap_or_else(|| Path::new("."));
    run_pack(&shipped.disk, folder)?;
    let is_released = image.profile == Profile::Released;
    let (said, follows) = keys::trust(&keys::read(&shipping.keys)?.set, is_released);
    progress::step(&said);
    if let Some(follows) = follows {
        progress::note(follows);
    }
    Ok(())
}

fn run_keys(out: Option<PathBuf>, wanted: &Wanted) -> Result<(), Box<dyn std::error::Error>> {
    let folder = out.unwrap_or_else(|| Shipping::daily().keys);
    let keys = keys::make(&folder, wanted)?;
    progress::step(&format!("Keys made in {}", folder.display()));
    progress::note(&format!(
        "`{}`: {} of {} must sign",
        keys.set.name,
        keys.set.threshold,
        keys.set.keys().count()
    ));
    if !wanted.is_development {
        progress::note("keep the private keys apart, and copies of them off this machine");
    }
    Ok(())
}

fn built_image() -> PathBuf {
    let name = format!("ramal-{}.img", env!("CARGO_PKG_VERSION"));
    build::target_folder().join("box/image").join(name)
}

fn run_pack(raw: &Path, out: &Path) -> Result<(), flash::PackError> {
    let packed = progress::timed("Packing the image", || flash::pack(raw, out))?;
    for path in [&packed.image, &packed.block_map, &packed.checksums] {
        progress::note(&path.display().to_string());
    }
    let kib = |bytes: u64| bytes.div_ceil(1024);
    let (size, mapped) = (kib(packed.size), kib(packed.mapped));
    progress::note(&format!(
        "{size} KiB, of which {mapped} KiB are written to a disk"
    ));
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

fn run_delta(old: &Path, new: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let kib = |bytes: u64| bytes.div_ceil(1024);
    for count in delta::between(old, new)? {
        let part = match count.part {
            "" => "in all",
            part => part,
        };
        let share = match count.length {
            0 => String::new(),
            length => {
                let tenths = count.sent.saturating_mul(1000) / length;
                format!("  {:>3}.{} %", tenths / 10, tenths % 10)
            }
        };
        progress::note(&format!(
            "{part:>6}  {:>6} of {:>6} KiB{share}",
            kib(count.sent),
            kib(count.length),
        ));
    }
    Ok(())
}

fn run_countries(out: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let made = countries::make(&build::cache_folder())?;
    std::fs::write(out, &made.table).map_err(|error| format!("{}: {error}", out.display()))?;
    progress::step(&format!("{} made of {}", out.display(), made.source));
    Ok(())
}

fn run_compare() -> Result<(), Box<dyn std::error::Error>> {
    let table = buildroot::compare::table()?;
    std::io::Write::write_all(&mut std::io::stdout(), table.as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn development_keys_do_not_take_the_place_of_keys_that_were_named() {
        let empty = std::env::temp_dir().join(format!("ramal-no-keys-{}", std::process::id()));
        let named = ShippingArguments {
            keys: Some(empty.clone()),
            version: None,
            security: 0,
            sector: 512,
            patch_from: Vec::new(),
        };
        let refused = named.shipping().map(drop).map_err(|it| it.to_string());
        assert!(refused.is_err_and(|it| it.contains("keys.toml")));
        assert!(!empty.exists());
    }
}
