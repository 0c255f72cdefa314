//! Making requests and responses.

use crate::header::Headers;
use crate::header_name::HeaderName;
use crate::message::{Request, Response};
use crate::method::Method;
use crate::name_addr::NameAddr;
use crate::status::StatusCode;
use crate::uri::Uri;

/// Hops a new request may take (RFC 3261 §8.1.1.6).
const MAX_FORWARDS: &str = "70";

impl Request {
    /// A request with the fields RFC 3261 §8.1.1 asks for, except Via, which
    /// [`transaction::Layer`](crate::transaction::Layer) adds when it is sent.
    #[must_use]
    pub fn new(
        method: Method,
        uri: Uri,
        from: &NameAddr,
        to: &NameAddr,
        call_id: &str,
        cseq: u32,
    ) -> Self {
        let mut headers = Headers::with_room(12, 512);
        headers.push(HeaderName::MaxForwards, MAX_FORWARDS);
        headers.push(HeaderName::From, from.to_string());
        headers.push(HeaderName::To, to.to_string());
        headers.push(HeaderName::CallId, call_id);
        headers.push(HeaderName::CSeq, format!("{cseq} {method}"));
        Self {
            method,
            uri,
            headers,
            body: Vec::new(),
        }
    }

    /// The same request with this body.
    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: Vec<u8>) -> Self {
        self.headers.set(HeaderName::ContentType, content_type);
        self.body = body;
        self
    }
}

impl Response {
    /// A response to `request`: Via, From, To, Call-ID and CSeq copied as sent (RFC 3261 §8.2.6),
    /// Record-Route too where a dialog may come of it (§12.1.1).
    ///
    /// `to_tag` is put on To when the request had none there; give it on all but 100.
    /// The request's top Via has been stamped with its source by the transaction layer.
    #[must_use]
    pub fn to_request(request: &Request, status: StatusCode, to_tag: Option<&str>) -> Self {
        let mut response = Self::answering(&request.headers, status, to_tag);
        if status == StatusCode::TRYING
            && let Some(stamp) = request.headers.first(&HeaderName::Timestamp)
        {
            // RFC 3261 §8.2.6.1.
            response.headers.push(HeaderName::Timestamp, stamp);
        }
        let makes_dialog = match request.method {
            Method::Invite | Method::Subscribe | Method::Refer | Method::Notify => true,
            Method::Ack
            | Method::Bye
            | Method::Cancel
            | Method::Register
            | Method::Options
            | Method::Info
            | Method::Message
            | Method::Prack
            | Method::Publish
            | Method::Update
            | Method::Other(_) => false,
        };
        if makes_dialog && status > StatusCode::TRYING && status.code() < 300 {
            for route in request.headers.all(&HeaderName::RecordRoute) {
                response.headers.push(HeaderName::RecordRoute, route);
            }
        }
        response
    }

    /// The same for header fields alone, as salvaged from a faulty request.
    pub(crate) fn answering(headers: &Headers, status: StatusCode, to_tag: Option<&str>) -> Self {
        // As long as the request, and two challenges.
        let mut copied = Headers::with_room(12, headers.text_length() + 512);
        for via in headers.all(&HeaderName::Via) {
            copied.push(HeaderName::Via, via);
        }
        for name in [
            HeaderName::From,
            HeaderName::To,
            HeaderName::CallId,
            HeaderName::CSeq,
        ] {
            let Some(value) = headers.first(&name) else {
                continue;
            };
            if name == HeaderName::To
                && let Some(tag) = to_tag
                && headers
                    .address_ref(HeaderName::To)
                    .is_ok_and(|to| to.tag().is_none())
            {
                copied.push(name, [value, b";tag=", tag.as_bytes()].concat());
                continue;
            }
            copied.push(name, value);
        }
        Self {
            status,
            reason: status.reason().into(),
            headers: copied,
            body: Vec::new(),
        }
    }

    /// The same response with this field added.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: impl AsRef<[u8]>) -> Self {
        self.headers.push(name, value);
        self
    }

    /// The same response with this body.
    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: Vec<u8>) -> Self {
        self.headers.set(HeaderName::ContentType, content_type);
        self.body = body;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3261 §8.2.6.1.
    #[test]
    fn the_100_has_the_timestamp_of_its_request_and_no_other_answer_has() {
        let text = "INVITE sip:101@h SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n\
            From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\
            Timestamp: 54\r\nContent-Length: 0\r\n\r\n";
        let Ok(crate::Message::Request(invite)) = crate::parse_datagram(text.as_bytes()) else {
            panic!("a request")
        };
        let stamp = |status| {
            let response = Response::to_request(&invite, status, Some("t"));
            response
                .headers
                .text(&HeaderName::Timestamp)
                .map(str::to_owned)
        };
        assert_eq!(stamp(StatusCode::TRYING).as_deref(), Some("54"));
        assert_eq!(stamp(StatusCode::RINGING), None);
    }
}
