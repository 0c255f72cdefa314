//! The API as an OpenAPI 3.1 document, made of the table of routes and of the types that are read
//! and written: nobody writes it by hand, so it cannot say what is not so.

mod contract;
mod contracts;
pub(crate) mod forms;
mod schemas;

use serde_json::{Map, Value, json};

use self::contract::{Answer, Body, Contract, Query};
use self::schemas::Schemas;
use crate::Method;
use crate::routes::{Access, Face, ROUTES, Route};

/// The document (OpenAPI 3.1.1).
pub(crate) fn document(version: &str) -> Value {
    let mut schemas = Schemas::new();
    let mut paths = Map::new();
    for route in ROUTES.iter().filter(|it| it.face == Face::Api) {
        let Some(contract) = contracts::of(route.action) else {
            continue;
        };
        let operation = operation(route, &contract, &mut schemas);
        let path = paths.entry(path_of(route)).or_insert_with(|| json!({}));
        if let Value::Object(path) = path {
            path.insert(method(route).to_owned(), operation);
        }
    }
    let mut components = json!({
        "parameters": {
            "IfMatch": {
                "name": "If-Match", "in": "header", "schema": { "type": "string" },
                "description": "The ETag of the answer in which this was seen. The change is \
                    refused with 412 when somebody else has changed it since.",
            },
            "Reason": {
                "name": "reason", "in": "query", "schema": { "type": "string" },
                "description": "Why this is done, for the audit trail; 200 characters at most.",
            },
        },
        "responses": { "Refused": refused() },
        "securitySchemes": {
            "session": {
                "type": "apiKey", "in": "cookie", "name": crate::admin::COOKIE,
                "description": "What `POST /api/login` sets.",
            },
            "token": {
                "type": "http", "scheme": "bearer",
                "description": "A token made by `POST /api/tokens`.",
            },
        },
    });
    if let Value::Object(components) = &mut components {
        components.insert("schemas".to_owned(), Value::Object(schemas.finish()));
    }
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Ramal",
            "version": version,
            "summary": "Everything the pages of the box do.",
        },
        "security": [{ "session": [] }, { "token": [] }],
        "paths": paths,
        "components": components,
    })
}

fn operation(route: &Route, contract: &Contract, schemas: &mut Schemas) -> Value {
    let mut operation = json!({
        "operationId": operation_id(route),
        "tags": [tag(route)],
        "summary": contract.summary,
        "responses": responses(contract, schemas),
    });
    let Value::Object(fields) = &mut operation else {
        return operation;
    };
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    let parameters = parameters(route, contract);
    if !parameters.is_empty() {
        set("parameters", parameters.into());
    }
    match body(route, contract.body, schemas) {
        Value::Null => {}
        body => {
            set("requestBody", body);
        }
    }
    match route.access {
        Access::Anybody => {
            set("security", json!([]));
        }
        Access::HalfSignedIn | Access::SignedIn => {
            set("security", json!([{ "session": [] }]));
        }
        Access::May(permission) | Access::Sure(permission) => {
            set("x-permission", permission.name().into());
            if !permission.is_for_tokens() {
                set("security", json!([{ "session": [] }]));
            }
        }
    }
    if matches!(route.access, Access::Sure(_)) {
        let description = match route.makes_ways_in() {
            true => {
                "The password has to have been said within the last five minutes, by \
                    `POST /api/confirm` or by signing in."
            }
            false => {
                "The password has to have been said within the last five minutes, by \
                    `POST /api/confirm` or by signing in, or a passkey used, by \
                    `POST /api/confirm/passkey`."
            }
        };
        set("description", description.into());
    }
    operation
}

fn parameters(route: &Route, contract: &Contract) -> Vec<Value> {
    let mut all = Vec::new();
    if let Some((name, description)) = segment(route) {
        all.push(json!({
            "name": name, "in": "path", "required": true, "description": description,
            "schema": schema_of_segment(name, route),
        }));
    }
    for Query { name, says, kind } in contract.query {
        all.push(json!({
            "name": name, "in": "query", "description": says, "schema": { "type": kind },
        }));
    }
    if contract.changes {
        all.push(json!({ "$ref": "#/components/parameters/IfMatch" }));
        all.push(json!({ "$ref": "#/components/parameters/Reason" }));
    }
    all
}

