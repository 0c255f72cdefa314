use super::*;

fn qualified(trunk: RawTrunk) -> RawTrunk {
    RawTrunk {
        qualify_secs: 60,
        ..trunk
    }
}

fn office() -> RawTrunk {
    peer("office", "192.0.2.1", &["192.0.2.0/24"])
}

fn options(carrier: &mut Carrier) -> Vec<(Flow, Request)> {
    carrier.take(&Method::Options)
}

/// pbx trap 22.
#[test]
fn a_trunk_is_asked_whether_it_is_there_and_any_answer_will_do() {
    let mut carrier = Carrier::at(qualified(office()), &[hop(1)]);
    for code in [200, 404, 401, 405] {
        let asked = options(&mut carrier);
        let [request] = &*asked else {
            panic!("{asked:?}")
        };
        carrier.answer(request, code, &[]);
        assert_eq!(carrier.state(), (true, "in service".to_owned()), "{code}");
        carrier.pass(secs(60));
    }
}

/// One lost datagram moves no calls; two in a row do, and two answers bring it back.
#[test]
fn a_trunk_goes_down_and_comes_up_with_hysteresis() {
    let mut carrier = Carrier::at(qualified(office()), &[hop(1)]);
    carrier.pass(secs(9));
    assert!(carrier.state().0, "one probe was lost");
    carrier.pass(secs(15));
    assert_eq!(carrier.state(), (false, "no answer".to_owned()));
    let told: Vec<_> = carrier
        .events
        .iter()
        .filter_map(|event| match event {
            Event::TrunkUp { .. } => Some(true),
            Event::TrunkDown { .. } => Some(false),
            _ => None,
        })
        .collect();
    assert_eq!(told, [true, false]);
    options(&mut carrier);
    carrier.pass(secs(62));
    for up in [false, true] {
        let asked = options(&mut carrier);
        carrier.answer(asked.last().expect("a probe"), 200, &[]);
        assert_eq!(carrier.state().0, up);
        carrier.pass(secs(6));
    }
}

/// RFC 3263 §4.3, pbx trap 23.
#[test]
fn calls_go_round_a_way_that_is_down_and_return_to_it() {
    let mut carrier = Carrier::at(qualified(office()), &[hop(1), hop(2)]);
    let mut turn = |dead: bool, time| {
        for _ in 0..time {
            for request in options(&mut carrier) {
                if !(dead && request.0.remote == hop(1).remote) {
                    carrier.answer(&request, 200, &[]);
                }
            }
            carrier.pass(secs(1));
        }
        let line = carrier.trunks.line("office").expect("the trunk");
        line.ways(carrier.core.now, false)
    };
    assert_eq!(turn(true, 10), [hop(1), hop(2)]);
    assert_eq!(turn(true, 15), [hop(2)]);
    assert_eq!(turn(false, 58), [hop(2)], "asked once so far");
    assert_eq!(turn(false, 12), [hop(1), hop(2)]);
}

#[test]
fn a_way_that_refused_a_call_is_tried_last_for_a_while() {
    let mut carrier = Carrier::at(office(), &[hop(1), hop(2)]);
    carrier
        .trunks
        .hop_failed(&mut carrier.core, "office", hop(1));
    let ways = |carrier: &Carrier| {
        let line = carrier.trunks.line("office").expect("the trunk");
        line.ways(carrier.core.now, false)
    };
    assert_eq!(ways(&carrier), [hop(2), hop(1)]);
    carrier.pass(secs(61));
    assert_eq!(ways(&carrier), [hop(1), hop(2)]);
}

/// pbx trap 23: DNS change while registered.
#[test]
fn a_carrier_that_moves_is_registered_with_anew() {
    let mut carrier = Carrier::new(vec![registering()]);
    carrier.resolve(&[hop(1)], 60);
    let first = carrier.register();
    carrier.accept(&first);
    carrier.pass(secs(61));
    assert_eq!(carrier.questions().len(), 2, "asked again by TTL");
    carrier.resolve(&[hop(1)], 60);
    carrier.no_register();
    carrier.pass(secs(61));
    carrier.resolve(&[hop(7)], 60);
    let moved = carrier.register();
    assert_eq!(moved.0.remote, hop(7).remote);
    carrier.accept(&moved);
    // Our own address changed: the Contact is wrong now.
    carrier.pass(secs(61));
    let mut renumbered = hop(7);
    renumbered.local = ([10, 0, 0, 99], 5060).into();
    carrier.resolve(&[renumbered], 60);
    let moved = carrier.register();
    let contact = moved.1.headers.text(&HeaderName::Contact).expect("Contact");
    assert!(contact.contains("@10.0.0.99:5060"), "{contact}");
}

