//! What some devices cannot do, by the name they give themselves. Data, kept with the reason.

use sip::{HeaderName, Request};

/// Devices that give up when any challenge is not MD5, instead of answering the one they can
/// (RFC 8760 §2.4 wants them to skip it).
///
/// - baresip 0 and 1: libre before 2.0 fails with "Function not implemented", in either order.
const READS_MD5_ONLY: [&str; 4] = ["baresip v0.", "baresip v1.", "baresip/0.", "baresip/1."];

/// Whether the sender of a request can be offered SHA-256 beside MD5.
///
/// The answer depends on the device and never on the extension, so it tells nobody which ones
/// exist; and MD5 is on offer to every device, so a false name gains nothing.
pub(crate) fn reads_sha256(request: &Request) -> bool {
    let name = request
        .headers
        .first(&HeaderName::UserAgent)
        .unwrap_or_default();
    !READS_MD5_ONLY
        .iter()
        .any(|known| name.starts_with(known.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(user_agent: &str) -> Request {
        let text = format!(
            "REGISTER sip:10.0.0.1 SIP/2.0\r\n\
             Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK1\r\n\
             From: <sip:100@10.0.0.1>;tag=1\r\n\
             To: <sip:100@10.0.0.1>\r\n\
             Call-ID: 1\r\nCSeq: 1 REGISTER\r\n{user_agent}Content-Length: 0\r\n\r\n"
        );
        match sip::parse_datagram(text.as_bytes()) {
            Ok(sip::Message::Request(request)) => request,
            other => panic!("not a request: {other:?}"),
        }
    }

    #[test]
    fn only_devices_known_to_choke_are_spared_sha256() {
        assert!(!reads_sha256(&request(
            "User-Agent: baresip v1.0.0 (x86_64/linux)\r\n"
        )));
        assert!(reads_sha256(&request(
            "User-Agent: baresip v2.0.0 (x86_64/linux)\r\n"
        )));
        assert!(reads_sha256(&request(
            "User-Agent: Yealink SIP-T46S 66.86.0.15\r\n"
        )));
        assert!(reads_sha256(&request("")));
    }
}
