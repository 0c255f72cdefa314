//! The certificate that the pages are served with.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Value, json};

use super::render::field;

#[derive(Subcommand)]
pub(super) enum Certificate {
    /// Show what is served (the default).
    Show,
    /// Make a key and a request that an authority signs; prints the request (CSR).
    #[command(
        after_help = "Example:\n  ramal ctl certificate request --name pbx.example.com > box.csr"
    )]
    Request {
        /// A name of your own that leads to the box.
        #[arg(long, default_value = "")]
        name: String,
        /// Leave out the name `.local` and the addresses, which public authorities refuse.
        #[arg(long)]
        only: bool,
    },
    /// Serve the pages with what the authority has signed.
    #[command(after_help = "Example:\n  ramal ctl certificate set chain.pem")]
    Set {
        /// PEM: first the certificate of the box, then each the one that signed the one before.
        file: PathBuf,
        /// It may leave out the name `.local`: nobody can use a passkey then.
        #[arg(long)]
        ends_passkeys: bool,
    },
    /// Serve the pages with what the box has signed itself.
    SelfSigned,
}

/// What is asked; a chain is added where its file is read.
pub(super) fn request(command: Option<&Certificate>) -> (&'static str, String, Value) {
    let (method, rest, body) = match command {
        None | Some(Certificate::Show) => ("GET", "", Value::Null),
        Some(Certificate::Request { name, only }) => {
            ("POST", "/request", json!({ "name": name, "only": only }))
        }
        Some(Certificate::Set { ends_passkeys, .. }) => {
            ("POST", "", json!({ "ends_passkeys": ends_passkeys }))
        }
        Some(Certificate::SelfSigned) => ("DELETE", "", Value::Null),
    };
    (method, format!("/api/certificate{rest}"), body)
}

/// The same with the chain that is in a file.
pub(super) fn with_chain(file: &Path, mut body: Value) -> std::io::Result<Value> {
    let chain = std::fs::read_to_string(file)?;
    if let Some(fields) = body.as_object_mut() {
        fields.insert("chain".to_owned(), chain.into());
    }
    Ok(body)
}

/// What is served, or the request alone.
pub(super) fn said(command: Option<&Certificate>, answer: &Value) -> String {
    if let Some(Certificate::Request { .. }) = command {
        let pem = answer.pointer("/request/pem").and_then(Value::as_str);
        let plain = |sign: &char| *sign == '\n' || !sign.is_control();
        return pem.unwrap_or_default().chars().filter(plain).collect();
    }
    let signed_by = match answer.get("self_signed") {
        Some(Value::Bool(true)) => "the box (self-signed)".to_owned(),
        _ => field(answer, "issuer"),
    };
    let lines = [
        ("for", field(answer, "names")),
        ("signed by", signed_by),
        ("from", field(answer, "from")),
        ("until", field(answer, "until")),
        ("SHA-256", field(answer, "fingerprint")),
    ];
    let line = |(name, value)| format!("{name:<12} {value}\n");
    lines.map(line).concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_become_requests_and_the_request_is_printed_alone() {
        let request = Certificate::Request {
            name: "a.b".into(),
            only: true,
        };
        let (method, target, body) = super::request(Some(&request));
        assert_eq!((method, &*target), ("POST", "/api/certificate/request"));
        assert_eq!(body, json!({"name": "a.b", "only": true}));
        let answer = json!({"request": {"pem": "-----BEGIN\u{1b}\nMAA=\n"}, "names": ["a.b"]});
        assert_eq!(said(Some(&request), &answer), "-----BEGIN\nMAA=\n");
        assert_eq!(super::request(None).0, "GET");
        let set = Certificate::Set {
            file: "chain.pem".into(),
            ends_passkeys: true,
        };
        let (_, _, body) = super::request(Some(&set));
        assert_eq!(body, json!({"ends_passkeys": true}));
        assert_eq!(super::request(Some(&Certificate::SelfSigned)).0, "DELETE");
        assert!(said(None, &answer).contains("for          a.b"));
    }
}
