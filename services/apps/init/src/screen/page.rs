//! What the status page says, in Portuguese and English: facts in, lines out.

use std::net::IpAddr;

use config::StaticNetwork;
use ipc::Redacted;
use ipc::init::{self, SecureBoot, StickFile};
use supervise::ServiceStatus;

use super::network::{self, Network};
use super::update;
use crate::boot::KeyKept;

/// What services have said of themselves.
#[derive(Default)]
pub(crate) struct Presence {
    /// Empty until `net` has said one.
    host_name: String,
    /// The same.
    network: Option<Network>,
    certificate: Option<[u8; 32]>,
    /// How to sign in for the first time; nothing once somebody has.
    pub(crate) sign_in: Redacted<Vec<String>>,
    /// What became of what somebody at the box asked for.
    notice: String,
}

impl Presence {
    /// Notes what a service says.
    pub(crate) fn take(&mut self, presence: init::Presence) {
        match presence {
            init::Presence::Network {
                host_name,
                status,
                set,
            } => {
                self.host_name = host_name;
                let set = set.and_then(|text| StaticNetwork::from_text(&text));
                self.network = Some(Network { status, set });
            }
            init::Presence::Pages {
                certificate,
                is_claimed,
            } => {
                self.certificate = certificate;
                if is_claimed {
                    self.sign_in = Redacted::default();
                }
            }
            init::Presence::Notice(text) => self.notice = text,
        }
    }

    /// How the network is; nothing until `net` has said it.
    pub(crate) const fn network(&self) -> Option<&Network> {
        self.network.as_ref()
    }
}

/// Everything the page is made of.
pub(crate) struct Facts<'a> {
    /// The box's name until it has another.
    pub(crate) host: &'a str,
    pub(crate) version: &'a str,
    pub(crate) presence: &'a Presence,
    pub(crate) services: &'a [ServiceStatus],
    /// Why no service was started.
    pub(crate) maintenance: Option<&'a str>,
    /// The slot that runs, and where the key of its data is; none in the lab.
    pub(crate) firmware: Option<(&'a str, KeyKept)>,
    /// Nobody has seen the code that opens the data without the TPM.
    pub(crate) is_code_unseen: bool,
    /// Update files on a memory stick.
    pub(crate) files: &'a [StickFile],
    /// Whether the machine starts only what is signed.
    pub(crate) secure_boot: SecureBoot,
    /// It did so at an earlier start, and no longer does.
    pub(crate) is_secure_boot_lost: bool,
}

/// The page.
pub(super) fn lines(facts: &Facts<'_>) -> Vec<String> {
    let mut lines = vec![format!("Ramal - {}", host(facts)), String::new()];
    if let Some(reason) = facts.maintenance {
        push(&mut lines, "Manutenção / Maintenance", wrapped(reason));
    }
    push(&mut lines, "Endereço / Address", addresses(facts));
    let network = facts.presence.network();
    let notes = network.map(network::notes).unwrap_or_default();
    push(&mut lines, network::NAME, notes);
    if let Some(digest) = &facts.presence.certificate {
        push(&mut lines, "Certificado / Certificate", fingerprint(digest));
    }
    let sign_in = facts.presence.sign_in.reveal();
    if !sign_in.is_empty() {
        let shown = sign_in.iter().take(SIGN_IN_LINES_MAX).cloned();
        push(&mut lines, "Primeiro acesso / First sign-in", shown);
    }
    push(&mut lines, "Serviços / Services", services(facts));
    push(&mut lines, "Firmware", [firmware(facts)]);
    if let Some((_, key)) = facts.firmware {
        let (kept, ask) = data(key);
        push(&mut lines, "Dados / Data", [kept.to_owned()]);
        push(&mut lines, "Recuperação / Recovery", ask.map(str::to_owned));
        if facts.is_code_unseen {
            let unseen = CODE_UNSEEN.map(str::to_owned);
            push(&mut lines, "Recuperação / Recovery", unseen);
        }
    }
    if facts.is_secure_boot_lost {
        push(&mut lines, SECURE_BOOT, LOST.map(str::to_owned));
    } else if facts.secure_boot == SecureBoot::NotRead {
        push(&mut lines, SECURE_BOOT, NOT_READ.map(str::to_owned));
    }
    if let Some(file) = facts.files.first() {
        let shown = [update::description(file), FROM_MENU.to_owned()];
        push(&mut lines, "Pen drive / USB stick", shown);
    }
    if !facts.presence.notice.is_empty() {
        // The log has all of it.
        let notice = wrapped(&facts.presence.notice).into_iter();
        push(&mut lines, "!", notice.take(NOTICE_LINES_MAX));
    }
    lines.push(String::new());
    lines
}

