//! Other people's tools that look at the box's pages and its API: a browser with axe, and
//! schemathesis. What they need beside Debian's packages is fetched once, by the versions that
//! `tests/web` pins, into a folder of the build.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

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
    let child = node(&folder, script, wish)?;
    told(child.wait_with_output()?)
}

/// Starts a script with a browser, and tells it by its standard input what is wished.
fn node(folder: &Path, script: &str, wish: &Value) -> Result<Child, Failure> {
    let mut node = command("node")?;
    node.arg(script).current_dir(folder);
    let mut child = node
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(wish.to_string().as_bytes())?;
    }
    Ok(child)
}

/// A person who takes the first steps on a new box with a browser, and waits for the phones.
pub struct FirstSteps {
    browser: Child,
    output: BufReader<ChildStdout>,
}

impl FirstSteps {
    /// Takes the steps up to the cards of the phones, which are the answer: `[{number, server,
    /// password}]`. `wish` is for `first_steps.mjs`. Where the tools cannot be had, that is said
    /// and there is no answer.
    ///
    /// # Errors
    /// A step is not as a new customer would need it; the text says which.
    pub fn take(wish: &Value) -> Result<Option<(Self, Value)>, Failure> {
        let folder = match browser() {
            Ok(folder) => folder,
            Err(failure) => return not_played(&failure).map(|()| None),
        };
        let mut child = node(&folder, "first_steps.mjs", wish)?;
        let output = child.stdout.take().map(BufReader::new);
        let output = output.ok_or_else(|| Failure::new("node has no output"))?;
        let mut steps = Self {
            browser: child,
            output,
        };
        let cards = steps.line()?;
        Ok(Some((steps, cards)))
    }

    /// The rest, once the phones have what their cards say: until the page lists them. What the
    /// person did then, and how long it took.
    ///
    /// # Errors
    /// The page does not list them.
    pub fn see_phones(mut self) -> Result<Value, Failure> {
        let done = self.line()?;
        match self.browser.wait()?.success() {
            true => Ok(done),
            false => Err(Failure::new("the browser failed after its last step")),
        }
    }

    /// What it tells next; or what it complains of. Neither is shown: there are passwords in it.
    fn line(&mut self) -> Result<Value, Failure> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? > 0 {
            return Ok(serde_json::from_str(&line)?);
        }
        let mut said = String::new();
        if let Some(errors) = &mut self.browser.stderr {
            errors.read_to_string(&mut said)?;
        }
        Err(Failure::new(said.trim()))
    }
}

impl Drop for FirstSteps {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        let _killed = self.browser.kill();
        let _reaped = self.browser.wait();
    }
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
    let folder = tools("pages", &FILES)?;
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

/// What a browser is led by.
const FILES: [&str; 6] = [
    "package.json",
    "package-lock.json",
    "browser.mjs",
    "pages.mjs",
    "passkeys.mjs",
    "first_steps.mjs",
];

/// The program, below its folder.
const SCHEMATHESIS: &str = "venv/bin/schemathesis";
