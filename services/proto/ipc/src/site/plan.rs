//! What numbers mean in a country, as data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Class;

/// What one country dials.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NumberingPlan {
    /// What is written before an amount of its money: `£`.
    pub currency: String,
    /// Its calling code, without the plus: `44`.
    pub calling_code: String,
    /// Dialled before a number of another area: `0`; empty where there is none.
    pub trunk_prefix: String,
    /// Dialled before a number abroad: `00`.
    pub international_prefix: String,
    /// Signs of a carrier's code after either prefix; 0 where callers choose no carrier.
    pub carrier_length: u8,
    /// What many sites dial for a line: an emergency number passes with it in front, too.
    pub line: String,
    /// Numbers that always pass and that nothing else may take (F15).
    pub emergency: Vec<String>,
    /// Other numbers people may dial in need, which an extension should not have.
    pub services: Vec<String>,
    /// The area codes there are, for an `A` in a rule; empty: none.
    pub areas: Vec<String>,
    /// What numbers look like, the first that fits.
    pub rules: Vec<NumberRule>,
}

/// One shape of number.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct NumberRule {
    /// In the grammar of routes. `A` stands for an area code of the plan.
    pub pattern: String,
    /// What it is.
    pub kind: NumberKind,
    /// How its international form is made.
    #[serde(default)]
    pub form: NumberReading,
    /// So many signs in front are no part of the international form.
    #[serde(default)]
    pub strip: u8,
}

/// How the international form of a number is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NumberReading {
    /// Calling code and the number.
    #[default]
    National,
    /// Calling code, own area code and the number.
    Subscriber,
    /// It has none: short codes and numbers that work inside the country only.
    None,
}

/// What a number is.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum NumberKind {
    /// Police, ambulance, fire: always passes.
    Emergency,
    /// Other public services: always passes, but an extension may have the number.
    Service,
    /// A short number of no public plan: another PBX behind a trunk.
    Private,
    /// Free for the caller.
    TollFree,
    /// The called party pays.
    Collect,
    /// Fixed, own area.
    Local,
    /// Fixed, another area.
    National,
    /// Mobile.
    Mobile,
    /// Costs extra.
    Premium,
    /// Abroad.
    International,
    /// Not a number of the plan. Treated as the dearest there is.
    Unknown,
}

impl NumberKind {
    /// The permission a call to it needs (F1); `None`: it always passes (F15).
    #[must_use]
    pub const fn class(self) -> Option<Class> {
        match self {
            Self::Emergency | Self::Service => None,
            Self::Private => Some(Class::Internal),
            Self::TollFree | Self::Collect | Self::Local => Some(Class::Local),
            Self::National => Some(Class::National),
            Self::Mobile => Some(Class::Mobile),
            Self::Premium => Some(Class::Premium),
            Self::International | Self::Unknown => Some(Class::International),
        }
    }
}

impl Default for NumberingPlan {
    fn default() -> Self {
        Self {
            currency: String::new(),
            calling_code: String::new(),
            trunk_prefix: String::new(),
            international_prefix: "00".into(),
            carrier_length: 0,
            line: "0".into(),
            emergency: Vec::new(),
            services: Vec::new(),
            areas: Vec::new(),
            rules: Vec::new(),
        }
    }
}
