//! One number means one thing: extensions, groups, parking slots and feature codes share a plan.

use std::collections::BTreeMap;

use crate::fault::Fault;
use crate::features::Features;
use crate::number::Number;
use crate::office::{Group, Parking};
use crate::site::Extension;
use crate::wrong::{Meaning, Report, Wrong};

/// Tells every number that would mean two things.
pub(crate) fn check(
    extensions: &BTreeMap<Number, Extension>,
    groups: &BTreeMap<Number, Group>,
    features: &Features,
    parking: &Parking,
    faults: &mut Vec<Fault>,
) {
    let mut clash = |of: String, number: &Number, other: Meaning| {
        let number = number.to_string();
        Report::new(of, faults).wrong("number", Wrong::Clash { number, other });
    };
    for number in groups.keys().filter(|it| extensions.contains_key(*it)) {
        clash(format!("group {number}"), number, Meaning::Extension);
    }
    for number in &parking.slots {
        if extensions.contains_key(number) {
            clash("parking".into(), number, Meaning::Extension);
        }
        if groups.contains_key(number) {
            clash("parking".into(), number, Meaning::Group);
        }
    }
    let extensions = extensions.keys().map(|number| ("extension", number));
    let groups = groups.keys().map(|number| ("group", number));
    let slots = parking.slots.iter().map(|number| ("parking slot", number));
    for (what, number) in extensions.chain(groups).chain(slots) {
        if let Some((feature, code)) = features.taking(number.as_str()) {
            let other = Meaning::Code(code.to_owned(), feature);
            clash(format!("{what} {number}"), number, other);
        }
    }
}
