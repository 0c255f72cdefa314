//! What calls cost, and how much may be spent (F5, F16).
//!
//! Money is counted in 60,000ths of a hundredth: what a millisecond costs at one hundredth a
//! minute. So every price of a minute is exact for every length of a call, and nothing is rounded.

use std::collections::BTreeMap;
use std::time::Duration;

use ipc::site::{Class, Spend as RawSpend, Tariff as RawTariff};

use crate::pattern::is_dialled;
use crate::wrong::{Report, Wrong};

/// Most tariffs: every country's fixed and mobile numbers, and then some.
pub(crate) const TARIFFS_MAX: usize = 2_000;
/// Dearest minute or set-up that can be set, hundredths: ten thousand units of a currency.
const CENTS_MAX: u64 = 1_000_000;
/// How many parts of [`Money`] make a hundredth.
const PARTS: u64 = 60_000;

/// An amount of the country's currency, in 60,000ths of a hundredth.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Money(pub u64);

/// What a call costs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Price {
    /// A minute, hundredths.
    pub minute: u32,
    /// Each answered call, hundredths.
    pub setup: u32,
    /// What is billed at least, seconds.
    pub minimum: u16,
    /// In which steps time is billed, seconds.
    pub increment: u16,
}

/// What every call costs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tariffs(BTreeMap<Class, BTreeMap<String, Price>>);

/// How much may be spent; `None`: no cap.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Spend {
    /// From midnight to midnight.
    pub day: Option<Money>,
    /// From Monday to Sunday.
    pub week: Option<Money>,
    /// From the first to the last.
    pub month: Option<Money>,
}

impl Money {
    /// So many hundredths.
    #[must_use]
    pub fn cents(cents: u32) -> Self {
        Self(u64::from(cents) * PARTS)
    }

    /// In hundredths, a part of one counted as a whole one.
    #[must_use]
    pub const fn as_cents(self) -> u64 {
        self.0.div_ceil(PARTS)
    }
}

impl Price {
    /// Nothing is charged.
    #[must_use]
    pub const fn is_free(&self) -> bool {
        self.minute == 0 && self.setup == 0
    }

    /// What is charged when a call is answered: whatever comes, it costs this.
    #[must_use]
    pub fn first(&self) -> Money {
        self.cost(Duration::from_millis(1))
    }

    /// What a call that lasted so long costs.
    #[must_use]
    pub fn cost(&self, lasted: Duration) -> Money {
        let step = u64::from(self.increment.max(1)) * 1_000;
        let millis = u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX);
        let billed = millis
            .div_ceil(step)
            .saturating_mul(step)
            .max(u64::from(self.minimum) * 1_000);
        let time = billed.saturating_mul(self.minute.into());
        Money(Money::cents(self.setup).0.saturating_add(time))
    }
}

impl Tariffs {
    /// What a call of this class costs to a number, in international form or as dialled.
    #[must_use]
    pub fn price(&self, class: Class, e164: Option<&str>, dialled: &str) -> Price {
        let Some(prefixes) = self.0.get(&class) else {
            return Price::default();
        };
        let longest = |number: &str| {
            let beginnings = (1..=number.len()).rev();
            beginnings
                .filter_map(|length| number.get(..length))
                .find_map(|beginning| prefixes.get(beginning))
        };
        e164.and_then(longest)
            .or_else(|| longest(dialled))
            .or_else(|| prefixes.get(""))
            .copied()
            .unwrap_or_default()
    }

    /// What calls of a class can cost, by how the number begins.
    pub fn prices(&self, class: Class) -> impl Iterator<Item = (&str, &Price)> {
        let prefixes = self.0.get(&class).into_iter().flatten();
        prefixes.map(|(prefix, price)| (prefix.as_str(), price))
    }

    pub(crate) fn parse(raw: &[RawTariff], report: &mut Report<'_>) -> Self {
        if raw.len() > TARIFFS_MAX {
            report.wrong("tariffs", Wrong::TooMany(TARIFFS_MAX));
        }
        let mut tariffs: BTreeMap<Class, BTreeMap<String, Price>> = BTreeMap::new();
        for tariff in raw.iter().take(TARIFFS_MAX) {
            report.range("tariffs.cents", tariff.cents, 0, CENTS_MAX);
            report.range("tariffs.setup_cents", tariff.setup_cents, 0, CENTS_MAX);
            report.range("tariffs.minimum_secs", tariff.minimum_secs, 0, 600);
            report.range("tariffs.increment_secs", tariff.increment_secs, 1, 600);
            let prefix = &tariff.prefix;
            if !prefix.is_empty() && !is_dialled(prefix) {
                report.wrong("tariffs.prefix", Wrong::NotDialled(prefix.clone()));
            }
            let price = Price {
                minute: tariff.cents,
                setup: tariff.setup_cents,
                minimum: tariff.minimum_secs,
                increment: tariff.increment_secs,
            };
            let of_class = tariffs.entry(tariff.class).or_default();
            if of_class.insert(prefix.clone(), price).is_some() {
                let twice = format!("{:?} {prefix}", tariff.class);
                report.wrong("tariffs", Wrong::Twice(twice.trim_end().to_owned()));
            }
        }
        Self(tariffs)
    }

