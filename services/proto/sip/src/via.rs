//! The Via header field (RFC 3261 §20.42, RFC 3581).

use std::borrow::Cow;
use std::fmt;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};

use crate::list::{decimal, find_outside, is_blank, is_token, trim};
use crate::params::{Params, ParamsRef};
use crate::uri::{Host, host_port};

/// One hop a request took.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Via {
    /// Transport as sent: `UDP`, `TCP`, `TLS`, or anything newer.
    pub transport: String,
    /// Who says it sent the request: host...
    pub host: Host,
    /// ...and port.
    pub port: Option<u16>,
    /// `branch`, `received`, `rport`...
    pub params: Params,
}

/// What an RFC 3261 branch starts with; only then does it name the transaction by itself.
pub(crate) const MAGIC_COOKIE: &str = "z9hG4bK";

impl Via {
    /// A hop of our own, asking for `rport` (RFC 3581).
    #[must_use]
    pub fn new(transport: sansio::Transport, sent_by: SocketAddr, branch: &str) -> Self {
        let mut params = Params::new();
        params.set("branch", Some(branch));
        params.set("rport", None);
        Self {
            transport: transport.to_string(),
            host: Host::from_ip(sent_by.ip()),
            port: Some(sent_by.port()),
            params,
        }
    }

    /// Reads one Via element; `None` when it is none. Blanks around `/` and `:` are allowed.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        ViaRef::parse(text).map(ViaRef::into_owned)
    }

    /// The `branch` parameter.
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        self.params.get("branch")
    }

    /// The `received` parameter.
    #[must_use]
    pub fn received(&self) -> Option<IpAddr> {
        let text = self.params.get("received")?;
        text.trim_start_matches('[')
            .trim_end_matches(']')
            .parse()
            .ok()
    }

    /// The `rport` parameter: `Some(None)` when only asked for.
    #[must_use]
    pub fn rport(&self) -> Option<Option<u16>> {
        self.params.get("rport").map(|port| port.parse().ok())
    }

    /// Notes where the request really came from: `received` always, `rport` when asked for
    /// (RFC 3261 §18.2.1, RFC 3581 §4).
    pub fn stamp(&mut self, source: SocketAddr) {
        self.params.set("received", Some(&source.ip().to_string()));
        if self.params.has("rport") {
            self.params.set("rport", Some(&source.port().to_string()));
        }
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)
    }
}

/// Takes `name`, blanks, `/` and blanks off the front.
fn element<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (found, rest) = trim(text).split_at_checked(name.len())?;
    if !found.eq_ignore_ascii_case(name) {
        return None;
    }
    let [b'/', rest @ ..] = trim(rest) else {
        return None;
    };
    Some(trim(rest))
}

/// `host : port` with blanks allowed around the colon; blanks elsewhere are a fault.
fn sent_by(text: &[u8]) -> Option<(Cow<'_, str>, Option<u16>)> {
    if !text.iter().any(|byte| is_blank(*byte)) {
        return host_port(str::from_utf8(text).ok()?);
    }
    let at = memchr::memrchr(b':', text)?;
    let (host, port) = text.split_at_checked(at)?;
    let port = decimal(trim(port.get(1..)?))?;
    let (host, None) = host_port(str::from_utf8(trim(host)).ok()?)? else {
        return None;
    };
    Some((host, Some(port)))
}

/// A hop that is known to be legible, borrowed from the field it stands in.
pub(crate) struct ViaRef<'a> {
    pub(crate) transport: &'a str,
    pub(crate) host: Cow<'a, str>,
    pub(crate) port: Option<u16>,
    pub(crate) params: ParamsRef<'a>,
}

impl<'a> ViaRef<'a> {
    /// Reads by the same rules as [`Via::parse`].
    pub(crate) fn parse(text: &'a [u8]) -> Option<Self> {
        let rest = element(text, b"SIP")?;
        let rest = element(rest, b"2.0")?;
        let at = rest.iter().position(|byte| is_blank(*byte))?;
        let (transport, rest) = rest.split_at_checked(at)?;
        if !is_token(transport) {
            return None;
        }
        let end = find_outside(rest, b';').unwrap_or(rest.len());
        let (address, params) = rest.split_at_checked(end)?;
        let (host, port) = sent_by(trim(address))?;
        Some(Self {
            transport: str::from_utf8(transport).ok()?,
            host,
            port,
            params: ParamsRef::parse(params)?,
        })
    }

