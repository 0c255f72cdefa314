//! One number means one thing: extensions, groups, parking slots and feature codes share a plan.

use std::collections::BTreeMap;

use crate::fault::Fault;
use crate::features::Features;
use crate::number::Number;
use crate::office::{Group, Parking};
use crate::site::Extension;
use crate::wrong::{Report, Wrong};

/// Tells every number that would mean two things.
pub(crate) fn check(
    extensions: &BTreeMap<Number, Extension>,
    groups: &BTreeMap<Number, Group>,
    features: &Features,
    parking: &Parking,
    faults: &mut Vec<Fault>,
) {
    let mut clash = |of: String, number: &Number, other: String| {
        let number = number.to_string();
        Report::new(of, faults).wrong("number", Wrong::Clash { number, other });
    };
    for number in groups.keys().filter(|it| extensions.contains_key(*it)) {
        clash(format!("group {number}"), number, "an extension".into());
    }
    for number in &parking.slots {
        if extensions.contains_key(number) {
            clash("parking".into(), number, "an extension".into());
        }
        if groups.contains_key(number) {
            clash("parking".into(), number, "a group".into());
        }
    }
    let extensions = extensions.keys().map(|number| ("extension", number));
    let groups = groups.keys().map(|number| ("group", number));
    let slots = parking.slots.iter().map(|number| ("parking slot", number));
    for (what, number) in extensions.chain(groups).chain(slots) {
        if let Some((feature, code)) = features.taking(number.as_str()) {
            let other = format!("taken by the code {code} of {}", feature.name());
            clash(format!("{what} {number}"), number, other);
        }
    }
}
