//! By what address somebody has opened a page: a passkey belongs to the name of the box, and works
//! nowhere else (WebAuthn §5.1.2, "RP ID": a name, never an IP address).
//!
//! What a request says of its host is believed only where it is the name that the box has been
//! given; everything else is an address by which it happens to be reached.

/// By what address a page was opened, and by what it has to be for a passkey.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Opened {
    /// Where it is served from, as the browser says it, when it was opened by the name of the box.
    pub(crate) origin: Option<String>,
    /// The address of the pages by that name.
    pub(crate) by_name: String,
    /// Somebody here has a passkey.
    pub(crate) is_of_use: bool,
}

impl Opened {
    /// `host` is what the request says, `name` what the box is called: `ramal.local`.
    pub(crate) fn of(host: Option<&str>, name: &str, is_of_use: bool) -> Self {
        let (said, port) = host.map_or(("", None), split);
        let by_name = match port {
            None | Some(HTTPS) => format!("https://{name}"),
            Some(port) => format!("https://{name}:{port}"),
        };
        let is_by_name = said.eq_ignore_ascii_case(name);
        Self {
            origin: is_by_name.then(|| by_name.clone()),
            by_name,
            is_of_use,
        }
    }

    /// What the box is called: `ramal.local`.
    pub(crate) fn name(&self) -> &str {
        let name = self.by_name.strip_prefix("https://");
        let (name, _) = split(name.unwrap_or_default());
        name
    }
}

/// A host and its port. A port that is none makes the whole no host.
fn split(host: &str) -> (&str, Option<u16>) {
    let inside = host.rfind(']').unwrap_or_default();
    match host.rfind(':').filter(|colon| *colon >= inside) {
        None => (host, None),
        Some(colon) => {
            let (name, port) = host.split_at(colon);
            let digits = port.trim_start_matches(':');
            let is_port =
                digits.len() + 1 == port.len() && digits.bytes().all(|it| it.is_ascii_digit());
            match digits.parse().ok().filter(|_| is_port) {
                Some(port) => (name, Some(port)),
                None => ("", None),
            }
        }
    }
}

/// The port that browsers do not say.
const HTTPS: u16 = 443;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_of_the_box_is_one() {
        let check = |host: Option<&str>, origin: Option<&str>, by_name: &str| {
            let opened = Opened::of(host, "matriz.local", false);
            assert_eq!(opened.origin.as_deref(), origin, "{host:?}");
            assert_eq!(opened.by_name, by_name, "{host:?}");
        };
        let plain = "https://matriz.local";
        let forwarded = "https://matriz.local:8443";
        check(Some("matriz.local"), Some(plain), plain);
        check(Some("matriz.local:443"), Some(plain), plain);
        check(Some("Matriz.LOCAL:8443"), Some(forwarded), forwarded);
        check(Some("10.0.0.5"), None, plain);
        check(Some("10.0.0.5:8443"), None, forwarded);
        check(Some("[fe80::1]"), None, plain);
        check(Some("[fe80::1]:8443"), None, forwarded);
        for host in [
            "ramal.local",
            "evil.example",
            "matriz.local.evil.example",
            "x.matriz.local",
            "matriz.local.",
            "matriz.local:",
            "matriz.local:x",
            "matriz.local:+443",
            "matriz.local:99999",
            "matriz.local@evil.example",
            "",
        ] {
            check(Some(host), None, plain);
        }
        check(None, None, plain);
    }
}
