//! What was spent, from one process to the next.

use std::collections::BTreeMap;
use std::sync::Arc;

use config::Site;
use ipc::site::{Class, Destination, Route, Site as RawSite, Source, Spend, Tariff};
use ipc::site::{Trunk, TrunkAccess};
use ipc::store::Spent;
use sansio::Transport;
use sip::{HeaderName, Method, StatusCode, Uri};

use super::super::kept::USAGE_KEY;
use crate::interface::{Hop, Input, Output, QueryId};
use crate::scripted::{PASSWORD, Rig, answered, request, site};

const CALLER: &str = "10.0.0.2:5060";
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 8\r\n";
/// Hundredths a day of which 100 can make calls outside.
const PURSE: u32 = 40;

/// Calls outside go by a carrier, at ten hundredths a minute.
fn with_carrier(raw: &mut RawSite) {
    raw.dialling.area_code = "11".to_owned();
    raw.dialling.owned_numbers = vec!["+551132345678".to_owned()];
    raw.trunks = vec![Trunk {
        name: "carrier".to_owned(),
        access: TrunkAccess::Peer {
            server: "10.0.2.1".to_owned(),
            networks: vec!["10.0.2.1/32".to_owned()],
        },
        qualify_secs: 0,
        ..Trunk::default()
    }];
    raw.routes = vec![Route {
        name: "out".to_owned(),
        sources: vec![Source::Extensions],
        pattern: "3XXXXXXX".to_owned(),
        destinations: vec![Destination::Trunk("carrier".to_owned())],
        ..Route::default()
    }];
    raw.limits.tariffs = vec![Tariff::of_class(Class::Local, 10)];
    for extension in &mut raw.extensions {
        extension.settings.spend = Spend {
            day_cents: PURSE,
            ..Spend::default()
        };
    }
}

/// A process with this configuration, which knows where the carrier is.
fn configured(mut rig: Rig, site: &Arc<Site>) -> Rig {
    rig.handle(Input::Config(1, Arc::clone(site)));
    let questions = rig.outputs.iter().filter_map(|output| match output {
        Output::Resolve { id, .. } => Some(*id),
        _ => None,
    });
    let questions: Vec<QueryId> = questions.collect();
    for id in questions {
        let hops = vec![Hop {
            transport: Transport::Udp,
            remote: "10.0.2.1:5060".parse().expect("an address"),
            local: "10.0.0.1:5060".parse().expect("an address"),
        }];
        let ttl_secs = 3_600;
        rig.handle(Input::Resolved { id, hops, ttl_secs });
    }
    rig
}

/// 100 calls outside; gives what it is told last.
fn call_outside(rig: &mut Rig) -> StatusCode {
    let mut invite = request(Method::Invite, "100", "outside", 1);
    invite.uri = Uri::parse(b"sip:33334444@10.0.0.1").expect("a URI");
    let contact = "<sip:100@10.0.0.2:5060>";
    invite.headers.push(HeaderName::Contact, contact);
    let invite = invite.with_body("application/sdp", SDP.as_bytes().to_vec());
    let challenged = rig.ask(CALLER, &invite);
    let invite = answered(&challenged, "100", PASSWORD, &invite);
    rig.ask(CALLER, &invite).status
}

/// The rows that the next process finds.
fn checkpoints(rig: &Rig) -> BTreeMap<u64, Vec<u8>> {
    let mut rows = BTreeMap::new();
    for output in &rig.outputs {
        match output {
            Output::Checkpoint {
                key,
                call: Some(call),
            } => rows.insert(*key, call.clone()),
            Output::Checkpoint { key, call: None } => rows.remove(key),
            _ => None,
        };
    }
    rows
}

/// What the store knows: 100 has nothing left today.
fn all_spent() -> Spent {
    Spent {
        extensions: vec![("100".to_owned(), [u64::from(PURSE) * 60_000; 3])],
        ..Spent::default()
    }
}

/// A process that calls before it was told what was spent, and ends, leaves nothing behind that
/// the next one would hold to be newer than what the store has.
#[test]
fn a_process_that_never_heard_the_store_does_not_hide_what_it_has_from_the_next() {
    let site = Arc::new(site(with_carrier));
    let mut first = configured(Rig::unconfigured(), &site);
    assert_eq!(
        call_outside(&mut first).code(),
        100,
        "the carrier is called"
    );
    let mut next = Rig::unconfigured();
    let rows = checkpoints(&first);
    next.handle(Input::StoredCalls(rows.into_iter().collect()));
    let mut next = configured(next, &site);
    next.handle(Input::StoredSpent(all_spent()));
    assert_eq!(call_outside(&mut next), StatusCode::FORBIDDEN);
}

/// The same process keeps its counters as soon as it was told.
#[test]
fn what_was_spent_is_kept_for_the_next_process_once_the_store_was_heard() {
    let mut rig = configured(Rig::unconfigured(), &Arc::new(site(with_carrier)));
    assert_eq!(call_outside(&mut rig).code(), 100);
    assert!(!checkpoints(&rig).contains_key(&USAGE_KEY), "too early");
    rig.handle(Input::StoredSpent(Spent::default()));
    assert!(checkpoints(&rig).contains_key(&USAGE_KEY));
}
