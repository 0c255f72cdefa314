use super::*;

const TRANSACTION: TransactionId = TransactionId([
    0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae,
]);

/// RFC 5769 §2.1: USERNAME, PRIORITY, ICE-CONTROLLED, MESSAGE-INTEGRITY and FINGERPRINT.
const SAMPLE_REQUEST: &[u8] = b"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\
\xfa\x87\xdf\xae\x80\x22\x00\x10STUN test client\x00\x24\x00\x04\x6e\x00\x01\xff\
\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\x00\x06\x00\x09\x65\x76\x74\x6a\x3a\x68\x36\x76\
\x59\x20\x20\x20\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\
\xc1\xb5\x71\xa2\x80\x28\x00\x04\xe5\x7a\x3b\xcf";

/// RFC 5769 §2.2: the answer over IPv4, 192.0.2.1 port 32853.
const SAMPLE_IPV4: &[u8] = b"\x01\x01\x00\x3c\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\
\xfa\x87\xdf\xae\x80\x22\x00\x0b\x74\x65\x73\x74\x20\x76\x65\x63\x74\x6f\x72\x20\
\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43\x00\x08\x00\x14\x2b\x91\xf5\x99\xfd\x9e\x90\xc3\
\x8c\x74\x89\xf9\x2a\xf9\xba\x53\xf0\x6b\xe7\xd7\x80\x28\x00\x04\xc0\x7d\x4c\x96";

/// RFC 5769 §2.3: the answer over IPv6, 2001:db8:1234:5678:11:2233:4455:6677 port 32853.
const SAMPLE_IPV6: &[u8] = b"\x01\x01\x00\x48\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\
\xfa\x87\xdf\xae\x80\x22\x00\x0b\x74\x65\x73\x74\x20\x76\x65\x63\x74\x6f\x72\x20\
\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9\
\x00\x08\x00\x14\xa3\x82\x95\x4e\x4b\xe6\x7b\xf1\x17\x84\xc9\x7c\x82\x92\xc2\x75\xbf\xe3\xed\x41\
\x80\x28\x00\x04\xc8\xfb\x0b\x4c";

fn source() -> SocketAddr {
    "192.0.2.1:32853".parse().expect("an address")
}

fn request(attributes: Vec<Attribute>, fingerprint: bool) -> Message {
    Message {
        class: Class::Request,
        method: BINDING,
        transaction: TRANSACTION,
        attributes,
        fingerprint,
    }
}

#[test]
fn the_vectors_of_rfc_5769_are_read() {
    let read = Message::parse(SAMPLE_REQUEST).expect("legible");
    assert_eq!((read.class, read.method), (Class::Request, BINDING));
    assert!(read.fingerprint);
    assert_eq!(read.unknown_required().collect::<Vec<_>>(), [0x0024]);
    assert_eq!(mapped_address(SAMPLE_IPV4, TRANSACTION), Ok(source()));
    let six = "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse();
    assert_eq!(
        mapped_address(SAMPLE_IPV6, TRANSACTION),
        Ok(six.expect("an address"))
    );
}

#[test]
fn a_keep_alive_is_answered_with_its_source() {
    // pbx trap 22; RFC 5626 §3.5.2.
    for address in ["192.0.2.1:32853", "[2001:db8::1]:5060"] {
        let address: SocketAddr = address.parse().expect("an address");
        let bytes = request(Vec::new(), false).to_bytes();
        assert_eq!(bytes.len(), 20);
        let answer = answer(&bytes, address).expect("an answer");
        assert_eq!(mapped_address(&answer, TRANSACTION), Ok(address));
        assert!(!Message::parse(&answer).expect("legible").fingerprint);
        assert!(answer.len() <= bytes.len() + 36);
    }
}

#[test]
fn a_fingerprint_is_answered_with_one() {
    let answer = answer(&binding_request(TRANSACTION), source()).expect("an answer");
    assert!(Message::parse(&answer).expect("legible").fingerprint);
    assert_eq!(mapped_address(&answer, TRANSACTION), Ok(source()));
}

