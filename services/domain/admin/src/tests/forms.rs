//! Pages with forms: what a browser would send back is what was shown.

use serde_json::json;

use super::telephony::Desk;
use super::world::{form, get, text};

/// What a browser sends of the form on a page that is sent to `action`, untouched.
fn filled(page: &str, action: &str) -> Vec<(String, String)> {
    let start = page
        .find(&format!("action=\"{action}\""))
        .expect("the form");
    let form = &page[start..];
    let form = &form[..form.find("</form>").expect("its end")];
    let mut fields = Vec::new();
    for (at, _) in form.match_indices('<') {
        let rest = &form[at..];
        let tag = &rest[..rest.find('>').expect("its end")];
        let name = attribute(tag, "name");
        match (tag.split([' ', '>']).next(), name) {
            (Some("<input"), Some(name)) => {
                let toggles = ["checkbox", "radio"];
                let kind = attribute(tag, "type").unwrap_or_default();
                if !toggles.contains(&kind.as_str()) || tag.contains(" checked") {
                    fields.push((name, attribute(tag, "value").unwrap_or_default()));
                }
            }
            (Some("<textarea"), Some(name)) => {
                let content = &rest[tag.len() + 1..rest.find("</textarea>").expect("its end")];
                fields.push((name, unescaped(content)));
            }
            (Some("<select"), Some(name)) => {
                let options = &rest[..rest.find("</select>").expect("its end")];
                let chosen = options
                    .split("<option")
                    .skip(1)
                    .find(|it| it[..it.find('>').expect("its end")].contains(" selected"));
                let chosen = chosen
                    .or_else(|| options.split("<option").nth(1))
                    .expect("one");
                fields.push((name, attribute(chosen, "value").expect("a value")));
            }
            _ => {}
        }
    }
    fields
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    Some(unescaped(&rest[..rest.find('"')?]))
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}

fn encoded(fields: &[(String, String)]) -> String {
    let escape = |text: &str| {
        text.bytes()
            .map(|byte| format!("%{byte:02x}"))
            .collect::<String>()
    };
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{}={}", escape(name), escape(value)));
    pairs.collect::<Vec<_>>().join("&")
}

impl Desk {
    fn shown(&mut self, path: &str) -> String {
        let answer = self
            .world
            .ask(&get(path, &self.session).with("accept-language", "en"));
        assert_eq!(answer.status, 200, "{path}: {}", text(&answer));
        text(&answer)
    }

