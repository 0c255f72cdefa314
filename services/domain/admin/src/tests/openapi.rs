//! The API is what its description says: every answer that any test here gets is held against it,
//! and so is what was sent where it was taken.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::world::{OWN_PASSWORD, World, get};
use crate::http::Body;
use crate::openapi::document;
use crate::routes::{Found, find};
use crate::{Access, Face, Method, Peer, ROUTES, Request, Response, Route};

/// What the document says of one address.
struct Described {
    /// By status; none where no JSON comes back.
    answers: BTreeMap<String, Option<Validator>>,
    body: Option<Validator>,
}

/// Every description, compiled once.
fn described() -> &'static BTreeMap<(String, String), Described> {
    static ALL: OnceLock<BTreeMap<(String, String), Described>> = OnceLock::new();
    ALL.get_or_init(|| {
        let document = document("0.1.0");
        let paths = document["paths"].as_object().expect("paths");
        let operations = paths.iter().flat_map(|(path, operations)| {
            let operations = operations.as_object().expect("operations");
            let of_path = |(method, it): (&String, &Value)| {
                ((method.clone(), shape(path)), compiled(&document, it))
            };
            operations.iter().map(of_path).collect::<Vec<_>>()
        });
        operations.collect()
    })
}

/// `/api/people/{login}` as the table of routes writes it.
fn shape(path: &str) -> String {
    let segment = |it: &str| {
        if it.starts_with('{') {
            "{}".to_owned()
        } else {
            it.to_owned()
        }
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

fn compiled(document: &Value, operation: &Value) -> Described {
    let validator = |place: &Value| {
        let schema = place.pointer("/content/application~1json/schema")?;
        let mut whole = json!({ "components": document["components"] });
        let fields = whole.as_object_mut().expect("an object");
        fields.extend(schema.as_object().expect("a schema").clone());
        Some(jsonschema::draft202012::new(&whole).expect("a valid schema"))
    };
    let answers = operation["responses"].as_object().expect("responses");
    let answers = answers.iter().map(|(status, answer)| {
        let refused = &document["components"]["responses"]["Refused"];
        let answer = if answer.get("$ref").is_some() {
            refused
        } else {
            answer
        };
        (status.clone(), validator(answer))
    });
    Described {
        answers: answers.collect(),
        body: validator(&operation["requestBody"]),
    }
}

/// Fails when an answer, or what was sent for it, is not what the description says.
pub(super) fn hold(request: &Request, response: &Response) {
    let Found::Route(route, _) = find(request.method, &request.path) else {
        return;
    };
    if route.face != Face::Api {
        return;
    }
    let at = format!(
        "{:?} {} gives {}",
        route.method, route.path, response.status
    );
    let key = (
        format!("{:?}", route.method).to_lowercase(),
        route.path.to_owned(),
    );
    let described = described()
        .get(&key)
        .unwrap_or_else(|| panic!("{at}: not described"));
    let class = format!("{}XX", response.status / 100);
    let exactly = described.answers.get(&response.status.to_string());
    let answer = exactly.or_else(|| described.answers.get(&class));
    let answer = answer.unwrap_or_else(|| panic!("{at}: the status is not described"));
    let held = match &response.body {
        Body::Bytes(bytes) => bytes.as_slice(),
        Body::Opened { .. } | Body::Trail { .. } | Body::Events(_) => return,
    };
    match answer {
        Some(validator) => check(validator, held, &at),
        None => assert!(response.status != 204 || held.is_empty(), "{at}"),
    }
    if let (Some(validator), 200..=299, false) =
        (&described.body, response.status, request.body.is_empty())
    {
        check(validator, &request.body, &format!("{at}, asked"));
    }
}

fn check(validator: &Validator, text: &[u8], at: &str) {
    let value: Value = serde_json::from_slice(text).expect("JSON");
    let faults = validator.iter_errors(&value);
    let faults: Vec<String> = faults
        .map(|it| format!("{}: {it}", it.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{at}: {faults:#?}\n{value:#}");
}

#[test]
fn every_address_of_the_api_is_described_and_no_other() {
    let mut left: Vec<_> = described().keys().cloned().collect();
    for route in ROUTES.iter().filter(|it| it.face == Face::Api) {
        let key = (
            format!("{:?}", route.method).to_lowercase(),
            route.path.to_owned(),
        );
        let place = left.iter().position(|it| *it == key);
        left.remove(place.unwrap_or_else(|| panic!("{} is not described", route.path)));
    }
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn who_may_use_an_address_is_in_the_document() {
    let document = document("0.1.0");
    let of = |path: &str, method: &str| document["paths"][path][method].clone();
    assert_eq!(of("/api/login", "post")["security"], json!([]));
    assert_eq!(of("/api/people", "get")["x-permission"], "see-people");
    // What no token may do is done by a person who is signed in.
    assert_eq!(
        of("/api/people", "post")["security"],
        json!([{ "session": [] }])
    );
    assert_eq!(of("/api/status", "get").get("security"), None);
    let open = ROUTES
        .iter()
        .filter(|it| it.access == Access::Anybody && it.face == Face::Api);
    assert_eq!(
        open.map(|it: &Route| it.path).collect::<Vec<_>>(),
        ["/api/login", "/api/login/passkey", "/api/login/passkey/new"]
    );
}

#[test]
fn addresses_in_the_examples_of_the_docs_exist() {
    let text = include_str!("../../../../../docs/api.md");
    let mut found = 0;
    for line in text.lines() {
        let method = match line.split_once(' ') {
            Some(("GET", _)) => Method::Get,
            Some(("POST", _)) => Method::Post,
            _ => continue,
        };
        let target = line.split(' ').nth(1).expect("an address");
        let path = target.split('?').next().expect("a path");
        assert!(matches!(find(method, path), Found::Route(..)), "{line}");
        found += 1;
    }
    assert!(found > 5, "{found}");
}

#[test]
fn the_names_of_operations_differ() {
    let document = document("0.1.0");
    let mut seen = std::collections::BTreeSet::new();
    for operations in document["paths"].as_object().expect("paths").values() {
        for operation in operations.as_object().expect("operations").values() {
            let name = operation["operationId"].as_str().expect("a name");
            assert!(seen.insert(name.to_owned()), "{name}");
        }
    }
}

#[test]
fn secrets_are_not_in_what_is_given() {
    let document = document("0.1.0");
    let of = |name: &str| document["components"]["schemas"][name]["properties"].clone();
    let settings = of("ExtensionSettings");
    assert!(settings.get("pin_hash").is_none(), "{settings}");
    assert_eq!(settings["pin_set"]["type"], "boolean");
    let change = &document["paths"]["/api/extensions/{number}/settings"]["post"]["requestBody"];
    let change = &change["content"]["application/json"]["schema"]["properties"];
    assert_eq!(change["pin"]["type"], "string");
}

#[test]
fn the_document_is_served_to_whoever_is_signed_in() {
    let mut world = World::new();
    let request = get("/api/openapi.json", "");
    assert_eq!(world.ask(&request).status, 401);
    let session = world.sign_in("admin", OWN_PASSWORD);
    let response = world.ask(&get("/api/openapi.json", &session));
    assert_eq!(response.status, 200);
    let mut at_box = get("/api/openapi.json", "");
    at_box.peer = Peer::Local;
    assert_eq!(at_box.method, Method::Get);
    assert_eq!(world.ask(&at_box).status, 200);
    let length = response.body.known_length();
    assert!(length.is_some_and(|it| it < 300_000), "{length:?}");
}
