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
/// is in an argument, everybody on the host can read. Where the tools cannot be had, that is said.
///
/// # Errors
/// A page has a fault; the text says which.
pub fn look_at_pages(wish: &Value) -> Proof {
    play("pages.mjs", wish)
}

/// Has a browser make a passkey and sign in with it. Where the tools cannot be had, that is said.
///
/// # Errors
/// It does not work, or works where it must not.
pub fn use_passkeys(wish: &Value) -> Proof {
    play("passkeys.mjs", wish)
}

/// Runs a script that leads a browser.
fn play(script: &str, wish: &Value) -> Proof {
    let folder = match browser() {
        Ok(folder) => folder,
        Err(failure) => return not_played(&failure),
    };
    let mut node = command("node")?;
    node.arg(script).current_dir(&folder);
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
/// given by the environment. Where the tools cannot be had, that is said.
///
/// # Errors
/// An answer is not as described, is a fault of the box, or was given to somebody without a token.
pub fn try_api(origin: &str, description: &Value, token: &str) -> Proof {
    let folder = match schemathesis() {
        Ok(folder) => folder,
        Err(failure) => return not_played(&failure),
    };
    std::fs::write(folder.join("openapi.json"), description.to_string())?;
    let mut schemathesis = Command::new(folder.join(SCHEMATHESIS));
    schemathesis
        .args(["--config-file", "schemathesis.toml", "run", "openapi.json"])
        .args(["--url", origin])
        .env("RAMAL_TOKEN", token)
        .current_dir(&folder)
        .stdin(Stdio::null());
    told(schemathesis.output()?)
}

/// What leads the browser, and axe.
fn browser() -> Result<PathBuf, Failure> {
    image::prepare::prepare_browser()?;
    let files = [
        "package.json",
        "package-lock.json",
        "pages.mjs",
        "passkeys.mjs",
    ];
    let folder = tools("pages", &files)?;
    if !folder.join("node_modules/axe-core/axe.min.js").is_file() {
        let mut npm = command("npm")?;
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        told(npm.current_dir(&folder).stdin(Stdio::null()).output()?)?;
    }
    Ok(folder)
}

fn schemathesis() -> Result<PathBuf, Failure> {
    image::prepare::prepare_browser()?;
    let folder = tools("api", &["requirements.txt", "schemathesis.toml"])?;
    if !folder.join(SCHEMATHESIS).is_file() {
        let mut python = command("python3")?;
        told(
            python
                .args(["-m", "venv"])
                .arg(folder.join("venv"))
                .output()?,
        )?;
        let mut pip = Command::new(folder.join("venv/bin/pip"));
        pip.args(["install", "--quiet", "--requirement", "requirements.txt"]);
        told(pip.current_dir(&folder).output()?)?;
    }
    Ok(folder)
}

/// A host without a way to the registries plays the rest.
fn not_played(failure: &Failure) -> Proof {
    image::progress::note(&format!("not played: its tools cannot be had: {failure}"));
    Ok(())
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

/// The program, below its folder.
const SCHEMATHESIS: &str = "venv/bin/schemathesis";
