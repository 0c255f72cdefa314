//! Services that die, on the built image: each comes back at once, calls go on, and a service that
//! dies again and again is left alone.

use std::collections::BTreeMap;
use std::time::Duration;

use e2e::{Failure, Proof, Site, Stand, Vitals, kill};
use image::progress;
use qemu::desk::Desk;
use qemu::office::Office;
use qemu::sound::{Expected, Wav};
use serde_json::Value;

static STAND: Stand<Site> = Stand::new(5);

fn run(test: impl FnOnce(&mut Site) -> Proof) -> Proof {
    STAND.run(|| Site::set_up("supervision"), test)
}

#[test]
fn a_killed_service_is_ready_again_within_a_second() -> Proof {
    run(|site| {
        for service in [
            "store", "net", "guard", "pbx", "media", "grid", "update", "web",
        ] {
            let healed = kill(&mut site.office, service)?;
            let healed = healed.ok_or_else(|| Failure::new(format!("{service} was given up")))?;
            let (delay, start) = (healed.delay.as_millis(), healed.start.as_millis());
            progress::note(&format!(
                "measured: {service} killed, ready again after {} ms ({delay} + {start})",
                delay + start
            ));
            assert!(healed.total() <= HEAL_MAX, "{service}: {healed:?}");
        }
        // Both phones are reached as before, the one on TCP too: PID 1 keeps its connection.
        site.prove_alive()?;
        site.office.prove_call()?;
        Ok(())
    })
}

#[test]
fn an_established_call_survives_the_death_of_web_and_of_store() -> Proof {
    run(|site| {
        let talks = talk_through(&mut site.office, &["web", "store"])?;
        site.office.talk().end()?;
        prove_talks(&site.office, &talks)?;
        let record = prove_record(&site.office, "ended-by-caller")?;
        prove_packets(&record, 3)?;
        site.prove_alive()
    })
}

#[test]
fn an_established_call_survives_the_death_of_pbx_and_is_held_and_hung_up_after_it() -> Proof {
    run(|site| {
        // The recording of whoever holds begins anew, so each call looks at the other one.
        for (held, outcome) in [(1, "ended-by-caller"), (0, "ended-by-callee")] {
            let talks = talk_through(&mut site.office, &["pbx"])?;
            let desks = [&site.office.first, &site.office.second];
            let (held, holder) = (desks[held], desks[1 - held]);
            let places = hold_and_resume(holder, held)?;
            holder.phone().hang_up()?;
            held.phone().wait_closed(DELAY_MAX)?;
            let heard = held.phone().heard()?;
            prove_hold(holder, held, &heard, places)?;
            prove_talk(held, holder, &heard, &talks)?;
            let record = prove_record(&site.office, outcome)?;
            prove_packets(&record, 2)?;
        }
        site.prove_alive()
    })
}

#[test]
fn an_established_call_survives_the_death_of_media() -> Proof {
    run(|site| {
        let talks = talk_through(&mut site.office, &["media"])?;
        site.office.talk().end()?;
        prove_talks(&site.office, &talks)?;
        // What media had counted died with it.
        prove_record(&site.office, "ended-by-caller")?;
        site.prove_alive()
    })
}

#[test]
fn a_service_that_keeps_crashing_is_given_up_and_everything_else_goes_on() -> Proof {
    run(|site| {
        let mut kills = 0;
        while kill(&mut site.office, CRASHING)?.is_some() {
            kills += 1;
            assert!(kills < 6, "{CRASHING} is started again and again");
        }
        let serial = site.office.lab.machine()?.serial().clone();
        let mark = serial.mark();
        let given_up = Vitals::of(&site.office.api)?;
        assert_eq!(given_up.state(CRASHING), "given-up");
        // A whole call: the phones, the sound and the record do not need it.
        site.office.prove_call()?;
        site.office.newest_call()?;
        given_up.same_as(&Vitals::of(&site.office.api)?)?;
        let again = format!("service {CRASHING}");
        let said = serial.since(mark);
        assert!(
            !said.iter().any(|line| line.text.contains(&again)),
            "{said:?}"
        );
        // Somebody who has seen to it may start it again.
        site.office.api.restart_service(CRASHING, false)?;
        let ready = format!("service {CRASHING} ready after ");
        serial.wait(mark, &ready, DELAY_MAX)?;
        site.prove_alive()
    })
}

/// A time in a call.
struct Talked {
    when: String,
    /// Where it begins in what each extension heard.
    begin: BTreeMap<String, Duration>,
}

/// Sets up a call and kills the services in it, one after the other; the two go on talking for
/// [`TALK`] after each. What they heard can be read when the call is over.
fn talk_through(office: &mut Office, services: &[&str]) -> Result<Vec<Talked>, Failure> {
    office.connect()?.listen(TALK)?;
    let mut talks = Vec::new();
    for service in services {
        kill(office, service)?;
        let mut begin = BTreeMap::new();
        let phones = [office.first.phone(), office.second.phone()];
        for phone in phones {
            begin.insert(phone.config().extension.clone(), phone.recorded()?);
        }
        for phone in phones {
            let heard = begin.get(&phone.config().extension).copied();
            phone.wait_sound(heard.unwrap_or_default() + TALK, TALK + DELAY_MAX)?;
        }
        let when = format!("after {service} died");
        talks.push(Talked { when, begin });
    }
    Ok(talks)
}

