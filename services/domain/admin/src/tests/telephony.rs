//! Trunks, routes and the rest of the telephony, by the API.

use serde_json::{Value, json};

use super::world::{OWN_PASSWORD, World, get, json as body, post, request, text};
use crate::Method;

const PASSWORD: &str = "carrier-password-1";
const PIN: &str = "47114711";

pub(super) struct Desk {
    pub(super) world: World,
    pub(super) session: String,
}

impl Desk {
    /// An office with an extension, a trunk and a route.
    pub(super) fn new() -> Self {
        let mut world = World::new();
        let session = world.sign_in("admin", OWN_PASSWORD);
        let mut desk = Self { world, session };
        assert_eq!(desk.post("extensions", &json!({"number": "100"})).0, 201);
        let account = json!({"server": "sip.example.com", "user": "1130000000",
                             "password": PASSWORD});
        let trunk = json!({"name": "Carrier", "access": {"registering": account}});
        assert_eq!(desk.post("trunks", &trunk).0, 201);
        assert_eq!(desk.post("routes", &route("out", "[2-5]XXXXXXX")).0, 201);
        desk
    }

    pub(super) fn post(&mut self, path: &str, wish: &Value) -> (u16, Value) {
        let answer = self
            .world
            .ask(&post(&format!("/api/{path}"), &self.session, wish));
        (
            answer.status,
            serde_json::from_str(&text(&answer)).unwrap_or_default(),
        )
    }

    pub(super) fn get(&mut self, path: &str) -> Value {
        let answer = self.world.ask(&get(&format!("/api/{path}"), &self.session));
        assert_eq!(answer.status, 200, "{path}");
        body(&answer)
    }

    fn delete(&mut self, path: &str) -> u16 {
        let path = format!("/api/{path}");
        let request = request(Method::Delete, &path).with("cookie", &self.session);
        self.world.ask(&request).status
    }

    pub(super) fn explain(&mut self, question: &Value) -> Value {
        let (status, answer) = self.post("routes/explain", question);
        assert_eq!(status, 200, "{answer}");
        answer
    }
}

pub(super) fn route(name: &str, pattern: &str) -> Value {
    json!({"name": name, "pattern": pattern, "sources": ["extensions"],
           "destinations": [{"trunk": "Carrier"}]})
}

#[test]
fn a_trunk_is_created_changed_and_deleted() {
    let mut desk = Desk::new();
    let (status, changed) = desk.post("trunks/Carrier", &json!({"channels_max": 4}));
    assert_eq!((status, &changed["channels_max"]), (200, &json!(4)));
    assert_eq!(desk.get("trunks/Carrier"), changed);
    let audit = desk.world.audits.last().expect("recorded");
    assert_eq!(audit.action, "trunk \"Carrier\" changed");
    assert_eq!(audit.after, "trunk Carrier: channels_max 30 -> 4");
    assert_eq!(desk.post("trunks", &json!({"name": "Carrier"})).0, 409);
    assert_eq!(desk.post("trunks/Nobody", &json!({})).0, 404);
    // A route still leads to it.
    assert_eq!(desk.delete("trunks/Carrier"), 400);
    assert_eq!(desk.delete("routes/out"), 204);
    assert_eq!(desk.delete("trunks/Carrier"), 204);
    assert_eq!(desk.delete("trunks/Carrier"), 404);
    assert_eq!(desk.get("trunks"), json!([]));
}

