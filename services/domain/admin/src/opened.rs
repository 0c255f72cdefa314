//! By what address somebody has opened a page: a passkey belongs to a name of the box, and works
//! nowhere else (WebAuthn §5.1.2, "RP ID": a name, never an IP address).
//!
//! What a request says of its host is believed only where it is a name that the box has been given,
//! or one that others have signed its certificate for; everything else is an address by which it
//! happens to be reached.

/// A name that the box serves its pages by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Name {
    /// `ramal.local`, lower case.
    pub(crate) name: String,
    /// Somebody here has a passkey that was made for it.
    pub(crate) is_of_use: bool,
    /// The certificate is for it. By one that others have signed for other names alone browsers
    /// refuse to open it, or take no passkey there.
    pub(crate) is_served: bool,
}

/// By what address a page was opened, and by what it has to be for a passkey.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Opened {
    /// Where it is served from, as the browser says it, when it was opened by a name of the box.
    pub(crate) origin: Option<String>,
    /// The address of the pages by that name, or by the one to open instead.
    pub(crate) by_name: String,
    /// Somebody here has a passkey for that name.
    pub(crate) is_of_use: bool,
    name: String,
}

impl Opened {
    /// `host` is what the request says, `names` those of the box, the first the one it was given.
    pub(crate) fn of(host: Option<&str>, names: &[Name]) -> Self {
        let (said, port) = host.map_or(("", None), split);
        let here = names.iter().find(|it| said.eq_ignore_ascii_case(&it.name));
        let mut served = names.iter().filter(|it| it.is_served);
        let of_use = served.clone().find(|it| it.is_of_use);
        let to_open = here.or(of_use).or_else(|| served.next());
        let to_open = to_open.or_else(|| names.first());
        let name = to_open.map(|it| it.name.clone()).unwrap_or_default();
        let by_name = match port {
            None | Some(HTTPS) => format!("https://{name}"),
            Some(port) => format!("https://{name}:{port}"),
        };
        Self {
            origin: here.map(|_| by_name.clone()),
            by_name,
            is_of_use: to_open.is_some_and(|it| it.is_of_use),
            name,
        }
    }

    /// The name of the box that it was opened by, or is to be: `ramal.local`.
    pub(crate) fn name(&self) -> &str {
        &self.name
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

    fn names(of_use: &[&str]) -> Vec<Name> {
        let named = |name: &&str| Name {
            name: (*name).to_owned(),
            is_of_use: of_use.contains(name),
            is_served: true,
        };
        ["matriz.local", "pbx.example.com"]
            .iter()
            .map(named)
            .collect()
    }

    #[test]
    fn nobody_is_led_to_a_name_that_the_certificate_leaves_out() {
        let (local, own) = ("https://matriz.local", "https://pbx.example.com");
        for (of_use, is_of_use) in [
            (&[][..], false),
            (&["matriz.local"], false),
            (&["pbx.example.com"], true),
            (&["matriz.local", "pbx.example.com"], true),
        ] {
            let mut names = names(of_use);
            names[0].is_served = false;
            let opened = Opened::of(Some("10.0.0.5"), &names);
            assert_eq!((&*opened.by_name, opened.is_of_use), (own, is_of_use));
            // Whose browser opens it all the same is there.
            let opened = Opened::of(Some("matriz.local"), &names);
            assert_eq!(opened.origin.as_deref(), Some(local));
            // There may be no other: a certificate for an address.
            let opened = Opened::of(Some("10.0.0.5"), &names[..1]);
            assert_eq!((opened.origin, &*opened.by_name), (None, local));
        }
    }

    #[test]
    fn the_name_of_a_signed_certificate_is_one_too_and_leads_to_where_passkeys_are() {
        let check = |host: &str, of_use: &[&str], origin: Option<&str>, by_name: &str, is: bool| {
            let opened = Opened::of(Some(host), &names(of_use));
            assert_eq!(opened.origin.as_deref(), origin, "{host}");
            assert_eq!(
                (&*opened.by_name, opened.is_of_use),
                (by_name, is),
                "{host}"
            );
        };
        let (local, own) = ("https://matriz.local", "https://pbx.example.com");
        check("PBX.example.com", &[], Some(own), own, false);
        check(
            "pbx.example.com",
            &["pbx.example.com"],
            Some(own),
            own,
            true,
        );
        check("pbx.example.com", &["matriz.local"], Some(own), own, false);
        let forwarded = "https://pbx.example.com:8443";
        check(
            "pbx.example.com:8443",
            &[],
            Some(forwarded),
            forwarded,
            false,
        );
        check("10.0.0.5", &[], None, local, false);
        check("10.0.0.5", &["pbx.example.com"], None, own, true);
        check(
            "10.0.0.5",
            &["matriz.local", "pbx.example.com"],
            None,
            local,
            true,
        );
        for host in [
            "x.pbx.example.com",
            "example.com",
            "pbx.example.com.evil.example",
        ] {
            check(host, &[], None, local, false);
        }
        assert_eq!(
            Opened::of(Some("pbx.example.com:8443"), &names(&[])).name(),
            "pbx.example.com"
        );
    }

    #[test]
    fn only_the_name_of_the_box_is_one() {
        let check = |host: Option<&str>, origin: Option<&str>, by_name: &str| {
            let opened = Opened::of(host, &names(&[])[..1]);
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
