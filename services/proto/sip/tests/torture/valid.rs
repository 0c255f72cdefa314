//! Messages that look wrong and are not.

use sip::{Contacts, HeaderName, Method, StatusCode, Uri};

use crate::{SDP, request, response, wire};

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
