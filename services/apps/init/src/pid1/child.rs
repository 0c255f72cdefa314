//! Starting one service by the process contract, and listening to what it says.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::AsFd;
use std::path::Path;

use kernel::landlock::{Fence, Openings};
use kernel::spawn::{self, Program};
use kernel::{SystemError, network};
use supervise::Service;

use super::Settings;
use super::lines::Lines;
use super::slots::Slots;
use crate::boot::Firmware;
use crate::services::{self, Sockets};

/// A service that was just started.
pub(crate) struct Started {
    pub(crate) pid: u32,
    /// Its standard output and error.
    pub(crate) output: Pipe,
    /// Readiness and signs of life.
    pub(crate) notices: Pipe,
}

/// Our end of a pipe from a service.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) file: File,
    lines: Lines,
}

/// What came out of a pipe.
pub(crate) struct Heard {
    pub(crate) lines: Vec<String>,
    pub(crate) ended: bool,
}

impl Pipe {
    pub(super) fn new(file: File) -> Self {
        Self {
            file,
            lines: Lines::default(),
        }
    }

    /// Reads what is there, but no more than a fair share at a time. Never waits.
    pub(crate) fn hear(&mut self) -> Heard {
        let mut heard = Heard {
            lines: Vec::new(),
            ended: false,
        };
        let mut buffer = [0; 4096];
        for _ in 0..READS_MAX {
            match self.file.read(&mut buffer) {
                Ok(0) => {
                    heard.ended = true;
                    break;
                }
                Ok(count) => {
                    heard
                        .lines
                        .extend(self.lines.push(buffer.get(..count).unwrap_or_default()));
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => {
                    heard.ended = true;
                    break;
                }
            }
        }
        if heard.ended {
            heard.lines.extend(self.lines.take());
        }
        heard
    }
}

/// Starts a service.
pub(crate) fn start(
    service: Service,
    settings: &Settings,
    sockets: &Sockets,
    group: Option<&kernel::cgroup::Group>,
    firmware: Option<&Firmware>,
) -> Result<Started, SystemError> {
    let (output, output_writer) = network::pipe()?;
    let (notices, notices_writer) = network::pipe()?;
    let slots = match (service, firmware) {
        (Service::Update, Some(firmware)) => Slots::open(firmware)?,
        (_, Some(_) | None) => Slots::default(),
    };
    let mut passed = sockets.of(service);
    passed.extend(slots.passed());
    let names: Vec<&str> = passed.iter().map(|(name, _)| *name).collect();
    let mut descriptors: Vec<_> = passed.iter().map(|(_, fd)| *fd).collect();
    descriptors.push(notices_writer.as_fd());
    let mut environment = environment(settings, &names);
    if service == Service::Web {
        // A sign-in hashes in 19 MiB, and then nobody signs in for hours: give them back at once.
        environment.push("MIMALLOC_PURGE_DELAY=0".to_owned());
    }
    let program_path = settings.program.to_string_lossy();
    let data_dir = settings.data_dir.to_string_lossy();
    let mut arguments = vec!["ramal", service.name()];
    let backups_dir = settings.backups_dir.to_string_lossy();
    let recordings_dir = settings.recordings_dir.to_string_lossy();
    let sounds_dir = settings.sounds_dir.to_string_lossy();
    match service {
        Service::Store => {
            arguments.extend(["--data", &data_dir, "--backups", &backups_dir]);
            arguments.extend(["--sounds", &sounds_dir]);
        }
        Service::Media => {
            arguments.extend(["--recordings", &recordings_dir, "--sounds", &sounds_dir]);
        }
        Service::Web => {
            arguments.extend(["--recordings", &recordings_dir, "--backups", &backups_dir]);
            arguments.extend(["--sounds", &sounds_dir]);
        }
        Service::Update => arguments.extend(slots.arguments()),
        Service::Net | Service::Guard | Service::Pbx | Service::Grid => {}
    }
    let door = group.map(kernel::cgroup::Group::open_door).transpose()?;
    let fence = if settings.is_confined {
        fence(service, settings)?
    } else {
        None
    };
    let pid = spawn::spawn(&Program {
        path: &program_path,
        arguments: &arguments,
        environment: &environment,
        output: output_writer.as_fd(),
        descriptors: &descriptors,
        opened: None,
        identity: settings.is_confined.then(|| services::identity(service)),
        group: door.as_ref(),
        fence: fence.as_ref(),
        limits: settings
            .is_confined
            .then(|| services::process_limits(service)),
    })?;
    Ok(Started {
        pid,
        output: Pipe::new(output),
        notices: Pipe::new(notices),
    })
}

/// The environment of a process that is passed descriptors of these names and, behind them, the
/// pipe for what it has to tell.
pub(super) fn environment(settings: &Settings, names: &[&str]) -> Vec<String> {
    vec![
        format!("LISTEN_FDS={}", names.len()),
        format!("LISTEN_FDNAMES={}", names.join(":")),
        format!("NOTIFY_FD={}", names.len().saturating_add(3)),
        format!("RAMAL_RUN={}", settings.run_dir.display()),
        format!("RAMAL_LOG={}", settings.log_level),
        // Huge pages would give an idle service 4 MiB of memory it never touches.
        "MIMALLOC_ALLOW_THP=0".to_owned(),
    ]
}

/// What a service may write to and reach, besides the sockets it is passed.
fn fence(service: Service, settings: &Settings) -> Result<Option<Fence>, SystemError> {
    let null = Path::new("/dev/null");
    let calls = services::calls_folder(&settings.run_dir);
    let until_restart = services::store_folder(&settings.run_dir);
    let (writable, tcp) = match service {
        Service::Store => {
            let always = [null, until_restart.as_path(), settings.data_dir.as_path()];
            // A full disk may have had no room for these.
            let made = [
                settings.backups_dir.as_path(),
                settings.sounds_dir.as_path(),
            ];
            let made = made.into_iter().filter(|folder| folder.is_dir());
            (always.into_iter().chain(made).collect(), false)
        }
        Service::Net => (vec![null, Path::new("/proc/sys/net")], false),
        // Calls phones back that registered over TCP, and connects to trunks.
        Service::Pbx => (vec![null, calls.as_path()], true),
        // A full disk may have had no room for the folder.
        Service::Media if settings.recordings_dir.is_dir() => {
            (vec![null, settings.recordings_dir.as_path()], false)
        }
        Service::Media => (vec![null], false),
        Service::Guard | Service::Update | Service::Grid => (vec![null], false),
        // Fetches updates from other servers.
        Service::Web => (vec![null], true),
    };
    Fence::plan(Openings {
        program: &settings.program,
        writable: &writable,
        tcp,
    })
}

/// Where the box keeps the program all services are in.
pub(crate) fn program_of_the_box() -> &'static Path {
    Path::new("/usr/bin/ramal")
}

/// Reads of one pipe before the others get their turn.
const READS_MAX: usize = 4;
