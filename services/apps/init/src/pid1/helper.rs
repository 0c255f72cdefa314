//! Processes beside the services: started for one task by the process contract, with no rights, and
//! reaching nothing but what they are passed open. They end when it is done.

use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::Path;

use kernel::cgroup::Group;
use kernel::landlock::{Fence, Openings};
use kernel::process::{self, Stop};
use kernel::spawn::{self, Identity, Opened, Program};
use kernel::{SystemError, network};
use sansio::Instant;

use super::child::{self, Pipe};
use super::{Settings, Supervision};
use crate::services;

/// A task for a process of its own.
pub(super) struct Task<'a> {
    /// Of the sub-command, of its lines in the log and of its control group.
    pub(super) name: &'static str,
    /// Behind the name.
    pub(super) arguments: &'a [&'a str],
    /// What it is passed, by name.
    pub(super) passed: &'a [(&'a str, BorrowedFd<'a>)],
    /// What it opens itself as it starts, and its name.
    pub(super) opened: Option<(&'a str, Opened<'a>)>,
    /// Who it runs as.
    pub(super) identity: Identity,
    /// Bytes it may take.
    pub(super) memory_max: u64,
}

/// A process that was just started.
pub(super) struct Started {
    pub(super) pid: u32,
    /// Its standard output and error.
    pub(super) output: Pipe,
    /// What it has to tell.
    pub(super) reports: Pipe,
    /// Everything it starts, when it is confined.
    pub(super) group: Option<Group>,
}

/// A process that has to be done by a time.
pub(super) struct Limited {
    pub(super) pid: u32,
    /// Everything it starts, when it is confined.
    pub(super) group: Option<Group>,
    pub(super) deadline: Instant,
}

impl Limited {
    /// It has ended: nothing that it may have left behind goes on.
    pub(super) fn clear(&self) -> Result<(), SystemError> {
        self.group.as_ref().map_or(Ok(()), Group::kill_all)
    }

    /// Kills it, and does not wait for that: what hangs in the kernel ends when the kernel lets it.
    pub(super) fn give_up(&self) -> Result<(), SystemError> {
        let stopped = process::stop(self.pid, Stop::Kill);
        self.clear().and(stopped)
    }
}

/// Starts it.
pub(super) fn start(settings: &Settings, task: &Task<'_>) -> Result<Started, SystemError> {
    let (output, output_writer) = network::pipe()?;
    let (reports, reports_writer) = network::pipe()?;
    let is_confined = settings.is_confined;
    let limits = services::helper_group_limits(task.memory_max);
    let group = is_confined.then(|| Group::make(task.name, limits));
    let group = group.transpose()?;
    let door = group.as_ref().map(Group::open_door).transpose()?;
    let openings = Openings {
        program: &settings.program,
        writable: &[Path::new("/dev/null")],
        tcp: false,
    };
    let fence = is_confined.then(|| Fence::plan(openings)).transpose()?;
    let mut names: Vec<&str> = task.passed.iter().map(|(name, _)| *name).collect();
    let passed = task.passed.iter().map(|(_, descriptor)| *descriptor);
    let mut descriptors: Vec<_> = passed.collect();
    let opened = task.opened.map(|(_, opened)| (descriptors.len(), opened));
    if let Some((name, _)) = task.opened {
        names.push(name);
        // Keeps the place until it is open.
        descriptors.push(output_writer.as_fd());
    }
    descriptors.push(reports_writer.as_fd());
    let arguments = [&["ramal", task.name], task.arguments].concat();
    let pid = spawn::spawn(&Program {
        path: &settings.program.to_string_lossy(),
        arguments: &arguments,
        environment: &child::environment(settings, &names),
        output: output_writer.as_fd(),
        descriptors: &descriptors,
        opened,
        identity: is_confined.then_some(task.identity),
        group: door.as_ref(),
        fence: fence.flatten().as_ref(),
        limits: is_confined.then_some(services::HELPER_LIMITS),
    })?;
    Ok(Started {
        pid,
        output: Pipe::new(output),
        reports: Pipe::new(reports),
        group,
    })
}

impl Supervision {
    /// Logs what such a process says; whether there may be more.
    pub(super) fn hear_helper(&mut self, name: &'static str, pipe: &mut Pipe) -> bool {
        let heard = pipe.hear();
        for line in heard.lines {
            self.log.push(name, crate::boot::millis_since_boot(), &line);
            self.console.line(&format!("{name}: {line}"));
        }
        !heard.ended
    }
}
