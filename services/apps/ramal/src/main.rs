//! The services of the box in one multi-call binary: `ramal store|net|guard|pbx|media|update|web|
//! grid`, `provision`, `install-disk`, `machine-keys`, `secure-boot`, `stick` and `ctl`; and
//! `audit-verify`, for anybody's computer.
//!
//! One file on disk and in the page cache serves every process. What each one is composed of stands
//! in the module of its name; nothing is decided here.

mod audit_verify;
mod ctl;
mod grid;
mod guard;
mod install_disk;
mod machine_keys;
mod media;
mod net;
mod pbx;
mod provision;
mod secure_boot;
mod stick;
mod store;
mod update;
mod web;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
// Linked in, not called by name: musl's own costs a call 6 % (docs/decisions/0025).
use memcpy as _;

/// musl's own allocator is three to four times slower on SIP parsing (docs/decisions/0004).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Ramal's services. On the box PID 1 starts them; `ctl` is for people.
#[derive(Parser)]
#[command(
    name = "ramal",
    version,
    about,
    after_help = "Example:\n  ramal ctl status"
)]
struct Arguments {
    #[command(subcommand)]
    service: Service,
}

#[derive(Subcommand)]
enum Service {
    /// Keep configuration, call records, audit trail and secrets.
    Store(store::Arguments),
    /// Hold the box's place on the network.
    Net(net::Arguments),
    /// Register phones and connect calls.
    Pbx(pbx::Arguments),
    /// Relay the sound of calls.
    Media(media::Arguments),
    /// Keep the firmware slots and install updates.
    Update(update::Arguments),
    /// Make a box of another disk, as somebody at the box has asked.
    InstallDisk(install_disk::Arguments),
    /// Ask the machine about Secure Boot, or give it the keys of this box.
    MachineKeys(machine_keys::Arguments),
    /// Judge whether the machine would start this box with its own keys alone.
    SecureBoot(secure_boot::Arguments),
    /// Serve the web admin and its API.
    Web(web::Arguments),
    /// Hold the tunnel into a grid.
    Grid(grid::Arguments),
    /// Keep who is banned for guessing and scanning.
    Guard(guard::Arguments),
    /// Apply the provisioning file once and wipe it.
    Provision(provision::Arguments),
    /// Read the update files and backups on a memory stick for whoever asks for one.
    Stick(stick::Arguments),
    /// Ask and command the running box.
    Ctl(ctl::Arguments),
    /// Check an exported audit trail, on any computer.
    AuditVerify(audit_verify::Arguments),
}

fn main() -> ExitCode {
    let outcome: Result<(), Box<dyn Error>> = match Arguments::parse().service {
        Service::Store(arguments) => store::run(&arguments),
        Service::Net(arguments) => net::run(&arguments),
        Service::Pbx(arguments) => pbx::run(&arguments),
        Service::Media(arguments) => media::run(&arguments),
        Service::Update(arguments) => update::run(&arguments),
        Service::InstallDisk(arguments) => install_disk::run(&arguments),
        Service::MachineKeys(arguments) => machine_keys::run(&arguments),
        Service::SecureBoot(arguments) => secure_boot::run(&arguments),
        Service::Web(arguments) => web::run(&arguments),
        Service::Grid(grid::Arguments {}) => grid::run(),
        Service::Guard(guard::Arguments {}) => guard::run(),
        Service::Provision(provision::Arguments {}) => provision::run(),
        Service::Stick(stick::Arguments {}) => stick::run(),
        Service::Ctl(arguments) => ctl::run(&arguments),
        Service::AuditVerify(arguments) => return audit_verify::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            run_loop::log::init();
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
