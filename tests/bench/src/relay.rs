//! Relayed RTP: 50 packets a second each way a call, as G.711 with 20 ms makes.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ipc::sound::{Agreed, Codec, Family, Reply, Request, Source};
use run_loop::ipc::Client;

use crate::call::PEER_PORTS;
use crate::measure::micros_each;
use crate::{BenchError, Run, beside, say};
use native::{Folder, Home, RtpEngine, Service, unix};

/// Share of a core allowed for one call, per cent.
const BAR_PERCENT: f64 = 0.08;

/// Memory allowed for one call, KiB.
const BAR_KIB: u64 = 60;

/// Time between two packets of a stream.
const PACKET_TIME: Duration = Duration::from_millis(20);

/// An RTP packet with 20 ms of G.711: 12 bytes of header, 160 of sound.
const PACKET_LENGTH: usize = 172;

/// Command line of `relay`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Calls at one time.
    #[arg(long, default_value_t = 100)]
    calls: u32,
    /// How long they talk.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Measure rtpengine (Debian: rtpengine-daemon) the same way, forwarding in user space, and
    /// print the ratio.
    #[arg(long)]
    peer: bool,
}

/// Asks over one connection, as `pbx` does.
struct Asker {
    runtime: tokio::runtime::Runtime,
    client: Client<Request, Reply>,
}

impl Asker {
    fn new(path: PathBuf) -> Result<Self, BenchError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(BenchError::io("start", "a runtime"))?;
        Ok(Self {
            runtime,
            client: Client::new(path),
        })
    }

    fn ask(&self, request: &Request) -> Result<Reply, BenchError> {
        Ok(self.runtime.block_on(self.client.call(request))?)
    }

    fn open(&self, id: u64) -> Result<u16, BenchError> {
        let request = Request::Open {
            id,
            family: Family::V4,
            port: None,
        };
        match self.ask(&request)? {
            Reply::Opened { port } => Ok(port),
            other => Err(BenchError::Load(format!("no endpoint: {other:?}"))),
        }
    }
}

struct Call {
    caller: Phone,
    callee: Phone,
}

struct Phone {
    socket: UdpSocket,
    relay: SocketAddr,
}

/// Measures and judges.
pub(crate) fn run(run: &Run, arguments: &Arguments) -> Result<(), BenchError> {
    let folder = Folder::new(run.keep)?;
    let home = Home {
        ramal: run.ramal.clone(),
        folder: folder.path.clone(),
    };
    let media = Service::start(&home, "media", &[], &[("ipc", unix(&home, "media")?)])?;
    let media_socket = Asker::new(home.folder.join("media.sock"))?;
    let empty = media.resident_kib();
    let calls = (0..u64::from(arguments.calls))
        .map(|id| Call::open(&media_socket, id))
        .collect::<Result<Vec<_>, _>>()?;
    let ours = measure(&calls, arguments, || media.cpu_millis())?;
    ours.tell("relay");
    let grown = media.resident_kib().saturating_sub(empty);
    let kib = grown / u64::from(arguments.calls.max(1));
    say(&format!("  {kib} KiB of memory a call; bar {BAR_KIB} KiB"));
    drop((calls, media));
    if arguments.peer {
        compare(arguments, &ours, &folder.path)?;
    }
    let (lost, a_call) = (ours.lost, ours.percent_a_call);
    if lost > 0 {
        return Err(BenchError::Load(format!("{lost} packets were lost")));
    }
    if a_call > BAR_PERCENT {
        return Err(BenchError::OverTheBar(format!(
            "a call takes {a_call:.3} % of a core"
        )));
    }
    if kib > BAR_KIB {
        return Err(BenchError::OverTheBar(format!(
            "a call takes {kib} KiB of memory"
        )));
    }
    Ok(())
}

/// What relaying took.
struct Relayed {
    calls: u32,
    heard: u64,
    lost: u64,
    micros_a_packet: f64,
    percent_a_call: f64,
}

impl Relayed {
    fn tell(&self, name: &str) {
        let Self {
            calls, heard, lost, ..
        } = self;
        say(&format!(
            "{name}: {calls} calls, {heard} packets heard, {lost} lost"
        ));
        say(&format!(
            "  {:.1} us of processor time a packet; {:.3} % of a core a call; \
             bar {BAR_PERCENT:.2} %",
            self.micros_a_packet, self.percent_a_call
        ));
    }
}

