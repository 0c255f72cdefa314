//! `ramal ctl`: asks and commands the running box by its control socket, as the web admin would.

mod capture;
mod certificate;
mod countries;
mod fetch;
mod guard;
mod install;
mod language;
mod masquerade;
mod render;
mod report;
mod restore;

use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Value, json};

/// Command line of `ramal ctl`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  ramal ctl status
  ramal ctl extensions create 100 --name Reception
  ramal ctl calls --limit 5 --json
  ramal ctl explain 100 0800123456

Everything done here is in the audit trail as `local`. What the box refuses, it says in the
language of the terminal (LC_ALL, LC_MESSAGES, LANG): Portuguese or English.")]
pub(crate) struct Arguments {
    /// Print the answer as JSON, as the HTTPS API gives it.
    #[arg(long, global = true)]
    json: bool,
    /// The control socket, if it is not in the usual place.
    #[arg(long, global = true, value_name = "PATH")]
    socket: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show services, phones, calls, network and storage.
    Status,
    /// List, create and delete extensions.
    Extensions {
        #[command(subcommand)]
        command: Option<Extensions>,
    },
    /// List the calls on record, newest first.
    Calls {
        /// At most this many.
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// List and delete recordings of calls; the page of calls plays them.
    #[command(after_help = "Examples:
  ramal ctl recordings
  ramal ctl recordings delete 1795351503000-0000002a.wav

Which call a recording is of stands in `ramal ctl calls --json`.")]
    Recordings {
        #[command(subcommand)]
        command: Option<Recordings>,
    },
    /// Show the firmware slots, install an update, go back.
    #[command(after_help = "Examples:
  ramal ctl firmware
  ramal ctl firmware install ramal-1.5.0.update
  ramal ctl firmware fetch https://example.com/ramal-1.5.0.update
  ramal ctl firmware stick
  ramal ctl firmware back

What is installed or gone back to starts with the next `ramal ctl reboot`.")]
    Firmware {
        #[command(subcommand)]
        command: Option<Firmware>,
    },
    /// Capture packets of the box's network card, for Wireshark.
    #[command(after_help = "Examples:
  ramal ctl capture begin --host 10.0.0.20 --minutes 2
  ramal ctl capture end
  ramal ctl capture save fault.pcap

Of each packet who sent it to whom and when is kept, and no voices, unless they are asked for.")]
    Capture {
        #[command(subcommand)]
        command: Option<capture::Capture>,
    },
    /// List the backups on the box, or have one made now.
    #[command(after_help = "Examples:
  ramal ctl backup
  ramal ctl backup now

One is made each day. The page of backups hands them out and makes the code that opens them.")]
    Backup {
        #[command(subcommand)]
        command: Option<Backup>,
    },
    /// Put what a backup holds in place of what the box has, and start the box anew.
    #[command(after_help = "Examples:
  ramal ctl restore 1795351503000.backup
  ramal ctl restore ramal-20261122T124503Z.backup --code < code.txt
  ramal ctl restore ramal-20261122T124503Z.backup --stick --code < code.txt

A name that `ramal ctl backup` lists is one on the box; anything else is a file that is sent.")]
    Restore {
        /// A file, or the name of a backup on the box.
        file: PathBuf,
        /// Read the backup code from standard input: where the box does not have it.
        #[arg(long)]
        code: bool,
        /// The file is on the USB stick in the box, whose backups `ramal ctl backup` lists.
        #[arg(long)]
        stick: bool,
    },
    /// Stop everything in order and start the box anew.
    Reboot,
    /// Stop everything in order and switch the box off.
    PowerOff,
    /// List the audit trail, newest first, or check all of it.
    #[command(after_help = "Examples:
  ramal ctl audit --limit 50
  ramal ctl audit verify

The page of the audit trail exports it as a file, which `ramal audit-verify` checks anywhere.")]
    Audit {
        /// At most this many.
        #[arg(long, default_value_t = 20)]
        limit: u32,
        #[command(subcommand)]
        command: Option<Audit>,
    },
    /// List the versions of the configuration, show what changed in one, or go back to it.
    #[command(after_help = "Examples:
  ramal ctl history
  ramal ctl history show 41
  ramal ctl history back 41 --current 43 --reason \"wrong route\"

Accounts of people and passwords of extensions stay as they are.")]
    History {
        #[command(subcommand)]
        command: Option<History>,
    },
    /// Say step by step where a number would lead, and why.
    #[command(after_help = "Examples:
  ramal ctl explain 100 011999998888
  ramal ctl explain 100 00351212345678 --at 2026-11-23T22:00
  ramal ctl explain --trunk \"Carrier A\" 1130000000

What is counted (calls in progress, rates, minutes of the day) is left out.")]
    Explain(Explain),
    /// Show what is dangerous about the routes, and what a stolen extension can cost.
    Warnings,
    /// Show what is exposed and how the box is, each finding with its fix.
    #[command(after_help = "Examples:
  ramal ctl report
  ramal ctl report --json

The page *Report* prints it for the customer. What could not be checked is listed as such.")]
    Report,
    /// Show what was spent, in hundredths, beside the caps, and the minutes of today.
    Spending,
    /// Let an extension go on that has spent what it may.
    #[command(after_help = "Example:\n  ramal ctl resume 100")]
    Resume {
        /// Its number.
        number: String,
    },
    /// Show the tunnel into a grid, and the box's public key, which its hub has to know.
    #[command(after_help = "Examples:
  ramal ctl grid
  ramal ctl api post /api/grid/tunnel < tunnel.json")]
    Grid,
    /// Show who is banned and for what, and what was found lately; or unban somebody.
    #[command(after_help = "Examples:
  ramal ctl guard
  ramal ctl guard unban 203.0.113.7
  ramal ctl guard unban 2001:db8:1:2::/64

While bans are off, what would have been done is shown.")]
    Guard {
        #[command(subcommand)]
        command: Option<guard::Guard>,
    },
    /// Show whether a router hides who comes in from outside, and why it is thought.
    #[command(after_help = "Examples:
  ramal ctl masquerade
  ramal ctl masquerade again")]
    Masquerade {
        #[command(subcommand)]
        command: Option<masquerade::Masquerade>,
    },
    /// Show who came from which country, and who is refused for his.
    #[command(after_help = "Examples:
  ramal ctl countries
  ramal ctl api post /api/countries < countries.json

The file is as {\"on\": true, \"allowed\": [\"BR\", \"PT\"]}.")]
    Countries,
    /// Show the certificate of the pages, or have an authority sign one.
    Certificate {
        #[command(subcommand)]
        command: Option<certificate::Certificate>,
    },
    /// Ask any address of the HTTPS API; prints JSON. What is sent is read from standard input,
    /// because it may hold passwords and arguments are seen by others.
    #[command(after_help = "Examples:
  ramal ctl api get /api/trunks
  ramal ctl api post /api/trunks < trunk.json
  ramal ctl api delete /api/routes/mobile%20out")]
    Api {
        /// What to do.
        method: Method,
        /// An address below /api/.
        path: String,
    },
    /// Stop a service and start it again.
    #[command(after_help = "Example:\n  ramal ctl restart pbx")]
    Restart {
        /// Its name, as `ramal ctl status` shows it.
        service: String,
    },
    /// Make a one-time password for a person who forgot theirs.
    #[command(after_help = "Example:\n  ramal ctl password admin")]
    Password {
        /// Their sign-in name.
        login: String,
    },
}