/// A heading with what belongs to it beside and below.
fn push(lines: &mut Vec<String>, heading: &str, values: impl IntoIterator<Item = String>) {
    let mut heading = heading;
    for value in values {
        lines.push(format!("{heading:HEADING_WIDTH$} {value}"));
        heading = "";
    }
}

/// A text in lines that a monitor of eighty columns shows beside a heading.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() < COLUMNS - HEADING_WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

fn host<'a>(facts: &Facts<'a>) -> &'a str {
    match facts.presence.host_name.as_str() {
        "" => facts.host,
        name => name,
    }
}

fn addresses(facts: &Facts<'_>) -> Vec<String> {
    let network = facts.presence.network();
    let addresses: Vec<IpAddr> =
        network.map_or_else(Vec::new, |it| it.status.addresses().collect());
    if addresses.is_empty() {
        return vec!["nenhum ainda; veja o cabo / none yet; check the cable".to_owned()];
    }
    let pages = addresses.iter().take(ADDRESSES_MAX);
    // Of eighty columns, an IPv6 address leaves none for the last slash.
    let pages = pages.map(|address| match address {
        IpAddr::V4(address) => format!("https://{address}/"),
        IpAddr::V6(address) => format!("https://[{address}]"),
    });
    let by_name = std::iter::once(format!("https://{}.local/", host(facts)));
    pages.chain(by_name).collect()
}

/// As browsers show it, on two lines: a monitor has eighty columns.
fn fingerprint(digest: &[u8; 32]) -> Vec<String> {
    let pairs: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
    let halves = pairs.chunks(16).map(|half| half.join(":"));
    std::iter::once("SHA-256".to_owned())
        .chain(halves)
        .collect()
}

fn services(facts: &Facts<'_>) -> Vec<String> {
    let not_ready: Vec<String> = facts
        .services
        .iter()
        .filter(|it| it.state != "ready")
        .map(|it| format!("{}: {}", it.service, state(it.state)))
        .collect();
    if not_ready.is_empty() {
        return vec!["todos prontos / all ready".to_owned()];
    }
    not_ready
}

/// The supervisor's word for a state, with the Portuguese one.
fn state(word: &str) -> String {
    let portuguese = match word {
        "starting" => "iniciando",
        "waiting" => "será reiniciado",
        "stopping" => "parando",
        "stopped" => "parado",
        "given-up" => "desistiu",
        _ => return word.to_owned(),
    };
    format!("{portuguese} / {word}")
}

/// How the data are, and what is asked of whoever stands there.
const fn data(key: KeyKept) -> (&'static str, Option<&'static str>) {
    match key {
        KeyKept::OnDisk => (
            "cifrados, chave neste disco / encrypted, key on this disk",
            None,
        ),
        KeyKept::ByTpm => ("cifrados, chave no TPM / encrypted, key in the TPM", None),
        KeyKept::Locked => (
            "trancados: o TPM não abre a chave / locked: the TPM opens no key",
            Some(
                "digite aqui o código de recuperação e tecle Enter / type the recovery code here \
                 and press Enter",
            ),
        ),
    }
}

fn firmware(facts: &Facts<'_>) -> String {
    let version = facts.version;
    facts.firmware.map_or_else(
        || version.to_owned(),
        |(slot, _)| format!("{version}, slot {}", slot.to_uppercase()),
    )
}