    pub(crate) fn to_ipc(&self) -> Vec<RawTariff> {
        let of_class = |(class, prefixes): (&Class, &BTreeMap<String, Price>)| {
            let class = *class;
            let tariff = move |(prefix, price): (&String, &Price)| RawTariff {
                class,
                prefix: prefix.clone(),
                cents: price.minute,
                setup_cents: price.setup,
                minimum_secs: price.minimum,
                increment_secs: price.increment,
            };
            prefixes.iter().map(tariff).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of_class).collect()
    }
}

impl Spend {
    pub(crate) fn parse(raw: RawSpend) -> Self {
        let cap = |cents: u32| (cents > 0).then(|| Money::cents(cents));
        Self {
            day: cap(raw.day_cents),
            week: cap(raw.week_cents),
            month: cap(raw.month_cents),
        }
    }

    pub(crate) fn to_ipc(self) -> RawSpend {
        let cents = |cap: Option<Money>| {
            let cents = cap.map(Money::as_cents).unwrap_or_default();
            u32::try_from(cents).unwrap_or(u32::MAX)
        };
        RawSpend {
            day_cents: cents(self.day),
            week_cents: cents(self.week),
            month_cents: cents(self.month),
        }
    }

    /// The caps of a day, a week and a month.
    #[must_use]
    pub const fn caps(&self) -> [Option<Money>; 3] {
        [self.day, self.week, self.month]
    }

    /// The most that a day can cost.
    #[must_use]
    pub fn of_day(&self) -> Option<Money> {
        self.caps().into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tariffs(raw: &[RawTariff]) -> (Tariffs, usize) {
        let mut faults = Vec::new();
        let mut report = Report::new("limits".into(), &mut faults);
        let tariffs = Tariffs::parse(raw, &mut report);
        (tariffs, faults.len())
    }

    #[test]
    fn time_is_billed_in_steps_and_never_less_than_the_least() {
        let price = Price {
            minute: 50,
            setup: 7,
            minimum: 30,
            increment: 6,
        };
        let cents = |secs| price.cost(Duration::from_secs(secs)).as_cents();
        assert_eq!(price.first(), price.cost(Duration::from_secs(1)));
        assert_eq!(
            [cents(1), cents(30), cents(31), cents(36)],
            [32, 32, 37, 37]
        );
        assert_eq!(cents(3_600), 50 * 60 + 7);
        assert!(Price::default().is_free() && !price.is_free());
    }

    #[test]
    fn the_longest_beginning_of_a_number_says_what_it_costs() {
        let with = |class, prefix: &str, cents| RawTariff {
            prefix: prefix.into(),
            ..RawTariff::of_class(class, cents)
        };
        let raw = [
            with(Class::International, "", 300),
            with(Class::International, "+351", 40),
            with(Class::International, "+3519", 90),
            with(Class::Premium, "0900", 600),
        ];
        let (tariffs, faults) = tariffs(&raw);
        assert_eq!(faults, 0);
        let price = |class, e164, dialled| tariffs.price(class, e164, dialled).minute;
        let abroad = |e164| price(Class::International, Some(e164), "00");
        assert_eq!(abroad("+351212345678"), 40);
        assert_eq!(abroad("+351912345678"), 90);
        assert_eq!(abroad("+442071234567"), 300);
        assert_eq!(price(Class::Premium, None, "0900123456"), 600);
        assert_eq!(price(Class::Premium, None, "0300123456"), 0);
        assert_eq!(price(Class::Local, Some("+551132345678"), "32345678"), 0);
        assert_eq!(tariffs.to_ipc().len(), 4);
        assert_eq!(
            Tariffs::parse(&tariffs.to_ipc(), &mut report(&mut Vec::new())),
            tariffs
        );
    }

    fn report(faults: &mut Vec<crate::Fault>) -> Report<'_> {
        Report::new("limits".into(), faults)
    }

    #[test]
    fn what_is_no_tariff_is_told() {
        let wrong = |change: fn(&mut RawTariff)| {
            let mut tariff = RawTariff::of_class(Class::Mobile, 50);
            change(&mut tariff);
            tariffs(&[tariff]).1
        };
        assert_eq!(wrong(|_| {}), 0);
        assert_eq!(wrong(|it| it.cents = 1_000_001), 1);
        assert_eq!(wrong(|it| it.increment_secs = 0), 1);
        assert_eq!(wrong(|it| it.minimum_secs = 601), 1);
        assert_eq!(wrong(|it| it.prefix = "+351 9".into()), 1);
        let twice = RawTariff::of_class(Class::Mobile, 50);
        assert_eq!(tariffs(&[twice.clone(), twice]).1, 1);
    }

    #[test]
    fn no_cap_is_none_and_a_day_is_bound_by_the_smallest() {
        let raw = RawSpend {
            day_cents: 0,
            week_cents: 500,
            month_cents: 400,
        };
        let spend = Spend::parse(raw);
        assert_eq!(spend.day, None);
        assert_eq!(spend.of_day(), Some(Money::cents(400)));
        assert_eq!(spend.to_ipc(), raw);
    }
}
