//! Messages that are wrong: answered where that is possible, dropped where it is not.

use sip::{Contacts, FaultKind, HeaderFault, HeaderName, StatusCode, Uri};

use crate::{ADDRESSES, SDP, around, check_answered, check_dropped, fault, request, wire};

/// RFC 4475 §3.1.2.1 (badinv01).
#[test]
fn a_via_with_stray_separators_is_answered_400() {
    let bytes = wire(
        "INVITE sip:user@example.com SIP/2.0
To: sip:j.user@example.com
From: sip:caller@example.net;tag=134161461246
Max-Forwards: 7
Call-ID: badinv01.0ha0isndaksdjasdf3234nas
CSeq: 8 INVITE
Via: SIP/2.0/UDP 192.0.2.15;;,;,,
Contact: \"Joe\" <sip:joe@example.org>;;;;
Content-Length: 0

",
    );
    let kind = check_answered(&bytes, StatusCode::BAD_REQUEST);
    assert_eq!(kind, HeaderFault::Malformed(HeaderName::Via).into());
}

/// RFC 4475 §3.1.2.2 (clerr) and §3.1.2.3 (ncl).
#[test]
fn a_content_length_beyond_the_datagram_or_below_zero_is_answered_400() {
    for length in ["9999", "-999", "", "1 2", "99999999999999999999999999"] {
        let fields = format!("{ADDRESSES}\nCSeq: 8 INVITE\nContent-Length: {length}");
        let bytes = [
            around("INVITE sip:user@example.com SIP/2.0", &fields),
            SDP.into(),
        ]
        .concat();
        let kind = check_answered(&bytes, StatusCode::BAD_REQUEST);
        assert_eq!(kind, FaultKind::ContentLength, "{length}");
    }
}

/// RFC 4475 §3.1.2.4 (scalar02) and §3.1.2.5 (scalarlg).
#[test]
fn numbers_out_of_range_are_answered_400_or_read_as_the_largest() {
    let check = |fields: &str, name: HeaderName| {
        let bytes = around("REGISTER sip:example.com SIP/2.0", fields);
        let kind = check_answered(&bytes, StatusCode::BAD_REQUEST);
        assert_eq!(kind, HeaderFault::Malformed(name).into());
    };
    check(
        &format!("{ADDRESSES}\nCSeq: 36893488147419103232 REGISTER"),
        HeaderName::CSeq,
    );
    check(
        &format!("{ADDRESSES}\nCSeq: 2147483648 REGISTER"),
        HeaderName::CSeq,
    );
    let hops = wire(&format!(
        "REGISTER sip:example.com SIP/2.0
Via: SIP/2.0/TCP host129.example.com;branch=z9hG4bK342sdfoi3
{ADDRESSES}
CSeq: 1 REGISTER
Call-ID: scalar02.23o0pd9vanlq3wnrlnewofjas9ui32
Max-Forwards: 300
l: 0

"
    ));
    check_answered(&hops, StatusCode::BAD_REQUEST);
    let long = around(
        "REGISTER sip:example.com SIP/2.0",
        &format!(
            "{ADDRESSES}\nCSeq: 1 REGISTER\nExpires: 1{}
Contact: <sip:user@host129.example.com>;expires=280297596632815",
            "0".repeat(100)
        ),
    );
    let request = request(&long);
    assert_eq!(request.headers.expires(), Some(u32::MAX));
    let Ok(Contacts::List(contacts)) = request.headers.contacts() else {
        panic!("contacts")
    };
    assert_eq!(contacts[0].expires(), Some(u32::MAX));
    let fields = format!("{ADDRESSES}\nCSeq: 9292394834772304023312 OPTIONS");
    check_dropped(&around("SIP/2.0 503 Service Unavailable", &fields));
}

/// RFC 4475 §3.1.2.6 (quotbal), §3.1.2.14 (badaspec), §3.1.2.15 (baddn).
#[test]
fn an_address_that_cannot_be_read_is_answered_400() {
    let check = |to: &str| {
        let fields = format!("To: {to}\nFrom: <sip:a@b.example>;tag=x\nCSeq: 8 INVITE");
        let bytes = around("INVITE sip:user@example.com SIP/2.0", &fields);
        let kind = check_answered(&bytes, StatusCode::BAD_REQUEST);
        assert_eq!(kind, HeaderFault::Malformed(HeaderName::To).into(), "{to}");
    };
    check("\"Mr. J. User <sip:j.user@example.com>");
    check("\"Watson, Thomas\" < sip:t.watson@example.org >");
    check("Bell, Alexander <sip:a.g.bell@example.com>");
    check("<sip:j.user@example.com");
    check("\"J\" sip:j.user@example.com");
    check("");
}

