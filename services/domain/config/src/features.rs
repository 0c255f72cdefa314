//! The codes people dial to use a feature.

use ipc::site::Features as RawFeatures;

use crate::wrong::{Meaning, Report, Wrong};

/// Longest code, signs.
pub const CODE_LENGTH_MAX: usize = 6;

/// What a code does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Feature {
    /// Take a call that rings in the own pickup group.
    Pickup,
    /// Take the call that rings at the extension that follows.
    PickupOf,
    /// Forward all calls to the number that follows.
    ForwardAlways,
    /// Forward no more.
    ForwardAlwaysOff,
    /// Forward calls to the number that follows while busy.
    ForwardBusy,
    /// No more.
    ForwardBusyOff,
    /// Forward calls to the number that follows when nobody answers.
    ForwardNoAnswer,
    /// No more.
    ForwardNoAnswerOff,
    /// Do not disturb.
    DoNotDisturb,
    /// No more.
    DoNotDisturbOff,
    /// Park the call transferred to it, or the call on hold.
    Park,
    /// Three-way conversation with the call on hold.
    ThreeWay,
    /// Call the number that follows without showing one's own.
    Withhold,
    /// Pressed during a call: record it, or record no more.
    Record,
    /// What is said after the beep can become a prompt.
    RecordPrompt,
}

impl Feature {
    /// Every feature.
    pub const ALL: [Self; 15] = [
        Self::Pickup,
        Self::PickupOf,
        Self::ForwardAlways,
        Self::ForwardAlwaysOff,
        Self::ForwardBusy,
        Self::ForwardBusyOff,
        Self::ForwardNoAnswer,
        Self::ForwardNoAnswerOff,
        Self::DoNotDisturb,
        Self::DoNotDisturbOff,
        Self::Park,
        Self::ThreeWay,
        Self::Withhold,
        Self::Record,
        Self::RecordPrompt,
    ];

    /// A number is dialled right after its code.
    #[must_use]
    pub const fn takes_number(self) -> bool {
        match self {
            Self::PickupOf
            | Self::ForwardAlways
            | Self::ForwardBusy
            | Self::ForwardNoAnswer
            | Self::Withhold => true,
            Self::Pickup
            | Self::ForwardAlwaysOff
            | Self::ForwardBusyOff
            | Self::ForwardNoAnswerOff
            | Self::DoNotDisturb
            | Self::DoNotDisturbOff
            | Self::Park
            | Self::ThreeWay
            | Self::Record
            | Self::RecordPrompt => false,
        }
    }

    /// Its field's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pickup => "pickup",
            Self::PickupOf => "pickup_of",
            Self::ForwardAlways => "forward_always",
            Self::ForwardAlwaysOff => "forward_always_off",
            Self::ForwardBusy => "forward_busy",
            Self::ForwardBusyOff => "forward_busy_off",
            Self::ForwardNoAnswer => "forward_no_answer",
            Self::ForwardNoAnswerOff => "forward_no_answer_off",
            Self::DoNotDisturb => "do_not_disturb",
            Self::DoNotDisturbOff => "do_not_disturb_off",
            Self::Park => "park",
            Self::ThreeWay => "three_way",
            Self::Withhold => "withhold",
            Self::Record => "record",
            Self::RecordPrompt => "record_prompt",
        }
    }

    const fn slot(self, raw: &mut RawFeatures) -> &mut String {
        match self {
            Self::Pickup => &mut raw.pickup,
            Self::PickupOf => &mut raw.pickup_of,
            Self::ForwardAlways => &mut raw.forward_always,
            Self::ForwardAlwaysOff => &mut raw.forward_always_off,
            Self::ForwardBusy => &mut raw.forward_busy,
            Self::ForwardBusyOff => &mut raw.forward_busy_off,
            Self::ForwardNoAnswer => &mut raw.forward_no_answer,
            Self::ForwardNoAnswerOff => &mut raw.forward_no_answer_off,
            Self::DoNotDisturb => &mut raw.do_not_disturb,
            Self::DoNotDisturbOff => &mut raw.do_not_disturb_off,
            Self::Park => &mut raw.park,
            Self::ThreeWay => &mut raw.three_way,
            Self::Withhold => &mut raw.withhold,
            Self::Record => &mut raw.record,
            Self::RecordPrompt => &mut raw.record_prompt,
        }
    }
}

/// The codes in use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Features {
    /// Each feature that has a code, with it.
    pub codes: Vec<(Feature, String)>,
}

