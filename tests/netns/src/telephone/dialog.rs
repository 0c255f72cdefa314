//! What an end of a call has to know to go on with it.

use std::net::{IpAddr, SocketAddr};

use native::NativeError;
use sip::{NameAddr, Request, Response, Uri};

use super::unexpected;

/// One end of a dialog (RFC 3261 §12).
#[derive(Clone, Debug)]
pub struct Dialog {
    /// Call-ID.
    pub call_id: String,
    /// Our address with our tag.
    pub local: NameAddr,
    /// The other's with its tag.
    pub remote: NameAddr,
    pub(super) target: Uri,
    pub(super) cseq: u32,
    /// Where the other end's media is.
    pub media: SocketAddr,
}

impl Dialog {
    /// The caller's end.
    pub(super) fn of_caller(invite: &Request, answer: &Response) -> Result<Self, NativeError> {
        if !answer.status.is_success() {
            return Err(unexpected(&format!("{} to a call", answer.status)));
        }
        let headers = &answer.headers;
        Ok(Self {
            call_id: headers.call_id().unwrap_or_default().to_owned(),
            local: invite.headers.from().map_err(|_| unexpected("no From"))?,
            remote: headers.to().map_err(|_| unexpected("no To"))?,
            target: target(headers)?,
            cseq: headers.cseq().map_err(|_| unexpected("no CSeq"))?.number,
            media: media_of(&answer.body)?,
        })
    }

    /// The end of who is called and has answered under this tag.
    pub(super) fn of_callee(invite: &Request, tag: &str) -> Result<Self, NativeError> {
        let headers = &invite.headers;
        let broken = |_| unexpected("an INVITE without From or To");
        Ok(Self {
            call_id: headers.call_id().unwrap_or_default().to_owned(),
            local: headers.to().map_err(broken)?.with_tag(tag),
            remote: headers.from().map_err(broken)?,
            target: target(headers)?,
            cseq: 0,
            media: media_of(&invite.body)?,
        })
    }
}

/// Where a dialog's peer wants its requests.
fn target(headers: &sip::Headers) -> Result<Uri, NativeError> {
    match headers.contacts() {
        Ok(sip::Contacts::List(contacts)) => contacts
            .into_iter()
            .next()
            .map(|contact| contact.uri)
            .ok_or_else(|| unexpected("no Contact")),
        Ok(sip::Contacts::Star) | Err(_) => Err(unexpected("no Contact")),
    }
}

/// Where a description wants its audio.
fn media_of(description: &[u8]) -> Result<SocketAddr, NativeError> {
    let text = String::from_utf8_lossy(description);
    let find = |start: &str| text.lines().find_map(|line| line.strip_prefix(start));
    let address = find("c=IN IP4 ").or_else(|| find("c=IN IP6 "));
    let address = address.and_then(|address| address.trim().parse().ok());
    let port = find("m=audio ")
        .and_then(|rest| rest.split(' ').next())
        .and_then(|port| port.parse().ok());
    address
        .zip(port)
        .map(|(address, port): (IpAddr, u16)| SocketAddr::new(address, port))
        .ok_or_else(|| unexpected("a description without audio"))
}
