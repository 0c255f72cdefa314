//! What somebody who stands before the box reads on its screen, and what he can have it do there.

use std::time::Duration;

use e2e::{Failure, Proof, converse, switched_on};
use qemu::lab::{ADMINISTRATOR, Lab};
use qemu::lan::{BOX_ADDRESS, OWN_PREFIX, box_in};
use qemu::serial::PASSWORD_LABEL;

/// One box for all of it: the second half needs what the first has left behind.
#[test]
fn a_person_at_the_box_reads_how_it_is_and_gets_a_new_password_and_a_restart() -> Proof {
    let mut lab = switched_on("status-page")?;
    let ready = lab.machine()?.wait_ready()?;
    assert!(ready.text.starts_with("ramal: ready "), "{}", ready.text);
    let url = format!("https://{BOX_ADDRESS}/");
    let url6 = format!("https://[{}]", box_in(OWN_PREFIX));

    // Pages may come while services still start; the one that says all is the last of them.
    let serial = lab.machine()?.serial().clone();
    serial.wait(0, "Primeiro acesso / First sign-in", PAGE_MAX)?;
    serial.wait(0, "todos prontos / all ready", PAGE_MAX)?;
    serial.wait(0, &url6, PAGE_MAX)?;
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

    get_a_new_password(&mut lab)?;
    restart(&mut lab)
}

fn page(lab: &mut Lab, from: usize) -> Result<Vec<String>, Failure> {
    let serial = lab.machine()?.serial().clone();
    serial.wait(from, "screen: Firmware", PAGE_MAX)?;
    let said = serial.since(from).into_iter().map(|line| line.text);
    Ok(said.filter(|text| text.starts_with("screen: ")).collect())
}

fn has(lines: &[String], wanted: &str) -> bool {
    lines.iter().any(|line| line.contains(wanted))
}

fn get_a_new_password(lab: &mut Lab) -> Proof {
    // A wrong word changes nothing.
    converse(
        lab,
        &[
            (
                "menu",
                "1  Nova senha do administrador / New administrator password",
            ),
            ("1", "Type YES to confirm"),
            ("yes please", "Type menu and press Enter"),
        ],
        ANSWER_MAX,
    )?;
    lab.machine()?.serial().take_one_time_password();
    let mark = converse(
        lab,
        &[
            ("menu", "screen:   1  Nova senha"),
            ("1", "Type YES to confirm"),
            ("YES", "asked at the box: a new administrator password"),
        ],
        ANSWER_MAX,
    )?;
    let serial = lab.machine()?.serial().clone();
    serial.wait(mark, PASSWORD_LABEL, ANSWER_MAX)?;
    let password = serial.take_one_time_password();
    let password = password.ok_or_else(|| Failure::new("no password on the screen"))?;
    let mut api = lab.api();
    assert!(api.sign_in(ADMINISTRATOR, &password)?, "it works once");
    api.change_password(&password, CHOSEN)?;
    api.sign_in(ADMINISTRATOR, CHOSEN)?;
    let trail = api.get("/api/audit")?.to_string();
    assert!(
        trail.contains("one-time password for admin made"),
        "{trail}"
    );
    assert!(trail.contains("at the box"), "{trail}");
    Ok(())
}

fn restart(lab: &mut Lab) -> Proof {
    converse(
        lab,
        &[
            ("menu", "2  Reiniciar / Restart"),
            ("2", "Calls in progress end"),
        ],
        ANSWER_MAX,
    )?;
    let machine = lab.machine()?;
    machine.expect_restart();
    machine.type_line("SIM")?;
    machine.wait_line("shutting down: asked by user", ANSWER_MAX)?;
    machine.wait_ready()?;
    Ok(())
}

/// A page waits until things have settled, and some seconds after the one before.
const PAGE_MAX: Duration = Duration::from_secs(60);
const ANSWER_MAX: Duration = Duration::from_secs(30);
const CHOSEN: &str = "a password of the installer";
