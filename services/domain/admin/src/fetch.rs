//! Fetching an update, from a server or a memory stick: where from, and what may go wrong, free of
//! any HTTP library.

use ipc::init::StickFile;
use ipc::store;
use ipc::update::Refusal;

use crate::refusals;

/// A file on a web server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address {
    /// HTTPS.
    pub is_secure: bool,
    /// Name or address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Path and query, from `/` on.
    pub target: String,
}

impl Address {
    /// Reads `http://` and `https://` addresses, and no others: no files, no passwords in them.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.trim().split_once("://")?;
        let is_secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at_checked(end)?;
        let (host, port) = host_and_port(authority)?;
        let default = if is_secure { 443 } else { 80 };
        let target = match target.strip_prefix('/') {
            Some(_) => target.to_owned(),
            None => format!("/{target}"),
        };
        let plain = target.bytes().all(|byte| byte.is_ascii_graphic());
        (plain && text.len() <= LENGTH_MAX).then_some(Self {
            is_secure,
            host,
            port: port.unwrap_or(default),
            target,
        })
    }

    /// Where a redirect leads (RFC 9110 §10.2.2).
    ///
    /// # Errors
    /// To nothing of the web, or from HTTPS to HTTP.
    pub fn redirect(&self, location: &str) -> Result<Self, FetchFault> {
        let whole = if location.contains("://") {
            location.to_owned()
        } else if let Some(rest) = location.strip_prefix("//") {
            format!("{}://{rest}", self.scheme())
        } else if location.starts_with('/') {
            format!("{}{location}", self.origin())
        } else {
            let path = self.target.split('?').next().unwrap_or_default();
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{}{folder}/{location}", self.origin())
        };
        let to = Self::parse(&whole).ok_or(FetchFault::BadAddress)?;
        if self.is_secure && !to.is_secure {
            return Err(FetchFault::Downgrade);
        }
        Ok(to)
    }

    /// Host, and the port where it is not the usual one, as `Host` and `origin` have it.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match (self.is_secure, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    /// As people may see it: what stands behind `?` may be a secret of the server.
    #[must_use]
    pub fn shown(&self) -> String {
        let path = self.target.split('?').next().unwrap_or_default();
        format!("{}{path}", self.origin())
    }

    fn origin(&self) -> String {
        format!("{}://{}", self.scheme(), self.authority())
    }

    const fn scheme(&self) -> &'static str {
        if self.is_secure { "https" } else { "http" }
    }
}

fn host_and_port(authority: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (
                host,
                port.strip_prefix(':')
                    .or_else(|| port.is_empty().then_some(""))?,
            )
        }
        None => authority.split_once(':').unwrap_or((authority, "")),
    };
    let plain = |sign: char| sign.is_ascii_alphanumeric() || "-._:".contains(sign);
    if host.is_empty() || host.len() > 253 || !host.chars().all(plain) {
        return None;
    }
    let port = match port {
        "" => None,
        port => Some(port.parse().ok().filter(|port| *port != 0)?),
    };
    Some((host.to_ascii_lowercase(), port))
}

/// What is fetched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// A file on a server.
    Server(Server),
    /// A file on the memory stick in the box.
    Stick(StickFile),
}

/// A file on a server, and whom to believe that it comes from there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Server {
    /// Where it is.
    pub address: Address,
    /// SHA-256 of the server's certificate, when no public authority vouches for it.
    pub fingerprint: Option<[u8; 32]>,
}

impl Source {
    /// As people may see it.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Server(server) => server.address.shown(),
            Self::Stick(StickFile { disk, offer }) => format!("USB stick {disk}: {}", offer.file),
        }
    }
}

/// What `admin` asks of a fetch.
#[derive(Clone, Debug)]
pub enum FetchOrder {
    /// Begin one; another that is under way ends. The entry, without its action, is for the audit
    /// trail when it has ended.
    Begin(Source, Box<store::Audit>),
    /// End it.
    Stop,
    /// Say how it stands.
    Look,
}

/// How a fetch stands.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum FetchState {
    /// None was begun.
    #[default]
    None,
    /// It is under way.
    Running {
        /// See [`Source::shown`].
        from: String,
        /// Bytes that came.
        fetched: u64,
    },
    /// It has failed.
    Failed {
        /// See [`Source::shown`].
        from: String,
        /// Why.
        fault: FetchFault,
    },
    /// The update is installed.
    Installed {
        /// Its version.
        version: String,
    },
}

