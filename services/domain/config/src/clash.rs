//! One number means one thing: extensions, groups, parking slots and feature codes share a plan,
//! and a decoy is none of them.

use std::collections::{BTreeMap, BTreeSet};

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

/// Tells every decoy that means something: whoever uses that number would be banned for it.
pub(crate) fn check_decoys(
    decoys: &BTreeSet<Number>,
    extensions: &BTreeMap<Number, Extension>,
    groups: &BTreeMap<Number, Group>,
    features: &Features,
    parking: &Parking,
    faults: &mut Vec<Fault>,
) {
    let mut report = Report::new("guard".into(), faults);
    for decoy in decoys {
        let other = if extensions.contains_key(decoy) {
            Some(Meaning::Extension)
        } else if groups.contains_key(decoy) {
            Some(Meaning::Group)
        } else if parking.slots.contains(decoy) {
            Some(Meaning::Slot)
        } else {
            let taken = features.taking(decoy.as_str());
            taken.map(|(feature, code)| Meaning::Code(code.to_owned(), feature))
        };
        if let Some(other) = other {
            let number = decoy.to_string();
            report.wrong("decoys", Wrong::Clash { number, other });
        }
    }
}
