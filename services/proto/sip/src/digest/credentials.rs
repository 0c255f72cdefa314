//! The Digest header fields: challenges and credentials.

use std::fmt;

use super::{Algorithm, Ha1, Hex};
use crate::list::{find_unquoted_comma, is_blank, is_token, quote, quoted, trim};
use crate::method::Method;
use crate::uri::Uri;

/// What a client sends in Authorization or Proxy-Authorization.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Who it claims to be.
    pub username: String,
    /// The realm it answers for.
    pub realm: String,
    /// The nonce it was given.
    pub nonce: String,
    /// `uri` exactly as sent: the digest is over these letters, not over what they mean.
    pub uri: String,
    /// The digest, in hex.
    pub response: String,
    /// `algorithm`; `Some(None)` is one we do not speak, `None` was not sent and means MD5.
    pub algorithm: Option<Option<Algorithm>>,
    /// `qop`, with `nc` and `cnonce`; `None` for the legacy form of RFC 2069.
    pub qop: Option<Qop>,
}

/// The part of credentials that comes with `qop`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Qop {
    /// `auth` (or what else was sent).
    pub qop: String,
    /// `nc` as eight hex digits, as sent.
    pub nc: String,
    /// The client's own nonce.
    pub cnonce: String,
}

/// What a server sends in WWW-Authenticate or Proxy-Authenticate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Challenge {
    /// Realm.
    pub realm: String,
    /// Nonce.
    pub nonce: String,
    /// Algorithm.
    pub algorithm: Algorithm,
    /// Whether `qop` offers `auth`.
    pub qop_auth: bool,
    /// The last credentials were right but for their nonce.
    pub stale: bool,
    /// To be sent back as it came.
    pub opaque: Option<String>,
}

impl Credentials {
    /// Reads a header value; `None` when it is not Digest or lacks a part every digest has.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let fields = Fields::parse(value)?;
        let qop = match fields.get("qop") {
            Some(qop) => Some(Qop {
                qop,
                nc: fields.get("nc")?,
                cnonce: fields.get("cnonce")?,
            }),
            None => None,
        };
        Some(Self {
            username: fields.get("username")?,
            realm: fields.get("realm")?,
            nonce: fields.get("nonce")?,
            uri: fields.get("uri")?,
            response: fields.get("response")?,
            algorithm: fields.get("algorithm").map(|name| Algorithm::parse(&name)),
            qop,
        })
    }

    /// Whether the digest was made for this Request-URI: the same letters, or the same resource
    /// (RFC 7616 §3.4.6). Some clients put another URI of the same server; the caller decides.
    #[must_use]
    pub fn covers(&self, request_uri: &Uri) -> bool {
        self.uri == request_uri.to_string()
            || Uri::parse(self.uri.as_bytes()).is_ok_and(|uri| uri.matches(request_uri))
    }

    /// The digest these credentials should carry, from a stored hash (RFC 7616 §3.4.1).
    pub(crate) fn expected(&self, ha1: &Ha1, algorithm: Algorithm, method: &Method) -> Hex {
        let ha2 = algorithm.hash(&[method.as_str().as_bytes(), self.uri.as_bytes()]);
        let ha1 = ha1.hex(algorithm).as_bytes();
        let nonce = self.nonce.as_bytes();
        match &self.qop {
            Some(Qop { qop, nc, cnonce }) => {
                let middle = [nc.as_bytes(), cnonce.as_bytes(), qop.as_bytes()];
                let [nc, cnonce, qop] = middle;
                algorithm.hash(&[ha1, nonce, nc, cnonce, qop, ha2.as_bytes()])
            }
            None => algorithm.hash(&[ha1, nonce, ha2.as_bytes()]),
        }
    }
}

