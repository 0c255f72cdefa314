//! Requests as text, and the little of a response that a probe has to understand.

use std::net::SocketAddr;

/// What stays the same when a request is asked again with credentials.
pub(super) struct RequestParts {
    pub(super) method: &'static str,
    pub(super) uri: String,
    /// With its tag.
    pub(super) from: String,
    pub(super) to: String,
    pub(super) call_id: String,
    pub(super) contact: String,
    pub(super) transport: &'static str,
    pub(super) local: SocketAddr,
    /// Whole lines.
    pub(super) headers: String,
    pub(super) body: String,
}

/// One client transaction.
pub(super) struct Request<'a> {
    parts: &'a RequestParts,
    number: u32,
    branch: String,
    authorization: Option<&'a str>,
}

impl<'a> Request<'a> {
    pub(super) fn new(
        parts: &'a RequestParts,
        number: u32,
        branch: String,
        authorization: Option<&'a str>,
    ) -> Self {
        Self {
            parts,
            number,
            branch,
            authorization,
        }
    }

    pub(super) fn method(&self) -> &'static str {
        self.parts.method
    }

    pub(super) fn is_invite(&self) -> bool {
        self.parts.method == "INVITE"
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let RequestParts {
            method,
            uri,
            to,
            contact,
            headers,
            body,
            ..
        } = self.parts;
        let authorization = self.authorization.unwrap_or_default();
        let more = format!("Contact: <{contact}>\r\n{authorization}{headers}");
        self.write(method, uri, &self.branch, to, &more, body)
    }

    /// CANCEL has the branch of what it cancels. RFC 3261 §9.1.
    pub(super) fn cancel(&self) -> Vec<u8> {
        let RequestParts { uri, to, .. } = self.parts;
        self.write("CANCEL", uri, &self.branch, to, "", "")
    }

    /// The ACK of a final response. That of a 2xx is a transaction of its own (RFC 3261 §13.2.2.4)
    /// and goes to the contact; that of any other has the branch of the INVITE (§17.1.1.3).
    pub(super) fn ack(&self, response: &Response, own_branch: Option<&str>) -> Vec<u8> {
        let to = response.header("To").unwrap_or(&self.parts.to);
        let uri = match own_branch {
            Some(_) => response.contact().unwrap_or(&self.parts.uri),
            None => &self.parts.uri,
        };
        self.write("ACK", uri, own_branch.unwrap_or(&self.branch), to, "", "")
    }

    /// What it takes to end the call that the response began. Our servers are no proxies: there is
    /// no Record-Route to follow.
    pub(super) fn bye_parts(&self, response: &Response) -> RequestParts {
        let RequestParts {
            uri,
            from,
            to,
            call_id,
            contact,
            transport,
            local,
            ..
        } = self.parts;
        RequestParts {
            method: "BYE",
            uri: response.contact().unwrap_or(uri).to_owned(),
            from: from.clone(),
            to: response.header("To").unwrap_or(to).to_owned(),
            call_id: call_id.clone(),
            contact: contact.clone(),
            transport,
            local: *local,
            headers: String::new(),
            body: String::new(),
        }
    }

    /// Whether a response belongs to this transaction. RFC 3261 §17.1.3.
    pub(super) fn is_answered_by(&self, response: &Response) -> bool {
        let via = response.header("Via").unwrap_or_default();
        let branch = via
            .split(';')
            .find_map(|part| part.trim().strip_prefix("branch="));
        let cseq = response.header("CSeq").unwrap_or_default();
        let method = cseq.split_whitespace().nth(1);
        branch == Some(self.branch.as_str()) && method == Some(self.parts.method)
    }

    fn write(
        &self,
        method: &str,
        uri: &str,
        branch: &str,
        to: &str,
        more: &str,
        body: &str,
    ) -> Vec<u8> {
        let RequestParts {
            from,
            call_id,
            transport,
            local,
            ..
        } = self.parts;
        let (number, size) = (self.number, body.len());
        format!(
            "{method} {uri} SIP/2.0\r\n\
             Via: SIP/2.0/{transport} {local};branch={branch};rport\r\n\
             Max-Forwards: 70\r\n\
             From: {from}\r\n\
             To: {to}\r\n\
             Call-ID: {call_id}\r\n\
             CSeq: {number} {method}\r\n\
             User-Agent: probe\r\n\
             {more}Content-Length: {size}\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

/// An offer of G.711 and telephone events.
pub(super) fn offer(media: SocketAddr) -> String {
    let (address, port) = (media.ip(), media.port());
    let family = if address.is_ipv4() { "IP4" } else { "IP6" };
    format!(
        "v=0\r\n\
         o=probe 1 1 IN {family} {address}\r\n\
         s=-\r\n\
         c=IN {family} {address}\r\n\
         t=0 0\r\n\
         m=audio {port} RTP/AVP 8 0 101\r\n\
         a=rtpmap:8 PCMA/8000\r\n\
         a=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\n\
         a=fmtp:101 0-15\r\n\
         a=sendrecv\r\n"
    )
}

/// A SIP response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// 100 to 699.
    pub status: u16,
    /// The words after it.
    pub reason: String,
    /// Names and values as they came, in order.
    pub headers: Vec<(String, String)>,
    /// What follows them.
    pub body: String,
}

impl Response {
    /// The first header of that name; names are compared without regard to case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self
            .headers
            .iter()
            .filter(|(found, _value)| is_name(found, name));
        found.next().map(|(_name, value)| value.as_str())
    }

    /// Every header of that name.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let found = self
            .headers
            .iter()
            .filter(|(found, _value)| is_name(found, name));
        found.map(|(_name, value)| value.as_str()).collect()
    }

    /// The URI of the Contact.
    fn contact(&self) -> Option<&str> {
        let contact = self.header("Contact")?;
        let inside = contact
            .split_once('<')
            .and_then(|(_name, rest)| rest.split_once('>'));
        Some(inside.map_or(contact, |(uri, _parameters)| uri))
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").ok_or("no end of the headers")?;
        let mut lines = head.split("\r\n");
        let start = lines.next().and_then(|line| line.strip_prefix("SIP/2.0 "));
        let start = start.ok_or("no status line")?;
        let (status, reason) = start.split_once(' ').unwrap_or((start, ""));
        let status = status
            .parse()
            .ok()
            .filter(|status| (100..700).contains(status));
        let status = status.ok_or("not a status")?;
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in lines {
            match (line.strip_prefix([' ', '\t']), headers.last_mut()) {
                // A header folded over two lines. RFC 3261 §7.3.1.
                (Some(rest), Some((_name, value))) => {
                    value.push(' ');
                    value.push_str(rest.trim());
                }
                _unfolded => {
                    let (name, value) = line.split_once(':').ok_or("a header without a colon")?;
                    headers.push((name.trim().to_owned(), value.trim().to_owned()));
                }
            }
        }
        Ok(Self {
            status,
            reason: reason.to_owned(),
            headers,
            body: body.to_owned(),
        })
    }
}

/// Whether a header that came is the one that is asked for by its long name.
fn is_name(found: &str, name: &str) -> bool {
    let long = SHORT
        .iter()
        .find(|(short, _long)| found.eq_ignore_ascii_case(short));
    long.map_or(found, |(_short, long)| long)
        .eq_ignore_ascii_case(name)
}

/// The compact forms of the headers a probe reads. RFC 3261 §7.3.3.
const SHORT: [(&str, &str); 6] = [
    ("v", "Via"),
    ("f", "From"),
    ("t", "To"),
    ("i", "Call-ID"),
    ("m", "Contact"),
    ("l", "Content-Length"),
];
