//! What stands on disk: one row type a table, separate from what travels between processes.
//!
//! A row is one version byte, eight bytes of SHA-256 over the JSON, then the JSON. The checksum is
//! there because redb verifies pages when it opens a file, not at every read; a row that rotted
//! since then must be noticed, not believed. Fields are only ever added, with a serde default, so
//! that an older firmware started by a rollback still reads them.

use ipc::Redacted;
use ipc::{site, store};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

mod announcing;
mod calls;
mod countries;
mod guard;
mod people;

use announcing::AnnouncingRow;
pub(crate) use calls::{CallRow, OutcomeRow, is_marked};
use people::{OtherRow, PersonRow};

/// The only encoding so far.
const ROW_VERSION: u8 = 1;

/// Bytes of SHA-256 kept in a row: enough to notice rot, which is not an attacker.
const CHECKSUM_LENGTH: usize = 8;

/// Why a row cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RowError {
    /// The row is shorter than its own header.
    #[error("a row is cut short")]
    Short,
    /// A newer firmware wrote the row.
    #[error("a row is of version {0}, this firmware reads {ROW_VERSION}: update the firmware")]
    Version(u8),
    /// The bytes are not those that were written.
    #[error("a row does not match its checksum: the disk changed it")]
    Checksum,
    /// The JSON is not a row of this table.
    #[error("a row does not hold what its table says: {0}")]
    Content(String),
}

/// A row as bytes.
pub(crate) fn encode<T: Serialize>(row: &T) -> Result<Vec<u8>, RowError> {
    let json = serde_json::to_vec(row).map_err(|error| RowError::Content(error.to_string()))?;
    let digest = Sha256::digest(&json);
    let mut bytes = Vec::with_capacity(1 + CHECKSUM_LENGTH + json.len());
    bytes.push(ROW_VERSION);
    bytes.extend(digest.iter().take(CHECKSUM_LENGTH));
    bytes.extend_from_slice(&json);
    Ok(bytes)
}

/// Bytes as a row.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, RowError> {
    let (version, rest) = bytes.split_first().ok_or(RowError::Short)?;
    if *version != ROW_VERSION {
        return Err(RowError::Version(*version));
    }
    let (sum, json) = rest
        .split_at_checked(CHECKSUM_LENGTH)
        .ok_or(RowError::Short)?;
    if !Sha256::digest(json).starts_with(sum) {
        return Err(RowError::Checksum);
    }
    serde_json::from_slice(json).map_err(|error| RowError::Content(error.to_string()))
}

/// A configuration version, whole.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct ConfigRow {
    pub(crate) at_millis: i64,
    pub(crate) author: String,
    pub(crate) action: String,
    pub(crate) site: SiteRow,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct SiteRow {
    realm: String,
    extensions: Vec<ExtensionRow>,
    /// Administrators who may sign in: all that a firmware without roles knows.
    people: Vec<PersonRow>,
    /// Everybody else. An older firmware, to which a role of theirs would be damage, passes them
    /// over; none of them becomes an administrator there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    others: Vec<OtherRow>,
    /// Absent in rows of the first firmware, which knew nothing of all this.
    #[serde(default)]
    telephony: Option<TelephonyRow>,
}

/// What the second firmware added. These types of [`ipc::site`] are kept as they travel: each
/// field of theirs has a default, and none may change its meaning or its name.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct TelephonyRow {
    networks: site::Networks,
    groups: Vec<site::Group>,
    trunks: Vec<site::Trunk>,
    routes: Vec<site::Route>,
    times: Vec<site::TimeCondition>,
    features: site::Features,
    parking: site::Parking,
    dialling: site::Dialling,
    limits: site::Limits,
    recording: site::Recordings,
    retention: site::Retention,
    sign_in: site::SignIn,
    #[serde(deserialize_with = "guard::known")]
    guard: site::Guard,
    #[serde(deserialize_with = "countries::known")]
    countries: site::Countries,
    tunnel: Option<site::Tunnel>,
    prompts: Vec<site::Prompt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    announcing: Option<AnnouncingRow>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct ExtensionRow {
    number: String,
    display_name: String,
    ha1_md5: Redacted<String>,
    ha1_sha256: Redacted<String>,
    remote: bool,
    /// Absent for an extension that has them as they come, and in rows of the first firmware.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settings: Option<Box<site::ExtensionSettings>>,
}

