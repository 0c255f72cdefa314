//! Who calls: what a trunk is told, and what a trunk's word is worth.

use config::{Access, FromUser, Privacy as PrivacyPolicy, Trunk};
use sip::{Diversion, HeaderName, Host, NameAddr, PartyKind, Privacy, RemotePartyId, Request, Uri};

use super::address::own_address;
use crate::interface::Hop;

/// Longest number or name taken from a peer, characters.
const TEXT_LENGTH_MAX: usize = 64;
/// RFC 3323 §4.1.1.3.
const ANONYMOUS: &str = "anonymous";
const ANONYMOUS_HOST: &str = "anonymous.invalid";
/// What a caller who does not want to be shown is called.
const ANONYMOUS_NAME: &str = "Anonymous";

/// Who calls.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Caller {
    /// The number, `+551132345678` or as the network writes it; `None` when nobody knows.
    pub(crate) number: Option<String>,
    /// The name; may be empty.
    pub(crate) name: String,
    /// Neither may be shown to the called party.
    pub(crate) withheld: bool,
}

/// Who passed a call on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Diverted {
    /// The number that was called first.
    pub(crate) number: String,
    /// `unconditional`, `user-busy`, `no-answer`, `unavailable` (RFC 5806 §3).
    pub(crate) reason: &'static str,
}

/// From, without tag, and what else says who calls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Identity {
    pub(super) from: NameAddr,
    pub(super) headers: Vec<(HeaderName, String)>,
}

/// What the trunk is told, as its settings want it (RFC 3323, RFC 3325).
pub(super) fn outgoing(
    trunk: &Trunk,
    hop: Hop,
    caller: &Caller,
    diverted: Option<&Diverted>,
) -> Identity {
    let policy = trunk.identity;
    let known = caller.number.as_deref().map(|number| {
        let mut address = NameAddr::new(own_address(number, trunk, hop));
        address.display = (!caller.name.is_empty()).then(|| caller.name.clone());
        address
    });
    let tells = !(caller.withheld && policy.privacy == PrivacyPolicy::Withheld);
    let mut headers = Vec::new();
    if let Some(known) = known.as_ref().filter(|_| tells) {
        if policy.asserted {
            headers.push((HeaderName::PAssertedIdentity, known.to_string()));
        }
        if policy.remote_party {
            let party = RemotePartyId {
                address: known.clone(),
                party: Some(PartyKind::Calling),
                private: caller.withheld,
                screened: true,
            };
            headers.push((HeaderName::RemotePartyId, party.to_string()));
        }
    }
    if caller.withheld {
        headers.push((HeaderName::Privacy, Privacy::id().to_string()));
    }
    if let Some(diverted) = diverted.filter(|_| policy.diversion) {
        let diversion = Diversion {
            address: NameAddr::new(own_address(&diverted.number, trunk, hop)),
            reason: Some(diverted.reason.to_owned()),
            counter: Some(1),
        };
        headers.push((HeaderName::Diversion, diversion.to_string()));
    }
    let from = from(trunk, hop, caller, known);
    Identity { from, headers }
}

/// From: the account where the carrier knows nobody else, the caller otherwise.
fn from(trunk: &Trunk, hop: Hop, caller: &Caller, known: Option<NameAddr>) -> NameAddr {
    let account = match (&trunk.access, trunk.identity.from_user) {
        (Access::Registering(account), FromUser::Account) => Some(&account.user),
        (Access::Registering(_) | Access::Peer { .. }, FromUser::Caller)
        | (Access::Peer { .. }, FromUser::Account) => None,
    };
    let mut from = match (account, caller.withheld, known) {
        (Some(user), _, _) => {
            let mut from = NameAddr::new(own_address(user, trunk, hop));
            from.display = (!caller.name.is_empty()).then(|| caller.name.clone());
            from
        }
        (None, false, Some(known)) => known,
        (None, true, _) | (None, false, None) => anonymous(),
    };
    if caller.withheld {
        from.display = Some(ANONYMOUS_NAME.to_owned());
    }
    from
}

fn anonymous() -> NameAddr {
    let host = Host::parse(ANONYMOUS_HOST);
    let uri = host.map(|host| Uri::sip(Some(ANONYMOUS), host, None));
    let mut address = NameAddr::new(uri.unwrap_or_else(|| Uri::Other("anonymous:".into())));
    address.display = Some(ANONYMOUS_NAME.to_owned());
    address
}

/// Who calls by an INVITE from a trunk. Identity fields count only from one that is trusted, since
/// anybody can write them; From is what a stranger claims.
pub(super) fn incoming(trunk: &Trunk, request: &Request) -> Caller {
    let headers = &request.headers;
    let from = headers.from().ok();
    let from_user = from.as_ref().and_then(|from| number(&from.uri));
    let hidden = from_user.as_deref().is_none_or(|user| {
        user.eq_ignore_ascii_case(ANONYMOUS) || user.eq_ignore_ascii_case("unknown")
    });
    let name_of = |address: &NameAddr| bounded(address.display.as_deref().unwrap_or_default());
    let from_name = from.as_ref().map(name_of).unwrap_or_default();
    let claimed = Caller {
        number: from_user.filter(|_| !hidden),
        name: if hidden { String::new() } else { from_name },
        withheld: hidden,
    };
    if !trunk.identity.trusted {
        return claimed;
    }
    let asserted = headers.asserted_identities().unwrap_or_default();
    let asserted = asserted.iter().map(|it| (it, false));
    let parties = headers.remote_party_ids().unwrap_or_default();
    let calling = parties
        .iter()
        .filter(|it| it.party != Some(PartyKind::Called))
        .map(|it| (&it.address, it.private));
    let mut vouched = asserted
        .chain(calling)
        .filter_map(|(address, private)| Some((number(&address.uri)?, address, private)));
    let Some((number, address, private)) = vouched.next() else {
        return claimed;
    };
    let name = match name_of(address) {
        name if name.is_empty() => claimed.name,
        name => name,
    };
    Caller {
        number: Some(number),
        name,
        withheld: private || headers.privacy().hides_caller(),
    }
}

/// The number in an address: of a `tel:` URI, or the user part up to its parameters.
pub(super) fn number(uri: &Uri) -> Option<String> {
    let user = uri.user()?;
    let user = user.split(';').next().unwrap_or_default();
    let telephone = |letter: char| letter.is_ascii_digit() || "+*#-.()".contains(letter);
    let number = match user.chars().all(telephone) {
        true => user.chars().filter(|it| !"-.()".contains(*it)).collect(),
        false => bounded(user),
    };
    (!number.is_empty()).then_some(number)
}

fn bounded(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_control())
        .take(TEXT_LENGTH_MAX)
        .collect()
}
