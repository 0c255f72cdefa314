//! A capture of packets on one card: a packet socket, and a thread that everything else goes
//! before. While none is on there is neither.

use std::io::{self, IoSliceMut};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use capture::{Recorder, SNAP_MAX, Seen};
use ipc::capture::{Ask, Capture, Wish};
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    ControlMessageOwned, LinkAddr, MsgFlags, recvmsg, setsockopt, sockopt::RcvBufForce,
    sockopt::ReceiveTimeout, sockopt::ReceiveTimestampns,
};
use nix::sys::time::{TimeSpec, TimeVal, TimeValLike as _};
use nix::{cmsg_space, setsockopt_impl, sockopt_impl};
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use sansio::Instant;

sockopt_impl!(
    /// Tell with each packet how many before it did not fit the queue (socket(7)).
    TellMissed, SetOnly, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, bool
);

sockopt_impl!(
    /// Tell with each packet what it lost on its way through the kernel (packet(7)).
    TellTag, SetOnly, libc::SOL_PACKET, libc::PACKET_AUXDATA, bool
);

/// The capture of this box: there is one.
pub struct Captures<N> {
    recorder: Arc<Mutex<Recorder>>,
    now: N,
}

impl<N> std::fmt::Debug for Captures<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Captures").finish_non_exhaustive()
    }
}

impl<N: Fn() -> Instant + Clone + Send + 'static> Captures<N> {
    /// None yet; `now` reads the clock.
    pub fn new(now: N) -> Self {
        let recorder = Arc::default();
        Self { recorder, now }
    }

    /// Does what is asked; `cards` are those that carry traffic, by name.
    ///
    /// # Errors
    /// One cannot be begun: no such card, or the kernel refuses.
    pub fn answer(&self, ask: Ask, cards: &[String]) -> io::Result<Capture> {
        let now = (self.now)();
        locked(&self.recorder).pass(now);
        let from = match ask {
            Ask::Begin(wish) => {
                self.begin(now, wish, cards)?;
                None
            }
            Ask::End => {
                locked(&self.recorder).end(now);
                None
            }
            Ask::Read { from } => from,
        };
        Ok(locked(&self.recorder).read(now, from))
    }

    fn begin(&self, now: Instant, mut wish: Wish, cards: &[String]) -> io::Result<()> {
        let is_it = |card: &&String| wish.link.is_empty() || **card == wish.link;
        let found = cards.iter().find(is_it).cloned();
        wish.link = found.ok_or_else(|| {
            let named = if wish.link.is_empty() {
                ""
            } else {
                " of that name"
            };
            io::Error::new(io::ErrorKind::NotFound, format!("no network card{named}"))
        })?;
        let socket = Socket::open(&wish.link)?;
        tracing::info!(
            link = wish.link,
            secs = wish.secs,
            "a capture of packets begins"
        );
        let run = locked(&self.recorder).begin(now, wish);
        let (recorder, clock) = (Arc::clone(&self.recorder), self.now.clone());
        let spawned = std::thread::Builder::new()
            .name("capture".into())
            .spawn(move || watch(socket, &recorder, run, clock));
        if let Err(error) = spawned {
            locked(&self.recorder).end(now);
            return Err(error);
        }
        Ok(())
    }
}

/// Hands over what passes until the capture is over; then sees to it that it is forgotten, also
/// where handing over fails as it should not: there may be voices in what was kept.
fn watch(socket: Socket, recorder: &Mutex<Recorder>, run: u64, now: impl Fn() -> Instant) {
    // Of this thread alone: on Linux it is the thread that has a niceness.
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::warn!("a capture with the priority of the service: {error}");
    }
    // On the box a panic ends the process, and all of it is gone.
    let handed = catch_unwind(AssertUnwindSafe(|| {
        hand_over(&socket, recorder, run, &now);
    }));
    if handed.is_err() {
        tracing::error!("a capture of packets has failed");
    }
    drop(socket);
    if locked(recorder).is_on(run) {
        locked(recorder).end(now());
    }
    while locked(recorder).is_there(run) {
        std::thread::sleep(LOOK);
        locked(recorder).pass(now());
    }
}