/// What stands for `{}` has to be of this form.
fn schema_of_segment(name: &str, route: &Route) -> Value {
    let mut schema = json!({ "type": "string", "minLength": 1 });
    let is_extension = name == "number" && route.path.starts_with("/api/extensions/");
    if let Some(fields) = schema.as_object_mut().filter(|_| is_extension) {
        fields.extend(forms::NUMBER.schema());
    }
    schema
}

fn body(route: &Route, body: Body, schemas: &mut Schemas) -> Value {
    let json_body = |schema: Value| {
        let content = json!({ "application/json": { "schema": schema } });
        json!({ "required": true, "content": content })
    };
    match body {
        // Whoever posts says that it is JSON, which another site cannot make a browser say.
        Body::None if route.method == Method::Post => {
            json_body(json!({ "type": "object", "maxProperties": 0 }))
        }
        Body::None => Value::Null,
        Body::Json(make) => json_body(schemas.taken(make)),
        Body::Changes(make) => json_body(schemas.changes(make)),
        Body::Bytes => {
            let content = json!({ "application/octet-stream": {} });
            json!({ "required": true, "content": content })
        }
    }
}

fn responses(contract: &Contract, schemas: &mut Schemas) -> Value {
    let mut all = Map::new();
    let done = match contract.answer {
        Answer::Nothing => json!({ "description": "Done." }),
        Answer::Json(make) => json!({
            "description": "Done.",
            "content": { "application/json": { "schema": schemas.given(make) } },
        }),
        Answer::File(kind) => json!({ "description": "The file.", "content": { kind: {} } }),
    };
    all.insert(contract.status.to_string(), done);
    if matches!(contract.answer, Answer::File("audio/wav")) {
        let part = json!({ "description": "The part that was asked for.",
            "content": { "audio/wav": {} } });
        all.insert("206".to_owned(), part);
    }
    for refused in ["4XX", "5XX"] {
        let refusal = json!({ "$ref": "#/components/responses/Refused" });
        all.insert(refused.to_owned(), refusal);
    }
    Value::Object(all)
}

/// What every refusal says.
fn refused() -> Value {
    let properties = json!({
        "error": { "type": "string", "description": "One sentence in English, with the fix." },
        "text": {
            "type": "string",
            "description": "The same in the language of `Accept-Language`, where that is sent.",
        },
        "code": { "type": "string", "description": "What programs know the reason by." },
        "parameters": { "description": "What the sentence names." },
        "next": { "type": "integer", "description": "Where an upload goes on all the same." },
    });
    let schema = json!({ "type": "object", "required": ["error"], "properties": properties });
    json!({
        "description": "It was refused, and nothing was changed.",
        "content": { "application/json": { "schema": schema } },
    })
}

/// The address with its parameter named.
fn path_of(route: &Route) -> String {
    match segment(route) {
        Some((name, _)) => route.path.replace("{}", &format!("{{{name}}}")),
        None => route.path.to_owned(),
    }
}

/// What stands for `{}`.
fn segment(route: &Route) -> Option<(&'static str, &'static str)> {
    let (before, _) = route.path.split_once("{}")?;
    Some(match before {
        "/api/extensions/" => ("number", "The dialled number."),
        "/api/people/" => ("login", "The sign-in name."),
        "/api/history/" => ("version", "The version's number."),
        "/api/trace/messages/" => ("number", "Its number, as `GET /api/trace` gives it."),
        "/api/about/licences/" => ("text", "The number that `GET /api/about` gives the text."),
        "/api/recordings/" | "/api/backups/" | "/api/audit/replaced/" => {
            ("file", "The name of the file.")
        }
        "/api/backups/upload/" | "/api/firmware/update/" => {
            ("offset", "Where the piece begins, in bytes.")
        }
        _ => ("name", "Its name."),
    })
}

const fn method(route: &Route) -> &'static str {
    match route.method {
        Method::Get => "get",
        Method::Post => "post",
        Method::Delete => "delete",
    }
}

/// What it is about: the first word of the address.
fn tag(route: &Route) -> &'static str {
    let rest = route.path.strip_prefix("/api/").unwrap_or_default();
    rest.split('/').next().unwrap_or_default()
}

/// As `post-people-one-time-password`.
fn operation_id(route: &Route) -> String {
    let rest = route.path.strip_prefix("/api/").unwrap_or_default();
    let words = rest.split('/').map(|it| match it {
        "{}" => "one",
        word => word,
    });
    let words: Vec<&str> = words.collect();
    format!("{}-{}", method(route), words.join("-"))
}