#[test]
fn secrets_are_written_and_never_read() {
    let mut desk = Desk::new();
    assert_eq!(
        desk.post("extensions/100/settings", &json!({"pin": PIN})).0,
        200
    );
    let access = &desk.get("trunks")[0]["access"]["registering"];
    assert_eq!(access["password_set"], json!(true));
    assert_eq!(desk.get("extensions/100/settings")["pin_set"], json!(true));
    let hash = config::pin_hash("100", "ramal", PIN);
    let kept = &desk.world.site.extensions[0].settings.pin_hash;
    assert_eq!(*kept.reveal(), hash);
    for path in [
        "trunks",
        "trunks/Carrier",
        "extensions/100/settings",
        "audit",
        "routes",
    ] {
        let shown = desk.get(path).to_string();
        for secret in [PASSWORD, PIN, hash.as_str()] {
            assert!(!shown.contains(secret), "{path}");
        }
    }
    let other = json!({"access": {"registering": {"password": "another-one"}}});
    assert_eq!(desk.post("trunks/Carrier", &other).0, 200);
    let audit = desk.world.audits.last().expect("recorded");
    assert_eq!(audit.after, "trunk Carrier: password changed");
    assert!(!format!("{:?}{:?}", desk.world.admin, desk.world.audits).contains("another-one"));
    let unset = json!({"pin": ""});
    assert_eq!(
        desk.post("extensions/100/settings", &unset).1["pin_set"],
        json!(false)
    );
    for bad in [
        json!({"pin": "12"}),
        json!({"pin": 4711}),
        json!({"pin_hash": "00"}),
    ] {
        assert_eq!(desk.post("extensions/100/settings", &bad).0, 400, "{bad}");
    }
}

#[test]
fn an_extension_that_spent_all_is_let_go_on() {
    let mut desk = Desk::new();
    let purse = json!({"spend": {"day_cents": 500}});
    let (status, settings) = desk.post("extensions/100/settings", &purse);
    assert_eq!(
        (status, &settings["spend"]["day_cents"]),
        (200, &json!(500))
    );
    assert_eq!(settings["spend_resumed"], json!(0));
    let (status, settings) = desk.post("extensions/100/resume", &json!({}));
    assert_eq!(status, 200);
    let resumed = settings["spend_resumed"].as_u64().expect("seconds");
    let kept = desk.world.site.extensions[0].settings.spend_resumed;
    assert_eq!(kept, resumed);
    let audit = desk.world.audits.last().expect("recorded");
    assert_eq!(audit.action, "extension 100 may spend again");
    assert_eq!(desk.post("extensions/299/resume", &json!({})).0, 404);
}

#[test]
fn a_change_that_keeps_the_password_does_not_mention_it() {
    let mut desk = Desk::new();
    let change = json!({"access": {"registering": {"expires_secs": 300}}});
    assert_eq!(desk.post("trunks/Carrier", &change).0, 200);
    let ipc::site::TrunkAccess::Registering { password, .. } = &desk.world.site.trunks[0].access
    else {
        panic!("it registers")
    };
    assert_eq!(password.reveal(), PASSWORD);
}

#[test]
fn what_is_wrong_is_told_with_the_field() {
    let mut desk = Desk::new();
    let mut check = |path: &str, wish: Value, reason: &str| {
        let (status, answer) = desk.post(path, &wish);
        assert_eq!(status, 400, "{answer}");
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(error.contains(reason), "{error}");
    };
    check(
        "routes",
        route("bad", "0.1"),
        "route \"bad\": pattern: \"0.1\"",
    );
    check(
        "trunks/Carrier",
        json!({"chanels": 3}),
        "there is no field chanels",
    );
    check(
        "trunks/Carrier",
        json!({"name": "Other"}),
        "a name is given once",
    );
    check(
        "limits",
        json!({"outbound_percent": 0}),
        "limits: outbound_percent",
    );
    check("features", json!({"pickup": "*72"}), "feature codes: ");
    check(
        "networks",
        json!({"internal": ["10.0.0.1/8"]}),
        "networks: internal",
    );
    check("extensions/100/settings", json!([]), "send a JSON object");
    check(
        "extensions/100/settings",
        json!({"caller_id": "+5511999998888"}),
        "extension 100: caller_id",
    );
    assert_eq!(desk.post("routes", &route("order", "190")).0, 409);
    assert_eq!(desk.post("extensions/199/settings", &json!({})).0, 404);
}