fn hand_over(socket: &Socket, recorder: &Mutex<Recorder>, run: u64, now: &impl Fn() -> Instant) {
    let mut packets = Packets::new();
    while locked(recorder).is_on(run) {
        if let Err(error) = packets.receive(socket) {
            tracing::warn!("a capture of packets ends: {error}");
            locked(recorder).end(now());
            break;
        }
        let mut recorder = locked(recorder);
        for seen in packets.seen() {
            recorder.take(run, seen);
        }
        recorder.missed(run, packets.missed);
        recorder.pass(now());
        drop(recorder);
        if packets.count > 0 {
            // Many at once are cheaper than one by one, and nobody waits for them.
            std::thread::sleep(PAUSE);
        }
    }
}

fn locked(recorder: &Mutex<Recorder>) -> MutexGuard<'_, Recorder> {
    recorder.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Every frame of one card, both ways.
struct Socket {
    descriptor: OwnedFd,
    /// Its number in the kernel: before it is bound, the socket has what passes the others.
    card: usize,
    /// So many did not fit its queue before all was set.
    missed: u64,
}

impl Socket {
    fn open(link: &str) -> io::Result<Self> {
        // As for ARP: see `packet.rs`. Looked up first: the socket has packets from its beginning.
        let address = nix::ifaddrs::getifaddrs()?
            .filter(|entry| entry.interface_name == link)
            .find_map(|entry| entry.address?.as_link_addr().copied())
            .ok_or(io::ErrorKind::NotFound)?;
        let descriptor = rustix::net::socket_with(
            AddressFamily::PACKET,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            Some(rustix::net::eth::ALL),
        )?;
        // Where the kernel has no more, some are missed and counted.
        let _as_it_is = setsockopt(&descriptor, RcvBufForce, &QUEUE_BYTES);
        setsockopt(&descriptor, ReceiveTimestampns, &true)?;
        setsockopt(&descriptor, TellMissed, &true)?;
        setsockopt(&descriptor, TellTag, &true)?;
        setsockopt(
            &descriptor,
            ReceiveTimeout,
            &TimeVal::milliseconds(WAIT_MILLIS),
        )?;
        nix::sys::socket::bind(descriptor.as_raw_fd(), &address)?;
        let mut socket = Self {
            descriptor,
            card: address.ifindex(),
            missed: 0,
        };
        // A moment later the kernel notes times.
        std::thread::sleep(SETTLING);
        socket.missed = socket.drained()?;
        Ok(socket)
    }

