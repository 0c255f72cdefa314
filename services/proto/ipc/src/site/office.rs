//! What the whole site has in common: groups, feature codes, numbers, limits.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Class, Destination, NumberingPlan, Spend, Tariff};

/// Which addresses count as inside (R51).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Networks {
    /// As `192.168.0.0/24`. Empty: private, loopback and link-local addresses.
    pub internal: Vec<String>,
}

/// Several extensions under one number.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Group {
    /// Dialled number; of the same plan as extensions.
    pub number: String,
    /// Name shown; may be empty.
    pub name: String,
    /// Who rings.
    pub members: Vec<Member>,
    /// In which order.
    pub strategy: Strategy,
    /// Seconds until nobody answers; for [`Strategy::InOrder`] the seconds of each member.
    pub ring_secs: u16,
    /// Where the call goes when nobody answers. Without one it ends.
    pub otherwise: Option<Destination>,
}

/// A member of a group.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Member {
    /// An extension.
    pub extension: String,
    /// Seconds after the others that it begins to ring; for [`Strategy::Delayed`].
    #[serde(default)]
    pub delay_secs: u16,
}

/// In which order members ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// All at once.
    #[default]
    All,
    /// One after the other.
    InOrder,
    /// Each after its own delay, and on from there.
    Delayed,
}

/// The codes people dial; an empty one is switched off.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Features {
    /// Take a call that rings in the own pickup group.
    pub pickup: String,
    /// Followed by an extension: take the call that rings there.
    pub pickup_of: String,
    /// Followed by a number: forward all calls there.
    pub forward_always: String,
    /// Forward no more.
    pub forward_always_off: String,
    /// Followed by a number: forward calls there while busy.
    pub forward_busy: String,
    /// No more.
    pub forward_busy_off: String,
    /// Followed by a number: forward calls there when nobody answers.
    pub forward_no_answer: String,
    /// No more.
    pub forward_no_answer_off: String,
    /// Do not disturb.
    pub do_not_disturb: String,
    /// No more.
    pub do_not_disturb_off: String,
    /// A transfer to it parks the call; dialled, it parks the call on hold.
    pub park: String,
    /// Dialled during a call: three-way conversation with the call on hold.
    pub three_way: String,
    /// Followed by a number: call without showing one's own, this once.
    pub withhold: String,
    /// Pressed during a call: record it; pressed again: no more.
    pub record: String,
    /// Dialled: what is said after the beep can become a prompt.
    pub record_prompt: String,
}

/// Where parked calls wait.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Parking {
    /// First slot, a number that is dialled to take the call back; 0: there is no parking lot.
    pub first: u32,
    /// Last slot.
    pub last: u32,
    /// Seconds until a parked call is given back.
    pub timeout_secs: u16,
    /// It is given back to whoever parked it.
    pub to_parker: bool,
    /// Where it goes otherwise, and when the parker does not answer. Without one it ends.
    pub otherwise: Option<Destination>,
}

/// Country, own numbers and how numbers are shown.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Dialling {
    /// The numbering plan.
    pub country: Country,
    /// Another country's numbering plan, in the place of that of `country`.
    pub plan: Option<NumberingPlan>,
    /// IANA name of the site's time zone: `America/Sao_Paulo`. A day of a cap begins there.
    pub zone: String,
    /// The site's area code (DDD in Brazil); empty while not known.
    pub area_code: String,
    /// Carrier selection code for long distance (CSP in Brazil), for trunks that want one; empty:
    /// none.
    pub carrier: String,
    /// The numbers that belong to the site, as `+551132345678`; the first is the main one.
    pub owned_numbers: Vec<String>,
    /// Emergency numbers besides the country's own.
    pub emergency_numbers: Vec<String>,
    /// Trunks emergency calls go to, in order. Empty: every enabled one, in the site's order.
    pub emergency_trunks: Vec<String>,
    /// Calling codes that may be called (F2), besides the own country: `351`. `*` is all.
    pub countries: Vec<String>,
    /// Names for callers by how their number begins; the longest beginning wins.
    pub callers: Vec<CallerRule>,
    /// How callers' numbers are shown to phones.
    pub presentation: Presentation,
    /// Whose tones people hear, by the country's code (ISO 3166-1): `AR`, `US`. Empty: those of
    /// the country.
    pub tones: String,
    /// Signals that are not as in any of these countries.
    pub cadences: Option<Cadences>,
    /// The prompt that is heard over and over by whoever waits: on hold, parked, while a transfer
    /// rings. Empty: music of the box's own.
    pub music: String,
}

