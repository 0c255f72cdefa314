//! What is reachable from where: the ports of the box by zone (R72-R80, T1-T3).
//!
//! The box has no filter of its own in front of its ports, so whoever can send it packets reaches
//! what listens. Whether somebody outside can is the router's; the box knows only whether it was
//! reached.

use ipc::grid;

use crate::facts::Facts;
use crate::finding::Said;

/// From where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Zone {
    /// The customer's network.
    Lan,
    /// The customer's own VPN into it (R83).
    Vpn,
    /// The private network of a grid (R81).
    Grid,
    /// Everywhere else.
    Outside,
}

impl Zone {
    /// Every one, in the order of [`Port::reach`].
    pub const ALL: [Self; 4] = [Self::Lan, Self::Vpn, Self::Grid, Self::Outside];

    /// What people call it.
    #[must_use]
    pub const fn said(self) -> Said {
        match self {
            Self::Lan => ("LAN", "LAN"),
            Self::Vpn => ("Customer VPN", "VPN do cliente"),
            Self::Grid => ("Grid", "Grid"),
            Self::Outside => ("Outside", "Fora"),
        }
    }
}

/// Whether a port answers somebody there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// It answers.
    Open,
    /// It answers during a call, that call alone.
    InCalls,
    /// Nothing listens, or nothing gets there.
    Closed,
    /// The service behind it does not run.
    Stopped,
    /// The box was reached from there; by which port is the router's to say.
    Heard,
    /// The box was not reached from there since its start, which proves nothing.
    NotHeard,
    /// There is no such network.
    Absent,
    /// It could not be checked.
    Unknown,
}

impl Reach {
    /// As programs know it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::InCalls => "in-calls",
            Self::Closed => "closed",
            Self::Stopped => "stopped",
            Self::Heard => "reached",
            Self::NotHeard => "not-reached-yet",
            Self::Absent => "absent",
            Self::Unknown => "not-checked",
        }
    }

    /// What people call it.
    #[must_use]
    pub const fn said(self) -> Said {
        match self {
            Self::Open => ("open", "aberta"),
            Self::InCalls => ("during calls", "durante ligações"),
            Self::Closed => ("closed", "fechada"),
            Self::Stopped => ("service stopped", "serviço parado"),
            Self::Heard => ("reached", "alcançada"),
            Self::NotHeard => ("not reached yet", "ainda não alcançada"),
            Self::Absent => ("none", "não há"),
            Self::Unknown => ("not checked", "não verificada"),
        }
    }
}

/// A port, or a range of them, and who reaches it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Port {
    /// `5060`, `16384-32767`.
    pub ports: &'static str,
    /// `UDP`, `TCP`.
    pub transport: &'static str,
    /// What answers there, or would.
    pub what: Said,
    /// The requirement that names it.
    pub requirement: &'static str,
    /// By zone, in the order of [`Zone::ALL`].
    pub reach: [Reach; 4],
}

/// All of them.
#[must_use]
pub fn ports(facts: &Facts) -> Vec<Port> {
    let row = |line: &Line| Port {
        ports: line.ports,
        transport: line.transport,
        what: line.what,
        requirement: line.requirement,
        reach: reach(facts, line),
    };
    LINES.iter().map(row).collect()
}

fn reach(facts: &Facts, line: &Line) -> [Reach; 4] {
    let Some(service) = line.service else {
        return [Reach::Closed; 4];
    };
    let inside = match &facts.init {
        None => Reach::Unknown,
        Some(status) => {
            let found = status.services.iter().find(|it| it.name == service);
            match found.is_some_and(|it| !GONE.contains(&it.state.as_str())) {
                true if line.is_in_calls => Reach::InCalls,
                true => Reach::Open,
                false => Reach::Stopped,
            }
        }
    };
    if line.is_of_the_link {
        return [inside, Reach::Closed, Reach::Closed, Reach::Closed];
    }
    let answers = matches!(inside, Reach::Open | Reach::InCalls);
    let grid = match facts.grid.as_ref().map(|it| it.state) {
        None | Some(grid::State::Unknown) => Reach::Unknown,
        Some(grid::State::Unset) => Reach::Absent,
        Some(_) => inside,
    };
    let outside = match &facts.guard {
        _ if !answers => inside,
        None => Reach::Unknown,
        Some(status) if status.outsider_secs.is_some() => Reach::Heard,
        Some(_) => Reach::NotHeard,
    };
    [inside, inside, grid, outside]
}

/// States of a service that does not come back by itself.
const GONE: [&str; 2] = ["stopped", "given-up"];

struct Line {
    ports: &'static str,
    transport: &'static str,
    what: Said,
    requirement: &'static str,
    /// Who answers there; `None`: nothing listens.
    service: Option<&'static str>,
    is_in_calls: bool,
    /// It answers neighbours on the cable alone.
    is_of_the_link: bool,
}

const fn line(
    (ports, transport): (&'static str, &'static str),
    what: Said,
    requirement: &'static str,
    service: Option<&'static str>,
) -> Line {
    Line {
        ports,
        transport,
        what,
        requirement,
        service,
        is_in_calls: false,
        is_of_the_link: false,
    }
}

const NOTHING: Option<&str> = None;
const LINES: [Line; 12] = [
    line(
        ("5060", "UDP, TCP"),
        (
            "SIP of phones and carriers",
            "SIP de telefones e operadoras",
        ),
        "R72",
        Some("pbx"),
    ),
    line(
        ("5061", "TCP"),
        ("SIP in TLS", "SIP em TLS"),
        "R72",
        Some("pbx"),
    ),
    Line {
        is_in_calls: true,
        ..line(
            ("16384-32767", "UDP"),
            ("sound of calls (RTP)", "áudio das ligações (RTP)"),
            "T2",
            Some("media"),
        )
    },
    line(
        ("443", "TCP"),
        (
            "these pages and the API (HTTPS)",
            "estas páginas e a API (HTTPS)",
        ),
        "R73",
        Some("web"),
    ),
    line(
        ("80", "TCP"),
        (
            "redirect to HTTPS, nothing else",
            "redireciona para HTTPS, nada mais",
        ),
        "T1",
        Some("web"),
    ),
    Line {
        is_of_the_link: true,
        ..line(
            ("5353", "UDP"),
            ("the name of the box (mDNS)", "o nome da central (mDNS)"),
            "R80",
            Some("net"),
        )
    },
    line(("3000", "TCP"), ("ITC", "ITC"), "R74", NOTHING),
    line(("5000", "TCP"), ("ITC", "ITC"), "R75", NOTHING),
    line(("5038", "TCP"), ("AMI", "AMI"), "R76", NOTHING),
    line(("8088", "TCP"), ("ARI", "ARI"), "R77", NOTHING),
    line(("8080", "TCP"), ("Q-Manager", "Q-Manager"), "R78", NOTHING),
    line(("2522", "TCP"), ("SSH", "SSH"), "R79", NOTHING),
];
