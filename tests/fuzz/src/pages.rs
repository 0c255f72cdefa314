//! What browsers and programs send to the management pages and the API.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use admin::{
    Admin, Away, Machine, Method, Moment, Observation, Peer, Request, Response, Step, StickFault,
};
use ipc::site::Site;
use ipc::{Redacted, store};
use sansio::{Entropy, Instant, UnixTime};

/// Steps of one request; none has nearly as many.
const STEPS_MAX: usize = 64;

/// `METHOD PATH?QUERY`, a line of header fields parted by `|`, and the body: every request gets a
/// response, and what it commits is a site that differs from none but the one before.
pub fn pages(bytes: &[u8]) {
    let mut lines = bytes.splitn(3, |byte| *byte == b'\n');
    let mut line = || String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let (first, fields) = (line(), line());
    let body = lines.next().unwrap_or_default().to_vec();
    let (method, target) = first.split_once(' ').unwrap_or(("GET", &first));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let fields = fields.split('|').filter_map(|field| field.split_once(':'));
    let request = Request {
        method: match method {
            "POST" => Method::Post,
            "DELETE" => Method::Delete,
            _ => Method::Get,
        },
        path: path.to_owned(),
        query: query.to_owned(),
        headers: fields
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect(),
        body,
        peer: Peer::Local,
        at: None,
    };
    let stranger = Request {
        peer: Peer::Network(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        ..request.clone()
    };
    for request in [request, stranger] {
        let mut world = World::new();
        let response = world.answer(&request);
        assert!((200..600).contains(&response.status));
        let foreign = request.peer != Peer::Local;
        assert!(
            !foreign || world.commits == 0,
            "a stranger changed the site"
        );
    }
}

struct World {
    admin: Admin,
    site: Site,
    commits: u32,
}

impl World {
    fn new() -> Self {
        let site = config::Site::factory("ramal").to_ipc();
        let mut admin = Admin::new("0.1.0");
        admin.configure(1, site.clone());
        Self {
            admin,
            site,
            commits: 0,
        }
    }

    fn answer(&mut self, request: &Request) -> Response {
        let mut step = self.admin.handle(moment(), request);
        for _ in 0..STEPS_MAX {
            let admin = &mut self.admin;
            step = match step {
                Step::Respond(response) => return response,
                // No password is the right one.
                Step::Verify(_, then) => then(admin, moment(), Ok(false)),
                Step::Hash(_, then) => then(admin, moment(), Ok(Redacted::new("$hash".into()))),
                Step::Store(asked, then) => {
                    let reply = self.store(asked);
                    then(&mut self.admin, moment(), reply)
                }
                Step::Init(_, then) => then(admin, moment(), Err(Away::Silent("init"))),
                Step::Net(_, then) => then(admin, moment(), Err(Away::Silent("net"))),
                Step::Pbx(_, then) => then(admin, moment(), Err(Away::Silent("pbx"))),
                Step::Media(_, then) => then(admin, moment(), Err(Away::Silent("media"))),
                Step::Grid(_, then) => then(admin, moment(), Err(Away::Silent("grid"))),
                Step::Guard(_, then) => then(admin, moment(), Err(Away::Silent("guard"))),
                Step::Update(_, then) => then(admin, moment(), Err(Away::Silent("update"))),
                Step::Fetch(_, then) => then(admin, moment(), admin::FetchState::None),
                Step::Restore(_, then) => then(admin, moment(), Err(Away::Silent("store"))),
                Step::Bring(_, then) => then(admin, moment(), Err(StickFault::Gone)),
                Step::Certificate(_, then) => {
                    then(admin, moment(), Err(admin::CertificateFault::Away))
                }
                Step::Open(_, then) => then(admin, moment(), None),
                Step::Observe(then) => then(admin, moment(), nothing_seen()),
                Step::Record(_, then) => then(admin, moment(), Vec::new()),
            };
        }
        panic!("a request without an end");
    }

    fn store(&mut self, asked: store::Request) -> Result<store::Reply, Away> {
        Ok(match asked {
            store::Request::Config => store::Reply::Config {
                version: 1,
                site: self.site.clone(),
            },
            store::Request::Commit { site, .. } => match config::Site::parse(&site) {
                Ok(_) => {
                    self.commits += 1;
                    self.site = site;
                    store::Reply::Committed { version: 2 }
                }
                Err(faults) => store::Reply::Invalid {
                    faults: faults.iter().map(ToString::to_string).collect(),
                },
            },
            store::Request::Calls { .. } => store::Reply::Calls(Vec::new()),
            store::Request::History { .. } => store::Reply::History(Vec::new()),
            store::Request::AuditTrail { .. } => store::Reply::AuditTrail(Vec::new()),
            _ => return Err(Away::Silent("store")),
        })
    }
}

fn moment() -> Moment {
    Moment {
        now: Instant::ORIGIN + Duration::from_secs(1000),
        wall: UnixTime::from_millis(1_700_000_000_000),
        entropy: Entropy::new([7; 32]),
    }
}

fn nothing_seen() -> Observation {
    Observation {
        init: Err(Away::Silent("init")),
        pbx: Err(Away::Silent("pbx")),
        net: Err(Away::Silent("net")),
        store: Err(Away::Silent("store")),
        update: Err(Away::Silent("update")),
        machine: Machine::default(),
    }
}
