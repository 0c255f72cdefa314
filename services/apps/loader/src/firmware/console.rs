//! Screen and serial line, as far as the box has any.

use alloc::format;
use core::fmt;
use core::time::Duration;

use uefi::boot::{self, EventType, TimerTrigger, Tpl};
use uefi::proto::console::text::{Input, Key};
use uefi::{CString16, Event, system, table};

/// Shows a line.
pub fn say(line: fmt::Arguments<'_>) {
    show(format_args!("ramal-loader: {line}"));
}

/// Shows a line as it is.
#[expect(
    unsafe_code,
    reason = "a firmware without a screen has no console at all"
)]
pub fn show(line: fmt::Arguments<'_>) {
    let Some(table) = table::system_table_raw() else {
        return;
    };
    // SAFETY: the table is the firmware's and lives as long as we do.
    if unsafe { table.as_ref() }.stdout.is_null() {
        return;
    }
    if let Ok(text) = CString16::try_from(format!("{line}\r\n").as_str()) {
        // Nobody can be told that nobody can be told.
        let _shown = system::with_stdout(|output| output.output_string_lossy(&text));
    }
}

/// The next key pressed, waiting for it at most so long.
#[must_use]
pub fn key(limit: Duration) -> Option<char> {
    let timer = timer(limit)?;
    let pressed = key_within(&timer);
    // Closing one's own event does not fail.
    let _closed = boot::close_event(timer);
    pressed
}

/// Waits without keeping the processor busy.
pub fn wait(time: Duration) {
    match timer(time) {
        Some(timer) => {
            // Fails only for what is no event.
            let _waited = boot::wait_for_event(core::slice::from_ref(&timer));
            let _closed = boot::close_event(timer);
        }
        None => boot::stall(time),
    }
}

#[expect(
    unsafe_code,
    reason = "a firmware without a keyboard has no console input at all"
)]
fn key_within(timer: &Event) -> Option<char> {
    let table = table::system_table_raw()?;
    // SAFETY: the table is the firmware's and lives as long as we do.
    if unsafe { table.as_ref() }.stdin.is_null() {
        return None;
    }
    loop {
        match system::with_stdin(Input::read_key).ok()? {
            Some(Key::Printable(key)) => return Some(char::from(key)),
            Some(Key::Special(_)) => {}
            None => {
                let pressed = system::with_stdin(|input| input.wait_for_key_event()).ok()?;
                // SAFETY: a copy for one call; the timer is closed by whoever made it.
                let timer = unsafe { timer.unsafe_clone() };
                let first = boot::wait_for_event(&[pressed, timer]).ok()?;
                if first == TIMER {
                    return None;
                }
            }
        }
    }
}

#[expect(
    unsafe_code,
    reason = "making an event is, for the sake of its callback"
)]
fn timer(time: Duration) -> Option<Event> {
    // SAFETY: there is no callback.
    let event = unsafe { boot::create_event(EventType::TIMER, Tpl::APPLICATION, None, None) };
    let event = event.ok()?;
    match boot::set_timer(&event, TimerTrigger::Relative(time)) {
        Ok(()) => Some(event),
        Err(_) => {
            let _closed = boot::close_event(event);
            None
        }
    }
}

const TIMER: usize = 1;
