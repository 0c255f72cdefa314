//! The network as the menu shows and changes it: how it is now, and an address that is typed line
//! by line, each line checked at once.
//!
//! ```text
//!              1
//!   looking ───────────────────────────────> confirming ──word──> to be kept
//!      │  2                                   ^
//!      └────> address ──> gateway ──> names ──┘     0 or nothing leads back from everywhere, and
//!                                                   so do too many lines that are none in a row
//! ```

use config::StaticNetwork;
use ipc::net;

use super::menu::{BACK, YES, confirm};

/// What `net` has said of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Network {
    /// Links and addresses now.
    pub(crate) status: net::Status,
    /// What people have set; nothing when the box asks DHCP.
    pub(crate) set: Option<StaticNetwork>,
}

/// Where the person is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Dialogue {
    /// Before how it is now, and what can be chosen.
    Looking,
    /// A line is to come; so many before it were none.
    Typing(Typing, u8),
    /// Before the question whether that is meant; nothing is DHCP.
    Confirming(Option<StaticNetwork>),
}

/// What the line is to say.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Typing {
    Address,
    Gateway(StaticNetwork),
    Names(StaticNetwork),
}

/// What a line leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    Stay(Dialogue),
    Leave,
    /// To be kept; nothing is DHCP.
    Keep(Option<StaticNetwork>),
}

impl Dialogue {
    /// Takes a line, without space around it.
    pub(super) fn enter(self, line: &str) -> Turn {
        match self {
            Self::Looking if line == "1" => Turn::Stay(Self::Confirming(None)),
            Self::Looking if line == "2" => Turn::Stay(Self::Typing(Typing::Address, 0)),
            Self::Confirming(network) if YES.contains(&line) => Turn::Keep(network),
            Self::Looking | Self::Confirming(_) => Turn::Leave,
            Self::Typing(..) if matches!(line, "" | "0") => Turn::Leave,
            Self::Typing(typing, refused) => match typing.clone().take(line) {
                Some(next) => Turn::Stay(next),
                None if refused + 1 < REFUSALS_MAX => Turn::Stay(Self::Typing(typing, refused + 1)),
                // A line that sends everything back would be asked without end.
                None => Turn::Leave,
            },
        }
    }

    /// What is shown; `network` is how it was when the menu was opened.
    pub(super) fn lines(&self, network: Option<&Network>) -> Vec<String> {
        let mut lines = vec![NAME.to_owned()];
        match self {
            Self::Looking => {
                lines.extend(network.map_or_else(|| vec![SILENT.to_owned()], now));
                lines.extend([DHCP, FIXED, BACK].map(str::to_owned));
            }
            Self::Typing(typing, refused) => {
                if *refused > 0 {
                    lines.extend(typing.fix().map(str::to_owned));
                }
                lines.extend(typing.question().map(str::to_owned));
            }
            Self::Confirming(wanted) => {
                let card = network.and_then(first);
                let card = card.map(|it| format!(" ({})", it.name));
                lines.push(match wanted {
                    None => format!("Novo / New: DHCP{}", card.unwrap_or_default()),
                    Some(wanted) => {
                        let (address, length) = (wanted.address, wanted.length);
                        let card = card.unwrap_or_default();
                        format!("Novo / New: {address}/{length}{card}")
                    }
                });
                lines.extend(wanted.as_ref().map(around));
                lines.extend(CONSEQUENCE.map(str::to_owned));
                lines.push(confirm(YES));
            }
        }
        lines
    }
}

impl Typing {
    fn take(self, line: &str) -> Option<Dialogue> {
        let typing = match self {
            Self::Address => Self::Gateway(StaticNetwork::at(line)?),
            Self::Gateway(network) if line == NONE => Self::Names(network),
            Self::Gateway(network) => Self::Names(network.with_gateway(line)?),
            Self::Names(network) => {
                let words = line.split([' ', ',']);
                let words = words.filter(|it| !it.is_empty() && line != NONE);
                return Some(Dialogue::Confirming(Some(network.with_dns(words)?)));
            }
        };
        Some(Dialogue::Typing(typing, 0))
    }

