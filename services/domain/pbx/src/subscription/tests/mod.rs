mod door;

use std::sync::Arc;

use sansio::{Entropy, Node, Rng, Transport};
use sip::transaction::{Input as SipInput, Output as SipOutput};
use sip::{
    Event as Package, Message, Method, NameAddr, SubscriptionState, SubscriptionStatus, Uri, Via,
};

use super::*;
use crate::leg::DialogName;
use crate::scripted::site;

const PHONE: &str = "10.0.0.2:5060";

/// Subscriptions and the phones that watch.
struct Office {
    core: Core,
    subscriptions: Subscriptions,
    /// The calls of 101.
    lamps: Vec<Lamp>,
    notifies: Vec<(Flow, Request)>,
    responses: Vec<Response>,
    kept: BTreeMap<u64, Vec<u8>>,
    seen: Vec<String>,
    count: u32,
}

fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn flow(remote: &str, stream: Option<StreamId>) -> Flow {
    Flow {
        transport: if stream.is_some() {
            Transport::Tcp
        } else {
            Transport::Udp
        },
        local: ([10, 0, 0, 1], 5060).into(),
        remote: remote.parse().expect("an address"),
        stream,
    }
}

/// A SUBSCRIBE of 100 to this number.
fn subscribe(watched: &str, package: &str, call_id: &str, cseq: u32, expires: u32) -> Request {
    let uri = |text: String| Uri::parse(text.as_bytes()).expect("a URI");
    let from = NameAddr::new(uri("sip:100@10.0.0.1".to_owned())).with_tag("watcher");
    let target = uri(format!("sip:{watched}@10.0.0.1"));
    let to = NameAddr::new(target.clone());
    let mut request = Request::new(Method::Subscribe, target, &from, &to, call_id, cseq);
    request
        .headers
        .push(HeaderName::Contact, "<sip:100@10.0.0.2:5060>");
    request.headers.push(HeaderName::Event, package);
    request
        .headers
        .push(HeaderName::Expires, expires.to_string());
    request
}

fn lamp(id: &str, state: LampState) -> Lamp {
    let party = |number: &str| Party {
        number: number.to_owned(),
        name: String::new(),
    };
    Lamp {
        id: id.to_owned(),
        name: Some(DialogName {
            call_id: format!("call-{id}"),
            local_tag: "ours".to_owned(),
            remote_tag: None,
        }),
        recipient: true,
        state,
        local: party("101"),
        remote: party("102"),
    }
}

fn state_of(notify: &Request) -> SubscriptionState {
    notify.headers.subscription_state().expect("a state")
}

fn text(notify: &Request) -> String {
    String::from_utf8(notify.body.clone()).expect("text")
}

fn version(notify: &Request) -> u32 {
    let text = text(notify);
    let rest = text.split("version=\"").nth(2).expect("a version");
    rest.split('"')
        .next()
        .and_then(|it| it.parse().ok())
        .expect("a number")
}

impl Office {
    fn new() -> Self {
        let mut office = Self {
            core: Core::new(Rng::from_seed(5), Entropy::new([5; 32])),
            subscriptions: Subscriptions::default(),
            lamps: Vec::new(),
            notifies: Vec::new(),
            responses: Vec::new(),
            kept: BTreeMap::new(),
            seen: Vec::new(),
            count: 0,
        };
        office.core.now = Instant::ORIGIN + secs(1);
        office.configure(|_| ());
        office
    }

    fn configure(&mut self, edit: impl FnOnce(&mut ipc::site::Site)) {
        self.core.configure(1, Arc::new(site(edit)));
        self.subscriptions.configure(&mut self.core);
        self.settle();
    }

