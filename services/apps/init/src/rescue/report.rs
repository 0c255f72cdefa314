//! What a report for the support says.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;

use firmware::FirmwareError;
use slot::{BootState, Slot};

use super::uptime_millis;

/// The slots and the latest reasons for which one was left, a line each.
pub(super) fn slots(state: &BootState) -> Vec<String> {
    let slot = |slot: Slot| {
        let condition = state.slot(slot).condition;
        format!("slot {}: {condition:?}", slot.name())
    };
    let entry = |it: slot::Entry| {
        let name = it.slot.map_or("-", Slot::name);
        format!(
            "left {name}: {:?} ({}), at {}",
            it.reason, it.detail, it.sequence
        )
    };
    let slots = Slot::BOTH.into_iter().map(slot);
    slots.chain(state.journal().map(entry)).collect()
}

/// The whole report. Nothing that was stored is in it.
pub(super) fn text(state: &Result<BootState, FirmwareError>) -> String {
    let mut text = format!("Ramal rescue {}\r\n", env!("CARGO_PKG_VERSION"));
    let _ = write!(text, "up for {} ms\r\n\r\n", uptime_millis());
    match state {
        Ok(state) => {
            for line in slots(state) {
                let _ = write!(text, "{line}\r\n");
            }
        }
        Err(error) => {
            let _ = write!(text, "{error}\r\n");
        }
    }
    text.push_str("\r\nKernel:\r\n");
    text.push_str(&kernel_log());
    text
}

/// The kernel's messages of this start, without their prefixes.
fn kernel_log() -> String {
    let mut options = OpenOptions::new();
    let opened = options.read(true).custom_flags(libc::O_NONBLOCK);
    let Ok(mut log) = opened.open("/dev/kmsg") else {
        return String::new();
    };
    let mut text = String::new();
    let mut record = [0; RECORD_MAX];
    while let Ok(count) = log.read(&mut record) {
        let bytes = record.get(..count).filter(|bytes| !bytes.is_empty());
        let Some(bytes) = bytes else { break };
        let line = String::from_utf8_lossy(bytes);
        let said = line.split_once(';').map_or(&*line, |(_, said)| said);
        text.push_str(said.lines().next().unwrap_or_default());
        text.push_str("\r\n");
    }
    text
}

/// The longest record of /dev/kmsg (Linux Documentation/ABI/testing/dev-kmsg), and some room.
const RECORD_MAX: usize = 8192;
