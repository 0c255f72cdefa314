//! Event and Subscription-State (RFC 6665 §8.2).

use std::fmt;

use super::session_timer::delta_seconds;
use crate::fault::HeaderFault;
use crate::header::Headers;
use crate::header_name::HeaderName;
use crate::list::{find_outside, is_token, trim};
use crate::params::Params;

/// `Event: dialog;id=7`. Two name the same subscription when they are equal (RFC 6665 §4.5.1).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Event {
    /// The package with its templates, as sent: `dialog`, `message-summary`, `presence.winfo`.
    pub package: String,
    /// Tells apart subscriptions to one package in one dialog.
    pub id: Option<String>,
}

/// `Subscription-State: active;expires=600`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubscriptionState {
    /// How the subscription stands.
    pub status: SubscriptionStatus,
    /// Seconds it has left.
    pub expires: Option<u32>,
    /// Why it ended.
    pub reason: Option<TerminationReason>,
    /// Seconds to wait before the next try.
    pub retry_after: Option<u32>,
}

/// How a subscription stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SubscriptionStatus {
    /// Granted.
    Active,
    /// Neither granted nor refused yet.
    Pending,
    /// Over.
    Terminated,
    /// Something newer; to be taken for pending (RFC 6665 §4.1.3).
    Other(String),
}

/// Why a subscription ended (RFC 6665 §4.1.3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TerminationReason {
    /// Subscribe again at once.
    Deactivated,
    /// Subscribe again later.
    Probation,
    /// Not allowed.
    Rejected,
    /// Not refreshed in time.
    Timeout,
    /// Nobody could grant it in time.
    GiveUp,
    /// What was watched is no more.
    NoResource,
    /// What was watched will not change again.
    Invariant,
    /// Something newer.
    Other(String),
}

impl Event {
    /// The event of a package without id.
    #[must_use]
    pub fn package(package: &str) -> Self {
        Self {
            package: package.to_owned(),
            id: None,
        }
    }

    /// Reads the field's value.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (package, params) = token_and_params(value)?;
        Some(Self {
            package,
            id: params.get("id").map(str::to_owned),
        })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.package)?;
        match &self.id {
            Some(id) => write!(f, ";id={id}"),
            None => Ok(()),
        }
    }
}

impl SubscriptionState {
    /// A subscription that goes on for `expires` seconds.
    #[must_use]
    pub const fn active(expires: u32) -> Self {
        Self {
            status: SubscriptionStatus::Active,
            expires: Some(expires),
            reason: None,
            retry_after: None,
        }
    }

    /// A subscription that is over.
    #[must_use]
    pub const fn terminated(reason: TerminationReason) -> Self {
        Self {
            status: SubscriptionStatus::Terminated,
            expires: None,
            reason: Some(reason),
            retry_after: None,
        }
    }

    /// Reads the field's value.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (state, params) = token_and_params(value)?;
        let seconds = |name| {
            params
                .get(name)
                .and_then(|text| delta_seconds(text.as_bytes()))
        };
        Some(Self {
            status: match state.to_ascii_lowercase().as_str() {
                "active" => SubscriptionStatus::Active,
                "pending" => SubscriptionStatus::Pending,
                "terminated" => SubscriptionStatus::Terminated,
                _ => SubscriptionStatus::Other(state),
            },
            expires: seconds("expires"),
            reason: params.get("reason").map(TerminationReason::parse),
            retry_after: seconds("retry-after"),
        })
    }
}

impl SubscriptionStatus {
    fn as_str(&self) -> &str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Terminated => "terminated",
            Self::Other(state) => state,
        }
    }
}

impl TerminationReason {
    fn parse(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "deactivated" => Self::Deactivated,
            "probation" => Self::Probation,
            "rejected" => Self::Rejected,
            "timeout" => Self::Timeout,
            "giveup" => Self::GiveUp,
            "noresource" => Self::NoResource,
            "invariant" => Self::Invariant,
            _ => Self::Other(text.to_owned()),
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Deactivated => "deactivated",
            Self::Probation => "probation",
            Self::Rejected => "rejected",
            Self::Timeout => "timeout",
            Self::GiveUp => "giveup",
            Self::NoResource => "noresource",
            Self::Invariant => "invariant",
            Self::Other(text) => text,
        }
    }
}

