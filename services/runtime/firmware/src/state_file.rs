//! The boot state on its partition: read, changed, and on the disk before anybody is told so.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use slot::layout::{STATE_COPIES, WRITE_UNIT};
use slot::{BootState, KEY_SET_LENGTH, KeySet, KeySetFault, layout};

use crate::error::FirmwareError;
use crate::medium::Medium;

/// The bootstate partition.
#[derive(Debug)]
pub struct StateFile<M = File> {
    path: PathBuf,
    pub(crate) medium: M,
}

impl StateFile {
    /// Opens the partition, or a file that stands for it.
    ///
    /// # Errors
    /// It cannot be opened for writing.
    pub fn open(path: &Path) -> Result<Self, FirmwareError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|source| FirmwareError::device(path, source))?;
        Ok(Self::of(file, path))
    }
}

impl<M: Medium> StateFile<M> {
    /// The partition that somebody else opened; `name` is what errors call it.
    #[must_use]
    pub fn of(medium: M, name: impl Into<PathBuf>) -> Self {
        Self {
            path: name.into(),
            medium,
        }
    }

    /// The state as it is. When both copies are lost: that they are.
    ///
    /// # Errors
    /// No copy is whole, and one cannot be read.
    pub fn read(&self) -> Result<BootState, FirmwareError> {
        Ok(self.newest()?.0.unwrap_or_else(BootState::lost))
    }

    fn newest(&self) -> Result<(Option<BootState>, usize), FirmwareError> {
        let copies = STATE_COPIES.map(|place| self.block(place));
        let [first, second] = copies.each_ref().map(|copy| match copy {
            Ok(block) => block.as_slice(),
            Err(_) => &[],
        });
        let newest = BootState::newest(first, second);
        // What cannot be read now may be whole: it must not be made anew.
        let unread = copies.into_iter().find_map(Result::err);
        match (newest.0, unread) {
            (None, Some(error)) => Err(error),
            (Some(_), _) | (None, None) => Ok(newest),
        }
    }

    /// Changes the state; it is on the disk when this returns. The copy that held the state before
    /// is not touched, unless the disk refuses the other one.
    ///
    /// # Errors
    /// Neither copy can be written; the state is then what it was, or the new one.
    pub fn change<T>(&self, change: impl FnOnce(&mut BootState) -> T) -> Result<T, FirmwareError> {
        // The supervisor and the updater both write: one at a time, or one would undo the other.
        let _turn = Turn::take(&self.medium).map_err(|source| self.error(source))?;
        let (state, place) = self.newest()?;
        let mut next = state.unwrap_or_else(BootState::lost);
        let before = next;
        let result = change(&mut next);
        if next == before && state.is_some() {
            return Ok(result);
        }
        let block = filled_up(&next.next().encode());
        let copy = |place: usize| STATE_COPIES.get(place).copied().unwrap_or_default();
        // The place of a bad copy comes first, each time anew: to write it mends it. Where the disk
        // will not take it, the whole copy has to give way, or one bad block would be the last word
        // on what the box may start.
        let written = self.write(copy(place), &block);
        written.or_else(|_| self.write(copy(place ^ 1), &block))?;
        Ok(result)
    }

    /// The keys that are trusted: those of this firmware, or the last set that took over from
    /// them. Sets that the firmware already knows are passed over: the chain begins at the loader,
    /// which may be older.
    ///
    /// # Errors
    /// The device cannot be read.
    pub fn trusted(&self, first: KeySet) -> Result<KeySet, FirmwareError> {
        let blocks = self.chain()?;
        let is_later = |block: &&[u8]| {
            let version = KeySet::decode(block).map(|set| set.version);
            version.is_ok_and(|version| version > first.version)
        };
        let sets = blocks.iter().filter_map(|it| it.get(..KEY_SET_LENGTH));
        Ok(first.last_of(sets.filter(is_later)))
    }

    /// Adds a set that the last of the chain has signed; it is on the disk when this returns. One
    /// that is there already is not added again.
    ///
    /// # Errors
    /// The chain is full, the set does not follow, or the device cannot be written.
    pub fn add_key_set(&self, first: KeySet, set: &KeySet) -> Result<(), FirmwareError> {
        let last = self.trusted(first)?;
        let encoded = set.encode();
        if set.version <= last.version {
            return Ok(());
        }
        let follows = last.successor(&encoded);
        follows.map_err(|fault| self.keys_error(fault))?;
        // A place that was torn by a power cut is written again: the loader reads the chain to the
        // first place that holds no set.
        let holds_set = |block: &[u8; WRITE_UNIT]| KeySet::decode(block).is_ok();
        let last_set = self.chain()?.iter().rposition(holds_set);
        let free = last_set.map_or(0, |place| place.saturating_add(1));
        if free >= slot::CHAIN_LENGTH_MAX {
            return Err(self.keys_error(KeySetFault::NotSuccessor));
        }
        self.write(chain_place(free), &filled_up(&encoded))
    }

