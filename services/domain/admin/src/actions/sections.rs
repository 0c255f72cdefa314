//! The parts of the site there is one of, and the settings of an extension.

use ipc::Redacted;
use ipc::site::{Extension, ExtensionSettings, Site};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::form::{self, Subject};
use super::items::{commit, hide, versioned};
use super::patch::Patch;
use crate::admin::{Admin, Caller};
use crate::fault::Fault;
use crate::form::Said;
use crate::http::{Request, Response};
use crate::routes::Section;
use crate::step::{Moment, Step};

/// A part of the site as it is.
pub(crate) fn show(admin: &Admin, section: Section, caller: &Caller) -> Step {
    match &admin.site {
        Some((version, site)) => {
            let response = Response::json(200, &raw(site, section));
            Step::Respond(versioned(response, *version).sealed())
        }
        None => caller.refuse(&Fault::Starting),
    }
}

/// Changes the fields of it that a request names.
pub(crate) fn change(
    admin: &Admin,
    section: Section,
    request: &Request,
    mut caller: Caller,
) -> Step {
    let patch = match form::asked(admin, &Subject::Section(section), request, &mut caller) {
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
            Section::Retention => site.retention = patch.apply(&site.retention)?,
            Section::Guard => site.guard = patch.apply(&site.guard)?,
            Section::Countries => site.countries = patch.apply(&site.countries)?,
            Section::SignIn => site.sign_in = patch.apply(&site.sign_in)?,
        }
        Ok(())
    };
    let action = format!("{} changed", name(section));
    commit(admin, caller, action, 200, edit, move |site| {
        raw(site, section)
    })
}

/// The settings of an extension.
pub(crate) fn settings(admin: &Admin, number: &str, caller: &Caller) -> Step {
    let Some((version, site)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    match find(site, number) {
        Some(extension) => {
            let mut value = json(&extension.settings);
            hide(&mut value);
            Step::Respond(versioned(Response::json(200, &value), *version).sealed())
        }
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
    let edit = move |site: &mut Site| set(site, &number, &patch, pin.as_ref()).map(|_| ());
    commit(admin, caller, action, 200, edit, move |site| {
        find(site, &shown)
            .map(|it| json(&it.settings))
            .unwrap_or_default()
    })
}

/// Changes an extension: its own fields beside each other, its settings below `settings`.
pub(crate) fn change_extension(
    admin: &Admin,
    number: &str,
    request: &Request,
    mut caller: Caller,
) -> Step {
    let subject = Subject::Extension(number.to_owned());
    let read = form::asked(admin, &subject, request, &mut caller).and_then(|patch| {
        let (own, mut settings) = form::parted(patch);
        let pin = take_pin(&mut settings)?;
        let own = serde_json::from_value::<Own>(Value::Object(own));
        let own = own.map_err(|_| Fault::BadBody(OWN_FIELDS.into()))?;
        Ok((own, settings, pin))
    });
    let (own, patch, pin) = match read {
        Ok(read) => read,
        Err(fault) => return caller.refuse(&fault),
    };
    let action = format!("extension {number} changed");
    let (number, shown) = (number.to_owned(), number.to_owned());
    let edit = move |site: &mut Site| {
        let extension = set(site, &number, &patch, pin.as_ref())?;
        if let Some(name) = &own.display_name {
            extension.display_name.clone_from(name);
        }
        extension.remote = own.remote.unwrap_or(extension.remote);
        Ok(())
    };
    commit(admin, caller, action, 200, edit, move |site| {
        find(site, &shown).map(whole).unwrap_or_default()
    })
}

/// An extension without what its password is checked by, which no change here touches.
pub(super) fn whole(extension: &Extension) -> Value {
    json(&WholeExtension {
        number: extension.number.clone(),
        display_name: extension.display_name.clone(),
        remote: extension.remote,
        settings: extension.settings.clone(),
    })
}

/// An extension with its settings.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Extension")]
pub(crate) struct WholeExtension {
    /// Dialled number and SIP user name.
    number: String,
    /// Name shown to the called party.
    display_name: String,
    /// It may register from outside the internal networks.
    remote: bool,
    settings: ExtensionSettings,
}

/// What of an extension can be changed; the settings as a change of themselves.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it is told of, and read in two parts")]
pub(crate) struct ExtensionChanges {
    display_name: String,
    remote: bool,
    settings: ExtensionSettings,
}

/// What of an extension can be changed besides its settings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    display_name: Option<String>,
    remote: Option<bool>,
}

const OWN_FIELDS: &str =
    "an extension has display_name, remote (true or false) and settings; its number stays";

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
        find(site, &shown)
            .map(|it| json(&it.settings))
            .unwrap_or_default()
    })
}

