//! Portugal: ANACOM's numbering plan (Plano Nacional de Numeração). Closed: nine digits always.

use ipc::site::NumberKind::{Local, Mobile, Premium, Service, TollFree};
use ipc::site::NumberingPlan;

use super::{national, short, texts};

pub(super) fn plan() -> NumberingPlan {
    NumberingPlan {
        currency: "€".into(),
        calling_code: "351".into(),
        trunk_prefix: String::new(),
        international_prefix: "00".into(),
        carrier_length: 0,
        emergency: texts(&["112", "115", "117"]),
        rules: vec![
            short("116XXX", Service),
            short("144", Service),
            short("18XX", Premium),
            short("118XX", Premium),
            national("800XXXXXX", TollFree, 0),
            // The caller pays a local call.
            national("808XXXXXX", Local, 0),
            national("2XXXXXXXX", Local, 0),
            national("3XXXXXXXX", Local, 0),
            national("9[1236]XXXXXXX", Mobile, 0),
            national("70[78]XXXXXX", Premium, 0),
            national("76[0-2]XXXXXX", Premium, 0),
            national("6XXXXXXXX", Premium, 0),
        ],
        ..NumberingPlan::default()
    }
}
