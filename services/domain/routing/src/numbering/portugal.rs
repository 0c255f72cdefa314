//! Portugal: ANACOM's numbering plan (Plano Nacional de Numeração). Closed: nine digits always.

use super::Kind::{Local, Mobile, Premium, Service, TollFree};
use super::Reading::{self, National};
use super::{Kind, NumberingPlan, Rule};

const fn rule(pattern: &'static str, kind: Kind, reading: Reading) -> Rule {
    Rule {
        pattern,
        kind,
        reading,
    }
}

pub(super) const PLAN: NumberingPlan = NumberingPlan {
    currency: "€",
    calling_code: "351",
    trunk_prefix: "",
    international_prefix: "00",
    carrier_length: 0,
    emergency: &["112", "115", "117"],
    areas: &[],
    rules: &[
        rule("116XXX", Service, Reading::None),
        rule("144", Service, Reading::None),
        rule("18XX", Premium, Reading::None),
        rule("118XX", Premium, Reading::None),
        rule("800XXXXXX", TollFree, National(0)),
        // The caller pays a local call.
        rule("808XXXXXX", Local, National(0)),
        rule("2XXXXXXXX", Local, National(0)),
        rule("3XXXXXXXX", Local, National(0)),
        rule("9[1236]XXXXXXX", Mobile, National(0)),
        rule("70[78]XXXXXX", Premium, National(0)),
        rule("76[0-2]XXXXXX", Premium, National(0)),
        rule("6XXXXXXXX", Premium, National(0)),
    ],
};
