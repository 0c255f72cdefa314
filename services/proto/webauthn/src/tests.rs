//! Both ceremonies with an authenticator of our own, honest and otherwise, and with test vectors of
//! the W3C.

mod authenticator;
mod vectors;

use proptest::prelude::{any, prop, proptest};

use crate::{
    Assertion, Credential, Expected, PublicKey, Refusal, Registered, Registration, challenge_of,
    register, sign_in,
};
use authenticator::{Answer, Ask, Authenticator, HONEST, attestation, client_data};

const NAME: &str = "ramal.local";
const ORIGIN: &str = "https://ramal.local";
const CHALLENGE: [u8; 32] = [9; 32];

fn hex_of(text: &str) -> Vec<u8> {
    hex::decode(text).expect("hex")
}

fn ask() -> Ask {
    Ask {
        challenge: CHALLENGE.to_vec(),
        origin: ORIGIN.to_owned(),
        name: NAME.to_owned(),
    }
}

const fn expected() -> Expected<'static> {
    Expected {
        challenge: &CHALLENGE,
        origin: ORIGIN,
        name: NAME,
    }
}

fn make(answer: &Answer) -> Result<Registered, Refusal> {
    let registration = Registration {
        client_data: &answer.client_data,
        attestation: &answer.data,
    };
    register(&registration, &expected())
}

fn enrolled() -> (Authenticator, Registered) {
    let mut authenticator = Authenticator::new(1);
    authenticator.counter = 10;
    let made = make(&authenticator.make(&ask())).expect("taken");
    (authenticator, made)
}

fn used(kept: &Registered, answer: &Answer) -> Result<u32, Refusal> {
    let credential = Credential {
        public_key: &kept.public_key,
        counter: kept.counter,
        is_backup_eligible: kept.is_backup_eligible,
    };
    let assertion = Assertion {
        client_data: &answer.client_data,
        authenticator_data: &answer.data,
        signature: &answer.signature,
    };
    sign_in(&assertion, &credential, &expected()).map(|it| it.counter)
}

#[test]
fn a_credential_is_made_and_used() {
    let (mut authenticator, kept) = enrolled();
    assert_eq!(kept.id, [1; 16]);
    assert_eq!(kept.counter, 11);
    assert!(!kept.is_backup_eligible);
    let answer = authenticator.sign(&ask());
    assert_eq!(challenge_of(&answer.client_data), Ok(CHALLENGE.to_vec()));
    assert_eq!(used(&kept, &answer), Ok(12));
}