    /// The chain as it lies in the partition: where each set of keys begins, and its block.
    ///
    /// # Errors
    /// The device cannot be read.
    pub(crate) fn chain_places(&self) -> Result<Vec<(u64, [u8; WRITE_UNIT])>, FirmwareError> {
        let blocks = self.chain()?.into_iter().enumerate();
        Ok(blocks.map(|(place, it)| (chain_place(place), it)).collect())
    }

    fn chain(&self) -> Result<Vec<[u8; WRITE_UNIT]>, FirmwareError> {
        let places = 0..slot::CHAIN_LENGTH_MAX;
        places.map(|place| self.block(chain_place(place))).collect()
    }

    fn keys_error(&self, fault: KeySetFault) -> FirmwareError {
        FirmwareError::Keys {
            path: self.path.clone(),
            fault,
        }
    }

    /// One block of [`WRITE_UNIT`] bytes.
    pub(crate) fn block(&self, place: u64) -> Result<[u8; WRITE_UNIT], FirmwareError> {
        let mut block = [0; WRITE_UNIT];
        let read = self.medium.read_at(&mut block, place);
        read.map_err(|source| self.error(source))?;
        Ok(block)
    }

    /// Writes one block; it is on the disk when this returns.
    pub(crate) fn write(&self, place: u64, block: &[u8; WRITE_UNIT]) -> Result<(), FirmwareError> {
        let written = self.medium.write_at(block, place);
        written
            .and_then(|()| self.medium.sync())
            .map_err(|source| self.error(source))
    }

    fn error(&self, source: io::Error) -> FirmwareError {
        FirmwareError::device(&self.path, source)
    }
}

/// A block that begins with `bytes`, which are no more than it has.
fn filled_up(bytes: &[u8]) -> [u8; WRITE_UNIT] {
    let mut block = [0; WRITE_UNIT];
    if let Some(room) = block.get_mut(..bytes.len()) {
        room.copy_from_slice(bytes);
    }
    block
}

fn chain_place(place: usize) -> u64 {
    let offset = place.saturating_mul(WRITE_UNIT) as u64;
    layout::KEY_CHAIN.saturating_add(offset)
}

/// The right to change the state, given back when dropped. Nobody holds it for longer than it takes
/// to write two blocks.
struct Turn<'a, M: Medium>(&'a M);

impl<'a, M: Medium> Turn<'a, M> {
    fn take(medium: &'a M) -> io::Result<Self> {
        medium.lock()?;
        Ok(Self(medium))
    }
}