    /// Sends a form as it is shown, but for these fields.
    fn send(&mut self, path: &str, changes: &[(&str, &str)]) -> (u16, String) {
        let mut fields = filled(&self.shown(path), path);
        for (name, value) in changes {
            fields.retain(|(field, _)| field != name);
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
        let request = form(path, &self.session, &encoded(&fields)).with("accept-language", "en");
        let answer = self.world.ask(&request);
        (answer.status, text(&answer))
    }
}

#[test]
fn a_form_sent_as_it_is_shown_changes_nothing() {
    let mut desk = Desk::furnished();
    let before = desk.world.site.clone();
    for path in [
        "/extensions/100",
        "/extensions/101",
        "/trunks/Carrier",
        "/trunks/Peer",
        "/groups/600",
        "/times/office",
        "/routes/out",
        "/routes/in",
        "/settings/networks",
        "/settings/features",
        "/settings/parking",
        "/settings/dialling",
        "/settings/limits",
        "/settings/recording",
        "/settings/retention",
        "/settings/bans",
        "/settings/sign-in",
    ] {
        let (status, answer) = desk.send(path, &[]);
        assert_eq!(status, 303, "{path}: {answer}");
        assert_eq!(desk.world.site, before, "{path}");
    }
}

#[test]
fn an_extension_is_changed_by_its_form() {
    let mut desk = Desk::new();
    let (status, _) = desk.send(
        "/extensions/100",
        &[
            ("display_name", "Reception"),
            ("remote", "1"),
            ("settings.forward.busy", "101"),
            ("settings.spend.day_cents", ""),
            ("pin", "4711"),
            ("reason", "moved"),
        ],
    );
    assert_eq!(status, 303);
    let extension = &desk.world.site.extensions[0];
    assert_eq!(
        (extension.display_name.as_str(), extension.remote),
        ("Reception", true)
    );
    assert_eq!(extension.settings.forward.busy, "101");
    assert_eq!(extension.settings.spend.day_cents, 0);
    assert!(!extension.settings.pin_hash.reveal().is_empty());
    let audit = desk.world.audits.last().expect("recorded");
    assert_eq!(audit.action, "extension 100 changed (moved)");
    assert!(
        audit.after.contains("display name \"\" -> \"Reception\""),
        "{}",
        audit.after
    );
}

#[test]
fn an_extensions_name_and_place_are_changed_by_the_api_too() {
    let mut desk = Desk::new();
    let wish = json!({"remote": true, "settings": {"call_waiting": false}});
    let (status, answer) = desk.post("extensions/100", &wish);
    assert_eq!((status, &answer["remote"]), (200, &json!(true)));
    assert_eq!(answer["settings"]["call_waiting"], json!(false));
    for bad in [
        json!({"number": "101"}),
        json!({"ha1_md5": "00"}),
        json!({"remote": "yes"}),
    ] {
        assert_eq!(desk.post("extensions/100", &bad).0, 400, "{bad}");
    }
    assert_eq!(desk.post("extensions/199", &json!({})).0, 404);
}

#[test]
fn a_form_that_will_not_do_comes_back_with_what_was_typed_and_why() {
    let mut desk = Desk::new();
    let version = desk.world.version;
    let (status, page) = desk.send("/routes/out", &[("pattern", "0.1\"<")]);
    assert_eq!(status, 400);
    assert!(
        page.contains("role=\"alert\"") && page.contains("route"),
        "{page}"
    );
    assert!(page.contains("value=\"0.1&quot;&lt;\""), "{page}");
    let (status, page) = desk.send("/settings/parking", &[("first", "seven")]);
    assert_eq!(status, 400);
    assert!(
        page.contains("First slot: &quot;seven&quot; is not a whole number"),
        "{page}"
    );
    assert_eq!(desk.world.version, version);
}

#[test]
fn things_are_made_and_deleted_by_pages() {
    let mut desk = Desk::new();
    let (status, page) = desk.send(
        "/new/group",
        &[
            ("number", "600"),
            ("members.0.extension", "100"),
            ("otherwise", "hang-up:486"),
        ],
    );
    assert_eq!(status, 303, "{page}");
    let group = &desk.world.site.groups[0];
    assert_eq!((group.number.as_str(), group.members.len()), ("600", 1));
    assert_eq!(group.otherwise, Some(ipc::site::Destination::HangUp(486)));
    let (status, page) = desk.send(
        "/new/trunk",
        &[
            ("name", "A & B"),
            ("access", "registering"),
            ("access.registering.server", "sip.example.org"),
            ("access.registering.user", "7"),
            ("access.registering.password", "a-password-of-it"),
        ],
    );
    assert_eq!(status, 400, "the name has a sign that no name has: {page}");
    assert!(
        !page.contains("a-password-of-it"),
        "a secret is not shown again"
    );
    assert!(page.contains("value=\"A &amp; B\""), "{page}");
    let (status, page) = desk.send(
        "/new/route",
        &[
            ("name", "to group"),
            ("pattern", "0800"),
            ("destinations", "group:600"),
        ],
    );
    assert_eq!(status, 303, "{page}");
    assert!(
        desk.shown("/routes")
            .contains("href=\"/routes/to%20group\"")
    );
    let (status, page) = desk.send("/groups/600/delete", &[]);
    assert_eq!(status, 400, "the route leads to it");
    assert!(page.contains("role=\"alert\""), "{page}");
    for path in ["/routes/to%20group/delete", "/groups/600/delete"] {
        let (status, page) = desk.send(path, &[]);
        assert_eq!(status, 303, "{page}");
    }
    assert!(desk.world.site.groups.is_empty());
}

#[test]
fn a_route_is_moved_up_by_its_page() {
    let mut desk = Desk::new();
    assert_eq!(
        desk.post("routes", &super::telephony::route("mobile", "9XXXXXXXX"))
            .0,
        201
    );
    let answer = desk
        .world
        .ask(&form("/routes/mobile/up", &desk.session, ""));
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/routes"))
    );
    assert_eq!(desk.world.site.routes[0].name, "mobile");
    let answer = desk
        .world
        .ask(&form("/routes/nothing/up", &desk.session, ""));
    assert_eq!(answer.status, 404);
}

#[test]
fn the_second_of_two_people_is_told_by_the_form() {
    let mut desk = Desk::new();
    let fields = filled(&desk.shown("/trunks/Carrier"), "/trunks/Carrier");
    assert_eq!(
        desk.post("trunks/Carrier", &json!({"channels_max": 3})).0,
        200
    );
    let request = form("/trunks/Carrier", &desk.session, &encoded(&fields));
    let answer = desk.world.ask(&request.with("accept-language", "en"));
    assert_eq!(answer.status, 412);
    assert!(text(&answer).contains("somebody else changed this since version 4"));
    assert_eq!(desk.world.site.trunks[0].channels_max, 3);
}