/// RFC 4475 §3.1.2.7 (ltgtruri), §3.1.2.8 (lwsruri), §3.1.2.9 (lwsstart), §3.1.2.10 (trws).
#[test]
fn a_request_line_with_brackets_or_extra_blanks_is_answered_400() {
    let check = |start: &str| {
        let bytes = around(start, &format!("{ADDRESSES}\nCSeq: 8 INVITE"));
        check_answered(&bytes, StatusCode::BAD_REQUEST);
    };
    check("INVITE <sip:user@example.com> SIP/2.0");
    check("INVITE sip:user@example.com; lr SIP/2.0");
    check("INVITE  sip:user@example.com  SIP/2.0");
    check("INVITE sip:remote-target@example.com SIP/2.0  ");
    check("INVITE  SIP/2.0");
}

/// RFC 4475 §3.1.2.13 (regbadct).
#[test]
fn a_contact_with_headers_needs_angle_brackets() {
    let fields = format!(
        "{ADDRESSES}\nCSeq: 8 REGISTER\n\
         Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E"
    );
    let request = request(&around("REGISTER sip:example.com SIP/2.0", &fields));
    assert_eq!(
        request.headers.contacts(),
        Err(HeaderFault::Malformed(HeaderName::Contact))
    );
}

/// RFC 4475 §3.1.2.12 (baddate).
#[test]
fn a_date_in_another_zone_is_nobodys_business() {
    let fields = format!("{ADDRESSES}\nCSeq: 8 INVITE\nDate: Fri, 01 Jan 2010 16:00:00 EST");
    request(&around("INVITE sip:user@example.com SIP/2.0", &fields));
}

/// RFC 4475 §3.1.2.16 (badvers).
#[test]
fn another_version_is_answered_505() {
    let bytes = around(
        "OPTIONS sip:t.watson@example.org SIP/7.0",
        &format!("{ADDRESSES}\nCSeq: 8 OPTIONS"),
    );
    let kind = check_answered(&bytes, StatusCode::VERSION_NOT_SUPPORTED);
    assert_eq!(kind, FaultKind::Version);
    // As the RFC has it: the Via is of that version too, and is copied as it came.
    let bytes = wire(
        "OPTIONS sip:t.watson@example.org SIP/7.0
Via:     SIP/7.0/UDP c.example.com;branch=z9hG4bKkdjuw
Max-Forwards:     70
From:    A. Bell <sip:a.g.bell@example.com>;tag=qweoiqpe
To:      T. Watson <sip:t.watson@example.org>
Call-ID: badvers.31417@c.example.com
CSeq:    1 OPTIONS
l: 0

",
    );
    let source = "192.0.2.99:5060".parse().expect("an address");
    let response = fault(&bytes).response(source, "ours").expect("an answer");
    assert_eq!(response.status, StatusCode::VERSION_NOT_SUPPORTED);
    assert_eq!(
        response.headers.first(&HeaderName::Via),
        Some(&b"SIP/7.0/UDP c.example.com;branch=z9hG4bKkdjuw"[..])
    );
}

/// RFC 4475 §3.1.2.17 (mismatch01) and §3.1.2.18 (mismatch02).
#[test]
fn a_cseq_of_another_method_is_answered_400() {
    for start in [
        "OPTIONS sip:user@example.com SIP/2.0",
        "NEWMETHOD sip:user@example.com SIP/2.0",
    ] {
        let bytes = around(start, &format!("{ADDRESSES}\nCSeq: 8 INVITE"));
        let kind = check_answered(&bytes, StatusCode::BAD_REQUEST);
        assert_eq!(kind, FaultKind::MethodMismatch);
    }
}

/// RFC 4475 §3.1.2.19 (bigcode).
#[test]
fn a_response_with_a_huge_status_is_dropped() {
    let fields = format!("{ADDRESSES}\nCSeq: 8 INVITE");
    check_dropped(&around(
        "SIP/2.0 4294967301 better not break the receiver",
        &fields,
    ));
    check_dropped(&around("SIP/2.0 99 no such class", &fields));
    check_dropped(&around("SIP/3.0 200 OK", &fields));
}

/// RFC 4475 §3.3.1 (insuf).
#[test]
fn a_request_without_what_an_answer_needs_is_dropped() {
    let bytes = wire(
        "INVITE sip:user@example.com SIP/2.0
CSeq: 193942 INVITE
Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf
Content-Length: 0

",
    );
    check_dropped(&bytes);
    assert_eq!(
        fault(&bytes).kind,
        HeaderFault::Missing(HeaderName::From).into()
    );
}

/// RFC 4475 §3.3.2 (unkscm), §3.3.3 (novelsc), §3.3.4 (unksm2).
#[test]
fn unknown_uri_schemes_are_read_so_that_they_can_be_answered_416() {
    for uri in [
        "nobodyKnowsThisScheme:totallyopaquecontent",
        "soap.beep://192.0.2.103:3002",
    ] {
        let fields = "To: isbn:2983792873\nFrom: <http://www.example.com>;tag=3234233
CSeq: 8 OPTIONS";
        let request = request(&around(&format!("OPTIONS {uri} SIP/2.0"), fields));
        assert_eq!(request.uri, Uri::Other(uri.into()));
    }
}

