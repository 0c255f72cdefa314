//! Fetching from servers that serve ranges, and from such that lie, stop, stall or change the file.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up has failed"
)]

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use admin::{Address, FetchFault, StickFault};
use ipc::update::{Refusal, Reply, Request};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use web_server::fetch::{AskUpdate, Limits, Surroundings, UpdateFile, carry, fetch};

const CHUNK: usize = 16 * 1024;
/// Bytes of the file; its last chunk is shorter.
const LENGTH: u32 = 300_000;

/// An updater that wants the chunks of a file that it does not have, and takes no others.
struct Updater {
    file: Vec<u8>,
    pieces: AtomicUsize,
    /// The piece at which it is started anew, from 0.
    restarts_at: Option<usize>,
    place: Mutex<(Vec<bool>, usize)>,
}

impl Updater {
    fn lacking(file: &[u8], lacks: impl Fn(usize) -> bool) -> Self {
        let has = (0..file.len().div_ceil(CHUNK)).map(|index| !lacks(index));
        Self {
            file: file.to_vec(),
            pieces: AtomicUsize::new(0),
            restarts_at: None,
            place: Mutex::new((has.collect(), 0)),
        }
    }

    fn next(&self, has: &[bool], within: usize) -> Reply {
        let Some(first) = has.iter().position(|has| !has) else {
            return Reply::Installed {
                version: "1.5.0".into(),
            };
        };
        let run = has[first..].iter().take_while(|has| !**has).count();
        let end = ((first + run) * CHUNK).min(self.file.len());
        let offset = first * CHUNK + within;
        Reply::Next {
            offset: offset as u64,
            length: (end - offset) as u64,
        }
    }

    fn take(&self, offset: u64, bytes: &[u8]) -> Reply {
        let mut place = self.place.lock().expect("whole");
        let (has, within) = &mut *place;
        let Reply::Next { offset: wanted, .. } = self.next(has, *within) else {
            return Reply::Done;
        };
        assert_eq!(offset, wanted, "only what was asked for is sent");
        for byte in bytes {
            let Some(index) = has.iter().position(|has| !has) else {
                break;
            };
            let at = index * CHUNK + *within;
            if self.file[at] != *byte {
                *within = 0;
                return Reply::Refused {
                    reason: Refusal::ChunkDamaged {
                        index: index as u64,
                    },
                    next: Some((index * CHUNK) as u64),
                };
            }
            *within += 1;
            if *within == CHUNK || at + 1 == self.file.len() {
                has[index] = true;
                *within = 0;
            }
        }
        self.next(has, *within)
    }
}

impl AskUpdate for Updater {
    async fn ask(&self, request: Request) -> Option<Reply> {
        let place = || self.place.lock().expect("whole");
        Some(match request {
            Request::Begin => {
                let (has, within) = &mut *place();
                *within = 0;
                self.next(has, 0)
            }
            Request::Piece { offset, bytes } => {
                let count = self.pieces.fetch_add(1, Ordering::Relaxed);
                if self.restarts_at == Some(count) {
                    return None;
                }
                self.take(offset, &bytes)
            }
            other => panic!("not expected: {other:?}"),
        })
    }
}

impl Surroundings for Updater {
    async fn addresses(&self, name: &str) -> Vec<IpAddr> {
        match name {
            "updates.test" => vec![[127, 0, 0, 1].into()],
            _ => Vec::new(),
        }
    }

    fn may_reach(&self, ip: IpAddr) -> bool {
        ip != IpAddr::from([127, 0, 0, 9])
    }
}

/// What a server does with a request, counted from 0, for a range.
type Manner = fn(usize, &[u8], u64, u64) -> Act;

enum Act {
    /// This head, these bytes, and on with the next request.
    Say(String, Vec<u8>),
    /// The same, and the connection ends.
    Cut(String, Vec<u8>),
    /// The same, and then nothing.
    Stall(String, Vec<u8>),
}