/// Lets all talk, and counts what that took whoever relays.
fn measure(
    calls: &[Call],
    arguments: &Arguments,
    cpu_millis: impl Fn() -> u64,
) -> Result<Relayed, BenchError> {
    let before = cpu_millis();
    let began = Instant::now();
    let (sent, heard) = talk(calls, arguments.seconds)?;
    let wall = began.elapsed();
    let used = cpu_millis().saturating_sub(before);
    let core = f64::from(u32::try_from(used).unwrap_or(u32::MAX)) / 10.0 / wall.as_secs_f64();
    Ok(Relayed {
        calls: arguments.calls,
        heard,
        lost: sent.saturating_sub(heard),
        micros_a_packet: micros_each(used, heard),
        percent_a_call: core / f64::from(arguments.calls.max(1)),
    })
}

/// The same with rtpengine.
fn compare(arguments: &Arguments, ours: &Relayed, folder: &Path) -> Result<(), BenchError> {
    let start = || RtpEngine::start(folder, PEER_PORTS);
    let Some(engine) = beside(Some("rtpengine"), start) else {
        return Ok(());
    };
    let calls = (0..arguments.calls)
        .map(|index| Call::through(&engine, usize::try_from(index).unwrap_or_default()))
        .collect::<Result<Vec<_>, _>>()?;
    let theirs = measure(&calls, arguments, || engine.cpu_millis())?;
    theirs.tell(&format!("rtpengine {}", engine.version));
    say(&format!(
        "  ours / rtpengine = {:.2} a packet",
        ours.micros_a_packet / theirs.micros_a_packet.max(0.01)
    ));
    Ok(())
}

impl Call {
    fn open(media: &Asker, id: u64) -> Result<Self, BenchError> {
        let (caller, callee) = (2 * id, 2 * id + 1);
        let call = Self {
            caller: Phone::new()?.behind(media.open(caller)?),
            callee: Phone::new()?.behind(media.open(callee)?),
        };
        for (id, phone, other) in [
            (caller, &call.caller, callee),
            (callee, &call.callee, caller),
        ] {
            let address = phone.address()?;
            let codec = Codec {
                payload_type: 8,
                name: "PCMA".to_owned(),
                clock: 8_000,
                channels: 1,
                parameters: String::new(),
            };
            let agreed = Agreed {
                remote: Some(address),
                signalling: Some(address),
                send: vec![codec.clone()],
                receive: vec![codec],
                hears: true,
                speaks: true,
                ..Agreed::default()
            };
            media.ask(&Request::Set(id, Box::new(agreed)))?;
            media.ask(&Request::Hear(id, Source::Endpoint(other)))?;
        }
        Ok(call)
    }

    fn through(engine: &RtpEngine, index: usize) -> Result<Self, BenchError> {
        let (mut caller, mut callee) = (Phone::new()?, Phone::new()?);
        let session = engine.open(index, caller.address()?, callee.address()?)?;
        (caller.relay, callee.relay) = (session.for_caller, session.for_callee);
        Ok(Self { caller, callee })
    }
}

impl Phone {
    /// A phone that does not know yet where to send to.
    fn new() -> Result<Self, BenchError> {
        let open = || {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        };
        let socket = open().map_err(BenchError::io("open", "a phone"))?;
        let relay = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Ok(Self { socket, relay })
    }

    fn behind(self, port: u16) -> Self {
        let relay = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self { relay, ..self }
    }

    fn address(&self) -> Result<SocketAddr, BenchError> {
        let address = self.socket.local_addr();
        address.map_err(BenchError::io("bind", "UDP"))
    }

    fn hear(&self) -> u64 {
        let mut heard = 0;
        let mut packet = [0; PACKET_LENGTH];
        while self.socket.recv(&mut packet).is_ok() {
            // The next phone's reports come to this port, too.
            heard += u64::from(!rtp::is_rtcp(&packet));
        }
        heard
    }
}

/// Talks for a while; packets sent and heard.
fn talk(calls: &[Call], seconds: u32) -> Result<(u64, u64), BenchError> {
    let mut packet = [0; PACKET_LENGTH];
    let (mut sent, mut heard) = (0, 0);
    let began = Instant::now();
    for turn in 0..seconds * 50 {
        let [version, payload_type, high, low, ..] = &mut packet;
        (*version, *payload_type) = (0x80, 8);
        [*high, *low] = turn.to_be_bytes().last_chunk().copied().unwrap_or_default();
        for phone in calls.iter().flat_map(|call| [&call.caller, &call.callee]) {
            let said = phone.socket.send_to(&packet, phone.relay);
            said.map_err(BenchError::io("send", "RTP"))?;
            sent += 1;
            heard += phone.hear();
        }
        let next = began + PACKET_TIME * (turn + 1);
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    // The last packets are still on their way.
    std::thread::sleep(PACKET_TIME * 5);
    let late = calls.iter().flat_map(|call| [&call.caller, &call.callee]);
    heard += late.map(Phone::hear).sum::<u64>();
    Ok((sent, heard))
}