    fn settle(&mut self) {
        while let Some(output) = self.core.sip.poll() {
            match output {
                SipOutput::Transmit { flow, bytes } => self.sent(flow, &bytes),
                SipOutput::Request { id, flow, request } => {
                    let core = &mut self.core;
                    let lamps = |number: &str| match number {
                        "101" => self.lamps.clone(),
                        _ => Vec::new(),
                    };
                    self.subscriptions
                        .subscribe(core, id, flow, &request, "100", lamps);
                }
                SipOutput::Response { id, response } => {
                    self.subscriptions.response(&mut self.core, id, &response);
                }
                SipOutput::Timeout { id } | SipOutput::ClientFlowFailed { id } => {
                    self.subscriptions.no_response(&mut self.core, id);
                }
                _ => {}
            }
        }
        while let Some(output) = self.core.take_output() {
            if let Output::Checkpoint { key, call } = output {
                assert!(key & CHECKPOINT_KEYS != 0);
                match call {
                    Some(call) => self.kept.insert(key, call),
                    None => self.kept.remove(&key),
                };
            }
        }
    }

    fn sent(&mut self, flow: Flow, bytes: &[u8]) {
        match sip::parse_datagram(bytes).expect("a message of ours") {
            Message::Response(response) => {
                assert!(self.notifies.is_empty(), "the answer before the NOTIFY");
                self.responses.push(response);
            }
            Message::Request(request) => {
                let via = request.headers.via().expect("a Via");
                let branch = via.branch().expect("a branch").to_owned();
                if !self.seen.contains(&branch) {
                    self.seen.push(branch);
                    self.notifies.push((flow, request));
                }
            }
        }
    }

    fn ask_on(&mut self, flow: Flow, request: &Request) -> Response {
        self.count += 1;
        let branch = format!("z9hG4bKwatcher{}", self.count);
        let via = Via::new(flow.transport, flow.remote, &branch).to_string();
        let mut request = request.clone();
        request.headers.push_first(HeaderName::Via, via);
        let message = Message::Request(request);
        self.core
            .sip
            .handle(self.core.now, SipInput::Message { flow, message });
        self.settle();
        self.responses.pop().expect("an answer")
    }

    fn ask(&mut self, request: &Request) -> Response {
        self.ask_on(flow(PHONE, None), request)
    }

    /// Subscribes; gives the first NOTIFY, answered, and the request that refreshes it.
    fn watch(&mut self, watched: &str, call_id: &str) -> (Request, Request) {
        let request = subscribe(watched, "dialog", call_id, 1, 600);
        let response = self.ask(&request);
        assert_eq!(response.status, StatusCode::OK);
        let mut again = request;
        again.headers.set(HeaderName::CSeq, "2 SUBSCRIBE");
        let to = response.headers.first(&HeaderName::To).expect("To");
        again.headers.set(HeaderName::To, to);
        (self.accepted(), again)
    }

    /// The one NOTIFY that came.
    fn notified(&mut self) -> (Flow, Request) {
        assert_eq!(self.notifies.len(), 1, "one NOTIFY");
        self.notifies.remove(0)
    }

    fn accepted(&mut self) -> Request {
        let notify = self.notified();
        self.answer(&notify, 200, &[]);
        notify.1
    }

    fn answer(&mut self, notify: &(Flow, Request), code: u16, fields: &[(HeaderName, &str)]) {
        let status = StatusCode::new(code).expect("a status");
        let mut response = Response::to_request(&notify.1, status, None);
        for (name, value) in fields {
            response.headers.push(name.clone(), *value);
        }
        let (flow, message) = (notify.0, Message::Response(response));
        self.core
            .sip
            .handle(self.core.now, SipInput::Message { flow, message });
        self.settle();
    }

    fn lamps(&mut self, lamps: Vec<Lamp>) {
        self.lamps = lamps.clone();
        if self.subscriptions.watches("101") {
            self.subscriptions.set_dialogs(&mut self.core, "101", lamps);
        }
        self.settle();
    }

    fn pass(&mut self, time: Duration) {
        let end = self.core.now + time;
        loop {
            let due = self.core.sip.deadline().into_iter();
            let due = due.chain(self.subscriptions.deadline()).min();
            let Some(due) = due.filter(|due| *due <= end) else {
                break;
            };
            self.core.now = self.core.now.max(due);
            self.subscriptions.timer(&mut self.core);
            self.core.sip.handle(self.core.now, SipInput::Timer);
            self.settle();
        }
        self.core.now = end;
    }

