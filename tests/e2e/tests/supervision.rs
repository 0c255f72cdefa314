//! Services that die, on the built image: each comes back at once, calls go on, and a service that
//! dies again and again is left alone.

use std::time::Duration;

use e2e::{Failure, Proof, Site, Stand, Vitals, kill};
use image::progress;
use qemu::desk::Desk;
use qemu::sound::{Expected, Wav};

static STAND: Stand<Site> = Stand::new(3);

fn run(test: impl FnOnce(&mut Site) -> Proof) -> Proof {
    STAND.run(|| Site::set_up("supervision"), test)
}

#[test]
fn a_killed_service_is_ready_again_within_a_second() -> Proof {
    run(|site| {
        for service in ["store", "net", "pbx", "media", "web"] {
            let healed = kill(&mut site.office, service)?;
            let healed = healed.ok_or_else(|| Failure::new(format!("{service} was given up")))?;
            let (delay, start) = (healed.delay.as_millis(), healed.start.as_millis());
            progress::note(&format!(
                "measured: {service} killed, ready again after {} ms ({delay} + {start})",
                delay + start
            ));
            assert!(healed.total() <= HEAL_MAX, "{service}: {healed:?}");
        }
        // The phone on UDP is reached as before. The connection of the one on TCP died with pbx,
        // and it comes back when it registers the next time.
        site.prove_alive()?;
        site.office.second.phone().register_again()?;
        site.office.second.phone().wait_registered(DELAY_MAX)?;
        site.office.prove_call()?;
        Ok(())
    })
}

#[test]
fn an_established_call_survives_the_death_of_web_and_of_store() -> Proof {
    run(|site| {
        let office = &mut site.office;
        office.connect()?;
        office.listen(TALK)?;
        let mut talks = Vec::new();
        for service in ["web", "store"] {
            kill(office, service)?;
            let desks = [&office.first, &office.second];
            let [first, second] = desks.map(|desk| desk.phone().recorded());
            let begin = [first?, second?];
            for (desk, begin) in desks.into_iter().zip(begin) {
                desk.phone().wait_sound(begin + TALK, TALK + DELAY_MAX)?;
            }
            talks.push((service, begin));
        }
        office.disconnect()?;
        let desks = [&office.first, &office.second];
        for (index, (desk, other)) in desks.into_iter().zip([desks[1], desks[0]]).enumerate() {
            let heard = desk.phone().heard()?;
            let hears = |what: &str, sound: &Wav| prove_sound(desk, other, what, sound);
            hears("the whole call", &heard)?;
            for (service, begin) in &talks {
                hears(
                    &format!("after {service} died"),
                    &part(&heard, begin[index]),
                )?;
            }
        }
        let record = office.newest_call()?;
        for (field, wanted) in [
            ("from", "100"),
            ("to", "101"),
            ("outcome", "ended-by-caller"),
        ] {
            assert_eq!(record[field], wanted, "{record}");
        }
        assert!(
            record["answered"].is_string() && record["ended"].is_string(),
            "{record}"
        );
        for field in ["packets_to_callee", "packets_to_caller"] {
            // 50 a second for three talks of TALK each; some may be late.
            assert!(
                record[field].as_u64() > Some(50 * 3 * TALK.as_secs() * 8 / 10),
                "{record}"
            );
        }
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

/// How much later than real time an emulated box may be.
const DELAY_MAX: Duration = Duration::from_secs(20);
