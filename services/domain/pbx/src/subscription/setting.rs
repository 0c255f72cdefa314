//! Lamps of settings: do-not-disturb and the forwards of an extension. They are watched by the code
//! that sets them with the extension behind it (`*78101`), or by the code alone for the own ones.

use config::{Extension, Feature, Site};

use super::state::{Lamp, LampState, Party};

/// The settings that have a lamp.
const SETTINGS: [Feature; 4] = [
    Feature::DoNotDisturb,
    Feature::ForwardAlways,
    Feature::ForwardBusy,
    Feature::ForwardNoAnswer,
];

/// What somebody watches who writes the code of a setting and no more.
pub(super) fn own(site: &Site, watched: &str, watcher: &str) -> Option<String> {
    let is_code = |feature| site.features.code(feature) == Some(watched);
    let own = || format!("{watched}{watcher}");
    SETTINGS.into_iter().any(is_code).then(own)
}

/// Whether there is such a setting at this site.
pub(super) fn exists(site: &Site, watched: &str) -> bool {
    named(site, watched).is_some()
}

/// Whose setting it is.
pub(super) fn extension<'a>(site: &'a Site, watched: &'a str) -> Option<&'a str> {
    named(site, watched).map(|(_, _, number)| number)
}

/// The lamp of a setting, lit while it is on; `None` when that is no setting.
pub(super) fn lamps(site: &Site, watched: &str) -> Option<Vec<Lamp>> {
    let (feature, extension, number) = named(site, watched)?;
    let forward = &extension.settings.forward;
    let target = match feature {
        Feature::ForwardAlways => forward.always.clone(),
        Feature::ForwardBusy => forward.busy.clone(),
        Feature::ForwardNoAnswer => forward.no_answer.clone(),
        _ => extension.settings.do_not_disturb.then(String::new),
    };
    let party = |number: &str| Party {
        number: number.to_owned(),
        name: String::new(),
    };
    let lamp = target.map(|target| Lamp {
        id: watched.to_owned(),
        name: None,
        recipient: true,
        state: LampState::Confirmed,
        local: party(number),
        remote: party(&target),
    });
    Some(lamp.into_iter().collect())
}

fn named<'a>(site: &'a Site, watched: &'a str) -> Option<(Feature, &'a Extension, &'a str)> {
    SETTINGS.into_iter().find_map(|feature| {
        let number = watched.strip_prefix(site.features.code(feature)?)?;
        Some((feature, site.extension(number)?, number))
    })
}