    /// Throws away what came before all was set: it may be of another card, and has the time at
    /// which it is read. Gives how many were missed by then.
    fn drained(&self) -> io::Result<u64> {
        let mut missed = 0;
        for _ in 0..DRAINED_MAX {
            let mut bytes = [0];
            let mut space = cmsg_space!(TimeSpec, u32, [u8; AUXDATA]);
            let mut parts = [IoSliceMut::new(&mut bytes)];
            let (descriptor, flags) = (self.descriptor.as_raw_fd(), MsgFlags::MSG_DONTWAIT);
            match recvmsg::<LinkAddr>(descriptor, &mut parts, Some(&mut space), flags) {
                Ok(received) => {
                    for told in received.cmsgs()? {
                        if let ControlMessageOwned::RxqOvfl(count) = told {
                            missed = count.into();
                        }
                    }
                }
                Err(Errno::EAGAIN) => break,
                Err(Errno::EINTR | Errno::ENETDOWN) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(missed)
    }
}

/// What is told of a packet besides its bytes.
#[derive(Clone, Copy, Default)]
struct Head {
    /// Nanoseconds since 1970.
    at: i64,
    /// How long it was, and how much of it is there.
    length: usize,
    there: usize,
    tag: Option<[u8; 4]>,
}

/// A handful of packets.
struct Packets {
    bytes: Vec<[u8; SNAP_MAX]>,
    heads: Vec<Head>,
    count: usize,
    missed: u64,
}

impl Packets {
    fn new() -> Self {
        Self {
            bytes: vec![[0; SNAP_MAX]; BATCH],
            heads: Vec::with_capacity(BATCH),
            count: 0,
            missed: 0,
        }
    }

    /// Takes what is there; waits a moment for the first.
    fn receive(&mut self, socket: &Socket) -> io::Result<()> {
        (self.count, self.heads) = (0, Vec::with_capacity(BATCH));
        let mut flags = MsgFlags::MSG_TRUNC;
        for bytes in &mut self.bytes {
            let mut space = cmsg_space!(TimeSpec, u32, [u8; AUXDATA]);
            let mut parts = [IoSliceMut::new(bytes)];
            let descriptor = socket.descriptor.as_raw_fd();
            let received = recvmsg::<LinkAddr>(descriptor, &mut parts, Some(&mut space), flags);
            let received = match received {
                Ok(received) => received,
                Err(Errno::EAGAIN | Errno::EINTR) => return Ok(()),
                // The cable is out: it comes back.
                Err(Errno::ENETDOWN) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            flags |= MsgFlags::MSG_DONTWAIT;
            let mut head = Head::default();
            for told in received.cmsgs()? {
                match told {
                    ControlMessageOwned::ScmTimestampns(time) => {
                        head.at = time
                            .tv_sec()
                            .saturating_mul(NANOS)
                            .saturating_add(time.tv_nsec());
                    }
                    ControlMessageOwned::RxqOvfl(missed) => {
                        self.missed = u64::from(missed).saturating_sub(socket.missed);
                    }
                    ControlMessageOwned::Unknown(told)
                        if (told.cmsg_header.cmsg_level, told.cmsg_header.cmsg_type)
                            == (libc::SOL_PACKET, libc::PACKET_AUXDATA) =>
                    {
                        head.tag = tag(&told.data_bytes);
                    }
                    _ => {}
                }
            }
            let is_of_it = received
                .address
                .is_some_and(|it| it.ifindex() == socket.card);
            // With MSG_TRUNC it is as long as it was.
            head.length = if is_of_it { received.bytes } else { 0 };
            head.there = head.length.min(SNAP_MAX);
            self.heads.push(head);
            self.count += 1;
        }
        Ok(())
    }

    fn seen(&self) -> impl Iterator<Item = Seen<'_>> {
        let packets = self.heads.iter().zip(&self.bytes);
        let packets = packets.filter(|(head, _)| head.length > 0);
        packets.map(|(head, bytes)| Seen {
            at_nanos: head.at,
            length: head.length,
            frame: bytes.get(..head.there).unwrap_or_default(),
            tag: head.tag,
        })
    }
}

/// The tag of IEEE 802.1Q that the kernel or the card has taken off, which of a received frame is
/// always so, out of `struct tpacket_auxdata` (packet(7)): its kind and its number.
fn tag(told: &[u8]) -> Option<[u8; 4]> {
    let status = u32::from_ne_bytes(*told.first_chunk()?);
    let [.., tci0, tci1, kind0, kind1] = *told.first_chunk::<AUXDATA>()?;
    let [tci, kind] = [[tci0, tci1], [kind0, kind1]].map(u16::from_ne_bytes);
    let kind = match status & libc::TP_STATUS_VLAN_TPID_VALID {
        0 => VLAN,
        _ => kind,
    };
    let [[kind0, kind1], [tci0, tci1]] = [kind, tci].map(u16::to_be_bytes);
    (status & libc::TP_STATUS_VLAN_VALID != 0).then_some([kind0, kind1, tci0, tci1])
}

/// Everything else goes before it.
const NICENESS: i32 = 19;
/// Packets taken at once.
const BATCH: usize = 64;
/// How long the first is waited for: so late the end of a capture is seen.
const WAIT_MILLIS: i64 = 200;
/// Between two handfuls: what comes meanwhile waits in the kernel.
const PAUSE: Duration = Duration::from_millis(2);
/// How often an ended capture is looked at, whether it is to be forgotten.
const LOOK: Duration = Duration::from_secs(1);
/// What may wait in the kernel: a tenth of a second of the largest site.
const QUEUE_BYTES: usize = 2 * 1024 * 1024;
/// Until the kernel notes times on all cards, once a socket wants them.
const SETTLING: Duration = Duration::from_millis(20);
/// More than the queue holds: where packets come faster than they are thrown away, some go that
/// could stay.
const DRAINED_MAX: usize = 8192;
/// Bytes of `struct tpacket_auxdata`: status, two lengths, two places, the number and the kind of
/// its tag.
const AUXDATA: usize = 20;
/// The kind of a frame with a tag, where the kernel does not say it.
const VLAN: u16 = 0x8100;
const NANOS: i64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::process::Command;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use ipc::capture::{Depth, What};
    use nix::sched::{CloneFlags, unshare};

    use super::*;

    /// Makes a network with nothing but `lo` for the thread of a test.
    fn is_alone() -> bool {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: network namespaces can only be made by root");
            return false;
        }
        unshare(CloneFlags::CLONE_NEWNET).expect("we are root");
        let up = Command::new("ip")
            .args(["link", "set", "lo", "up"])
            .status();
        assert!(up.expect("iproute2 is installed").success());
        true
    }