fn prove_talks(office: &Office, talks: &[Talked]) -> Proof {
    for (desk, other) in [
        (&office.first, &office.second),
        (&office.second, &office.first),
    ] {
        prove_talk(desk, other, &desk.phone().heard()?, talks)?;
    }
    Ok(())
}

fn prove_talk(desk: &Desk, other: &Desk, heard: &Wav, talks: &[Talked]) -> Proof {
    let extension = &desk.phone().config().extension;
    for Talked { when, begin } in talks {
        let begin = begin.get(extension).copied().unwrap_or_default();
        prove_sound(desk, other, when, &part(heard, begin))?;
    }
    Ok(())
}

/// One holds the other for a while and takes the call back; where that begins in what the other
/// heard.
fn hold_and_resume(holder: &Desk, held: &Desk) -> Result<[Duration; 2], Failure> {
    let for_a_while = || -> Result<Duration, Failure> {
        // What was on its way still arrives.
        let begin = held.phone().recorded()? + SETTLE;
        held.phone().wait_sound(begin + TALK, TALK + DELAY_MAX)?;
        Ok(begin)
    };
    holder.phone().hold()?;
    let music = for_a_while()?;
    holder.phone().resume()?;
    Ok([music, for_a_while()?])
}

fn prove_hold(holder: &Desk, held: &Desk, heard: &Wav, [music, again]: [Duration; 2]) -> Proof {
    let tone = holder.tone();
    let on_hold = part(heard, music);
    let strongest = on_hold.strongest();
    let hears_holder = on_hold.level(tone.hertz) > tone.dbfs - MUSIC_BELOW_DB;
    if hears_holder || strongest.is_none_or(|tone| tone.dbfs < MUSIC_DBFS_MIN) {
        return Err(Failure::new(format!("no music on hold: {strongest:?}")));
    }
    prove_sound(held, holder, "after the hold", &part(heard, again))
}

fn prove_record(office: &Office, outcome: &str) -> Result<Value, Failure> {
    let record = office.newest_call()?;
    let text = |field: &str| record.get(field).and_then(Value::as_str);
    let parties = text("from") == Some("100") && text("to") == Some("101");
    let whole = text("answered").is_some() && text("ended").is_some();
    if parties && whole && text("outcome") == Some(outcome) {
        return Ok(record);
    }
    Err(Failure::new(format!(
        "not {outcome} by 100 to 101: {record}"
    )))
}

/// So many stretches of [`TALK`] were heard, 50 packets a second each; some may be late.
fn prove_packets(record: &Value, talks: u64) -> Proof {
    let wanted = 50 * talks * TALK.as_secs() * 8 / 10;
    for field in ["packets_to_callee", "packets_to_caller"] {
        let packets = record.get(field).and_then(Value::as_u64);
        if packets <= Some(wanted) {
            return Err(Failure::new(format!("{field} is {packets:?}: {record}")));
        }
    }
    Ok(())
}

fn prove_sound(desk: &Desk, other: &Desk, when: &str, heard: &Wav) -> Proof {
    let expected = Expected {
        theirs: other.tone(),
        own_hertz: desk.tone().hertz,
    };
    let extension = &desk.phone().config().extension;
    match expected.judge(heard) {
        Ok(heard) => {
            progress::note(&format!("measured: {when}, {extension} {heard}"));
            Ok(())
        }
        Err(fault) => Err(Failure::new(format!("{when}, {extension}: {fault}"))),
    }
}

/// What was recorded for [`TALK`] from `begin` on.
fn part(whole: &Wav, begin: Duration) -> Wav {
    let samples = |length: Duration| {
        let count = length.as_millis() * u128::from(whole.rate) / 1000;
        usize::try_from(count)
            .unwrap_or(usize::MAX)
            .min(whole.samples.len())
    };
    let range = samples(begin)..samples(begin + TALK);
    Wav {
        rate: whole.rate,
        samples: whole.samples.get(range).unwrap_or_default().to_vec(),
    }
}

/// How long a service may be away. An emulated box keeps the promise too.
const HEAL_MAX: Duration = Duration::from_secs(1);

/// The calls of the lab do not need it: the box keeps its address without it.
const CRASHING: &str = "net";

/// Enough to measure frequency and level well.
const TALK: Duration = Duration::from_secs(3);

/// For a hold or its end to reach the other side.
const SETTLE: Duration = Duration::from_secs(1);

/// Who is held does not hear the other; this much weaker than he speaks is not hearing him.
const MUSIC_BELOW_DB: f64 = 25.0;

/// Music is heard, not guessed.
const MUSIC_DBFS_MIN: f64 = -50.0;

/// How much later than real time an emulated box may be.
const DELAY_MAX: Duration = Duration::from_secs(20);
