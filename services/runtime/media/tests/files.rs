//! The service behind its Unix socket: recordings, sounds, watches.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic to fail"
)]

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipc::sound::{Agreed, Clip, Codec, Dtmf, Event, Family, Keeping, Reply, Request, Source};
use media::{Folders, Settings, serve};
use rtp::codec::{Codec as Known, Encoder};
use rtp::{Header, Packet, Rate, wav};
use run_loop::ipc::BlockingClient;
use run_loop::notify::Notify;

/// A service with folders of its own; the folder goes with it.
struct Service {
    folder: PathBuf,
    client: BlockingClient<Request, Reply>,
}

impl Service {
    fn start(name: &str, range: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("ramal-media-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        Self::start_in(folder, range)
    }

    fn start_in(folder: PathBuf, range: &str) -> Self {
        // As PID 1 starts services.
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
        let socket = folder.join("media.sock");
        let listener = UnixListener::bind(&socket).expect("a new path");
        let settings = Settings {
            ports: range.parse().expect("a range"),
            folders: Folders {
                recordings: Some(folder.clone()),
                sounds: Some(folder.clone()),
            },
        };
        std::thread::spawn(move || serve(listener, &Notify::default(), &settings));
        Self {
            folder,
            client: BlockingClient::new(socket),
        }
    }

    fn ask(&self, request: Request) -> Reply {
        self.client.call(&request).expect("the service answers")
    }

    fn done(&self, request: Request) {
        assert_eq!(self.ask(request), Reply::Done);
    }

    fn refused(&self, request: Request) -> String {
        match self.ask(request) {
            Reply::Failed { reason } => reason,
            other => panic!("not refused: {other:?}"),
        }
    }

    /// A phone with an endpoint.
    fn phone(&self, id: u64) -> Phone {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback");
        let time = Some(Duration::from_secs(5));
        socket.set_read_timeout(time).expect("a time-out");
        let address = socket.local_addr().expect("bound");
        let opened = self.ask(Request::Open {
            id,
            family: Family::V4,
            port: None,
        });
        let Reply::Opened { port } = opened else {
            panic!("not opened: {opened:?}")
        };
        self.done(Request::Set(id, Box::new(agreed(address))));
        Phone {
            socket,
            endpoint: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            sequence: 0,
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

struct Phone {
    socket: UdpSocket,
    endpoint: SocketAddr,
    sequence: u16,
}

impl Phone {
    fn say(&mut self, payload: &[u8]) {
        let header = Header {
            marker: false,
            payload_type: 8,
            sequence: self.sequence,
            timestamp: u32::from(self.sequence) * 160,
            ssrc: 9,
            length: 12,
            padded: false,
        };
        self.sequence += 1;
        let packet = [&header.to_bytes()[..], payload].concat();
        self.socket.send_to(&packet, self.endpoint).expect("sent");
    }

    fn hear(&self) -> Vec<u8> {
        let mut buffer = [0; 512];
        let length = self.socket.recv(&mut buffer).expect("heard");
        let packet = Packet::parse(&buffer[..length]).expect("RTP");
        packet.payload.to_vec()
    }
}

fn agreed(address: SocketAddr) -> Agreed {
    let codec = Codec {
        payload_type: 8,
        name: "PCMA".to_owned(),
        clock: 8_000,
        channels: 1,
        parameters: String::new(),
    };
    Agreed {
        remote: Some(address),
        signalling: Some(address),
        send: vec![codec.clone()],
        receive: vec![codec],
        dtmf: Dtmf::Elsewhere,
        hears: true,
        speaks: true,
        ..Agreed::default()
    }
}

fn record(id: u64, file: &str) -> Request {
    let file = file.to_owned();
    Request::Record { id, file }
}

/// The two channels of a recording.
fn channels(path: &Path) -> (Rate, Vec<i16>, Vec<i16>) {
    let bytes = std::fs::read(path).expect("a recording");
    let rate = wav::read(&bytes).expect("a WAV file").rate;
    let (header, data) = bytes.split_at(wav::HEADER_LENGTH);
    let length = u32::try_from(data.len()).expect("short");
    assert_eq!(header, wav::header(rate, 2, length));
    let samples: Vec<i16> = data
        .as_chunks::<2>()
        .0
        .iter()
        .map(|pair| i16::from_le_bytes(*pair))
        .collect();
    let side = |side| samples.iter().skip(side).step_by(2).copied().collect();
    (rate, side(0), side(1))
}

fn is_loud(samples: &[i16]) -> bool {
    samples.iter().filter(|sample| sample.abs() > 1_000).count() > samples.len() / 4
}

#[test]
fn a_call_is_recorded_and_read_back() {
    let service = Service::start("record", "14500-14519");
    let (mut caller, callee) = (service.phone(1), service.phone(2));
    service.done(Request::Hear(2, Source::Endpoint(1)));
    service.done(Request::Hear(1, Source::Clip(Clip::MusicOnHold)));
    service.done(record(1, "call-1.wav"));
    // A process that does not know what the one before was told asks again.
    service.done(record(1, "call-1.wav"));
    let taken = service.refused(record(2, "call-1.wav"));
    assert!(taken.contains("exists"), "{taken}");
    let mut encoder = Encoder::of(Known::Pcma);
    let loud: Vec<i16> = (0..160)
        .map(|at| if at % 16 < 8 { 9_000 } else { -9_000 })
        .collect();
    let mut payload = Vec::new();
    encoder.encode(&loud, &mut payload);
    // The music that comes every 20 ms is the clock of this phone.
    for _ in 0..60 {
        caller.say(&payload);
        assert_eq!(callee.hear(), payload);
        caller.hear();
    }
    service.done(Request::StopRecording(1));
    let metadata = std::fs::metadata(service.folder.join("call-1.wav")).expect("there");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o640, "web hears it");
    let (rate, said, heard) = channels(&service.folder.join("call-1.wav"));
    assert_eq!(rate, Rate::Narrow);
    assert!((7_000..13_000).contains(&said.len()), "{}", said.len());
    assert_eq!(said.len(), heard.len());
    assert!(is_loud(&said[2_000..7_000]));
    assert!(heard[2_000..7_000].iter().any(|sample| *sample != 0));
    let name = service.refused(record(1, "call-1.wav"));
    assert!(name.contains("exists"), "{name}");
    assert_eq!(service.ask(record(9, "nobody.wav")), Reply::Unknown);
    assert!(!service.folder.join("nobody.wav").exists());
}

#[test]
fn another_name_ends_a_recording_and_begins_the_next() {
    let service = Service::start("parts", "14560-14569");
    service.phone(1);
    service.done(record(1, "part-1.wav"));
    service.done(record(1, "part-2.wav"));
    let open = |name: &str, is_open| {
        let Reply::Recordings(files) = service.ask(Request::Recordings) else {
            panic!("no list")
        };
        let mut files = files.into_iter();
        files.any(|file| file.name == name && file.is_open == is_open)
    };
    assert!(open("part-2.wav", true));
    let kept = service.refused(Request::DeleteRecording("part-2.wav".into()));
    assert!(kept.contains("being written"), "{kept}");
    // The end of the first is written by another thread.
    let began = std::time::Instant::now();
    while !open("part-1.wav", false) {
        assert!(began.elapsed() < Duration::from_secs(5), "it does not end");
        std::thread::yield_now();
    }
    service.done(Request::DeleteRecording("part-1.wav".into()));
    assert!(!service.folder.join("part-1.wav").exists());
    service.done(Request::StopRecording(1));
    assert!(open("part-2.wav", false));
}

#[test]
fn recordings_are_thinned_out_as_soon_as_it_is_known_how_they_are_kept() {
    let service = Service::start("thin", "14570-14579");
    service.phone(1);
    service.done(record(1, "now.wav"));
    for (name, days) in [("old.wav", 10), ("young.wav", 2)] {
        let file = std::fs::File::create(service.folder.join(name)).expect("a new file");
        // As a recording does, and the one being written perhaps not yet: each takes room.
        file.set_len(4096).expect("a length");
        let age = Duration::from_secs(days * 24 * 3600);
        let then = std::time::SystemTime::now() - age;
        file.set_modified(then).expect("a time");
    }
    service.done(Request::KeepRecordings(Keeping { days: 5, mib: 100 }));
    let began = std::time::Instant::now();
    while service.folder.join("old.wav").exists() {
        assert!(began.elapsed() < Duration::from_secs(5), "it stays");
        std::thread::yield_now();
    }
    assert!(service.folder.join("young.wav").exists());
    service.done(Request::KeepRecordings(Keeping { days: 5, mib: 0 }));
    while service.folder.join("young.wav").exists() {
        assert!(began.elapsed() < Duration::from_secs(5), "it stays");
        std::thread::yield_now();
    }
    assert!(
        service.folder.join("now.wav").exists(),
        "it is being written"
    );
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let service = Service::start("names", "14520-14529");
    service.phone(1);
    for name in [
        "../up.wav",
        "/etc/passwd",
        "a b.wav",
        ".wav",
        "x.mp3",
        "",
        "a/b.wav",
    ] {
        let reason = service.refused(record(1, name));
        assert!(reason.contains("not a file name"), "{name}: {reason}");
        let file = Source::Clip(Clip::File(name.to_owned()));
        service.refused(Request::Hear(1, file));
    }
    let absent = Source::Clip(Clip::File("absent.wav".to_owned()));
    let reason = service.refused(Request::Hear(1, absent));
    assert!(reason.contains("absent.wav"), "{reason}");
}

#[test]
fn a_file_is_played_and_its_end_is_told() {
    let service = Service::start("play", "14530-14539");
    let phone = service.phone(1);
    let samples = [5_000_i16; 1_600];
    let data: Vec<u8> = samples.iter().flat_map(|it| it.to_le_bytes()).collect();
    let header = wav::header(Rate::Narrow, 1, 3_200);
    let bytes = [&header[..], &data].concat();
    std::fs::write(service.folder.join("hello.wav"), bytes).expect("written");
    let watcher = std::thread::spawn({
        let socket = service.folder.join("media.sock");
        // A watch answers with its first event.
        move || BlockingClient::<Request, Reply>::new(socket).call(&Request::Watch)
    });
    let hello = Source::Clip(Clip::File("hello.wav".to_owned()));
    let ended = Reply::Event(Event::ClipEnded { id: 1 });
    // Until the watch stands an end may be missed: play again.
    while !watcher.is_finished() {
        service.done(Request::Hear(1, hello.clone()));
        for _ in 0..10 {
            let payload = phone.hear();
            assert_eq!(payload.len(), 160);
            assert!(payload.iter().all(|octet| *octet == payload[0]));
        }
        phone
            .socket
            .set_read_timeout(Some(Duration::from_millis(100)))
            .expect("a time-out");
        assert!(
            phone.socket.recv(&mut [0; 16]).is_err(),
            "it is played once"
        );
        let time = Some(Duration::from_secs(5));
        phone.socket.set_read_timeout(time).expect("a time-out");
    }
    let told = watcher.join().expect("no panic").expect("an event");
    assert_eq!(told, ended);
}

#[test]
fn a_recording_of_a_killed_process_is_repaired_at_the_next_start() {
    let folder = std::env::temp_dir().join(format!("ramal-media-repair-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let cut = folder.join("cut.wav");
    let bytes = [&wav::header(Rate::Wide, 2, 0)[..], &[7; 4_002]].concat();
    std::fs::write(&cut, bytes).expect("written");
    std::fs::write(folder.join("other.wav"), b"not ours").expect("written");
    let service = Service::start_in(folder, "14540-14549");
    // It is served at once; the files follow.
    service.done(Request::KeepOnly(Vec::new()));
    let began = std::time::Instant::now();
    let expected = wav::header(Rate::Wide, 2, 4_000);
    while std::fs::read(&cut).expect("still there")[..44] != expected {
        assert!(began.elapsed() < Duration::from_secs(5), "not repaired");
        std::thread::yield_now();
    }
    let other = std::fs::read(service.folder.join("other.wav")).expect("still there");
    assert_eq!(other, b"not ours");
}

#[test]
fn requests_in_one_piece_are_answered_in_order_though_one_takes_a_file() {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixStream;

    let service = Service::start("together", "14660-14679");
    let open = |id| Request::Open {
        id,
        family: Family::V4,
        port: None,
    };
    let missing = Request::Hear(1, Source::Clip(Clip::File("missing.wav".to_owned())));
    let requests = [
        open(1),
        missing,
        open(2),
        Request::Close(3),
        Request::Close(1),
    ];
    let mut frames = Vec::new();
    for request in &requests {
        ipc::frame::append(&mut frames, request).expect("short");
    }
    let mut stream = UnixStream::connect(service.folder.join("media.sock")).expect("it listens");
    // Also when a frame comes in two pieces.
    let (first, rest) = frames.split_at(frames.len() - 3);
    stream.write_all(first).expect("it reads");
    stream.write_all(rest).expect("it reads");
    let mut decoder = ipc::frame::Decoder::default();
    let mut replies = Vec::new();
    let mut buffer = [0; 1024];
    while replies.len() < requests.len() {
        match decoder.pop::<Reply>().expect("well-formed") {
            Some(reply) => replies.push(reply),
            None => {
                let count = stream.read(&mut buffer).expect("it answers");
                assert_ne!(count, 0, "it does not hang up");
                decoder.push(&buffer[..count]);
            }
        }
    }
    assert!(
        matches!(
            replies.as_slice(),
            [
                Reply::Opened { .. },
                Reply::Failed { .. },
                Reply::Opened { .. },
                Reply::Unknown,
                Reply::Closed(_),
            ]
        ),
        "{replies:?}"
    );
}

#[test]
fn whoever_waits_hears_the_chosen_music_over_and_over_or_the_boxs_own() {
    let service = Service::start("music", "14570-14579");
    let phone = service.phone(1);
    // A frame and a half, so that its end is in the middle of one.
    let data: Vec<u8> = (1..=240_i16)
        .flat_map(|it| (it * 100).to_le_bytes())
        .collect();
    let header = wav::header(Rate::Narrow, 1, 480);
    let file = [header.as_slice(), &data].concat();
    std::fs::write(service.folder.join("wait.wav"), file).expect("written");
    let music = |name: &str| Request::Hear(1, Source::Clip(Clip::Music(name.into())));
    service.done(music("wait.wav"));
    let first: Vec<Vec<u8>> = (0..3).map(|_| phone.hear()).collect();
    assert_ne!(first[0], first[1]);
    // Three frames are two rounds. Told again in the middle of one, it goes on where it is.
    assert_eq!([phone.hear(), phone.hear()], first[..2]);
    service.done(music("wait.wav"));
    for frame in first.iter().cycle().skip(2).take(9) {
        assert_eq!(phone.hear(), *frame);
    }
    let empty = wav::header(Rate::Narrow, 1, 0);
    std::fs::write(service.folder.join("empty.wav"), empty).expect("written");
    for name in ["missing.wav", "empty.wav"] {
        service.done(Request::Hear(1, Source::Silence));
        service.done(music(name));
        let own: Vec<Vec<u8>> = (0..50).map(|_| phone.hear()).collect();
        let is_loud = |frame: &Vec<u8>| frame.iter().any(|it| *it != frame[0]);
        assert!(own.iter().filter(|it| is_loud(it)).count() > 25, "{name}");
    }
}