#[test]
fn every_section_is_shown_and_changed() {
    let mut desk = Desk::new();
    for (path, change) in [
        ("networks", json!({"internal": ["10.0.0.0/8"]})),
        ("features", json!({"pickup": "*88"})),
        ("parking", json!({"timeout_secs": 90})),
        (
            "dialling",
            json!({"area_code": "11", "owned_numbers": ["+551130000000"]}),
        ),
        ("limits", json!({"per_country": 2})),
        (
            "extensions/100/settings",
            json!({"forward": {"busy": "101"}}),
        ),
    ] {
        let (status, changed) = desk.post(path, &change);
        assert_eq!(status, 200, "{path}: {changed}");
        assert_eq!(desk.get(path), changed);
        let shown = changed.to_string();
        for (name, _) in change.as_object().expect("an object") {
            assert!(shown.contains(name.as_str()), "{path}");
        }
    }
    let group = json!({"number": "600", "members": [{"extension": "100"}]});
    assert_eq!(desk.post("groups", &group).0, 201);
    let times = json!({"name": "office", "zone": "America/Sao_Paulo",
                       "week": [{"days": ["monday"], "from": "08:00", "to": "18:00"}]});
    assert_eq!(desk.post("times", &times).0, 201);
    assert_eq!(desk.get("groups/600")["members"][0]["delay_secs"], json!(0));
    assert_eq!(desk.delete("extensions/100"), 400, "the group refers to it");
}

#[test]
fn routes_are_put_in_order() {
    let mut desk = Desk::new();
    assert_eq!(
        desk.post("routes", &route("mobile out", "9XXXXXXXX")).0,
        201
    );
    let (status, order) = desk.post("routes/order", &json!({"names": ["mobile out", "out"]}));
    assert_eq!((status, order), (200, json!(["mobile out", "out"])));
    assert_eq!(desk.get("routes")[0]["name"], json!("mobile out"));
    assert_eq!(desk.get("routes/mobile%20out")["name"], json!("mobile out"));
    assert_eq!(desk.post("routes/order", &json!({"names": ["out"]})).0, 400);
    assert_eq!(
        desk.post("routes/order", &json!({"names": ["out", "no"]}))
            .0,
        404
    );
}

#[test]
fn the_simulator_says_step_by_step_what_would_happen() {
    let mut desk = Desk::new();
    let dialling = json!({"area_code": "11", "owned_numbers": ["+551130000000"]});
    assert_eq!(desk.post("dialling", &dialling).0, 200);
    let question = json!({"from": "100", "dialled": "3234-5678", "language": "en"});
    let answer = desk.explain(&question);
    let steps = json!([
        "route \"out\" takes the call",
        "32345678 is a local number, +551132345678",
        "it costs R$ 0.10 a minute",
        "trunk \"Carrier\" is sent 32345678",
    ]);
    assert_eq!(answer["steps"], steps);
    assert_eq!(answer["text"], "calls 32345678 by trunk \"Carrier\"");
    let worst = answer["worst_case"].as_str().expect("a sentence");
    assert!(worst.starts_with("if extension 100 is stolen: 2 calls at once"));
    let attempt = &answer["outcome"]["stages"][0]["attempts"][0];
    assert_eq!(attempt["caller_id"], "+551130000000");
    let question = json!({"from": "100", "dialled": "0900123456", "language": "pt"});
    let answer = desk.explain(&question);
    assert_eq!(answer["outcome"], json!({"kind": "refused", "status": 404}));
    assert_eq!(
        answer["text"],
        "recusada com 404: nenhum ramal, grupo ou rota recebe a chamada"
    );
    let emergency = desk.explain(&json!({"from": "100", "dialled": "190"}));
    assert_eq!(emergency["outcome"]["kind"], "emergency");
    let inbound = json!({"trunk": "Carrier", "dialled": "100", "at": "2026-11-23T12:00"});
    assert_eq!(desk.explain(&inbound)["outcome"]["status"], 404);
    assert_eq!(
        desk.post("routes/explain", &json!({"dialled": "1", "at": "noon"}))
            .0,
        400
    );
}

