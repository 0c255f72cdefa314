//! The programs that hold the tests: compiled once, all together, so that what they share is
//! compiled with the same features for each of them.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;

use crate::process::{Process, ProcessError, command};

/// A compiled program with tests.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Program {
    /// The folder of its package, below the workspace: `tests/e2e`.
    pub(super) package: PathBuf,
    /// The file of its tests, or the crate whose unit tests it holds.
    pub(super) name: String,
    /// A file of its own below `tests`, which is there for its tests alone.
    pub(super) is_test_file: bool,
    /// Where it was put.
    pub(super) path: PathBuf,
}

/// What compiling came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Compiled {
    /// All that has tests.
    pub(super) tests: Vec<Program>,
    /// The box's services, built for this machine with them.
    pub(super) ramal: Option<PathBuf>,
    /// No program is missing.
    pub(super) is_whole: bool,
}

/// Compiles all tests of the workspace but those of the packages that are left out, showing cargo's
/// own progress.
///
/// # Errors
/// cargo cannot be run.
pub(super) fn compile(left_out: &[&str]) -> Result<Compiled, ProcessError> {
    let workspace = image::build::workspace();
    let mut cargo = command(&super::cargo())?;
    cargo.current_dir(&workspace).args(ARGUMENTS);
    for package in left_out {
        cargo.args(["--exclude", package]);
    }
    cargo.stdout(Stdio::piped()).stderr(Stdio::inherit());
    let mut process = Process::start(cargo)?;
    let mut compiled = Compiled::default();
    if let Some(output) = process.child().stdout.take() {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            compiled.read(&workspace, &line);
        }
    }
    compiled.is_whole = process.wait()?.success();
    Ok(compiled)
}

/// Documentation has no examples that run: a house rule proves that.
const ARGUMENTS: [&str; 7] = [
    "test",
    "--workspace",
    "--locked",
    "--no-run",
    "--no-fail-fast",
    "--message-format",
    "json-render-diagnostics",
];

/// A line of what cargo tells. Source: The Cargo Book, "External tools", JSON messages.
#[derive(Deserialize)]
struct Message {
    reason: String,
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
    profile: Option<Profile>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

impl Compiled {
    fn read(&mut self, workspace: &Path, line: &str) {
        let Ok(message) = serde_json::from_str::<Message>(line) else {
            return;
        };
        let (Some(manifest), Some(target), Some(profile), Some(path)) = (
            message.manifest_path,
            message.target,
            message.profile,
            message.executable,
        ) else {
            return;
        };
        if message.reason != "compiler-artifact" {
            return;
        }
        if profile.test {
            let package = manifest.parent().unwrap_or(&manifest);
            self.tests.push(Program {
                package: package.strip_prefix(workspace).unwrap_or(package).into(),
                name: target.name,
                is_test_file: target.kind.iter().any(|kind| kind == "test"),
                path,
            });
        } else if target.name == "ramal" {
            self.ramal = Some(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(target: &str, is_test: bool, path: &str) -> String {
        format!(
            r#"{{"reason":"compiler-artifact","package_id":"path+file:///w/tests/e2e#0.1.0",
            "manifest_path":"/w/tests/e2e/Cargo.toml","target":{target},
            "profile":{{"opt_level":"0","test":{is_test}}},"features":[],"executable":{path}}}"#
        )
        .replace('\n', "")
    }

    #[test]
    fn programs_with_tests_and_the_services_are_found_among_what_cargo_tells() {
        let mut compiled = Compiled::default();
        let lines = [
            artifact(r#"{"kind":["test"],"name":"office"}"#, true, r#""/t/o""#),
            artifact(r#"{"kind":["lib"],"name":"e2e"}"#, true, r#""/t/e""#),
            artifact(r#"{"kind":["lib"],"name":"e2e"}"#, false, "null"),
            artifact(r#"{"kind":["bin"],"name":"ramal"}"#, false, r#""/t/ramal""#),
            artifact(r#"{"kind":["bin"],"name":"flash"}"#, false, r#""/t/flash""#),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
            "no JSON".to_owned(),
        ];
        for line in lines {
            compiled.read(Path::new("/w"), &line);
        }
        let program = |name: &str, is_test_file, path: &str| Program {
            package: "tests/e2e".into(),
            name: name.into(),
            is_test_file,
            path: path.into(),
        };
        let expected = [
            program("office", true, "/t/o"),
            program("e2e", false, "/t/e"),
        ];
        assert_eq!(compiled.tests, expected);
        assert_eq!(compiled.ramal, Some("/t/ramal".into()));
    }
}