    fn is_empty(&self) -> bool {
        let it = &self.subscriptions;
        let empty = it.all.is_empty();
        assert_eq!(empty, it.by_dialog.is_empty() && it.due.is_empty());
        assert_eq!(empty, it.by_watched.is_empty() && it.by_watcher.is_empty());
        assert_eq!(empty, self.kept.is_empty(), "what is kept");
        empty
    }
}

/// RFC 6665 §4.2.1.2: a NOTIFY at once, with the whole state; pbx trap 18.
#[test]
fn a_watcher_is_told_at_once_and_at_every_change() {
    let mut office = Office::new();
    let request = subscribe("101", "dialog", "a", 1, 600);
    let response = office.ask(&request);
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(response.headers.expires(), Some(600));
    let (way, first) = office.notified();
    assert_eq!(way.remote, PHONE.parse().expect("an address"));
    assert_eq!(first.uri.to_string(), "sip:100@10.0.0.2:5060");
    assert_eq!(state_of(&first), SubscriptionState::active(600));
    assert_eq!(first.headers.event(), Ok(Package::package("dialog")));
    assert!(first.headers.first(&HeaderName::Contact).is_some());
    let (to, from) = (
        first.headers.to().expect("To"),
        first.headers.from().expect("From"),
    );
    assert_eq!(to.tag(), Some("watcher"));
    assert_eq!(from.tag(), response.headers.to().expect("To").tag());
    assert_eq!(version(&first), 0);
    office.answer(&(way, first.clone()), 200, &[]);
    office.lamps(vec![lamp("1", LampState::Early)]);
    let ringing = office.accepted();
    assert!(text(&ringing).contains("<state>early</state>"));
    assert_eq!(version(&ringing), 1);
    let number = |request: &Request| request.headers.cseq().expect("CSeq").number;
    assert_eq!(number(&ringing), number(&first) + 1);
    // What is no news is told to nobody.
    office.lamps(vec![lamp("1", LampState::Early)]);
    assert!(office.notifies.is_empty());
    office.lamps(vec![lamp("1", LampState::Confirmed)]);
    assert!(text(&office.accepted()).contains("<state>confirmed</state>"));
    office.lamps(Vec::new());
    let over = text(&office.accepted());
    assert!(
        over.contains("<dialog id=\"1\">\r\n<state>terminated</state>"),
        "{over}"
    );
    office.lamps(vec![lamp("2", LampState::Trying)]);
    assert!(!text(&office.accepted()).contains("id=\"1\""), "said once");
}

/// One NOTIFY at a time, and the next tells everything that happened meanwhile.
#[test]
fn changes_while_a_notify_is_under_way_become_one() {
    let mut office = Office::new();
    office.watch("101", "a");
    office.lamps(vec![lamp("1", LampState::Trying)]);
    let first = office.notified();
    office.lamps(vec![lamp("1", LampState::Early)]);
    office.lamps(vec![lamp("1", LampState::Confirmed)]);
    assert!(office.notifies.is_empty());
    office.answer(&first, 200, &[]);
    let next = office.accepted();
    assert!(text(&next).contains("<state>confirmed</state>"));
    assert!(office.notifies.is_empty());
}

/// RFC 6665 §4.2.1.3 and §4.1.2.3.
#[test]
fn a_refresh_tells_everything_and_zero_seconds_end_it() {
    let mut office = Office::new();
    let (_, mut again) = office.watch("101", "a");
    office.pass(secs(500));
    let response = office.ask(&again);
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(response.headers.to().ok(), again.headers.to().ok());
    let told = office.accepted();
    assert_eq!(state_of(&told).expires, Some(600));
    office.pass(secs(500));
    assert!(!office.is_empty(), "it was refreshed");
    again.headers.set(HeaderName::CSeq, "3 SUBSCRIBE");
    again.headers.set(HeaderName::Expires, "0");
    let response = office.ask(&again);
    assert_eq!(response.headers.expires(), Some(0));
    let last = office.accepted();
    assert_eq!(
        state_of(&last),
        SubscriptionState::terminated(TerminationReason::Timeout)
    );
    assert!(office.is_empty());
    again.headers.set(HeaderName::CSeq, "4 SUBSCRIBE");
    assert_eq!(office.ask(&again).status, StatusCode::CALL_DOES_NOT_EXIST);
}