impl Command {
    /// Whether it fails when what it looks at is not good.
    const fn is_check(&self) -> bool {
        matches!(
            self,
            Self::Audit {
                command: Some(Audit::Verify),
                ..
            }
        )
    }
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Method {
    /// Read.
    Get,
    /// Create or change.
    Post,
    /// Remove.
    Delete,
}

#[derive(clap::Args)]
struct Explain {
    /// The calling extension and the number it dials; the number alone with `--trunk`.
    #[arg(required = true, num_args = 1..=2, value_names = ["EXTENSION", "NUMBER"])]
    words: Vec<String>,
    /// The call comes in by this trunk.
    #[arg(long, value_name = "NAME")]
    trunk: Option<String>,
    /// At this time of the site, instead of now.
    #[arg(long, value_name = "YYYY-MM-DDTHH:MM")]
    at: Option<String>,
    /// This extension transfers the caller there.
    #[arg(long, value_name = "EXTENSION")]
    transferred_by: Option<String>,
}

#[derive(Subcommand)]
enum Extensions {
    /// List all (the default).
    List,
    /// Create one; prints its password, which is shown this once.
    #[command(after_help = "Example:\n  ramal ctl extensions create 100 --name Reception")]
    Create {
        /// 2 to 10 digits.
        number: String,
        /// Name shown to whoever is called.
        #[arg(long, default_value = "")]
        name: String,
        /// It may register from outside the internal networks.
        #[arg(long)]
        remote: bool,
    },
    /// Delete one.
    #[command(after_help = "Example:\n  ramal ctl extensions delete 100")]
    Delete {
        /// Its number.
        number: String,
    },
}

#[derive(Subcommand)]
enum Audit {
    /// Check that each entry fits the one before; fails when one does not, and names it.
    Verify,
}

#[derive(Subcommand)]
enum Backup {
    /// List them, newest first (the default).
    List,
    /// Begin one; the list shows it once it is made.
    Now,
}

#[derive(Subcommand)]
enum Firmware {
    /// Show the slots and why one was left (the default).
    Show,
    /// Install an update into the slot that is not running. One that broke off goes on where it
    /// was, and what the box has already is not sent.
    #[command(after_help = "Example:\n  ramal ctl firmware install ramal-1.5.0.update")]
    Install {
        /// The update file.
        file: PathBuf,
    },
    /// Have the box fetch an update from a web server, only the parts it does not have, and install
    /// it. Without TLS that is no less safe, as the file is signed, but others see what is fetched.
    #[command(
        after_help = "Example:\n  ramal ctl firmware fetch https://example.com/ramal-1.5.0.update"
    )]
    Fetch {
        /// An https:// or http:// address.
        url: String,
        /// SHA-256 of the server's certificate, when no public authority vouches for it.
        #[arg(long, value_name = "SHA256", default_value = "")]
        fingerprint: String,
    },
    /// Install an update file from the USB stick in the box, which `ramal ctl firmware` lists.
    #[command(after_help = "Example:\n  ramal ctl firmware stick ramal-1.5.0.update")]
    Stick {
        /// Its name; the only one on the stick when it is left out.
        file: Option<String>,
    },
    /// Start the version before at the next start.
    Back,
    /// Start the rescue system at the next start, once.
    Rescue,
    /// Erase everything that was stored, and start anew.
    #[command(after_help = "Example:\n  ramal ctl firmware reset --erase-everything")]
    Reset {
        /// Say that this is meant.
        #[arg(long, required = true)]
        erase_everything: bool,
    },
}

