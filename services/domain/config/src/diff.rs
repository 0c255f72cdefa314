//! What changed between two sites, for the audit trail (R40). Secrets are named, never shown.

use std::collections::BTreeMap;

use ipc::guard::Offence;
use ipc::site::{Grant, Whose};

use crate::features::Feature;
use crate::guard::Guard;
use crate::office::{Dialling, Group, Limits, Parking};
use crate::origins::Origins;
use crate::people::Person;
use crate::prompt::Prompt;
use crate::recording::Recordings;
use crate::retention::Retention;
use crate::route::Route;
use crate::sign_in::SignIn;
use crate::site::{Extension, Site};
use crate::times::TimeCondition;
use crate::trunk::{Access, Trunk};
use crate::tunnel::Tunnel;

/// One line for each field that differs. Secrets print themselves as such.
macro_rules! changed {
    ($old:expr, $new:expr, $lines:expr; $($($field:ident).+)*) => {
        $(if $old.$($field).+ != $new.$($field).+ {
            let name = stringify!($($field).+);
            let (old, new) = (&$old.$($field).+, &$new.$($field).+);
            $lines.push(format!("{name} {old:?} -> {new:?}"));
        })*
    };
}

/// One line for each field of a section that differs. Every field is named here: with one that is
/// added to the section and not to the list this does not compile, so that none goes untold.
macro_rules! section {
    ($name:literal, $type:ident, $old:expr, $new:expr, $lines:expr; $($field:ident)*) => {
        let $type { $($field: _),* } = $old;
        $(if $old.$field != $new.$field {
            let name = concat!($name, ".", stringify!($field));
            $lines.push(format!("{name} {:?} -> {:?}", $old.$field, $new.$field));
        })*
    };
}

/// One line a change, in a stable order: `extension 100: display name "a" -> "b"`.
#[must_use]
pub fn diff(before: &Site, after: &Site) -> Vec<String> {
    let mut lines = Vec::new();
    if before.realm != after.realm {
        lines.push(format!("realm {:?} -> {:?}", before.realm, after.realm));
    }
    compare(
        "extension",
        &before.extensions,
        &after.extensions,
        extension_changes,
        &mut lines,
    );
    compare(
        "person",
        &before.people,
        &after.people,
        person_changes,
        &mut lines,
    );
    for (login, person) in &before.people {
        if !after.people.contains_key(login) {
            lines.push(format!("person {login}: {}", had(person)));
        }
    }
    compare(
        "group",
        &before.groups,
        &after.groups,
        group_changes,
        &mut lines,
    );
    lines.extend(seen_by_group(before, after));
    let (old, new) = (&before.trunks, &after.trunks);
    let (old, new) = (by_name(old, trunk_name), by_name(new, trunk_name));
    compare("trunk", &old, &new, trunk_changes, &mut lines);
    let (old, new) = (&before.routes, &after.routes);
    let (old, new) = (by_name(old, route_name), by_name(new, route_name));
    compare("route", &old, &new, route_changes, &mut lines);
    let order = |site: &Site| {
        let names = site.routes.iter().map(|route| route.name.clone());
        names.collect::<Vec<_>>()
    };
    if order(before) != order(after) {
        lines.push(format!(
            "routes: order {:?} -> {:?}",
            order(before),
            order(after)
        ));
    }
    compare(
        "time condition",
        &before.times,
        &after.times,
        times_changes,
        &mut lines,
    );
    compare(
        "prompt",
        &before.prompts,
        &after.prompts,
        prompt_changes,
        &mut lines,
    );
    lines.extend(section_changes(before, after));
    lines.extend(tunnel_changes(
        before.tunnel.as_ref(),
        after.tunnel.as_ref(),
    ));
    lines
}

/// What there is one of, field by field: a section as a whole is longer than anybody reads.
fn section_changes(before: &Site, after: &Site) -> Vec<String> {
    let mut changes = Vec::new();
    changed!(before, after, changes; networks.internal);
    for feature in Feature::ALL {
        let code = |site: &Site| {
            let codes = &site.features.codes;
            let own = codes.iter().find(|(it, _)| *it == feature);
            own.map(|(_, code)| code.clone()).unwrap_or_default()
        };
        let (old, new) = (code(before), code(after));
        if old != new {
            changes.push(format!("features.{feature:?} {old:?} -> {new:?}"));
        }
    }
    let (old, new) = (&before.parking, &after.parking);
    section!("parking", Parking, old, new, changes; slots timeout to_parker otherwise);
    let (old, new) = (&before.dialling, &after.dialling);
    section!("dialling", Dialling, old, new, changes; country own_plan zone area_code carrier
        owned_numbers emergency_numbers emergency_trunks countries callers presentation tones
        cadences music);
    let (old, new) = (&before.limits, &after.limits);
    section!("limits", Limits, old, new, changes; outbound_percent per_country minutes_a_day
        office_hours tariffs spend);
    let (old, new) = (&before.recording, &after.recording);
    section!("recording", Recordings, old, new, changes; keep max_mib notice);
    let (old, new) = (&before.retention, &after.retention);
    section!("retention", Retention, old, new, changes; calls_days quality_days audit_days
        versions_days);
    let (old, new) = (&before.sign_in, &after.sign_in);
    section!("sign_in", SignIn, old, new, changes; administrators_second_factor);
    let (old, new) = (&before.countries, &after.countries);
    section!("countries", Origins, old, new, changes; is_on allowed web sip sip_udp);
    changes.extend(guard_changes(&before.guard, &after.guard));
    changes
}

