use sansio::Transport;
use sip::NameAddr;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn flow(port: u16, stream: Option<StreamId>) -> Flow {
    let local = ([10, 0, 0, 1], 5060).into();
    let transport = if stream.is_some() {
        Transport::Tcp
    } else {
        Transport::Udp
    };
    Flow {
        transport,
        local,
        remote: ([10, 0, 0, 2], port).into(),
        stream,
    }
}

fn source(call_id: &str, cseq: u32) -> Source {
    let user_agent = "phone".to_owned();
    Source {
        flow: flow(5060, None),
        path: Vec::new(),
        call_id: call_id.to_owned(),
        cseq,
        user_agent,
    }
}

fn update(contact: &str, lifetime: Duration) -> Update {
    let contact = NameAddr::parse(contact.as_bytes()).expect("a contact");
    Update {
        contact,
        reg_id: None,
        lifetime,
    }
}

fn at(secs: u64) -> Instant {
    Instant::ORIGIN + Duration::from_secs(secs)
}

fn contacts(registrar: &Registrar) -> Vec<String> {
    registrar
        .bindings("100")
        .iter()
        .map(|binding| binding.uri.to_string())
        .collect()
}

#[test]
fn a_refresh_replaces_and_an_old_request_changes_nothing() {
    let mut registrar = Registrar::default();
    let one = [update("<sip:a@10.0.0.2>", MINUTE)];
    let changes = registrar
        .update(at(0), "100", 5, &one, &source("x", 5))
        .expect("new");
    assert_eq!(changes.len(), 1);
    assert_eq!(
        registrar.update(at(30), "100", 5, &one, &source("x", 6)),
        Ok(vec![])
    );
    assert_eq!(
        registrar.update(at(31), "100", 5, &one, &source("x", 6)),
        Err(Refusal::OutOfOrder)
    );
    let both = [
        update("<sip:b@10.0.0.2>", MINUTE),
        update("<sip:a@10.0.0.2>", MINUTE),
    ];
    assert_eq!(
        registrar.update(at(31), "100", 5, &both, &source("x", 4)),
        Err(Refusal::OutOfOrder)
    );
    assert_eq!(
        contacts(&registrar),
        ["sip:a@10.0.0.2"],
        "all of a request or nothing"
    );
    // A phone that restarted has a new Call-ID and may start counting again.
    assert_eq!(
        registrar.update(at(32), "100", 5, &one, &source("y", 1)),
        Ok(vec![])
    );
}

#[test]
fn contacts_expire_by_the_clock_that_never_jumps() {
    let mut registrar = Registrar::default();
    let one = [update("<sip:a@10.0.0.2>", MINUTE)];
    registrar
        .update(at(0), "100", 5, &one, &source("x", 1))
        .expect("new");
    registrar
        .update(at(30), "100", 5, &one, &source("x", 2))
        .expect("refresh");
    assert!(registrar.expire(at(60)).is_empty());
    assert_eq!(registrar.expire(at(90)).len(), 1);
    assert_eq!(registrar.deadline(), None);
    assert_eq!(registrar.count, 0);
}

#[test]
fn a_phone_with_an_instance_keeps_one_contact_when_it_moves() {
    let mut registrar = Registrar::default();
    let instance = ";+sip.instance=\"<urn:uuid:1>\"";
    let home = [update(&format!("<sip:a@10.0.0.2>{instance}"), MINUTE)];
    let away = [update(&format!("<sip:a@10.0.0.3>{instance}"), MINUTE)];
    registrar
        .update(at(0), "100", 5, &home, &source("x", 1))
        .expect("new");
    assert_eq!(
        registrar.update(at(1), "100", 5, &away, &source("x", 2)),
        Ok(vec![])
    );
    assert_eq!(contacts(&registrar), ["sip:a@10.0.0.3"]);
}

#[test]
fn the_contact_longest_silent_makes_room() {
    let mut registrar = Registrar::default();
    for port in 0..=5_u16 {
        let one = [update(&format!("<sip:a@10.0.0.2:{}>", 1000 + port), MINUTE)];
        let source = source(&format!("call-{port}"), 1);
        registrar
            .update(at(port.into()), "100", 5, &one, &source)
            .expect("room is made");
    }
    assert_eq!(registrar.bindings("100").len(), 5);
    assert!(!contacts(&registrar).contains(&"sip:a@10.0.0.2:1000".to_owned()));
}