/// RFC 4475 §3.3.8 (multi01) and §3.3.9 (mcl01).
#[test]
fn what_may_stand_once_and_stands_twice_is_answered_400() {
    let start = "INVITE sip:user@example.com SIP/2.0";
    let check = |twice: &str| {
        let fields = format!("{ADDRESSES}\nCSeq: 8 INVITE\nContent-Length: 0\n{twice}");
        check_answered(&around(start, &fields), StatusCode::BAD_REQUEST);
    };
    check("From: <sip:other@example.net>;tag=3");
    check("To: <sip:other@example.net>");
    check("CSeq: 9 INVITE");
    check("Call-ID: another");
    check("Max-Forwards: 5");
    check("Content-Length: 5");
    check("l: 0");
}

/// RFC 4475 §3.4.1 (inv2543).
#[test]
fn an_invite_of_an_rfc_2543_peer_is_read() {
    let head = "INVITE sip:UserB@example.com SIP/2.0
Via: SIP/2.0/UDP iftgw.example.com
From: <sip:+13035551111@ift.client.example.net;user=phone>
Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>
To: sip:+16505552222@ss1.example.net;user=phone
Call-ID: inv2543.1717@ift.client.example.com
CSeq: 56 INVITE
Content-Type: application/sdp

";
    let request = request(&[wire(head), SDP.into()].concat());
    assert_eq!(request.headers.via().expect("Via").branch(), None);
    assert_eq!(request.headers.from().expect("From").tag(), None);
    assert_eq!(
        request.headers.to().expect("To").params.get("user"),
        Some("phone")
    );
    assert_eq!(request.body, SDP.as_bytes());
}

#[test]
fn an_ack_is_never_answered() {
    let bytes = around(
        "ACK sip:user@example.com SIP/7.0",
        &format!("{ADDRESSES}\nCSeq: 8 ACK"),
    );
    check_dropped(&bytes);
}

#[test]
fn noise_is_told_from_a_broken_message() {
    let check = |bytes: &[u8], kind: FaultKind| assert_eq!(fault(bytes).kind, kind);
    check(b"", FaultKind::KeepAlive);
    check(b"\r\n\r\n", FaultKind::KeepAlive);
    check(b"\0\0\0\0", FaultKind::KeepAlive);
    check(
        b"\0\x01\0\0\x21\x12\xa4\x42abcdefghijkl",
        FaultKind::KeepAlive,
    );
    check(b"\0\x01\0\0", FaultKind::Garbage);
    check(b"\x80\0\r\n\r\n", FaultKind::Garbage);
    check(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", FaultKind::Garbage);
    check(
        b"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP x\r\n",
        FaultKind::Truncated,
    );
    check(b"SIP/2.0 OK\r\n\r\n", FaultKind::StartLine);
    check(&[b'a'; sip::MESSAGE_BYTES_MAX + 1], FaultKind::TooLarge);
}

#[test]
fn more_fields_or_bytes_than_we_read_are_answered_513() {
    let start = "OPTIONS sip:user@example.com SIP/2.0";
    let base = format!("{ADDRESSES}\nCSeq: 8 OPTIONS");
    let fields = format!("{base}{}", "\nX: y".repeat(sip::HEADERS_MAX));
    assert_eq!(
        check_answered(&around(start, &fields), StatusCode::MESSAGE_TOO_LARGE),
        FaultKind::TooLarge
    );
    let fields = format!("{base}\nX: {}", "y".repeat(sip::HEADER_BLOCK_BYTES_MAX));
    assert_eq!(
        check_answered(&around(start, &fields), StatusCode::MESSAGE_TOO_LARGE),
        FaultKind::TooLarge
    );
}

#[test]
fn a_line_that_is_no_field_is_answered_400() {
    let check = |line: &str| {
        let fields = format!("{ADDRESSES}\nCSeq: 8 OPTIONS\n{line}");
        let bytes = around("OPTIONS sip:user@example.com SIP/2.0", &fields);
        assert_eq!(
            check_answered(&bytes, StatusCode::BAD_REQUEST),
            FaultKind::HeaderLine
        );
    };
    check("no colon here");
    check("two words: x");
    check(": no name");
    check("X: a\rb");
}

#[test]
fn latin_1_in_one_field_leaves_the_others_alone() {
    let fields = format!("{ADDRESSES}\nCSeq: 8 OPTIONS\nSubject: caf@");
    let mut bytes = around("OPTIONS sip:user@example.com SIP/2.0", &fields);
    let at = bytes
        .windows(4)
        .position(|four| four == b"caf@")
        .expect("there")
        + 3;
    bytes[at] = 0xe9;
    let request = request(&bytes);
    assert_eq!(
        request.headers.first(&HeaderName::Subject),
        Some(&b"caf\xe9"[..])
    );
    assert_eq!(request.headers.text(&HeaderName::Subject), None);
    assert!(request.headers.from().is_ok());
}
