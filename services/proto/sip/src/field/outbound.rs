//! What RFC 5626 and registrars add: instance and flow of a contact, Path, Service-Route,
//! Flow-Timer.

use crate::fault::HeaderFault;
use crate::header::Headers;
use crate::header_name::HeaderName;
use crate::list::decimal;
use crate::name_addr::NameAddr;

impl NameAddr {
    /// `+sip.instance` without quotes and angle brackets: a URN that names the device
    /// (RFC 5626 §4.1).
    #[must_use]
    pub fn instance(&self) -> Option<String> {
        let value = self.params.unquoted("+sip.instance")?;
        let inner = value
            .strip_prefix('<')
            .and_then(|rest| rest.strip_suffix('>'));
        inner.filter(|urn| !urn.is_empty()).map(str::to_owned)
    }

    /// The same contact of the device that `urn` names.
    #[must_use]
    pub fn with_instance(mut self, urn: &str) -> Self {
        let quoted = crate::list::quote(&format!("<{urn}>")).to_string();
        self.params.set("+sip.instance", Some(&quoted));
        self
    }

    /// `reg-id`: which of its flows to us a device registers; 1 to 2^31 - 1 (RFC 5626 §4.2).
    #[must_use]
    pub fn reg_id(&self) -> Option<u32> {
        let number: u32 = decimal(self.params.get("reg-id")?.as_bytes())?;
        (1..1 << 31).contains(&number).then_some(number)
    }

    /// Whether the URI has `ob`: requests go back over the flow they came by (RFC 5626 §5.4).
    #[must_use]
    pub fn is_outbound(&self) -> bool {
        self.uri.as_sip().is_some_and(|uri| uri.params.has("ob"))
    }
}

impl Headers {
    /// Path of a REGISTER: the proxies on the way to the contact, the nearest to us first
    /// (RFC 3327 §4).
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn path(&self) -> Result<Vec<NameAddr>, HeaderFault> {
        self.addresses(&HeaderName::Path)
    }

    /// Service-Route of a 200 to REGISTER: the route for what we send from now on (RFC 3608 §5).
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn service_route(&self) -> Result<Vec<NameAddr>, HeaderFault> {
        self.addresses(&HeaderName::ServiceRoute)
    }

    /// Flow-Timer: the most seconds the registrar waits for a keep-alive (RFC 5626 §4.4).
    ///
    /// # Errors
    /// When it is repeated or no number.
    pub fn flow_timer(&self) -> Result<Option<u32>, HeaderFault> {
        self.optional(HeaderName::FlowTimer, decimal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::headers;

    fn contact(text: &str) -> NameAddr {
        NameAddr::parse(text.as_bytes()).expect(text)
    }

    #[test]
    fn a_device_is_named_by_its_instance() {
        // RFC 5626 §4.1.
        let urn = "urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF";
        let read = contact(&format!(
            "<sip:line1@192.0.2.2;transport=tcp;ob>; reg-id=1;+sip.instance=\"<{urn}>\""
        ));
        assert_eq!(read.instance().as_deref(), Some(urn));
        assert_eq!(read.reg_id(), Some(1));
        assert!(read.is_outbound());
        let written = contact("<sip:a@b>").with_instance(urn);
        assert_eq!(
            contact(&written.to_string()).instance().as_deref(),
            Some(urn)
        );
    }

    #[test]
    fn what_names_no_device_or_flow_reads_as_none() {
        for text in ["<sip:a@b>", "<sip:a@b>;reg-id=0;+sip.instance=urn:x"] {
            let read = contact(text);
            assert_eq!((read.instance(), read.reg_id()), (None, None), "{text}");
            assert!(!read.is_outbound());
        }
        assert_eq!(contact("<sip:a@b>;reg-id=2147483648").reg_id(), None);
    }

    #[test]
    fn paths_and_service_routes_keep_their_order() {
        let read = headers(&[
            ("Path", "<sip:p1.example;lr>, <sip:p2.example;lr>"),
            ("Path", "<sip:p3.example;lr;ob>"),
            ("Service-Route", "<sip:s.example;lr>"),
            ("Flow-Timer", "120"),
        ]);
        let hosts: Vec<_> = read.path().expect("legible");
        let hosts: Vec<_> = hosts.iter().map(|one| one.uri.to_string()).collect();
        assert_eq!(
            hosts,
            [
                "sip:p1.example;lr",
                "sip:p2.example;lr",
                "sip:p3.example;lr;ob"
            ]
        );
        assert_eq!(read.service_route().map(|route| route.len()), Ok(1));
        assert_eq!(read.flow_timer(), Ok(Some(120)));
    }
}