fn head(from: u64, last: u64, total: usize, tag: &str) -> String {
    format!(
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-{last}/{total}\r\n\
         Content-Length: {}\r\nETag: \"{tag}\"\r\n\r\n",
        last + 1 - from
    )
}

fn part(file: &[u8], from: u64, last: u64) -> Vec<u8> {
    let place = |it| usize::try_from(it).expect("in memory");
    let (from, last) = (place(from), place(last));
    file[from..=last.min(file.len() - 1)].to_vec()
}

fn honest(_: usize, file: &[u8], from: u64, last: u64) -> Act {
    Act::Say(head(from, last, file.len(), "a"), part(file, from, last))
}

/// An answer without a body.
fn say(status: &str, fields: &str) -> Act {
    let head = format!("HTTP/1.1 {status}\r\n{fields}Content-Length: 0\r\n\r\n");
    Act::Say(head, Vec::new())
}

/// A server on loopback; what was asked of it is counted.
struct Server {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    bytes: Arc<AtomicU64>,
}

impl Server {
    async fn start(file: Vec<u8>, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let address = listener.local_addr().expect("bound");
        let requests = Arc::new(AtomicUsize::new(0));
        let bytes = Arc::new(AtomicU64::new(0));
        let server = Self {
            address,
            requests: Arc::clone(&requests),
            bytes: Arc::clone(&bytes),
        };
        let file = Arc::new(file);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (file, requests) = (Arc::clone(&file), Arc::clone(&requests));
                tokio::spawn(serve(stream, file, requests, Arc::clone(&bytes), manner));
            }
        });
        server
    }

    fn url(&self) -> String {
        format!("http://updates.test:{}/a.update", self.address.port())
    }
}

async fn serve(
    mut stream: TcpStream,
    file: Arc<Vec<u8>>,
    requests: Arc<AtomicUsize>,
    bytes: Arc<AtomicU64>,
    manner: Manner,
) {
    let mut read = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            let mut room = [0; 1024];
            match stream.read(&mut room).await {
                Ok(0) | Err(_) => return,
                Ok(count) => read.extend_from_slice(&room[..count]),
            }
        };
        let asked = String::from_utf8(read.drain(..end).collect()).expect("text");
        let range = asked
            .lines()
            .find_map(|line| line.strip_prefix("range: bytes="));
        let (from, last) = range.and_then(|it| it.split_once('-')).expect("a range");
        let (from, last): (u64, u64) = (from.parse().expect("1"), last.parse().expect("2"));
        bytes.fetch_add(last + 1 - from, Ordering::Relaxed);
        let act = manner(requests.fetch_add(1, Ordering::Relaxed), &file, from, last);
        let (Act::Say(head, body) | Act::Cut(head, body) | Act::Stall(head, body)) = &act;
        let sent = [head.as_bytes(), body].concat();
        if stream.write_all(&sent).await.is_err() {
            return;
        }
        match act {
            Act::Say(..) => {}
            Act::Cut(..) => return,
            Act::Stall(..) => std::future::pending().await,
        }
    }
}

fn file() -> Vec<u8> {
    (0..LENGTH).map(|it| (it % 251) as u8).collect()
}

fn tls() -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    Arc::new(config)
}

const QUICK: Limits = Limits {
    connect: Duration::from_secs(1),
    silence: Duration::from_millis(200),
    piece: Duration::from_secs(5),
    tries: 3,
    pause: Duration::from_millis(1),
};

async fn run(url: &str, updater: &Updater) -> (Result<String, FetchFault>, u64) {
    let fetched = AtomicU64::new(0);
    let address = Address::parse(url).expect("an address");
    let outcome = fetch(address, tls(), &QUICK, updater, &fetched).await;
    (outcome, fetched.into_inner())
}

