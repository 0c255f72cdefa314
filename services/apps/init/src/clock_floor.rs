//! A clock that stood still while the power was off: the earliest time it can be now.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use kernel::clock;

use crate::console::Console;
use crate::data::STORE_FOLDER;

/// Sets a clock that is before the firmware was made to the last time the box is known to have
/// run, or at least to the firmware's date. Certificates and call records of 1970 help nobody, and
/// records that jump back would count as the oldest, which make room for others.
pub(crate) fn apply(console: &mut Console) {
    let Ok(text) = fs::read_to_string("/etc/build-time") else {
        return;
    };
    let Ok(built) = text.trim().parse::<i64>() else {
        return;
    };
    let last_written = last_written(Path::new(STORE_FOLDER));
    let Some(floor) = floor(clock::unix_seconds(), built, last_written) else {
        return;
    };
    match clock::set_unix_seconds(floor) {
        Ok(()) => console.line("ramal: the clock was not set; it starts where it was last known"),
        Err(error) => console.line(&format!("ramal: {error}")),
    }
}

/// What the clock must be set to; `None` when it can be believed.
fn floor(now: i64, built: i64, last_written: Option<i64>) -> Option<i64> {
    // A time far in the future was a clock gone wrong, and must not stay for ever.
    let believable = built..built.saturating_add(FIRMWARE_AGE_MAX_SECS);
    let last_written = last_written.filter(|time| believable.contains(time));
    (now < built).then(|| last_written.unwrap_or(built))
}

/// When a file in `folder` was last written, in seconds since 1970. The store writes there at every
/// call, so nothing needs to be kept for the clock alone.
fn last_written(folder: &Path) -> Option<i64> {
    let files = fs::read_dir(folder).ok()?;
    let written = |file: fs::DirEntry| Some(file.metadata().ok()?.mtime());
    files.flatten().filter_map(written).max()
}

/// Nobody runs a firmware for longer without an update: 20 years.
const FIRMWARE_AGE_MAX_SECS: i64 = 20 * 365 * 24 * 3600;

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn a_clock_that_was_set_is_believed_and_another_goes_on_where_it_was() {
        let built = 1_767_225_600;
        let check = |now, last, expected| assert_eq!(floor(now, built, last), expected, "{now}");
        check(built + 5, Some(built + 900), None);
        check(0, None, Some(built));
        check(0, Some(built - 1), Some(built));
        check(0, Some(built + 900), Some(built + 900));
        check(0, Some(built + FIRMWARE_AGE_MAX_SECS), Some(built));
    }

    #[test]
    fn a_box_that_goes_back_to_the_version_before_keeps_the_time_that_the_newer_one_has_kept() {
        let (older, newer) = (1_767_225_600, 1_793_000_000);
        let kept = Some(newer + 900);
        // The folder of the store is on the data, which both slots have.
        for built in [older, newer] {
            assert_eq!(floor(0, built, kept), kept, "{built}");
        }
    }

    #[test]
    fn the_newest_file_of_the_store_tells_when_the_box_last_ran() {
        let folder = std::env::temp_dir().join(format!("ramal-clock-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for the test");
        assert_eq!(last_written(&folder), None);
        for (name, time) in [
            ("ramal.redb", 1_800_000_009),
            ("ramal.snapshot", 1_800_000_000),
        ] {
            let file = fs::File::create(folder.join(name)).expect("made");
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(time);
            file.set_modified(time).expect("ours");
        }
        assert_eq!(last_written(&folder), Some(1_800_000_009));
        fs::remove_dir_all(&folder).expect("removed");
        assert_eq!(last_written(&folder), None);
    }
}
