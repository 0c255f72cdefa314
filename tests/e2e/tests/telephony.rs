//! What only the image can prove of the exchange: with its users, capabilities and Landlock rules,
//! it takes calls inside TLS, encrypts media, finds a carrier by name and calls by it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use e2e::{Failure, Proof, Site, Stand, wait_until};
use image::progress;
use ipc::Redacted;
use native::{Kamailio, PASSWORD};
use qemu::desk::{Desk, DeskPlan, SIP_PORT};
use qemu::lan::{CARRIER_ADDRESS, CARRIER_NAME, LanError};
use qemu::netns::Namespace;
use qemu::sound::{Expected, Wav};
use qemu::talk::Talk;
use serde_json::{Value, json};

static STAND: Stand<Site> = Stand::new(5);

fn run(test: impl FnOnce(&mut Site) -> Proof) -> Proof {
    STAND.run(|| Site::set_up("telephony"), test)
}

#[test]
fn a_phone_with_tls_and_srtp_talks_to_one_without() -> Proof {
    run(|site| {
        let office = &site.office;
        let plan = DeskPlan::secure();
        let password = office.api.create_extension(&plan.extension, "Directors")?;
        // The phone is set to take no call without encryption, so the box must offer nothing else.
        let settings = format!("/api/extensions/{}/settings", plan.extension);
        office
            .api
            .post(&settings, &json!({ "encryption": "required" }))?;
        let secure = Desk::set_up(&office.lab, &plan, Redacted::new(password))?;
        secure.phone().wait_registered(ANSWER_MAX)?;
        talk("inside TLS, then UDP", &secure, "100", &office.first)?;
        talk("UDP, then inside TLS", &office.first, "102", &secure)?;
        site.prove_alive()
    })
}

#[test]
fn calls_go_out_and_come_in_by_a_carrier_that_is_found_by_its_name() -> Proof {
    run(|site| {
        let office = &site.office;
        let lab = &office.lab;
        let carrier = Carrier::start(site)?;
        let plan = DeskPlan::outside(OUTSIDE_NUMBER, OUTSIDE_HOST, carrier.server);
        let outside = Desk::set_up(lab, &plan, Redacted::new(PASSWORD.into()))?;
        subscribe(site)?;
        wait_until("the registration at the carrier", ANSWER_MAX, || {
            let status = office.api.status()?;
            let trunk = status["trunks"][0].clone();
            let registered = trunk["up"] == true && trunk["state"] == "registered";
            Ok(registered.then(|| progress::note(&format!("trunk: {trunk}"))))
        })?;
        talk("out", &office.first, DIALLED, &outside)?;
        let record = office.newest_call()?;
        assert_eq!(record["from"], "100", "{record}");
        assert_eq!(record["to"], DIALLED, "{record}");
        talk("in", &outside, OWN_NUMBER, &office.second)?;
        let record = office.newest_call()?;
        assert_eq!(record["outcome"], "ended-by-caller", "{record}");
        site.prove_alive()
    })
}

#[test]
fn a_recorded_call_is_downloaded_with_both_voices_and_deleted() -> Proof {
    run(|site| {
        let office = &site.office;
        let set = |recording: &str| {
            let wish = json!({ "recording": recording });
            office.api.post("/api/extensions/100/settings", &wish)
        };
        set("always")?;
        talk("recorded", &office.first, "101", &office.second)?;
        set("never")?;
        let record = office.newest_call()?;
        let name = record["recordings"][0].as_str().unwrap_or_default();
        assert!(!name.is_empty(), "{record}");
        let path = format!("/api/recordings/{name}");
        wait_until("the end of the file", ANSWER_MAX, || {
            let files = office.api.get("/api/recordings")?;
            let mut files = files.as_array().into_iter().flatten();
            let done = files.any(|file| file["name"] == name && file["open"] == false);
            Ok(done.then_some(()))
        })?;
        let sound = office.api.download(&path)?;
        let (first, second) = (office.first.tone(), office.second.tone());
        for (wav, theirs, own) in [
            (Wav::parse(&sound)?, first, second),
            (Wav::parse_right(&sound)?, second, first),
        ] {
            let own_hertz = own.hertz;
            let heard = Expected { theirs, own_hertz }.judge(&wav)?;
            progress::note(&format!("recorded: {heard}"));
        }
        let password = json!({ "password": office.password.reveal() });
        office.api.post("/api/confirm", &password)?;
        office.api.delete(&path)?;
        assert_eq!(office.api.send("GET", &path, None)?.status(), 404);
        let trail = office.api.get("/api/audit?limit=2")?;
        let action = |at: usize| trail[at]["action"].clone();
        assert_eq!(action(0), format!("recording {name} deleted"), "{trail}");
        assert_eq!(action(1), format!("recording {name} downloaded"), "{trail}");
        site.prove_alive()
    })
}