#[test]
fn what_another_page_or_another_question_got_is_refused() {
    let (mut authenticator, kept) = enrolled();
    let mut check = |ask: &Ask, refusal: Refusal| {
        assert_eq!(make(&authenticator.make(ask)), Err(refusal), "made");
        assert_eq!(used(&kept, &authenticator.sign(ask)), Err(refusal), "used");
    };
    for origin in [
        "http://ramal.local",
        "https://ramal.local:8443",
        "https://ramal.local.example.com",
        "https://ramal.local/",
        "https://RAMAL.local",
        "",
    ] {
        let origin = origin.to_owned();
        check(&Ask { origin, ..ask() }, Refusal::Origin);
    }
    for challenge in [vec![], vec![9; 31], vec![8; 32]] {
        check(&Ask { challenge, ..ask() }, Refusal::Challenge);
    }
    let name = "example.com".to_owned();
    check(&Ask { name, ..ask() }, Refusal::Name);
    // A page inside another, and what was made passed off as used and the other way round.
    for (from, to) in [
        (r#""crossOrigin":false"#, r#""crossOrigin":true"#),
        (
            r#""crossOrigin":false"#,
            r#""topOrigin":"https://a.example""#,
        ),
    ] {
        let mut answer = authenticator.sign(&ask());
        let text = String::from_utf8(answer.client_data).expect("text");
        answer.client_data = text.replace(from, to).into_bytes();
        answer.signature = authenticator.signature(&answer.data, &answer.client_data);
        assert_eq!(used(&kept, &answer), Err(Refusal::Origin), "{to}");
    }
    let mut answer = authenticator.sign(&ask());
    answer.client_data = client_data("webauthn.create", &ask());
    answer.signature = authenticator.signature(&answer.data, &answer.client_data);
    assert_eq!(used(&kept, &answer), Err(Refusal::Kind));
    let mut answer = authenticator.make(&ask());
    answer.client_data = client_data("webauthn.get", &ask());
    assert_eq!(make(&answer), Err(Refusal::Kind));
}

#[test]
fn somebody_was_there_and_the_authenticator_knew_who() {
    let (mut authenticator, kept) = enrolled();
    for (flags, refusal) in [
        (0b001, Refusal::NotVerified),
        (0b100, Refusal::NotPresent),
        (0b000, Refusal::NotPresent),
        // Copied, and not to be copied (§6.1.3).
        (HONEST | 1 << 4, Refusal::Backup),
    ] {
        authenticator.flags = flags;
        let made = make(&authenticator.make(&ask()));
        assert_eq!(made, Err(refusal), "{flags:b}");
        let answer = authenticator.sign(&ask());
        assert_eq!(used(&kept, &answer), Err(refusal), "{flags:b}");
    }
    // A credential does not become one that can be copied.
    authenticator.flags = HONEST | 1 << 3;
    let answer = authenticator.sign(&ask());
    assert_eq!(used(&kept, &answer), Err(Refusal::Backup));
    authenticator.flags = HONEST | 1 << 3 | 1 << 4;
    let copied = make(&authenticator.make(&ask())).expect("taken");
    assert!(copied.is_backup_eligible);
    assert!(used(&copied, &authenticator.sign(&ask())).is_ok());
}

#[test]
fn a_counter_that_does_not_go_up_is_refused_and_none_at_all_is_not() {
    let (mut authenticator, kept) = enrolled();
    let check = |authenticator: &mut Authenticator, counter, kept: u32, expected| {
        authenticator.counter = counter;
        let answer = authenticator.sign(&ask());
        let kept = Registered {
            counter: kept,
            ..enrolled().1
        };
        assert_eq!(
            used(&kept, &answer),
            expected,
            "{counter} after {}",
            kept.counter
        );
    };
    check(&mut authenticator, 11, 11, Ok(12));
    check(&mut authenticator, 10, 11, Err(Refusal::Counter));
    check(&mut authenticator, 4, 11, Err(Refusal::Counter));
    check(&mut authenticator, 0, 11, Err(Refusal::Counter));
    check(&mut authenticator, 0, 0, Ok(0));
    check(&mut authenticator, 1, 0, Ok(2));
    // The same answer again.
    authenticator.counter = 20;
    let answer = authenticator.sign(&ask());
    let counter = used(&kept, &answer).expect("taken");
    let later = Registered { counter, ..kept };
    assert_eq!(used(&later, &answer), Err(Refusal::Counter));
}

#[test]
fn a_signature_of_another_key_or_of_something_else_is_refused() {
    let (mut authenticator, kept) = enrolled();
    let mut other = Authenticator::new(2);
    other.counter = 100;
    let answer = other.sign(&ask());
    assert_eq!(used(&kept, &answer), Err(Refusal::Signature));
    let mut answer = authenticator.sign(&ask());
    answer.signature[5] ^= 1;
    assert_eq!(used(&kept, &answer), Err(Refusal::Signature));
    for signature in [vec![], vec![0; 64], vec![0; 5000]] {
        let answer = Answer {
            signature,
            ..authenticator.sign(&ask())
        };
        assert_eq!(used(&kept, &answer), Err(Refusal::Signature));
    }
    // Another member of the client data is signed too.
    let mut answer = authenticator.sign(&ask());
    let text = String::from_utf8(answer.client_data).expect("text");
    answer.client_data = text.replace('}', r#","more":1}"#).into_bytes();
    assert_eq!(used(&kept, &answer), Err(Refusal::Signature));
    answer.signature = authenticator.signature(&answer.data, &answer.client_data);
    assert!(used(&kept, &answer).is_ok(), "and may be there (§5.8.1)");
}

#[test]
fn who_made_the_authenticator_is_not_asked_and_not_believed() {
    let mut authenticator = Authenticator::new(1);
    let data = authenticator.made(&ask());
    let client_data = client_data("webauthn.create", &ask());
    let made = |format: &str, statement: &[u8]| {
        let answer = Answer {
            client_data: client_data.clone(),
            data: attestation(format, statement, &data),
            signature: Vec::new(),
        };
        make(&answer).map(drop)
    };
    assert_eq!(made("none", &[0xa0]), Ok(()));
    let one = [&[0xa1, 0x61, b'x'][..], &[0x00]].concat();
    assert_eq!(made("none", &one), Err(Refusal::Attestation));
    assert_eq!(made("fido-u2f", &[0xa0]), Err(Refusal::Attestation));
    assert_eq!(made("packed", &[0xa0]), Err(Refusal::Attestation));
    // Signed with the new key itself (§8.2.1, self attestation).
    let signature = authenticator.signature(&data, &client_data);
    let signed = |algorithm: u8, signature: &[u8]| {
        let mut statement = vec![0xa2, 0x63];
        statement.extend(b"alg");
        statement.push(algorithm);
        statement.push(0x63);
        statement.extend(b"sig");
        statement.extend([0x58, 64]);
        statement.extend(signature);
        statement
    };
    assert_eq!(made("packed", &signed(0x27, &signature)), Ok(()));
    let wrong = Err(Refusal::Attestation);
    assert_eq!(made("packed", &signed(0x26, &signature)), wrong);
    assert_eq!(made("packed", &signed(0x27, &[7; 64])), wrong);
}

#[test]
fn what_is_cut_or_longer_is_refused_at_every_byte() {
    let mut authenticator = Authenticator::new(1);
    let whole = authenticator.make(&ask());
    assert!(make(&whole).is_ok());
    let with = |data: Vec<u8>| Answer {
        client_data: whole.client_data.clone(),
        data,
        signature: Vec::new(),
    };
    for length in 0..whole.data.len() {
        let cut = with(whole.data[..length].to_vec());
        assert_eq!(make(&cut), Err(Refusal::AuthenticatorData), "{length}");
    }
    let mut longer = whole.data.clone();
    longer.push(0);
    assert!(make(&with(longer)).is_err());
    let (mut authenticator, kept) = enrolled();
    let whole = authenticator.sign(&ask());
    for length in 0..whole.data.len() {
        let mut cut = with(whole.data[..length].to_vec());
        cut.client_data.clone_from(&whole.client_data);
        cut.signature = authenticator.signature(&cut.data, &cut.client_data);
        assert_eq!(used(&kept, &cut), Err(Refusal::AuthenticatorData));
    }
}

#[test]
fn keys_are_of_what_was_offered_and_of_nothing_else() {
    let good = Authenticator::new(1).cose();
    assert!(PublicKey::parse(&good).is_ok());
    let check = |hex: &str| {
        let key = hex_of(&hex.replace(' ', ""));
        assert_eq!(PublicKey::parse(&key), Err(Refusal::PublicKey), "{hex}");
    };
    let x = "11".repeat(32);
    // No key, an unknown kind, an algorithm that does not fit its kind.
    check("a0");
    check(&format!("a4 0104 0327 2006 215820{x}"));
    check(&format!("a4 0101 0326 2006 215820{x}"));
    // Another curve, a short x, one x twice, a number that is not in it, a secret.
    check(&format!("a4 0101 0327 2004 215820{x}"));
    check("a4 0101 0327 2006 2143111111");
    check(&format!("a5 0101 0327 2006 215820{x} 215820{x}"));
    check(&format!("a5 0101 0202 0327 2006 215820{x}"));
    check(&format!("a5 0101 0327 2006 215820{x} 235820{x}"));
    // A compressed point.
    check(&format!("a5 0102 0326 2001 215820{x} 22f5"));
    // RSA of 1024 bits.
    check(&format!(
        "a4 0103 03390100 205880{} 2143010001",
        "ff".repeat(128)
    ));
    assert!(PublicKey::parse(&[&good[..], &[0]].concat()).is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_an_answer_or_a_refusal(
        client_data in prop::collection::vec(any::<u8>(), 0..200),
        data in prop::collection::vec(any::<u8>(), 0..300),
        signature in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let (_, kept) = enrolled();
        let answer = Answer { client_data, data, signature };
        assert!(make(&answer).is_err());
        assert!(used(&kept, &answer).is_err());
    }

    /// Whatever of an honest answer is changed, it is refused: all of it is signed or compared. Of
    /// what is made, the id and the key are the authenticator's own.
    #[test]
    fn no_changed_answer_signs_in(place in 0_usize..1000, bit in 0_u8..8, part in 0_u8..3) {
        let (mut authenticator, kept) = enrolled();
        let mut answer = authenticator.sign(&ask());
        let bytes = match part {
            0 => &mut answer.client_data,
            1 => &mut answer.data,
            _ => &mut answer.signature,
        };
        let place = place % bytes.len();
        bytes[place] ^= 1 << bit;
        assert!(used(&kept, &answer).is_err());
    }
}
