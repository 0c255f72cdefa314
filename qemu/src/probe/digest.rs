//! Digest credentials: RFC 7616, with SHA-256 in SIP by RFC 8760.

use md5::Md5;
use sha2::{Digest, Sha256};

use super::Credentials;
use super::message::Response;

/// In the order of strength.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Algorithm {
    Md5,
    Sha256,
}

/// A challenge of a server.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    algorithm: Algorithm,
    realm: String,
    nonce: String,
    opaque: Option<String>,
    /// Whether it offers `qop="auth"`; servers older than RFC 2617 do not.
    auth: bool,
    header: &'static str,
}

impl Challenge {
    /// The strongest challenge we can answer.
    pub(super) fn strongest(response: &Response) -> Result<Self, &'static str> {
        let (asks, header) = names(response.status);
        let found = response.all(asks);
        let challenges = found.iter().filter_map(|value| Self::parse(value, header));
        challenges
            .max_by_key(|challenge| challenge.algorithm)
            .ok_or("none with MD5 or SHA-256")
    }

    /// Whether the server liked the credentials and only wants a younger nonce.
    pub(super) fn is_stale(response: &Response) -> bool {
        let (asks, _header) = names(response.status);
        let stale = |value: &&str| {
            let parameters = parameters(value);
            find(&parameters, "stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true"))
        };
        response.all(asks).iter().any(stale)
    }

    /// The header line that answers it.
    pub(super) fn answer(
        &self,
        who: &Credentials,
        method: &str,
        uri: &str,
        cnonce: &str,
    ) -> String {
        let hash = |text: String| self.algorithm.hash(&text);
        let Self {
            realm,
            nonce,
            header,
            ..
        } = self;
        let user = &who.extension;
        let ha1 = hash(format!("{user}:{realm}:{}", who.password.reveal()));
        let ha2 = hash(format!("{method}:{uri}"));
        let response = match self.auth {
            true => hash(format!("{ha1}:{nonce}:{NONCE_COUNT}:{cnonce}:auth:{ha2}")),
            false => hash(format!("{ha1}:{nonce}:{ha2}")),
        };
        let mut line = format!(
            "{header}: Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", \
             uri=\"{uri}\", response=\"{response}\", algorithm={}",
            self.algorithm.name()
        );
        if self.auth {
            line.push_str(&format!(
                ", qop=auth, nc={NONCE_COUNT}, cnonce=\"{cnonce}\""
            ));
        }
        if let Some(opaque) = &self.opaque {
            line.push_str(&format!(", opaque=\"{opaque}\""));
        }
        line.push_str("\r\n");
        line
    }

    fn parse(value: &str, header: &'static str) -> Option<Self> {
        let parameters = parameters(value);
        let algorithm = match find(&parameters, "algorithm") {
            None => Algorithm::Md5,
            Some(name) => [Algorithm::Md5, Algorithm::Sha256]
                .into_iter()
                .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))?,
        };
        let qop = find(&parameters, "qop").unwrap_or_default();
        Some(Self {
            algorithm,
            realm: find(&parameters, "realm")?.to_owned(),
            nonce: find(&parameters, "nonce")?.to_owned(),
            opaque: find(&parameters, "opaque").map(str::to_owned),
            auth: qop
                .split(',')
                .any(|option| option.trim().eq_ignore_ascii_case("auth")),
            header,
        })
    }
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    fn hash(self, text: &str) -> String {
        match self {
            Self::Md5 => hex::encode(Md5::digest(text)),
            Self::Sha256 => hex::encode(Sha256::digest(text)),
        }
    }
}

/// The headers of question and answer.
fn names(status: u16) -> (&'static str, &'static str) {
    match status {
        407 => ("Proxy-Authenticate", "Proxy-Authorization"),
        _unauthorized => ("WWW-Authenticate", "Authorization"),
    }
}

/// The parameters of one challenge; none when its scheme is not Digest.
fn parameters(value: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let Some((scheme, mut rest)) = value.split_once(' ') else {
        return found;
    };
    if !scheme.eq_ignore_ascii_case("digest") {
        return found;
    }
    while let Some((name, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let (text, following) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(',').unwrap_or((after, "")),
        };
        let name = name.trim_matches([' ', '\t', ',']);
        found.push((name.to_ascii_lowercase(), text.trim().to_owned()));
        rest = following;
    }
    found
}

fn find<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters
        .iter()
        .find(|(found, _text)| found == name)
        .map(|(_name, text)| text.as_str())
}

/// Each nonce is used once.
const NONCE_COUNT: &str = "00000001";
