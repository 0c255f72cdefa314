//! Every page as those get it who use a keyboard, a screen reader, a phone or a slow line: what can
//! be told of its HTML without a browser (WCAG 2.2: 1.1.1, 1.3.1, 2.4.2, 2.4.6, 3.1.1, 4.1.2).

use std::collections::BTreeSet;

use super::world::{OWN_PASSWORD, World, get, text};
use crate::{Face, Method, ROUTES};

/// First views are to be no longer than this.
const PAGE_BYTES_MAX: usize = 100_000;
/// Elements without an end.
const VOID: &[&str] = &["br", "img", "input", "link", "meta", "hr", "source"];

/// A tag: its name and what stands in it.
struct Tag<'a> {
    name: &'a str,
    inside: &'a str,
    /// What stands between it and the next one.
    after: &'a str,
}

impl Tag<'_> {
    fn has(&self, attribute: &str) -> bool {
        let mut words = self.inside.split([' ', '\n']);
        words.any(|it| it == attribute || it.starts_with(&format!("{attribute}=")))
    }

    fn value(&self, attribute: &str) -> Option<&str> {
        let (_, rest) = self.inside.split_once(&format!(" {attribute}=\""))?;
        rest.split('"').next()
    }
}

fn tags(page: &str) -> Vec<Tag<'_>> {
    let pieces = page.split('<').skip(1);
    let tag = pieces.map(|piece| {
        let (inside, after) = piece.split_once('>').expect("a tag ends");
        let name = inside.split([' ', '/']).find(|it| !it.is_empty());
        let closes = inside.starts_with('/');
        let name = name.unwrap_or_default();
        let name = if closes { inside } else { name };
        Tag {
            name,
            inside,
            after,
        }
    });
    tag.collect()
}

/// What is wrong with a page.
pub(super) fn wrong(page: &str) -> Vec<String> {
    let tags = tags(page);
    let mut wrong = Vec::new();
    let mut say = |holds: bool, what: String| wrong.extend((!holds).then_some(what));
    say(page.starts_with("<!DOCTYPE html>"), "no doctype".into());
    say(page.len() < PAGE_BYTES_MAX, format!("{} bytes", page.len()));
    let count = |name: &str| tags.iter().filter(|tag| tag.name == name).count();
    for name in ["h1", "main", "title"] {
        say(count(name) == 1, format!("{} of {name}", count(name)));
    }
    let html = tags.iter().find(|tag| tag.name == "html").expect("html");
    let language = html.value("lang").unwrap_or_default();
    say(["en", "pt-BR"].contains(&language), "no language".into());
    let (mut open, mut ids): (Vec<&str>, _) = (Vec::new(), BTreeSet::new());
    let mut heading = 0;
    for tag in &tags {
        let is_in_label = open.contains(&"label");
        wrong.extend(wrong_with(tag, is_in_label, page));
        let mut say = |holds: bool, what: String| wrong.extend((!holds).then_some(what));
        if let Some(id) = tag.value("id") {
            say(ids.insert(id), format!("twice the id {id}"));
        }
        let level = tag
            .name
            .strip_prefix('h')
            .and_then(|it| it.parse::<u8>().ok());
        if let Some(level) = level {
            say(level <= heading + 1, format!("h{level} after h{heading}"));
            heading = level;
        }
        match tag.inside.strip_prefix('/') {
            Some(name) => say(open.pop() == Some(name), format!("</{name}> ends nothing")),
            None if tag.inside.ends_with('/') => {}
            None if VOID.contains(&tag.name) || tag.name.starts_with('!') => {}
            None => open.push(tag.name),
        }
    }
    wrong.extend((!open.is_empty()).then(|| format!("left open: {open:?}")));
    wrong
}

/// What is wrong with a tag by itself.
fn wrong_with(tag: &Tag<'_>, is_in_label: bool, page: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut say = |holds: bool, what: &str| {
        wrong.extend((!holds).then(|| format!("{what}: <{}>", tag.inside)));
    };
    // What stands between quotes is a value.
    let names: String = tag.inside.split('"').step_by(2).collect();
    let mut words = names.split([' ', '\n']).skip(1);
    say(!words.any(|it| it.starts_with("on")), "inline script");
    say(!tag.has("style") && tag.name != "style", "inline style");
    say(tag.name != "script" || tag.has("src"), "script in the page");
    say(tag.name != "img" || tag.has("alt"), "no text");
    let named = tag.has("aria-label") || tag.has("aria-labelledby");
    let is_asked = ["input", "select", "textarea"].contains(&tag.name);
    let is_hidden = tag.value("type") == Some("hidden");
    let by_id = |id: &str| page.contains(&format!("for=\"{id}\""));
    let is_labelled = named || is_in_label || tag.value("id").is_some_and(by_id);
    say(!is_asked || is_hidden || is_labelled, "no label");
    let is_way = ["a", "button", "summary"].contains(&tag.name);
    // What stands in it may begin with another tag.
    let is_blank = !tag.after.is_empty() && tag.after.trim().is_empty();
    say(!is_way || named || !is_blank, "a way without a name");
    wrong
}

#[test]
fn every_page_can_be_read_by_everybody() {
    let mut world = World::new();
    world.hire("ana", ipc::site::Role::Supervisor, "102");
    let session = world.sign_in("admin", OWN_PASSWORD);
    let (mut seen, mut all) = (0, Vec::new());
    for route in ROUTES.iter().filter(|it| it.method == Method::Get) {
        if route.face != Face::Page {
            continue;
        }
        let path = route.path.replace("{}", "100");
        for language in ["en", "pt-BR"] {
            let page = world.ask(&get(&path, &session).with("accept-language", language));
            let kind = page.header("content-type").unwrap_or_default();
            if !kind.starts_with("text/html") {
                continue;
            }
            seen += 1;
            let page = text(&page);
            let told = wrong(&page).into_iter();
            all.extend(told.map(|it| format!("{path} in {language}: {it}")));
        }
    }
    assert!(all.is_empty(), "{all:#?}");
    assert!(seen > 80, "{seen}");
}

#[test]
fn what_is_wrong_with_a_page_is_found() {
    let page = |body: &str| {
        let head = "<!DOCTYPE html><html lang=\"en\"><head><title>x</title></head>";
        wrong(&format!("{head}<body><main>{body}</main></body></html>"))
    };
    assert!(page("<h1>a</h1><h2>b</h2><label>c<input name=\"c\"></label>").is_empty());
    for body in [
        "<h2>a</h2>",
        "<h1>a</h1><h3>b</h3>",
        "<h1>a</h1><h1>b</h1>",
        "<h1>a</h1><input name=\"c\">",
        "<h1 style=\"color:red\">a</h1>",
        "<h1 onclick=\"x()\">a</h1>",
        "<h1>a</h1><script>x()</script>",
        "<h1>a</h1><img src=\"x\">",
        "<h1>a</h1><p id=\"x\"></p><p id=\"x\"></p>",
        "<h1>a</h1><p>",
    ] {
        assert!(!page(body).is_empty(), "{body}");
    }
}
