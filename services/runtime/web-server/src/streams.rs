//! Answers that go on: server-sent events (WHATWG HTML, "Server-sent events").
//!
//! What is sent and to whom is `admin`'s to say, each time anew: the request is asked again every
//! few seconds, and what came out otherwise than before goes out. So whoever is signed out, or may
//! not see it any more, sees nothing more. A reader that does not keep up is let go.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use admin::{Body, Event, Peer, Request, Response};
use sansio::network_of;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};

use crate::Handler;
use crate::answer::Answer;
use crate::convert::Refusal;
use crate::https::see_through;
use crate::limits::{STREAMS_MAX, STREAMS_PER_ADDRESS_MAX};

/// The streams that are open, within their limits.
#[derive(Clone, Debug)]
pub(crate) struct Streams {
    open: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
    pace: Pace,
    stop: watch::Receiver<bool>,
}

/// How fast a stream goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Between two looks.
    pub(crate) every: Duration,
    /// With nothing to say, a sign of life is sent after this long: what is between the two would
    /// take the connection for dead.
    pub(crate) beat: Duration,
    /// How long a reader may take to make room for more.
    pub(crate) patience: Duration,
    /// How long one lives; the browser asks again. Shorter than a connection lives.
    pub(crate) life: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(3),
            beat: Duration::from_secs(15),
            patience: Duration::from_secs(10),
            life: Duration::from_secs(4 * 60),
        }
    }
}

/// The place of an open stream; free again when dropped.
#[derive(Debug)]
struct Place {
    streams: Streams,
    /// Whose the place is: one customer's line.
    address: IpAddr,
    /// Who asked, if it was over the network: on the box's own cable each address is judged by
    /// itself.
    source: Option<IpAddr>,
}

impl Streams {
    pub(crate) fn new(pace: Pace, stop: watch::Receiver<bool>) -> Self {
        Self {
            open: Arc::default(),
            pace,
            stop,
        }
    }

    /// Goes on with an answer that is a stream, in the background, until its reader, its time or
    /// `admin` ends it. Too many at once are told to come back.
    pub(crate) fn go_on<H: Handler>(
        &self,
        mut answer: Answer,
        handler: &Arc<H>,
        request: Request,
    ) -> Answer {
        let Body::Events(events) = &mut answer.response.body else {
            return answer;
        };
        let events = std::mem::take(events);
        let Some(place) = self.admit(request.peer) else {
            return refused().into();
        };
        let (sender, receiver) = mpsc::channel(PIECES_MAX);
        let handler = Arc::clone(handler);
        tokio::spawn(place.feed(sender, events, handler, request));
        Answer::with_pieces(answer.response, receiver)
    }

