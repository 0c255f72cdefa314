//! URIs read in place: the whole grammar, without a copy of anything.

use std::borrow::Cow;

use super::{Host, SipUri, TelUri, Uri, UriFault};
use crate::list;
use crate::params::{Param, Params};

/// A URI that is known to be legible, borrowed from the field it stands in.
pub(crate) enum UriRef<'a> {
    Sip(SipUriRef<'a>),
    Tel { number: &'a str, params: &'a str },
    Other(&'a str),
}

/// The parts of a SIP URI.
pub(crate) struct SipUriRef<'a> {
    secure: bool,
    user: Option<&'a str>,
    password: Option<&'a str>,
    host: Cow<'a, str>,
    port: Option<u16>,
    params: &'a str,
    headers: Option<&'a str>,
}

impl<'a> UriRef<'a> {
    /// Reads a URI without angle brackets.
    pub(crate) fn parse(text: &'a [u8]) -> Result<Self, UriFault> {
        let forbidden = |byte: &u8| *byte <= b' ' || matches!(byte, 0x7f | b'<' | b'>');
        if text.iter().any(forbidden) {
            return Err(UriFault);
        }
        let colon = memchr::memchr(b':', text).ok_or(UriFault)?;
        let text = str::from_utf8(text).map_err(|_| UriFault)?;
        let (scheme, rest) = text.split_at_checked(colon).ok_or(UriFault)?;
        let rest = rest.get(1..).unwrap_or_default();
        if scheme.eq_ignore_ascii_case("sip") {
            return SipUriRef::parse(false, rest).map(Self::Sip);
        }
        if scheme.eq_ignore_ascii_case("sips") {
            return SipUriRef::parse(true, rest).map(Self::Sip);
        }
        if scheme.eq_ignore_ascii_case("tel") {
            return tel(rest);
        }
        let [first, others @ ..] = scheme.as_bytes() else {
            return Err(UriFault);
        };
        let in_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        if !first.is_ascii_alphabetic() || !others.iter().all(in_scheme) || rest.is_empty() {
            return Err(UriFault);
        }
        Ok(Self::Other(text))
    }

    pub(crate) fn into_owned(self) -> Result<Uri, UriFault> {
        Ok(match self {
            Self::Sip(uri) => Uri::Sip(SipUri {
                secure: uri.secure,
                user: uri.user.map(str::to_owned),
                password: uri.password.map(str::to_owned),
                host: Host(uri.host.into_owned()),
                port: uri.port,
                params: params(uri.params)?,
                headers: uri.headers.map(str::to_owned),
            }),
            Self::Tel {
                number,
                params: text,
            } => Uri::Tel(TelUri {
                number: number.to_owned(),
                params: params(text)?,
            }),
            Self::Other(text) => Uri::Other(text.into()),
        })
    }
}

impl<'a> SipUriRef<'a> {
    fn parse(secure: bool, text: &'a str) -> Result<Self, UriFault> {
        // The user part may hold `;`, `?` and `/` (semiuri in RFC 4475), so the `@` comes first.
        let (userinfo, rest) = match memchr::memrchr(b'@', text.as_bytes()) {
            Some(at) => {
                let (userinfo, rest) = text.split_at_checked(at).ok_or(UriFault)?;
                (Some(userinfo), rest.get(1..).unwrap_or_default())
            }
            None => (None, text),
        };
        let (user, password) = match userinfo.map(|info| (info, find(info, b':'))) {
            None => (None, None),
            Some((info, Some(at))) => (info.get(..at), info.get(at + 1..)),
            Some((user, None)) => (Some(user), None),
        };
        // Which of two `@` ends the user part is a matter of taste, and tastes differ along a path.
        if userinfo.is_some_and(|info| find(info, b'@').is_some())
            || user.is_some_and(str::is_empty)
        {
            return Err(UriFault);
        }
        let (rest, headers) = match find(rest, b'?') {
            Some(at) => (rest.get(..at).unwrap_or_default(), rest.get(at + 1..)),
            None => (rest, None),
        };
        let (hostport, params) = match find(rest, b';') {
            Some(at) => rest.split_at_checked(at).ok_or(UriFault)?,
            None => (rest, ""),
        };
        let (host, port) = host_port(hostport).ok_or(UriFault)?;
        check_params(params)?;
        Ok(Self {
            secure,
            user,
            password,
            host,
            port,
            params,
            headers,
        })
    }
}

fn tel(text: &str) -> Result<UriRef<'_>, UriFault> {
    let (number, params) = match text.find(';') {
        Some(at) => text.split_at_checked(at).ok_or(UriFault)?,
        None => (text, ""),
    };
    let in_number = |byte: u8| byte.is_ascii_hexdigit() || b"+-.()*#".contains(&byte);
    if !number
        .bytes()
        .any(|byte| byte.is_ascii_hexdigit() || b"*#".contains(&byte))
        || !number.bytes().all(in_number)
    {
        return Err(UriFault);
    }
    check_params(params)?;
    Ok(UriRef::Tel { number, params })
}

/// Where an ASCII letter stands first.
fn find(text: &str, letter: u8) -> Option<usize> {
    memchr::memchr(letter, text.as_bytes())
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`.
pub(crate) fn host_port(text: &str) -> Option<(Cow<'_, str>, Option<u16>)> {
    let host_end = match find(text, b']') {
        Some(at) => at + 1,
        None => find(text, b':').unwrap_or(text.len()),
    };
    let (host, rest) = text.split_at_checked(host_end)?;
    let port = match rest.strip_prefix(':') {
        Some(port) => Some(list::decimal(port.as_bytes())?),
        None if rest.is_empty() => None,
        None => return None,
    };
    Some((Host::checked(host)?, port))
}

/// Most parameters of one URI: RFC 3261 has seven, and comparing costs the square of their number.
pub(super) const URI_PARAMS_MAX: usize = 64;

/// URI parameters: letters that headers do not allow may stand in a value (`;x=%41/[::1]`).
fn each_param(text: &str, mut take: impl FnMut(&str, Option<&str>)) -> Result<(), UriFault> {
    if text.is_empty() {
        return Ok(());
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()[]/:&+$%=".contains(&byte);
    for (index, one) in text.split(';').skip(1).enumerate() {
        let (name, value) = match one.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (one, None),
        };
        if index >= URI_PARAMS_MAX || name.is_empty() || !one.bytes().all(allowed) {
            return Err(UriFault);
        }
        take(name, value);
    }
    Ok(())
}

fn check_params(text: &str) -> Result<(), UriFault> {
    each_param(text, |_, _| {})
}

fn params(text: &str) -> Result<Params, UriFault> {
    let mut params = Params::new();
    each_param(text, |name, value| {
        params.push(Param {
            name: name.to_owned(),
            value: value.map(str::to_owned),
        });
    })?;
    Ok(params)
}