#[derive(Subcommand)]
enum History {
    /// List the versions, newest first.
    List {
        /// At most this many.
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Show what changed in a version, and what going back to it would change now.
    #[command(after_help = "Example:\n  ramal ctl history show 41")]
    Show {
        /// Its number, as `ramal ctl history` lists it.
        version: u64,
    },
    /// Put a version in place of the present one, as a new version.
    #[command(after_help = "Example:\n  ramal ctl history back 41 --current 43")]
    Back {
        /// Its number.
        version: u64,
        /// The present version, as you have seen it: what was changed since is not overwritten.
        #[arg(long)]
        current: u64,
        /// Why, for the audit trail.
        #[arg(long)]
        reason: Option<String>,
    },
}

#[derive(Subcommand)]
enum Recordings {
    /// List all, newest first (the default).
    List,
    /// Delete one for good.
    #[command(after_help = "Example:\n  ramal ctl recordings delete 1795351503000-0000002a.wav")]
    Delete {
        /// Its file name.
        name: String,
    },
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum CtlError {
    /// The box refused, with its reason.
    #[error("{0}")]
    Refused(String),
    /// The audit trail is not whole.
    #[error(
        "entry {0} of the audit trail does not fit the one before: it was changed from outside, \
         or the disk is damaged"
    )]
    Broken(u64),
    /// A trail that a restore has replaced is not whole.
    #[error(
        "the replaced audit trail {0} is not as the box wrote it: it was changed from outside, or \
         the disk is damaged"
    )]
    Altered(String),
    /// The answer is not what the API promises.
    #[error("the box answered {0} without a reason; are `ramal ctl` and the box of one version?")]
    Strange(u16),
}

