//! Copies of backups away from the box: what gets there, what stays there, and what does not, while
//! answers are lost, late and doubled, the process starts anew at each step, and the place lies
//! (R22, R25 to R27, T10).

#![expect(clippy::expect_used, reason = "a test's helpers may fail the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use backup::away::{
    Answer, Archive, AwayNode, Command, Digest, Input, Memory, Output, Trouble, Whole,
};
use backup::plan::{AWAY, HERE, Kept};
use sansio::{Instant, Node as _, Rng, UnixTime};
use sim::{Bucket, again, seeds};

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
const SINCE_MILLIS: i64 = 1_790_000_000_000;
/// Bytes of a part here: archives of a few parts are a few bytes.
const PART: usize = 16;

/// What goes wrong between the two, in percent of all questions.
#[derive(Clone, Copy, Default)]
struct Faults {
    lost: u8,
    doubled: u8,
    late: u8,
    spoiled: u8,
    restarts: u8,
}

/// A box with backups on its disk, a place away from it, and what is between.
struct Site {
    node: AwayNode,
    /// As it is on the disk.
    memory: Memory,
    bucket: Bucket,
    /// The archives on the box.
    disk: BTreeMap<String, Vec<u8>>,
    /// All that proved good at any time.
    made: BTreeMap<String, Vec<u8>>,
    now: Instant,
    millis: i64,
    has_clock: bool,
    is_away: bool,
    /// Until a part is there.
    part_takes: Duration,
    faults: Faults,
    rng: Rng,
    /// Answers that are under way.
    mail: Vec<(Instant, u64, Answer)>,
    alarm: Option<Trouble>,
    /// Questions so far; the process starts anew at this one.
    asked: u64,
    cut_at: Option<u64>,
    commands: Vec<Command>,
}

impl Site {
    fn new(seed: u64) -> Self {
        let mut site = Self {
            node: AwayNode::new(Memory::default()),
            memory: Memory::default(),
            bucket: Bucket::default(),
            disk: BTreeMap::new(),
            made: BTreeMap::new(),
            now: Instant::ORIGIN,
            millis: SINCE_MILLIS,
            has_clock: true,
            is_away: false,
            part_takes: Duration::from_millis(20),
            faults: Faults::default(),
            rng: Rng::from_seed(seed),
            mail: Vec::new(),
            alarm: None,
            asked: 0,
            cut_at: None,
            commands: Vec::new(),
        };
        site.start();
        site
    }

    /// A process that knows what is on the disk.
    fn start(&mut self) {
        let stored = serde_json::to_vec(&self.memory).expect("it is written");
        let read = serde_json::from_slice(&stored).expect("it is read");
        self.node = AwayNode::new(read);
        let place = Some("https://bucket.grid/box-7".to_owned());
        self.node.handle(self.now, Input::Place(place));
        self.tell_here();
    }

    fn tell_here(&mut self) {
        let archive = |(name, file): (&String, &Vec<u8>)| Archive {
            kept: kept(name),
            bytes: file.len() as u64,
            part_bytes: PART as u64,
            parts: file.chunks(PART).map(Digest::of).collect(),
        };
        let archives = self.disk.iter().map(archive).collect();
        let now = self.has_clock.then(|| UnixTime::from_millis(self.millis));
        self.node.handle(self.now, Input::Here { archives, now });
    }

    /// A backup is made, and those that are too many go from the box, whatever the place does.
    fn back_up(&mut self) {
        let length = 1 + self.rng.below(5 * PART as u64);
        self.back_up_of(length);
    }

    fn back_up_of(&mut self, length: u64) {
        let name = format!("{:013}.backup", self.millis);
        let file: Vec<u8> = (0..length)
            .map(|_| u8::try_from(self.rng.below(256)).unwrap_or(0))
            .collect();
        self.made.insert(name.clone(), file.clone());
        self.disk.insert(name, file);
        let all: Vec<Kept> = self.disk.keys().map(|it| kept(it)).collect();
        for old in HERE.superfluous(self.millis, &all) {
            self.disk.remove(&old);
        }
        self.tell_here();
    }