/// Signals of a country that the box does not know, as `440+480/2000,0/4000`: tones in Hz, and for
/// how many milliseconds. An empty one is as in the country of the tones.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Cadences {
    /// The called phone rings.
    pub ringback: String,
    /// The called phone is busy.
    pub busy: String,
    /// The call cannot be made.
    pub congestion: String,
}

/// A numbering plan.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize, JsonSchema,
)]
pub enum Country {
    /// Brasil, +55.
    #[default]
    #[serde(rename = "br")]
    Brazil,
    /// Portugal, +351.
    #[serde(rename = "pt")]
    Portugal,
}

/// Countries whose tones the box knows (ITU-T E.180 supplement 2).
pub const TONES: [&str; 20] = [
    "AR", "AT", "BE", "BR", "CA", "CH", "CL", "DE", "DK", "ES", "FI", "FR", "GB", "IT", "MX", "NL",
    "NO", "PT", "SE", "US",
];

/// A name for callers whose number begins so.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct CallerRule {
    /// Beginning of the number in international form: `+5511`.
    pub prefix: String,
    /// Name shown.
    pub name: String,
}

/// How a caller's number is shown to phones.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Presentation {
    /// As one would dial it back.
    #[default]
    National,
    /// `+551132345678`.
    E164,
    /// As the trunk gave it.
    Received,
}

/// What the whole box may spend (F3, F5, F6).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Limits {
    /// Outbound calls at one time, percent of the enabled trunks' channels together.
    pub outbound_percent: u8,
    /// Calls at one time to one country abroad.
    pub per_country: u16,
    /// Minutes a day of the whole box, by class. A class without an entry is not capped.
    pub minutes_a_day: Vec<Minutes>,
    /// Name of the time condition outside which nobody calls abroad (F6), except extensions that
    /// may. Empty: Monday to Friday from 8 to 18, site time. `*`: at any time.
    pub office_hours: String,
    /// What calls cost; a class without any costs nothing.
    pub tariffs: Vec<Tariff>,
    /// What the whole box may spend (F5).
    pub spend: Spend,
}

/// A cap of minutes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Minutes {
    /// Of these calls.
    pub class: Class,
    /// Minutes from midnight to midnight, site time.
    pub minutes: u32,
}

impl Default for Group {
    fn default() -> Self {
        Self {
            number: String::new(),
            name: String::new(),
            members: Vec::new(),
            strategy: Strategy::default(),
            ring_secs: 25,
            otherwise: None,
        }
    }
}

impl Default for Features {
    fn default() -> Self {
        Self {
            pickup: "*8".into(),
            pickup_of: "**".into(),
            forward_always: "*72".into(),
            forward_always_off: "*73".into(),
            forward_busy: "*90".into(),
            forward_busy_off: "*91".into(),
            forward_no_answer: "*92".into(),
            forward_no_answer_off: "*93".into(),
            do_not_disturb: "*78".into(),
            do_not_disturb_off: "*79".into(),
            park: "700".into(),
            three_way: "*3".into(),
            withhold: "*67".into(),
            record: "*1".into(),
            record_prompt: "*77".into(),
        }
    }
}

impl Default for Parking {
    fn default() -> Self {
        Self {
            first: 701,
            last: 720,
            timeout_secs: 60,
            to_parker: true,
            otherwise: None,
        }
    }
}

impl Default for Dialling {
    fn default() -> Self {
        Self {
            country: Country::default(),
            plan: None,
            zone: "America/Sao_Paulo".into(),
            area_code: String::new(),
            carrier: String::new(),
            owned_numbers: Vec::new(),
            emergency_numbers: Vec::new(),
            emergency_trunks: Vec::new(),
            countries: Vec::new(),
            callers: Vec::new(),
            presentation: Presentation::default(),
            tones: String::new(),
            cadences: None,
            music: String::new(),
        }
    }
}

/// Caps that an office does not meet and a thief meets within the hour.
impl Default for Limits {
    fn default() -> Self {
        let minutes = |class, minutes| Minutes { class, minutes };
        Self {
            outbound_percent: 80,
            per_country: 1,
            minutes_a_day: vec![
                minutes(Class::Mobile, 3_000),
                minutes(Class::Premium, 60),
                minutes(Class::International, 120),
            ],
            office_hours: String::new(),
            tariffs: vec![
                Tariff::brazilian(Class::Local, 10),
                Tariff::brazilian(Class::National, 20),
                Tariff::brazilian(Class::Mobile, 50),
                Tariff::brazilian(Class::Premium, 400),
                Tariff::brazilian(Class::International, 300),
            ],
            spend: Spend {
                day_cents: 200_000,
                ..Spend::default()
            },
        }
    }
}