/// Rules one by one, and of the numbers what was added and taken: the whole is longer than anybody
/// reads. Every field is named, as in `section!`.
fn guard_changes(old: &Guard, new: &Guard) -> Vec<String> {
    let Guard {
        is_on: _,
        rules: _,
        first: _,
        longest: _,
        never: _,
        decoys: _,
    } = old;
    let mut changes = Vec::new();
    changed!(old, new, changes; is_on first longest never);
    let decoys = |of: &Guard| {
        of.decoys
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    changes.extend(moved("decoys", &decoys(old), &decoys(new)));
    for offence in Offence::ALL {
        let (old, new) = (old.rule(offence), new.rule(offence));
        if old != new {
            changes.push(format!("rules.{} {old} -> {new}", offence.name()));
        }
    }
    let told = changes.iter().map(|text| format!("guard.{text}"));
    told.collect()
}

fn tunnel_changes(before: Option<&Tunnel>, after: Option<&Tunnel>) -> Vec<String> {
    let mut changes = Vec::new();
    match (before, after) {
        (None, None) => {}
        (None, Some(new)) => changes.push(format!("created {new:?}")),
        (Some(old), None) => changes.push(format!("deleted {old:?}")),
        (Some(old), Some(new)) => {
            changed!(old, new, changes; addresses hub_key endpoint preshared_key allowed keepalive
                mtu);
        }
    }
    let told = changes.iter().map(|text| format!("tunnel: {text}"));
    told.collect()
}

fn trunk_name(trunk: &Trunk) -> &String {
    &trunk.name
}

fn route_name(route: &Route) -> &String {
    &route.name
}

fn by_name<T: Clone>(things: &[T], name: fn(&T) -> &String) -> BTreeMap<&str, T> {
    things
        .iter()
        .map(|it| (name(it).as_str(), it.clone()))
        .collect()
}

fn compare<K: Ord + std::fmt::Display, V>(
    what: &str,
    before: &BTreeMap<K, V>,
    after: &BTreeMap<K, V>,
    changes: fn(&V, &V) -> Vec<String>,
    lines: &mut Vec<String>,
) {
    for (key, old) in before {
        match after.get(key) {
            None => lines.push(format!("{what} {key} deleted")),
            Some(new) => {
                lines.extend(
                    changes(old, new)
                        .iter()
                        .map(|text| format!("{what} {key}: {text}")),
                );
            }
        }
    }
    let created = after.keys().filter(|key| !before.contains_key(key));
    lines.extend(created.map(|key| format!("{what} {key} created")));
}

fn extension_changes(old: &Extension, new: &Extension) -> Vec<String> {
    let mut changes = Vec::new();
    if old.display_name != new.display_name {
        changes.push(format!(
            "display name {:?} -> {:?}",
            old.display_name, new.display_name
        ));
    }
    if old.remote != new.remote {
        changes.push(format!("remote {} -> {}", old.remote, new.remote));
    }
    if old.ha1_md5 != new.ha1_md5 || old.ha1_sha256 != new.ha1_sha256 {
        changes.push("password changed".to_owned());
    }
    let (old, new) = (&old.settings, &new.settings);
    changed!(old, new, changes; classes caller_id contacts_max call_waiting limits duration_max
        forward.always forward.busy forward.no_answer forward.ring do_not_disturb pickup_group
        watchers dtmf encryption codecs pin_hash networks off_hours spend spend_resumed
        recording);
    changes
}

fn group_changes(old: &Group, new: &Group) -> Vec<String> {
    let mut changes = Vec::new();
    changed!(old, new, changes; name members strategy ring otherwise);
    changes
}

fn trunk_changes(old: &Trunk, new: &Trunk) -> Vec<String> {
    let mut changes = Vec::new();
    changed!(old, new, changes; enabled outbound_proxy transport trust qualify channels_max codecs
        identity prack session_timers dtmf encryption inbound_number inbound_rewrites number_form
        failover_statuses spend inbound_per_minute source_port);
    match (&old.access, &new.access) {
        (Access::Registering(old), Access::Registering(new)) => {
            changed!(old, new, changes; server user auth_user realm expires contact_user);
            if old.password != new.password {
                changes.push("password changed".to_owned());
            }
        }
        (Access::Registering(_) | Access::Peer { .. }, _) => {
            changed!(old, new, changes; access);
        }
    }
    changes
}

fn route_changes(old: &Route, new: &Route) -> Vec<String> {
    let mut changes = Vec::new();
    changed!(old, new, changes; enabled sources pattern times rewrite destinations pin record
        call_back.enabled call_back.within call_back.ring);
    changes
}

fn times_changes(old: &TimeCondition, new: &TimeCondition) -> Vec<String> {
    let mut changes = Vec::new();
    if old.zone != new.zone {
        changes.push(format!("zone {} -> {}", old.zone.name(), new.zone.name()));
    }
    changed!(old, new, changes; week holidays negated);
    changes
}

fn prompt_changes(old: &Prompt, new: &Prompt) -> Vec<String> {
    let mut changes = Vec::new();
    changed!(old, new, changes; says);
    changes
}

fn person_changes(old: &Person, new: &Person) -> Vec<String> {
    let mut changes = Vec::new();
    // What is short and about rights comes first: a long text is cut in the audit trail.
    if (old.role, &old.unknown_role) != (new.role, &new.unknown_role) {
        changes.push(format!("role {} -> {}", role(old), role(new)));
    }
    changed!(old, new, changes; whole_numbers disabled);
    if old.password_hash != new.password_hash {
        changes.push("password changed".to_owned());
    }
    if old.password_one_time != new.password_one_time {
        let (before, after) = (old.password_one_time, new.password_one_time);
        changes.push(format!("one-time password {before} -> {after}"));
    }
    let tokens = |person: &Person| {
        let names = person.tokens.iter().map(|it| it.name.clone());
        names.collect::<Vec<_>>()
    };
    if old.tokens != new.tokens {
        changes.push(format!("tokens {:?} -> {:?}", tokens(old), tokens(new)));
    }
    let passkeys = |person: &Person| {
        let names = person.passkeys.iter().map(|it| it.name.clone());
        names.collect::<Vec<_>>()
    };
    if old.passkeys != new.passkeys {
        let (before, after) = (passkeys(old), passkeys(new));
        changes.push(format!("passkeys {before:?} -> {after:?}"));
    }
    let [before, after] = [old, new].map(|it| it.passkey_codes.len());
    if before != after {
        changes.push(format!("codes for lost passkeys left {before} -> {after}"));
    }
    match (&old.second_factor, &new.second_factor) {
        (None, None) => {}
        (None, Some(_)) => changes.push("second factor set up".to_owned()),
        (Some(_), None) => changes.push("second factor removed".to_owned()),
        (Some(old), Some(new)) if old.secret != new.secret => {
            changes.push("second factor changed".to_owned());
        }
        (Some(old), Some(new)) => {
            let [before, after] = [old, new].map(|it| it.recovery.len());
            if before != after {
                changes.push(format!("recovery codes left {before} -> {after}"));
            }
        }
    }
    changes.extend(moved("calls of", &seen(old), &seen(new)));
    changes.extend(moved("extensions", &own(old), &own(new)));
    changes
}

fn role(person: &Person) -> String {
    let unknown = person.unknown_role.as_ref();
    unknown.map_or_else(|| format!("{:?}", person.role), |it| it.name.clone())
}

/// The extensions that are somebody's.
fn own(person: &Person) -> Vec<String> {
    let since = |number: &String| person.extensions_since.get(number).copied();
    let told = |number: &String| format!("{number}{}", earlier(since(number).unwrap_or_default()));
    person.extensions.iter().map(told).collect()
}

/// Whether calls from before are meant, in words.
const fn earlier(since_millis: i64) -> &'static str {
    match since_millis {
        0 => " with earlier calls",
        _ => "",
    }
}

