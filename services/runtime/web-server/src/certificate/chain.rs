//! Whether what others have signed can be served, and what is wrong with it where not.

use std::sync::Arc;
use std::time::Duration;

use admin::{CertificateFault, Chain};
use rcgen::{KeyPair, PublicKeyData as _};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use x509_parser::certificate::X509Certificate;

use super::Signed;
use super::facts::{millis, parsed};
use super::request::Waiting;

/// The chain with the key that it is for: that of `waiting`, or of what is served already, which is
/// renewed. It has to be for the first name that was asked for with that key, and to hold as
/// browsers will judge it; only whether the last one is an authority's that they know is not for
/// the box to say.
///
/// # Errors
/// What is wrong with it.
pub fn check(
    chain: &Chain,
    waiting: Option<&Waiting>,
    served: Option<&Signed>,
) -> Result<Signed, CertificateFault> {
    let certificates = read(&chain.pem)?;
    let parsed: Result<Vec<_>, _> = certificates
        .iter()
        .zip(1..)
        .map(|(der, at)| parsed(der).ok_or(CertificateFault::Unreadable(at)))
        .collect();
    let parsed = parsed?;
    let first = parsed.first().ok_or(CertificateFault::NotPem)?;
    if waiting.is_none() && served.is_none() {
        return Err(CertificateFault::NoRequest);
    }
    let (key, name) = key_of(first, waiting, served, chain.is_confirmed)?;
    is_for_a_server(first)?;
    for ((one, next), at) in parsed.iter().zip(parsed.iter().skip(1)).zip(1..) {
        if one.issuer().as_raw() != next.subject().as_raw() {
            return Err(CertificateFault::NotSignedByNext(at));
        }
    }
    may_sign(&parsed)?;
    if let Some(now) = chain.now_millis {
        is_valid(&parsed, now)?;
    }
    let at = chain.now_millis.unwrap_or_else(|| begin(&parsed));
    judge(&certificates, name, at)?;
    let signed = Signed {
        key: key.to_vec(),
        name: name.to_owned(),
        chain: certificates.iter().map(|it| it.to_vec()).collect(),
    };
    // What rustls does not take now, it would not take after a restart either.
    match signed.server_config() {
        Ok(_) => Ok(signed),
        Err(_) => Err(CertificateFault::OtherKey),
    }
}

/// Every certificate in a text; a key in it is not passed over, but refused.
fn read(pem: &str) -> Result<Vec<CertificateDer<'static>>, CertificateFault> {
    if pem.len() > PEM_LENGTH_MAX {
        return Err(CertificateFault::NotPem);
    }
    // Of whatever kind, encrypted ones among them (RFC 7468 §10, §11).
    if pem.contains("PRIVATE KEY-----") {
        return Err(CertificateFault::PrivateKey);
    }
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let all = all.map_err(|_| CertificateFault::NotPem)?;
    match all.len() {
        0 => Err(CertificateFault::NotPem),
        1..=CERTIFICATES_MAX => Ok(all),
        _ => Err(CertificateFault::TooMany),
    }
}

/// The key that a certificate is for, and the name that was asked for with it. What others have
/// signed is not replaced by one for another key unless somebody has said who he is: browsers that
/// trust the present one would let nobody in.
fn key_of<'a>(
    certificate: &X509Certificate<'_>,
    waiting: Option<&'a Waiting>,
    served: Option<&'a Signed>,
    is_confirmed: bool,
) -> Result<(&'a [u8], &'a str), CertificateFault> {
    if let Some(served) = served.filter(|it| is_for(certificate, &it.key)) {
        return Ok((&served.key, &served.name));
    }
    let waiting = waiting.filter(|it| is_for(certificate, &it.key));
    let waiting = waiting.ok_or(CertificateFault::OtherKey)?;
    if served.is_some() && !is_confirmed {
        return Err(CertificateFault::ConfirmFirst);
    }
    let name = waiting.request.names.first();
    Ok((&waiting.key, name.ok_or(CertificateFault::NoRequest)?))
}

fn is_for(certificate: &X509Certificate<'_>, key: &[u8]) -> bool {
    let key = KeyPair::try_from(&PrivatePkcs8KeyDer::from(key));
    key.is_ok_and(|key| key.subject_public_key_info() == certificate.public_key().raw)
}

