//! A full data disk: the box says so, calls go on, an update is installed, and nothing it
//! acknowledged is lost.

use std::time::Duration;

use e2e::{
    Failure, OpenData, Proof, Site, alone, disk, file_of, plan, product, small_disk, store_warning,
    version, wait_until,
};
use image::progress;
use qemu::box_api::BoxApi;
use qemu::lab::{Lab, Way};
use qemu::office::Office;
use qemu::upload;
use serde_json::json;

#[test]
fn a_full_disk_is_told_calls_and_updates_go_on_and_nothing_acknowledged_is_lost() -> Proof {
    let _turn = alone();
    let plan = plan("full-disk", Way::Kernel, small_disk(FULL_SIZE));
    let mut lab = Lab::set_up(&plan, product()?)?;
    let data = OpenData::make(lab.disk()?)?;
    disk::make_nearly_full(data.path(), data.length()?, FULL_LEFT)?;
    data.put_back()?;
    lab.switch_on()?;
    lab.machine()?.wait_ready()?;
    let mut site = Site::around(Office::open(lab)?)?;
    let (acknowledged, refusal) = fill(&site.office.api)?;
    progress::note(&format!(
        "{} writes were acknowledged, then: {refusal}",
        acknowledged.len()
    ));
    assert!(refusal.contains("the data disk is full"), "{refusal}");
    let told = site
        .office
        .lab
        .machine()?
        .wait_line("the data disk is full", ANSWER_MAX)?;
    progress::note(&format!("console: {}", told.text));
    let warning = store_warning(&site.office.api)?;
    assert!(warning.contains("full"), "{warning:?}");
    // Telephony does not need the disk.
    site.office.prove_call()?;
    site.prove_alive()?;
    // Nor does an update.
    let next = version("1.1.0", 0, |_, _| Ok(()))?;
    let file = file_of(&next)?;
    upload::send(&site.office.api, &file, 0, u64::MAX)?;
    let seen = site.office.api.get("/api/firmware")?;
    let slot = &seen["slots"][1];
    assert_eq!(
        (&slot["version"], &slot["condition"]),
        (&json!("1.1.0"), &json!("on-trial")),
        "{seen}"
    );
    site.office.lab.machine()?.press_ctrl_alt_del()?;
    site.office.lab.machine()?.wait_ready()?;
    site.office.sign_in()?;
    let extensions = site.office.api.get("/api/extensions")?;
    let numbers: Vec<&str> = extensions
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|extension| extension["number"].as_str())
        .collect();
    for number in &acknowledged {
        assert!(
            numbers.contains(&number.as_str()),
            "{number} was acknowledged and is lost"
        );
    }
    site.prove_alive()
}

/// Creates extensions until one is refused: those that were acknowledged, and the refusal.
fn fill(api: &BoxApi) -> Result<(Vec<String>, String), Failure> {
    let mut acknowledged = Vec::new();
    // Every change keeps a whole version of the configuration, so long names fill the disk soon.
    let name = "n".repeat(NAME_LENGTH);
    wait_until("the end of the disk", FILL_MAX, || {
        let number = format!("{}", 2000 + acknowledged.len());
        let body = json!({ "number": number, "display_name": name });
        let answer = api.send("POST", "/api/extensions", Some(&body))?;
        let status = answer.status().as_u16();
        if status == 201 {
            acknowledged.push(number);
            return Ok(None);
        }
        let text = answer.into_body().read_to_string().unwrap_or_default();
        assert!(matches!(status, 503 | 507), "{status}: {text}");
        Ok(Some(text))
    })
    .map(|refusal| (acknowledged, refusal))
}

/// Bytes of the data partition that gets full, and what is left on it for the box.
const FULL_SIZE: u64 = 48 * 1024 * 1024;
const FULL_LEFT: u64 = 5 * 1024 * 1024;

/// Letters of a display name; longer ones are refused.
const NAME_LENGTH: usize = 60;

const ANSWER_MAX: Duration = Duration::from_secs(20);

/// Some hundred writes of an emulated box.
const FILL_MAX: Duration = Duration::from_secs(150);