    /// So long, with all that happens meanwhile.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.carry_out();
            let mail = self.mail.iter().map(|(at, ..)| *at).min();
            let due = [mail, self.node.deadline()].into_iter().flatten().min();
            let next = due.map_or(end, |at| at.min(end)).max(self.now);
            let passed = next.saturating_since(self.now);
            self.millis += i64::try_from(passed.as_millis()).expect("short");
            self.now = next;
            if due.is_none_or(|at| at > end) {
                return;
            }
            let arrived = self.mail.iter().position(|(at, ..)| *at <= self.now);
            match arrived {
                Some(place) => {
                    let (_, number, answer) = self.mail.remove(place);
                    self.node
                        .handle(self.now, Input::Answered { number, answer });
                }
                None => self.node.handle(self.now, Input::Timer),
            }
        }
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.node.poll() {
            match output {
                Output::Keep(memory) => self.memory = memory,
                Output::Alarm(alarm) => self.alarm = alarm,
                Output::Ask { number, command } => {
                    self.asked += 1;
                    let is_cut = self.cut_at == Some(self.asked);
                    let restarts = is_cut || self.rng.chance(self.faults.restarts);
                    // The power goes before the place has heard of it, or after.
                    if !restarts || self.rng.chance(50) {
                        self.ask(number, &command);
                    }
                    if restarts {
                        self.start();
                    }
                }
            }
        }
    }

    fn ask(&mut self, number: u64, command: &Command) {
        self.check(command);
        self.commands.push(command.clone());
        if self.is_away || self.rng.chance(self.faults.lost) {
            return;
        }
        self.bucket.spoils = self.rng.chance(self.faults.spoiled);
        let file = match command {
            Command::Put { archive, .. } | Command::Finish { archive, .. } => {
                self.disk.get(archive).map(Vec::as_slice)
            }
            _ => None,
        };
        let answer = self.bucket.answer(command, file);
        if self.rng.chance(self.faults.lost) {
            return;
        }
        let late = match self.rng.chance(self.faults.late) {
            true => Duration::from_secs(self.rng.below(2000)),
            false if matches!(command, Command::Put { .. }) => self.part_takes,
            false => Duration::from_millis(20),
        };
        let at = self.now + late;
        if self.rng.chance(self.faults.doubled) {
            let again = self.now + Duration::from_secs(self.rng.below(100));
            self.mail.push((again, number, answer.clone()));
        }
        self.mail.push((at, number, answer));
    }

    /// What must hold of each question.
    fn check(&self, command: &Command) {
        match command {
            Command::Put { archive, .. } | Command::Finish { archive, .. } => {
                assert!(self.made.contains_key(archive), "{archive} is not good");
            }
            Command::Delete { archive } => {
                assert!(
                    self.has_clock,
                    "{archive} goes by a clock that is not believed"
                );
                let good = self.good();
                let others = good.iter().filter(|it| *it != archive).count();
                let is_good = good.contains(archive);
                assert!(!is_good || others >= AWAY.verified, "{archive} of {good:?}");
                let age = self.millis - kept(archive).taken_millis;
                let is_old = age >= AWAY.days * DAY_MILLIS;
                let is_ahead = age < -DAY_MILLIS;
                let is_much = good.len() > AWAY.files;
                assert!(is_old || is_ahead || is_much, "{archive} is {age} ms old");
            }
            Command::CheckCredential | Command::List | Command::Abandon { .. } => {}
        }
    }

    /// Names of what is there whole and as it was made.
    fn good(&self) -> BTreeSet<String> {
        let is_good = |name: &&String| self.bucket.bytes(name).as_ref() == self.made.get(*name);
        self.bucket.whole.keys().filter(is_good).cloned().collect()
    }

    /// How often each was finished.
    fn finished(&self) -> BTreeMap<&str, u32> {
        let mut finished = BTreeMap::new();
        for command in &self.commands {
            if let Command::Finish { archive, .. } = command {
                *finished.entry(archive.as_str()).or_default() += 1;
            }
        }
        finished
    }

    fn puts(&self) -> usize {
        let is_put = |it: &&Command| matches!(it, Command::Put { .. });
        self.commands.iter().filter(is_put).count()
    }
}

fn kept(name: &str) -> Kept {
    Kept {
        name: name.to_owned(),
        taken_millis: ipc::store::backup_file_millis(name).expect("a backup's name"),
        is_verified: name.ends_with(".backup"),
    }
}