/// RFC 6665 §4.2.2.
#[test]
fn what_is_not_refreshed_ends_with_a_last_word() {
    let mut office = Office::new();
    office.watch("101", "a");
    office.pass(secs(601));
    let last = office.accepted();
    assert_eq!(
        state_of(&last),
        SubscriptionState::terminated(TerminationReason::Timeout)
    );
    assert!(office.is_empty());
}

/// RFC 6665 §4.4.3: Expires 0 in the first SUBSCRIBE asks once.
#[test]
fn a_question_asked_once_is_answered_once() {
    let mut office = Office::new();
    let response = office.ask(&subscribe("101", "dialog", "a", 1, 0));
    assert_eq!(response.status, StatusCode::OK);
    let only = office.accepted();
    assert_eq!(state_of(&only).status, SubscriptionStatus::Terminated);
    assert!(text(&only).contains("<dialog-info"));
    assert!(office.is_empty());
}

/// RFC 6665 §4.2.2, RFC 5057 §5.1; pbx trap 18.
#[test]
fn a_watcher_that_knows_nothing_of_it_is_forgotten() {
    for code in [481, 404, 408, 489, 501, 603] {
        let mut office = Office::new();
        office.watch("101", "a");
        office.lamps(vec![lamp("1", LampState::Early)]);
        let notify = office.notified();
        office.answer(&notify, code, &[]);
        assert!(office.is_empty(), "{code}");
    }
    let mut office = Office::new();
    office.watch("101", "a");
    office.lamps(vec![lamp("1", LampState::Early)]);
    office.pass(secs(33));
    assert!(office.is_empty(), "no answer at all");
}

#[test]
fn a_watcher_that_asks_for_patience_gets_it() {
    let mut office = Office::new();
    office.watch("101", "a");
    office.lamps(vec![lamp("1", LampState::Early)]);
    let notify = office.notified();
    office.answer(&notify, 503, &[(HeaderName::RetryAfter, "10")]);
    office.pass(secs(9));
    assert!(office.notifies.is_empty());
    office.pass(secs(2));
    let again = office.notified();
    office.answer(&again, 500, &[]);
    office.pass(secs(31));
    assert!(text(&office.accepted()).contains("<state>early</state>"));
}

/// RFC 6665 §4.2.1.1 and §7.3; pbx trap 30.
#[test]
fn what_cannot_be_granted_is_refused_with_the_reason() {
    let mut office = Office::new();
    let mut check = |request: &Request, code: u16| {
        let response = office.ask(request);
        assert_eq!(response.status.code(), code);
        assert!(office.notifies.is_empty());
        response
    };
    let unknown = check(&subscribe("101", "x-weather", "a", 1, 60), 489);
    let allowed = unknown.headers.text(&HeaderName::AllowEvents);
    assert_eq!(allowed, Some("dialog, message-summary"));
    let mut none = subscribe("101", "dialog", "b", 1, 60);
    none.headers.remove(&HeaderName::Event);
    check(&none, 489);
    check(&subscribe("999", "dialog", "c", 1, 60), 404);
    check(&subscribe("101", "message-summary", "d", 1, 60), 403);
    let brief = check(&subscribe("101", "dialog", "e", 1, 5), 423);
    assert_eq!(brief.headers.min_expires(), Ok(Some(60)));
    let mut odd = subscribe("101", "dialog", "f", 1, 60);
    odd.headers.push(HeaderName::Accept, "text/plain");
    check(&odd, 406);
    let mut demanding = subscribe("101", "dialog", "g", 1, 60);
    demanding.headers.push(HeaderName::Require, "eventlist");
    let refused = check(&demanding, 420);
    assert_eq!(
        refused.headers.text(&HeaderName::Unsupported),
        Some("eventlist")
    );
    let long = office.ask(&subscribe("101", "dialog", "h", 1, 999_999));
    assert_eq!(long.headers.expires(), Some(3600));
}