impl<M: Medium> Drop for Turn<'_, M> {
    fn drop(&mut self) {
        // Closing the file gives it back too.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::{Cell, RefCell};

    use slot::layout::DATA_KEY_COPIES;
    use slot::{Choice, Condition, Refusal, Slot};

    use super::*;
    use crate::data_key::{KeyPlace, Protection};

    /// A file that stands for a bootstate partition.
    pub(crate) struct Stand(pub(crate) PathBuf);

    impl Stand {
        pub(crate) fn new(name: &str) -> Self {
            let unique = format!("ramal-bootstate-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(unique);
            let file = File::create(&path).expect("made");
            file.set_len(layout::BOOTSTATE_LENGTH).expect("as large");
            Self(path)
        }
    }

    impl Drop for Stand {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[test]
    fn changes_go_to_the_copies_in_turn_and_outlive_the_loss_of_either() {
        let stand = Stand::new("turn");
        let state = StateFile::open(&stand.0).expect("opened");
        let start = |state: &mut BootState| state.choose(&Refusal::default());
        assert_eq!(
            state.change(start).expect("written"),
            Choice::Start(Slot::A)
        );
        state
            .change(|it| it.commit(Slot::A, 3, 0))
            .expect("written");
        for place in STATE_COPIES {
            assert!(BootState::decode(&state.block(place).expect("read")).is_some());
        }
        let newest = state.read().expect("read");
        assert_eq!(newest.security_floor, 3);
        // The power fails while the next change is written.
        let (_, place) = state.newest().expect("read");
        let torn = [0xa5; WRITE_UNIT];
        state.write(STATE_COPIES[place], &torn).expect("written");
        assert_eq!(state.read().expect("read"), newest);
    }

    /// A set of one key, signed by the key of the set before.
    fn key_set(version: u32) -> KeySet {
        let key = |version: u32| {
            let seed = u8::try_from(version).expect("small");
            ed25519_dalek::SigningKey::from_bytes(&[seed; 32])
        };
        let public = |version| slot::PublicKey(key(version).verifying_key().to_bytes());
        let name = slot::Text::new("test").expect("a name");
        let mut set = KeySet::new(version, name, 1, &[public(version)]).expect("a set");
        if version > 1 {
            use ed25519_dalek::Signer as _;
            set.signatures[0] = Some(slot::Signature {
                key: public(version - 1).id(),
                bytes: key(version - 1).sign(&set.message()).to_bytes(),
            });
        }
        set
    }

    #[test]
    fn a_set_torn_by_a_power_cut_does_not_end_the_chain_for_the_loader() {
        let stand = Stand::new("chain");
        let state = StateFile::open(&stand.0).expect("opened");
        let first = key_set(1);
        state.add_key_set(first, &key_set(2)).expect("added");
        let mut torn = [0; WRITE_UNIT];
        torn[..300].copy_from_slice(&key_set(3).encode()[..300]);
        state.write(chain_place(1), &torn).expect("written");
        state.add_key_set(first, &key_set(3)).expect("added");
        state.add_key_set(first, &key_set(4)).expect("added");
        let chain = state.chain().expect("read");
        // As the loader reads it.
        let last = first.last_of(chain.iter().map(|block| &block[..]));
        assert_eq!(last.version, 4);
        assert_eq!(state.trusted(first).expect("read").version, 4);
    }

    #[test]
    fn whoever_keeps_the_state_to_himself_does_not_hold_others_up_for_ever() {
        let stand = Stand::new("held");
        let other = File::open(&stand.0).expect("opened");
        other.lock().expect("free");
        let mine = File::open(&stand.0).expect("opened");
        let held = crate::medium::lock_within(&mine, std::time::Duration::from_millis(1));
        assert_eq!(held.map_err(|it| it.kind()), Err(io::ErrorKind::TimedOut));
        other.unlock().expect("given back");
        crate::medium::lock_within(&mine, std::time::Duration::ZERO).expect("free");
    }

    #[test]
    fn what_changes_nothing_writes_nothing() {
        let stand = Stand::new("same");
        let state = StateFile::open(&stand.0).expect("opened");
        state.change(|_| ()).expect("written");
        let before = std::fs::read(&stand.0).expect("read");
        state.change(|_| ()).expect("nothing to write");
        assert!(before == std::fs::read(&stand.0).expect("read"));
    }

    #[test]
    fn a_state_that_is_lost_is_said_to_be_and_then_there_again() {
        let stand = Stand::new("lost");
        let state = StateFile::open(&stand.0).expect("opened");
        assert_eq!(state.read().expect("read"), BootState::lost());
        state
            .change(|it| it.commit(Slot::B, 0, 0))
            .expect("written");
        let read = state.read().expect("read");
        assert_eq!(read.slot(Slot::B).condition, Condition::Good(0));
        assert_eq!(read.journal().count(), 1);
    }

    /// A disk that refuses what it is told to, and of the next write takes so many bytes only.
    #[derive(Debug, Default)]
    pub(crate) struct FailingDisk {
        bytes: RefCell<Vec<u8>>,
        pub(crate) unwritable: Cell<Option<u64>>,
        pub(crate) unreadable: Cell<Option<u64>>,
        cut_after: Cell<Option<usize>>,
    }

    impl FailingDisk {
        /// With the state after two changes, so that both copies are whole.
        pub(crate) fn with_state() -> StateFile<Self> {
            let disk = Self::default();
            disk.bytes.replace(vec![0; 1 << 20]);
            let state = StateFile::of(disk, "failing");
            state.change(|it| it.wants_rescue = true).expect("written");
            state.change(|it| it.security_floor = 1).expect("written");
            state
        }
    }

    impl Medium for FailingDisk {
        fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
            if self.unreadable.get() == Some(at) {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let at = usize::try_from(at).expect("small");
            bytes.copy_from_slice(&self.bytes.borrow()[at..at + bytes.len()]);
            Ok(())
        }

        fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
            if self.unwritable.get() == Some(at) {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let taken = self.cut_after.get().unwrap_or(bytes.len());
            let at = usize::try_from(at).expect("small");
            self.bytes.borrow_mut()[at..at + taken].copy_from_slice(&bytes[..taken]);
            match self.cut_after.get() {
                Some(_) => Err(io::ErrorKind::BrokenPipe.into()),
                None => Ok(()),
            }
        }

        fn sync(&self) -> io::Result<()> {
            Ok(())
        }

        fn forget(&self) -> io::Result<()> {
            Ok(())
        }

        fn lock(&self) -> io::Result<()> {
            Ok(())
        }

        fn unlock(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_copy_the_disk_does_not_take_holds_no_change_up_and_is_mended_when_it_does_again() {
        for bad in STATE_COPIES {
            let state = FailingDisk::with_state();
            state.write(bad, &[0xa5; WRITE_UNIT]).expect("written");
            state.medium.unwritable.set(Some(bad));
            for floor in 2..6 {
                let change = |it: &mut BootState| it.security_floor = floor;
                state.change(change).expect("in the other copy");
                assert_eq!(state.read().expect("read").security_floor, floor);
            }
            state.medium.unwritable.set(None);
            state.change(|it| it.security_floor = 7).expect("written");
            assert!(BootState::decode(&state.block(bad).expect("read")).is_some());
            assert_eq!(state.read().expect("read").security_floor, 7);
        }
    }

    fn open_key() -> KeyPlace {
        KeyPlace::Kept {
            protection: Protection::None,
            is_formatted: true,
            payload: vec![7; 64],
            paper: None,
            before: None,
        }
    }

    #[test]
    fn a_copy_of_the_key_that_cannot_be_read_is_mended_and_no_key_is_made_in_its_place() {
        let key = open_key();
        for bad in DATA_KEY_COPIES {
            let state = FailingDisk::with_state();
            state.medium.unreadable.set(Some(bad));
            assert!(state.key_place().is_err(), "the other copy is empty");
            state.keep_key(&key).expect("written");
            state.write(bad, &[0xa5; WRITE_UNIT]).expect("written");
            assert_eq!(state.key_place().expect("the other copy"), key);
            assert!(state.mend_key().expect("written"));
            // The disk has put another block in its place.
            state.medium.unreadable.set(None);
            assert!(!state.mend_key().expect("both are the same"));
        }
    }

    #[test]
    fn a_factory_reset_destroys_the_copy_that_the_disk_takes_also_beside_one_it_does_not() {
        let key = open_key();
        for bad in DATA_KEY_COPIES {
            let state = FailingDisk::with_state();
            state.keep_key(&key).expect("written");
            state.change(|it| it.wants_reset = true).expect("written");
            state.medium.unwritable.set(Some(bad));
            assert!(state.reset_when_asked().is_err(), "it is not done");
            for copy in DATA_KEY_COPIES {
                let block = state.block(copy).expect("read");
                assert_eq!(block == [0; WRITE_UNIT], copy != bad, "{bad:#x} {copy:#x}");
            }
            // The next start goes on with it.
            state.medium.unwritable.set(None);
            assert!(state.reset_when_asked().expect("written"));
            assert_eq!(state.key_place().expect("read"), KeyPlace::Empty);
        }
    }

    #[test]
    fn a_copy_that_cannot_be_read_is_as_good_as_none_and_two_are_not_made_anew() {
        for bad in STATE_COPIES {
            let state = FailingDisk::with_state();
            let [first, second] = STATE_COPIES;
            let other = first + second - bad;
            state.medium.unreadable.set(Some(bad));
            let seen = state.read().expect("the other copy");
            assert!(seen.wants_rescue);
            state.change(|it| it.security_floor = 9).expect("written");
            state.medium.unreadable.set(None);
            assert_eq!(state.read().expect("read").security_floor, 9);
            state.write(other, &[0xa5; WRITE_UNIT]).expect("written");
            state.medium.unreadable.set(Some(bad));
            assert!(state.read().is_err() && state.change(|_| ()).is_err());
        }
    }

    #[test]
    fn a_change_cut_at_any_byte_leaves_the_state_before_or_after_it() {
        for bad in [None, Some(0), Some(1)] {
            for cut in 0..=WRITE_UNIT {
                let state = FailingDisk::with_state();
                let bad = bad.and_then(|place: usize| STATE_COPIES.get(place));
                if let Some(bad) = bad {
                    state.write(*bad, &[0xa5; WRITE_UNIT]).expect("written");
                }
                let before = state.read().expect("read");
                let place = STATE_COPIES[state.newest().expect("read").1];
                // The power is off from here on: the other copy is not reached.
                let [first, second] = STATE_COPIES;
                state.medium.unwritable.set(Some(first + second - place));
                state.medium.cut_after.set(Some(cut));
                let change = |it: &mut BootState| it.security_floor = 2;
                assert!(state.change(change).is_err());
                let after = state.read().expect("read").security_floor;
                assert!([before.security_floor, 2].contains(&after), "{bad:?} {cut}");
                state.medium.cut_after.set(None);
                state.medium.unwritable.set(None);
                state.change(|it| it.security_floor = 3).expect("written");
                assert_eq!(state.read().expect("read").security_floor, 3);
            }
        }
    }
}