/// Through the folders of two users: `media` records what is said, the store keeps it as a sound,
/// and `media` plays that.
#[test]
fn what_somebody_says_into_a_phone_is_what_callers_hear() -> Proof {
    run(|site| {
        let (office, api) = (&site.office, &site.office.api);
        let (first, second) = (&office.first, &office.second);
        api.post(
            "/api/prompts",
            &json!({ "name": "closed", "says": "We are closed" }),
        )?;
        first.phone().dial("*77")?;
        first.phone().wait_established(ANSWER_MAX)?;
        // After its beep the box only listens.
        wait_until("some seconds of it", TALK + ANSWER_MAX, || {
            let said = api.get("/api/takes")?[0]["bytes"].as_u64();
            Ok((said.unwrap_or_default() >= TAKE_BYTES).then_some(()))
        })?;
        first.phone().hang_up()?;
        let take = wait_until("the end of the take", ANSWER_MAX, || {
            let takes = api.get("/api/takes")?;
            let done = takes[0]["open"] == false;
            Ok(done.then(|| takes[0]["name"].as_str().unwrap_or_default().to_owned()))
        })?;
        api.post(
            &format!("/api/takes/{take}"),
            &json!({ "prompt": "closed" }),
        )?;
        let route = json!({
            "name": "closed",
            "pattern": "77",
            "sources": ["extensions"],
            "destinations": [{ "announcement": "closed" }],
        });
        api.post("/api/routes", &route)?;
        second.phone().dial("77")?;
        second.phone().wait_established(ANSWER_MAX)?;
        second.phone().wait_closed(TALK + ANSWER_MAX)?;
        let expected = Expected {
            theirs: first.tone(),
            own_hertz: second.tone().hertz,
        };
        let heard = expected.judge(&second.phone().heard()?)?;
        progress::note(&format!("announced: {heard}"));
        let refused = api.send("DELETE", "/api/prompts/closed", None)?;
        assert_eq!(refused.status(), 400, "the route plays it");
        for path in ["/api/routes/closed", "/api/prompts/closed"] {
            assert_eq!(api.send("DELETE", path, None)?.status(), 204, "{path}");
        }
        site.prove_alive()
    })
}

#[test]
fn a_route_that_takes_any_number_is_warned_of_on_the_pages_until_it_is_deleted() -> Proof {
    run(|site| {
        let api = &site.office.api;
        let page = |path: &str| -> Result<String, Failure> {
            Ok(String::from_utf8_lossy(&api.download(path)?).into_owned())
        };
        let told = "a rota &quot;wide&quot; leva qualquer número para fora (0.)";
        assert!(!page("/")?.contains(told), "{}", page("/")?);
        let line = json!({ "server": "10.77.0.98", "networks": ["10.77.0.98/32"] });
        let line = json!({ "name": "line", "enabled": false, "access": { "peer": line } });
        api.post("/api/trunks", &line)?;
        let wide = json!({
            "name": "wide",
            "pattern": "0.",
            "sources": ["extensions"],
            "destinations": [{ "trunk": "line" }],
        });
        api.post("/api/routes", &wide)?;
        let (state, routes) = (page("/")?, page("/routes")?);
        assert!(
            state.contains(&format!("<li class=\"error\">{told}")),
            "{state}"
        );
        assert!(state.contains("se o ramal 100 for roubado: "), "{state}");
        assert!(
            routes.contains(&format!("<p class=\"error\">{told}")),
            "{routes}"
        );
        let asked = page("/routes?from=extension%3A100&dialled=0900123456")?;
        assert!(asked.contains("<li>a rota &quot;wide&quot; recebe a chamada</li>"));
        for path in ["/api/routes/wide", "/api/trunks/line"] {
            assert_eq!(api.send("DELETE", path, None)?.status(), 204, "{path}");
        }
        assert!(!page("/")?.contains(told), "{}", page("/")?);
        site.prove_alive()
    })
}

