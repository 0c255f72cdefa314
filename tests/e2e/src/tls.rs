//! What testssl.sh says of the TLS of a server: protocols, ciphers, certificate, headers and the
//! known attacks.

use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::{Failure, Proof};

/// A finding, as `--jsonfile` writes it.
#[derive(Debug, Deserialize)]
struct Finding {
    id: String,
    severity: String,
    finding: String,
}

/// Has testssl.sh judge the server at this address, `127.0.0.1:443`; `folder` takes its report.
///
/// # Errors
/// It finds a weakness that is not accepted here, or did not come to its end.
pub fn judge_tls(address: &str, folder: &Path) -> Proof {
    image::prepare::prepare_tls()?;
    let report = folder.join("testssl.json");
    let program = image::program("testssl").ok_or_else(|| Failure::new("no testssl"))?;
    let mut testssl = Command::new(program);
    testssl.args([
        "--quiet",
        "--color",
        "0",
        "--warnings",
        "off",
        "--nodns",
        "none",
    ]);
    // Protocols, ciphers, certificate, preference, headers, and every known attack.
    testssl.args(["-p", "-s", "-S", "-P", "-h", "-U", "--jsonfile"]);
    testssl.arg(&report).arg(format!("https://{address}"));
    testssl.stdin(Stdio::null()).stderr(Stdio::null());
    let said = testssl.output()?.stdout;
    let findings: Vec<Finding> = serde_json::from_slice(&std::fs::read(&report)?)?;
    if findings.len() < FINDINGS_MIN {
        return Err(Failure::new(String::from_utf8_lossy(&said).trim()));
    }
    let is_weak = |it: &&Finding| {
        let is_weakness = ["LOW", "MEDIUM", "HIGH", "CRITICAL"].contains(&it.severity.as_str());
        is_weakness && !ACCEPTED.iter().any(|(id, _)| *id == it.id)
    };
    let weak: Vec<String> = findings
        .iter()
        .filter(is_weak)
        .map(|it| format!("{} {}: {}", it.severity, it.id, it.finding))
        .collect();
    image::progress::note(&format!(
        "testssl: {} findings, {} weaknesses",
        findings.len(),
        weak.len()
    ));
    match weak.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(weak.join("\n"))),
    }
}

/// What it calls weak, and why it stays.
const ACCEPTED: &[(&str, &str)] = &[
    (
        "cert_chain_of_trust",
        "the box signs its own certificate; its fingerprint stands on its screen",
    ),
    (
        "cert_validityPeriod",
        "nobody renews the certificate of a box that is plugged in and forgotten",
    ),
    ("cert_revocation", "nobody issues revocations for it"),
    (
        "cipher_order",
        "every suite is strong, and a phone without AES instructions knows better what is fast",
    ),
];

/// A report of fewer was broken off.
const FINDINGS_MIN: usize = 60;