#[test]
fn a_name_server_that_fails_stops_nothing() {
    let mut carrier = Carrier::new(vec![office()]);
    assert_eq!(
        carrier.state(),
        (false, "looking for the server".to_owned())
    );
    carrier.pass(secs(31));
    assert_eq!(carrier.questions().len(), 2, "no answer at all");
    carrier.resolve(&[], 60);
    assert_eq!(
        carrier.state(),
        (false, "the server's name has no address".to_owned())
    );
    carrier.pass(secs(6));
    carrier.resolve(&[hop(1)], 60);
    assert!(carrier.state().0);
    carrier.pass(secs(61));
    carrier.resolve(&[], 60);
    assert!(carrier.state().0);
}

/// RFC 5923: one connection, whatever is sent; and a new one when it is gone.
#[test]
fn a_connection_is_shared_and_its_end_is_the_end_of_the_registration_by_it() {
    let mut carrier = Carrier::at(qualified(registering()), &[tcp(1)]);
    let connects = |carrier: &Carrier| {
        let connects = carrier
            .outputs
            .iter()
            .filter(|it| matches!(it, Output::Connect { .. }));
        connects.count()
    };
    assert_eq!(connects(&carrier), 1);
    let first = carrier.register();
    let probe = options(&mut carrier).remove(0);
    assert_eq!(first.0, probe.0);
    let contact = first.1.headers.text(&HeaderName::Contact).expect("Contact");
    assert!(contact.contains(";transport=tcp;line="), "{contact}");
    carrier.answer(&probe, 200, &[]);
    carrier.accept(&first);
    let stream = first.0.stream.expect("a connection");
    carrier.core.connections.closed(first.0);
    carrier.trunks.stream_closed(&mut carrier.core, stream);
    carrier.settle();
    assert_eq!(connects(&carrier), 2);
    let again = carrier.register();
    assert_ne!(again.0.stream, first.0.stream);
}

#[test]
fn a_connection_that_cannot_be_made_is_the_next_ways_turn() {
    let mut carrier = Carrier::at(registering(), &[tcp(1), tcp(2)]);
    let (flow, _) = carrier.register();
    carrier.core.connections.closed(flow);
    carrier
        .core
        .sip
        .handle(carrier.core.now, SipInput::FlowFailed(flow));
    carrier.settle();
    assert_eq!(carrier.register().0.remote, tcp(2).remote);
}

/// RFC 5626 §4.4: calls come in by the way we registered, through whatever router there is.
#[test]
fn the_way_in_is_kept_open_while_we_are_registered() {
    let keep_alives = |carrier: &Carrier| {
        let sent = carrier.outputs.iter().filter_map(|output| match output {
            Output::Transmit { flow, bytes } if bytes == b"\r\n\r\n" => Some(flow.remote),
            _ => None,
        });
        sent.collect::<Vec<_>>()
    };
    let mut carrier = Carrier::at(registering(), &[hop(1)]);
    carrier.pass(secs(20));
    assert_eq!(keep_alives(&carrier), [], "not registered yet");
    let first = carrier.register();
    carrier.accept(&first);
    carrier.pass(secs(80));
    assert_eq!(keep_alives(&carrier), [hop(1).remote; 3]);
    let mut carrier = Carrier::at(registering(), &[tcp(1)]);
    let first = carrier.register();
    carrier.accept(&first);
    carrier.pass(secs(100));
    assert_eq!(keep_alives(&carrier).len(), 1);
}

#[test]
fn a_trunk_that_is_switched_off_does_nothing() {
    let mut trunk = registering();
    trunk.enabled = false;
    let mut carrier = Carrier::new(vec![trunk]);
    carrier.pass(secs(1000));
    assert!(carrier.requests.is_empty() && carrier.questions().is_empty());
    assert_eq!(carrier.state(), (false, "not enabled".to_owned()));
}