/// RFC 3261 §12.2.2: a late SUBSCRIBE does not undo a newer one; pbx trap 18.
#[test]
fn subscribes_out_of_order_and_of_others_change_nothing() {
    let mut office = Office::new();
    let (_, mut again) = office.watch("101", "a");
    again.headers.set(HeaderName::CSeq, "9 SUBSCRIBE");
    assert_eq!(office.ask(&again).status, StatusCode::OK);
    office.accepted();
    again.headers.set(HeaderName::CSeq, "8 SUBSCRIBE");
    again.headers.set(HeaderName::Expires, "0");
    assert_eq!(office.ask(&again).status, StatusCode::SERVER_INTERNAL_ERROR);
    again.headers.set(HeaderName::CSeq, "10 SUBSCRIBE");
    again
        .headers
        .set(HeaderName::From, "<sip:100@10.0.0.1>;tag=other");
    assert_eq!(office.ask(&again).status, StatusCode::CALL_DOES_NOT_EXIST);
    assert!(!office.is_empty());
}

/// RFC 3842 §3: no messages until there are some.
#[test]
fn the_message_lamp_tells_of_the_own_mailbox() {
    let mut office = Office::new();
    let response = office.ask(&subscribe("100", "message-summary", "a", 1, 600));
    assert_eq!(response.status, StatusCode::OK);
    let none = office.accepted();
    assert_eq!(
        none.headers.content_type().as_deref(),
        Some("application/simple-message-summary")
    );
    assert!(text(&none).starts_with("Messages-Waiting: no\r\n"));
    let mailbox = Mailbox { new: 2, old: 1 };
    office
        .subscriptions
        .set_mailbox(&mut office.core, "100", mailbox);
    office.settle();
    let some = text(&office.accepted());
    assert!(some.starts_with("Messages-Waiting: yes\r\n"), "{some}");
    assert!(some.contains("Voice-Message: 2/1"), "{some}");
}

/// A group and a parking slot have lamps like an extension.
#[test]
fn groups_and_parking_slots_can_be_watched() {
    let mut office = Office::new();
    let slot = office.core.site.as_ref().and_then(|(_, site)| {
        let slot = site.parking.slots.first()?;
        Some(slot.as_str().to_owned())
    });
    let slot = slot.expect("a parking lot");
    office.watch(&slot, "a");
    office.configure(|raw| {
        raw.groups.push(ipc::site::Group {
            number: "600".to_owned(),
            members: vec![ipc::site::Member {
                extension: "101".to_owned(),
                delay_secs: 0,
            }],
            ..ipc::site::Group::default()
        });
    });
    office.watch("600", "b");
    assert_eq!(office.subscriptions.all.len(), 2);
}

/// RFC 6665 §4.1.3: what is no more.
#[test]
fn an_extension_that_is_deleted_is_watched_no_more() {
    let mut office = Office::new();
    office.watch("101", "a");
    office.configure(|raw| raw.extensions.retain(|it| it.number != "101"));
    let last = office.accepted();
    assert_eq!(
        state_of(&last),
        SubscriptionState::terminated(TerminationReason::NoResource)
    );
    assert!(office.is_empty());
    office.watch("102", "b");
    office.configure(|raw| raw.extensions.retain(|it| it.number != "100"));
    let last = office.accepted();
    assert_eq!(
        state_of(&last),
        SubscriptionState::terminated(TerminationReason::Rejected)
    );
}

