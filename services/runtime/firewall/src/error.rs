//! What the kernel refused, in words.

use std::io;

use crate::check::RulesetError;
use crate::subject::Subject;

/// Why the firewall in the kernel is not as it was to be. Then it is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum FirewallError {
    /// No socket to the kernel's packet filter.
    #[error("cannot open a netlink socket to the packet filter: {source}{hint}")]
    Socket {
        /// What the kernel said.
        source: io::Error,
        /// What helps, behind a space; or nothing.
        hint: String,
    },
    /// Sending or receiving failed.
    #[error("cannot {action} the packet filter by netlink: {source}")]
    Netlink {
        /// As in "tell".
        action: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// What was asked for is no ruleset.
    #[error(transparent)]
    Ruleset(#[from] RulesetError),
    /// The kernel refuses it.
    #[error("{subject}{}: {source}{hint}", in_brackets(*.expression))]
    Refused {
        /// What it refuses.
        subject: Subject,
        /// Which expression of a rule, where it says.
        expression: Option<&'static str>,
        /// What it said.
        source: io::Error,
        /// What helps, behind a space; or nothing.
        hint: String,
    },
    /// The ruleset changes faster than it can be read.
    #[error("the rules changed each of {0} times they were read")]
    KeepsChanging(usize),
    /// An answer that is none.
    #[error("the kernel's answer about {0} cannot be read")]
    Garbled(String),
}

fn in_brackets(expression: Option<&str>) -> String {
    expression.map_or_else(String::new, |name| format!(" ({name})"))
}

impl FirewallError {
    /// Whether the rules changed after they were read for a change.
    pub(crate) fn is_outdated(&self) -> bool {
        match self {
            Self::Refused {
                subject: Subject::Transaction,
                source,
                ..
            } => source.raw_os_error() == Some(ERESTART),
            Self::Refused { .. }
            | Self::Socket { .. }
            | Self::Netlink { .. }
            | Self::Ruleset(_)
            | Self::KeepsChanging(_)
            | Self::Garbled(_) => false,
        }
    }
}

/// What an error number means for somebody who builds or installs the box.
pub(crate) fn hint(subject: &Subject, expression: Option<&str>, source: &io::Error) -> String {
    let number = source.raw_os_error().unwrap_or_default();
    let said = match (subject, number) {
        (_, EPERM) => "the process needs CAP_NET_ADMIN".to_owned(),
        (Subject::Transaction, EOPNOTSUPP | EINVAL) => {
            missing("nf_tables", "CONFIG_NF_TABLES and CONFIG_NF_TABLES_INET")
        }
        (Subject::Table(_), EAFNOSUPPORT | EOPNOTSUPP) => {
            missing("nf_tables", "CONFIG_NF_TABLES_INET")
        }
        (Subject::Table(_), EINVAL) => "the kernel must be Linux 6.12 or later".to_owned(),
        (Subject::Rule { .. }, ENOENT | EOPNOTSUPP) => match expression.and_then(part) {
            Some((module, symbol)) => missing(module, symbol),
            None => "does the kernel have all expressions of this rule?".to_owned(),
        },
        (Subject::Chain(_), ENOENT | EOPNOTSUPP) => {
            "does the kernel have this kind of chain at this hook?".to_owned()
        }
        (Subject::Elements { .. } | Subject::Set(_), ENOENT) => {
            "the set is not there: load the ruleset first".to_owned()
        }
        (Subject::Elements { .. }, ENFILE) => "the set is full".to_owned(),
        (Subject::Elements { .. }, EEXIST | ENOTEMPTY) => {
            "one of them is part of a range that is there".to_owned()
        }
        _ => return String::new(),
    };
    format!(" ({said})")
}

fn missing(module: &str, symbol: &str) -> String {
    format!("is {module} built into this kernel or loaded? {symbol}")
}

/// Which module has an expression, and by which symbol it is built.
fn part(expression: &str) -> Option<(&'static str, &'static str)> {
    Some(match expression {
        "ct" | "notrack" => ("nft_ct", "CONFIG_NFT_CT, CONFIG_NF_CONNTRACK"),
        "limit" => ("nft_limit", "CONFIG_NFT_LIMIT"),
        "log" => ("nft_log", "CONFIG_NFT_LOG, CONFIG_NETFILTER_NETLINK_LOG"),
        "reject" => ("nft_reject_inet", "CONFIG_NFT_REJECT_INET"),
        "meta" | "payload" | "cmp" | "bitwise" | "lookup" | "dynset" | "counter" | "objref"
        | "immediate" => ("nf_tables", "CONFIG_NF_TABLES"),
        _ => return None,
    })
}

const EPERM: i32 = rustix::io::Errno::PERM.raw_os_error();
const ENOENT: i32 = rustix::io::Errno::NOENT.raw_os_error();
/// Of a transaction: made for a generation of rules that is gone.
const ERESTART: i32 = 85;
const EEXIST: i32 = rustix::io::Errno::EXIST.raw_os_error();
const EINVAL: i32 = rustix::io::Errno::INVAL.raw_os_error();
const ENFILE: i32 = rustix::io::Errno::NFILE.raw_os_error();
const ENOTEMPTY: i32 = rustix::io::Errno::NOTEMPTY.raw_os_error();
const EOPNOTSUPP: i32 = rustix::io::Errno::OPNOTSUPP.raw_os_error();
const EAFNOSUPPORT: i32 = rustix::io::Errno::AFNOSUPPORT.raw_os_error();