fn days(count: u64) -> Duration {
    Duration::from_hours(24) * u32::try_from(count).expect("few")
}

#[test]
fn copies_are_there_whatever_was_lost_doubled_late_or_cut_short() {
    for seed in seeds(0..40) {
        let again = again(seed, "away", "copies_are_there");
        let mut site = Site::new(seed);
        site.faults = Faults {
            lost: 15,
            doubled: 15,
            late: 10,
            spoiled: 3,
            restarts: 4,
        };
        for day in 0..45 {
            site.has_clock = !(30..34).contains(&day);
            site.back_up();
            site.is_away = (10..14).contains(&day);
            site.bucket.refuses = (20..23).contains(&day);
            site.bucket.is_full = (25..27).contains(&day);
            site.run(days(1));
        }
        // From here on all is well.
        site.faults = Faults::default();
        site.mail.clear();
        site.tell_here();
        site.run(days(1));
        site.back_up();
        // The box has said what time it is.
        let limit = site.millis - AWAY.days * DAY_MILLIS;
        site.run(Duration::from_hours(2));
        assert_eq!(site.alarm, None, "{again}");
        assert_eq!(site.bucket.begun, BTreeMap::new(), "{again}");
        let good = site.good();
        let there: BTreeSet<_> = site.bucket.whole.keys().cloned().collect();
        assert_eq!(good, there, "{again}");
        for name in site.disk.keys() {
            assert!(good.contains(name), "{name} is not there; {again}");
        }
        for name in &good {
            assert!(
                kept(name).taken_millis >= limit,
                "{name} is too old; {again}"
            );
        }
        // What was on the box while the place was well is there as long as it is kept.
        assert!(good.len() >= 20, "{} copies; {again}", good.len());
    }
}

#[test]
fn a_restart_at_any_step_sends_no_part_again_that_is_there() {
    let run = |cut_at| {
        let mut site = Site::new(7);
        site.cut_at = cut_at;
        for _ in 0..3 {
            site.back_up();
            site.millis += 60_000;
        }
        site.run(Duration::from_hours(5));
        site
    };
    let whole = run(None);
    assert_eq!(whole.good().len(), 3);
    let parts: usize = whole.disk.values().map(|it| it.len().div_ceil(PART)).sum();
    assert_eq!(whole.puts(), parts);
    assert!(whole.asked > 10, "{} steps", whole.asked);
    for step in 1..=whole.asked {
        let cut = run(Some(step));
        assert_eq!(cut.good(), whole.good(), "a restart at step {step}");
        assert_eq!(
            cut.bucket.begun,
            BTreeMap::new(),
            "a restart at step {step}"
        );
        let sent = cut.bucket.taken;
        // One the place has taken is named by its list, and one it has not was never sent.
        assert_eq!(sent, parts as u64, "a restart at step {step}");
    }
}

#[test]
fn the_newest_goes_first_and_what_did_not_prove_good_not_at_all() {
    let mut site = Site::new(1);
    for _ in 0..3 {
        site.back_up();
        site.millis += 60_000;
    }
    let unproved = format!("{:013}.unproved", site.millis);
    site.disk.insert(unproved.clone(), vec![1]);
    site.tell_here();
    site.run(Duration::from_hours(1));
    let finished = site.commands.iter().filter_map(|it| match it {
        Command::Finish { archive, .. } => Some(archive.clone()),
        _ => None,
    });
    let newest_first: Vec<String> = site.made.keys().rev().cloned().collect();
    // The first was begun when it was the only one.
    let finished: Vec<String> = finished.collect();
    assert_eq!(finished, newest_first);
    assert!(!site.bucket.whole.contains_key(&unproved));
}