#[test]
fn what_was_spent_is_shown_beside_its_caps() {
    let mut desk = Desk::new();
    let caps = json!({"spend": {"day_cents": 500, "week_cents": 0, "month_cents": 900}});
    assert_eq!(desk.post("extensions/100/settings", &caps).0, 200);
    let shown = desk.get("spending");
    assert_eq!(shown["currency"], "R$");
    let [of_box, trunk, extension] = shown["spending"].as_array().expect("rows").as_slice() else {
        panic!("{shown}")
    };
    assert_eq!(
        (&of_box["payer"], &of_box["day_cents"]),
        (&json!("box"), &json!(0))
    );
    assert_eq!(of_box["day_cap"], json!(200_000));
    assert_eq!(
        (&trunk["name"], &trunk["day_cap"]),
        (&json!("Carrier"), &Value::Null)
    );
    let expected = json!({
        "payer": "extension", "name": "100",
        "day_cents": 10, "day_cap": 500,
        "week_cents": 20, "week_cap": null,
        "month_cents": 30, "month_cap": 900,
    });
    assert_eq!(extension, &expected);
    let mobile = json!({"class": "mobile", "today": 7, "cap": 3_000});
    assert!(shown["minutes"].as_array().expect("rows").contains(&mobile));
}

/// The plan that the installers' page shows.
fn documented_plan() -> Value {
    let mut examples = examples().into_iter();
    let plan = examples.find(|(path, _)| path == "dialling");
    plan.expect("an example").1
}

#[test]
fn the_plan_of_another_country_that_the_page_shows_decides_calls() {
    let mut desk = Desk::new();
    let (status, changed) = desk.post("dialling", &documented_plan());
    assert_eq!(status, 200, "{changed}");
    assert_eq!(desk.get("dialling"), changed);
    assert_eq!(desk.post("routes", &route("uk", "0XXXXXXXXXX")).0, 201);
    let mut steps = |dialled: &str| {
        let question = json!({"from": "100", "dialled": dialled, "language": "en"});
        let answer = desk.explain(&question);
        (
            answer["steps"].to_string(),
            answer["outcome"]["kind"].clone(),
        )
    };
    let (told, _) = steps("020-7946-0958");
    assert!(told.contains("a local number, +442079460958"), "{told}");
    assert!(told.contains("£ 0.10 a minute"), "{told}");
    let (told, _) = steps("07700900123");
    assert!(told.contains("a mobile number, +447700900123"), "{told}");
    // Premium numbers are off as an extension comes.
    assert_eq!(steps("09098790000").1, "refused");
    assert_eq!(steps("79460958").1, "refused", "no route");
    for emergency in ["999", "9999", "112"] {
        assert_eq!(steps(emergency).1, "emergency", "{emergency}");
    }
    assert_ne!(steps("190").1, "emergency");
    assert_eq!(desk.post("dialling", &json!({"plan": null})).0, 200);
    let question = json!({"from": "100", "dialled": "190"});
    assert_eq!(desk.explain(&question)["outcome"]["kind"], "emergency");
}

#[test]
fn a_plan_with_a_mistake_is_refused_with_its_field() {
    let mut desk = Desk::new();
    let mut refused = |change: &dyn Fn(&mut Value)| {
        let mut wish = documented_plan();
        change(&mut wish["plan"]);
        let (status, answer) = desk.post("dialling", &wish);
        assert_eq!(status, 400, "{answer}");
        answer.to_string()
    };
    let told = refused(&|plan| plan["emergency"] = json!([]));
    assert!(told.contains("plan.emergency: must be given"), "{told}");
    let told = refused(&|plan| plan["rules"][3]["strip"] = json!(0));
    assert!(told.contains("trunk prefix"), "{told}");
    let told = refused(&|plan| plan["rules"][0]["pattern"] = json!("1Y"));
    assert!(told.contains("plan.rules.pattern"), "{told}");
    let told = refused(&|plan| plan["rules"][0]["kind"] = json!("dear"));
    assert!(told.contains("the field plan is"), "{told}");
    let told = refused(&|plan| plan["trunk_prefx"] = json!("0"));
    assert!(told.contains("plan.trunk_prefx"), "{told}");
}

