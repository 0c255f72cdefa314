//! The provisioning file: what a box is to be before anybody has signed in to it.
//!
//! An installer writes `provision.toml`; it travels on the EFI system partition, the box applies it
//! once and wipes it. What it must never hold is a password: whoever has the disk would have it.
//! Instead there are a public key, and the SHA-256 of a login key that works once.

use std::fmt;

use ipc::Redacted;
use serde::Deserialize;

use crate::fault::Fault;
use crate::network::Network;
use crate::static_network::StaticNetwork;
use crate::times::Zone;
use crate::tunnel::Tunnel;
use crate::wrong::Wrong;

/// What a box is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Provision {
    /// Its address; `None` leaves it to DHCP.
    pub network: Option<StaticNetwork>,
    /// Its name in the network.
    pub host_name: Option<String>,
    /// The time that its people's clocks show.
    pub time_zone: Option<String>,
    /// Who may administer it.
    pub administrator: Administrator,
    /// The code with which it enrols in a grid, once.
    pub grid_code: Option<Code>,
    /// Its way into a grid, when that is known beforehand.
    pub tunnel: Option<Tunnel>,
}

/// How the administrator signs in the first time.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Administrator {
    /// Public keys for the support console, as in OpenSSH's `authorized_keys`.
    pub ssh_keys: Vec<String>,
    /// SHA-256 of a key that signs in to the web page until a password was chosen, beside the
    /// one-time password on the screen.
    pub login_key_sha256: Option<[u8; 32]>,
}

/// A code that works once. Not shown.
#[derive(Clone)]
pub struct Code(Redacted<String>);

impl Code {
    /// The code itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.reveal() == other.reveal()
    }
}