/// Runs one command.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let socket = arguments
        .socket
        .clone()
        .unwrap_or_else(|| run_loop::socket_path("ctl"));
    if let Command::Firmware {
        command: Some(Firmware::Install { file }),
    } = &arguments.command
    {
        return install::install(&socket, file);
    }
    if let Command::Firmware {
        command: Some(Firmware::Fetch { url, fingerprint }),
    } = &arguments.command
    {
        return fetch::fetch(&socket, url, fingerprint);
    }
    if let Command::Firmware {
        command: Some(Firmware::Stick { file }),
    } = &arguments.command
    {
        return fetch::from_stick(&socket, file.as_deref());
    }
    if let Command::Restore { file, code, stick } = &arguments.command {
        return restore::restore(&socket, file, *code, *stick);
    }
    if let Command::Capture {
        command: Some(capture::Capture::Save { file }),
    } = &arguments.command
    {
        return capture::save(&socket, file);
    }
    let (method, target, body) = request(&arguments.command);
    let body = match &arguments.command {
        Command::Api {
            method: Method::Post,
            ..
        } => std::io::read_to_string(std::io::stdin())?,
        Command::Certificate {
            command: Some(certificate::Certificate::Set { file, .. }),
        } => certificate::with_chain(file, body)?.to_string(),
        _ => body.to_string(),
    };
    let language = language::of_the_terminal();
    let (status, answer) =
        web_server::control::call(&socket, method, &target, body.as_bytes(), language)?;
    let answer: Value = serde_json::from_slice(&answer).unwrap_or(Value::Null);
    if !(200..300).contains(&status) {
        return Err(Box::new(refused(status, &answer)));
    }
    let text = if arguments.json {
        serde_json::to_string_pretty(&answer)?
    } else {
        show(&arguments.command, &answer)
    };
    let mut out = std::io::stdout().lock();
    // A reader that has seen enough (`| head`) is no failure.
    let _ = writeln!(out, "{}", text.trim_end());
    if !arguments.command.is_check() {
        return Ok(());
    }
    if let Some(entry) = answer.get("broken").and_then(Value::as_u64) {
        return Err(Box::new(CtlError::Broken(entry)));
    }
    match render::altered(&answer) {
        Some(name) => Err(Box::new(CtlError::Altered(name))),
        None => Ok(()),
    }
}

/// What a refusal says to people; in English where the box has no sentence in their language.
fn refused(status: u16, answer: &Value) -> CtlError {
    let sentence = ["text", "error"]
        .iter()
        .find_map(|name| answer.get(name).and_then(Value::as_str));
    sentence.map_or(CtlError::Strange(status), |sentence| {
        CtlError::Refused(sentence.to_owned())
    })
}

/// Where an extension is let go on.
fn resume(number: &str) -> String {
    format!("/api/extensions/{}/resume", segment(number))
}