/// Whose calls somebody may see, and who let them.
fn seen(person: &Person) -> Vec<String> {
    let told = |grant: &Grant| {
        let (by, earlier) = (&grant.by, earlier(grant.since_millis));
        match &grant.of {
            Whose::Extension(number) => format!("extension {number}{earlier} by {by}"),
            Whose::Group(number) => format!("group {number}{earlier} by {by}"),
        }
    };
    person.grants.iter().map(told).collect()
}

/// Who sees calls of others than before because a group has other members: whoever changed it need
/// not know.
fn seen_by_group(before: &Site, after: &Site) -> Vec<String> {
    let mut lines = Vec::new();
    for (number, group) in &after.groups {
        let old = before.groups.get(number).map(|it| &it.members);
        if old.is_none_or(|old| *old == group.members) {
            continue;
        }
        let of = Whose::Group(number.to_string());
        let sees = |person: &&Person| person.grants.iter().any(|it| it.of == of);
        let seers = after.people.values().filter(sees);
        lines.extend(seers.map(|it| {
            let login = &it.login;
            format!("person {login}: calls of group {number} are those of its new members too")
        }));
    }
    lines
}

/// What was added to a list and taken from it, and nothing of what stayed.
fn moved(name: &str, old: &[String], new: &[String]) -> Option<String> {
    let only_in = |one: &[String], other: &[String], sign: &str| {
        let only = one.iter().filter(|it| !other.contains(it));
        only.map(|it| format!("{sign}{it}")).collect::<Vec<_>>()
    };
    let mut told = only_in(new, old, "+");
    told.extend(only_in(old, new, "-"));
    (!told.is_empty()).then(|| format!("{name} {}", told.join(", ")))
}

