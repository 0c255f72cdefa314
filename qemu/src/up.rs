//! `cargo qemu up`: an office to play with, until Ctrl-C.

use std::io::Write;

use image::cargo::Profile;
use image::progress;

use crate::interrupt;
use crate::lab::{ADMINISTRATOR, Lab, LabError, Plan};
use crate::office::Office;

/// Brings the office up on an image of this profile, shows how to use it and waits for Ctrl-C.
///
/// # Errors
/// The first thing that failed.
pub fn up(plan: &Plan, profile: Profile) -> Result<(), LabError> {
    let mut lab = Lab::start(plan, profile)?;
    progress::step("Waiting until the box is ready");
    lab.machine()?.wait_ready()?;
    let mut office = Office::open(lab)?;
    let panel = panel(&mut office)?;
    let stop = interrupt::listen();
    // Nobody reads a panel whose terminal is gone; the lab goes on until it is stopped.
    let _closed = std::io::stdout().write_all(panel.as_bytes());
    let _stopped = stop.recv();
    progress::step("Stopping");
    drop(office);
    progress::note("the box, its phones and its network are gone");
    Ok(())
}

fn panel(office: &mut Office) -> Result<String, LabError> {
    let stages = office.lab.machine()?.boot_stages();
    let stages: Vec<String> = stages.iter().map(stage).collect();
    let status = office.api.status()?;
    let phones = status
        .get("phones")
        .and_then(|phones| phones.as_array())
        .cloned();
    let phones: Vec<String> = phones.unwrap_or_default().iter().map(phone_line).collect();
    let lines = [
        String::new(),
        "Ramal is running".to_owned(),
        format!("  boot      {}", stages.join(", ")),
        format!(
            "  web       {}  (the box signs its own certificate)",
            office.lab.web_address()
        ),
        format!(
            "  sign in   {ADMINISTRATOR}, password {}",
            office.password.reveal()
        ),
        format!("  phones    {}", phones.join(", ")),
        format!("  log       {}", office.lab.log().display()),
        "  stop      Ctrl-C".to_owned(),
        String::new(),
    ];
    Ok(lines.join("\n"))
}

/// `service store ready` at 1834 ms is shown as `store 1.8 s`.
fn stage((name, millis): &(String, u64)) -> String {
    let name = name.trim_start_matches("service ");
    let name = name.strip_suffix(" ready").unwrap_or(name);
    format!("{name} {}.{} s", millis / 1000, millis % 1000 / 100)
}

fn phone_line(phone: &serde_json::Value) -> String {
    let text = |name: &str| {
        phone
            .get(name)
            .and_then(|value| value.as_str())
            .unwrap_or("?")
    };
    format!(
        "{} at {} ({})",
        text("extension"),
        text("address"),
        text("transport")
    )
}