    fn wall_nanos() -> i64 {
        let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        i64::try_from(wall.expect("after 1970").as_nanos()).expect("before 2262")
    }

    fn counting_from(
        started: std::time::Instant,
    ) -> Captures<impl Fn() -> Instant + Clone + Send + 'static> {
        Captures::new(move || {
            Instant::from_nanos(started.elapsed().as_nanos().try_into().expect("short"))
        })
    }

    #[test]
    fn what_comes_first_came_when_all_was_set_and_has_the_time_of_that() {
        if !is_alone() {
            return;
        }
        let is_over = AtomicBool::new(false);
        let (begun, heads, read_at) = std::thread::scope(|scope| {
            scope.spawn(|| {
                let phone = UdpSocket::bind("127.0.0.1:0").expect("a port");
                while !is_over.load(Ordering::Relaxed) {
                    let _nobody_is_there = phone.send_to(&[0x80; 172], "127.0.0.1:4000");
                }
            });
            std::thread::sleep(Duration::from_millis(50));
            let begun = wall_nanos();
            let socket = Socket::open("lo").expect("a socket");
            std::thread::sleep(Duration::from_millis(300));
            is_over.store(true, Ordering::Relaxed);
            let read_at = wall_nanos();
            let mut packets = Packets::new();
            packets.receive(&socket).expect("it is open");
            (begun, packets.heads, read_at)
        });
        assert_eq!(heads.len(), BATCH, "there was traffic all the time");
        let settled = begun + i64::try_from(SETTLING.as_nanos()).expect("short");
        for head in heads {
            let is_in_time = (settled..read_at - NANOS / 5).contains(&head.at);
            assert!(is_in_time, "{begun} {} {read_at}", head.at);
        }
    }

    #[test]
    fn a_capture_whose_thread_fails_ends_and_is_forgotten_in_its_time() {
        if !is_alone() {
            return;
        }
        let (secs, is_well) = (
            Arc::new(AtomicU64::new(1)),
            Arc::new(AtomicBool::new(false)),
        );
        let clock = Arc::clone(&secs);
        let captures = Captures::new(move || {
            let is_its = std::thread::current().name() == Some("capture");
            assert!(!is_its || is_well.swap(true, Ordering::Relaxed), "a fault");
            Instant::ORIGIN + Duration::from_secs(clock.load(Ordering::Relaxed))
        });
        let begin = Ask::Begin(Wish {
            secs: 60,
            ..Wish::default()
        });
        let run = captures
            .answer(begin, &["lo".into()])
            .expect("it begins")
            .run;
        let started = std::time::Instant::now();
        let until = |is_so: &dyn Fn(&Recorder) -> bool| {
            while !is_so(&locked(&captures.recorder)) {
                assert!(started.elapsed() < Duration::from_secs(20));
                std::thread::sleep(Duration::from_millis(10));
            }
        };
        until(&|recorder| !recorder.is_on(run));
        assert!(locked(&captures.recorder).is_there(run));
        secs.fetch_add(15 * 60, Ordering::Relaxed);
        until(&|recorder| !recorder.is_there(run));
    }

    #[test]
    fn the_tag_that_the_kernel_takes_off_a_received_frame_is_in_the_capture() {
        if !is_alone() {
            return;
        }
        let started = std::time::Instant::now();
        let captures = counting_from(started);
        let wish = Wish {
            what: What::All,
            secs: 60,
            ..Wish::default()
        };
        captures
            .answer(Ask::Begin(wish), &["lo".into()])
            .expect("it begins");
        // What is sent by `lo` is received there, as a frame with a tag by a card.
        let sender = Socket::open("lo").expect("a socket");
        let frame = [&[0; 12][..], &[0x81, 0, 0x60, 42, 0x88, 0xb5], &[7; 50]].concat();
        rustix::io::write(&sender.descriptor, &frame).expect("it goes out");
        loop {
            let read = captures.answer(Ask::Read { from: Some(0) }, &[]);
            let packets = read.expect("it is on").packets;
            // As it goes out, with its tag in it, and as it comes, without.
            if packets.len() == 2 {
                for packet in packets {
                    assert_eq!(packet.length, 68);
                    assert_eq!(*packet.bytes.reveal(), frame[..18 + 12]);
                }
                return;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "{packets:?}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_tag_is_what_the_kernel_says_it_is() {
        let told = |status: u32, tci: u16, kind: u16| {
            let rest = [tci.to_ne_bytes(), kind.to_ne_bytes()].concat();
            [&status.to_ne_bytes()[..], &[9; 12], &rest].concat()
        };
        assert_eq!(tag(&told(1, 0, 0)), None);
        assert_eq!(tag(&told(0x11, 42, 0)), Some([0x81, 0, 0, 42]));
        assert_eq!(
            tag(&told(0x51, 0x6001, 0x88a8)),
            Some([0x88, 0xa8, 0x60, 1])
        );
        assert_eq!(tag(&told(0x51, 1, 1)[..19]), None);
    }

    #[test]
    fn what_passes_a_card_is_kept_as_wished_and_counted() {
        if !is_alone() {
            return;
        }
        let started = std::time::Instant::now();
        let captures = counting_from(started);
        let wish = Wish {
            link: "lo".into(),
            host: "127.0.0.1".parse().ok(),
            what: What::Telephony,
            depth: Depth::Headers,
            secs: 60,
        };
        let begin = Ask::Begin(wish.clone());
        let missing = captures.answer(begin.clone(), &["eth0".into()]);
        assert_eq!(
            missing.expect_err("no such card").kind(),
            io::ErrorKind::NotFound
        );
        let begun = captures.answer(begin, &["lo".into()]).expect("it begins");
        assert_eq!((begun.wish, begun.kept), (Some(wish), 0));
        let phone = UdpSocket::bind("127.0.0.1:20000").expect("a port");
        phone
            .send_to(&[0x80; 172], "127.0.0.1:4000")
            .expect("it goes out");
        phone.send_to(b"?", "127.0.0.1:4000").expect("it goes out");
        let web = UdpSocket::bind("127.0.0.1:0").expect("a port");
        web.send_to(b"?", "127.0.0.1:443").expect("it goes out");
        let read = || captures.answer(Ask::Read { from: Some(0) }, &[]);
        // Each is seen as it goes out and as it comes, and so is the answer that nobody is there.
        let seen = loop {
            let seen = read().expect("it is on");
            let is_there = |it: &ipc::capture::Packet| it.length == 14 + 20 + 8 + 1;
            if seen.packets.iter().filter(|it| is_there(it)).count() == 2 {
                break seen;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "{seen:?}");
            std::thread::sleep(Duration::from_millis(10));
        };
        let sound = seen
            .packets
            .iter()
            .find(|it| it.length == 14 + 20 + 8 + 172);
        let sound = sound.expect("the sound");
        assert_eq!(sound.bytes.reveal().len(), 14 + 20 + 8 + 12);
        let wall = wall_nanos();
        assert!(
            (wall - sound.at_nanos).abs() < 60 * NANOS,
            "{}",
            sound.at_nanos
        );
        let has_web = |it: &ipc::capture::Packet| {
            let bytes = it.bytes.reveal();
            bytes[23] == 17 && bytes[36..38] == 443_u16.to_be_bytes()
        };
        assert!(!seen.packets.iter().any(has_web), "{seen:?}");
        let ended = captures.answer(Ask::End, &[]).expect("it ends");
        assert_eq!((ended.left_secs, ended.missed), (None, 0));
    }
}
