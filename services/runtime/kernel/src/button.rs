//! The power button, as the kernel's input devices report it.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// An input device that has a power key.
#[derive(Debug)]
pub struct PowerButton {
    events: File,
}

impl PowerButton {
    /// Opens every input device with a power key. None is no error: a box may have no button.
    #[must_use]
    pub fn find_all() -> Vec<Self> {
        let Ok(entries) = std::fs::read_dir("/sys/class/input") else {
            return Vec::new();
        };
        let mut buttons = Vec::new();
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let keys = entry.path().join("device/capabilities/key");
            let has_key = std::fs::read_to_string(keys).is_ok_and(|keys| has_bit(&keys, KEY_POWER));
            if !name.starts_with("event") || !has_key {
                continue;
            }
            let nonblock = OFlags::NONBLOCK.bits().cast_signed();
            let opened = std::fs::OpenOptions::new()
                .read(true)
                .custom_flags(nonblock)
                .open(Path::new("/dev/input").join(&*name));
            buttons.extend(opened.ok().map(|events| Self { events }));
        }
        buttons
    }

    /// Whether the button was pressed since the last call. Never waits.
    pub fn was_pressed(&mut self) -> bool {
        let mut pressed = false;
        let mut event = [0; EVENT_LENGTH];
        while self.events.read_exact(&mut event).is_ok() {
            pressed |= is_press(&event);
        }
        pressed
    }
}

impl AsFd for PowerButton {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.events.as_fd()
    }
}

/// `struct input_event`: 16 bytes of time, then type, code and value.
fn is_press(event: &[u8; EVENT_LENGTH]) -> bool {
    let [.., type_low, type_high, code_low, code_high, v0, v1, v2, v3] = *event;
    u16::from_le_bytes([type_low, type_high]) == EV_KEY
        && usize::from(u16::from_le_bytes([code_low, code_high])) == KEY_POWER
        && i32::from_le_bytes([v0, v1, v2, v3]) == 1
}

/// Whether a bit is set in the kernel's bitmap text: 64-bit words in hex, the highest first.
fn has_bit(bitmap: &str, bit: usize) -> bool {
    let word = bitmap.split_whitespace().rev().nth(bit / 64);
    let word = word
        .and_then(|word| u64::from_str_radix(word, 16).ok())
        .unwrap_or(0);
    word >> (bit % 64) & 1 == 1
}

const EVENT_LENGTH: usize = 24;
/// Linux input-event-codes.h: a key changed.
const EV_KEY: u16 = 1;
/// Linux input-event-codes.h: the power key.
const KEY_POWER: usize = 116;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bitmap_of_an_acpi_button_has_the_power_key() {
        assert!(has_bit("10000000000000 0\n", KEY_POWER));
        assert!(!has_bit("8000 10000000000000\n", KEY_POWER));
        assert!(!has_bit("0\n", KEY_POWER));
    }

    #[test]
    fn only_the_press_counts_not_the_release() {
        let mut event = [0; EVENT_LENGTH];
        event[16] = 1;
        event[18] = 116;
        assert!(!is_press(&event));
        event[20] = 1;
        assert!(is_press(&event));
    }
}