    const fn question(&self) -> [&'static str; 2] {
        match self {
            Self::Address => [
                "Digite o endereço com o tamanho da rede, como 192.168.10.5/24; 0: voltar",
                "Type the address with the network's length, as 192.168.10.5/24; 0: back",
            ],
            Self::Gateway(_) => [
                "Digite o gateway, como 192.168.10.1, ou - se não há; 0: voltar",
                "Type the gateway, as 192.168.10.1, or - for none; 0: back",
            ],
            Self::Names(_) => [
                "Digite até três servidores DNS com espaço entre eles, ou - se não há; 0: voltar",
                "Type up to three DNS servers with a space between, or - for none; 0: back",
            ],
        }
    }

    /// What to write, after a line that was none.
    const fn fix(&self) -> [&'static str; 2] {
        match self {
            Self::Address => [
                "Não serve: um endereço IPv4 da própria central, e não da rede toda, / de 8 a 30",
                "No good: an IPv4 address of the box's own, not of the whole network, / 8 to 30",
            ],
            Self::Gateway(_) => [
                "Não serve: outro endereço IPv4 da mesma rede",
                "No good: another IPv4 address in the same network",
            ],
            Self::Names(_) => [
                "Não serve: no máximo três endereços IPv4 ou IPv6, e não nomes",
                "No good: at most three IPv4 or IPv6 addresses, not names",
            ],
        }
    }
}

/// The card that an address is for.
fn first(network: &Network) -> Option<&net::Link> {
    let (links, first) = (&network.status.links, &network.status.first);
    links.iter().find(|link| link.mac == *first)
}

/// How it is now.
fn now(network: &Network) -> Vec<String> {
    let mut lines = vec![match &network.set {
        None => "Agora / Now: DHCP".to_owned(),
        Some(set) => format!(
            "Agora / Now: endereço fixo / fixed address {}/{}",
            set.address, set.length
        ),
    }];
    for link in &network.status.links {
        let address = match link.address.as_str() {
            "" if link.up => "sem endereço / no address",
            "" => "sem cabo / no cable",
            address => address,
        };
        let or_dash = |text: String| if text.is_empty() { NONE.into() } else { text };
        let gateway = or_dash(link.gateway.clone());
        lines.push(format!("  {}  {address}  gateway {gateway}", link.name));
        lines.push(format!(
            "  {}  DNS {}",
            link.name,
            or_dash(link.dns.join(", "))
        ));
    }
    lines.extend(unreadable(network).into_iter().flatten());
    lines.extend(conflicts(network));
    lines
}

fn around(network: &StaticNetwork) -> String {
    let gateway = network.gateway.map(|it| it.to_string());
    let dns: Vec<String> = network.dns.iter().map(ToString::to_string).collect();
    let dns = (!dns.is_empty()).then(|| dns.join(", "));
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
    format!("  gateway {}  DNS {}", or_dash(gateway), or_dash(dns))
}

/// What the status page says of it: nothing while all is as from the works.
pub(super) fn notes(network: &Network) -> Vec<String> {
    let set = network.set.as_ref().map(|set| {
        let (address, length) = (set.address, set.length);
        let mut links = network.status.links.iter();
        if links.any(|link| link.ipv4() == Some(address)) {
            format!("{address}/{length} fixo / fixed")
        } else {
            format!("{address}/{length} ainda não / not yet")
        }
    });
    let unreadable = unreadable(network).into_iter().flatten();
    let notes = set.into_iter().chain(unreadable);
    notes.chain(conflicts(network)).collect()
}

/// An address was kept that this version does not take.
fn unreadable(network: &Network) -> Option<[String; 2]> {
    let field = network.status.unreadable.as_str();
    (!field.is_empty()).then(|| {
        [
            format!("o que estava fixo não serve ({field}): digite-o de novo pelo menu"),
            format!("what was set is no good ({field}): type it again by the menu"),
        ]
    })
}

fn conflicts(network: &Network) -> Vec<String> {
    let links = network.status.links.iter();
    let others = links
        .map(|it| &it.conflict_with)
        .filter(|it| !it.is_empty());
    let said = others.map(|other| format!("usado também por / also used by {other}"));
    said.collect()
}