/// What somebody could do who is there no more.
fn had(person: &Person) -> String {
    let disabled = if person.disabled { ", disabled" } else { "" };
    format!(
        "had role {}{disabled}, calls of [{}], extensions [{}]",
        person.role.name(),
        seen(person).join(", "),
        person.extensions.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use ipc::Redacted;

    use super::*;
    use crate::{Number, Settings};

    fn extension(number: &str, secret: &str) -> Extension {
        Extension {
            number: Number::parse(number).expect("digits"),
            display_name: String::new(),
            ha1_md5: Redacted::new(secret.to_owned()),
            ha1_sha256: Redacted::new(secret.to_owned()),
            remote: false,
            settings: Settings::factory(),
        }
    }

    fn site(extensions: &[Extension]) -> Site {
        let mut site = Site::factory("ramal");
        for extension in extensions {
            site.extensions
                .insert(extension.number.clone(), extension.clone());
        }
        site
    }

    #[test]
    fn changes_are_told_without_secrets() {
        let before = site(&[extension("100", "old-secret"), extension("101", "x")]);
        let mut changed = extension("100", "new-secret");
        changed.remote = true;
        let mut after = site(&[changed, extension("102", "y")]);
        after
            .people
            .get_mut("admin")
            .expect("factory")
            .password_hash = Redacted::new("$argon2id$hash".to_owned());
        assert_eq!(
            diff(&before, &after),
            [
                "extension 100: remote false -> true",
                "extension 100: password changed",
                "extension 101 deleted",
                "extension 102 created",
                "person admin: password changed",
            ]
        );
    }

    #[test]
    fn rights_are_told_first_and_only_what_was_added_or_taken() {
        let grant = |number: u32| Grant {
            of: Whose::Extension(number.to_string()),
            by: "admin".to_owned(),
            since_millis: if number == 7 { 0 } else { 1 },
        };
        let mut before = site(&[]);
        let admin = before.people["admin"].clone();
        let ana = Person {
            login: "ana".to_owned(),
            role: ipc::site::Role::User,
            grants: (100..1_000).map(grant).collect(),
            ..admin
        };
        before.people.insert("ana".to_owned(), ana.clone());
        let mut after = before.clone();
        let changed = after.people.get_mut("ana").expect("there");
        changed.grants.remove(0);
        changed.grants.push(grant(7));
        changed.disabled = true;
        assert_eq!(
            diff(&before, &after),
            [
                "person ana: disabled false -> true",
                "person ana: calls of +extension 7 with earlier calls by admin, \
                 -extension 100 by admin",
            ]
        );
        after.people.remove("ana");
        before
            .people
            .get_mut("ana")
            .expect("there")
            .grants
            .truncate(1);
        assert_eq!(
            diff(&before, &after),
            [
                "person ana deleted",
                "person ana: had role user, calls of [extension 100 by admin], extensions []",
            ]
        );
    }

    #[test]
    fn a_section_is_told_by_the_fields_that_changed() {
        let before = site(&[]);
        let mut after = before.clone();
        after.limits.per_country = before.limits.per_country + 1;
        after.dialling.area_code = Some("48".to_owned());
        after.recording.notice = !before.recording.notice;
        after.retention.calls_days = 41;
        let (_, code) = after.features.codes.first_mut().expect("some have one");
        let old = std::mem::replace(code, "*99".to_owned());
        let feature = before.features.codes[0].0;
        assert_eq!(
            diff(&before, &after),
            [
                format!("features.{feature:?} {old:?} -> \"*99\""),
                "dialling.area_code None -> Some(\"48\")".to_owned(),
                format!(
                    "limits.per_country {} -> {}",
                    before.limits.per_country, after.limits.per_country
                ),
                format!(
                    "recording.notice {} -> {}",
                    before.recording.notice, after.recording.notice
                ),
                "retention.calls_days 730 -> 41".to_owned(),
            ]
        );
    }

    #[test]
    fn equal_sites_differ_in_nothing() {
        let one = site(&[extension("100", "x")]);
        assert!(diff(&one, &one.clone()).is_empty());
    }
}
