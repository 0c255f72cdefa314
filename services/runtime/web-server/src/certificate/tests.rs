use std::net::IpAddr;

use admin::{CertificateFault, Chain};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateSigningRequestDer, PrivatePkcs8KeyDer};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer as _;

use super::*;

type Authority = CertifiedIssuer<'static, KeyPair>;

/// 2026-11-24.
const NOW: i64 = 1_795_446_000_000;

fn key() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key")
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

fn root() -> Authority {
    Authority::self_signed(authority_params("Office root"), key()).expect("a root")
}

fn between(root: &Authority) -> Authority {
    Authority::signed_by(authority_params("Office CA"), key(), root).expect("a CA")
}

/// What an authority makes of a request, for this name.
fn leaf(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
    params.not_before = rcgen::date_time_ymd(2026, 11, 1);
    params.not_after = rcgen::date_time_ymd(2027, 2, 1);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

fn sign(params: &CertificateParams, waiting: &Waiting, by: &Authority) -> String {
    let key = KeyPair::try_from(&PrivatePkcs8KeyDer::from(waiting.key.as_slice())).expect("ours");
    params.signed_by(&key, by).expect("signed").pem()
}

fn waiting() -> Waiting {
    let names = ["pbx.example.com".to_owned(), "ramal.local".to_owned()];
    ask(&names, &[IpAddr::from([10, 0, 0, 5])]).expect("a request")
}

fn judged(pem: &str, waiting: &Waiting) -> Result<Signed, CertificateFault> {
    let chain = Chain {
        pem: pem.to_owned(),
        now_millis: Some(NOW),
        is_confirmed: true,
    };
    check(&chain, Some(waiting), None)
}

#[test]
fn a_request_asks_for_every_name_and_address_with_a_key_of_its_own() {
    let waiting = waiting();
    assert_eq!(
        waiting.request.names,
        ["pbx.example.com", "ramal.local", "10.0.0.5"]
    );
    let der = CertificateSigningRequestDer::from_pem_slice(waiting.request.pem.as_bytes());
    let der = der.expect("PEM");
    let (rest, parsed) = X509CertificationRequest::from_der(&der).expect("PKCS #10");
    assert!(rest.is_empty());
    let info = parsed.certification_request_info;
    assert_eq!(info.subject.to_string(), "CN=pbx.example.com");
    let key = KeyPair::try_from(&PrivatePkcs8KeyDer::from(waiting.key.as_slice())).expect("ours");
    assert_eq!(
        info.subject_pki.raw,
        rcgen::PublicKeyData::subject_public_key_info(&key)
    );
    let names = info
        .iter_attributes()
        .filter_map(|it| match it.parsed_attribute() {
            x509_parser::cri_attributes::ParsedCriAttribute::ExtensionRequest(all) => Some(all),
            _ => None,
        })
        .flat_map(|all| &all.extensions)
        .find_map(|it| match it.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
            _ => None,
        });
    let expected = [
        GeneralName::DNSName("pbx.example.com"),
        GeneralName::DNSName("ramal.local"),
        GeneralName::IPAddress(&[10, 0, 0, 5]),
    ];
    assert_eq!(names.map(Vec::as_slice), Some(expected.as_slice()));
    let other = self::waiting();
    assert!(other.key != waiting.key);
    // Nothing that is printed has the key.
    assert!(!format!("{waiting:?}").contains("48"), "{waiting:?}");
}

#[test]
fn a_chain_in_order_is_taken_with_its_key_and_its_facts_are_told() {
    let (root, waiting) = (root(), waiting());
    let between = between(&root);
    let own = sign(&leaf("pbx.example.com"), &waiting, &between);
    for rest in [
        String::new(),
        between.pem(),
        [between.pem(), root.pem()].concat(),
    ] {
        let pem = format!("# from the authority\n{own}{rest}");
        let signed = judged(&pem, &waiting).expect("good");
        assert!(signed.key == waiting.key && signed.server_config().is_ok());
        let facts = facts(signed.chain.first().expect("a certificate")).expect("readable");
        assert_eq!(facts.names, ["pbx.example.com"]);
        assert_eq!(facts.issuer, "CN=Office CA");
        assert_eq!(facts.until_millis, 1_801_440_000_000);
    }
    // A wildcard is for the name too; an authority may name more.
    let mut wide = leaf("*.example.com");
    let address = SanType::IpAddress(IpAddr::from([10, 0, 0, 5]));
    wide.subject_alt_names.push(address);
    let own = sign(&wide, &waiting, &between);
    assert!(judged(&(own + &between.pem()), &waiting).is_ok());
}