    /// Takes a place, unless there are too many, in all or of this address.
    fn admit(&self, peer: Peer) -> Option<Place> {
        let source = match peer {
            Peer::Network(address) => Some(address),
            Peer::Local | Peer::Screen => None,
        };
        let address = source.map_or_else(|| IpAddr::from([0; 4]), network_of);
        let mut open = self.lock();
        let total: usize = open.values().sum();
        let own = open.entry(address).or_default();
        if total >= STREAMS_MAX || *own >= STREAMS_PER_ADDRESS_MAX {
            return None;
        }
        *own += 1;
        drop(open);
        let streams = self.clone();
        Some(Place {
            streams,
            address,
            source,
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<IpAddr, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    async fn feed<H: Handler>(
        mut self,
        sender: mpsc::Sender<std::io::Result<Vec<u8>>>,
        mut events: Vec<Event>,
        handler: Arc<H>,
        request: Request,
    ) {
        let pace = self.streams.pace;
        let (began, mut spoke) = (Instant::now(), Instant::now());
        let mut told = BTreeMap::new();
        let mut news = format!("retry: {}\n\n", pace.every.as_millis());
        loop {
            news.push_str(&what_is_new(&mut told, events));
            if news.is_empty() && spoke.elapsed() >= pace.beat {
                news.push_str(":\n\n");
            }
            if !news.is_empty() {
                let sent = sender.send(Ok(std::mem::take(&mut news).into_bytes()));
                if !matches!(timeout(pace.patience, sent).await, Ok(Ok(()))) {
                    return;
                }
                spoke = Instant::now();
            }
            tokio::select! {
                () = sleep(pace.every) => {}
                () = sender.closed() => return,
                _ = self.streams.stop.wait_for(|is_over| *is_over) => return,
            }
            let is_shut = self.source.is_some_and(|it| handler.is_shut(it));
            if began.elapsed() >= pace.life || is_shut {
                return;
            }
            let again = see_through(Arc::clone(&handler), request.clone()).await;
            let Body::Events(next) = again.response.body else {
                return;
            };
            events = next;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.lock();
        if let Some(own) = open.get_mut(&self.address) {
            *own = own.saturating_sub(1);
        }
        open.retain(|_, own| *own > 0);
    }
}

/// The text of events that are not as they were told last.
fn what_is_new(told: &mut BTreeMap<&'static str, String>, events: Vec<Event>) -> String {
    let mut text = String::new();
    for event in events {
        if told.get(event.name) == Some(&event.data) {
            continue;
        }
        text.push_str(&written(&event));
        told.insert(event.name, event.data);
    }
    text
}

/// All events at once, for whoever asks a single time.
pub(crate) fn whole(events: &[Event]) -> Vec<u8> {
    events.iter().map(written).collect::<String>().into_bytes()
}

/// One event as it is sent: any line break within the data begins another field.
fn written(event: &Event) -> String {
    let mut text = String::from("event: part\n");
    for line in event.data.split(['\n', '\r']) {
        // Writing to a string does not fail.
        let _ = writeln!(text, "data: {line}");
    }
    text.push('\n');
    text
}

fn refused() -> Response {
    Refusal(503, "too many pages are watching; this one asks by itself")
        .answer("/events")
        .with("retry-after", "10")
}

/// Pieces that wait for a reader.
const PIECES_MAX: usize = 2;

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::answer::{Pieces, Source};

    fn event(name: &'static str, data: &str) -> Event {
        let data = data.into();
        Event { name, data }
    }

    #[test]
    fn only_what_changed_is_told() {
        let mut told = BTreeMap::new();
        let first = what_is_new(&mut told, vec![event("a", "1"), event("b", "2\r\nx")]);
        let expected =
            "event: part\ndata: 1\n\nevent: part\ndata: 2\ndata: \ndata: x\n\n".to_owned();
        assert_eq!(first, expected, "no line break can end a field");
        let next = what_is_new(&mut told, vec![event("a", "1"), event("b", "3")]);
        assert_eq!(next, "event: part\ndata: 3\n\n");
        assert_eq!(
            what_is_new(&mut told, vec![event("a", "1"), event("b", "3")]),
            ""
        );
    }

    #[test]
    fn streams_are_bounded_in_all_and_for_each_address() {
        let (_stop, stopped) = watch::channel(false);
        let streams = Streams::new(Pace::default(), stopped);
        let from = |last: usize| {
            let last = u8::try_from(last).expect("small");
            streams.admit(Peer::Network(IpAddr::from([10, 0, 0, last])))
        };
        let mut own: Vec<_> = (0..STREAMS_PER_ADDRESS_MAX).map(|_| from(1)).collect();
        assert!(own.iter().all(Option::is_some) && from(1).is_none());
        own.pop();
        assert!(from(1).is_some(), "a place that is free again");
        drop(own);
        let all: Vec<_> = (0..STREAMS_MAX).map(from).collect();
        assert!(all.iter().all(Option::is_some) && from(STREAMS_MAX).is_none());
        drop(all);
        assert!(streams.lock().is_empty(), "nothing is remembered of them");
    }

    /// Says as many different things as it is told to, then that nobody is signed in.
    struct Speaker(AtomicUsize);

    impl Handler for Speaker {
        async fn handle(&self, _: Request) -> Answer {
            let left = self.0.fetch_sub(1, Ordering::Relaxed);
            let said = Body::Events(vec![event("a", &left.to_string())]);
            match left {
                0 => Response::redirect("/login").into(),
                _ => Answer::from(Response {
                    body: said,
                    ..Response::empty(200)
                }),
            }
        }
    }

    fn quick() -> Pace {
        Pace {
            every: Duration::from_millis(2),
            patience: Duration::from_millis(20),
            ..Pace::default()
        }
    }

    /// A stream of a speaker who has so much more to say.
    fn stream(streams: &Streams, words: usize) -> Answer {
        let first = Response {
            body: Body::Events(vec![event("a", "first")]),
            ..Response::empty(200)
        };
        let request = Request {
            method: admin::Method::Get,
            path: "/events".into(),
            query: String::new(),
            headers: Vec::new(),
            body: Vec::new(),
            peer: Peer::Network([10, 0, 0, 1].into()),
            at: None,
        };
        let speaker = Arc::new(Speaker(AtomicUsize::new(words)));
        streams.go_on(first.into(), &speaker, request)
    }

    fn pieces(mut answer: Answer) -> Pieces {
        match answer.source() {
            Ok(Some(Source::Pieces(pieces))) => pieces,
            _ => panic!("not a stream"),
        }
    }

    #[tokio::test]
    async fn a_stream_ends_when_its_very_address_is_banned() {
        /// Somebody on the box's own cable is banned, and nobody else of it.
        struct Door(IpAddr);
        impl Handler for Door {
            async fn handle(&self, _: Request) -> Answer {
                let body = Body::Events(vec![event("a", "same")]);
                Response {
                    body,
                    ..Response::empty(200)
                }
                .into()
            }

            fn is_shut(&self, source: IpAddr) -> bool {
                source == self.0
            }
        }
        let banned: IpAddr = "2001:db8::9".parse().expect("an address");
        let (_stop, stopped) = watch::channel(false);
        let streams = Streams::new(quick(), stopped);
        let handler = Arc::new(Door(banned));
        let watch = |source: &str| {
            let source = source.parse().expect("an address");
            let first = Response {
                body: Body::Events(vec![event("a", "first")]),
                ..Response::empty(200)
            };
            let request = Request {
                method: admin::Method::Get,
                path: "/events".into(),
                query: String::new(),
                headers: Vec::new(),
                body: Vec::new(),
                peer: Peer::Network(source),
                at: None,
            };
            pieces(streams.go_on(first.into(), &handler, request))
        };
        let (mut of_banned, mut beside) = (watch("2001:db8::9"), watch("2001:db8::8"));
        let end = async { while of_banned.recv().await.is_some() {} };
        assert!(timeout(Duration::from_secs(5), end).await.is_ok());
        let next = beside.recv().await.expect("it goes on").expect("no error");
        assert!(next.starts_with(b"retry"));
        let again = timeout(Duration::from_secs(5), beside.recv()).await;
        assert!(again.expect("in time").is_some(), "and is told what is new");
    }

    async fn is_free_again(streams: &Streams) -> bool {
        let free = async {
            while !streams.lock().is_empty() {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(5), free).await.is_ok()
    }

    #[tokio::test]
    async fn a_stream_ends_when_its_request_would_be_refused() {
        let (_stop, stopped) = watch::channel(false);
        let streams = Streams::new(quick(), stopped);
        let mut receiver = pieces(stream(&streams, 2));
        let mut text = Vec::new();
        while let Some(piece) = receiver.recv().await {
            text.extend(piece.expect("no error"));
        }
        let expected = "retry: 2\n\nevent: part\ndata: first\n\nevent: part\ndata: 2\n\n\
                        event: part\ndata: 1\n\n";
        assert_eq!(String::from_utf8_lossy(&text), expected);
        assert!(is_free_again(&streams).await);
    }

    #[tokio::test]
    async fn who_does_not_read_or_has_gone_is_let_go_and_a_stop_ends_all() {
        let (stop, stopped) = watch::channel(false);
        let streams = Streams::new(quick(), stopped);
        let unread = stream(&streams, usize::MAX);
        assert!(is_free_again(&streams).await, "nobody read");
        drop(unread);
        drop(stream(&streams, usize::MAX));
        assert!(is_free_again(&streams).await, "nobody was there");
        let mut receiver = pieces(stream(&streams, usize::MAX));
        stop.send_replace(true);
        let rest = async { while receiver.recv().await.is_some() {} };
        assert!(timeout(Duration::from_secs(5), rest).await.is_ok());
    }

    #[tokio::test]
    async fn with_nothing_new_a_sign_of_life_is_sent() {
        struct Same;
        impl Handler for Same {
            async fn handle(&self, _: Request) -> Answer {
                let body = Body::Events(vec![event("a", "same")]);
                Response {
                    body,
                    ..Response::empty(200)
                }
                .into()
            }
        }
        let (_stop, stopped) = watch::channel(false);
        let pace = Pace {
            beat: Duration::from_millis(5),
            ..quick()
        };
        let streams = Streams::new(pace, stopped);
        let place = streams.admit(Peer::Local).expect("free");
        let (sender, mut receiver) = mpsc::channel(PIECES_MAX);
        let request = Request {
            method: admin::Method::Get,
            path: "/events".into(),
            query: String::new(),
            headers: Vec::new(),
            body: Vec::new(),
            peer: Peer::Local,
            at: None,
        };
        tokio::spawn(place.feed(sender, Vec::new(), Arc::new(Same), request));
        for expected in [
            "retry: 2\n\n",
            "event: part\ndata: same\n\n",
            ":\n\n",
            ":\n\n",
        ] {
            let piece = receiver.recv().await.expect("more").expect("no error");
            assert_eq!(piece, expected.as_bytes());
        }
    }
}
