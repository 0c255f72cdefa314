//! The messages of RFC 4475 that a phone system meets, written from the RFC's text and named by
//! what they do. rsip 0.4 reads 6 of its 13 valid ones; all of them must be read here.
#![expect(clippy::expect_used, reason = "a test stops at what it did not expect")]

use sip::{
    Contacts, FaultKind, HeaderFault, HeaderName, Message, Method, ParseFault, Request, Response,
    StatusCode, Uri, parse_datagram,
};

const SDP: &str = "v=0\r\no=mhandley 29739 7272939 IN IP4 192.0.2.3\r\ns=-\r\n\
                   c=IN IP4 192.0.2.4\r\nt=0 0\r\nm=audio 49217 RTP/AVP 0 12\r\n";

/// Lines as in the RFC to bytes as on the wire.
fn wire(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

fn request(bytes: &[u8]) -> Request {
    match parse_datagram(bytes) {
        Ok(Message::Request(request)) => request,
        other => panic!("no request: {other:?}"),
    }
}

fn response(bytes: &[u8]) -> Response {
    match parse_datagram(bytes) {
        Ok(Message::Response(response)) => response,
        other => panic!("no response: {other:?}"),
    }
}

fn fault(bytes: &[u8]) -> ParseFault {
    parse_datagram(bytes).expect_err("a fault")
}

/// A request that must be answered with `status`, along its Via.
fn check_answered(bytes: &[u8], status: StatusCode) -> FaultKind {
    let fault = fault(bytes);
    let source = "192.0.2.99:5062".parse().expect("an address");
    let response = fault.response(source, "our-tag").expect("an answer");
    assert_eq!(response.status, status, "{fault}");
    let via = response.headers.via().expect("Via");
    assert_eq!(via.received(), Some(source.ip()));
    fault.kind
}

fn check_dropped(bytes: &[u8]) {
    let fault = fault(bytes);
    assert_eq!(
        fault.response("192.0.2.99:5062".parse().expect("an address"), "t"),
        None
    );
}

/// RFC 4475 §3.1.1.1 (wsinv).
#[test]
fn an_invite_with_odd_white_space_and_folds_is_read() {
    let text = format!(
        "INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0
TO :
 sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n
from   : \"J Rosenberg \\\\\\\"\"       <sip:jdrosen@example.com>
  ;
  tag = 98asjd8
MaX-fOrWaRdS: 0068
Call-ID: wsinv.ndaksdj@192.0.2.1
Content-Length   : {}
cseq: 0009
  INVITE
Via  : SIP  /   2.0
 /UDP
    192.0.2.2;branch=390skdjuw
s :
NewFangledHeader:   newfangled value
 continued newfangled value
UnknownHeaderWithUnusualValue: ;;,,;;,;
Content-Type: application/sdp
Route:
 <sip:services.example.com;lr;unknownwith=value;unknown-no-value>
v:  SIP  / 2.0  / TCP     spindle.example.com   ;
  branch  =   z9hG4bK9ikj8  ,
 SIP  /    2.0   / UDP  192.168.255.111   ; branch=
 z9hG4bK30239
m:\"Quoted string \\\"\\\"\" <sip:jdrosen@example.com> ; newparam =
      newvalue ;
  secondparam ; q = 0.33

",
        SDP.len()
    );
    let request = request(&[wire(&text), SDP.into()].concat());
    let headers = &request.headers;
    assert_eq!(request.method, Method::Invite);
    assert_eq!(headers.to().expect("To").tag(), Some("1918181833n"));
    let from = headers.from().expect("From");
    assert_eq!(from.display.as_deref(), Some("J Rosenberg \\\""));
    assert_eq!(from.tag(), Some("98asjd8"));
    assert_eq!(headers.max_forwards(), Ok(Some(68)));
    assert_eq!(headers.cseq().expect("CSeq").number, 9);
    let vias = headers.vias().expect("Via");
    let branches: Vec<_> = vias.iter().filter_map(sip::Via::branch).collect();
    assert_eq!(branches, ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"]);
    assert_eq!(vias[1].transport, "TCP");
    assert_eq!(vias[1].host.as_str(), "spindle.example.com");
    let name = HeaderName::parse(b"newfangledheader").expect("a name");
    assert_eq!(
        headers.first(&name),
        Some(&b"newfangled value continued newfangled value"[..])
    );
    let Ok(Contacts::List(contacts)) = headers.contacts() else {
        panic!("contacts")
    };
    assert_eq!(contacts[0].display.as_deref(), Some("Quoted string \"\""));
    assert_eq!(contacts[0].params.get("q"), Some("0.33"));
    assert_eq!(contacts[0].params.get("newparam"), Some("newvalue"));
    assert_eq!(request.body, SDP.as_bytes());
}

/// RFC 4475 §3.1.1.2 (intmeth).
#[test]
fn every_letter_a_token_may_have_is_read() {
    let head = "!interesting-Method0123456789_*+`.%indeed'~ \
                sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas\
                $wo~d_too.(doesn't-it)@example.com SIP/2.0
Via: SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~
To: \"BEL:\\\u{7} NUL:\\\0 DEL:\\\u{7f}\" \
                <sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com>
From: token1~` token2'+_ token3*%!.- <sip:mundane@example.com>\
                ;fromParam''~+*_!.-%=\"\u{440}\u{430}\u{431}\u{43e}\"\
                ;tag=_token~1'+`*%!-.
Call-ID: intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{
CSeq: 139122385 !interesting-Method0123456789_*+`.%indeed'~
Max-Forwards: 255
extensionHeader-!.%*+_`'~:\u{feff}\u{5927}\u{505c}\u{96fb}
Content-Length: 0

";
    let request = request(&wire(head));
    let Method::Other(name) = &request.method else {
        panic!("an unknown method")
    };
    assert_eq!(&**name, "!interesting-Method0123456789_*+`.%indeed'~");
    let uri = request.uri.as_sip().expect("a SIP URI");
    assert_eq!(
        uri.user.as_deref(),
        Some("1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*")
    );
    assert_eq!(
        uri.password.as_deref(),
        Some("&it+has=1,weird!*pas$wo~d_too.(doesn't-it)")
    );
    let to = request.headers.to().expect("To");
    assert_eq!(to.display.as_deref(), Some("BEL:\u{7} NUL:\0 DEL:\u{7f}"));
    let from = request.headers.from().expect("From");
    assert_eq!(
        from.display.as_deref(),
        Some("token1~` token2'+_ token3*%!.-")
    );
    assert_eq!(from.tag(), Some("_token~1'+`*%!-."));
    assert_eq!(request.headers.max_forwards(), Ok(Some(255)));
}

/// RFC 4475 §3.1.1.3 (esc01).
#[test]
fn escapes_are_kept_as_sent_and_decoded_for_reading() {
    let head = "INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0
To: sip:%75se%72@example.com
From: <sip:I%20have%20spaces@example.net>;tag=938
Max-Forwards: 87
i: esc01.239409asdfakjkn23onasd0-3234
CSeq: 234234 INVITE
Via: SIP/2.0/UDP host5.example.net;branch=z9hG4bKkdjuw
C: application/sdp
Contact:
  <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>
Content-Length: 0

";
    let request = request(&wire(head));
    assert_eq!(request.uri.user().as_deref(), Some("sips:user@example.com"));
    assert_eq!(
        request.uri.to_string(),
        "sip:sips%3Auser%40example.com@example.net"
    );
    assert_eq!(
        request.headers.to().expect("To").uri.user().as_deref(),
        Some("user")
    );
    let from = request.headers.from().expect("From");
    assert_eq!(from.uri.user().as_deref(), Some("I have spaces"));
    let Ok(Contacts::List(contacts)) = request.headers.contacts() else {
        panic!("contacts")
    };
    let Uri::Sip(contact) = &contacts[0].uri else {
        panic!("a SIP URI")
    };
    assert!(!contact.params.has("lr"));
    assert_eq!(
        request.headers.content_type().as_deref(),
        Some("application/sdp")
    );
}

/// RFC 4475 §3.1.1.4 (escnull).
#[test]
fn an_escaped_nul_tells_two_contacts_apart() {
    let head = "REGISTER sip:example.com SIP/2.0
To: sip:null-%00-null@example.com
From: sip:null-%00-null@example.com;tag=839923423
Max-Forwards: 70
Call-ID: escnull.39203ndfvkjdasfkq3w4otrq0adsfdfnavd
CSeq: 14398234 REGISTER
Via: SIP/2.0/UDP host5.example.com;branch=z9hG4bKkdjuw
Contact: <sip:%00@host5.example.com>
Contact: <sip:%00%00@host5.example.com>
L:0

";
    let request = request(&wire(head));
    assert_eq!(
        request.headers.to().expect("To").uri.user().as_deref(),
        Some("null-\0-null")
    );
    let Ok(Contacts::List(contacts)) = request.headers.contacts() else {
        panic!("contacts")
    };
    let [one, two] = &*contacts else {
        panic!("two contacts")
    };
    assert!(!one.uri.matches(&two.uri));
}

/// RFC 4475 §3.1.1.5 (esc02).
#[test]
fn an_escape_in_a_method_or_field_name_is_no_escape() {
    let head = "RE%47IST%45R sip:registrar.example.com SIP/2.0
To: \"%Z%45\" <sip:resource@example.com>
From: \"%Z%45\" <sip:resource@example.com>;tag=f232jadfj23
Call-ID: esc02.asdfnqwo34rq23i34jrjasdcnl23nrlknsdf
Via: SIP/2.0/TCP host.example.com;branch=z9hG4bK209%fzsnel234
CSeq: 29344 RE%47IST%45R
Max-Forwards: 70
Contact: <sip:alias1@host1.example.com>
C%6Fntact: <sip:alias2@host2.example.com>
Contact: <sip:alias3@host3.example.com>
l: 0

";
    let request = request(&wire(head));
    assert_eq!(request.method, Method::Other("RE%47IST%45R".into()));
    assert_eq!(
        request.headers.to().expect("To").display.as_deref(),
        Some("%Z%45")
    );
    let Ok(Contacts::List(contacts)) = request.headers.contacts() else {
        panic!("contacts")
    };
    assert_eq!(contacts.len(), 2);
}

/// RFC 4475 §3.1.1.6 (lwsdisp).
#[test]
fn a_display_name_may_touch_its_address() {
    let head = "OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: caller<sip:caller@example.com>;tag=323
Max-Forwards: 70
Call-ID: lwsdisp.1234abcd@funky.example.com
CSeq: 60 OPTIONS
Via: SIP/2.0/UDP funky.example.com;branch=z9hG4bKkdjuw
l: 0

";
    let request = request(&wire(head));
    assert_eq!(
        request.headers.from().expect("From").display.as_deref(),
        Some("caller")
    );
}

/// RFC 4475 §3.1.1.7 (longreq).
#[test]
fn long_values_are_read_whole() {
    let long = "longvalue".repeat(60);
    let mut head = format!(
        "INVITE sip:user@example.com SIP/2.0
To: \"I have a user name of {} proportion\" <sip:user@example.com:6000;unknownparam1={long}>
F: sip:{long}@example.net;tag=12982{};unknownheaderparam{long}=x
Call-ID: longreq.{}long
CSeq: 3882340 INVITE
Unknown-{long}: {long}
Max-Forwards: 70
",
        "extreme".repeat(60),
        "424".repeat(60),
        "really".repeat(60),
    );
    for hop in 0..34 {
        head.push_str(&format!("Via: SIP/2.0/TCP sip{hop}.example.com\n"));
    }
    head.push_str("v: SIP/2.0/TCP host.example.com;received=192.0.2.5;branch=very");
    head.push_str(&"long".repeat(60));
    head.push_str("\nContent-Length: 0\n\n");
    let request = request(&wire(&head));
    assert_eq!(request.headers.vias().expect("Via").len(), 35);
    assert!(request.headers.call_id().expect("Call-ID").len() > 360);
}

/// RFC 4475 §3.1.1.8 (dblreq).
#[test]
fn what_follows_a_whole_message_in_a_datagram_is_ignored() {
    let head = "REGISTER sip:example.com SIP/2.0
To: sip:j.user@example.com
From: sip:j.user@example.com;tag=43251j3j324
Max-Forwards: 8
I: dblreq.0ha0isndaksdj99sdfafnl3lk233412
Contact: sip:j.user@host.example.com
CSeq: 8 REGISTER
Via: SIP/2.0/UDP 192.0.2.125;branch=z9hG4bKkdjuw23492
Content-Length: 0


INVITE sip:joe@example.com SIP/2.0
t: sip:joe@example.com
From: sip:caller@example.net;tag=141334
";
    let request = request(&wire(head));
    assert_eq!(request.method, Method::Register);
    assert!(request.body.is_empty());
}

/// RFC 4475 §3.1.1.9 (semiuri).
#[test]
fn a_semicolon_before_the_at_belongs_to_the_user() {
    let head = "OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0
To: sip:j_user@example.com
From: sip:caller@example.org;tag=33242
Max-Forwards: 3
Call-ID: semiuri.0ha0isndaksdj
CSeq: 8 OPTIONS
Accept: application/sdp, application/pkcs7-mime,
        multipart/mixed, multipart/signed,
        message/sip, message/sipfrag
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKkdjuw
l: 0

";
    let request = request(&wire(head));
    assert_eq!(
        request.uri.user().as_deref(),
        Some("user;par=u@example.net")
    );
    assert_eq!(request.headers.values(&HeaderName::Accept).count(), 6);
}

/// RFC 4475 §3.1.1.10 (transports).
#[test]
fn unknown_transports_in_via_are_read() {
    let head = "OPTIONS sip:user@example.com SIP/2.0
To: sip:user@example.com
From: <sip:caller@example.com>;tag=323
Max-Forwards: 70
Call-ID:  transports.kijh4akdnaqjkwendsasfdj
Accept: application/sdp
CSeq: 60 OPTIONS
Via: SIP/2.0/UDP t1.example.com;branch=z9hG4bKkdjuw
Via: SIP/2.0/SCTP t2.example.com;branch=z9hG4bKklasjdhf
Via: SIP/2.0/TLS t3.example.com;branch=z9hG4bK2980unddj
Via: SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKasd0f3en
Via: SIP/2.0/TCP t5.example.com;branch=z9hG4bK0a9idfnee
l: 0

";
    let vias = request(&wire(head)).headers.vias().expect("Via");
    let transports: Vec<_> = vias.iter().map(|via| &*via.transport).collect();
    assert_eq!(transports, ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]);
}

/// RFC 4475 §3.1.1.11 (mpart01), with its binary part made small. rsip 0.4 damages such a body.
#[test]
fn a_binary_body_passes_unchanged() {
    let mut body = b"--7a9cbec02ceef655\r\nContent-Type: text/plain\r\n\r\nHello\r\n".to_vec();
    body.extend(0..=u8::MAX);
    body.extend_from_slice(b"\r\n\r\n\xff\xfe\0--7a9cbec02ceef655--\r\n");
    let head = format!(
        "MESSAGE sip:kumiko@example.org SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK-d87543-4dade06d0bdb11ee-1--d87543-;rport
Max-Forwards: 70
Route: <sip:127.0.0.1:5080>
To: <sip:kumiko@example.org>
From: <sip:fluffy@example.com>;tag=2fb0dcc9
Call-ID: 3d9485ad0c49859b@Zmx1ZmZ5LW1hYy0xNi5sb2NhbA..
CSeq: 1 MESSAGE
Content-Transfer-Encoding: binary
Content-Type: multipart/mixed;boundary=7a9cbec02ceef655
Content-Length: {}

",
        body.len()
    );
    let bytes = [wire(&head), body.clone()].concat();
    let request = request(&bytes);
    assert_eq!(request.body, body);
    assert!(request.to_bytes().ends_with(&body));
    assert_eq!(
        request.headers.content_type().as_deref(),
        Some("multipart/mixed")
    );
}

/// RFC 4475 §3.1.1.12 (unreason) and §3.1.1.13 (noreason).
#[test]
fn a_reason_phrase_may_be_anything_or_nothing() {
    let rest = "
Via: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923
Call-ID: unreason.1234ksdfak3j2erwedfsASdf
CSeq: 35 INVITE
From: sip:user@example.com;tag=11141343
To: sip:user@example.edu;tag=2229
Content-Length: 0

";
    let phrase = "= 2**3 * 5**2 \u{43d}\u{43e} \u{441}\u{442}\u{43e}";
    let odd = response(&wire(&format!("SIP/2.0 200 {phrase}{rest}")));
    assert_eq!(odd.reason, phrase.as_bytes());
    let none = response(&wire(&format!("SIP/2.0 100 {rest}")));
    assert_eq!(none.status, StatusCode::TRYING);
    assert!(none.reason.is_empty());
    assert_eq!(
        response(&wire(&format!("SIP/2.0 100{rest}"))).status,
        StatusCode::TRYING
    );
}

/// A request of our own making around the start line and fields of a test.
fn around(start: &str, fields: &str) -> Vec<u8> {
    wire(&format!(
        "{start}
Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKkdjuw;rport
Max-Forwards: 7
Call-ID: torture.0ha0isndaksdj
{fields}

"
    ))
}

const ADDRESSES: &str = "To: <sip:j.user@example.com>\nFrom: <sip:caller@example.net>;tag=134161";

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
    check(b"", FaultKind::Garbage);
    check(b"\r\n\r\n", FaultKind::Garbage);
    check(b"\0\0\0\0", FaultKind::Garbage);
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
