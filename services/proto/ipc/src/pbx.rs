//! `pbx`: what it knows of phones and calls right now.

use serde::{Deserialize, Serialize};

use crate::guard::Arrivals;
use crate::site::Class;
use crate::trace;

/// What may be asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Phones and calls. Answer: [`Reply::Status`].
    Status,
    /// The trace of SIP messages. Answer: [`Reply::Trace`].
    Trace(trace::Ask),
}

/// What `pbx` answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// Phones and calls now.
    Status(Status),
    /// How the trace stands, with what was asked for.
    Trace(trace::Trace),
    /// The peer may not ask this.
    Refused {
        /// The user id that asked.
        uid: u32,
    },
}

/// Phones and calls now.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Status {
    /// Configuration version in use; 0 while none came from the store.
    pub config_version: u64,
    /// Registered contacts, by extension.
    pub phones: Vec<Phone>,
    /// Calls in progress, oldest first.
    pub calls: Vec<Call>,
    /// The site's trunks, in its order.
    pub trunks: Vec<Trunk>,
    /// Counters since the process started: name and value.
    pub counters: Vec<(String, u64)>,
    /// Money spent, by whoever spent any this month.
    pub spent: Vec<Spending>,
    /// Minutes spoken today, begun ones whole, by class.
    pub minutes: Vec<(Class, u64)>,
    /// Strangers who came, by country.
    pub arrivals: Vec<Arrivals>,
}

/// Money somebody spent, hundredths of the country's currency.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Spending {
    /// Who.
    pub payer: Payer,
    /// This day, week and month.
    pub cents: [u64; 3],
}

/// Who spends money.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Payer {
    /// The whole box.
    Box,
    /// A trunk, by its name.
    Trunk(String),
    /// An extension, by its number.
    Extension(String),
}

/// A registered contact.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Phone {
    /// The extension.
    pub extension: String,
    /// Where it is: address and port.
    pub address: String,
    /// `UDP` or `TCP`.
    pub transport: String,
    /// Seconds until it must register again.
    pub expires_secs: u32,
    /// User-Agent as sent; may be empty.
    pub user_agent: String,
}

/// A trunk.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Trunk {
    /// Its name.
    pub name: String,
    /// Calls can go out by it now.
    pub up: bool,
    /// For people: `registered`, `refused: 403`, `no answer`, `not enabled`.
    pub state: String,
    /// Calls that use it now.
    pub calls: u32,
}

/// A call in progress.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Call {
    /// Id of its call record.
    pub id: String,
    /// Calling number.
    pub from: String,
    /// Called number.
    pub to: String,
    /// `calling`, `ringing` or `talking`.
    pub state: String,
    /// Seconds since the INVITE.
    pub seconds: u64,
    /// The extensions in it; see [`CallRecord::extensions`](crate::store::CallRecord::extensions).
    pub extensions: Vec<String>,
    /// Whom it was for; see [`CallRecord::rung`](crate::store::CallRecord::rung).
    pub rung: Vec<String>,
}
