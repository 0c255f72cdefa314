//! What calls cost, and how much may be spent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Class;

/// What calls cost. Of the tariffs of a class the one with the longest beginning of the called
/// number counts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Tariff {
    /// Of these calls.
    pub class: Class,
    /// How the called number begins: in international form, `+351`, or as dialled where it has
    /// none, `0900`. Empty: any.
    #[serde(default)]
    pub prefix: String,
    /// A minute, in hundredths of the country's currency.
    pub cents: u32,
    /// Each answered call besides, hundredths.
    #[serde(default)]
    pub setup_cents: u32,
    /// A shorter call is billed as if it had lasted so many seconds.
    #[serde(default)]
    pub minimum_secs: u16,
    /// Time is billed in steps of so many seconds.
    #[serde(default = "each_second")]
    pub increment_secs: u16,
}

/// How much may be spent, hundredths of the country's currency; 0: no cap. Days, weeks (from
/// Monday) and months begin at midnight, site time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Spend {
    /// In a day.
    pub day_cents: u32,
    /// In a week.
    pub week_cents: u32,
    /// In a month.
    pub month_cents: u32,
}

const fn each_second() -> u16 {
    1
}

impl Tariff {
    /// A plain price per minute for a class.
    #[must_use]
    pub const fn of_class(class: Class, cents: u32) -> Self {
        Self {
            class,
            prefix: String::new(),
            cents,
            setup_cents: 0,
            minimum_secs: 0,
            increment_secs: each_second(),
        }
    }

    /// The Brazilian way to bill: half a minute at least, then tenths of a minute (the basic plan
    /// by minute of Anatel's rules for fixed telephony).
    #[must_use]
    pub fn brazilian(class: Class, cents: u32) -> Self {
        Self {
            minimum_secs: 30,
            increment_secs: 6,
            ..Self::of_class(class, cents)
        }
    }
}
