//! An update file carried from where it lies to `update`, the parts of it that the box lacks; from
//! a web server, and from wherever else somebody can read it.
//!
//! What this module must never do: hold more than one piece, wait without an end, or judge what is
//! in the file. `update` says which bytes it wants next and checks them; a server that lies, by
//! intent or not, costs time and nothing else.
//! Read first: [`fetch`], [`carry`].

mod limits;
mod link;
mod part;

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use admin::{Address, FetchFault};
use http_body_util::BodyExt as _;
use hyper::Response;
use hyper::body::Incoming;
use ipc::update::{Refusal, Reply, Request};
use rustls::ClientConfig;
use tokio::time::{sleep, timeout, timeout_at};

pub use limits::Limits;
use link::Link;
use part::{Stamp, Verdict, judge};

/// The way to `update`.
pub trait AskUpdate: Send + Sync {
    /// Asks `update`; `None` when it does not answer.
    fn ask(&self, request: Request) -> impl Future<Output = Option<Reply>> + Send;
}

/// Where an update file lies.
pub trait UpdateFile: Send {
    /// What it is when chunks of it are not those that were signed, however often it is read.
    const DAMAGED: FetchFault;

    /// Reads so many bytes, or fewer with an error: what came before it counts.
    fn read(
        &mut self,
        offset: u64,
        length: u64,
        bytes: &mut Vec<u8>,
    ) -> impl Future<Output = Result<(), FetchFault>> + Send;
}

/// What a fetch from a server needs of the box.
pub trait Surroundings: AskUpdate {
    /// Addresses of a name.
    fn addresses(&self, name: &str) -> impl Future<Output = Vec<IpAddr>> + Send;
    /// Whether a server may have this address.
    fn may_reach(&self, ip: IpAddr) -> bool;
}

/// Fetches from a server and installs; the version. `fetched` counts the bytes that came.
///
/// # Errors
/// Why not; what came is kept for the next time, in the slot.
pub async fn fetch(
    address: Address,
    tls: Arc<ClientConfig>,
    limits: &Limits,
    around: &impl Surroundings,
    fetched: &AtomicU64,
) -> Result<String, FetchFault> {
    let mut file = Remote {
        address,
        tls,
        limits,
        around,
        link: None,
        stamp: None,
    };
    carry(&mut file, limits, around, fetched).await
}

/// Reads what the box does not have and hands it to `update`, piece by piece; the version that is
/// installed. `fetched` counts the bytes that were read.
///
/// # Errors
/// Why not; what was taken is kept for the next time, in the slot.
pub async fn carry<File: UpdateFile>(
    file: &mut File,
    limits: &Limits,
    around: &impl AskUpdate,
    fetched: &AtomicU64,
) -> Result<String, FetchFault> {
    let mut wanted = begin(around).await?;
    let (mut tries, mut damaged) = (0, 0);
    loop {
        let (offset, length) = wanted;
        let mut bytes = Vec::new();
        let came = file.read(offset, length.clamp(1, PIECE), &mut bytes).await;
        if bytes.is_empty() {
            let fault = came.err().unwrap_or(FetchFault::CutShort);
            tries += 1;
            if !fault.is_passing() || tries >= limits.tries {
                return Err(fault);
            }
            sleep(limits.pause_before(tries)).await;
            continue;
        }
        fetched.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        wanted = match around.ask(Request::Piece { offset, bytes }).await {
            Some(Reply::Next { offset, length }) => {
                tries = 0;
                (offset, length)
            }
            Some(Reply::Installed { version }) => return Ok(version),
            Some(Reply::Refused {
                reason: reason @ (Refusal::ChunkDamaged { .. } | Refusal::OutOfOrder { .. }),
                next: Some(next),
            }) => {
                damaged += 1;
                if damaged > DAMAGED_MAX {
                    tracing::warn!("the update file is damaged: {reason:?}");
                    return Err(File::DAMAGED);
                }
                (next, update::CHUNK as u64)
            }
            // It was started anew: what it has written already it finds again.
            None
            | Some(Reply::Refused {
                reason: Refusal::NotBegun,
                ..
            }) => again(around, limits, &mut tries).await?,
            other => return Err(unmet(other)),
        };
    }
}

async fn begin(around: &impl AskUpdate) -> Result<(u64, u64), FetchFault> {
    match around.ask(Request::Begin).await {
        Some(Reply::Next { offset, length }) => Ok((offset, length)),
        other => Err(unmet(other)),
    }
}

