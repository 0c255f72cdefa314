//! Who calls, as the network says: P-Asserted-Identity, P-Preferred-Identity, Privacy,
//! Remote-Party-ID, Diversion, History-Info (RFC 3325, 3323, 5806, 7044).

use std::fmt;

use crate::fault::HeaderFault;
use crate::header::Headers;
use crate::header_name::HeaderName;
use crate::list::trim;
use crate::name_addr::NameAddr;

/// `Privacy: id;critical`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Privacy {
    /// The values, in lower case.
    values: Vec<String>,
}

impl Privacy {
    /// Hide the asserted identity (RFC 3325 §9.3).
    #[must_use]
    pub fn id() -> Self {
        Self {
            values: vec!["id".to_owned()],
        }
    }

    /// Whether the value is asked for.
    #[must_use]
    pub fn has(&self, value: &str) -> bool {
        self.values
            .iter()
            .any(|one| one.eq_ignore_ascii_case(value))
    }

    /// Whether the caller's number may not be shown: `id`, `user` or `header`, and not `none`
    /// (RFC 3323 §4.2, RFC 3325 §7).
    #[must_use]
    pub fn hides_caller(&self) -> bool {
        !self.has("none") && ["id", "user", "header"].iter().any(|value| self.has(value))
    }
}

impl fmt::Display for Privacy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.values.join(";"))
    }
}

/// Whom a Remote-Party-ID is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PartyKind {
    /// The caller.
    Calling,
    /// The callee.
    Called,
}

/// `Remote-Party-ID: "Name" <sip:..>;party=calling;privacy=full;screen=yes`, never standardised
/// and still what many carriers and phones speak.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemotePartyId {
    /// The address, without the parameters below.
    pub address: NameAddr,
    /// Whom it is about; `None` means whoever sent the message.
    pub party: Option<PartyKind>,
    /// Whether it may not be shown.
    pub private: bool,
    /// Whether the sender vouches for it.
    pub screened: bool,
}

impl RemotePartyId {
    fn from_address(mut address: NameAddr) -> Self {
        let is = |name: &str, value: &str| {
            address
                .params
                .get(name)
                .is_some_and(|text| text.eq_ignore_ascii_case(value))
        };
        let party = match (is("party", "calling"), is("party", "called")) {
            (true, _) => Some(PartyKind::Calling),
            (_, true) => Some(PartyKind::Called),
            (false, false) => None,
        };
        let private = ["full", "uri", "name"]
            .iter()
            .any(|value| is("privacy", value));
        let screened = is("screen", "yes");
        for name in ["party", "privacy", "screen"] {
            address.params.remove(name);
        }
        Self {
            address,
            party,
            private,
            screened,
        }
    }
}

impl fmt::Display for RemotePartyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)?;
        f.write_str(match self.party {
            Some(PartyKind::Calling) => ";party=calling",
            Some(PartyKind::Called) => ";party=called",
            None => "",
        })?;
        f.write_str(if self.private {
            ";privacy=full"
        } else {
            ";privacy=off"
        })?;
        f.write_str(if self.screened {
            ";screen=yes"
        } else {
            ";screen=no"
        })
    }
}

/// `Diversion: <sip:201@b.example>;reason=no-answer;counter=1` (RFC 5806 §3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diversion {
    /// Who diverted the call, without the parameters below.
    pub address: NameAddr,
    /// `unconditional`, `user-busy`, `no-answer`, `unavailable`, `unknown`...
    pub reason: Option<String>,
    /// How many diversions this entry stands for.
    pub counter: Option<u32>,
}

impl Diversion {
    fn from_address(mut address: NameAddr) -> Self {
        let reason = address.params.unquoted("reason");
        let counter = address.params.get("counter").and_then(|it| it.parse().ok());
        address.params.remove("reason");
        address.params.remove("counter");
        Self {
            address,
            reason,
            counter,
        }
    }
}

impl fmt::Display for Diversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)?;
        if let Some(reason) = &self.reason {
            let token = crate::list::is_token(reason.as_bytes());
            match token {
                true => write!(f, ";reason={reason}")?,
                false => write!(f, ";reason={}", crate::list::quote(reason))?,
            }
        }
        match self.counter {
            Some(counter) => write!(f, ";counter={counter}"),
            None => Ok(()),
        }
    }
}

