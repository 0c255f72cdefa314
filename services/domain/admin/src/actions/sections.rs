//! The parts of the site there is one of, and the settings of an extension.

use ipc::Redacted;
use ipc::site::{Extension, Site};
use serde::Serialize;
use serde_json::Value;

use super::items::{commit, hide};
use super::patch::Patch;
use crate::admin::{Admin, Caller};
use crate::fault::Fault;
use crate::http::{Request, Response};
use crate::routes::Section;
use crate::step::{Moment, Step};

/// A part of the site as it is.
pub(crate) fn show(admin: &Admin, section: Section, caller: &Caller) -> Step {
    match &admin.site {
        Some((_, site)) => Step::Respond(Response::json(200, &view(site, section)).sealed()),
        None => caller.refuse(&Fault::Starting),
    }
}

/// Changes the fields of it that a request names.
pub(crate) fn change(admin: &Admin, section: Section, request: &Request, caller: Caller) -> Step {
    let patch = match Patch::read(request) {
        Ok(patch) => patch,
        Err(fault) => return caller.refuse(&fault),
    };
    let edit = move |site: &mut Site| {
        match section {
            Section::Networks => site.networks = patch.apply(&site.networks)?,
            Section::Features => site.features = patch.apply(&site.features)?,
            Section::Parking => site.parking = patch.apply(&site.parking)?,
            Section::Dialling => site.dialling = patch.apply(&site.dialling)?,
            Section::Limits => site.limits = patch.apply(&site.limits)?,
            Section::Recording => site.recording = patch.apply(&site.recording)?,
        }
        Ok(())
    };
    let action = format!("{} changed", name(section));
    commit(admin, caller, action, 200, edit, move |site| {
        view(site, section)
    })
}

/// The settings of an extension.
pub(crate) fn settings(admin: &Admin, number: &str, caller: &Caller) -> Step {
    let Some((_, site)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    match find(site, number) {
        Some(extension) => Step::Respond(Response::json(200, &settings_view(extension)).sealed()),
        None => caller.refuse(&Fault::NoSuchExtension(number.to_owned())),
    }
}

/// Changes settings of an extension. A field `pin` gives it that PIN; an empty one takes it away.
pub(crate) fn change_settings(
    admin: &Admin,
    number: &str,
    request: &Request,
    caller: Caller,
) -> Step {
    let read = Patch::read(request).and_then(|mut patch| {
        let pin = take_pin(&mut patch)?;
        Ok((patch, pin))
    });
    let (patch, pin) = match read {
        Ok(read) => read,
        Err(fault) => return caller.refuse(&fault),
    };
    let action = format!("extension {number} changed");
    let (number, shown) = (number.to_owned(), number.to_owned());
    let edit = move |site: &mut Site| {
        let realm = site.realm.clone();
        let found = site.extensions.iter_mut().find(|it| it.number == number);
        let Some(extension) = found else {
            return Err(Fault::NoSuchExtension(number.clone()));
        };
        extension.settings = patch.apply(&extension.settings)?;
        if let Some(pin) = &pin {
            let hash = match pin.reveal().as_str() {
                "" => String::new(),
                pin => config::pin_hash(&number, &realm, pin),
            };
            extension.settings.pin_hash = Redacted::new(hash);
        }
        Ok(())
    };
    commit(admin, caller, action, 200, edit, move |site| {
        find(site, &shown).map(settings_view).unwrap_or_default()
    })
}

/// Lets an extension go on that has spent what it may (F5): what it spent so far does not count.
pub(crate) fn resume(admin: &Admin, moment: &Moment, number: &str, caller: Caller) -> Step {
    let seconds = u64::try_from(moment.wall.as_millis() / 1_000).unwrap_or_default();
    let action = format!("extension {number} may spend again");
    let (number, shown) = (number.to_owned(), number.to_owned());
    let edit = move |site: &mut Site| {
        let found = site.extensions.iter_mut().find(|it| it.number == number);
        let Some(extension) = found else {
            return Err(Fault::NoSuchExtension(number.clone()));
        };
        extension.settings.spend_resumed = seconds;
        Ok(())
    };
    commit(admin, caller, action, 200, edit, move |site| {
        find(site, &shown).map(settings_view).unwrap_or_default()
    })
}

/// Takes the PIN out of a patch: it is kept as a hash only, so the hash itself cannot be given.
fn take_pin(patch: &mut Patch) -> Result<Option<Redacted<String>>, Fault> {
    let Some(fields) = patch.0.as_object_mut() else {
        return Ok(None);
    };
    if fields.contains_key("pin_hash") {
        return Err(Fault::BadBody("give the PIN as the field pin".into()));
    }
    let Some(pin) = fields.remove("pin") else {
        return Ok(None);
    };
    let digits = |pin: &&str| {
        let length = pin.is_empty() || (PIN_LENGTH_MIN..=PIN_LENGTH_MAX).contains(&pin.len());
        length && pin.bytes().all(|byte| byte.is_ascii_digit())
    };
    match pin.as_str().filter(digits) {
        Some(pin) => Ok(Some(Redacted::new(pin.to_owned()))),
        None => Err(Fault::BadBody(format!(
            "pin: use {PIN_LENGTH_MIN} to {PIN_LENGTH_MAX} digits, or nothing to take it away"
        ))),
    }
}

fn find<'a>(site: &'a Site, number: &str) -> Option<&'a Extension> {
    site.extensions.iter().find(|it| it.number == number)
}

fn settings_view(extension: &Extension) -> Value {
    let mut value = json(&extension.settings);
    hide(&mut value);
    value
}

fn view(site: &Site, section: Section) -> Value {
    match section {
        Section::Networks => json(&site.networks),
        Section::Features => json(&site.features),
        Section::Parking => json(&site.parking),
        Section::Dialling => json(&site.dialling),
        Section::Limits => json(&site.limits),
        Section::Recording => json(&site.recording),
    }
}

fn json<T: Serialize>(thing: &T) -> Value {
    serde_json::to_value(thing).unwrap_or_default()
}

const fn name(section: Section) -> &'static str {
    match section {
        Section::Networks => "networks",
        Section::Features => "feature codes",
        Section::Parking => "parking",
        Section::Dialling => "dialling",
        Section::Limits => "limits",
        Section::Recording => "recording",
    }
}

/// Fewest digits of a PIN.
const PIN_LENGTH_MIN: usize = 4;
/// Most digits of a PIN: what people can keep.
const PIN_LENGTH_MAX: usize = 12;