/// Changes settings and PIN of an extension.
fn set<'a>(
    site: &'a mut Site,
    number: &str,
    patch: &Patch,
    pin: Option<&Redacted<String>>,
) -> Result<&'a mut Extension, Fault> {
    let realm = site.realm.clone();
    let found = site.extensions.iter_mut().find(|it| it.number == number);
    let extension = found.ok_or_else(|| Fault::NoSuchExtension(number.to_owned()))?;
    extension.settings = patch.apply(&extension.settings)?;
    if let Some(pin) = pin {
        let hash = match pin.reveal().as_str() {
            "" => String::new(),
            pin => config::pin_hash(number, &realm, pin),
        };
        extension.settings.pin_hash = Redacted::new(hash);
    }
    Ok(extension)
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
    match pin.as_str().filter(|pin| is_pin(pin)) {
        Some(pin) => Ok(Some(Redacted::new(pin.to_owned()))),
        None => Err(Fault::BadBody(format!(
            "pin: use {PIN_LENGTH_MIN} to {PIN_LENGTH_MAX} digits, or nothing to take it away"
        ))),
    }
}

/// Whether an extension can have this PIN, or none by it.
pub(crate) fn is_pin(pin: &str) -> bool {
    let length = pin.is_empty() || (PIN_LENGTH_MIN..=PIN_LENGTH_MAX).contains(&pin.len());
    length && pin.bytes().all(|byte| byte.is_ascii_digit())
}

fn find<'a>(site: &'a Site, number: &str) -> Option<&'a Extension> {
    site.extensions.iter().find(|it| it.number == number)
}

pub(super) fn raw(site: &Site, section: Section) -> Value {
    match section {
        Section::Networks => json(&site.networks),
        Section::Features => json(&site.features),
        Section::Parking => json(&site.parking),
        Section::Dialling => json(&site.dialling),
        Section::Limits => json(&site.limits),
        Section::Recording => json(&site.recording),
        Section::Retention => json(&site.retention),
        Section::Guard => json(&site.guard),
        Section::Countries => json(&site.countries),
        Section::SignIn => json(&site.sign_in),
    }
}

fn json<T: Serialize>(thing: &T) -> Value {
    serde_json::to_value(thing).unwrap_or_default()
}

/// The part of an address that names it.
pub(crate) const fn path(section: Section) -> &'static str {
    match section {
        Section::Networks => "networks",
        Section::Features => "features",
        Section::Parking => "parking",
        Section::Dialling => "dialling",
        Section::Limits => "limits",
        Section::Recording => "recording",
        Section::Retention => "retention",
        Section::Guard => "bans",
        Section::Countries => "countries",
        Section::SignIn => "sign-in",
    }
}

/// What people call it.
pub(crate) const fn title(section: Section) -> Said {
    match section {
        Section::Networks => ("Inside networks", "Redes internas"),
        Section::Features => ("Feature codes", "Códigos de serviço"),
        Section::Parking => ("Parking", "Estacionamento"),
        Section::Dialling => ("Numbers and dialling", "Números e discagem"),
        Section::Limits => ("Limits and money", "Limites e dinheiro"),
        Section::Recording => ("Recordings", "Gravações"),
        Section::Retention => ("How long data is kept", "Prazos de guarda dos dados"),
        Section::Guard => ("Bans and guesses", "Bloqueios e tentativas"),
        Section::Countries => ("Countries", "Países"),
        Section::SignIn => ("Signing in", "Entrada"),
    }
}

/// What the audit trail calls it.
const fn name(section: Section) -> &'static str {
    match section {
        Section::Features => "feature codes",
        other => path(other),
    }
}

/// Fewest digits of a PIN.
const PIN_LENGTH_MIN: usize = 4;
/// Most digits of a PIN: what people can keep.
const PIN_LENGTH_MAX: usize = 12;