/// The outcome with a server of this kind, for a box that has nothing.
async fn outcome(manner: Manner) -> Result<String, FetchFault> {
    let server = Server::start(file(), manner).await;
    run(&server.url(), &Updater::lacking(&file(), |_| true))
        .await
        .0
}

fn installed() -> Result<String, FetchFault> {
    Ok("1.5.0".into())
}

#[tokio::test]
async fn only_what_the_box_does_not_have_is_asked_for() {
    let server = Server::start(file(), honest).await;
    let lacks = |index: usize| matches!(index, 0 | 7 | 8 | 18);
    let (outcome, fetched) = run(&server.url(), &Updater::lacking(&file(), lacks)).await;
    assert_eq!(outcome, installed());
    let expected = 3 * CHUNK + LENGTH as usize % CHUNK;
    assert_eq!(fetched, expected as u64);
    assert_eq!(
        server.bytes.load(Ordering::Relaxed),
        fetched,
        "nothing was thrown away"
    );
    assert_eq!(server.requests.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn an_updater_that_is_started_anew_is_begun_again() {
    let server = Server::start(file(), honest).await;
    let mut updater = Updater::lacking(&file(), |index| index % 2 == 0);
    updater.restarts_at = Some(3);
    assert_eq!(run(&server.url(), &updater).await.0, installed());
}

#[tokio::test]
async fn a_connection_that_breaks_off_goes_on_where_it_was() {
    let cut: Manner = |count, file, from, last| {
        let mut body = part(file, from, last);
        if count % 2 == 0 {
            body.truncate(body.len() / 2 + 1);
            return Act::Cut(head(from, last, file.len(), "a"), body);
        }
        Act::Say(head(from, last, file.len(), "a"), body)
    };
    assert_eq!(outcome(cut).await, installed());
}

#[tokio::test]
async fn a_server_that_stalls_is_left_and_asked_again_and_given_up_in_the_end() {
    let once: Manner = |count, file, from, last| match count {
        0 => Act::Stall(
            head(from, last, file.len(), "a"),
            part(file, from, from + 99),
        ),
        _ => honest(count, file, from, last),
    };
    assert_eq!(outcome(once).await, installed());
    let always: Manner = |_, _, _, _| Act::Stall(String::new(), Vec::new());
    assert_eq!(outcome(always).await, Err(FetchFault::Stalled));
}

#[tokio::test]
async fn a_server_that_lies_about_ranges_is_believed_nothing() {
    let elsewhere: Manner = |_, file, from, last| {
        Act::Say(
            head(from + 1, last, file.len(), "a"),
            part(file, from + 1, last),
        )
    };
    assert_eq!(outcome(elsewhere).await, Err(FetchFault::WrongPart));
    // It says the range that was asked for and sends bytes of another.
    let other_bytes: Manner = |_, file, from, last| {
        let body = vec![255; part(file, from, last).len()];
        Act::Say(head(from, last, file.len(), "a"), body)
    };
    assert_eq!(outcome(other_bytes).await, Err(FetchFault::Damaged));
    let longer: Manner = |_, file, from, last| {
        let head = format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-{last}/{}\r\n\
             Connection: close\r\n\r\n",
            file.len()
        );
        let mut body = part(file, from, last);
        body.push(0);
        Act::Cut(head, body)
    };
    assert_eq!(outcome(longer).await, Err(FetchFault::WrongPart));
    let whole: Manner = |_, _, _, _| say("200 OK", "");
    assert_eq!(outcome(whole).await, Err(FetchFault::NoRanges));
}

#[tokio::test]
async fn a_file_that_changes_meanwhile_is_noticed() {
    let changed: Manner = |count, file, from, last| {
        let tag = if count < 1 { "a" } else { "b" };
        Act::Say(head(from, last, file.len(), tag), part(file, from, last))
    };
    assert_eq!(outcome(changed).await, Err(FetchFault::Changed));
}

#[tokio::test]
async fn a_file_that_ends_too_soon_is_told() {
    let short: Manner = |count, file, from, last| match count {
        0 => honest(0, file, from, last),
        _ => say("416 Range Not Satisfiable", ""),
    };
    assert_eq!(outcome(short).await, Err(FetchFault::TooShort));
}

#[tokio::test]
async fn a_busy_server_is_asked_again_and_one_that_refuses_is_not() {
    let busy: Manner = |count, file, from, last| match count {
        1 => say("503 Busy", ""),
        _ => honest(count, file, from, last),
    };
    assert_eq!(outcome(busy).await, installed());
    let missing: Manner = |_, _, _, _| say("404 Not Found", "");
    assert_eq!(outcome(missing).await, Err(FetchFault::Status(404)));
}

#[tokio::test]
async fn redirects_are_followed_a_few_times_and_never_to_files() {
    let twice: Manner = |count, file, from, last| match count {
        0 | 1 => say("302 Found", "Location: /b.update\r\n"),
        _ => honest(count, file, from, last),
    };
    assert_eq!(outcome(twice).await, installed());
    let endless: Manner = |_, _, _, _| say("302 Found", "Location: /x\r\n");
    assert_eq!(outcome(endless).await, Err(FetchFault::TooManyRedirects));
    let a_file: Manner = |_, _, _, _| say("302 Found", "Location: file:///etc/passwd\r\n");
    assert_eq!(outcome(a_file).await, Err(FetchFault::BadAddress));
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let updater = Updater::lacking(&file(), |_| true);
    let (outcome, _) = run("http://nowhere.test/x", &updater).await;
    assert_eq!(outcome, Err(FetchFault::NoName("nowhere.test".into())));
    let (outcome, _) = run("http://127.0.0.9/x", &updater).await;
    assert_eq!(outcome, Err(FetchFault::OwnAddress("127.0.0.9".into())));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let closed = listener.local_addr().expect("bound").port();
    drop(listener);
    let (outcome, _) = run(&format!("http://127.0.0.1:{closed}/x"), &updater).await;
    assert_eq!(outcome, Err(FetchFault::Unreachable("127.0.0.1".into())));
    let server = Server::start(file(), honest).await;
    let no_tls = format!("https://127.0.0.1:{}/x", server.address.port());
    assert!(run(&no_tls, &updater).await.0.is_err());
}

/// A file that is no server's.
struct OnStick {
    bytes: Vec<u8>,
    /// It is taken out after so many reads.
    reads: usize,
}

impl UpdateFile for OnStick {
    const DAMAGED: FetchFault = FetchFault::Stick(StickFault::Damaged);

    async fn read(
        &mut self,
        offset: u64,
        length: u64,
        bytes: &mut Vec<u8>,
    ) -> Result<(), FetchFault> {
        self.reads = self
            .reads
            .checked_sub(1)
            .ok_or(FetchFault::Stick(StickFault::Gone))?;
        let from = usize::try_from(offset).expect("fits");
        let to = from + usize::try_from(length).expect("fits");
        bytes.extend_from_slice(&self.bytes[from..to.min(self.bytes.len())]);
        Ok(())
    }
}

#[tokio::test]
async fn a_file_on_a_stick_is_carried_as_one_from_a_server_and_told_apart_when_it_is_bad() {
    let good = |reads| OnStick {
        bytes: file(),
        reads,
    };
    let mut damaged = good(1000);
    damaged.bytes[5 * CHUNK] ^= 1;
    for (mut stick, expected) in [
        (good(1000), installed()),
        (good(1), Err(FetchFault::Stick(StickFault::Gone))),
        (damaged, Err(FetchFault::Stick(StickFault::Damaged))),
    ] {
        let updater = Updater::lacking(&file(), |index| index % 3 == 2);
        let fetched = AtomicU64::new(0);
        let outcome = carry(&mut stick, &QUICK, &updater, &fetched).await;
        assert_eq!(outcome, expected);
    }
}