fn request(command: &Command) -> (&'static str, String, Value) {
    match command {
        Command::Status => ("GET", "/api/status".into(), Value::Null),
        Command::Extensions {
            command: None | Some(Extensions::List),
        } => ("GET", "/api/extensions".into(), Value::Null),
        Command::Extensions {
            command:
                Some(Extensions::Create {
                    number,
                    name,
                    remote,
                }),
        } => {
            let wish = json!({ "number": number, "display_name": name, "remote": remote });
            ("POST", "/api/extensions".into(), wish)
        }
        Command::Extensions {
            command: Some(Extensions::Delete { number }),
        } => (
            "DELETE",
            format!("/api/extensions/{}", segment(number)),
            Value::Null,
        ),
        Command::Calls { limit } => ("GET", format!("/api/calls?limit={limit}"), Value::Null),
        Command::Recordings {
            command: None | Some(Recordings::List),
        } => ("GET", "/api/recordings".into(), Value::Null),
        Command::Recordings {
            command: Some(Recordings::Delete { name }),
        } => {
            let target = format!("/api/recordings/{}", segment(name));
            ("DELETE", target, Value::Null)
        }
        Command::Firmware { command } => firmware(command.as_ref()),
        Command::Backup { command } => backup(command.as_ref()),
        Command::Capture { command } => capture::request(command.as_ref()),
        // Restoring is more than one request, and done elsewhere.
        Command::Restore { .. } => backup(None),
        Command::Reboot => ("POST", "/api/restart".into(), json!({})),
        Command::PowerOff => ("POST", "/api/power-off".into(), json!({})),
        Command::Audit { limit, command } => audit(*limit, command.as_ref()),
        Command::History { command } => history(command.as_ref()),
        Command::Explain(explain) => ("POST", "/api/routes/explain".into(), question(explain)),
        Command::Warnings => ("GET", WARNINGS.into(), Value::Null),
        Command::Report => ("GET", "/api/report".into(), Value::Null),
        Command::Spending => ("GET", "/api/spending".into(), Value::Null),
        Command::Certificate { command } => certificate::request(command.as_ref()),
        Command::Guard { command } => guard::request(command.as_ref()),
        Command::Masquerade { command } => masquerade::request(command.as_ref()),
        Command::Countries => ("GET", countries::ARRIVALS.into(), Value::Null),
        Command::Grid => ("GET", "/api/grid".into(), Value::Null),
        Command::Resume { number } => ("POST", resume(number), json!({})),
        Command::Api { method, path } => {
            let method = match method {
                Method::Get => "GET",
                Method::Post => "POST",
                Method::Delete => "DELETE",
            };
            (method, address(path), Value::Null)
        }
        Command::Restart { service } => {
            let target = format!("/api/services/{}/restart", segment(service));
            ("POST", target, json!({ "kill": false }))
        }
        Command::Password { login } => {
            let target = format!("/api/people/{}/one-time-password", segment(login));
            ("POST", target, json!({}))
        }
    }
}

fn audit(limit: u32, command: Option<&Audit>) -> (&'static str, String, Value) {
    let target = match command {
        Some(Audit::Verify) => "/api/audit/verify".to_owned(),
        None => format!("/api/audit?limit={limit}"),
    };
    ("GET", target, Value::Null)
}

fn backup(command: Option<&Backup>) -> (&'static str, String, Value) {
    match command {
        None | Some(Backup::List) => ("GET", "/api/backups".into(), Value::Null),
        Some(Backup::Now) => ("POST", "/api/backups".into(), json!({})),
    }
}

fn history(command: Option<&History>) -> (&'static str, String, Value) {
    match command {
        None => ("GET", "/api/history?limit=20".into(), Value::Null),
        Some(History::List { limit }) => {
            ("GET", format!("/api/history?limit={limit}"), Value::Null)
        }
        Some(History::Show { version }) => ("GET", format!("/api/history/{version}"), Value::Null),
        Some(History::Back {
            version,
            current,
            reason,
        }) => {
            let reason = segment(reason.as_deref().unwrap_or_default());
            let target = format!("/api/history/{version}/back?reason={reason}");
            ("POST", target, json!({ "current": current }))
        }
    }
}

fn firmware(command: Option<&Firmware>) -> (&'static str, String, Value) {
    match command {
        // Installing is more than one request, and done elsewhere.
        None
        | Some(
            Firmware::Show
            | Firmware::Install { .. }
            | Firmware::Fetch { .. }
            | Firmware::Stick { .. },
        ) => ("GET", "/api/firmware".into(), Value::Null),
        Some(Firmware::Back) => ("POST", "/api/firmware/back".into(), json!({})),
        Some(Firmware::Rescue) => ("POST", "/api/firmware/rescue".into(), json!({})),
        Some(Firmware::Reset { .. }) => {
            let confirm = json!({ "confirm": "erase everything" });
            ("POST", "/api/firmware/reset".into(), confirm)
        }
    }
}

fn question(explain: &Explain) -> Value {
    let (from, dialled) = match explain.words.as_slice() {
        [from, dialled] => (from.as_str(), dialled.as_str()),
        [dialled] => ("", dialled.as_str()),
        _ => ("", ""),
    };
    json!({
        "from": from,
        "dialled": dialled,
        "trunk": explain.trunk.as_deref().unwrap_or_default(),
        "at": explain.at.as_deref().unwrap_or_default(),
        "transferred_by": explain.transferred_by.as_deref().unwrap_or_default(),
        "language": "en",
    })
}

