//! Waiting for many descriptors at once (epoll).

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;

use crate::{Context, SystemError};

/// What to wait for on a descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interest {
    /// Something to read, or the other end gone.
    Read,
    /// Room to write, or something to read.
    ReadWrite,
    /// Room to write.
    Write,
    /// Nothing for now, except that the other end goes.
    Nothing,
}

/// A set of descriptors, each with a token of the caller's choice.
pub struct Poller {
    epoll: OwnedFd,
    events: Vec<Event>,
}

impl Poller {
    /// An empty set.
    ///
    /// # Errors
    /// When the kernel has no memory or descriptors left.
    pub fn new() -> Result<Self, SystemError> {
        let epoll = epoll::create(CreateFlags::CLOEXEC).context("make", "an epoll set")?;
        Ok(Self {
            epoll,
            events: Vec::with_capacity(EVENTS_MAX),
        })
    }

    /// Adds a descriptor.
    ///
    /// # Errors
    /// When it is in the set already, or is a plain file.
    pub fn add(&self, fd: impl AsFd, token: u64, interest: Interest) -> Result<(), SystemError> {
        let data = EventData::new_u64(token);
        epoll::add(&self.epoll, fd, data, interest.flags()).context("wait for", token)
    }

    /// Changes what to wait for.
    ///
    /// # Errors
    /// When it is not in the set.
    pub fn change(&self, fd: impl AsFd, token: u64, interest: Interest) -> Result<(), SystemError> {
        let data = EventData::new_u64(token);
        epoll::modify(&self.epoll, fd, data, interest.flags()).context("wait for", token)
    }

    /// Takes a descriptor out. Closing it does so too, unless a copy of it stays open.
    pub fn remove(&self, fd: impl AsFd) {
        // It may have gone by itself; either way it is out.
        let _ = epoll::delete(&self.epoll, fd);
    }

    /// Waits until something can be done or the time is over, and returns the tokens.
    ///
    /// # Errors
    /// When the set itself is broken; an interrupted wait is no error.
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<Vec<u64>, SystemError> {
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(timeout.subsec_nanos()),
        });
        self.events.clear();
        let buffer = spare_capacity(&mut self.events);
        match epoll::wait(&self.epoll, buffer, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).context("wait for", "events"),
        }
        Ok(self
            .events
            .iter()
            .map(|event| { event.data }.u64())
            .collect())
    }
}

impl Interest {
    const fn flags(self) -> EventFlags {
        match self {
            Self::Read => EventFlags::IN,
            Self::ReadWrite => EventFlags::IN.union(EventFlags::OUT),
            Self::Write => EventFlags::OUT,
            Self::Nothing => EventFlags::empty(),
        }
    }
}

/// Events taken at once; more simply come with the next wait.
const EVENTS_MAX: usize = 32;