#[test]
fn it_is_renewed_for_the_key_that_is_served_also_while_another_one_waits() {
    let (root, served) = (root(), waiting());
    let own = sign(&leaf("pbx.example.com"), &served, &root);
    let chain = Chain {
        pem: own.clone() + &root.pem(),
        now_millis: Some(NOW),
        is_confirmed: false,
    };
    let signed = check(&chain, Some(&served), None).expect("good");
    let another = waiting();
    let renewed = check(&chain, Some(&another), Some(&signed));
    assert_eq!(renewed.map(|it| it.key), Ok(served.key));
    assert_eq!(
        check(&chain, Some(&another), None),
        Err(CertificateFault::OtherKey)
    );
    assert_eq!(check(&chain, None, None), Err(CertificateFault::NoRequest));
}

/// What is served for `a.example.com`, and what waits for `b.example.com`.
fn served_and_waiting(root: &Authority) -> (Signed, Waiting) {
    let ask = |name: &str| ask(&[name.to_owned()], &[]).expect("a request");
    let (first, second) = (ask("a.example.com"), ask("b.example.com"));
    let chain = sign(&leaf("a.example.com"), &first, root) + &root.pem();
    (judged(&chain, &first).expect("good"), second)
}

#[test]
fn a_renewal_is_for_the_name_of_its_own_key_whatever_waits() {
    let root = root();
    let (served, waiting) = served_and_waiting(&root);
    let of_served = Waiting {
        key: served.key.clone(),
        request: waiting.request.clone(),
    };
    let chain = |name: &str, key: &Waiting| Chain {
        pem: sign(&leaf(name), key, &root) + &root.pem(),
        now_millis: Some(NOW),
        is_confirmed: true,
    };
    let renewal = chain("a.example.com", &of_served);
    for waiting in [Some(&waiting), None] {
        let renewed = check(&renewal, waiting, Some(&served)).expect("good");
        assert!(renewed.key == served.key && renewed.name == "a.example.com");
    }
    let other = |name: &str| Err(CertificateFault::OtherName(name.to_owned()));
    assert_eq!(
        check(
            &chain("b.example.com", &of_served),
            Some(&waiting),
            Some(&served)
        ),
        other("a.example.com")
    );
    assert_eq!(
        check(
            &chain("a.example.com", &waiting),
            Some(&waiting),
            Some(&served)
        ),
        other("b.example.com")
    );
    let changed = check(
        &chain("b.example.com", &waiting),
        Some(&waiting),
        Some(&served),
    );
    assert_eq!(changed.expect("good").name, "b.example.com");
}

#[test]
fn nobody_replaces_a_signed_one_by_one_for_another_key_without_saying_who_he_is() {
    let root = root();
    let (served, waiting) = served_and_waiting(&root);
    let chain = |is_confirmed| Chain {
        pem: sign(&leaf("b.example.com"), &waiting, &root) + &root.pem(),
        now_millis: Some(NOW),
        is_confirmed,
    };
    assert_eq!(
        check(&chain(false), Some(&waiting), Some(&served)),
        Err(CertificateFault::ConfirmFirst)
    );
    assert!(check(&chain(true), Some(&waiting), Some(&served)).is_ok());
    // The first one, where the box has signed what is served.
    assert!(check(&chain(false), Some(&waiting), None).is_ok());
}

#[test]
fn what_is_wrong_with_a_chain_is_told() {
    let (root, waiting) = (root(), waiting());
    let between = between(&root);
    let own = sign(&leaf("pbx.example.com"), &waiting, &between);
    let check = |pem: &str, expected: CertificateFault| {
        assert_eq!(judged(pem, &waiting), Err(expected.clone()), "{expected:?}");
    };
    check("", CertificateFault::NotPem);
    check("certificate", CertificateFault::NotPem);
    check(own.get(..200).expect("longer"), CertificateFault::NotPem);
    check(&" ".repeat(33 * 1024), CertificateFault::NotPem);
    let key = key().serialize_pem();
    check(&(own.clone() + &key), CertificateFault::PrivateKey);
    let sealed = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----";
    check(&(own.clone() + sealed), CertificateFault::PrivateKey);
    check(&own.repeat(9), CertificateFault::TooMany);
    let broken = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    check(&(own.clone() + broken), CertificateFault::Unreadable(2));
    let swapped = [between.pem(), own.clone()].concat();
    check(&swapped, CertificateFault::OtherKey);
    let skipped = [own.clone(), root.pem()].concat();
    check(&skipped, CertificateFault::NotSignedByNext(1));
    let backwards = [own.clone(), between.pem(), own.clone()].concat();
    check(&backwards, CertificateFault::NotSignedByNext(2));
    let named_alike = self::between(&root);
    check(&(own + &named_alike.pem()), CertificateFault::NotSigned);
}

