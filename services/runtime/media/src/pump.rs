//! The relay thread: waits on every socket at once and moves packets across.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};

use rtp::Verdict;
use run_loop::clock::Clock;
use rustix::event::epoll;
use rustix::time::Timespec;

use crate::control::{Command, Commands, Control, channel};
use crate::ports::PortRange;
use crate::table::{RelayTable, Slot, Token};

/// Why the relay thread cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum PumpError {
    /// epoll or eventfd failed.
    #[error("the kernel does not wait on sockets: {0}")]
    Kernel(#[from] rustix::io::Errno),
    /// The socket requests come by failed.
    #[error("the control socket failed: {0}")]
    Listener(std::io::Error),
}

/// Every relay of the box and the one thread that drives them.
#[derive(Debug)]
pub struct Pump {
    clock: Clock,
    table: RelayTable,
    poll: rustix::fd::OwnedFd,
    commands: Commands,
}

impl Pump {
    /// A pump without relays, and the handle that opens some. `start` says where in the port range
    /// to begin and should be hard to guess.
    ///
    /// # Errors
    /// The kernel gives no epoll or eventfd.
    pub fn new(clock: Clock, range: PortRange, start: u64) -> Result<(Self, Control), PumpError> {
        let (control, commands) = channel()?;
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let data = epoll::EventData::new_u64(CONTROL);
        epoll::add(&poll, commands.wake(), data, epoll::EventFlags::IN)?;
        let table = RelayTable::new(range, start);
        Ok((
            Self {
                clock,
                table,
                poll,
                commands,
            },
            control,
        ))
    }

    /// Pumps until something breaks; calls `alive` at least once a second.
    ///
    /// # Errors
    /// What broke.
    pub fn run(mut self, mut alive: impl FnMut()) -> Result<(), PumpError> {
        let mut events = Vec::with_capacity(EVENTS_MAX);
        let mut buffer = vec![0; DATAGRAM_MAX];
        let mut last_alive = self.clock.now();
        alive();
        loop {
            events.clear();
            match epoll::wait(
                &self.poll,
                rustix::buffer::spare_capacity(&mut events),
                Some(&TICK),
            ) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in &events {
                match event.data.u64() {
                    CONTROL => self.obey()?,
                    data => self.relay(Token::from_u64(data), &mut buffer),
                }
            }
            let now = self.clock.now();
            if now - last_alive >= ALIVE_EVERY {
                last_alive = now;
                alive();
            }
        }
    }

    /// Moves one packet. One only: epoll reports the socket again while more wait, and meanwhile
    /// every other call has its turn.
    fn relay(&mut self, token: Token, buffer: &mut [u8]) {
        let now = self.clock.now();
        // A slot may have been emptied or reused since the event was reported; then there is
        // nothing to read, or what is read belongs to the new relay.
        let Some(slot) = self.table.slot_mut(token.slot) else {
            return;
        };
        let socket = slot.sockets.get(token.side, token.channel);
        let Some((length, source)) = receive(socket, buffer) else {
            return;
        };
        let Some(packet) = buffer.get_mut(..length) else {
            return;
        };
        match slot
            .relay
            .forward(now, token.side, token.channel, source, packet)
        {
            Verdict::Forward { side, channel, to } => {
                // A full send queue or a missing route loses the packet, as any router would.
                if slot.sockets.get(side, channel).send_to(packet, to).is_err() {
                    slot.relay.count_dropped();
                }
            }
            Verdict::Drop(_) => {}
        }
    }

    fn obey(&mut self) -> Result<(), PumpError> {
        self.commands.quiet();
        while let Some(command) = self.commands.next() {
            match command {
                Command::Ask(request, answer) => {
                    let poll = &self.poll;
                    let watch = |index, slot: &Slot| watch(poll, index, slot);
                    let reply = self.table.answer(self.clock.now(), request, watch);
                    // An asker that went away needs no answer.
                    let _ = answer.send(reply);
                }
                Command::Stop(reason) => return Err(PumpError::Listener(reason)),
            }
        }
        Ok(())
    }
}

fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
    match socket.recv_from(buffer) {
        Ok(received) => Some(received),
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        Err(error) => {
            tracing::debug!("a media socket failed to receive: {error}");
            None
        }
    }
}

fn watch(poll: &rustix::fd::OwnedFd, index: usize, slot: &Slot) -> Result<(), String> {
    for token in Token::all(index) {
        let socket = slot.sockets.get(token.side, token.channel);
        let data = epoll::EventData::new_u64(token.to_u64());
        epoll::add(poll, socket, data, epoll::EventFlags::IN)
            .map_err(|error| format!("the kernel does not wait on another socket: {error}"))?;
    }
    Ok(())
}

/// The user data of the control channel; no slot reaches it.
const CONTROL: u64 = u64::MAX;

/// Sockets worked off between two looks at the kernel's list.
const EVENTS_MAX: usize = 256;

/// Longest datagram relayed whole; audio packets are under 1,500 bytes, what is longer is cut and
/// of no use to anyone.
const DATAGRAM_MAX: usize = 2048;

/// How long to wait when nothing comes.
const TICK: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 0,
};

/// How often to say that the loop turns.
const ALIVE_EVERY: std::time::Duration = std::time::Duration::from_secs(1);
