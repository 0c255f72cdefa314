//! What the box says it is made of.

use ipc::about::{About, Part, Text};
use ipc::site::Role;

use super::world::{OWN_PASSWORD, World, get, json as body, text};
use crate::{Body, Running};

/// An image of so many crates, each with two texts.
fn image(crates: u32) -> Running {
    let part = |place: u32| Part {
        name: format!("a-crate-with-a-name-{place}"),
        version: "10.20.30".into(),
        licence: "MIT OR Apache-2.0".into(),
        source: String::new(),
        texts: vec![0, place % 3],
    };
    let text = |place: u64| Text {
        name: "LICENSE-APACHE".into(),
        from: place * 100,
        bytes: 100,
    };
    Running {
        about: Some(About {
            base: "debian".into(),
            commit: "c0ffee".into(),
            built: 1_793_491_200,
            parts: (0..crates).map(part).collect(),
            texts: (0..4).map(text).collect(),
        }),
        kernel: "6.12.117".into(),
        build: "ab".repeat(32),
    }
}

#[test]
fn every_role_is_told_what_runs_and_under_which_licences() {
    for role in Role::ALL {
        let mut world = World::new();
        world.admin.runs(image(2));
        world.hire("ana", role, "102");
        let session = world.sign_in("ana", OWN_PASSWORD);
        let told = body(&world.ask(&get("/api/about", &session)));
        assert_eq!(told["kernel"], "6.12.117");
        assert_eq!(told["built"], "2026-11-01T00:00:00Z");
        assert_eq!(told["parts"][1]["texts"][1]["text"], 1);
        let page = text(&world.ask(&get("/about", &session)));
        for part in [
            "c0ffee",
            "a-crate-with-a-name-1",
            "/about/licences/1",
            "debian",
        ] {
            assert!(page.contains(part), "{role:?}: {part}");
        }
    }
}

#[test]
fn a_text_is_its_part_of_the_file_and_what_is_no_text_is_not_there() {
    let mut world = World::new();
    world.admin.runs(image(2));
    let session = world.sign_in("admin", OWN_PASSWORD);
    let mut part = |path: &str| {
        let answer = world.ask(&get(path, &session));
        match answer.body {
            Body::Opened { from, bytes } => Some((from, bytes)),
            _ => {
                assert_eq!(answer.status, 404, "{path}");
                None
            }
        }
    };
    // The file has 300 bytes.
    assert_eq!(part("/about/licences/2"), Some((200, 100)));
    assert_eq!(part("/api/about/licences/0"), Some((0, 100)));
    assert_eq!(part("/about/licences"), Some((0, 300)));
    assert_eq!(part("/api/about/sbom"), Some((0, 300)));
    for path in [
        "/about/licences/3",
        "/about/licences/4",
        "/about/licences/x",
    ] {
        assert_eq!(part(path), None, "beyond the file, or none");
    }
    world.admin.runs(Running::default());
    assert_eq!(world.ask(&get("/about/licences/0", &session)).status, 404);
    let page = text(&world.ask(&get("/about", &session).with("accept-language", "en")));
    assert!(page.contains("do not run from an image"), "{page}");
}

#[test]
fn the_page_of_an_image_with_many_parts_is_short() {
    let mut world = World::new();
    world.admin.runs(image(300));
    let session = world.sign_in("admin", OWN_PASSWORD);
    let page = text(&world.ask(&get("/about", &session)));
    assert_eq!(super::markup::wrong(&page), [""; 0]);
    assert!(page.len() < 100_000, "{}", page.len());
}
