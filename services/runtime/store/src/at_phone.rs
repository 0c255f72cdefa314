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
        // Auditors read it, who see numbers of people outside masked.
        _ => format!("forward {when} to {}", config::masked(number)),
    }
}

#[cfg(test)]
mod tests {
    use ipc::site::Extension;

    use super::*;

    #[test]
    fn a_number_of_somebody_outside_is_masked_in_what_is_said_and_whole_in_the_site() {
        let mut site = Site {
            extensions: vec![Extension {
                number: "100".into(),
                ..Extension::default()
            }],
            ..Site::default()
        };
        let mut to = |number: &str| {
            let change = PhoneChange {
                extension: "100".into(),
                setting: PhoneSetting::ForwardBusy(number.into()),
            };
            apply(&mut site, &change).expect("it is there")
        };
        assert_eq!(to("101"), "extension 100: forward when busy to 101");
        let said = to("+5548999990021");
        assert_eq!(said, "extension 100: forward when busy to +55489••••••21");
        assert_eq!(site.extensions[0].settings.forward.busy, "+5548999990021");
    }
}