fn show(command: &Command, answer: &Value) -> String {
    match command {
        Command::Status => render::status(answer),
        Command::Extensions {
            command: None | Some(Extensions::List),
        } => render::extensions(answer),
        Command::Extensions {
            command: Some(Extensions::Create { number, .. }),
        } => format!(
            "extension {number} created\npassword: {}\nIt is shown this once.",
            render::field(answer, "password")
        ),
        Command::Extensions {
            command: Some(Extensions::Delete { number }),
        } => format!("extension {number} deleted"),
        Command::Calls { .. } => render::calls(answer),
        Command::Recordings {
            command: None | Some(Recordings::List),
        } => render::recordings(answer),
        Command::Recordings {
            command: Some(Recordings::Delete { name }),
        } => format!("recording {name} deleted"),
        Command::Firmware { command } => firmware_said(command.as_ref(), answer),
        Command::Backup {
            command: Some(Backup::Now),
        } => "a backup is being made".to_owned(),
        Command::Backup { .. } | Command::Restore { .. } => render::backups(answer),
        Command::Capture { command } => capture::show(command.as_ref(), answer),
        Command::Reboot => "the box starts anew".to_owned(),
        Command::PowerOff => "the box switches off".to_owned(),
        Command::Audit { command, .. } => match command {
            Some(Audit::Verify) => render::trail(answer),
            None => render::audit(answer),
        },
        Command::History {
            command: None | Some(History::List { .. }),
        } => render::history(answer),
        Command::History {
            command: Some(History::Show { .. }),
        } => render::version(answer),
        Command::History {
            command: Some(History::Back { version, .. }),
        } => format!(
            "the configuration is as in version {version}; it is version {}",
            render::field(answer, "version")
        ),
        Command::Explain(_) => render::explanation(answer),
        Command::Warnings => render::warnings(answer),
        Command::Report => report::said(answer),
        Command::Spending => render::spending(answer),
        Command::Resume { number } => format!("extension {number} may spend again"),
        Command::Certificate { command } => certificate::said(command.as_ref(), answer),
        Command::Guard { command } => guard::said(command.as_ref(), answer),
        Command::Masquerade { command } => masquerade::said(command.as_ref(), answer),
        Command::Countries => countries::said(answer),
        Command::Grid => render::grid(answer),
        Command::Api { .. } if answer.is_null() => "done".to_owned(),
        Command::Api { .. } => serde_json::to_string_pretty(answer).unwrap_or_default(),
        Command::Restart { service } => format!("{service} restarts"),
        Command::Password { login } => format!(
            "one-time password of {login}: {}\nIt is shown this once and must be changed at the \
             next sign-in.",
            render::field(answer, "one_time_password")
        ),
    }
}

fn firmware_said(command: Option<&Firmware>, answer: &Value) -> String {
    match command {
        None | Some(Firmware::Show) => render::firmware(answer),
        // More than one request, and shown where they are made.
        Some(Firmware::Install { .. } | Firmware::Fetch { .. } | Firmware::Stick { .. }) => {
            String::new()
        }
        Some(Firmware::Back) => "the next start is that of the version before".to_owned(),
        Some(Firmware::Rescue) => "the next start is that of the rescue system".to_owned(),
        Some(Firmware::Reset { .. }) => "the box erases everything and starts anew".to_owned(),
    }
}

/// An address of the API as typed; what cannot stand in a request line becomes `_`.
fn address(path: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/.-_%?=&".contains(letter);
    path.chars()
        .map(|letter| if plain(letter) { letter } else { '_' })
        .collect()
}

/// An argument as one segment of a path: what could break out of it becomes `_`, which no number,
/// service or login can hold alone, so the box answers that there is no such thing.
fn segment(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || ".-_".contains(letter);
    let segment: String = text
        .chars()
        .map(|letter| if plain(letter) { letter } else { '_' })
        .collect();
    if segment.is_empty() {
        "_".to_owned()
    } else {
        segment
    }
}

/// The sentences that are printed are English.
const WARNINGS: &str = "/api/routes/warnings?language=en";

#[cfg(test)]
mod tests;
