//! A phone's view of one dialog.

use sip::transaction::Flow;
use sip::{Contacts, Headers, Host, Method, NameAddr, Request, Uri};

/// Just enough of RFC 3261 §12 for a phone without proxies.
#[derive(Clone, Debug)]
pub(crate) struct Dialog {
    pub(crate) call_id: String,
    pub(crate) local: NameAddr,
    pub(crate) remote: NameAddr,
    pub(crate) target: Uri,
    pub(crate) cseq: u32,
}

impl Dialog {
    pub(crate) fn request(&mut self, method: Method) -> Request {
        self.cseq = self.cseq.saturating_add(1);
        self.with_cseq(method, self.cseq)
    }

    pub(crate) fn with_cseq(&self, method: Method, cseq: u32) -> Request {
        let (uri, call_id) = (self.target.clone(), &self.call_id);
        Request::new(method, uri, &self.local, &self.remote, call_id, cseq)
    }

    pub(crate) fn learn(&mut self, headers: &Headers) {
        if let Ok(to) = headers.to() {
            self.remote = to;
        }
        if let Ok(Contacts::List(contacts)) = headers.contacts()
            && let Some(contact) = contacts.into_iter().next()
        {
            self.target = contact.uri;
        }
    }
}

/// `sip:number@box`.
pub(crate) fn at_box(number: &str, flow: Flow) -> Uri {
    Uri::sip(Some(number), Host::from_ip(flow.remote.ip()), None)
}

/// A description of a phone's audio.
pub(crate) fn description(flow: Flow) -> Vec<u8> {
    let address = flow.local.ip();
    format!(
        "v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n\
         m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"
    )
    .into_bytes()
}
