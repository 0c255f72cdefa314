//! Brasil: Anatel's numbering plan (Resolução 749/2022 and the lists made under it).

use ipc::site::NumberKind::{Collect, Local, Mobile, National, Premium, Service, TollFree};
use ipc::site::NumberingPlan;

use super::{national, short, subscriber, texts};

/// Fixed numbers have eight digits and begin with 2 to 5, mobile ones nine and begin with 9. Long
/// distance is `0`, the carrier's two digits (CSP), the area (DDD) and the number; mobile phones
/// and most SIP carriers leave the CSP out, and lengths tell the two apart. No CSP begins with 0.
pub(super) fn plan() -> NumberingPlan {
    NumberingPlan {
        currency: "R$".into(),
        calling_code: "55".into(),
        trunk_prefix: "0".into(),
        international_prefix: "00".into(),
        carrier_length: 2,
        // Polícia Militar, Rodoviária Federal, SAMU, Bombeiros, Federal, Civil, Rodoviária
        // Estadual, Defesa Civil.
        emergency: texts(&["190", "191", "192", "193", "194", "197", "198", "199"]),
        services: texts(&["112", "128", "153", "181", "185", "188", "911"]),
        areas: texts(&[
            "11", "12", "13", "14", "15", "16", "17", "18", "19", "21", "22", "24", "27", "28",
            "31", "32", "33", "34", "35", "37", "38", "41", "42", "43", "44", "45", "46", "47",
            "48", "49", "51", "53", "54", "55", "61", "62", "63", "64", "65", "66", "67", "68",
            "69", "71", "73", "74", "75", "77", "79", "81", "82", "83", "84", "85", "86", "87",
            "88", "89", "91", "92", "93", "94", "95", "96", "97", "98", "99",
        ]),
        rules: vec![
            // Public services of three digits, among them 112, 128, 153, 180, 181, 185 and 188; 911
            // is led to 190 by the carriers.
            short("1XX", Service),
            short("911", Service),
            // Customer service of the carriers: 103 to 106 and the carrier's two digits.
            short("10[3-6]XX", Service),
            short("0800XXXXXX", TollFree),
            short("0800XXXXXXX", TollFree),
            short("0300XXXXXX", Premium),
            short("0300XXXXXXX", Premium),
            short("0303XXXXXXX", Premium),
            short("0500XXXXXX", Premium),
            short("0500XXXXXXX", Premium),
            short("0900XXXXXX", Premium),
            short("0900XXXXXXX", Premium),
            // Chamada a cobrar: 90 90 in the own area, 90 and the carrier elsewhere.
            subscriber("9090[2-5]XXXXXXX", Collect, 4),
            subscriber("90909XXXXXXXX", Collect, 4),
            national("90ZXA[2-5]XXXXXXX", Collect, 4),
            national("90ZXA9XXXXXXXX", Collect, 4),
            subscriber("[2-5]XXXXXXX", Local, 0),
            subscriber("9XXXXXXXX", Mobile, 0),
            national("0A[2-5]XXXXXXX", National, 1),
            national("0A9XXXXXXXX", Mobile, 1),
            national("0ZXA[2-5]XXXXXXX", National, 3),
            national("0ZXA9XXXXXXXX", Mobile, 3),
            national("A[2-5]XXXXXXX", National, 0),
            national("A9XXXXXXXX", Mobile, 0),
        ],
        ..NumberingPlan::default()
    }
}
