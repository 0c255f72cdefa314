//! For whom the certificate of the box is.

use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};

use qemu::lab::Lab;

use crate::{Failure, Proof};

/// Proves that the certificate of the box, which is reached by this port of the host, is for this
/// name or address; who has signed it does not matter.
///
/// # Errors
/// It is for another, or the box does not answer.
pub fn check_certificate(port: u16, name: &str) -> Proof {
    shake_hands(port, name).map(drop)
}

/// The certificate that the box's pages are served with.
///
/// # Errors
/// The box does not answer.
pub fn certificate_of(lab: &Lab) -> Result<Vec<u8>, Failure> {
    let client = shake_hands(lab.web_port(), BOX_NAME)?;
    let shown = client.peer_certificates().and_then(<[_]>::first);
    let shown = shown.ok_or_else(|| Failure::new("the box shows no certificate"))?;
    Ok(shown.to_vec())
}

/// As the box is found while nobody has named it.
const BOX_NAME: &str = "ramal.local";

fn shake_hands(port: u16, name: &str) -> Result<ClientConnection, Failure> {
    let name = ServerName::try_from(name.to_owned())?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(NameOnly))
        .with_no_client_auth();
    let mut client = ClientConnection::new(Arc::new(config), name)?;
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    while client.is_handshaking() {
        client.complete_io(&mut stream)?;
    }
    Ok(client)
}

#[derive(Debug)]
struct NameOnly;

impl ServerCertVerifier for NameOnly {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
