//! What is going on and what was spent: the counters behind the fraud controls (F3 to F5).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use config::{CallLimits, Class, Money, Number, Price, Site};
use sansio::Instant;
use serde::{Deserialize, Serialize};

use crate::meter::{Account, Meter, Periods};

/// Most attempts remembered of one extension: an hour of the highest limit worth setting. An
/// extension with more is held to have reached any limit.
const ATTEMPTS_MAX: usize = 2_000;

/// A call that is counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Ticket(u64);

/// What a call is counted under.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Charge {
    /// The extension it is made by or for; `None` for inbound calls and those between trunks.
    pub payer: Option<Number>,
    /// The trunk it occupies.
    pub trunk: String,
    /// What it needs permission for; `None` for inbound calls and those that always pass.
    pub class: Option<Class>,
    /// Calling code of a number abroad.
    pub country: Option<String>,
    /// What it costs.
    pub price: Price,
}

/// Calls in progress, and what was spent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    calls: BTreeMap<Ticket, Call>,
    /// How many of them there are, by what they are asked for.
    tally: Tally,
    /// When each extension began its outbound calls of the last hour.
    attempts: BTreeMap<Number, VecDeque<Instant>>,
    /// The periods that the meters are of.
    periods: Periods,
    /// Milliseconds spoken, by class.
    spoken: BTreeMap<Class, Meter>,
    /// Money spent.
    spent: BTreeMap<Account, Meter>,
    /// When an administrator last let an extension go on.
    resumed: BTreeMap<Number, u64>,
    last: u64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Call {
    charge: Charge,
    /// When it was answered; before, when it began.
    begun: Instant,
    answered: bool,
    /// What was charged at the answer: nothing when that was before this process.
    first: Money,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Tally {
    trunks: BTreeMap<String, usize>,
    payers: BTreeMap<Number, usize>,
    countries: BTreeMap<String, usize>,
    outbound: usize,
}

/// What of [`Usage`] outlives a restart. Calls in progress are resumed by whoever has them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct UsageState {
    /// The day, week and month that the rest is of.
    pub periods: Periods,
    /// Milliseconds spoken in them.
    pub spoken: Vec<(Class, [u64; 3])>,
    /// Money spent in them: by the box, by extensions, by trunks.
    pub spent: (Option<[u64; 3]>, Spent, Spent),
    /// When an administrator last let an extension go on.
    pub resumed: Vec<(String, u64)>,
    /// How many milliseconds ago each extension began its calls of the last hour.
    pub attempts: Vec<(String, Vec<u32>)>,
}

/// What was spent, by name.
type Spent = Vec<(String, [u64; 3])>;

impl Charge {
    /// An inbound call on a trunk.
    #[must_use]
    pub fn inbound(trunk: &str) -> Self {
        Self {
            payer: None,
            trunk: trunk.to_owned(),
            class: None,
            country: None,
            price: Price::default(),
        }
    }

    /// Who is charged.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = Account> {
        let trunk = Account::Trunk(self.trunk.clone());
        let payer = self.payer.clone().map(Account::Extension);
        [Account::Box, trunk].into_iter().chain(payer)
    }
}

impl Tally {
    fn add(&mut self, charge: &Charge) {
        count(&mut self.trunks, Some(&charge.trunk));
        if charge.class.is_some() {
            self.outbound += 1;
            count(&mut self.payers, charge.payer.as_ref());
        }
        count(&mut self.countries, charge.country.as_ref());
    }

    fn remove(&mut self, charge: &Charge) {
        uncount(&mut self.trunks, Some(&charge.trunk));
        if charge.class.is_some() {
            self.outbound = self.outbound.saturating_sub(1);
            uncount(&mut self.payers, charge.payer.as_ref());
        }
        uncount(&mut self.countries, charge.country.as_ref());
    }
}

fn count<K: Ord + Clone>(counts: &mut BTreeMap<K, usize>, key: Option<&K>) {
    if let Some(key) = key {
        match counts.get_mut(key) {
            Some(count) => *count += 1,
            None => {
                counts.insert(key.clone(), 1);
            }
        }
    }
}