/// What is lost, and where the code is to be had.
const CODE_UNSEEN: [&str; 4] = [
    "ninguém viu o código ainda; sem ele, tudo se",
    "perde com o TPM: página Firmware /",
    "nobody has seen the code yet; without it all",
    "is lost with the TPM: page Firmware",
];
const SECURE_BOOT: &str = "Secure Boot";
const LOST: [&str; 4] = [
    "ATENÇÃO: estava ligado e está desligado; veja a",
    "página Estado /",
    "WARNING: it was on and is off; see the page",
    "Status",
];
const NOT_READ: [&str; 2] = [
    "o firmware da máquina não respondeu /",
    "the firmware of the machine did not answer",
];
const FROM_MENU: &str = "instale pelo menu / install it by the menu";
/// Those of a monitor.
const COLUMNS: usize = 80;
/// Of something that somebody has to be told.
const NOTICE_LINES_MAX: usize = 8;
/// Columns of the longest heading.
const HEADING_WIDTH: usize = 31;
/// More do not fit on a monitor with everything else.
const ADDRESSES_MAX: usize = 4;
const SIGN_IN_LINES_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use ipc::net;
    use ipc::stick::Offer;
    use supervise::Service;

    use super::*;

    fn status(service: Service, state: &'static str) -> ServiceStatus {
        ServiceStatus {
            service,
            state,
            pid: None,
            restarts: 0,
            last_exit: String::new(),
        }
    }

    fn facts<'a>(presence: &'a Presence, services: &'a [ServiceStatus]) -> Facts<'a> {
        Facts {
            host: "ramal",
            version: "0.1.0",
            presence,
            services,
            maintenance: None,
            firmware: Some(("a", KeyKept::ByTpm)),
            is_code_unseen: true,
            files: &[],
            secure_boot: SecureBoot::Off,
            is_secure_boot_lost: false,
        }
    }

    fn unclaimed() -> Presence {
        let mut presence = Presence {
            sign_in: Redacted::new(vec!["one-time password: abcd-efgh".into()]),
            ..Presence::default()
        };
        presence.take(init::Presence::Network {
            host_name: "matriz".into(),
            status: net::Status {
                links: vec![net::Link {
                    address: "10.77.0.2/24".into(),
                    ipv6: vec!["fd77::5054:ff:fe77:2/64".into()],
                    ..net::Link::default()
                }],
                ..net::Status::default()
            },
            set: None,
        });
        presence.take(init::Presence::Pages {
            certificate: Some([0xa7; 32]),
            is_claimed: false,
        });
        presence
    }

    #[test]
    fn a_new_box_says_everything_that_its_installer_needs() {
        let services = [status(Service::Web, "ready")];
        let lines = lines(&facts(&unclaimed(), &services));
        let page = lines.join("\n");
        for wanted in [
            "Ramal - matriz",
            "Endereço / Address              https://10.77.0.2/",
            "https://[fd77::5054:ff:fe77:2]",
            "https://matriz.local/",
            "A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7:A7\n",
            "Primeiro acesso / First sign-in one-time password: abcd-efgh",
            "todos prontos / all ready",
            "0.1.0, slot A",
            "key in the TPM",
            "Recuperação / Recovery          ninguém viu o código ainda",
            "nobody has seen the code yet; without it all",
        ] {
            assert!(page.contains(wanted), "{wanted} in\n{page}");
        }
        assert!(lines.len() < 25, "{} lines", lines.len());
        for line in &lines {
            assert!(line.chars().count() < 100, "{line}");
        }
    }

    #[test]
    fn the_code_is_not_asked_for_once_somebody_has_seen_it() {
        let presence = unclaimed();
        let mut facts = facts(&presence, &[]);
        facts.is_code_unseen = false;
        let page = lines(&facts).join("\n");
        assert!(!page.contains("Recovery"), "{page}");
    }

    #[test]
    fn secure_boot_is_named_when_it_was_lost_or_cannot_be_known() {
        let presence = unclaimed();
        let mut facts = facts(&presence, &[]);
        assert!(!lines(&facts).join("\n").contains("Secure Boot"));
        facts.secure_boot = SecureBoot::NotRead;
        let page = lines(&facts).join("\n");
        assert!(page.contains("não respondeu"), "{page}");
        assert!(page.contains("did not answer"), "{page}");
        facts.is_secure_boot_lost = true;
        let lines = lines(&facts);
        let page = lines.join("\n");
        assert!(page.contains("estava ligado e está desligado"), "{page}");
        assert!(page.contains("it was on and is off"), "{page}");
        assert!(
            LOST.iter()
                .all(|it| it.chars().count() < COLUMNS - HEADING_WIDTH)
        );
    }

    #[test]
    fn the_password_is_gone_once_somebody_has_signed_in() {
        let mut presence = unclaimed();
        presence.take(init::Presence::Pages {
            certificate: None,
            is_claimed: true,
        });
        let page = lines(&facts(&presence, &[])).join("\n");
        assert!(!page.contains("password"), "{page}");
    }

    #[test]
    fn a_long_notice_is_shown_in_lines_that_fit_and_not_without_end() {
        let mut presence = unclaimed();
        let reason = "site.host_name: use 1 to 63 of a-z, 0-9 and dash; ".repeat(20);
        presence.take(init::Presence::Notice(reason));
        let lines = lines(&facts(&presence, &[]));
        let begin = lines.iter().position(|line| line.starts_with("! "));
        let notice = &lines[begin.expect("shown")..];
        assert!(notice[0].contains("site.host_name: use 1 to 63 of a-z"));
        assert!(notice.iter().all(|line| line.chars().count() <= 80));
        assert_eq!(notice.len(), NOTICE_LINES_MAX + 1, "{notice:#?}");
    }

    #[test]
    fn what_is_not_well_is_named() {
        let services = [
            status(Service::Pbx, "given-up"),
            status(Service::Web, "ready"),
        ];
        let presence = Presence::default();
        let mut facts = facts(&presence, &services);
        facts.maintenance = Some("vdb: damaged");
        facts.firmware = Some(("a", KeyKept::Locked));
        let locked = lines(&facts).join("\n");
        assert!(locked.contains("type the recovery code here"), "{locked}");
        facts.firmware = None;
        let page = lines(&facts).join("\n");
        assert!(page.contains("pbx: desistiu / given-up"), "{page}");
        assert!(page.contains("none yet; check the cable"), "{page}");
        assert!(page.contains("vdb: damaged"), "{page}");
        assert!(!page.contains("web") && !page.contains("TPM"), "{page}");
    }

    #[test]
    fn an_address_that_people_have_set_is_named_with_what_stands_in_its_way() {
        let mut presence = unclaimed();
        let page = lines(&facts(&presence, &[])).join("\n");
        assert!(!page.contains("Rede / Network"), "{page}");
        presence.take(init::Presence::Network {
            host_name: "matriz".into(),
            status: net::Status {
                links: vec![net::Link {
                    conflict_with: "02:00:00:00:00:99".into(),
                    ..net::Link::default()
                }],
                ..net::Status::default()
            },
            set: Some("10.77.0.9/24 - -".into()),
        });
        let page = lines(&facts(&presence, &[])).join("\n");
        let wanted = "Rede / Network                  10.77.0.9/24 ainda não / not yet";
        assert!(page.contains(wanted), "{page}");
        assert!(page.contains("also used by 02:00:00:00:00:99"), "{page}");
        assert!(page.contains("none yet; check the cable"), "{page}");
    }

    #[test]
    fn an_update_on_a_stick_is_named_with_where_to_install_it() {
        let presence = Presence::default();
        let mut facts = facts(&presence, &[]);
        assert!(!lines(&facts).join("\n").contains("USB stick"));
        let files = [StickFile {
            disk: "sdb".into(),
            offer: Offer::of("ramal-1.5.0.update", 31_000_000).expect("plain"),
        }];
        facts.files = &files;
        let page = lines(&facts).join("\n");
        let wanted = "Pen drive / USB stick           ramal-1.5.0.update  31.0 MB  (sdb)";
        assert!(page.contains(wanted), "{page}");
        assert!(page.contains("install it by the menu"), "{page}");
    }
}
