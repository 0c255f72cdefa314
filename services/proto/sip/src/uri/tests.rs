use super::borrowed::URI_PARAMS_MAX;
use super::*;

fn uri(text: &str) -> Uri {
    Uri::parse(text.as_bytes()).expect(text)
}

#[test]
fn what_was_read_is_written_as_it_was() {
    let check = |text: &str| assert_eq!(uri(text).to_string(), text);
    check("sip:alice@atlanta.com");
    check("sip:alice:secretword@atlanta.com;transport=tcp");
    check("sips:alice@atlanta.com?subject=project%20x&priority=urgent");
    check("sip:+1-212-555-1212:1234@gateway.com;user=phone");
    check("sips:1212@gateway.com");
    check("sip:alice@192.0.2.4:5061");
    check("sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com");
    check("sip:alice;day=tuesday@atlanta.com");
    check("sip:[2001:DB8::10]:5070;lr");
    check("sip:user@[2001:db8::1]");
    check("sip:user@host;x=%41/[::1]");
    check("tel:+55-11-99999;phone-context=example.com");
    check("nobodyKnowsThisScheme:totallyopaquecontent");
    check("soap.beep://192.0.2.103:3002");
}

#[test]
fn what_is_no_uri_is_refused() {
    let check = |text: &str| assert_eq!(Uri::parse(text.as_bytes()), Err(UriFault), "{text}");
    check("");
    check("alice");
    check("sip:");
    check("sip:@host");
    check("sip:a b@host");
    check("<sip:alice@host>");
    check("sip:alice@host:65536");
    check("sip:alice@host:");
    check("sip:alice@host:5060x");
    check("sip:alice@[::1");
    check("sip:alice@[fe80::x]");
    check("sip:alice@ho\u{7f}st");
    check("sip:alice@evil.example@host");
    check("sip:alice@host;;lr");
    check("tel:;x=y");
    check("tel:hello");
    check(":x");
    check("1x:y");
}

#[test]
fn the_parts_of_a_uri() {
    let one = uri("sips:al%69ce:pw@h.example:5061;Transport=TCP;lr?a=b");
    let sip = one.as_sip().expect("a SIP URI");
    assert!(sip.secure);
    assert_eq!(one.user().as_deref(), Some("alice"));
    assert_eq!(sip.password.as_deref(), Some("pw"));
    assert_eq!(sip.port, Some(5061));
    assert_eq!(sip.transport().as_deref(), Some("tcp"));
    assert!(sip.params.has("LR"));
    assert_eq!(sip.headers.as_deref(), Some("a=b"));
    assert_eq!(uri("tel:+55(11)99.9").user().as_deref(), Some("+5511999"));
    assert_eq!(uri("sip:%23100*@h").user().as_deref(), Some("#100*"));
    assert_eq!(uri("sip:#100*@h").user().as_deref(), Some("#100*"));
    let ip = uri("sip:[2001:db8::1]:5060").host().and_then(Host::ip);
    assert_eq!(ip, Some("2001:db8::1".parse().expect("an address")));
}

#[test]
fn a_uri_of_our_own_escapes_its_user() {
    let host = Host::from_ip("2001:db8::2".parse().expect("an address"));
    let ours = Uri::sip(Some("a@b c#"), host, Some(5060));
    assert_eq!(ours.to_string(), "sip:a%40b%20c%23@[2001:db8::2]:5060");
    assert_eq!(uri(&ours.to_string()), ours);
    assert_eq!(ours.user().as_deref(), Some("a@b c#"));
}

/// The examples of RFC 3261 §19.1.4, both ways round.
#[test]
fn uris_compare_by_the_rules_of_rfc_3261() {
    let check = |one: &str, two: &str, same: bool| {
        assert_eq!(uri(one).matches(&uri(two)), same, "{one} {two}");
        assert_eq!(uri(two).matches(&uri(one)), same, "{two} {one}");
    };
    check(
        "sip:%61lice@atlanta.com;transport=TCP",
        "sip:alice@AtLanTa.CoM;Transport=tcp",
        true,
    );
    check(
        "sip:carol@chicago.com",
        "sip:carol@chicago.com;newparam=5",
        true,
    );
    check(
        "sip:carol@chicago.com",
        "sip:carol@chicago.com;security=on",
        true,
    );
    check(
        "sip:carol@chicago.com;newparam=5",
        "sip:carol@chicago.com;security=on",
        true,
    );
    check(
        "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
        "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        true,
    );
    check(
        "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
        "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        true,
    );
    check(
        "SIP:ALICE@AtLanTa.CoM;Transport=udp",
        "sip:alice@AtLanTa.CoM;Transport=UDP",
        false,
    );
    check("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false);
    check(
        "sip:bob@biloxi.com",
        "sip:bob@biloxi.com;transport=udp",
        false,
    );
    check(
        "sip:bob@biloxi.com:6000;transport=tcp",
        "sip:bob@biloxi.com",
        false,
    );
    check(
        "sip:carol@chicago.com",
        "sip:carol@chicago.com?Subject=next%20meeting",
        false,
    );
    check("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false);
    check(
        "sip:carol@chicago.com;security=on",
        "sip:carol@chicago.com;security=off",
        false,
    );
    check("sip:bob@h", "sips:bob@h", false);
    check("sip:bob@[2001:db8::1]", "sip:bob@[2001:DB8:0::1]", true);
    check("tel:+1-201-555", "tel:+1201555", true);
    check("tel:+1201555", "sip:+1201555@h", false);
}

/// Comparing two URIs looks for each parameter of one among those of the other.
#[test]
fn a_uri_of_thousands_of_parameters_is_refused() {
    let check = |count: usize, expected| {
        let text = format!("sip:a@b{}", ";x".repeat(count));
        assert_eq!(Uri::parse(text.as_bytes()).is_ok(), expected, "{count}");
    };
    check(URI_PARAMS_MAX, true);
    check(URI_PARAMS_MAX + 1, false);
}