#[test]
fn a_zero_lifetime_and_a_star_take_contacts_away() {
    let mut registrar = Registrar::default();
    let two = [
        update("<sip:a@10.0.0.2>", MINUTE),
        update("<sip:b@10.0.0.2>", MINUTE),
    ];
    registrar
        .update(at(0), "100", 5, &two, &source("x", 1))
        .expect("new");
    let gone = [update("<sip:a@10.0.0.2>", Duration::ZERO)];
    assert_eq!(
        registrar
            .update(at(1), "100", 5, &gone, &source("x", 2))
            .map(|c| c.len()),
        Ok(1)
    );
    assert_eq!(
        registrar.remove_all("100", &source("x", 1)),
        Err(Refusal::OutOfOrder)
    );
    assert_eq!(
        registrar
            .remove_all("100", &source("x", 3))
            .map(|c| c.len()),
        Ok(1)
    );
    assert!(contacts(&registrar).is_empty());
}

#[test]
fn a_closed_connection_takes_its_contacts_with_it() {
    let mut registrar = Registrar::default();
    let by_tcp = Source {
        flow: flow(40_000, Some(7)),
        ..source("x", 1)
    };
    let (tcp, udp) = ([update("<sip:t@a>", MINUTE)], [update("<sip:u@a>", MINUTE)]);
    registrar
        .update(at(0), "100", 5, &tcp, &by_tcp)
        .expect("new");
    registrar
        .update(at(0), "100", 5, &udp, &source("y", 1))
        .expect("new");
    assert!(registrar.close_stream(8).is_empty());
    assert_eq!(registrar.close_stream(7).len(), 1);
    assert_eq!(contacts(&registrar), ["sip:u@a"]);
}

#[test]
fn what_was_kept_comes_back_less_the_time_away() {
    let mut registrar = Registrar::default();
    let by_tcp = Source {
        flow: flow(40_000, Some(7)),
        ..source("x", 1)
    };
    registrar
        .update(at(0), "100", 5, &[update("<sip:t@a>", MINUTE)], &by_tcp)
        .expect("new");
    registrar
        .update(
            at(0),
            "100",
            5,
            &[update("<sip:u@a>", MINUTE)],
            &source("y", 4),
        )
        .expect("new");
    let kept = registrar.save(at(10), UnixTime::from_millis(1_000_000));
    assert_eq!(kept.len(), 2);
    let back = |wall| {
        let mut registrar = Registrar::default();
        let none = BTreeMap::new();
        registrar.restore(at(0), UnixTime::from_millis(wall), &kept, &none);
        let uris = contacts(&registrar);
        (
            uris,
            registrar
                .deadline()
                .map(|at| (at - Instant::ORIGIN).as_secs()),
        )
    };
    // Connections end with the process; and a clock that went back proves no time has passed.
    assert_eq!(back(1_020_000), (vec!["sip:u@a".to_owned()], Some(30)));
    assert_eq!(back(0), (vec!["sip:u@a".to_owned()], Some(60)));
    assert_eq!(back(1_060_000), (vec![], None));
}

#[test]
fn a_contact_that_was_not_registered_again_is_kept_as_it_was() {
    let mut registrar = Registrar::default();
    let minute = |uri| [update(uri, MINUTE)];
    let mut register = |seconds, number, uri, cseq| {
        let source = source("x", cseq);
        let done = registrar.update(at(seconds), number, 5, &minute(uri), &source);
        done.expect("taken");
        // The wall clock is some milliseconds off now and then.
        let wall =
            UnixTime::from_millis(1_000_000_000 + i64::try_from(seconds * 1003).expect("few"));
        registrar.save(at(seconds), wall)
    };
    register(0, "100", "<sip:a@a>", 1);
    let before = register(10, "200", "<sip:b@a>", 1);
    let after = register(20, "200", "<sip:b@a>", 2);
    assert_eq!(before.first(), after.first(), "a refresh of another");
    assert_ne!(before.last(), after.last());

    let mut next = Registrar::default();
    let wall = UnixTime::from_millis(1_000_030_000);
    next.restore(at(5), wall, &after, &BTreeMap::new());
    let again = next.save(at(6), UnixTime::from_millis(1_000_031_000));
    assert_eq!(again, after, "a restart");
}
