//! An office floor: handsets on a quiet network, one for each extension.

use std::time::Duration;

use ipc::site::Site as RawSite;
use ipc::sound::{Clip, Source};
use ipc::store::CallRecord;

use crate::handset::{Handset, Line, Stand};
use crate::network::Faults;
use crate::world::World;

/// Time between two looks of each handset at the network.
const STEP: Duration = Duration::from_millis(10);

/// What somebody hears.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Hears {
    /// Nothing.
    Nothing,
    /// This line of this handset.
    Set(usize, Line),
    /// A mix, together with everybody else in it.
    Mix,
    /// The box plays this.
    Plays(Clip),
    /// Its line has no endpoint.
    NoLine,
}

/// The world with its handsets: extensions 100, 101...
#[derive(Debug)]
pub struct Floor {
    /// The world.
    pub world: World,
    /// The handsets, registered.
    pub sets: Vec<Handset>,
}

impl Floor {
    /// A floor with that many registered handsets.
    #[must_use]
    pub fn new(sets: u8) -> Self {
        Self::with(sets, |_| ())
    }

    /// A floor with that many registered handsets and a changed site.
    #[must_use]
    pub fn with(sets: u8, change: impl FnOnce(&mut RawSite)) -> Self {
        let mut world = World::new(7, 0, Faults::NONE);
        world.extensions(sets);
        world.configure(change);
        let set = |index: u8| Handset::new(&(100 + u32::from(index)).to_string(), index + 1);
        let mut floor = Self {
            world,
            sets: (0..sets).map(set).collect(),
        };
        floor.run(Duration::from_millis(100));
        for index in 0..floor.sets.len() {
            floor.with_set(index, Handset::register);
        }
        floor.run(Duration::from_millis(500));
        floor
    }

    /// One more handset, of an extension that may have one already; gives its index.
    pub fn add(&mut self, number: &str) -> usize {
        let index = self.sets.len();
        let place = u8::try_from(index).unwrap_or(u8::MAX).saturating_add(1);
        self.sets.push(Handset::new(number, place));
        self.with_set(index, Handset::register);
        self.run(Duration::from_millis(500));
        index
    }

    /// Lets everything happen for a while.
    pub fn run(&mut self, span: Duration) {
        let end = self.world.now() + span;
        while self.world.now() < end {
            self.world.run_for(STEP);
            for set in &mut self.sets {
                set.work(&mut self.world);
            }
        }
    }

    /// Lets everything happen for that many seconds.
    pub fn run_secs(&mut self, seconds: u64) {
        self.run(Duration::from_secs(seconds));
    }

    /// Does something with a handset, and gives everybody a moment.
    pub fn with_set<R>(
        &mut self,
        index: usize,
        work: impl FnOnce(&mut Handset, &mut World) -> R,
    ) -> Option<R> {
        let set = self.sets.get_mut(index)?;
        Some(work(set, &mut self.world))
    }

    /// A handset does something, and a second passes.
    pub fn act(&mut self, index: usize, work: impl FnOnce(&mut Handset, &mut World)) {
        self.with_set(index, work);
        self.run_secs(1);
    }

    /// A handset calls a number, and a second passes; gives its line.
    pub fn call(&mut self, index: usize, to: &str) -> Line {
        let line = self.with_set(index, |set, world| set.call(world, to));
        self.run_secs(1);
        line.unwrap_or_default()
    }

    /// A handset calls another, which answers; gives the lines of both.
    pub fn connect(&mut self, from: usize, to: usize) -> (Line, Line) {
        let number = self.sets.get(to).map(|set| set.number().to_owned());
        let line = self.call(from, &number.unwrap_or_default());
        let rings = self.last(to);
        self.act(to, |set, world| set.answer(world, rings));
        (line, rings)
    }

    /// The newest line of a handset.
    #[must_use]
    pub fn last(&self, index: usize) -> Line {
        let lines = self.sets.get(index).map_or(0, |set| set.lines.len());
        lines.saturating_sub(1)
    }

    /// How a line stands; nothing there is over.
    #[must_use]
    pub fn stand(&self, index: usize, line: Line) -> Stand {
        let set = self.sets.get(index);
        set.and_then(|set| set.stand(line))
            .unwrap_or(Stand::Over(0))
    }

    /// What somebody hears on a line.
    #[must_use]
    pub fn hears(&self, index: usize, line: Line) -> Hears {
        let set = self.sets.get(index);
        match set.and_then(|set| set.hears(&self.world, line)) {
            None => Hears::NoLine,
            Some((_, Source::Silence)) => Hears::Nothing,
            Some((_, Source::Mix(_))) => Hears::Mix,
            Some((_, Source::Clip(clip))) => Hears::Plays(clip),
            Some((_, Source::Endpoint(id))) => self.speaker(id),
        }
    }

    fn speaker(&self, id: u64) -> Hears {
        for (index, set) in self.sets.iter().enumerate() {
            for line in 0..set.lines.len() {
                if set
                    .hears(&self.world, line)
                    .is_some_and(|(own, _)| own == id)
                {
                    return Hears::Set(index, line);
                }
            }
        }
        Hears::Nothing
    }

    /// Two lines hear each other.
    #[must_use]
    pub fn talk(&self, one: (usize, Line), other: (usize, Line)) -> bool {
        self.hears(one.0, one.1) == Hears::Set(other.0, other.1)
            && self.hears(other.0, other.1) == Hears::Set(one.0, one.1)
    }

    /// Every record, oldest first: from, to, outcome.
    #[must_use]
    pub fn records(&self) -> Vec<CallRecord> {
        self.world.store.records.values().cloned().collect()
    }
}
