//! A phone on TCP is reached over the connection it made, even after the death of the exchange.
#![expect(clippy::expect_used, reason = "a test may panic to fail")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use ipc::store::{Reply, Request as Question};
use netns::{Office, Telephone};
use run_loop::ipc::BlockingClient;
use sip::{
    Framed, HeaderName, Message, Method, NameAddr, Request, Response, StatusCode, StreamFramer, Uri,
};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// A phone behind a router: nobody can connect to it.
struct Behind {
    stream: TcpStream,
    framer: StreamFramer,
    identity: Telephone,
}

impl Behind {
    fn connect(office: &Office, index: usize) -> Self {
        let stream = TcpStream::connect(office.server()).expect("listening");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        Self {
            stream,
            framer: StreamFramer::new(),
            identity: office.telephone(index).expect("a telephone"),
        }
    }

    fn send(&mut self, request: &Request) {
        let own = self.stream.local_addr().expect("connected");
        let cseq = request.headers.cseq().expect("it has one").number;
        let via = format!("SIP/2.0/TCP {own};branch=z9hG4bKtcp{cseq};rport");
        let mut request = request.clone();
        request.headers.push_first(HeaderName::Via, via);
        self.stream.write_all(&request.to_bytes()).expect("sent");
    }

    fn next(&mut self) -> Message {
        let mut buffer = [0; 4096];
        loop {
            match self.framer.poll() {
                Some(Framed::Message(message)) => return message,
                Some(other) => panic!("not a message: {other:?}"),
                None => {}
            }
            let length = self.stream.read(&mut buffer).expect("still connected");
            assert!(length > 0, "the exchange has closed the connection");
            self.framer.push(buffer.get(..length).expect("as read"));
        }
    }

    fn register(&mut self) {
        let own = self.stream.local_addr().expect("connected");
        let host = sip::Host::from_ip([127, 0, 0, 1].into());
        let number = self.identity.number.clone();
        let aor = NameAddr::new(Uri::sip(Some(&number), host.clone(), None));
        let contact = format!("<sip:{number}@{own};transport=tcp>");
        let mut credentials = None;
        for cseq in 1..=2 {
            let uri = Uri::sip(None, host.clone(), None);
            let from = aor.clone().with_tag("behind");
            let mut request = Request::new(Method::Register, uri, &from, &aor, "behind", cseq);
            request.headers.push(HeaderName::Contact, contact.clone());
            if let Some(challenge) = &credentials {
                let value = self.identity.credentials(challenge, &request, 1);
                request.headers.push(HeaderName::Authorization, value);
            }
            self.send(&request);
            let Message::Response(response) = self.next() else {
                panic!("a request before we are registered")
            };
            if response.status.is_success() {
                return;
            }
            credentials = Telephone::challenge(&response);
        }
        panic!("not registered");
    }

    /// Waits for a call and declines it.
    fn decline(&mut self) {
        match self.next() {
            Message::Request(request) if request.method == Method::Invite => {
                let busy = Response::to_request(&request, StatusCode::BUSY_HERE, Some("busy"));
                self.stream.write_all(&busy.to_bytes()).expect("sent");
            }
            other => panic!("no call: {other:?}"),
        }
    }
}

/// Registrations the store has.
fn registrations(office: &Office) -> usize {
    let socket = office.folder().join("store.sock");
    let store = BlockingClient::<Question, Reply>::new(socket);
    match store.call(&Question::Registrations) {
        Ok(Reply::Registrations(all)) => all.len(),
        other => panic!("no registrations: {other:?}"),
    }
}

#[test]
fn a_phone_on_tcp_rings_over_its_connection_after_the_death_of_the_exchange() {
    let mut office = Office::open(|_| {}).expect("an office");
    let mut behind = Behind::connect(&office, 1);
    behind.register();
    let mut caller = office.telephone(0).expect("a telephone");
    assert!(caller.register().expect("an answer").status.is_success());
    // They are kept within some seconds; each question is a round trip.
    let begun = Instant::now();
    while registrations(&office) < 2 {
        assert!(begun.elapsed() < PATIENCE, "registrations are not kept");
    }
    office.crash_pbx().expect("it starts again");
    let number = behind.identity.number.clone();
    std::thread::scope(|scope| {
        scope.spawn(move || caller.call(&number, &[]).expect_err("it is declined"));
        behind.decline();
    });
}