/// As people know it.
pub(super) const NAME: &str = "Rede / Network";
const DHCP: &str = "  1  DHCP (automático / automatic)";
const FIXED: &str = "  2  Endereço fixo / Fixed address";
const CONSEQUENCE: [&str; 2] = [
    "Vale logo; quem usa outro endereço da central o perde, e chamadas podem terminar",
    "At once; who uses another address of the box loses it, and calls may end",
];
const SILENT: &str = "O serviço de rede ainda não disse nada / The network service is silent yet";
const NONE: &str = "-";
/// Lines in a row that are none, before the page comes back.
const REFUSALS_MAX: u8 = 5;

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// One card with an address from DHCP.
    pub(in crate::screen) fn leased() -> Network {
        Network {
            status: net::Status {
                links: vec![net::Link {
                    name: "eth0".into(),
                    mac: "02:00:00:00:00:01".into(),
                    up: true,
                    address: "10.77.0.10/24".into(),
                    gateway: "10.77.0.1".into(),
                    dns: vec!["10.77.0.1".into(), "1.1.1.1".into()],
                    ..net::Link::default()
                }],
                first: "02:00:00:00:00:01".into(),
                ..net::Status::default()
            },
            set: None,
        }
    }

    fn fixed(text: &str) -> Option<StaticNetwork> {
        Some(StaticNetwork::from_text(text).expect("right"))
    }

    /// Where these lines lead from the list.
    fn led(lines: &[&str]) -> Turn {
        let start = Turn::Stay(Dialogue::Looking);
        lines.iter().fold(start, |turn, line| match turn {
            Turn::Stay(dialogue) => dialogue.enter(line),
            Turn::Leave | Turn::Keep(_) => panic!("{turn:?} before {line:?}"),
        })
    }

    fn shown(turn: &Turn) -> String {
        let Turn::Stay(dialogue) = turn else {
            panic!("{turn:?}");
        };
        dialogue.lines(Some(&leased())).join("\n")
    }

    #[test]
    fn how_it_is_now_is_told() {
        let lines = Dialogue::Looking.lines(Some(&leased()));
        assert_eq!(
            lines[1..4],
            [
                "Agora / Now: DHCP",
                "  eth0  10.77.0.10/24  gateway 10.77.0.1",
                "  eth0  DNS 10.77.0.1, 1.1.1.1",
            ]
        );
        let mut network = leased();
        network.set = fixed("10.77.0.9/24 - -");
        network.status.links[0].conflict_with = "02:00:00:00:00:99".into();
        let text = Dialogue::Looking.lines(Some(&network)).join("\n");
        assert!(text.contains("fixed address 10.77.0.9/24"), "{text}");
        assert!(text.contains("also used by 02:00:00:00:00:99"), "{text}");
        assert_eq!(
            notes(&network),
            [
                "10.77.0.9/24 ainda não / not yet",
                "usado também por / also used by 02:00:00:00:00:99"
            ]
        );
        network.status.links[0].address = "10.77.0.9/24".into();
        assert_eq!(notes(&network)[0], "10.77.0.9/24 fixo / fixed");
        assert!(notes(&leased()).is_empty());
        let silent = Dialogue::Looking.lines(None).join("\n");
        assert!(silent.contains("silent yet") && silent.contains("  1  DHCP"));
    }

    #[test]
    fn an_address_that_was_kept_and_cannot_be_read_is_told_where_people_stand() {
        let mut network = leased();
        network.status.unreadable = "gateway".into();
        let text = notes(&network).join("\n");
        assert!(text.contains("não serve (gateway)"), "{text}");
        assert!(
            text.contains("is no good (gateway): type it again"),
            "{text}"
        );
        assert!(notes(&network).iter().all(|it| it.len() < 80));
        let menu = Dialogue::Looking.lines(Some(&network)).join("\n");
        assert!(menu.contains("type it again"), "{menu}");
    }

    #[test]
    fn the_question_names_the_card_that_gets_the_address() {
        let mut network = leased();
        let other = net::Link {
            name: "eth1".into(),
            mac: "02:00:00:00:00:02".into(),
            ..net::Link::default()
        };
        network.status.links.push(other);
        network.status.first = "02:00:00:00:00:02".into();
        let question = Dialogue::Confirming(fixed("10.77.0.9/24 - -"));
        let text = question.lines(Some(&network)).join("\n");
        assert!(text.contains("10.77.0.9/24 (eth1)"), "{text}");
    }

    #[test]
    fn an_address_is_typed_line_by_line_and_kept_by_the_word_alone() {
        let whole = ["2", "10.77.0.9/24", "10.77.0.1", "10.77.0.1, 2001:db8::53"];
        let before = led(&whole);
        let text = shown(&before);
        for wanted in [
            "Novo / New: 10.77.0.9/24 (eth0)",
            "  gateway 10.77.0.1  DNS 10.77.0.1, 2001:db8::53",
            "Type YES to confirm",
        ] {
            assert!(text.contains(wanted), "{wanted} in {text}");
        }
        for word in YES {
            let kept = led(&[&whole[..], &[word]].concat());
            let wanted = fixed("10.77.0.9/24 10.77.0.1 10.77.0.1,2001:db8::53");
            assert_eq!(kept, Turn::Keep(wanted));
        }
        let bare = led(&["2", "10.77.0.9/24", "-", "-", "SIM"]);
        assert_eq!(bare, Turn::Keep(fixed("10.77.0.9/24 - -")));
        assert_eq!(led(&["1", "YES"]), Turn::Keep(None));
        assert!(shown(&led(&["1"])).contains("New: DHCP"));
    }

    #[test]
    fn a_line_that_is_none_is_asked_again_with_the_fix_in_both_languages() {
        let check = |before: &[&str], wrong: &[&str], fix: &[&str]| {
            for line in wrong {
                let refused = led(&[before, &[line]].concat());
                let text = shown(&refused);
                for wanted in fix {
                    assert!(text.contains(wanted), "{line}: {wanted} in {text}");
                }
                let asked = shown(&led(before));
                assert!(!asked.contains("No good"), "{asked}");
                assert!(text.ends_with(asked.strip_prefix(NAME).expect("its name")));
            }
        };
        check(
            &["2"],
            &[
                "10.77.0.9",
                "10.77.0.0/24",
                "10.77.0.9/31",
                "SIM",
                "10.77.0.9 24",
            ],
            &["Não serve: um endereço IPv4", "/ 8 to 30"],
        );
        check(
            &["2", "10.77.0.9/24"],
            &["10.78.0.1", "10.77.0.9", "router", "10.77.0.1/24"],
            &["da mesma rede", "in the same network"],
        );
        check(
            &["2", "10.77.0.9/24", "-"],
            &["dns.example", "1.1.1.1 2.2.2.2 3.3.3.3 4.4.4.4", "1.1.1"],
            &["no máximo três", "at most three"],
        );
        // The line after it counts as if nothing had been.
        let mended = led(&["2", "x", "10.77.0.9/24", "x", "-", "x", "-", "YES"]);
        assert_eq!(mended, Turn::Keep(fixed("10.77.0.9/24 - -")));
    }

    #[test]
    fn there_is_a_way_back_from_everywhere() {
        let whole = ["2", "10.77.0.9/24", "-", "-"];
        for typed in 0..=whole.len() {
            for line in ["0", ""] {
                let left = led(&[&whole[..typed], &[line]].concat());
                assert_eq!(left, Turn::Leave, "{line:?} after {typed} lines");
            }
        }
        for line in ["3", "menu", "YES"] {
            assert_eq!(led(&[line]), Turn::Leave, "{line}");
        }
        for line in ["yes", "2", "DHCP"] {
            assert_eq!(led(&["1", line]), Turn::Leave, "{line}");
        }
        let noise = ["x"; REFUSALS_MAX as usize];
        assert_eq!(led(&[&["2"], &noise[..]].concat()), Turn::Leave);
        assert_ne!(led(&[&["2"], &noise[1..]].concat()), Turn::Leave);
    }

    #[test]
    fn every_line_fits_a_monitor() {
        let whole = ["2", "10.77.0.9/24", "-", "-"];
        let mut texts: Vec<String> = (0..=whole.len())
            .map(|it| shown(&led(&whole[..it])))
            .collect();
        texts.extend(
            [&["2"][..], &whole[..2], &whole[..3]]
                .map(|before| shown(&led(&[before, &["x"]].concat()))),
        );
        for line in texts.iter().flat_map(|text| text.lines()) {
            // The line of the word is as everywhere in the menu.
            let is_word = line.contains("to confirm");
            assert!(is_word || line.chars().count() <= 80, "{line}");
        }
    }
}