/// A whole call, with the tone of each in the ear of the other.
fn talk(what: &str, caller: &Desk, number: &str, callee: &Desk) -> Proof {
    let talk = Talk::begin(caller, number, callee)?;
    talk.listen(TALK)?;
    talk.end()?;
    let (caller, callee) = talk.prove_sound()?;
    progress::note(&format!("{what}: caller {caller}, callee {callee}"));
    Ok(())
}

/// The carrier's server, a Kamailio.
struct Carrier {
    // Order matters: it ends before its network does.
    _kamailio: Kamailio,
    _seat: Namespace,
    server: SocketAddr,
}

impl Carrier {
    fn start(site: &Site) -> Result<Self, Failure> {
        let lab = &site.office.lab;
        let seat = lab.lan().join("carrier", CARRIER_ADDRESS)?;
        let folder = lab.scratch().join("carrier");
        std::fs::create_dir_all(&folder)?;
        let server = SocketAddr::from((CARRIER_ADDRESS, SIP_PORT));
        let outside = Ipv4Addr::new(10, 77, 0, OUTSIDE_HOST).to_string();
        let start = move || {
            let words = [("OUTSIDE", outside.as_str())];
            Kamailio::start(&folder, &configuration(), server, &words)
        };
        let kamailio = seat.run(start).map_err(LanError::from)??;
        Ok(Self {
            _kamailio: kamailio,
            _seat: seat,
            server,
        })
    }
}

fn configuration() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../netns/peers/provider.cfg")
}

/// What an installer enters when the office gets its line.
fn subscribe(site: &Site) -> Proof {
    let api = &site.office.api;
    let post = |path: &str, wish: Value| api.post(path, &wish).map(drop);
    post("/api/dialling", json!({ "owned_numbers": [OWN_NUMBER] }))?;
    let account = json!({
        "server": CARRIER_NAME,
        "user": "customer",
        "password": PASSWORD,
        "realm": "provider.example",
    });
    let trunk = json!({
        "name": "carrier",
        "access": { "registering": account },
        "transport": "udp",
        "number_form": "e164",
    });
    post("/api/trunks", trunk)?;
    let out = json!({
        "name": "out",
        "pattern": "0ZX9XXXXXXXX",
        "sources": ["extensions"],
        "destinations": [{ "trunk": "carrier" }],
    });
    post("/api/routes", out)?;
    let into = json!({
        "name": "in",
        "pattern": OWN_NUMBER,
        "sources": [{ "trunk": "carrier" }],
        "destinations": [{ "extension": "101" }],
    });
    post("/api/routes", into)?;
    Ok(())
}

/// The office's number.
const OWN_NUMBER: &str = "+551130001000";

/// Somebody's mobile telephone, as the carrier is asked for it.
const OUTSIDE_NUMBER: &str = "+5511988887777";

/// The same, as it is dialled in Brazil.
const DIALLED: &str = "011988887777";

/// Where that is: the last number of 10.77.0.x.
const OUTSIDE_HOST: u8 = 201;

/// Enough to measure frequency and level well.
const TALK: Duration = Duration::from_secs(3);

/// As much in a take: two channels of 16 bits, 8,000 times a second.
const TAKE_BYTES: u64 = 3 * 2 * 2 * 8_000;

/// For a step that takes an emulated box a while.
const ANSWER_MAX: Duration = Duration::from_secs(30);
