//! Files have one subject, fit a reader's patience, and leave nothing for later.

use std::path::PathBuf;

use tidy::{files, name, root, text};

/// Lines no source file may pass: longer ones have two subjects.
const FILE_LINES_MAX: usize = 800;

/// Columns no line of source may pass.
const LINE_COLUMNS_MAX: usize = 100;

/// Lines docs/architecture.md may have.
const ARCHITECTURE_LINES_MAX: usize = 300;

fn sources() -> Vec<PathBuf> {
    let found = files(&root(), "rs");
    assert!(found.len() > 30, "only {} sources were found", found.len());
    found
}

fn check(found: &[String]) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn no_source_file_is_too_long() {
    let long = sources().into_iter().filter_map(|path| {
        let lines = text(&path).lines().count();
        (lines > FILE_LINES_MAX).then(|| {
            format!(
                "{} has {lines} lines; {FILE_LINES_MAX} is the limit",
                name(&path)
            )
        })
    });
    check(&long.collect::<Vec<_>>());
}

#[test]
fn no_line_is_too_wide() {
    let wide = sources().into_iter().flat_map(|path| {
        let text = text(&path);
        let wide = text.lines().enumerate().filter_map(|(index, line)| {
            let columns = line.chars().count();
            (columns > LINE_COLUMNS_MAX && !line.contains("://"))
                .then(|| format!("{}:{} has {columns} columns", name(&path), index + 1))
        });
        wide.collect::<Vec<_>>()
    });
    check(&wide.collect::<Vec<_>>());
}

/// An example in documentation is a test that takes a compiler's start each, and is not run.
#[test]
fn documentation_shows_text_and_tests_show_code() {
    let shown = sources().into_iter().flat_map(|path| {
        let text = text(&path);
        let mut is_open = false;
        let mut shown = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_start();
            let line = line
                .strip_prefix("//!")
                .or_else(|| line.strip_prefix("///"));
            let Some(kind) = line.and_then(|line| line.trim_start().strip_prefix("```")) else {
                continue;
            };
            is_open = !is_open;
            if is_open && !["text", "json"].contains(&kind) {
                shown.push(format!("{}:{}: ```{kind}", name(&path), index + 1));
            }
        }
        shown
    });
    check(&shown.collect::<Vec<_>>());
}

#[test]
fn nothing_is_left_for_later() {
    // Put together here so that this file does not find itself.
    let marks =
        ["TO", "FIX"].map(|start| format!("{start}{}", if start == "TO" { "DO" } else { "ME" }));
    let macros = ["todo", "unimplemented"].map(|name| format!("{name}!("));
    let marks: Vec<String> = marks.into_iter().chain(macros).collect();
    let found = sources().into_iter().flat_map(|path| {
        let text = text(&path);
        let left = text.lines().enumerate().filter_map(|(index, line)| {
            let mark = marks.iter().find(|mark| line.contains(mark.as_str()))?;
            Some(format!("{}:{} says {mark}", name(&path), index + 1))
        });
        left.collect::<Vec<_>>()
    });
    check(&found.collect::<Vec<_>>());
}

#[test]
fn tests_wait_for_readiness_and_never_sleep() {
    let sleep = ["thread::", "sleep("].concat();
    let naps = ["time::", "sleep("].concat();
    // A bench is a load with a pace, not a test: its pauses are what it measures.
    let tests = sources().into_iter().filter(|path| {
        let name = name(path);
        (name.starts_with("tests/") && !name.starts_with("tests/bench/"))
            || name.contains("/tests/")
            || name.ends_with("tests.rs")
    });
    let found = tests.filter_map(|path| {
        let text = text(&path);
        (text.contains(&sleep) || text.contains(&naps))
            .then(|| format!("{} sleeps: wait for a line or an event", name(&path)))
    });
    check(&found.collect::<Vec<_>>());
}

#[test]
fn no_file_is_named_after_nothing() {
    let vague = [
        "utils", "util", "common", "helpers", "misc", "shared", "stuff",
    ];
    let found = sources().into_iter().filter_map(|path| {
        let stem = path.file_stem()?.to_string_lossy().into_owned();
        vague
            .contains(&stem.as_str())
            .then(|| format!("{} needs a subject", name(&path)))
    });
    check(&found.collect::<Vec<_>>());
}

#[test]
fn every_crate_says_what_it_is() {
    let found = tidy::packages().into_iter().filter_map(|package| {
        let folder = root().join(&package.folder);
        let heads = ["src/lib.rs", "src/main.rs"].map(|file| text(&folder.join(file)));
        let spoken = heads
            .iter()
            .any(|head| head.starts_with("//! ") && !head.starts_with("//! To be written"));
        (!spoken).then(|| format!("{} has no header that says what it is", package.folder))
    });
    check(&found.collect::<Vec<_>>());
}

#[test]
fn the_architecture_page_stays_readable() {
    let lines = text(&root().join("docs/architecture.md")).lines().count();
    assert!(lines > 0, "docs/architecture.md is missing");
    assert!(
        lines <= ARCHITECTURE_LINES_MAX,
        "docs/architecture.md has {lines} lines"
    );
}

#[test]
fn every_workspace_dependency_is_used() {
    let manifest: toml::Table = text(&root().join("Cargo.toml"))
        .parse()
        .expect("valid TOML");
    let declared = manifest["workspace"]["dependencies"]
        .as_table()
        .expect("a table");
    let packages = tidy::packages();
    let used = |name: &String| {
        packages.iter().any(|package| {
            package.dependencies.contains(name) || package.test_dependencies.contains(name)
        })
    };
    let unused = declared.keys().filter(|name| !used(name));
    check(
        &unused
            .map(|name| format!("{name} is declared but unused"))
            .collect::<Vec<_>>(),
    );
}