#[test]
fn what_browsers_would_not_take_is_refused_alone_and_in_a_chain() {
    let (root, waiting) = (root(), waiting());
    let check = |params: &CertificateParams, expected: CertificateFault| {
        let own = sign(params, &waiting, &root);
        for pem in [own.clone(), own + &root.pem()] {
            assert_eq!(judged(&pem, &waiting), Err(expected.clone()));
        }
    };
    let mut client = leaf("pbx.example.com");
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    check(&client, CertificateFault::NotForServers);
    let mut authority = leaf("pbx.example.com");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    check(&authority, CertificateFault::NotForServers);
    let mut anything = leaf("pbx.example.com");
    anything.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any];
    check(&anything, CertificateFault::NotForServers);
    let name = CertificateFault::OtherName("pbx.example.com".into());
    check(&leaf("ramal.local"), name);
    let mut over = leaf("pbx.example.com");
    over.not_after = rcgen::date_time_ymd(2026, 11, 20);
    check(&over, CertificateFault::Over(1_795_132_800_000));
    let mut early = leaf("pbx.example.com");
    early.not_before = rcgen::date_time_ymd(2026, 12, 1);
    check(&early, CertificateFault::NotYet(1_796_083_200_000));
}

/// RFC 5280 §4.2.1.3, §4.2.1.9: also of the last one, which nothing else looks at.
#[test]
fn only_what_may_sign_others_stands_behind_what_it_signed() {
    let (root, waiting) = (root(), waiting());
    let check = |params: CertificateParams, expected: Result<(), CertificateFault>| {
        let by = Authority::self_signed(params.clone(), key()).expect("signed");
        let pem = sign(&leaf("pbx.example.com"), &waiting, &by) + &by.pem();
        assert_eq!(judged(&pem, &waiting).map(|_| ()), expected, "the last");
        let by = Authority::signed_by(params, key(), &root).expect("signed");
        let pem = sign(&leaf("pbx.example.com"), &waiting, &by) + &by.pem() + &root.pem();
        assert_eq!(judged(&pem, &waiting).map(|_| ()), expected, "between");
    };
    let no = || Err(CertificateFault::NotForServers);
    let with = |is_ca: IsCa, uses: &[KeyUsagePurpose]| {
        let mut params = authority_params("Office CA");
        params.is_ca = is_ca;
        params.key_usages = uses.to_vec();
        params
    };
    let any = IsCa::Ca(BasicConstraints::Unconstrained);
    let (signs, serves) = (
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    );
    check(with(any, &[signs]), Ok(()));
    check(with(any, &[]), Ok(()));
    check(with(any, &[serves]), no());
    check(with(IsCa::NoCa, &[signs]), no());
    check(with(IsCa::ExplicitNoCa, &[serves]), no());
    // One that may sign none but what serves.
    let short = IsCa::Ca(BasicConstraints::Constrained(0));
    check(with(short, &[signs]), Ok(()));
    let mut params = authority_params("Office root");
    params.is_ca = short;
    let root = Authority::self_signed(params, key()).expect("a root");
    let between = between(&root);
    let pem = sign(&leaf("pbx.example.com"), &waiting, &between) + &between.pem() + &root.pem();
    assert_eq!(judged(&pem, &waiting).map(|_| ()), no());
}

#[test]
fn without_a_clock_that_is_believed_no_date_is_held_against_it() {
    let (root, waiting) = (root(), waiting());
    let mut later = leaf("pbx.example.com");
    later.not_before = rcgen::date_time_ymd(2031, 1, 1);
    later.not_after = rcgen::date_time_ymd(2031, 4, 1);
    let pem = sign(&later, &waiting, &root) + &root.pem();
    let chain = |now_millis| Chain {
        pem: pem.clone(),
        now_millis,
        is_confirmed: true,
    };
    assert!(check(&chain(None), Some(&waiting), None).is_ok());
    assert!(check(&chain(Some(NOW)), Some(&waiting), None).is_err());
}

#[test]
fn a_chain_that_was_changed_anywhere_brings_no_other_certificate_of_the_box() {
    let (root, waiting) = (root(), waiting());
    let good = sign(&leaf("pbx.example.com"), &waiting, &root) + &root.pem();
    let own = judged(&good, &waiting).expect("good").chain;
    for at in (0..good.len()).step_by(5) {
        for by in [b'A', b'/', b'\n', 0xff] {
            let mut text = good.clone().into_bytes();
            if let Some(place) = text.get_mut(at) {
                *place = by;
            }
            // Nobody signs for the last one but itself; browsers have their own.
            if let Ok(signed) = judged(&String::from_utf8_lossy(&text), &waiting) {
                assert_eq!(signed.chain.first(), own.first(), "{at} {by}");
                assert!(signed.server_config().is_ok(), "{at} {by}");
            }
        }
    }
}
