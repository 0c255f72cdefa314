//! What somebody who stands before the box reads on its screen: where it is, how it is known, how
//! to sign in for the first time, and how it is.

use std::time::Duration;

use e2e::{Failure, Proof, switched_on};
use qemu::lan::BOX_ADDRESS;
use qemu::serial::PASSWORD_LABEL;

#[test]
fn the_page_says_how_to_reach_a_new_box_and_forgets_the_password_when_it_is_claimed() -> Proof {
    let mut lab = switched_on("status-page")?;
    let ready = lab.machine()?.wait_ready()?;
    assert!(ready.text.starts_with("ramal: ready "), "{}", ready.text);
    let url = format!("https://{BOX_ADDRESS}/");
    let page = |lab: &mut qemu::lab::Lab, from: usize| -> Result<Vec<String>, Failure> {
        let serial = lab.machine()?.serial().clone();
        serial.wait(from, "screen: Firmware", PAGE_MAX)?;
        let said = serial.since(from).into_iter().map(|line| line.text);
        Ok(said.filter(|text| text.starts_with("screen: ")).collect())
    };
    let has = |lines: &[String], wanted: &str| lines.iter().any(|line| line.contains(wanted));

    // Pages may come while services still start; the one that says all is the last of them.
    let serial = lab.machine()?.serial().clone();
    serial.wait(0, "Primeiro acesso / First sign-in", PAGE_MAX)?;
    serial.wait(0, "todos prontos / all ready", PAGE_MAX)?;
    let lines = page(&mut lab, 0)?;
    for wanted in [
        "Ramal - ramal",
        &url,
        "https://ramal.local/",
        "SHA-256",
        PASSWORD_LABEL,
    ] {
        assert!(has(&lines, wanted), "{wanted} in {lines:#?}");
    }
    let pairs = |line: &&String| line.matches(':').count() == 16;
    assert_eq!(lines.iter().filter(pairs).count() % 2, 0, "{lines:#?}");

    let mark = serial.mark();
    lab.first_sign_in()?;
    let lines = page(&mut lab, mark)?;
    assert!(has(&lines, &url), "{lines:#?}");
    assert!(!has(&lines, PASSWORD_LABEL), "{lines:#?}");
    Ok(())
}

/// A page waits until things have settled, and some seconds after the one before.
const PAGE_MAX: Duration = Duration::from_secs(60);
