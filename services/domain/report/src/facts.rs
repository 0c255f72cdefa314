//! What the rules judge.

use ipc::site::Site;
use ipc::store::{Backups, Health};
use ipc::{grid, guard, init, net, pbx, update};

use crate::finding::Text;

/// Everything that is known of the box. `None`, and what [`Default`] gives: nobody could say.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// What people have configured.
    pub site: Option<Site>,
    /// Whether the logins of people may be told to whoever reads the report.
    pub may_name_people: bool,
    /// PID 1: services, runs, Secure Boot.
    pub init: Option<init::Status>,
    /// Links and addresses.
    pub net: Option<net::Status>,
    /// Phones and trunks.
    pub pbx: Option<pbx::Status>,
    /// The store's condition.
    pub store: Option<Health>,
    /// Slots and keys of the firmware.
    pub update: Option<update::Status>,
    /// Bans, and whether somebody outside was heard.
    pub guard: Option<guard::Status>,
    /// The tunnel.
    pub grid: Option<grid::Status>,
    /// Backups on the box.
    pub backups: Option<Backups>,
    /// The certificate of the pages.
    pub certificate: Option<Certificate>,
    /// What is dangerous about routes, and what stolen extensions can cost.
    pub dangers: Option<Dangers>,
    /// When each extension that may register from outside was last registered there.
    pub remote: Option<Vec<RemoteUse>>,
    /// Memory and heat.
    pub machine: Option<Machine>,
    /// What is known of the way in from outside.
    pub masquerade: Masquerade,
    /// What the box's clock shows, milliseconds since 1970.
    pub clock_millis: i64,
    /// The clock can be right: it does not show a time before the firmware was made.
    pub is_clock_believed: bool,
    /// The firmware's version.
    pub version: String,
    /// When the firmware's source was committed, seconds since 1970.
    pub built_secs: Option<u64>,
}

/// The certificate of the pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Certificate {
    /// The box has signed it itself.
    pub is_self_signed: bool,
    /// Until when it is valid, milliseconds since 1970.
    pub until_millis: i64,
}

/// What is dangerous about routes and numbers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Dangers {
    /// What was found.
    pub found: Vec<Danger>,
    /// What each extension can cost in a day when it is stolen, the dearest first.
    pub worst: Vec<Worst>,
}

/// One warning about a route or a number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Danger {
    /// What, with the fix.
    pub text: Text,
    /// A thief of an extension profits from it.
    pub helps_thieves: bool,
}

/// What an extension can cost in a day (F16).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Worst {
    /// In words, with its number.
    pub text: Text,
    /// By a route that takes any number or any caller (R64, R65).
    pub is_generic: bool,
    /// Hundredths of the site's currency.
    pub lost_cents: u64,
    /// A cap of money ends it.
    pub has_cap: bool,
}

/// When an extension that may register from outside was last registered there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RemoteUse {
    /// Its number.
    pub number: String,
    /// Since when it is watched, milliseconds since 1970; `None`: it is not yet.
    pub since_millis: Option<i64>,
    /// When it was registered outside last, to the day; `None`: not since it is watched.
    pub last_millis: Option<i64>,
}

/// Memory and heat of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Machine {
    /// Memory there is, KiB.
    pub memory_kib: u64,
    /// Memory that could be had, KiB.
    pub available_kib: u64,
    /// How hot its hottest part is, whole degrees Celsius; `None` where nothing measures it.
    pub temperature: Option<i32>,
}

/// Whether a router on the way in hides who comes from outside behind its own address (R67).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Masquerade {
    /// Nothing has looked.
    #[default]
    NotTested,
    /// It was looked for, and the box sees real addresses.
    Absent,
    /// Something looks like it.
    Suspected,
    /// It was proved.
    Confirmed,
}