#[test]
fn a_credential_that_is_not_good_ends_the_copies_and_not_the_backups() {
    let mut site = Site::new(2);
    site.back_up();
    site.run(days(1));
    assert_eq!(site.good().len(), 1);
    site.bucket.refuses = true;
    let asked = site.commands.len();
    for _ in 0..5 {
        site.back_up();
        site.run(days(1));
    }
    assert_eq!(site.alarm, Some(Trouble::Invalid));
    assert_eq!(site.disk.len(), 4, "the box keeps its own: {:?}", site.disk);
    let since = &site.commands[asked..];
    assert!(since.iter().all(|it| *it == Command::CheckCredential));
    assert!(since.len() <= 5 * 24 + 1, "asked {} times", since.len());
    // It is in the memory, and so no restart makes it well.
    site.start();
    site.carry_out();
    assert_eq!(site.alarm, Some(Trouble::Invalid));
    // Nor does a place that is away then too.
    site.is_away = true;
    site.run(Duration::from_hours(2));
    assert_eq!(site.alarm, Some(Trouble::Invalid));
    site.is_away = false;
    // Another one is tried at once.
    site.bucket.refuses = false;
    site.node.handle(site.now, Input::Credential);
    site.run(Duration::from_secs(10));
    assert_eq!(site.alarm, None);
    assert_eq!(site.good().len(), 5, "the one of before, and four");
}

#[test]
fn the_last_three_stay_however_old_and_nothing_goes_by_a_doubtful_clock() {
    let mut site = Site::new(3);
    for _ in 0..5 {
        site.back_up();
        site.run(days(1));
    }
    assert_eq!(site.good().len(), 5);
    // No backup proves good any more, and the clock stands in the next century.
    site.has_clock = false;
    let off = 100 * 365 * DAY_MILLIS;
    site.millis += off;
    site.tell_here();
    site.run(days(60));
    assert_eq!(site.bucket.deleted, [""; 0]);
    site.millis -= off;
    site.has_clock = true;
    site.tell_here();
    site.run(days(3));
    let kept: Vec<_> = site.made.keys().skip(2).cloned().collect();
    assert_eq!(site.good(), kept.into_iter().collect());
    assert_eq!(site.bucket.deleted.len(), 2);
    assert_eq!(site.alarm, Some(Trouble::Overdue));
}

#[test]
fn a_list_that_lies_has_nothing_deleted_and_nothing_taken_for_a_copy() {
    let mut site = Site::new(4);
    for _ in 0..4 {
        site.back_up();
        site.run(days(1));
    }
    let good = site.good();
    let digest = Digest::of(b"not ours");
    let invented = |name: String| Whole {
        archive: name,
        bytes: 5,
        digest,
    };
    // Newer ones that nobody has sent, so that those of the box look like surplus.
    let today = site.millis;
    let day = |day: i64| format!("{:013}.backup", today + day * DAY_MILLIS);
    site.bucket.invents = (20..40).map(day).map(invented).collect();
    let others = ["../x.backup", "notes.txt", "0000000000001.unproved"];
    let others = others.map(|it| invented(it.to_owned()));
    site.bucket.invents.extend(others);
    site.tell_here();
    site.millis += 40 * DAY_MILLIS;
    site.tell_here();
    site.run(days(2));
    let newest: BTreeSet<_> = good.iter().skip(1).cloned().collect();
    assert!(
        site.good().is_superset(&newest),
        "{:?}",
        site.bucket.deleted
    );
    // A name twice, or no end of them: it is no list.
    for list in [vec![day(1); 2], (0..2000).map(day).collect()] {
        site.bucket.invents = list.into_iter().map(invented).collect();
        let before = site.commands.len();
        site.back_up();
        site.run(Duration::from_secs(30));
        assert_eq!(site.alarm, Some(Trouble::NoSense));
        let asked = &site.commands[before..];
        assert_eq!(asked, [Command::CheckCredential, Command::List]);
        site.bucket.invents.clear();
        site.run(Duration::from_hours(2));
        assert_eq!(site.alarm, None);
    }
}

#[test]
fn what_the_place_has_lost_or_changed_is_sent_again_while_the_box_has_it() {
    let mut site = Site::new(5);
    site.back_up();
    site.run(Duration::from_hours(1));
    let name = site.made.keys().next().cloned().expect("one");
    site.bucket
        .whole
        .insert(name.clone(), vec![b"changed".to_vec()]);
    site.run(days(1));
    assert_eq!(site.good().len(), 1);
    site.bucket.whole.remove(&name);
    site.run(days(1));
    assert_eq!(site.good().len(), 1);
}

