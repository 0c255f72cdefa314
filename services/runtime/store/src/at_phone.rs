//! Settings that people change at their phones: the one way by which `pbx` changes the site.

use ipc::site::Site;
use ipc::store::{PhoneChange, PhoneSetting};

/// Changes the site; gives what was done in a few words, or `None` when there is no such extension.
pub(crate) fn apply(site: &mut Site, change: &PhoneChange) -> Option<String> {
    let mut extensions = site.extensions.iter_mut();
    let extension = extensions.find(|known| known.number == change.extension)?;
    let settings = &mut extension.settings;
    let done = match &change.setting {
        PhoneSetting::ForwardAlways(number) => {
            settings.forward.always.clone_from(number);
            said("always", number)
        }
        PhoneSetting::ForwardBusy(number) => {
            settings.forward.busy.clone_from(number);
            said("when busy", number)
        }
        PhoneSetting::ForwardNoAnswer(number) => {
            settings.forward.no_answer.clone_from(number);
            said("when nobody answers", number)
        }
        PhoneSetting::DoNotDisturb(on) => {
            settings.do_not_disturb = *on;
            format!("do not disturb {}", if *on { "on" } else { "off" })
        }
    };
    Some(format!("extension {}: {done}", change.extension))
}

fn said(when: &str, number: &str) -> String {
    match number {
        "" => format!("forward {when} off"),
        _ => format!("forward {when} to {number}"),
    }
}
