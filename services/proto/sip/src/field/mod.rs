//! Typed header fields of the extensions: read with the accessors on [`Headers`], written with
//! `Display`.
//!
//! An accessor that may find nothing gives `Ok(None)`; a field that is there but cannot be read is
//! a [`HeaderFault`], which deserves a 400.

mod event;
mod identity;
mod info;
mod option_tag;
mod outbound;
mod reason;
mod reliable;
mod retry;
mod session_timer;
mod transfer;

pub use event::{Event, SubscriptionState, SubscriptionStatus, TerminationReason};
pub use identity::{Diversion, PartyKind, Privacy, RemotePartyId};
pub use info::InfoUri;
pub use reason::Reason;
pub use reliable::RAck;
pub use retry::RetryAfter;
pub use session_timer::{Refresher, SessionExpires};
pub use transfer::{Join, Replaces};

use crate::fault::HeaderFault;
use crate::header::Headers;
use crate::header_name::HeaderName;

impl Headers {
    /// Reads a field that may stand once or not at all.
    pub(crate) fn optional<T>(
        &self,
        name: HeaderName,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, HeaderFault> {
        match self.only(&name) {
            Ok(value) => match read(value) {
                Some(read) => Ok(Some(read)),
                None => Err(HeaderFault::Malformed(name)),
            },
            Err(HeaderFault::Missing(_)) => Ok(None),
            Err(fault @ (HeaderFault::Repeated(_) | HeaderFault::Malformed(_))) => Err(fault),
        }
    }
}

#[cfg(test)]
pub(crate) fn headers(fields: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in fields {
        let name = HeaderName::parse(name.as_bytes()).expect("a name");
        headers.push(name, *value);
    }
    headers
}