impl Features {
    /// The feature a dialled number means, with what follows its code; empty where nothing may.
    #[must_use]
    pub fn find<'a>(&self, dialled: &'a str) -> Option<(Feature, &'a str)> {
        self.codes.iter().find_map(|(feature, code)| {
            let rest = dialled.strip_prefix(code.as_str())?;
            (feature.takes_number() != rest.is_empty()).then_some((*feature, rest))
        })
    }

    /// The code of a feature, unless it is switched off.
    #[must_use]
    pub fn code(&self, wanted: Feature) -> Option<&str> {
        let mut codes = self.codes.iter();
        codes
            .find(|(feature, _)| *feature == wanted)
            .map(|(_, code)| code.as_str())
    }

    /// The code that would take a number, if any: it is the number, or a number dialled after the
    /// code would begin like it.
    pub(crate) fn taking(&self, number: &str) -> Option<(Feature, &str)> {
        let takes = |(feature, code): &&(Feature, String)| {
            number == code || (feature.takes_number() && number.starts_with(code.as_str()))
        };
        let mut codes = self.codes.iter();
        codes
            .find(takes)
            .map(|(feature, code)| (*feature, code.as_str()))
    }

    pub(crate) fn parse(raw: &RawFeatures, report: &mut Report<'_>) -> Self {
        let mut raw = raw.clone();
        let mut codes: Vec<(Feature, String)> = Vec::new();
        for feature in Feature::ALL {
            let code = std::mem::take(feature.slot(&mut raw));
            if code.is_empty() {
                continue;
            }
            if !is_code(&code) {
                report.wrong(feature.name(), Wrong::NotACode(code));
                continue;
            }
            let before = codes.iter().find(|(other, taken)| {
                *taken == code
                    || (other.takes_number() && code.starts_with(taken.as_str()))
                    || (feature.takes_number() && taken.starts_with(&code))
            });
            if let Some((other, taken)) = before {
                let other = Meaning::Code(taken.clone(), *other);
                let number = code.clone();
                report.wrong(feature.name(), Wrong::Clash { number, other });
            }
            codes.push((feature, code));
        }
        Self { codes }
    }

    pub(crate) fn to_ipc(&self) -> RawFeatures {
        let mut raw = RawFeatures::default();
        for feature in Feature::ALL {
            let code = self.code(feature).unwrap_or_default();
            code.clone_into(feature.slot(&mut raw));
        }
        raw
    }
}

fn is_code(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_digit() || b"*#".contains(&byte);
    text.len() <= CODE_LENGTH_MAX && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fault;

    fn parse(raw: &RawFeatures) -> (Features, Vec<Fault>) {
        let mut faults = Vec::new();
        let mut report = Report::new("feature codes".into(), &mut faults);
        let parsed = Features::parse(raw, &mut report);
        (parsed, faults)
    }

    #[test]
    fn a_code_is_found_with_what_follows_it() {
        let (features, faults) = parse(&RawFeatures::default());
        assert_eq!(faults, []);
        for (dialled, expected) in [
            ("*8", Some((Feature::Pickup, ""))),
            ("**101", Some((Feature::PickupOf, "101"))),
            (
                "*7200551133334444",
                Some((Feature::ForwardAlways, "00551133334444")),
            ),
            ("*73", Some((Feature::ForwardAlwaysOff, ""))),
            ("700", Some((Feature::Park, ""))),
            ("*72", None),
            ("**", None),
            ("*81", None),
            ("7001", None),
            ("100", None),
        ] {
            assert_eq!(features.find(dialled), expected, "{dialled}");
        }
        assert_eq!(features.to_ipc(), RawFeatures::default());
    }

    #[test]
    fn overlapping_codes_are_told() {
        let check = |change: fn(&mut RawFeatures), count| {
            let mut raw = RawFeatures::default();
            change(&mut raw);
            assert_eq!(parse(&raw).1.len(), count, "{raw:?}");
        };
        check(|raw| raw.pickup = "*72".into(), 1);
        check(|raw| raw.pickup = "*725".into(), 1);
        check(|raw| raw.withhold = "*9".into(), 1);
        check(|raw| raw.pickup = "*80".into(), 0);
        check(|raw| raw.pickup = String::new(), 0);
        check(|raw| raw.pickup = "+8".into(), 1);
        check(|raw| raw.pickup = "*800000".into(), 1);
    }
}