/// Lamps go on working over a restart without the phone's doing.
#[test]
fn a_restart_goes_on_with_every_subscription_and_tells_everything() {
    let mut office = Office::new();
    let (first, mut again) = office.watch("101", "a");
    for (at, state) in [LampState::Early, LampState::Confirmed]
        .into_iter()
        .enumerate()
    {
        office.lamps(vec![lamp(&at.to_string(), state)]);
        office.accepted();
    }
    let last_cseq = first.headers.cseq().expect("CSeq").number + 2;
    let rows: Vec<_> = office.kept.into_iter().collect();
    assert_eq!(rows.len(), 1);
    let mut next = Office::new();
    next.kept = rows.iter().cloned().collect();
    next.subscriptions.restore(&mut next.core, &rows);
    next.configure(|_| ());
    next.lamps(vec![lamp("1", LampState::Confirmed)]);
    next.pass(secs(4));
    let mut told = next.notifies.remove(0);
    if let Some(second) = next.notifies.pop() {
        next.answer(&told, 200, &[]);
        told = second;
    }
    assert_eq!(told.0, flow(PHONE, None));
    assert!(told.1.headers.cseq().expect("CSeq").number > last_cseq);
    assert!(version(&told.1) > 2);
    assert!(text(&told.1).contains("<state>confirmed</state>"));
    assert_eq!(told.1.headers.call_id(), first.headers.call_id());
    next.answer(&told, 200, &[]);
    again.headers.set(HeaderName::CSeq, "7 SUBSCRIBE");
    assert_eq!(next.ask(&again).status, StatusCode::OK);
    next.accepted();
    // Rows that cannot be read are not kept for ever.
    let bad = [(CHECKPOINT_KEYS | 99, vec![1, 2, 3]), (5, vec![1])];
    next.kept.insert(CHECKPOINT_KEYS | 99, Vec::new());
    next.subscriptions.restore(&mut next.core, &bad);
    next.settle();
    assert!(!next.kept.contains_key(&(CHECKPOINT_KEYS | 99)));
}

/// CSeq numbers used after the last writing are not used again.
#[test]
fn numbers_are_reserved_in_advance() {
    let mut office = Office::new();
    office.watch("101", "a");
    for count in 0..300_u32 {
        office.lamps(vec![lamp(&count.to_string(), LampState::Early)]);
        office.accepted();
    }
    let (key, one) = office
        .subscriptions
        .all
        .first_key_value()
        .expect("a subscription");
    let row = office.kept.get(&(key | CHECKPOINT_KEYS)).expect("a row");
    let restored = row::load(office.core.now, row).expect("legible");
    assert!(restored.dialog.local_cseq > one.dialog.local_cseq);
    assert!(restored.version > one.version);
}

/// NOTIFY through the flow: without the connection nothing is sent, and the phone that comes back
/// is told everything; pbx trap 18.
#[test]
fn a_watcher_behind_a_lost_connection_is_told_when_it_registers_again() {
    let mut office = Office::new();
    let old = flow("10.0.0.2:40000", Some(8));
    let response = office.ask_on(old, &subscribe("101", "dialog", "a", 1, 600));
    assert_eq!(response.status, StatusCode::OK);
    office.accepted();
    office.lamps(vec![lamp("1", LampState::Early)]);
    office.notified();
    office.subscriptions.stream_closed(8);
    office
        .core
        .sip
        .handle(office.core.now, SipInput::FlowFailed(old));
    office.settle();
    office.lamps(vec![lamp("1", LampState::Confirmed)]);
    assert!(office.notifies.is_empty());
    let other = flow("10.0.0.3:41000", Some(9));
    office
        .subscriptions
        .registered(&mut office.core, "100", other);
    assert!(office.notifies.is_empty(), "another phone of the extension");
    let new = flow("10.0.0.2:41000", Some(10));
    office
        .subscriptions
        .registered(&mut office.core, "100", new);
    office.settle();
    let (way, told) = office.notified();
    assert_eq!(way, new);
    assert!(text(&told).contains("<state>confirmed</state>"));
}