#[test]
fn warnings_and_worst_cases_are_told_in_the_readers_language() {
    let mut desk = Desk::new();
    assert_eq!(desk.post("routes", &route("any", ".")).0, 201);
    let mut told = |language: &str| {
        let asked = get("/api/routes/warnings", &desk.session).with("accept-language", language);
        body(&desk.world.ask(&asked))
    };
    let (english, portuguese) = (told("en").to_string(), told("pt-BR").to_string());
    assert!(
        english.contains("route \\\"any\\\" leads any number outside (.)")
            && english.contains("by it a thief spends up to R$ 200.00 a day"),
        "{english}"
    );
    assert!(portuguese.contains("a rota \\\"any\\\" leva qualquer número para fora"));
    let worst = &told("en")["worst_cases"][0];
    assert_eq!(worst["generic"], json!(true));
    assert_eq!(worst["cents"], json!(2_880 * 50));
    let text = worst["text"].as_str().expect("a sentence");
    assert!(
        text.ends_with(
            "2 calls at once, 2880 minutes a day (mobile: 2880 at R$ 0.50) = R$ 1440.00 a day; a \
             cap of money ends it at R$ 200.00"
        ),
        "{text}"
    );
}

/// The JSON of the examples in the installers' page, by the address they are posted to.
fn examples() -> Vec<(String, Value)> {
    let page = include_str!("../../../../../docs/routes.md");
    let mut found = Vec::new();
    for block in page.split("```").skip(1).step_by(2) {
        let block = block.trim();
        if block.starts_with('{') {
            found.push(("trunks".to_owned(), block));
        }
        for posted in block.split("ramal ctl api post /api/").skip(1) {
            if let Some((path, rest)) = posted.split_once(" <<'END'\n") {
                let text = rest.split("END").next().unwrap_or_default();
                found.push((path.to_owned(), text));
            }
        }
    }
    let parsed = found.into_iter().map(|(path, text)| {
        let value = serde_json::from_str(text).expect(text);
        (path, value)
    });
    parsed.collect()
}

#[test]
fn the_examples_for_installers_are_taken_as_they_are() {
    let mut desk = Desk::new();
    assert_eq!(desk.delete("routes/out"), 204);
    assert_eq!(desk.delete("trunks/Carrier"), 204);
    let group = json!({"number": "600", "members": [{"extension": "100"}]});
    assert_eq!(desk.post("groups", &group).0, 201);
    let examples = examples();
    for kind in ["trunks", "times", "prompts", "routes", "limits"] {
        let of_kind = examples.iter().filter(|(path, _)| path == kind);
        let mut count = 0;
        for (path, wish) in of_kind {
            let (status, answer) = desk.post(path, wish);
            let wanted = if kind == "limits" { 200 } else { 201 };
            assert_eq!(status, wanted, "{wish}: {answer}");
            count += 1;
        }
        assert!(count > 0, "{kind}");
    }
    let inbound = json!({"trunk": "Carrier A", "dialled": "1130000000", "language": "en",
                         "at": "2026-11-23T12:00"});
    let text = desk.explain(&inbound)["text"].clone();
    assert_eq!(text, "group 600 rings; then extension 100 rings");
    let holiday = json!({"trunk": "Carrier A", "dialled": "1130000000", "language": "en",
                         "at": "2026-12-25T12:00"});
    let text = desk.explain(&holiday)["text"].clone();
    assert_eq!(text, "prompt \"closed\" is played");
}

#[test]
fn the_patterns_for_installers_are_narrow() {
    let page = include_str!("../../../../../docs/routes.md");
    let table = page.split("### Brazil").nth(1).expect("the table");
    let rows = table.split("```").next().unwrap_or_default().lines();
    let patterns: Vec<&str> = rows.filter_map(|row| row.split('`').nth(1)).collect();
    assert_eq!(patterns.len(), 9);
    for text in patterns {
        let pattern = config::Pattern::parse(text).expect(text);
        assert!(!pattern.is_open(), "{text}");
    }
}