#[test]
fn an_attribute_that_must_be_understood_is_named_in_a_420() {
    // RFC 8489 §6.3.1 and §14.9.
    let answer = answer(SAMPLE_REQUEST, source()).expect("an answer");
    let read = Message::parse(&answer).expect("legible");
    assert_eq!((read.class, read.error_code()), (Class::Error, Some(420)));
    let named = Attribute::UnknownAttributes(vec![0x0024]);
    assert!(read.attributes.contains(&named), "{read:?}");
    assert_eq!(
        mapped_address(&answer, TRANSACTION),
        Err(Fault::Refused(420))
    );
}

#[test]
fn what_nobody_has_to_understand_is_passed_over() {
    let known = |kind| Attribute::Other {
        kind,
        value: vec![1, 2, 3],
    };
    let software = Attribute::Software("phone".into());
    let bytes = request(vec![software, known(0x8023), known(0x0006)], true).to_bytes();
    let answer = answer(&bytes, source()).expect("an answer");
    assert_eq!(mapped_address(&answer, TRANSACTION), Ok(source()));
}

#[test]
fn what_is_no_binding_request_gets_silence() {
    let class = |class| Message {
        class,
        ..request(Vec::new(), false)
    };
    for message in [
        class(Class::Indication),
        class(Class::Success),
        class(Class::Error),
        Message {
            method: 0x003,
            ..request(Vec::new(), false)
        },
    ] {
        assert_eq!(Message::parse(&message.to_bytes()), Ok(message.clone()));
        assert_eq!(answer(&message.to_bytes(), source()), None);
    }
    assert_eq!(answer(b"OPTIONS sip:a@b SIP/2.0\r\n\r\n", source()), None);
}

#[test]
fn a_damaged_message_is_a_fault() {
    let check = |at: usize, byte: u8, fault| {
        let mut bytes = SAMPLE_IPV4.to_vec();
        *bytes.get_mut(at).expect("within") = byte;
        assert_eq!(Message::parse(&bytes), Err(fault), "byte {at}");
    };
    check(0, 0x81, Fault::NotStun);
    check(5, 0, Fault::NotStun);
    check(3, 0x38, Fault::Length);
    check(12, 0, Fault::Fingerprint);
    check(23, 0xff, Fault::Attribute);
    check(37, 9, Fault::Attribute);
    assert_eq!(Message::parse(&[]), Err(Fault::NotStun));
    let short = SAMPLE_IPV4.get(..12).expect("within");
    assert_eq!(Message::parse(short), Err(Fault::Length));
    let other = TransactionId([0; 12]);
    assert_eq!(mapped_address(SAMPLE_IPV4, other), Err(Fault::Stray));
}

#[test]
fn what_follows_the_integrity_does_not_count() {
    // RFC 8489 §14.5.
    let integrity = Attribute::Other {
        kind: 0x0008,
        value: vec![0; 20],
    };
    let late = Attribute::XorMappedAddress(source());
    let message = Message {
        class: Class::Success,
        ..request(vec![integrity, late], true)
    };
    assert_eq!(
        mapped_address(&message.to_bytes(), TRANSACTION),
        Err(Fault::NoAddress)
    );
}

#[test]
fn there_is_a_most_of_attributes() {
    let many = vec![Attribute::Software(String::new()); 65];
    let bytes = request(many, false).to_bytes();
    assert_eq!(Message::parse(&bytes), Err(Fault::Attribute));
    let unknown = |kind| Attribute::Other {
        kind,
        value: Vec::new(),
    };
    let bytes = request((0x2000..0x2020).map(unknown).collect(), false).to_bytes();
    let refusal = answer(&bytes, source()).expect("an answer");
    assert!(refusal.len() < bytes.len());
}

#[test]
fn stun_and_sip_are_told_apart_by_their_first_bytes() {
    assert!(is_stun(SAMPLE_REQUEST));
    assert!(!is_stun(b"\0\0\0\0"));
    assert!(!is_stun(b"OPTI\x21\x12\xa4\x42"));
    assert!(!is_stun(b""));
}