impl From<&site::Site> for SiteRow {
    fn from(site: &site::Site) -> Self {
        let extension = |from: &site::Extension| ExtensionRow {
            number: from.number.clone(),
            display_name: from.display_name.clone(),
            ha1_md5: from.ha1_md5.clone(),
            ha1_sha256: from.ha1_sha256.clone(),
            remote: from.remote,
            settings: (from.settings != site::ExtensionSettings::default())
                .then(|| Box::new(from.settings.clone())),
        };
        let (people, others) = people::rows(&site.people);
        Self {
            realm: site.realm.clone(),
            extensions: site.extensions.iter().map(extension).collect(),
            people,
            others,
            telephony: Some(TelephonyRow {
                networks: site.networks.clone(),
                groups: site.groups.iter().map(announcing::silent_group).collect(),
                trunks: site.trunks.clone(),
                routes: site.routes.iter().map(announcing::silent_route).collect(),
                times: site.times.clone(),
                features: site.features.clone(),
                parking: announcing::silent_parking(&site.parking),
                dialling: site.dialling.clone(),
                limits: site.limits.clone(),
                recording: site.recording,
                retention: site.retention,
                sign_in: site.sign_in,
                guard: site.guard.clone(),
                countries: site.countries.clone(),
                tunnel: site.tunnel.clone(),
                prompts: site.prompts.clone(),
                announcing: AnnouncingRow::of(site),
            }),
        }
    }
}

impl From<SiteRow> for site::Site {
    fn from(row: SiteRow) -> Self {
        let extension = |from: ExtensionRow| site::Extension {
            number: from.number,
            display_name: from.display_name,
            ha1_md5: from.ha1_md5,
            ha1_sha256: from.ha1_sha256,
            remote: from.remote,
            settings: from.settings.map(|it| *it).unwrap_or_default(),
        };
        let extensions: Vec<_> = row.extensions.into_iter().map(extension).collect();
        let mut added = row.telephony.unwrap_or_else(|| first(&extensions));
        if let Some(whole) = added.announcing.take() {
            match whole.parts(&added.groups, &added.routes, &added.parking) {
                Some(parts) => (added.groups, added.routes, added.parking) = parts,
                None => tracing::warn!(
                    "an earlier version changed routes, groups or parking: the announcements that \
                     were there are left out"
                ),
            }
        }
        make_way(&mut added.features);
        // An earlier version does not know that it is played, and may have let it be deleted.
        let music = &mut added.dialling.music;
        if !added.prompts.iter().any(|it| it.name == *music) {
            music.clear();
        }
        Self {
            realm: row.realm,
            extensions,
            people: people::people(row.people, row.others),
            networks: added.networks,
            groups: added.groups,
            trunks: added.trunks,
            routes: added.routes,
            times: added.times,
            prompts: added.prompts,
            features: added.features,
            parking: added.parking,
            dialling: added.dialling,
            limits: added.limits,
            recording: added.recording,
            retention: added.retention,
            sign_in: added.sign_in,
            guard: added.guard,
            countries: added.countries,
            tunnel: added.tunnel,
        }
    }
}

/// Codes that came with a later firmware give way to those a site already has. What was committed
/// since has no such clash, so this changes nothing that somebody chose.
fn make_way(features: &mut site::Features) {
    let site::Features {
        pickup,
        pickup_of,
        forward_always,
        forward_always_off,
        forward_busy,
        forward_busy_off,
        forward_no_answer,
        forward_no_answer_off,
        do_not_disturb,
        do_not_disturb_off,
        park,
        three_way,
        withhold,
        record,
        record_prompt,
    } = features;
    let alone = [
        pickup,
        forward_always_off,
        forward_busy_off,
        forward_no_answer_off,
        do_not_disturb,
        do_not_disturb_off,
        park,
        three_way,
    ];
    let followed = [
        pickup_of,
        forward_always,
        forward_busy,
        forward_no_answer,
        withhold,
    ];
    // Each also gives way to those that came before it.
    let mut before: Vec<String> = alone.iter().map(|code| code.to_string()).collect();
    for code in [record, record_prompt] {
        let begins = |other: &&mut String| !other.is_empty() && code.starts_with(other.as_str());
        if before.contains(code) || followed.iter().any(begins) {
            code.clear();
        }
        before.push(code.clone());
    }
}

/// What a site of the first firmware gets: the defaults, but no parking where its numbers are
/// extensions already. An update must not make a site invalid.
fn first(extensions: &[site::Extension]) -> TelephonyRow {
    let mut added = TelephonyRow::default();
    let slots = added.parking.first..=added.parking.last;
    let taken = |number: &str| {
        let slot = number.parse().is_ok_and(|number| slots.contains(&number));
        slot || number == added.features.park
    };
    if extensions.iter().any(|it| taken(&it.number)) {
        added.features.park.clear();
        added.parking.first = 0;
        added.parking.last = 0;
    }
    added
}

/// A registered contact.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct RegistrationRow {
    pub(crate) extension: String,
    pub(crate) contact: String,
    source: String,
    local: String,
    expires_secs: u32,
    kept_millis: i64,
    call_id: String,
    cseq: u32,
    user_agent: String,
    // What the second firmware added.
    #[serde(default)]
    params: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    reg_id: u32,
}

