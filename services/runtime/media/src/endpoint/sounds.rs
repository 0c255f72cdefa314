//! Sounds that callers hear, as samples: one copy of each in memory, however many hear it.
//!
//! A long greeting is ten megabytes, and strangers decide how many hear it at a time.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rtp::{Rate, wav};

use super::files::{FileError, checked, kernel};

/// The longest file played, bytes: ten minutes at 16 kHz.
const SOUND_BYTES_MAX: u64 = 20 * 1024 * 1024;

/// Samples of a sound, whole.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) samples: Arc<Vec<i16>>,
    pub(crate) rate: Rate,
}

/// The sounds folder, and what of it is being heard.
#[derive(Debug)]
pub(crate) struct Sounds {
    folder: Option<PathBuf>,
    heard: Mutex<BTreeMap<String, Place>>,
}

/// What is heard of one file; locked while it is read, so that whoever asks meanwhile waits and
/// gets the same samples.
type Place = Arc<Mutex<Option<Heard>>>;

/// Samples that live as long as somebody hears them.
#[derive(Debug)]
struct Heard {
    of: Stamp,
    samples: Weak<Vec<i16>>,
    rate: Rate,
}

/// What tells a file from the one that took its place: file, time of its last write, length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stamp {
    inode: u64,
    modified: (i64, i64),
    length: u64,
}

impl Sounds {
    /// The sounds of a folder; without one there are none.
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            heard: Mutex::default(),
        }
    }

    /// A sound: what others are hearing, where the file is still the same, else read.
    pub(crate) fn load(&self, name: &str) -> Result<Loaded, FileError> {
        let folder = self.folder.as_deref();
        let path = checked(folder.ok_or(FileError::NoFolder("--sounds"))?, name)?;
        let place = self.place(name);
        let mut heard = lock(&place);
        let open = || {
            let file = File::open(&path)?;
            let of = Stamp::from(&file.metadata()?);
            Ok((file, of))
        };
        let (file, of) = open().map_err(|source| kernel(&path, source))?;
        if let Some(loaded) = heard.as_ref().and_then(|it| it.again(of)) {
            return Ok(loaded);
        }
        let loaded = read(&path, file)?;
        *heard = Some(Heard {
            of,
            samples: Arc::downgrade(&loaded.samples),
            rate: loaded.rate,
        });
        Ok(loaded)
    }

    /// Where a file is read; what nobody hears or reads any more is forgotten.
    fn place(&self, name: &str) -> Place {
        let mut all = lock(&self.heard);
        all.retain(|_, place| Arc::strong_count(place) > 1 || is_heard(place));
        Arc::clone(all.entry(name.to_owned()).or_default())
    }
}

impl Heard {
    fn again(&self, of: Stamp) -> Option<Loaded> {
        let samples = self.samples.upgrade().filter(|_| self.of == of)?;
        let rate = self.rate;
        Some(Loaded { samples, rate })
    }
}

impl From<&Metadata> for Stamp {
    fn from(from: &Metadata) -> Self {
        Self {
            inode: from.ino(),
            modified: (from.mtime(), from.mtime_nsec()),
            length: from.len(),
        }
    }
}

fn is_heard(place: &Place) -> bool {
    let heard = lock(place);
    heard
        .as_ref()
        .is_some_and(|it| it.samples.strong_count() > 0)
}

fn read(path: &Path, file: File) -> Result<Loaded, FileError> {
    let whole = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        file.take(SOUND_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = whole().map_err(|source| kernel(path, source))?;
    let sound = wav::read(&bytes).map_err(|error| FileError::Format {
        path: path.display().to_string(),
        reason: error.to_string(),
    })?;
    Ok(Loaded {
        samples: Arc::new(sound.samples),
        rate: sound.rate,
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(samples: &[i16]) -> Vec<u8> {
        let data: Vec<u8> = samples.iter().flat_map(|it| it.to_le_bytes()).collect();
        let length = u32::try_from(data.len()).expect("short");
        [wav::header(Rate::Narrow, 1, length).as_slice(), &data].concat()
    }

    #[test]
    fn all_who_hear_a_sound_share_it_until_the_file_is_another_or_nobody_hears_it() {
        let folder = std::env::temp_dir().join(format!("ramal-heard-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        let put = |samples: &[i16]| {
            std::fs::write(folder.join("new"), file(samples)).expect("written");
            std::fs::rename(folder.join("new"), folder.join("a.wav")).expect("renamed");
        };
        put(&[1, 2]);
        let sounds = Sounds::new(Some(folder.clone()));
        let load = |name: &str| sounds.load(name).expect("a sound").samples;
        let (one, other) = (load("a.wav"), load("a.wav"));
        assert!(Arc::ptr_eq(&one, &other));
        // As long, and written within the same tick of the clock, perhaps.
        put(&[3, 4]);
        let new = load("a.wav");
        assert_eq!((&**one, &**new), ([1, 2].as_slice(), [3, 4].as_slice()));
        assert!(Arc::ptr_eq(&new, &load("a.wav")));
        let left = Arc::downgrade(&new);
        drop((one, other, new));
        assert!(left.upgrade().is_none(), "nobody hears it");
        std::fs::write(folder.join("b.wav"), file(&[5])).expect("written");
        assert_eq!(*load("b.wav"), [5]);
        assert_eq!(lock(&sounds.heard).len(), 1, "a.wav is forgotten");
        assert!(sounds.load("c.wav").is_err());
        std::fs::write(folder.join("b.wav"), b"ID3").expect("written");
        assert!(sounds.load("b.wav").is_err());
        std::fs::remove_dir_all(&folder).expect("removed");
    }

    #[test]
    fn those_who_ask_at_the_same_time_share_it_too() {
        let folder = std::env::temp_dir().join(format!("ramal-shared-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        std::fs::write(folder.join("a.wav"), file(&vec![7; 400_000])).expect("written");
        let sounds = &Sounds::new(Some(folder.clone()));
        let all: Vec<_> = std::thread::scope(|scope| {
            let ask = || scope.spawn(|| sounds.load("a.wav").expect("a sound").samples);
            let threads: Vec<_> = (0..8).map(|_| ask()).collect();
            threads
                .into_iter()
                .map(|it| it.join().expect("no panic"))
                .collect()
        });
        assert!(all.iter().all(|it| Arc::ptr_eq(it, &all[0])));
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