impl Headers {
    /// P-Asserted-Identity: one SIP and one telephone address at most (RFC 3325 §9.1). Believe it
    /// only of a peer that is trusted.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn asserted_identities(&self) -> Result<Vec<NameAddr>, HeaderFault> {
        self.addresses(&HeaderName::PAssertedIdentity)
    }

    /// P-Preferred-Identity.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn preferred_identities(&self) -> Result<Vec<NameAddr>, HeaderFault> {
        self.addresses(&HeaderName::PPreferredIdentity)
    }

    /// Remote-Party-ID, every one.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn remote_party_ids(&self) -> Result<Vec<RemotePartyId>, HeaderFault> {
        let addresses = self.addresses(&HeaderName::RemotePartyId)?;
        Ok(addresses
            .into_iter()
            .map(RemotePartyId::from_address)
            .collect())
    }

    /// Diversion, the latest first.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn diversions(&self) -> Result<Vec<Diversion>, HeaderFault> {
        let addresses = self.addresses(&HeaderName::Diversion)?;
        Ok(addresses.into_iter().map(Diversion::from_address).collect())
    }

    /// History-Info, the earliest first; `index` and `cause` are parameters of the field and the
    /// URI. Read for display, never believed.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn history(&self) -> Result<Vec<NameAddr>, HeaderFault> {
        self.addresses(&HeaderName::HistoryInfo)
    }

    /// Privacy; without the field nothing is asked for. Commas do instead of semicolons, as some
    /// carriers write it.
    #[must_use]
    pub fn privacy(&self) -> Privacy {
        let mut privacy = Privacy::default();
        for value in self.all(&HeaderName::Privacy) {
            let values = value.split(|byte| matches!(byte, b';' | b','));
            let texts = values.filter_map(|one| str::from_utf8(trim(one)).ok());
            let texts = texts.filter(|one| !one.is_empty());
            privacy.values.extend(texts.map(str::to_ascii_lowercase));
        }
        privacy
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::headers;

    #[test]
    fn asserted_identities_are_a_sip_and_a_telephone_address() {
        let read = headers(&[
            ("P-Asserted-Identity", "\"Cullen\" <sip:fluffy@cisco.com>"),
            ("P-Asserted-Identity", "tel:+14085264000"),
        ]);
        let identities = read.asserted_identities().expect("legible");
        let users: Vec<_> = identities.iter().filter_map(|one| one.uri.user()).collect();
        assert_eq!(users, ["fluffy", "+14085264000"]);
        assert_eq!(headers(&[]).preferred_identities(), Ok(vec![]));
        let bad = headers(&[("P-Preferred-Identity", "<")]);
        assert!(bad.preferred_identities().is_err());
    }

    #[test]
    fn privacy_hides_the_caller_unless_it_says_none() {
        let check = |text: &str, hidden| {
            let privacy = headers(&[("Privacy", text)]).privacy();
            assert_eq!(privacy.hides_caller(), hidden, "{text}");
        };
        check("id", true);
        check("header;user;critical", true);
        check("ID, critical", true);
        check("session", false);
        check("none", false);
        check("", false);
        assert!(!headers(&[]).privacy().hides_caller());
        assert_eq!(Privacy::id().to_string(), "id");
    }

    #[test]
    fn a_remote_party_reads_and_writes() {
        let text = "\"A\" <sip:201@b.example>;party=calling;privacy=full;screen=yes";
        let read = headers(&[("Remote-Party-ID", text)]);
        let parties = read.remote_party_ids().expect("legible");
        let [party] = &*parties else {
            panic!("{parties:?}")
        };
        assert_eq!(party.party, Some(PartyKind::Calling));
        assert!(party.private && party.screened);
        assert_eq!(party.to_string(), text);
        let bare = headers(&[("Remote-Party-ID", "<sip:201@b.example>;privacy=off")]);
        let parties = bare.remote_party_ids().expect("legible");
        assert!(parties.iter().all(|one| !one.private && !one.screened));
    }

    #[test]
    fn diversions_come_latest_first() {
        let read = headers(&[(
            "Diversion",
            "<sip:2@b>;reason=no-answer;counter=1, <sip:1@b>;reason=\"user busy\"",
        )]);
        let diversions = read.diversions().expect("legible");
        let reasons: Vec<_> = diversions.iter().map(|one| one.reason.as_deref()).collect();
        assert_eq!(reasons, [Some("no-answer"), Some("user busy")]);
        let written: Vec<_> = diversions.iter().map(Diversion::to_string).collect();
        assert_eq!(
            written,
            [
                "<sip:2@b>;reason=no-answer;counter=1",
                "<sip:1@b>;reason=\"user busy\""
            ]
        );
    }

    #[test]
    fn a_history_is_read_with_its_escaped_reason() {
        // RFC 7044 §5.
        let read = headers(&[(
            "History-Info",
            "<sip:bob@p1.example?Reason=SIP%3Bcause%3D302>;index=1.1,\
             <sip:office@example.com>;index=1.2;mp=1.1",
        )]);
        let history = read.history().expect("legible");
        let first = history.first().and_then(|one| one.uri.as_sip());
        let reasons: Vec<_> = first.expect("there").header_fields().collect();
        assert_eq!(reasons, [(HeaderName::Reason, b"SIP;cause=302".to_vec())]);
        assert_eq!(history.len(), 2);
    }
}
