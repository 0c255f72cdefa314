//! Disks that come and go while the box runs, as the kernel tells it (uevents over netlink).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::netlink::{KOBJECT_UEVENT, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SocketAddrAny, SocketFlags, SocketType};

use crate::{Context, SystemError};

/// What the kernel says of its devices. It only says that something has changed: who wants to know
/// what, looks.
#[derive(Debug)]
pub struct Hotplug {
    events: OwnedFd,
}

impl Hotplug {
    /// Listens from here on.
    ///
    /// # Errors
    /// Without the right to do so.
    pub fn listen() -> Result<Self, SystemError> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (family, kind) = (AddressFamily::NETLINK, SocketType::DGRAM);
        let events = rustix::net::socket_with(family, kind, flags, Some(KOBJECT_UEVENT))
            .context("listen to", "what becomes of devices")?;
        rustix::net::bind(&events, &SocketAddrNetlink::new(0, OF_THE_KERNEL))
            .context("listen to", "what becomes of devices")?;
        Ok(Self { events })
    }

    /// Whether a disk or a part of one has come, gone or changed since the last call. Never waits.
    pub fn disks_changed(&mut self) -> bool {
        let mut is_changed = false;
        let mut event = [0; EVENT_MAX];
        for _ in 0..EVENTS_MAX {
            match rustix::net::recvfrom(&self.events, &mut event, RecvFlags::empty()) {
                Ok((count, _, sender)) => {
                    let event = event.get(..count).unwrap_or_default();
                    is_changed |= is_of_kernel(sender) && is_of_disk(event);
                }
                // More came than there was room for: one of them may have been of a disk.
                Err(Errno::NOBUFS) => is_changed = true,
                Err(Errno::INTR) => {}
                Err(_) => break,
            }
        }
        is_changed
    }
}

impl AsFd for Hotplug {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }
}

/// Other processes have a port (netlink(7)); those with the right to may send to the group too.
fn is_of_kernel(sender: Option<SocketAddrAny>) -> bool {
    let sender = sender.and_then(|it| SocketAddrNetlink::try_from(it).ok());
    sender.is_some_and(|it| it.pid() == 0)
}

/// An event is a headline and `NAME=value` pairs, each with a zero behind it (Linux,
/// lib/kobject_uevent.c).
fn is_of_disk(event: &[u8]) -> bool {
    let mut pairs = event.split(|byte| *byte == 0);
    pairs.any(|pair| pair == b"SUBSYSTEM=block")
}

/// The group that the kernel itself tells; 2 is that of udev.
const OF_THE_KERNEL: u32 = 1;
/// Longest event: UEVENT_BUFFER_SIZE of the kernel, and its headline.
const EVENT_MAX: usize = 4096;
/// Events taken before others get their turn.
const EVENTS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_becomes_of_disks_is_of_interest() {
        let stick = b"add@/devices/pci0/usb1/host2/block/sdb\0ACTION=add\0SUBSYSTEM=block\0";
        assert!(is_of_disk(stick));
        let mouse = b"add@/devices/pci0/usb1/input\0ACTION=add\0SUBSYSTEM=input\0";
        assert!(!is_of_disk(mouse));
        assert!(!is_of_disk(b"SUBSYSTEM=blocked\0") && !is_of_disk(b""));
    }

    #[test]
    fn nothing_is_waited_for() {
        let mut hotplug = Hotplug::listen().expect("everybody may listen");
        while hotplug.disks_changed() {}
    }
}