#[test]
fn another_place_begins_with_none_and_no_place_asks_nothing() {
    let mut site = Site::new(6);
    site.back_up();
    site.run(Duration::from_hours(1));
    assert_eq!(site.good().len(), 1);
    let asked = site.commands.len();
    site.node.handle(site.now, Input::Place(None));
    site.run(days(3));
    assert_eq!(site.commands.len(), asked);
    assert_eq!(site.alarm, None, "nobody expects copies");
    site.bucket = Bucket::default();
    let other = Some("https://bucket.grid/box-8".to_owned());
    site.node.handle(site.now, Input::Place(other));
    site.run(Duration::from_hours(1));
    assert_eq!(site.good().len(), 1);
}

#[test]
fn a_backup_each_hour_is_sent_once_and_those_between_go() {
    let mut site = Site::new(8);
    let mut asked = 0;
    for hour in 0..400 {
        site.back_up();
        site.run(Duration::from_hours(1));
        let since = site.commands.len() - asked;
        assert!(since < 20, "{since} questions in hour {hour}");
        asked = site.commands.len();
    }
    let finished = site.finished();
    assert_eq!(finished.len(), 400);
    assert!(finished.values().all(|count| *count == 1), "{finished:?}");
    assert_eq!(site.good().len(), AWAY.files);
    assert_eq!(site.alarm, None);
}

#[test]
fn a_place_that_gets_full_is_freed_of_what_is_too_old_and_goes_on() {
    let mut site = Site::new(9);
    for _ in 0..29 {
        site.back_up_of(48);
        site.run(days(1));
    }
    assert_eq!(site.good().len(), 29);
    site.bucket.room = Some(29 * 48);
    site.back_up_of(48);
    site.run(Duration::from_hours(2));
    assert_eq!(site.alarm, Some(Trouble::Full), "none is too old");
    assert_eq!(site.bucket.deleted, [""; 0]);
    site.run(Duration::from_hours(31 * 24));
    assert_eq!(site.alarm, Some(Trouble::Overdue), "no backup was made");
    site.back_up_of(48);
    site.run(Duration::from_hours(2));
    assert_eq!(site.alarm, None);
    let newest = site.made.keys().next_back().expect("one");
    assert!(site.good().contains(newest));
}

#[test]
fn no_room_deletes_none_of_the_last_three_and_nothing_by_a_doubtful_clock() {
    let mut site = Site::new(10);
    for _ in 0..5 {
        site.back_up_of(48);
        site.run(days(1));
    }
    site.bucket.room = Some(5 * 48);
    site.has_clock = false;
    site.millis += 40 * DAY_MILLIS;
    site.back_up_of(48);
    site.run(Duration::from_hours(2));
    assert_eq!(site.bucket.deleted, [""; 0]);
    assert_eq!(site.alarm, Some(Trouble::Full));
    // Of five that are too old, three stay until the new one is there.
    site.bucket.room = Some(3 * 48);
    site.has_clock = true;
    site.tell_here();
    site.run(Duration::from_hours(2));
    assert_eq!(site.bucket.deleted.len(), 2);
    assert_eq!(site.alarm, Some(Trouble::Full));
    site.bucket.room = Some(4 * 48);
    site.run(Duration::from_hours(2));
    assert_eq!(site.good().len(), 3);
    assert_eq!(site.alarm, None);
}

#[test]
fn a_slow_line_brings_one_to_its_end_before_a_newer_one() {
    let mut site = Site::new(11);
    site.part_takes = Duration::from_mins(9);
    for _ in 0..48 {
        site.back_up_of(10 * PART as u64);
        site.run(Duration::from_hours(1));
    }
    // Each takes an hour and a half.
    assert!(site.good().len() >= 30, "{} copies", site.good().len());
    assert!(site.bucket.begun.len() <= 1, "{:?}", site.bucket.begun);
    assert_eq!(site.alarm, None);
}

