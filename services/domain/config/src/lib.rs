//! The site: what people configure, in its checked form.
//!
//! What this crate must never do: keep a password, or let a field through that some later code
//! would have to check again. [`ipc::site::Site`] is the site as it travels; [`Site::parse`] is the
//! only way from there to here, and every refusal is a [`Fault`] that names the field and the fix.
//!
//! Read first: [`Site`], then [`Fault`], then [`generate_password`].

mod back;
mod cadence;
mod call_back;
mod calls;
mod clash;
mod diff;
mod erase;
mod fault;
mod features;
mod guard;
mod host;
mod network;
mod number;
mod office;
mod origins;
mod password;
mod pattern;
mod people;
mod phone;
mod plan;
mod prompt;
mod provision;
mod recording;
mod retention;
mod route;
mod same_number;
mod settings;
mod sign_in;
mod site;
mod static_network;
mod tariff;
mod times;
mod trunk;
mod trust;
mod tunnel;
mod whole_number;
mod wrong;

pub use back::{back_to, drop_dangling, keep_secrets};
pub use cadence::Cadences;
pub use call_back::CallBack;
pub use calls::{InCall, calls_seen_by, own_calls};
pub use diff::diff;
pub use erase::erase_person;
pub use fault::Fault;
pub use features::{CODE_LENGTH_MAX, Feature, Features};
pub use guard::{Guard, Rule as GuardRule};
pub use host::Host;
pub use ipc::site::{
    CallLimits, Class, Codec, Country, Dtmf, Encryption, FromUser, Identity, InboundNumber,
    NumberForm, NumberKind, NumberReading, Prack, Presentation, Privacy, Recording, Role,
    SessionTimers, Strategy, TimerMode, TrunkTransport, Weekday,
};
pub use network::{Network, Networks, is_local, neighbours};
pub use number::{NUMBER_LENGTH_MAX, NUMBER_LENGTH_MIN, Number, NumberFault};
pub use office::{Countries, Dialling, Group, Limits, Member, OfficeHours, Parking};
pub use origins::{Origins, Way};
pub use password::{PASSWORD_LENGTH, generate_password};
pub use pattern::{DIALLED_LENGTH_MAX, Pattern, PatternFault, is_dialled};
pub use people::Person;
pub use phone::Phone;
pub use plan::{NumberingPlan, Shape};
pub use prompt::Prompt;
pub use provision::{
    Administrator, Code, PROVISION_LENGTH_MAX, PROVISION_PATH, Provision, ProvisionFault,
};
pub use recording::Recordings;
pub use retention::Retention;
pub use route::{Destination, Rewrite, Route, Source};
pub use same_number::{is_inside_number, is_outside_number, is_same_number, masked, number_key};
pub use settings::{CODECS, Forward, Settings, pin_hash};
pub use sign_in::SignIn;
pub use site::{
    DISPLAY_NAME_LENGTH_MAX, EXTENSIONS_MAX, Extension, FACTORY_LOGIN, LOGIN_LENGTH_MAX,
    PEOPLE_MAX, REALM_LENGTH_MAX, Site,
};
pub use static_network::StaticNetwork;
pub use tariff::{Money, Price, Spend, Tariffs};
pub use times::{Holidays, Hours, TimeCondition, Zone};
pub use trunk::{Access, Account, InboundRewrite, Trunk, rewritten};
pub use trust::Trust;
pub use tunnel::{Tunnel, TunnelKey};
pub use whole_number::{NotWhole, WholeNumber, recorded_form};
pub use wrong::{Meaning, NAME_LENGTH_MAX, Wrong};
