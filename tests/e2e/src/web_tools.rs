//! Other people's tools that look at the box's pages and its API: a browser with axe, and
//! schemathesis. What they need beside Debian's packages is fetched once, by the versions that
//! `tests/web` pins, into a folder of the build.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use image::build::{target_folder, workspace};
use serde_json::Value;

use crate::{Failure, Proof};

/// Goes through every page with a browser. `wish` goes to `pages.mjs` by its standard input: what
/// is in an argument, everybody on the host can read.
///
/// # Errors
/// A page has a fault, or the tools cannot be had; the text says which.
pub fn look_at_pages(wish: &Value) -> Proof {
    image::prepare::prepare_browser()?;
    let folder = tools("pages", &["package.json", "package-lock.json", "pages.mjs"])?;
    if !folder.join("node_modules/axe-core/axe.min.js").is_file() {
        let mut npm = command("npm")?;
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        told(npm.current_dir(&folder).stdin(Stdio::null()).output()?)?;
    }
    let mut node = command("node")?;
    node.arg("pages.mjs").current_dir(&folder);
    let mut child = node
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(wish.to_string().as_bytes())?;
    }
    told(child.wait_with_output()?)
}

/// Has schemathesis ask the API of a box all that `description` allows, and more. The token is
/// given by the environment.
///
/// # Errors
/// An answer is not as described, is a fault of the box, or was given to somebody without a token.
pub fn try_api(origin: &str, description: &Value, token: &str) -> Proof {
    image::prepare::prepare_browser()?;
    let folder = tools("api", &["requirements.txt", "schemathesis.toml"])?;
    std::fs::write(folder.join("openapi.json"), description.to_string())?;
    let environment = folder.join("venv");
    if !environment.join("bin/schemathesis").is_file() {
        let mut python = command("python3")?;
        told(python.args(["-m", "venv"]).arg(&environment).output()?)?;
        let mut pip = Command::new(environment.join("bin/pip"));
        pip.args(["install", "--quiet", "--requirement", "requirements.txt"]);
        told(pip.current_dir(&folder).output()?)?;
    }
    let mut schemathesis = Command::new(environment.join("bin/schemathesis"));
    schemathesis
        .args(["--config-file", "schemathesis.toml", "run", "openapi.json"])
        .args(["--url", origin])
        .env("RAMAL_TOKEN", token)
        .current_dir(&folder)
        .stdin(Stdio::null());
    told(schemathesis.output()?)
}

/// A folder with these files of `tests/web`.
fn tools(name: &str, files: &[&str]) -> Result<PathBuf, Failure> {
    let folder = target_folder().join("web-tools").join(name);
    std::fs::create_dir_all(&folder)?;
    for file in files {
        let from = workspace().join("tests/web").join(file);
        std::fs::copy(&from, folder.join(Path::new(file)))?;
    }
    Ok(folder)
}

fn command(name: &str) -> Result<Command, Failure> {
    let found = image::program(name);
    found
        .map(Command::new)
        .ok_or_else(|| Failure::new(format!("{name} is not installed")))
}

/// Shows what a tool said, and fails when it says that something is wrong.
fn told(output: Output) -> Proof {
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let said = said.trim();
    if output.status.success() {
        image::progress::note(said);
        return Ok(());
    }
    Err(Failure::new(said))
}