/// RFC 5280 §4.2.1.9, §4.2.1.12. Of a chain of one nobody else asks. A use of any kind is none for
/// servers, as where it is judged in a chain.
fn is_for_a_server(certificate: &X509Certificate<'_>) -> Result<(), CertificateFault> {
    let uses = certificate.extended_key_usage();
    let uses = uses.map_err(|_| CertificateFault::Unreadable(1))?;
    let serves = uses.is_none_or(|it| it.value.server_auth);
    (serves && !certificate.is_ca())
        .then_some(())
        .ok_or(CertificateFault::NotForServers)
}

/// Whether each from the second on may sign the one before it: RFC 5280 §4.2.1.3, §4.2.1.9. Of the
/// last one nobody else asks: browsers have their own of it, and take its word for nothing else.
fn may_sign(chain: &[X509Certificate<'_>]) -> Result<(), CertificateFault> {
    // Authorities between it and the first that were not made to follow one another's keys.
    let mut below = 0;
    for (certificate, at) in chain.iter().zip(1..).skip(1) {
        let unreadable = |_| CertificateFault::Unreadable(at);
        let authority = certificate.basic_constraints().map_err(unreadable)?;
        let uses = certificate.key_usage().map_err(unreadable)?;
        let signs = uses.is_none_or(|it| it.value.key_cert_sign());
        let leads = authority.is_some_and(|it| {
            let most = it.value.path_len_constraint;
            it.value.ca && most.is_none_or(|most| below <= most)
        });
        if !(signs && leads) {
            return Err(CertificateFault::NotForServers);
        }
        if certificate.subject().as_raw() != certificate.issuer().as_raw() {
            below += 1;
        }
    }
    Ok(())
}

fn is_valid(chain: &[X509Certificate<'_>], now_millis: i64) -> Result<(), CertificateFault> {
    for certificate in chain {
        let validity = certificate.validity();
        let from = millis(validity.not_before.timestamp());
        let until = millis(validity.not_after.timestamp());
        if now_millis < from {
            return Err(CertificateFault::NotYet(from));
        }
        if now_millis > until {
            return Err(CertificateFault::Over(until));
        }
    }
    Ok(())
}

/// When all of them have begun.
fn begin(chain: &[X509Certificate<'_>]) -> i64 {
    let begins = chain
        .iter()
        .map(|it| millis(it.validity().not_before.timestamp()));
    begins.max().unwrap_or_default()
}

/// As a browser that knows the last one would judge it: signatures, what each may do, and the name.
fn judge(chain: &[CertificateDer<'_>], name: &str, at_millis: i64) -> Result<(), CertificateFault> {
    let other = || CertificateFault::OtherName(name.to_owned());
    let name = ServerName::try_from(name).map_err(|_| other())?;
    let (first, rest) = chain.split_first().ok_or(CertificateFault::NotPem)?;
    let Some((last, between)) = rest.split_last() else {
        let parsed = rustls::server::ParsedCertificate::try_from(first);
        let parsed = parsed.map_err(|_| CertificateFault::Unreadable(1))?;
        return rustls::client::verify_server_name(&parsed, &name).map_err(|_| other());
    };
    let mut roots = RootCertStore::empty();
    let unreadable = CertificateFault::Unreadable(chain.len());
    roots.add(last.clone()).map_err(|_| unreadable)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
    let verifier = verifier.map_err(|_| CertificateFault::Internal)?;
    let at = Duration::from_millis(u64::try_from(at_millis).unwrap_or_default());
    let at = UnixTime::since_unix_epoch(at);
    match verifier.verify_server_cert(first, between, &name, &[], at) {
        Ok(_) => Ok(()),
        Err(rustls::Error::InvalidCertificate(why)) => Err(told(&why, other, at_millis)),
        Err(_) => Err(CertificateFault::NotForServers),
    }
}

fn told(
    why: &rustls::CertificateError,
    other_name: impl FnOnce() -> CertificateFault,
    at_millis: i64,
) -> CertificateFault {
    use rustls::CertificateError as Why;
    match why {
        Why::NotValidForName | Why::NotValidForNameContext { .. } => other_name(),
        // The dates of each were looked at, where there is a clock: they were never valid together.
        Why::Expired | Why::ExpiredContext { .. } => CertificateFault::Over(at_millis),
        Why::NotValidYet | Why::NotValidYetContext { .. } => CertificateFault::NotYet(at_millis),
        Why::BadSignature | Why::UnknownIssuer => CertificateFault::NotSigned,
        _ => CertificateFault::NotForServers,
    }
}

/// A chain of four with keys of 4096 bits has some 8 KiB.
const PEM_LENGTH_MAX: usize = 32 * 1024;
const CERTIFICATES_MAX: usize = 8;
