//! What other people's tools say of the pages and of the API of the image that ships.

use e2e::{Proof, Stand, judge_tls, look_at_pages, switched_on, try_api, use_passkeys};
use qemu::box_api::BoxApi;
use qemu::lab::{ADMINISTRATOR, Lab};
use serde_json::json;

static STAND: Stand<Claimed> = Stand::new(4);

/// A box with a little of everything, and its administrator.
struct Claimed {
    lab: Lab,
    api: BoxApi,
    password: String,
}

impl Claimed {
    fn origin(&self) -> String {
        format!("https://127.0.0.1:{}", self.lab.web_port())
    }
}

fn run(test: impl FnOnce(&mut Claimed) -> Proof) -> Proof {
    let set_up = || {
        let mut lab = switched_on("web-tools")?;
        lab.machine()?.wait_ready()?;
        let (api, password) = lab.first_sign_in()?;
        furnish(&api)?;
        Ok(Claimed { lab, api, password })
    };
    STAND.run(set_up, test)
}

/// A little of everything there are pages about.
fn furnish(api: &BoxApi) -> Proof {
    api.create_extension("100", "Reception")?;
    api.create_extension("101", "José & Filhos <Ltda>")?;
    for (path, thing) in [
        (
            "/api/groups",
            json!({ "number": "600", "name": "Sales",
                "members": [{ "extension": "100" }] }),
        ),
        (
            "/api/trunks",
            json!({ "name": "Carrier", "enabled": false, "access": { "peer": {
                "server": "203.0.113.9", "networks": ["203.0.113.9/32"] } } }),
        ),
        (
            "/api/times",
            json!({ "name": "Office", "zone": "America/Sao_Paulo",
                "week": [{ "days": ["monday"], "from": "08:00", "to": "18:00" }] }),
        ),
        (
            "/api/routes",
            json!({ "name": "In", "sources": ["trunks"], "pattern": "X.",
                "destinations": [{ "group": "600" }] }),
        ),
        (
            "/api/people",
            json!({ "login": "ana", "role": "supervisor" }),
        ),
    ] {
        api.post(path, &thing)?;
    }
    Ok(())
}

/// Two of the four ways to look, as two show every colour and every width; all four, with pictures,
/// where `RAMAL_PICTURES` names a folder for them.
#[test]
fn every_page_is_right_for_eyes_fingers_and_screen_readers() -> Proof {
    run(|claimed| {
        let pictures = std::env::var("RAMAL_PICTURES").ok();
        look_at_pages(&json!({
            "origin": claimed.origin(),
            "login": ADMINISTRATOR,
            "password": claimed.password,
            "sights": if pictures.is_some() { 4 } else { 2 },
            "pictures": pictures,
        }))
    })
}

#[test]
fn the_api_is_what_its_description_says_and_tells_nobody_without_a_token() -> Proof {
    run(|claimed| {
        let permissions = [
            "see-status",
            "see-configuration",
            "change-configuration",
            "see-audit",
            "see-people",
            "manage-box",
            "see-calls",
            "see-every-call",
            "hear-recordings",
        ];
        let wish = json!({ "name": "schemathesis", "permissions": permissions, "days": 1 });
        let made = claimed.api.post("/api/tokens", &wish)?;
        let token = made["token"].as_str().unwrap_or_default();
        let description = claimed.api.get("/api/openapi.json")?;
        try_api(&claimed.origin(), &description, token)
    })
}

#[test]
fn a_passkey_signs_in_by_the_name_of_the_box() -> Proof {
    run(|claimed| {
        let wish = json!({ "login": "bia", "role": "administrator" });
        let made = claimed.api.post("/api/people", &wish)?;
        use_passkeys(&json!({
            "address": "127.0.0.1",
            "name": "ramal.local",
            "port": claimed.lab.web_port(),
            "login": "bia",
            "password": made["one_time_password"],
            "own": "chuva fina no telhado de zinco",
        }))
    })
}

#[test]
fn nobody_who_knows_the_weaknesses_of_tls_finds_one() -> Proof {
    run(|claimed| {
        let address = format!("127.0.0.1:{}", claimed.lab.web_port());
        judge_tls(&address, claimed.lab.scratch())
    })
}