impl fmt::Debug for Credentials {
    /// Leaves out what an offline guess could be tried against.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .field("realm", &self.realm)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl Challenge {
    /// Reads a header value; `None` when it is not Digest or asks for an algorithm or qop we do
    /// not speak.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let fields = Fields::parse(value)?;
        let algorithm = match fields.get("algorithm") {
            Some(name) => Algorithm::parse(&name)?,
            None => Algorithm::Md5,
        };
        let qop_auth = match fields.get("qop") {
            Some(offered) => {
                let auth = |qop: &str| qop.trim().eq_ignore_ascii_case("auth");
                offered.split(',').any(auth).then_some(true)?
            }
            None => false,
        };
        Some(Self {
            realm: fields.get("realm")?,
            nonce: fields.get("nonce")?,
            algorithm,
            qop_auth,
            stale: fields
                .get("stale")
                .is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
            opaque: fields.get("opaque"),
        })
    }

    /// The Authorization value that answers this challenge.
    ///
    /// `nc` counts the requests sent with this nonce, from 1; `cnonce` is a fresh random token.
    #[must_use]
    pub fn answer(
        &self,
        user: &str,
        ha1: &Ha1,
        method: &Method,
        uri: &str,
        nc: u32,
        cnonce: &str,
    ) -> String {
        let qop = self.qop_auth.then(|| Qop {
            qop: "auth".to_owned(),
            nc: format!("{nc:08x}"),
            cnonce: cnonce.to_owned(),
        });
        let credentials = Credentials {
            username: user.to_owned(),
            realm: self.realm.clone(),
            nonce: self.nonce.clone(),
            uri: uri.to_owned(),
            response: String::new(),
            algorithm: Some(Some(self.algorithm)),
            qop,
        };
        let response = credentials.expected(ha1, self.algorithm, method);
        let response = response.as_str();
        let mut value = format!(
            "Digest username={}, realm={}, nonce={}, uri=\"{uri}\", response=\"{response}\", \
             algorithm={}",
            quote(user),
            quote(&self.realm),
            quote(&self.nonce),
            self.algorithm.as_str(),
        );
        if let Some(Qop { qop, nc, cnonce }) = &credentials.qop {
            value.push_str(&format!(", qop={qop}, nc={nc}, cnonce={}", quote(cnonce)));
        }
        if let Some(opaque) = &self.opaque {
            value.push_str(&format!(", opaque={}", quote(opaque)));
        }
        value
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest realm=")?;
        quote(&self.realm).fmt(f)?;
        f.write_str(", nonce=")?;
        quote(&self.nonce).fmt(f)?;
        f.write_str(", algorithm=")?;
        f.write_str(self.algorithm.as_str())?;
        if self.qop_auth {
            f.write_str(", qop=\"auth\"")?;
        }
        if self.stale {
            f.write_str(", stale=true")?;
        }
        match &self.opaque {
            Some(opaque) => write!(f, ", opaque={}", quote(opaque)),
            None => Ok(()),
        }
    }
}

/// The `name=value` pairs behind `Digest`; a name that stands twice makes the whole illegible.
struct Fields<'a>(Vec<(&'a [u8], &'a [u8])>);

/// More than RFC 7616 defines, fewer than would cost time.
const FIELDS_MAX: usize = 24;

impl<'a> Fields<'a> {
    fn parse(value: &'a [u8]) -> Option<Self> {
        let value = trim(value);
        let (scheme, mut rest) = value.split_at_checked(6)?;
        if !scheme.eq_ignore_ascii_case(b"Digest") || !rest.first().copied().is_some_and(is_blank) {
            return None;
        }
        let mut fields: Vec<(&[u8], &[u8])> = Vec::with_capacity(12);
        while !rest.is_empty() {
            let end = find_unquoted_comma(rest).unwrap_or(rest.len());
            let (one, tail) = rest.split_at_checked(end)?;
            rest = tail.get(1..).unwrap_or_default();
            let one = trim(one);
            if one.is_empty() {
                continue;
            }
            let (name, text) = one.split_at_checked(memchr::memchr(b'=', one)?)?;
            let (name, text) = (trim(name), trim(text.get(1..)?));
            let twice = fields
                .iter()
                .any(|(known, _)| known.eq_ignore_ascii_case(name));
            if !is_token(name) || twice || fields.len() == FIELDS_MAX {
                return None;
            }
            fields.push((name, text));
        }
        Some(Self(fields))
    }

    /// The value without quotes; `None` when absent, unbalanced, or not UTF-8.
    fn get(&self, name: &str) -> Option<String> {
        let found = self
            .0
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()));
        let (_, text) = found?;
        match text {
            [b'"', ..] => {
                let (content, rest) = quoted(text)?;
                rest.is_empty().then_some(content)
            }
            _ => Some(str::from_utf8(text).ok()?.to_owned()),
        }
    }
}
