//! Brasil: Anatel's numbering plan (Resolução 749/2022 and the lists made under it).

use super::Kind::{Collect, Local, Mobile, National, Premium, Service, TollFree};
use super::Reading::{self, Subscriber};
use super::{Kind, NumberingPlan, Rule};

const fn rule(pattern: &'static str, kind: Kind, reading: Reading) -> Rule {
    Rule {
        pattern,
        kind,
        reading,
    }
}

/// Fixed numbers have eight digits and begin with 2 to 5, mobile ones nine and begin with 9. Long
/// distance is `0`, the carrier's two digits (CSP), the area (DDD) and the number; mobile phones
/// and most SIP carriers leave the CSP out, and lengths tell the two apart. No CSP begins with 0.
pub(super) const PLAN: NumberingPlan = NumberingPlan {
    currency: "R$",
    calling_code: "55",
    trunk_prefix: "0",
    international_prefix: "00",
    carrier_length: 2,
    // Polícia Militar, Rodoviária Federal, SAMU, Bombeiros, Federal, Civil, Rodoviária Estadual,
    // Defesa Civil.
    emergency: &["190", "191", "192", "193", "194", "197", "198", "199"],
    areas: &[
        "11", "12", "13", "14", "15", "16", "17", "18", "19", "21", "22", "24", "27", "28", "31",
        "32", "33", "34", "35", "37", "38", "41", "42", "43", "44", "45", "46", "47", "48", "49",
        "51", "53", "54", "55", "61", "62", "63", "64", "65", "66", "67", "68", "69", "71", "73",
        "74", "75", "77", "79", "81", "82", "83", "84", "85", "86", "87", "88", "89", "91", "92",
        "93", "94", "95", "96", "97", "98", "99",
    ],
    rules: &[
        // Public services of three digits, among them 112, 128, 153, 180, 181, 185 and 188; 911
        // is led to 190 by the carriers.
        rule("1XX", Service, Reading::None),
        rule("911", Service, Reading::None),
        // Customer service of the carriers: 103 to 106 and the carrier's two digits.
        rule("10[3-6]XX", Service, Reading::None),
        rule("0800XXXXXX", TollFree, Reading::None),
        rule("0800XXXXXXX", TollFree, Reading::None),
        rule("0300XXXXXX", Premium, Reading::None),
        rule("0300XXXXXXX", Premium, Reading::None),
        rule("0303XXXXXXX", Premium, Reading::None),
        rule("0500XXXXXX", Premium, Reading::None),
        rule("0500XXXXXXX", Premium, Reading::None),
        rule("0900XXXXXX", Premium, Reading::None),
        rule("0900XXXXXXX", Premium, Reading::None),
        // Chamada a cobrar: 90 90 in the own area, 90 and the carrier elsewhere.
        rule("9090[2-5]XXXXXXX", Collect, Subscriber(4)),
        rule("90909XXXXXXXX", Collect, Subscriber(4)),
        rule("90ZXA[2-5]XXXXXXX", Collect, Reading::National(4)),
        rule("90ZXA9XXXXXXXX", Collect, Reading::National(4)),
        rule("[2-5]XXXXXXX", Local, Subscriber(0)),
        rule("9XXXXXXXX", Mobile, Subscriber(0)),
        rule("0A[2-5]XXXXXXX", National, Reading::National(1)),
        rule("0A9XXXXXXXX", Mobile, Reading::National(1)),
        rule("0ZXA[2-5]XXXXXXX", National, Reading::National(3)),
        rule("0ZXA9XXXXXXXX", Mobile, Reading::National(3)),
        rule("A[2-5]XXXXXXX", National, Reading::National(0)),
        rule("A9XXXXXXXX", Mobile, Reading::National(0)),
    ],
};