impl From<&store::Registration> for RegistrationRow {
    fn from(from: &store::Registration) -> Self {
        Self {
            extension: from.extension.clone(),
            contact: from.contact.clone(),
            source: from.source.clone(),
            local: from.local.clone(),
            expires_secs: from.expires_secs,
            kept_millis: from.kept_millis,
            call_id: from.call_id.clone(),
            cseq: from.cseq,
            user_agent: from.user_agent.clone(),
            params: from.params.clone(),
            path: from.path.clone(),
            reg_id: from.reg_id,
        }
    }
}

impl From<RegistrationRow> for store::Registration {
    fn from(row: RegistrationRow) -> Self {
        Self {
            extension: row.extension,
            contact: row.contact,
            source: row.source,
            local: row.local,
            expires_secs: row.expires_secs,
            kept_millis: row.kept_millis,
            call_id: row.call_id,
            cseq: row.cseq,
            user_agent: row.user_agent,
            params: row.params,
            path: row.path,
            reg_id: row.reg_id,
        }
    }
}

/// Money and minutes spent.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SpentRow {
    periods: [i32; 3],
    spoken: Vec<(site::Class, [u64; 3])>,
    of_box: [u64; 3],
    extensions: Vec<(String, [u64; 3])>,
    trunks: Vec<(String, [u64; 3])>,
    resumed: Vec<(String, u64)>,
}

impl From<store::Spent> for SpentRow {
    fn from(from: store::Spent) -> Self {
        Self {
            periods: from.periods,
            spoken: from.spoken,
            of_box: from.of_box,
            extensions: from.extensions,
            trunks: from.trunks,
            resumed: from.resumed,
        }
    }
}

impl From<SpentRow> for store::Spent {
    fn from(row: SpentRow) -> Self {
        Self {
            periods: row.periods,
            spoken: row.spoken,
            of_box: row.of_box,
            extensions: row.extensions,
            trunks: row.trunks,
            resumed: row.resumed,
        }
    }
}

/// How far what is past its date was deleted.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct KeptRow {
    /// The day by which it was past.
    pub(crate) as_of_millis: i64,
    /// What the clock showed when that day moved on last; the furthest it has shown then.
    pub(crate) moved_millis: i64,
    /// The same of a clock that has gone back behind that since; 0 of none.
    pub(crate) back_millis: i64,
    /// The last call record whose details were looked at.
    pub(crate) cleared_until: String,
    /// Records of a clock that was not set.
    pub(crate) undated: Option<UndatedRow>,
}

/// Call records of a clock that was not set, and when they were first seen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct UndatedRow {
    /// The last of them.
    pub(crate) until: String,
    pub(crate) seen_millis: i64,
}

/// What a [`ConfigRow`] says of when it is from; its site is skipped.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct DatedRow {
    pub(crate) at_millis: i64,
}

/// An audit entry; its number is its key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct AuditRow {
    pub(crate) at_millis: i64,
    pub(crate) who: String,
    pub(crate) from: String,
    pub(crate) action: String,
    pub(crate) before: String,
    pub(crate) after: String,
    pub(crate) hash: String,
}