fn uncount<K: Ord>(counts: &mut BTreeMap<K, usize>, key: Option<&K>) {
    let Some(key) = key else { return };
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

impl Usage {
    /// Counts a call from now on. Every ticket is given back by [`Usage::ended`].
    pub fn admit(&mut self, at: Instant, charge: Charge) -> Ticket {
        if let (Some(payer), Some(_)) = (&charge.payer, charge.class) {
            let attempts = self.attempts.entry(payer.clone()).or_default();
            attempts.retain(|begun| at - *begun < HOUR);
            attempts.push_back(at);
            if attempts.len() > ATTEMPTS_MAX {
                attempts.pop_front();
            }
        }
        self.insert(at, charge)
    }

    fn insert(&mut self, at: Instant, charge: Charge) -> Ticket {
        self.last += 1;
        let ticket = Ticket(self.last);
        self.tally.add(&charge);
        let call = Call {
            charge,
            begun: at,
            answered: false,
            first: Money::default(),
        };
        self.calls.insert(ticket, call);
        ticket
    }

    /// Counts on with an answered call that was begun before this process was: it is no new
    /// attempt, and what it cost at the answer was counted then.
    pub fn resume(&mut self, at: Instant, charge: Charge) -> Ticket {
        let ticket = self.insert(at, charge);
        self.run(ticket, at, |_| Money::default());
        ticket
    }

    /// The call was answered: what is spent begins here.
    pub fn answered(&mut self, ticket: Ticket, at: Instant, now: Periods) {
        self.turn(now);
        self.run(ticket, at, Price::first);
    }

    fn run(&mut self, ticket: Ticket, at: Instant, first: impl Fn(&Price) -> Money) {
        let Some(call) = self.calls.get_mut(&ticket).filter(|call| !call.answered) else {
            return;
        };
        (call.begun, call.answered) = (at, true);
        let Some(class) = call.charge.class else {
            return;
        };
        self.spoken.entry(class).or_default().begin(at, 0, 1);
        let price = call.charge.price;
        if !price.is_free() {
            call.first = first(&price);
            for account in call.charge.accounts() {
                let meter = self.spent.entry(account).or_default();
                meter.begin(at, call.first.0, price.minute.into());
            }
        }
    }

    /// Whether a call is paid by the same extension for the same kind of number.
    #[must_use]
    pub fn is_same(&self, ticket: Ticket, charge: &Charge) -> bool {
        self.calls.get(&ticket).is_some_and(|call| {
            let known = &call.charge;
            known.payer == charge.payer
                && known.class == charge.class
                && known.country == charge.country
        })
    }

    /// The call is none: it is counted under another ticket from now on, and is no attempt of its
    /// own (F4).
    pub fn withdrawn(&mut self, ticket: Ticket) {
        let Some(call) = self.calls.remove(&ticket) else {
            return;
        };
        self.tally.remove(&call.charge);
        let payer = call.charge.payer.as_ref();
        let attempts = payer.and_then(|payer| self.attempts.get_mut(payer));
        if let Some(attempts) = attempts
            && let Some(place) = attempts.iter().rposition(|begun| *begun == call.begun)
        {
            attempts.remove(place);
        }
    }

    /// The call, which nobody answered yet, goes on over another trunk.
    pub fn moved(&mut self, ticket: Ticket, trunk: &str) {
        if let Some(call) = self.calls.get_mut(&ticket) {
            self.tally.remove(&call.charge);
            trunk.clone_into(&mut call.charge.trunk);
            self.tally.add(&call.charge);
        }
    }

    /// The call is over. One that was never answered costs nothing.
    pub fn ended(&mut self, ticket: Ticket, at: Instant, now: Periods) {
        let Some(call) = self.calls.remove(&ticket) else {
            return;
        };
        self.tally.remove(&call.charge);
        self.turn(now);
        let Some(class) = call.charge.class.filter(|_| call.answered) else {
            return;
        };
        let lasted = at - call.begun;
        let millis = u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX);
        self.spoken
            .entry(class)
            .or_default()
            .end(at, 1, millis, millis);
        let price = call.charge.price;
        if price.is_free() {
            return;
        }
        let rate = u64::from(price.minute);
        let counted = call.first.0.saturating_add(rate.saturating_mul(millis));
        let cost = if call.first == Money::default() {
            // Its beginning was counted by an earlier process.
            counted
        } else {
            price.cost(lasted).0
        };
        for account in call.charge.accounts() {
            let meter = self.spent.entry(account).or_default();
            meter.end(at, rate, counted, cost);
        }
    }

    /// What is spent from now on is of these days, weeks and months. Whether that is worth keeping:
    /// something was spent in others.
    pub fn turn(&mut self, now: Periods) -> bool {
        let next = self.periods.moved_to(now);
        if next == self.periods {
            return false;
        }
        let counted = !self.spoken.is_empty() || !self.spent.is_empty();
        for meter in self.spoken.values_mut().chain(self.spent.values_mut()) {
            meter.turn(self.periods, now);
        }
        self.spent.retain(|_, meter| !meter.is_empty());
        self.periods = next;
        counted
    }

    /// Calls on a trunk, both directions.
    #[must_use]
    pub fn on_trunk(&self, trunk: &str) -> usize {
        self.tally.trunks.get(trunk).copied().unwrap_or_default()
    }

    /// Outbound calls an extension pays for.
    #[must_use]
    pub fn of_extension(&self, number: &Number) -> usize {
        self.tally.payers.get(number).copied().unwrap_or_default()
    }

    /// Calls to a country abroad.
    #[must_use]
    pub fn to_country(&self, code: &str) -> usize {
        self.tally.countries.get(code).copied().unwrap_or_default()
    }

    /// Outbound calls of the box, those that always pass left out.
    #[must_use]
    pub const fn outbound(&self) -> usize {
        self.tally.outbound
    }

    /// Time spoken today in calls of a class, those in progress included.
    #[must_use]
    pub fn spoken(&self, class: Class, at: Instant, now: Periods) -> Duration {
        let meter = self.spoken.get(&class);
        let [today, ..] = meter.map_or([0; 3], |meter| meter.spent(at, self.periods, now));
        Duration::from_millis(today)
    }

    /// How long the calls of a class that run may go on together before they have spoken `left`
    /// more; `None`: none runs.
    pub(crate) fn spoken_lasts(&self, class: Class, left: Duration) -> Option<Duration> {
        let left = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let meter = self.spoken.get(&class)?;
        meter.lasts(left).map(Duration::from_millis)
    }

    /// Money spent this day, week and month, calls in progress included.
    #[must_use]
    pub fn spent(&self, account: &Account, at: Instant, now: Periods) -> [Money; 3] {
        let meter = self.spent.get(account);
        meter
            .map_or([0; 3], |meter| meter.spent(at, self.periods, now))
            .map(Money)
    }

    /// Everybody who spent money this day, week or month, and how much.
    pub fn spenders(
        &self,
        at: Instant,
        now: Periods,
    ) -> impl Iterator<Item = (&Account, [Money; 3])> {
        let spent = move |meter: &Meter| meter.spent(at, self.periods, now).map(Money);
        let all = self.spent.iter();
        all.map(move |(account, meter)| (account, spent(meter)))
            .filter(|(_, spent)| *spent != [Money::default(); 3])
    }

    /// How long the calls of an account that run may go on together before they have spent `left`
    /// more; `None`: none runs.
    pub(crate) fn spent_lasts(&self, account: &Account, left: Money) -> Option<Duration> {
        let meter = self.spent.get(account)?;
        meter.lasts(left.0).map(Duration::from_millis)
    }

    /// An extension may go on: what it spent so far does not count any more.
    pub fn forgive(&mut self, number: &Number, at: Instant) {
        let account = Account::Extension(number.clone());
        if let Some(meter) = self.spent.get_mut(&account) {
            meter.forgive(at);
        }
    }

    /// The configuration in force: lets go of extensions that do not exist any more, and lets those
    /// go on that an administrator resumed since. Whether anything is to be kept.
    ///
    /// An administrator who resumes also vouches for the clock: what others have spent counts
    /// under the periods of `now`, also when those are earlier.
    pub fn configure(&mut self, site: &Site, at: Instant, now: Periods) -> bool {
        self.attempts
            .retain(|number, _| site.extensions.contains_key(number));
        self.resumed
            .retain(|number, _| site.extensions.contains_key(number));
        let mut changed = false;
        for extension in site.extensions.values() {
            let (number, resumed) = (&extension.number, extension.settings.spend_resumed);
            let known = self.resumed.get(number).copied().unwrap_or_default();
            if resumed != known {
                let account = Account::Extension(number.clone());
                if let Some(meter) = self.spent.get_mut(&account) {
                    meter.forgive(at);
                }
                self.resumed.insert(number.clone(), resumed);
                changed = true;
            }
        }
        if changed {
            self.turn(now);
            self.periods = if now.is_unknown() { self.periods } else { now };
        }
        changed
    }

    /// Whether one more outbound call of an extension would go over one of its rates (F4).
    #[must_use]
    pub fn is_too_fast(&self, number: &Number, limits: &CallLimits, at: Instant) -> bool {
        let Some(attempts) = self.attempts.get(number) else {
            return limits.per_second == 0 || limits.per_minute == 0 || limits.per_hour == 0;
        };
        let within = |window: Duration| {
            let recent = attempts.iter().rev();
            recent.take_while(|begun| at - **begun < window).count()
        };
        attempts.len() >= ATTEMPTS_MAX
            || within(Duration::from_secs(1)) >= usize::from(limits.per_second)
            || within(Duration::from_secs(60)) >= usize::from(limits.per_minute)
            || within(HOUR) >= usize::from(limits.per_hour)
    }

    /// What has to outlive a restart.
    #[must_use]
    pub fn state(&self, at: Instant) -> UsageState {
        let ages = |(number, attempts): (&Number, &VecDeque<Instant>)| {
            let recent = attempts.iter().filter(|begun| at - **begun < HOUR);
            let age = |begun: &Instant| u32::try_from((at - *begun).as_millis()).ok();
            let ages: Vec<u32> = recent.filter_map(age).collect();
            (number.to_string(), ages)
        };
        let mut spent = (None, Spent::new(), Spent::new());
        for (account, meter) in &self.spent {
            let totals = meter.totals(at);
            match account {
                Account::Box => spent.0 = Some(totals),
                Account::Extension(number) => spent.1.push((number.to_string(), totals)),
                Account::Trunk(name) => spent.2.push((name.clone(), totals)),
            }
        }
        let spoken = self.spoken.iter();
        let resumed = self.resumed.iter();
        UsageState {
            periods: self.periods,
            spoken: spoken
                .map(|(class, meter)| (*class, meter.totals(at)))
                .collect(),
            spent,
            resumed: resumed
                .map(|(number, at)| (number.to_string(), *at))
                .collect(),
            attempts: self
                .attempts
                .iter()
                .map(ages)
                .filter(|(_, ages)| !ages.is_empty())
                .collect(),
        }
    }

    /// What was spent before a power cut, from a state of then that says nothing else. It comes to
    /// what was spent since, but for extensions that an administrator resumed since.
    pub fn take_back(&mut self, state: &UsageState, at: Instant) {
        let earlier = Self::restored(state, at);
        let counted = earlier.periods;
        self.periods = if self.periods.is_unknown() {
            counted
        } else {
            counted.moved_to(self.periods)
        };
        for (number, resumed) in earlier.resumed {
            self.resumed.entry(number).or_insert(resumed);
        }
        let resumed: BTreeMap<String, u64> = state.resumed.iter().cloned().collect();
        let went_on = |account: &Account| match account {
            Account::Extension(number) => {
                let then = resumed.get(number.as_str()).copied().unwrap_or_default();
                self.resumed.get(number).is_some_and(|now| *now != then)
            }
            Account::Box | Account::Trunk(_) => false,
        };
        for (account, meter) in earlier.spent.iter().filter(|(it, _)| !went_on(it)) {
            let own = self.spent.entry(account.clone()).or_default();
            own.take_back(meter.totals(at), counted, self.periods);
        }
        for (class, meter) in &earlier.spoken {
            let own = self.spoken.entry(*class).or_default();
            own.take_back(meter.totals(at), counted, self.periods);
        }
    }

    /// Goes on from what an earlier process knew. Attempts older than this process's clock are
    /// held to be as old as the clock is: a restart never forgives.
    #[must_use]
    pub fn restored(state: &UsageState, at: Instant) -> Self {
        let attempts = state.attempts.iter().filter_map(|(number, ages)| {
            let number = Number::parse(number).ok()?;
            let begun = |age: &u32| {
                let age = u64::from(*age).saturating_mul(1_000_000);
                Instant::from_nanos(at.as_nanos().saturating_sub(age))
            };
            Some((number, ages.iter().take(ATTEMPTS_MAX).map(begun).collect()))
        });
        let meter = |totals: &[u64; 3]| Meter::restored(*totals, at);
        let (whole, extensions, trunks) = &state.spent;
        let whole = whole.iter().map(|it| (Account::Box, meter(it)));
        let extensions = extensions.iter().filter_map(|(number, it)| {
            let number = Number::parse(number).ok()?;
            Some((Account::Extension(number), meter(it)))
        });
        let trunks = trunks.iter();
        let trunks = trunks.map(|(name, it)| (Account::Trunk(name.clone()), meter(it)));
        let spoken = state.spoken.iter();
        let resumed = state.resumed.iter().filter_map(|(number, at)| {
            let number = Number::parse(number).ok()?;
            Some((number, *at))
        });
        Self {
            attempts: attempts.collect(),
            periods: state.periods,
            spoken: spoken.map(|(class, it)| (*class, meter(it))).collect(),
            spent: whole.chain(extensions).chain(trunks).collect(),
            resumed: resumed.collect(),
            ..Self::default()
        }
    }
}

const HOUR: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests;
