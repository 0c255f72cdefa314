//! The menu for a person at the box, who holds a key while it starts.

use core::time::Duration;

use slot::{Choice, Slot};

use super::console::{key, say, show};

/// What a person asks for; `None` when nobody does. Only the letter m opens the menu: a serial
/// line without a plug may see noise, and that should not hold a box up.
#[must_use]
pub fn ask() -> Option<Choice> {
    if !is_wanted() {
        return None;
    }
    show(format_args!("  a  start slot A      iniciar o sistema A"));
    show(format_args!("  b  start slot B      iniciar o sistema B"));
    show(format_args!(
        "  r  rescue system     sistema de recuperacao"
    ));
    say(format_args!(
        "menu: a, b, r, or any other key to go on; goes on by itself in 30 s"
    ));
    match key(MENU_MAX)?.to_ascii_lowercase() {
        'a' => Some(Choice::Start(Slot::A)),
        'b' => Some(Choice::Start(Slot::B)),
        'r' => Some(Choice::Rescue),
        _ => None,
    }
}

/// Whether the key was held before we began, or is pressed within a moment.
fn is_wanted() -> bool {
    let mut keys = (0..NOISE_MAX).map_while(|_| key(MOMENT));
    keys.any(|key| key.eq_ignore_ascii_case(&'m'))
}

/// Longer than a held key takes to repeat, shorter than anyone notices.
const MOMENT: Duration = Duration::from_millis(250);

/// Keys that are looked at.
const NOISE_MAX: usize = 64;

/// A key pressed by accident must not stop a box for long.
const MENU_MAX: Duration = Duration::from_secs(30);