/// Begins again with an updater that was away, as often as it takes it to be back.
async fn again(
    around: &impl AskUpdate,
    limits: &Limits,
    tries: &mut u32,
) -> Result<(u64, u64), FetchFault> {
    loop {
        *tries += 1;
        if *tries >= limits.tries {
            return Err(FetchFault::UpdateAway);
        }
        sleep(limits.pause_before(*tries)).await;
        match begin(around).await {
            Err(FetchFault::UpdateAway) => {}
            begun => return begun,
        }
    }
}

fn unmet(reply: Option<Reply>) -> FetchFault {
    match reply {
        Some(Reply::Refused { reason, .. }) => FetchFault::Refused(reason),
        Some(_) | None => FetchFault::UpdateAway,
    }
}

/// The file on its server.
struct Remote<'a, S> {
    address: Address,
    tls: Arc<ClientConfig>,
    limits: &'a Limits,
    around: &'a S,
    /// What asked last, as long as it works.
    link: Option<Link>,
    /// What the file was known by first.
    stamp: Option<Stamp>,
}

impl<S: Surroundings> UpdateFile for Remote<'_, S> {
    const DAMAGED: FetchFault = FetchFault::Damaged;

    async fn read(
        &mut self,
        offset: u64,
        length: u64,
        bytes: &mut Vec<u8>,
    ) -> Result<(), FetchFault> {
        let last = offset.saturating_add(length).saturating_sub(1);
        let (link, response, announced, stamp) = match self.answer(offset, last).await {
            // A connection that was kept may have ended meanwhile: that is no failed try.
            Err(FetchFault::CutShort) => self.answer(offset, last).await?,
            answered => answered?,
        };
        if self.stamp.as_ref().is_some_and(|first| *first != stamp) {
            return Err(FetchFault::Changed);
        }
        self.stamp = Some(stamp);
        read_body(response, announced, self.limits, bytes).await?;
        self.link = Some(link);
        Ok(())
    }
}

impl<S: Surroundings> Remote<'_, S> {
    /// Asks where the last answer came from, else from the beginning, and follows redirects.
    async fn answer(
        &mut self,
        from: u64,
        last: u64,
    ) -> Result<(Link, Response<Incoming>, u64, Stamp), FetchFault> {
        let mut next = self.address.clone();
        let mut kept = self.link.take();
        for _ in 0..=REDIRECTS_MAX {
            let mut link = match kept.take() {
                Some(link) => link,
                None => Link::open(&next, &self.tls, self.limits, self.around).await?,
            };
            let response = link.ask(from, last, self.limits.silence).await?;
            match judge(response.status().as_u16(), response.headers(), from, last)? {
                Verdict::Part(length, stamp) => return Ok((link, response, length, stamp)),
                Verdict::Elsewhere(location) => next = link.address.redirect(&location)?,
            }
        }
        Err(FetchFault::TooManyRedirects)
    }
}

async fn read_body(
    response: Response<Incoming>,
    announced: u64,
    limits: &Limits,
    bytes: &mut Vec<u8>,
) -> Result<(), FetchFault> {
    let mut body = response.into_body();
    let end = tokio::time::Instant::now() + limits.piece;
    while (bytes.len() as u64) < announced {
        let frame = timeout(limits.silence, timeout_at(end, body.frame())).await;
        let Ok(Ok(frame)) = frame else {
            return Err(FetchFault::Stalled);
        };
        let Some(Ok(frame)) = frame else {
            return Err(FetchFault::CutShort);
        };
        let data = frame.into_data().unwrap_or_default();
        let left = announced.saturating_sub(bytes.len() as u64);
        if data.len() as u64 > left {
            bytes.clear();
            return Err(FetchFault::WrongPart);
        }
        bytes.extend_from_slice(&data);
    }
    // What is left is the end of the message; more than that, and the server lies.
    match timeout(limits.silence, body.frame()).await {
        Ok(None) => Ok(()),
        Ok(Some(Ok(frame))) if frame.data_ref().is_none_or(|it| it.is_empty()) => Ok(()),
        Ok(Some(_)) => {
            bytes.clear();
            Err(FetchFault::WrongPart)
        }
        Err(_) => Err(FetchFault::Stalled),
    }
}

/// Bytes asked for at once: what is held in memory.
const PIECE: u64 = 256 * 1024;
/// Redirects that are followed for one answer.
const REDIRECTS_MAX: usize = 5;
/// Damaged chunks that are asked for again.
const DAMAGED_MAX: u32 = 8;