impl Eq for Code {}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One thing wrong with a provisioning file. Never quotes a secret.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProvisionFault {
    /// Not TOML, or with fields that do not exist.
    #[error("line {line}: {message}")]
    Form {
        /// Counted from 1.
        line: usize,
        /// What is wrong, in the words of the TOML reader.
        message: String,
    },
    /// Longer than any that is meant.
    #[error("the file is longer than {PROVISION_LENGTH_MAX} bytes; it holds something else")]
    TooLong,
    /// Of a later box.
    #[error("version: {0} is not known to this box; write 1")]
    Version(u32),
    /// A field is wrong.
    #[error("{field}: {fix}")]
    Field {
        /// The field, as `network.address`.
        field: &'static str,
        /// What to write.
        fix: &'static str,
    },
    /// A field of the tunnel is wrong.
    #[error("grid.tunnel.{field}: {wrong}")]
    Tunnel {
        /// The field, as `endpoint`.
        field: &'static str,
        /// What is wrong, and the fix.
        wrong: Wrong,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProvision {
    version: u32,
    #[serde(default)]
    network: RawNetwork,
    #[serde(default)]
    site: RawSite,
    #[serde(default)]
    administrator: RawAdministrator,
    #[serde(default)]
    grid: RawGrid,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawNetwork {
    method: Option<String>,
    address: Option<String>,
    gateway: Option<String>,
    dns: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawSite {
    host_name: Option<String>,
    time_zone: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawAdministrator {
    ssh_keys: Vec<String>,
    login_key_sha256: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawGrid {
    code: Option<String>,
    tunnel: Option<RawTunnel>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawTunnel {
    addresses: Vec<String>,
    hub_key: String,
    endpoint: String,
    preshared_key: Redacted<String>,
    allowed: Vec<String>,
    keepalive_secs: Option<u16>,
    mtu: Option<u16>,
}

impl Provision {
    /// Reads a file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Vec<ProvisionFault>> {
        if text.len() > PROVISION_LENGTH_MAX {
            return Err(vec![ProvisionFault::TooLong]);
        }
        let raw: RawProvision = toml::from_str(text).map_err(|error| vec![form(text, &error)])?;
        if raw.version != 1 {
            return Err(vec![ProvisionFault::Version(raw.version)]);
        }
        let mut faults = Vec::new();
        let network = network(&raw.network, &mut faults);
        let provision = Self {
            tunnel: tunnel(raw.grid.tunnel, network.as_ref(), &mut faults),
            network,
            host_name: checked(raw.site.host_name, is_host_name, HOST_NAME, &mut faults),
            time_zone: checked(
                raw.site.time_zone,
                |name| Zone::parse(name).is_some(),
                TIME_ZONE,
                &mut faults,
            ),
            administrator: administrator(raw.administrator, &mut faults),
            grid_code: checked(raw.grid.code, is_code, GRID_CODE, &mut faults)
                .map(|code| Code(Redacted::new(code))),
        };
        if faults.is_empty() {
            Ok(provision)
        } else {
            Err(faults)
        }
    }
}

/// The reader's own text would quote the line, which may hold a secret.
fn form(text: &str, error: &toml::de::Error) -> ProvisionFault {
    let before = error.span().and_then(|span| text.get(..span.start));
    let message = error.message().lines().next().unwrap_or_default();
    ProvisionFault::Form {
        line: before.unwrap_or_default().matches('\n').count() + 1,
        message: without_value(message),
    }
}

/// The reader quotes what it found where something else belongs: `invalid type: string "a secret",
/// expected a sequence`.
fn without_value(message: &str) -> String {
    let quotes = ["invalid type: ", "invalid value: "];
    let expected = message.rsplit_once(", expected ").map(|it| it.1);
    match expected.filter(|_| quotes.iter().any(|it| message.starts_with(it))) {
        Some(expected) => format!("something else belongs here: {expected}"),
        None => message.to_owned(),
    }
}

/// A field and what to write in it.
type Field = (&'static str, &'static str);

fn wrong((field, fix): Field) -> ProvisionFault {
    ProvisionFault::Field { field, fix }
}

fn checked(
    value: Option<String>,
    is_right: impl Fn(&str) -> bool,
    field: Field,
    faults: &mut Vec<ProvisionFault>,
) -> Option<String> {
    let value = value?;
    if is_right(&value) {
        Some(value)
    } else {
        faults.push(wrong(field));
        None
    }
}

fn network(raw: &RawNetwork, faults: &mut Vec<ProvisionFault>) -> Option<StaticNetwork> {
    match raw.method.as_deref() {
        Some("static") => {}
        None | Some("dhcp") => {
            let is_given = raw.address.is_some() || raw.gateway.is_some() || !raw.dns.is_empty();
            if is_given {
                faults.push(wrong(NETWORK_METHOD));
            }
            return None;
        }
        Some(_) => {
            faults.push(wrong(NETWORK_METHOD));
            return None;
        }
    }
    let Some(mut network) = raw.address.as_deref().and_then(StaticNetwork::at) else {
        faults.push(wrong(NETWORK_ADDRESS));
        return None;
    };
    if let Some(gateway) = raw.gateway.as_deref() {
        match network.clone().with_gateway(gateway) {
            Some(whole) => network = whole,
            None => faults.push(wrong(NETWORK_GATEWAY)),
        }
    }
    let dns = raw.dns.iter().map(String::as_str);
    let whole = network.with_dns(dns);
    if whole.is_none() {
        faults.push(wrong(NETWORK_DNS));
    }
    whole
}

/// The tunnel, which must not lead to what is on the box's own cable.
fn tunnel(
    raw: Option<RawTunnel>,
    network: Option<&StaticNetwork>,
    faults: &mut Vec<ProvisionFault>,
) -> Option<Tunnel> {
    let raw = raw?;
    let usual = ipc::site::Tunnel::default();
    let read = Tunnel::parse(&ipc::site::Tunnel {
        addresses: raw.addresses,
        hub_key: raw.hub_key,
        endpoint: raw.endpoint,
        preshared_key: raw.preshared_key,
        allowed: raw.allowed,
        keepalive_secs: raw.keepalive_secs.unwrap_or(usual.keepalive_secs),
        mtu: raw.mtu.unwrap_or(usual.mtu),
    });
    let tunnel = match read {
        Ok(tunnel) => tunnel,
        Err(found) => {
            faults.extend(found.into_iter().filter_map(|fault| match fault {
                Fault::Setting { field, wrong, .. } => {
                    Some(ProvisionFault::Tunnel { field, wrong })
                }
                _ => None,
            }));
            return None;
        }
    };
    let own = network.and_then(|it| Network::around(it.address.into(), it.length));
    match tunnel.overlap(own.as_slice()) {
        None => Some(tunnel),
        Some((network, other)) => {
            let wrong = Wrong::Overlap {
                network: network.to_string(),
                other: other.to_string(),
                what: "the box's own network",
            };
            faults.push(ProvisionFault::Tunnel {
                field: "allowed",
                wrong,
            });
            None
        }
    }
}

fn administrator(raw: RawAdministrator, faults: &mut Vec<ProvisionFault>) -> Administrator {
    if raw.ssh_keys.len() > SSH_KEYS_MAX || !raw.ssh_keys.iter().all(|key| is_ssh_key(key)) {
        faults.push(wrong(SSH_KEYS));
    }
    let digest = raw.login_key_sha256.as_deref().and_then(|text| {
        let digest = digest(text);
        if digest.is_none() {
            faults.push(wrong(LOGIN_KEY));
        }
        digest
    });
    Administrator {
        ssh_keys: raw.ssh_keys,
        login_key_sha256: digest,
    }
}

fn digest(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (place, byte) in digest.iter_mut().enumerate() {
        let digits = text.get(place * 2..place * 2 + 2)?;
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        *byte = u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
    }
    Some(digest)
}

/// A line of `authorized_keys` without options: a kind, the key as base64, and a comment.
fn is_ssh_key(line: &str) -> bool {
    let mut words = line.split(' ');
    let (kind, key) = (words.next(), words.next().unwrap_or_default());
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    kind.is_some_and(|kind| SSH_KINDS.contains(&kind))
        && (64..=1024).contains(&key.len())
        && key.len() % 4 == 0
        && key.starts_with("AAAA")
        && key.chars().all(is_base64)
        && line.len() <= 1200
        && !line.chars().any(char::is_control)
}

/// One label (RFC 1123 §2.1): it is announced as `<name>.local`.
fn is_host_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len())
        && name.bytes().all(allowed)
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_code(code: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (16..=128).contains(&code.len()) && code.bytes().all(allowed)
}

/// Where it lies on the EFI system partition.
pub const PROVISION_PATH: &str = "RAMAL/provision.toml";

/// Bytes of the longest file.
pub const PROVISION_LENGTH_MAX: usize = 16 << 10;

const SSH_KEYS_MAX: usize = 8;
const SSH_KINDS: [&str; 5] = [
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
];
const NETWORK_METHOD: Field = (
    "network.method",
    "write \"dhcp\" and nothing else, or \"static\" with address, gateway and dns",
);
const NETWORK_ADDRESS: Field = (
    "network.address",
    "write the box's own IPv4 address with the network's length, as \"192.168.10.5/24\": neither \
     the network's first nor last one, and none of 0.*, 127.*, 169.254.* or above 223.*",
);
const NETWORK_GATEWAY: Field = (
    "network.gateway",
    "write another address in the same network, as \"192.168.10.1\"",
);
const NETWORK_DNS: Field = ("network.dns", "write at most three addresses");
const HOST_NAME: Field = (
    "site.host_name",
    "use 1 to 63 of a-z, 0-9 and dash, not digits only, and no dash at either end",
);
const TIME_ZONE: Field = (
    "site.time_zone",
    "write a zone of the IANA list, as \"America/Sao_Paulo\"",
);
const SSH_KEYS: Field = (
    "administrator.ssh_keys",
    "write at most 8 lines of .pub files, as \"ssh-ed25519 AAAA... name\"; never a private key",
);
const LOGIN_KEY: Field = (
    "administrator.login_key_sha256",
    "write the 64 hex digits that sha256sum prints of the login key, not the key itself",
);
const GRID_CODE: Field = (
    "grid.code",
    "write the enrolment code as the grid shows it: 16 to 128 letters, digits and dashes",
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WHOLE: &str = r#"
version = 1
[network]
method = "static"
address = "192.168.10.5/24"
gateway = "192.168.10.1"
dns = ["192.168.10.1", "2001:db8::53"]
[site]
host_name = "ramal-matriz"
time_zone = "America/Sao_Paulo"
[administrator]
ssh_keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEm2l6Hn0a1gkV0mQ1oGkq3xYb7Hn2o5Jq8s6u1QwXyZ ana"]
login_key_sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
[grid]
code = "K7QF-9M2X-TRWA-03BD"
"#;

    #[test]
    fn a_whole_file_is_read() {
        let read = Provision::parse(WHOLE).expect("right");
        let network = read.network.as_ref().expect("static");
        assert_eq!(network.address.to_string(), "192.168.10.5");
        assert_eq!((network.length, network.dns.len()), (24, 2));
        assert_eq!(read.host_name.as_deref(), Some("ramal-matriz"));
        assert_eq!(read.administrator.ssh_keys.len(), 1);
        let digest = read.administrator.login_key_sha256.expect("given");
        assert_eq!(digest[..3], [0xe3, 0xb0, 0xc4]);
        let shown = format!("{read:?}");
        assert!(!shown.contains("K7QF"), "{shown}");
        assert_eq!(
            read.grid_code.expect("given").reveal(),
            "K7QF-9M2X-TRWA-03BD"
        );
    }

    #[test]
    fn everything_may_be_left_out_but_the_version() {
        let read = Provision::parse("version = 1\n[network]\nmethod = \"dhcp\"\n").expect("right");
        assert_eq!((read.network, read.grid_code), (None, None));
        assert_eq!(read.tunnel, None);
        assert!(Provision::parse("").is_err());
        let later = Provision::parse("version = 2\n").expect_err("refused");
        assert_eq!(later, [ProvisionFault::Version(2)]);
    }

    #[test]
    fn a_wrong_field_is_named_with_the_fix() {
        let check = |from: &str, to: &str, field: &str| {
            let text = WHOLE.replace(from, to);
            assert_ne!(text, WHOLE);
            let faults = Provision::parse(&text).expect_err(to);
            let said: Vec<_> = faults.iter().map(ToString::to_string).collect();
            assert!(
                said.len() == 1 && said[0].starts_with(field),
                "{to}: {said:?}"
            );
        };
        check("\"static\"", "\"manual\"", "network.method: write");
        check("\"static\"", "\"dhcp\"", "network.method: write");
        for address in [
            "192.168.10.0/24",
            "192.168.10.5",
            "192.168.10.255/24",
            "10.0.0.1/31",
        ] {
            check("192.168.10.5/24", address, "network.address: write");
        }
        check(
            "gateway = \"192.168.10.1\"",
            "gateway = \"10.0.0.1\"",
            "network.gateway",
        );
        check("2001:db8::53", "dns.example", "network.dns");
        check("ramal-matriz", "Ramal.matriz", "site.host_name");
        check("America/Sao_Paulo", "Brasilia", "site.time_zone");
        check("ssh-ed25519 AAAA", "ssh-dss AAAA", "administrator.ssh_keys");
        check("e3b0c44298", "g3b0c44298", "administrator.login_key_sha256");
        check("K7QF-", "K7 QF-", "grid.code");
    }

    const TUNNEL: &str = r#"
[grid.tunnel]
addresses = ["10.200.0.5"]
hub_key = "hDZB5mbl0bYhe2sFcEfCHIiBuQ5dP+Tq5UsFBpYDkgY="
endpoint = "hub.example.com:51820"
preshared_key = "8Gz9pAFZzWz6dHJ9ky4PSD2OTgPHkgrTiSLVjvuMkQ4="
allowed = ["10.200.0.0/24"]
"#;

    #[test]
    fn a_tunnel_is_read_and_what_is_wrong_with_it_told_without_its_secret() {
        let whole = format!("{WHOLE}{TUNNEL}");
        let read = Provision::parse(&whole).expect("right");
        let tunnel = read.tunnel.as_ref().expect("there is one");
        assert_eq!(tunnel.endpoint.to_string(), "hub.example.com:51820");
        assert!(read.grid_code.is_some());
        assert!(!format!("{read:?}").contains("8Gz9"));
        let check = |from: &str, to: &str, expected: &str| {
            let faults = Provision::parse(&whole.replace(from, to)).expect_err(to);
            let said: Vec<_> = faults.iter().map(ToString::to_string).collect();
            assert!(
                said.len() == 1 && said[0].starts_with(expected) && !said[0].contains("8Gz9"),
                "{to}: {said:?}"
            );
        };
        check("8Gz9p", "8Gz9", "grid.tunnel.preshared_key: is not");
        check("\"8Gz9", "8Gz9", "line 21");
        check(
            "[\"10.200.0.0/24",
            "[\"0.0.0.0/0",
            "grid.tunnel.allowed: 0.0.0.0/0 is too wide",
        );
        let overlap = "grid.tunnel.allowed: 192.168.0.0/16 has addresses in common with \
                       192.168.10.0/24, the box's own network";
        check("allowed = [", "allowed = [\"192.168.0.0/16\", ", overlap);
    }

    #[test]
    fn faults_of_form_name_the_line_and_quote_no_secret() {
        let text = WHOLE.replace("[grid]", "[grid]\npassword = \"hunter2\"");
        let faults = Provision::parse(&text).expect_err("refused");
        let said = faults[0].to_string();
        assert!(
            said.starts_with("line 15: unknown field `password`"),
            "{said}"
        );
        let text = WHOLE.replace("K7QF-9M2X-TRWA-03BD\"", "K7QF-9M2X-TRWA-03BD");
        let said = Provision::parse(&text).expect_err("refused")[0].to_string();
        assert!(
            said.starts_with("line 15") && !said.contains("K7QF"),
            "{said}"
        );
        let grid = "[grid]\ncode = \"K7QF-9M2X-TRWA-03BD\"";
        let text = WHOLE.replace(grid, "");
        let text = text.replace("[network]", "grid = \"K7QF-9M2X-TRWA-03BD\"\n[network]");
        let said = Provision::parse(&text).expect_err("refused")[0].to_string();
        assert!(
            said.starts_with("line 3: something else belongs here: ") && !said.contains("K7QF"),
            "{said}"
        );
        let long = "#".repeat(PROVISION_LENGTH_MAX + 1);
        assert_eq!(Provision::parse(&long), Err(vec![ProvisionFault::TooLong]));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,200}", cut in 0..700_usize) {
            let _ = Provision::parse(&text);
            let _ = Provision::parse(WHOLE.get(..cut).unwrap_or_default());
        }
    }
}
