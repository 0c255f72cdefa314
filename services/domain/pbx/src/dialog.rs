//! One dialog of ours with one phone (RFC 3261 §12), from either end.

use sansio::Transport;
use sip::transaction::Flow;
use sip::{HeaderFault, HeaderName, Host, Method, NameAddr, Request, Response, Uri};

/// The state of RFC 3261 §12, with the flow that reaches the peer.
#[derive(Clone, Debug)]
pub(crate) struct Dialog {
    /// Where the peer's last request came from; ours go there, whatever its Contact says.
    pub(crate) flow: Flow,
    /// Call-ID.
    pub(crate) call_id: String,
    /// Our end, with our tag.
    pub(crate) local: NameAddr,
    /// The peer's end, with its tag once it is known.
    pub(crate) remote: NameAddr,
    /// CSeq number of our last request.
    pub(crate) local_cseq: u32,
    /// CSeq number of the peer's last request.
    pub(crate) remote_cseq: Option<u32>,
    target: Uri,
    route: Vec<NameAddr>,
}

impl Dialog {
    /// The dialog an INVITE from a phone asks for; `local_tag` is ours.
    ///
    /// # Errors
    /// When a header field it needs cannot be read.
    pub(crate) fn answering(
        request: &Request,
        flow: Flow,
        local_tag: &str,
        local_cseq: u32,
    ) -> Result<Self, HeaderFault> {
        let headers = &request.headers;
        let remote = headers.from()?;
        let target = first_contact(request)?.unwrap_or_else(|| remote.uri.clone());
        let target = target.into_request_uri();
        Ok(Self {
            flow,
            call_id: headers.call_id()?.to_owned(),
            local: headers.to()?.with_tag(local_tag),
            remote,
            local_cseq,
            remote_cseq: Some(headers.cseq()?.number),
            target,
            route: headers.addresses(&HeaderName::RecordRoute)?,
        })
    }

    /// The dialog we ask a phone for; its INVITE is the first [`Self::request`].
    pub(crate) fn calling(
        flow: Flow,
        call_id: String,
        local: NameAddr,
        remote: NameAddr,
        target: Uri,
        local_cseq: u32,
    ) -> Self {
        let route = Vec::new();
        Self {
            flow,
            call_id,
            local,
            remote,
            local_cseq,
            remote_cseq: None,
            target: target.into_request_uri(),
            route,
        }
    }

    /// Takes the peer's tag, target and route from a response that makes the dialog
    /// (RFC 3261 §12.1.2).
    pub(crate) fn establish(&mut self, response: &Response) {
        if let Ok(to) = response.headers.to() {
            self.remote = to;
        }
        if let Ok(mut route) = response.headers.addresses(&HeaderName::RecordRoute) {
            route.reverse();
            self.route = route;
        }
        self.refresh(&response.headers);
    }

    /// Takes a new target from a target refresh (RFC 3261 §12.2).
    pub(crate) fn refresh(&mut self, headers: &sip::Headers) {
        if let Ok(sip::Contacts::List(contacts)) = headers.contacts()
            && let Some(contact) = contacts.into_iter().next()
        {
            self.target = contact.uri.into_request_uri();
        }
    }

    /// The same dialog with this route: of the first request, by an outbound proxy.
    pub(crate) fn by_way_of(mut self, route: Vec<NameAddr>) -> Self {
        self.route = route;
        self
    }

    /// Where its requests are for: the peer's Contact.
    pub(crate) const fn target(&self) -> &Uri {
        &self.target
    }

    /// What its requests pass on their way.
    pub(crate) fn route(&self) -> &[NameAddr] {
        &self.route
    }

    /// Whom its next request goes to: the first hop of the route, else the target.
    pub(crate) fn next_hop(&self) -> &Uri {
        self.route.first().map_or(&self.target, |hop| &hop.uri)
    }

    /// Our tag.
    pub(crate) fn local_tag(&self) -> &str {
        self.local.tag().unwrap_or_default()
    }

    /// Whether a message carries the peer's tag.
    pub(crate) fn is_from(&self, peer: &NameAddr) -> bool {
        self.remote.tag() == peer.tag()
    }

    /// The next request of ours in this dialog.
    pub(crate) fn request(&mut self, method: Method) -> Request {
        self.local_cseq = self.local_cseq.saturating_add(1);
        self.request_with(method, self.local_cseq)
    }

    /// The ACK for the 2xx to our INVITE with this CSeq (RFC 3261 §13.2.2.4).
    pub(crate) fn ack(&self, cseq: u32) -> Request {
        self.request_with(Method::Ack, cseq)
    }

    /// Where the peer shall send its requests: our end of the flow.
    pub(crate) fn contact(&self) -> String {
        contact(self.flow)
    }

    fn request_with(&self, method: Method, cseq: u32) -> Request {
        let (uri, route) = self.routed();
        let mut request = Request::new(method, uri, &self.local, &self.remote, &self.call_id, cseq);
        for hop in route {
            request.headers.push(HeaderName::Route, hop.to_string());
        }
        request.headers.push(HeaderName::UserAgent, PRODUCT);
        request
    }

    /// Request-URI and Route (RFC 3261 §12.2.1.1): a first hop without `lr` is a strict router and
    /// gets its own URI, with the target at the end of the route.
    fn routed(&self) -> (Uri, Vec<NameAddr>) {
        let mut route = self.route.clone();
        let is_loose = |hop: &NameAddr| hop.uri.as_sip().is_some_and(|uri| uri.params.has("lr"));
        match route.first() {
            Some(first) if !is_loose(first) => {
                let uri = first.uri.clone().into_request_uri();
                route.remove(0);
                route.push(NameAddr::new(self.target.clone()));
                (uri, route)
            }
            Some(_) | None => (self.target.clone(), route),
        }
    }
}

/// What we call ourselves in User-Agent and Server. Without a version: that is for
/// administrators, not for scanners.
pub(crate) const PRODUCT: &str = "Ramal";

/// Our Contact on a flow.
pub(crate) fn contact(flow: Flow) -> String {
    let local = flow.local;
    let host = Host::from_ip(local.ip());
    match flow.transport {
        Transport::Udp => format!("<sip:{host}:{}>", local.port()),
        Transport::Tcp => format!("<sip:{host}:{};transport=tcp>", local.port()),
        Transport::Tls => format!("<sip:{host}:{};transport=tls>", local.port()),
    }
}

/// An address of ours on a flow: `sip:100@192.0.2.1`.
pub(crate) fn address(user: &str, flow: Flow) -> NameAddr {
    NameAddr::new(Uri::sip(Some(user), Host::from_ip(flow.local.ip()), None))
}

fn first_contact(request: &Request) -> Result<Option<Uri>, HeaderFault> {
    match request.headers.contacts()? {
        sip::Contacts::Star => Err(HeaderFault::Malformed(HeaderName::Contact)),
        sip::Contacts::List(contacts) => Ok(contacts.into_iter().next().map(|first| first.uri)),
    }
}

#[cfg(test)]
mod tests;