/// A secret of one process.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct SecretRow {
    pub(crate) value: Redacted<Vec<u8>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A configuration as the first firmware wrote it.
    fn old_row(number: &str) -> Vec<u8> {
        let (md5, sha256) = ("0".repeat(32), "0".repeat(64));
        let row = serde_json::json!({
            "at_millis": 1, "author": "admin", "action": "extension created",
            "site": {
                "realm": "ramal",
                "extensions": [{
                    "number": number, "display_name": "Desk", "ha1_md5": md5,
                    "ha1_sha256": sha256, "remote": true,
                }],
                "people": [{
                    "login": "admin", "role": "administrator", "password_hash": "",
                    "password_one_time": true,
                }],
            },
        });
        encode(&row).expect("a small row")
    }

    #[test]
    fn a_site_of_the_first_firmware_loads_and_is_valid() {
        let row: ConfigRow = decode(&old_row("100")).expect("an old row");
        let site = site::Site::from(row.site);
        assert_eq!(
            site.extensions[0].settings,
            site::ExtensionSettings::default()
        );
        assert_eq!(site.features, site::Features::default());
        assert_eq!(site.parking, site::Parking::default());
        assert_eq!(site.guard, site::Guard::default());
        assert_eq!(site.countries, site::Countries::default());
        assert!(config::Site::parse(&site).is_ok());
    }

    /// An older firmware that carried the choice along let the prompt be deleted.
    #[test]
    fn music_whose_prompt_an_older_firmware_has_deleted_is_that_of_the_box_again() {
        let mut chosen = site::Site::default();
        chosen.dialling.music = "wait".into();
        chosen.prompts.push(site::Prompt {
            name: "wait".into(),
            ..site::Prompt::default()
        });
        assert_eq!(site::Site::from(SiteRow::from(&chosen)), chosen);
        chosen.prompts.clear();
        let read = site::Site::from(SiteRow::from(&chosen));
        assert_eq!(read.dialling.music, "");
    }

    #[test]
    fn an_extension_of_the_first_firmware_keeps_its_number_where_parking_would_be_now() {
        for number in ["700", "701", "720"] {
            let row: ConfigRow = decode(&old_row(number)).expect("an old row");
            let site = site::Site::from(row.site);
            assert_eq!((site.parking.first, site.features.park.as_str()), (0, ""));
            assert!(config::Site::parse(&site).is_ok(), "{number}");
        }
    }

    #[test]
    fn a_code_of_a_later_firmware_gives_way_to_those_of_the_site() {
        let check = |codes: serde_json::Value, record: &str| {
            let features = serde_json::from_value(codes).expect("codes");
            let telephony = Some(TelephonyRow {
                features,
                ..TelephonyRow::default()
            });
            let row: ConfigRow = decode(&old_row("100")).expect("an old row");
            let row = SiteRow {
                telephony,
                ..row.site
            };
            let site = site::Site::from(row);
            assert_eq!(site.features.record, record);
            assert!(config::Site::parse(&site).is_ok(), "{:?}", site.features);
        };
        check(serde_json::json!({"pickup": "*8"}), "*1");
        check(serde_json::json!({"pickup": "*1"}), "");
        check(
            serde_json::json!({"pickup_of": "*1", "forward_busy": "*2"}),
            "",
        );
        check(serde_json::json!({"record": "*5"}), "*5");
        check(serde_json::json!({"record": ""}), "");
    }

    #[test]
    fn everything_added_since_survives_the_disk() {
        let mut site = config::Site::factory("ramal").to_ipc();
        site.trunks.push(site::Trunk {
            name: "carrier".into(),
            access: site::TrunkAccess::Registering {
                server: "sip.example.com".into(),
                user: "1132345678".into(),
                auth_user: String::new(),
                password: Redacted::new("secret".into()),
                realm: String::new(),
                expires_secs: 600,
                contact_user: String::new(),
            },
            ..site::Trunk::default()
        });
        site.routes.push(site::Route {
            name: "out".into(),
            sources: vec![site::Source::Extensions],
            pattern: "0XXXXXXXXXX".into(),
            destinations: vec![site::Destination::Trunk("carrier".into())],
            ..site::Route::default()
        });
        site.extensions.push(site::Extension {
            settings: site::ExtensionSettings {
                classes: vec![site::Class::Internal],
                ..site::ExtensionSettings::default()
            },
            ..site::Extension::default()
        });
        site.guard = site::Guard {
            on: true,
            decoys: vec!["1000".into()],
            rules: vec![site::GuardRule {
                offence: ipc::guard::Offence::SipPassword,
                count: Some(3),
                within_secs: None,
                only_report: true,
            }],
            ..site::Guard::default()
        };
        site.countries = site::Countries {
            on: true,
            allowed: vec!["BR".into()],
            sip_udp: true,
            ..site::Countries::default()
        };
        let bytes = encode(&SiteRow::from(&site)).expect("a row");
        let row: SiteRow = decode(&bytes).expect("the same row");
        assert_eq!(site::Site::from(row), site);
    }

    /// A registration as the first firmware wrote it.
    #[test]
    fn a_registration_of_the_first_firmware_loads() {
        let json = r#"{"extension":"100","contact":"sip:100@10.0.0.2","source":"udp 10.0.0.2:5060",
            "local":"10.0.0.1:5060","expires_secs":60,"kept_millis":1,"call_id":"a","cseq":1,
            "user_agent":"phone"}"#;
        let row: RegistrationRow = serde_json::from_str(json).expect("a row");
        let registration = store::Registration::from(row);
        assert_eq!(registration.cseq, 1);
        assert_eq!((registration.reg_id, &*registration.path), (0, ""));
    }

    #[test]
    fn a_row_that_rotted_or_is_of_another_version_is_not_believed() {
        let row = SecretRow {
            value: Redacted::new(vec![1, 2, 3]),
        };
        let good = encode(&row).expect("a small row");
        assert_eq!(decode(&good), Ok(row));
        for at in 0..good.len() {
            let mut rotten = good.clone();
            rotten[at] ^= 0x10;
            let seen = decode::<SecretRow>(&rotten);
            if at == 0 {
                assert_eq!(seen, Err(RowError::Version(0x11)));
            } else {
                assert_eq!(seen, Err(RowError::Checksum), "byte {at}");
            }
        }
        assert_eq!(decode::<SecretRow>(&good[..5]), Err(RowError::Short));
        assert_eq!(decode::<SecretRow>(&[]), Err(RowError::Short));
    }
}