impl fmt::Display for SubscriptionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.status.as_str())?;
        if let Some(expires) = self.expires {
            write!(f, ";expires={expires}")?;
        }
        if let Some(reason) = &self.reason {
            write!(f, ";reason={}", reason.as_str())?;
        }
        if let Some(seconds) = self.retry_after {
            write!(f, ";retry-after={seconds}")?;
        }
        Ok(())
    }
}

/// `token *(SEMI generic-param)`.
pub(super) fn token_and_params(value: &[u8]) -> Option<(String, Params)> {
    let value = trim(value);
    let end = find_outside(value, b';').unwrap_or(value.len());
    let (token, params) = value.split_at_checked(end)?;
    let token = trim(token);
    if !is_token(token) {
        return None;
    }
    let token = str::from_utf8(token).ok()?.to_owned();
    Some((token, Params::parse(params)?))
}

impl Headers {
    /// Event of a SUBSCRIBE, NOTIFY or PUBLISH; they must have one. A missing or unknown one is
    /// answered 489, not 400 (RFC 6665 §4.2.1.1).
    ///
    /// # Errors
    /// When it is missing, repeated, or cannot be read.
    pub fn event(&self) -> Result<Event, HeaderFault> {
        let event = self.optional(HeaderName::Event, Event::parse)?;
        event.ok_or(HeaderFault::Missing(HeaderName::Event))
    }

    /// Subscription-State of a NOTIFY, which must have one (RFC 6665 §4.1.3).
    ///
    /// # Errors
    /// When it is missing, repeated, or cannot be read.
    pub fn subscription_state(&self) -> Result<SubscriptionState, HeaderFault> {
        let state = self.optional(HeaderName::SubscriptionState, SubscriptionState::parse)?;
        state.ok_or(HeaderFault::Missing(HeaderName::SubscriptionState))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::headers;

    #[test]
    fn an_event_is_its_package_and_id() {
        let check = |text: &str, package: &str, id: Option<&str>| {
            let event = Event::parse(text.as_bytes()).expect(text);
            assert_eq!((&*event.package, event.id.as_deref()), (package, id));
            assert_eq!(Event::parse(event.to_string().as_bytes()), Some(event));
        };
        check("dialog", "dialog", None);
        check("dialog ; id = 7", "dialog", Some("7"));
        check("presence.winfo;x=y;id=a", "presence.winfo", Some("a"));
        let compact = headers(&[("o", "message-summary")]);
        assert_eq!(compact.event(), Ok(Event::package("message-summary")));
        assert!(headers(&[("Event", "")]).event().is_err());
        assert!(headers(&[]).event().is_err());
    }

    #[test]
    fn a_subscription_state_reads_and_writes() {
        let check = |text: &str, state: &SubscriptionState| {
            assert_eq!(
                SubscriptionState::parse(text.as_bytes()).as_ref(),
                Some(state),
                "{text}"
            );
            let written = state.to_string();
            assert_eq!(
                SubscriptionState::parse(written.as_bytes()).as_ref(),
                Some(state)
            );
        };
        check("Active;expires=600", &SubscriptionState::active(600));
        check(
            "terminated;reason=noresource",
            &SubscriptionState::terminated(TerminationReason::NoResource),
        );
        check(
            "terminated ; reason=probation ; retry-after=5",
            &SubscriptionState {
                retry_after: Some(5),
                ..SubscriptionState::terminated(TerminationReason::Probation)
            },
        );
        check(
            "waiting;reason=newer",
            &SubscriptionState {
                status: SubscriptionStatus::Other("waiting".into()),
                expires: None,
                reason: Some(TerminationReason::Other("newer".into())),
                retry_after: None,
            },
        );
        assert!(headers(&[]).subscription_state().is_err());
    }
}
