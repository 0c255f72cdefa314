//! Which transport a SIP URI asks for (RFC 3261 §19.1.2 and §26.2.2, RFC 3263 §4.1).

use sansio::Transport;

use super::SipUri;

/// The URI asks for a transport that we do not have, or one that contradicts `sips:`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the URI asks for a transport that is not UDP, TCP or TLS, or for UDP with sips:")]
pub struct TransportFault;

impl SipUri {
    /// The transport that the URI asks for: `None` leaves the choice to the resolver. `sips:` means
    /// TLS, with `transport=tcp` or without (RFC 3261 §26.2.2); `transport=tls` is deprecated and
    /// what most phones write.
    ///
    /// # Errors
    /// When it is none of ours, or UDP with `sips:`.
    pub fn wire_transport(&self) -> Result<Option<Transport>, TransportFault> {
        let asked = match self.params.get("transport") {
            None => None,
            Some(name) if name.eq_ignore_ascii_case("udp") => Some(Transport::Udp),
            Some(name) if name.eq_ignore_ascii_case("tcp") => Some(Transport::Tcp),
            Some(name) if name.eq_ignore_ascii_case("tls") => Some(Transport::Tls),
            Some(_) => return Err(TransportFault),
        };
        match (self.secure, asked) {
            (false, asked) => Ok(asked),
            (true, Some(Transport::Udp)) => Err(TransportFault),
            (true, None | Some(Transport::Tcp | Transport::Tls)) => Ok(Some(Transport::Tls)),
        }
    }

    /// Writes the transport into the URI, as a contact of ours has it: nothing for UDP, the default
    /// of `sip:`; nor for `sips:`, which says it all.
    pub fn set_wire_transport(&mut self, transport: Transport) {
        match transport {
            Transport::Tcp => self.params.set("transport", Some("tcp")),
            Transport::Tls if !self.secure => self.params.set("transport", Some("tls")),
            Transport::Udp | Transport::Tls => self.params.remove("transport"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uri::Uri;

    #[test]
    fn a_uri_says_its_transport_or_leaves_the_choice() {
        let check = |text: &str, transport| {
            let uri = Uri::parse(text.as_bytes()).expect(text);
            let uri = uri.as_sip().expect("a SIP URI");
            assert_eq!(uri.wire_transport(), transport, "{text}");
        };
        check("sip:a@b", Ok(None));
        check("sip:a@b;transport=UDP", Ok(Some(Transport::Udp)));
        check("sip:a@b;Transport=tcp", Ok(Some(Transport::Tcp)));
        check("sip:a@b;transport=tls", Ok(Some(Transport::Tls)));
        check("sips:a@b", Ok(Some(Transport::Tls)));
        check("sips:a@b;transport=tcp", Ok(Some(Transport::Tls)));
        check("sips:a@b;transport=udp", Err(TransportFault));
        check("sip:a@b;transport=ws", Err(TransportFault));
    }

    #[test]
    fn what_is_written_reads_back() {
        let Ok(Uri::Sip(mut uri)) = Uri::parse(b"sip:a@b;transport=ws;ob") else {
            panic!("a SIP URI");
        };
        for transport in [Transport::Tcp, Transport::Tls] {
            uri.set_wire_transport(transport);
            assert_eq!(uri.wire_transport(), Ok(Some(transport)));
        }
        uri.set_wire_transport(Transport::Udp);
        assert_eq!(uri.to_string(), "sip:a@b;ob");
        uri.secure = true;
        uri.set_wire_transport(Transport::Tls);
        assert_eq!(uri.to_string(), "sips:a@b;ob");
    }
}