#[test]
fn a_phone_that_restarted_has_its_lamp_once() {
    let mut office = Office::new();
    office.watch("101", "before");
    office.watch("101", "after");
    assert_eq!(office.subscriptions.all.len(), 1);
    office.lamps(vec![lamp("1", LampState::Early)]);
    assert_eq!(office.accepted().headers.call_id(), Ok("after"));
}

#[test]
fn one_extension_cannot_take_every_subscription() {
    let mut office = Office::new();
    for count in 0..=SUBSCRIPTIONS_PER_WATCHER_MAX {
        let mut request = subscribe("101", "dialog", &format!("call-{count}"), 1, 600);
        let contact = format!("<sip:line{count}@10.0.0.2>");
        request.headers.set(HeaderName::Contact, contact);
        let response = office.ask(&request);
        if count == SUBSCRIPTIONS_PER_WATCHER_MAX {
            assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE);
            assert!(response.headers.retry_after().is_ok_and(|it| it.is_some()));
        } else {
            assert_eq!(response.status, StatusCode::OK);
            office.accepted();
        }
    }
}

/// The memory where calls are kept is small, and calls come first.
#[test]
fn no_more_subscriptions_are_kept_than_leave_room_for_calls() {
    let mut office = Office::new();
    let (_, again) = office.watch("101", "first");
    office.subscriptions.kept = KEPT_MAX;
    office.watch("102", "second");
    assert_eq!(office.kept.len(), 1, "it works, and is not kept");
    let mut end = again;
    end.headers.set(HeaderName::Expires, "0");
    office.ask(&end);
    office.accepted();
    assert_eq!(office.kept.len(), 0);
    office.watch("103", "third");
    assert_eq!(office.kept.len(), 1, "there is room again");
}

/// Who may know is the watched one's to say; his own phones always may.
#[test]
fn an_extension_is_watched_by_whom_its_settings_let() {
    use ipc::site::Watchers;
    let set = |watchers: Watchers, group: &'static str| {
        move |raw: &mut ipc::site::Site| {
            for extension in &mut raw.extensions {
                let settings = &mut extension.settings;
                settings.watchers = watchers;
                if extension.number != "102" {
                    settings.pickup_group = group.to_owned();
                }
            }
        }
    };
    let mut count = 0;
    let mut check = |watchers, group, watched, expected: u16| {
        let mut office = Office::new();
        office.configure(set(watchers, group));
        count += 1;
        let call_id = format!("call-{count}");
        let status = office.ask(&subscribe(watched, "dialog", &call_id, 1, 600));
        assert_eq!(
            status.status.code(),
            expected,
            "{watchers:?} {group} {watched}"
        );
    };
    check(Watchers::Everybody, "", "101", 200);
    check(Watchers::PickupGroup, "sales", "101", 200);
    check(Watchers::PickupGroup, "sales", "102", 403);
    check(Watchers::PickupGroup, "", "101", 403);
    check(Watchers::Nobody, "sales", "101", 403);
    check(Watchers::Nobody, "", "100", 200);
}

#[test]
fn who_may_not_watch_any_more_is_told_so() {
    let mut office = Office::new();
    office.watch("101", "a");
    office.configure(|raw| {
        for extension in &mut raw.extensions {
            extension.settings.watchers = ipc::site::Watchers::Nobody;
        }
    });
    let last = office.accepted();
    assert_eq!(state_of(&last).to_string(), "terminated;reason=rejected");
    assert!(office.is_empty());
}

/// RFC 4235 §6: with whom somebody talks is for those who could take the call.
#[test]
fn only_the_pickup_group_is_told_who_calls() {
    for group in ["", "sales"] {
        let mut office = Office::new();
        office.configure(|raw| {
            for extension in &mut raw.extensions {
                extension.settings.pickup_group = group.to_owned();
            }
        });
        office.watch("101", "a");
        office.lamps(vec![lamp("7", LampState::Early)]);
        let told = text(&office.accepted());
        assert!(told.contains("<state>early</state>"), "{told}");
        assert_eq!(told.contains("sip:102@"), !group.is_empty());
        assert_eq!(told.contains("call-7"), !group.is_empty());
    }
}