impl FetchState {
    /// For the screen of the box, which speaks both languages at once; empty while it runs.
    #[must_use]
    pub fn at_box(&self) -> String {
        refusals::fetch::at_box(self)
    }
}

/// Why a fetch failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FetchFault {
    /// It is no `http://` or `https://` address.
    BadAddress,
    /// It is no SHA-256.
    BadFingerprint,
    /// A redirect leads from HTTPS to HTTP.
    Downgrade,
    /// Redirects lead to redirects.
    TooManyRedirects,
    /// The name has no address.
    NoName(String),
    /// The address is the box's own, or none of a single machine.
    OwnAddress(String),
    /// Nothing answers there.
    Unreachable(String),
    /// Nobody the box believes vouches for the server's certificate.
    NotTrusted(String),
    /// The certificate is not valid at the time of the box's clock.
    WrongTime(String),
    /// No common ground in TLS.
    NoTls(String),
    /// The server refuses, with this status.
    Status(u16),
    /// The server sends whole files only.
    NoRanges,
    /// The server sends another part than it was asked for.
    WrongPart,
    /// The file ends before the update does.
    TooShort,
    /// The connection ended in the middle.
    CutShort,
    /// Nothing came for too long.
    Stalled,
    /// The file on the server became another one.
    Changed,
    /// Chunks of it are not those that were signed.
    Damaged,
    /// It has to do with the memory stick.
    Stick(StickFault),
    /// The update is refused.
    Refused(Refusal),
    /// `update` does not answer.
    UpdateAway,
}

/// What may be wrong with a memory stick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StickFault {
    /// There is none with such a file in the box, or it has several and none was named.
    NotThere,
    /// It was taken out, or cannot be read.
    Gone,
    /// The file ends before the update does.
    TooShort,
    /// Chunks of the file are not those that were signed.
    Damaged,
}

impl FetchFault {
    /// Whether it may pass by itself.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::NoName(_)
            | Self::Unreachable(_)
            | Self::CutShort
            | Self::Stalled
            | Self::Status(408 | 429 | 500..=599) => true,
            Self::BadAddress
            | Self::BadFingerprint
            | Self::Damaged
            | Self::Downgrade
            | Self::TooManyRedirects
            | Self::OwnAddress(_)
            | Self::NotTrusted(_)
            | Self::WrongTime(_)
            | Self::NoTls(_)
            | Self::Status(_)
            | Self::NoRanges
            | Self::WrongPart
            | Self::TooShort
            | Self::Changed
            | Self::Stick(_)
            | Self::Refused(_)
            | Self::UpdateAway => false,
        }
    }
}

/// Longest address, bytes.
const LENGTH_MAX: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_web_are_read() {
        let read = |text| Address::parse(text).map(|it| (it.host.clone(), it.port, it.shown()));
        let some = |host: &str, port, shown: &str| Some((host.to_owned(), port, shown.to_owned()));
        let a = "https://Example.com/a.update?key=1#x";
        assert_eq!(
            read(a),
            some("example.com", 443, "https://example.com/a.update")
        );
        assert_eq!(read("http://h:81"), some("h", 81, "http://h:81/"));
        let six = "http://[::1]:8080/x";
        assert_eq!(read(six), some("::1", 8080, "http://[::1]:8080/x"));
        for bad in [
            "file:///etc/passwd",
            "ftp://h/x",
            "http:///x",
            "https://user:secret@h/x",
            "http://h:0/",
            "http://h:99999/",
            "http://h/a b",
            "http://h/a\r\nHost: x",
            "http://[::1/x",
            "h/x",
            "",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_redirect_stays_on_the_web_and_in_tls() {
        let from = Address::parse("https://h/folder/a.update?x").expect("an address");
        let to = |location| from.redirect(location).map(|it| it.shown());
        assert_eq!(to("b.update"), Ok("https://h/folder/b.update".into()));
        assert_eq!(to("/b"), Ok("https://h/b".into()));
        assert_eq!(to("//other/b"), Ok("https://other/b".into()));
        assert_eq!(to("https://other:4/b"), Ok("https://other:4/b".into()));
        assert_eq!(to("http://h/b"), Err(FetchFault::Downgrade));
        assert_eq!(to("file:///etc/passwd"), Err(FetchFault::BadAddress));
    }
}