#[test]
fn a_line_that_breaks_after_each_part_does_not_wait_an_hour_for_the_next() {
    let mut site = Site::new(12);
    site.part_takes = Duration::from_secs(25);
    site.back_up_of(100 * PART as u64);
    let file = site.disk.values().next().cloned().expect("one");
    let mut taken = 0;
    while taken < 100 {
        site.run(Duration::from_secs(30));
        site.is_away = site.bucket.taken > taken;
        taken = site.bucket.taken;
        let passed = site.now.saturating_since(Instant::ORIGIN);
        assert!(passed < days(1), "{taken} parts");
    }
    site.is_away = false;
    site.run(Duration::from_hours(1));
    assert_eq!(site.bucket.taken, 100);
    let name = site.disk.keys().next().expect("one");
    assert_eq!(site.bucket.bytes(name), Some(file));
}

#[test]
fn a_place_that_always_sums_otherwise_is_not_sent_the_same_each_hour() {
    let mut site = Site::new(13);
    site.bucket.sums_otherwise = true;
    site.back_up_of(3 * PART as u64);
    site.run(days(3));
    assert_eq!(site.alarm, Some(Trouble::Differs));
    assert!(site.bucket.taken <= 3 * 5, "{} parts", site.bucket.taken);
    // Others are tried meanwhile, and it heals.
    site.bucket.sums_otherwise = false;
    site.back_up();
    site.run(Duration::from_mins(10));
    let newest = site.made.keys().next_back().expect("one");
    assert!(site.good().contains(newest));
    site.run(days(1));
    assert_eq!(site.good().len(), 2);
    assert_eq!(site.alarm, None);
}

#[test]
fn without_a_clock_people_are_told_that_nothing_gets_away() {
    let mut site = Site::new(14);
    site.has_clock = false;
    site.is_away = true;
    site.back_up();
    site.run(Duration::from_hours(47));
    assert_eq!(site.alarm, None);
    site.run(days(3));
    assert_eq!(site.alarm, Some(Trouble::Overdue));
    site.is_away = false;
    site.run(Duration::from_hours(2));
    assert_eq!(site.alarm, None);
}

#[test]
fn a_clock_that_was_told_once_goes_on_until_it_is_not_believed() {
    // No archive comes or goes, so that nothing is told any more.
    let mut site = Site::new(15);
    site.back_up();
    site.run(days(4));
    assert_eq!(site.alarm, Some(Trouble::Overdue));
    let mut site = Site::new(16);
    for _ in 0..5 {
        site.back_up();
        site.run(days(1));
    }
    site.back_up();
    site.millis += 100 * DAY_MILLIS;
    site.tell_here();
    site.has_clock = false;
    site.tell_here();
    site.run(days(2));
    assert_eq!(site.good().len(), 6);
    assert_eq!(site.bucket.deleted, [""; 0]);
}

#[test]
fn a_copy_dated_ahead_does_not_hide_that_none_gets_away() {
    let mut site = Site::new(17);
    let off = 9 * 365 * DAY_MILLIS;
    site.millis += off;
    site.back_up();
    site.run(Duration::from_hours(1));
    assert_eq!(site.good().len(), 1);
    site.millis -= off;
    site.is_away = true;
    site.tell_here();
    site.run(days(1));
    assert_eq!(site.alarm, None, "the clock is right since a day");
    site.run(days(4));
    assert_eq!(site.alarm, Some(Trouble::Overdue));
}

#[test]
fn those_dated_ahead_go_once_and_three_stay_whatever_the_clock_was() {
    let mut site = Site::new(18);
    let off = 9 * 365 * DAY_MILLIS;
    site.millis += off;
    for _ in 0..3 {
        site.back_up();
        site.run(days(1));
    }
    site.millis -= off + 3 * DAY_MILLIS;
    site.back_up();
    site.run(days(40));
    // One is too old by the clock, and there are no three without those of the wrong one.
    assert!(site.good().len() >= AWAY.verified, "{:?}", site.good());
    for _ in 0..35 {
        site.back_up();
        site.run(days(1));
    }
    let now = format!("{:013}", site.millis);
    assert!(site.good().iter().all(|it| it < &now), "{:?}", site.good());
    assert!(site.finished().values().all(|count| *count == 1));
}

#[test]
fn an_alarm_that_was_not_taken_back_before_a_restart_is_taken_back_by_it() {
    let mut site = Site::new(19);
    site.back_up();
    site.run(Duration::from_hours(1));
    site.alarm = Some(Trouble::Full);
    site.start();
    site.carry_out();
    assert_eq!(site.alarm, None);
}
