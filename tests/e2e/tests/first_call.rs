//! A new customer: from the password on the box's screen to a first call, with a browser and two
//! phones, and nothing that the pages do not say.

use std::time::Duration;

use e2e::{Failure, FirstSteps, Proof, alone, switched_on};
use image::progress;
use ipc::Redacted;
use qemu::desk::{Desk, DeskPlan};
use qemu::lab::{ADMINISTRATOR, new_password};
use qemu::lan::BOX_ADDRESS;
use qemu::talk::Talk;
use serde_json::{Value, json};

#[test]
fn the_pages_lead_from_the_password_on_the_screen_to_a_first_call() -> Proof {
    let _turn = alone();
    let mut lab = switched_on("first-call")?;
    lab.machine()?.wait_ready()?;
    let wish = json!({
        "origin": format!("https://127.0.0.1:{}", lab.web_port()),
        "login": ADMINISTRATOR,
        "once": lab.one_time_password()?,
        "chosen": new_password()?,
        "names": ["Recepção", "Oficina"],
    });
    let Some((steps, cards)) = FirstSteps::take(&wish)? else {
        return Ok(());
    };
    let set_up = |plan: DeskPlan, card: &Value| -> Result<Desk, Failure> {
        // A person types what the card says.
        assert_eq!(
            card["server"],
            BOX_ADDRESS.to_string(),
            "where the card leads"
        );
        assert_eq!(card["number"], plan.extension, "whose card it is");
        let password = Redacted::new(card["password"].as_str().unwrap_or_default().to_owned());
        let desk = Desk::set_up(&lab, &plan, password)?;
        desk.phone().wait_registered(REGISTER_MAX)?;
        Ok(desk)
    };
    let first = set_up(DeskPlan::first(), &cards[0])?;
    let second = set_up(DeskPlan::second(), &cards[1])?;
    let done = steps.see_phones()?;
    let talk = Talk::begin(&first, "101", &second)?;
    talk.listen(TALK)?;
    talk.end()?;
    talk.prove_sound()?;
    progress::note(&format!(
        "measured: {} clicks; {} s in the browser up to the cards and from there to both phones",
        done["clicks"], done["seconds"]
    ));
    Ok(())
}

/// A phone on an emulated box.
const REGISTER_MAX: Duration = Duration::from_secs(30);

/// Enough for both tones to be told from noise.
const TALK: Duration = Duration::from_secs(4);
