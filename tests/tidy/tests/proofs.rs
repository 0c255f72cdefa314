//! What docs/correctness.md says is proved has its test.

use tidy::{files, name, root, text};

#[test]
fn every_test_that_the_documentation_names_exists() {
    let document = text(&root().join("docs/correctness.md"));
    let sources = files(&root(), "rs");
    let named: Vec<(&str, &str)> = document
        .split('`')
        .filter_map(|word| word.split_once("::"))
        .filter(|(file, _)| file.ends_with(".rs"))
        .collect();
    assert!(named.len() > 80, "only {} tests are named", named.len());
    let exists = |file: &str, test: &str| {
        let wanted = format!("/{file}");
        let mut here = sources
            .iter()
            .filter(|path| format!("/{}", name(path)).ends_with(&wanted));
        here.any(|path| text(path).contains(&format!("fn {test}(")))
    };
    let missing: Vec<String> = named
        .into_iter()
        .filter(|(file, test)| !exists(file, test))
        .map(|(file, test)| format!("{file}::{test}"))
        .collect();
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
}

#[test]
fn every_trap_of_the_research_has_its_line() {
    let document = text(&root().join("docs/correctness.md"));
    for trap in 1..=34 {
        let line = format!("| {trap} |");
        assert!(
            document.lines().any(|found| found.starts_with(&line)),
            "{trap}"
        );
    }
}