    pub(crate) fn branch(&self) -> Option<&'a str> {
        self.params.get("branch")
    }

    pub(crate) fn into_owned(self) -> Via {
        Via {
            transport: self.transport.to_owned(),
            host: Host::checked_already(self.host),
            port: self.port,
            params: self.params.to_owned(),
        }
    }

    /// The hop as written after [`Via::stamp`], in one pass.
    pub(crate) fn stamped(&self, source: SocketAddr) -> Vec<u8> {
        /// Room for `;received=`, an IPv6 address, and the port behind `;rport`.
        const STAMP_BYTES: usize = 64;
        let params = self.params.iter().map(|param| {
            let value = param.value.map_or(0, |value| value.len() + 1);
            param.name.len() + value + 1
        });
        let room = self.host.len() + params.sum::<usize>() + STAMP_BYTES;
        let mut out = Vec::with_capacity(room);
        self.write_stamped(&mut out, source);
        out
    }

    fn write_stamped(&self, out: &mut Vec<u8>, source: SocketAddr) {
        for part in ["SIP/2.0/", self.transport, " ", &self.host] {
            out.extend_from_slice(part.as_bytes());
        }
        if let Some(port) = self.port {
            out.push(b':');
            write_decimal(out, port);
        }
        let (mut received, mut rport) = (false, false);
        for param in self.params.iter() {
            out.push(b';');
            out.extend_from_slice(param.name.as_bytes());
            if !received && param.name.eq_ignore_ascii_case("received") {
                received = true;
                out.push(b'=');
                write_ip(out, source.ip());
            } else if !rport && param.name.eq_ignore_ascii_case("rport") {
                rport = true;
                out.push(b'=');
                write_decimal(out, source.port());
            } else if let Some(value) = param.value {
                out.push(b'=');
                out.extend_from_slice(value.as_bytes());
            }
        }
        if !received {
            out.extend_from_slice(b";received=");
            write_ip(out, source.ip());
        }
    }
}

fn write_ip(out: &mut Vec<u8>, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => {
            for (index, octet) in ip.octets().into_iter().enumerate() {
                if index > 0 {
                    out.push(b'.');
                }
                write_decimal(out, octet.into());
            }
        }
        IpAddr::V6(ip) => {
            // Writing to memory does not fail.
            let _ = write!(out, "{ip}");
        }
    }
}

/// Every request has such numbers noted in its Via: formatting costs several times as much.
fn write_decimal(out: &mut Vec<u8>, number: u16) {
    if number >= 10 {
        write_decimal(out, number / 10);
    }
    out.extend(u8::try_from(number % 10).map(|digit| b'0' + digit));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn via(text: &str) -> Via {
        Via::parse(text.as_bytes()).expect(text)
    }

    #[test]
    fn a_hop_is_read_whatever_its_spacing() {
        let check = |text: &str, written: &str| assert_eq!(via(text).to_string(), written);
        check(
            "SIP/2.0/UDP h:5060;branch=z9hG4bKx",
            "SIP/2.0/UDP h:5060;branch=z9hG4bKx",
        );
        check(
            "sip / 2.0 / TCP  [::1] : 5070 ; rport",
            "SIP/2.0/TCP [::1]:5070;rport",
        );
        check(
            "SIP/2.0/WSS df7jal23ls0d.invalid;rport",
            "SIP/2.0/WSS df7jal23ls0d.invalid;rport",
        );
    }

    #[test]
    fn what_is_no_hop_is_refused() {
        let check = |text: &str| assert_eq!(Via::parse(text.as_bytes()), None, "{text}");
        check("");
        check("SIP/2.0/UDP");
        check("SIP/2.0/UDP ;branch=x");
        check("SIP/3.0/UDP h");
        check("HTTP/2.0/UDP h");
        check("SIP/2.0/U,P h");
        check("SIP/2.0/UDP h h");
        check("SIP/2.0/UDP h:x");
        check("SIP/2.0/UDP h;branch=\"");
    }

    #[test]
    fn the_source_is_stamped_over_what_the_peer_claims() {
        let mut hop = via("SIP/2.0/UDP 10.0.0.1;rport=1;received=10.0.0.2;branch=x");
        hop.stamp(SocketAddr::from(([192, 0, 2, 1], 9)));
        assert_eq!(
            hop.to_string(),
            "SIP/2.0/UDP 10.0.0.1;rport=9;received=192.0.2.1;branch=x"
        );
        let mut six = via("SIP/2.0/UDP [::1];rport");
        six.stamp("[2001:db8::7]:9".parse().expect("an address"));
        assert_eq!(
            six.received(),
            Some("2001:db8::7".parse().expect("an address"))
        );
        assert_eq!(six.rport(), Some(Some(9)));
    }

    #[test]
    fn stamping_in_place_writes_what_stamping_does() {
        for text in [
            "SIP/2.0/UDP 10.0.0.1;rport=1;received=10.0.0.2;branch=x",
            "sip / 2.0 / tcp [::1] : 7 ; RPORT ; x=\"a;b\" ; Received=y;rport;received",
            "SIP/2.0/UDP h",
        ] {
            for source in ["192.0.2.1:9", "10.0.100.255:65535", "[2001:db8::7]:1000"] {
                let source: SocketAddr = source.parse().expect("an address");
                let mut hop = via(text);
                hop.stamp(source);
                let written = ViaRef::parse(text.as_bytes()).expect(text).stamped(source);
                assert_eq!(String::from_utf8(written).expect("text"), hop.to_string());
            }
        }
    }
}
