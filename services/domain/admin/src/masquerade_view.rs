//! Whether a router hides who comes in, as programs and pages see it.

use ipc::masquerade::{Case, Evidence, Report, Signal, State};
use schemars::JsonSchema;
use serde::Serialize;

/// Whether a router writes its own address as the sender of what it lets in.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct MasqueradeView {
    /// How sure it is, of the worst case: `none`, `suspect` or `confirmed`.
    pub(crate) state: &'static str,
    /// Whether what restricts countries has no effect on who comes in that way.
    pub(crate) defeats_countries: bool,
    /// Addresses that count as outside, as a probe has proved it: an extension that is not remote
    /// cannot be used from there.
    pub(crate) outside: Vec<String>,
    /// What is known, by place and address.
    pub(crate) cases: Vec<CaseView>,
    #[serde(skip)]
    worst: State,
}

/// One address at one place where the box listens.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CaseView {
    /// Where the box listens: `sip-udp`, `sip-tcp` or `web`.
    pub(crate) listener: &'static str,
    /// The address, which is on the box's own network.
    pub(crate) address: String,
    /// How sure it is: `none`, `suspect` or `confirmed`.
    pub(crate) state: &'static str,
    /// Why.
    pub(crate) evidence: Vec<EvidenceView>,
}

/// One thing that was seen.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct EvidenceView {
    /// What: `far`, `distances`, `hairpin` (speaks against it), `foreign`, `hosts`, `short`,
    /// `attack`, `never-outside`, `probed`.
    pub(crate) signal: &'static str,
    /// How often, at least.
    pub(crate) count: u32,
    /// How long ago first.
    pub(crate) first_secs: u64,
    /// How long ago last; it is forgotten after a day.
    pub(crate) last_secs: u64,
    /// TTLs of `far` and `distances`, sizes of `short`, how many of `hosts`.
    pub(crate) values: Vec<u32>,
}

impl MasqueradeView {
    pub(crate) fn new(report: Report) -> Self {
        let (worst, defeats_countries) = (report.state(), report.defeats_countries());
        let is_probed = |it: &Evidence| it.signal == Signal::Probed;
        let is_outside = |case: &&Case| case.evidence.iter().any(is_probed);
        let outside = report.cases.iter().filter(is_outside);
        let mut outside: Vec<_> = outside.map(|case| case.address.clone()).collect();
        outside.sort_unstable();
        outside.dedup();
        Self {
            state: worst.name(),
            defeats_countries,
            outside,
            cases: report.cases.into_iter().map(CaseView::new).collect(),
            worst,
        }
    }

    pub(crate) const fn worst(&self) -> State {
        self.worst
    }
}

impl CaseView {
    fn new(case: Case) -> Self {
        Self {
            listener: case.listener.name(),
            address: case.address,
            state: case.state.name(),
            evidence: case.evidence.into_iter().map(EvidenceView::new).collect(),
        }
    }
}

impl EvidenceView {
    fn new(evidence: Evidence) -> Self {
        Self {
            signal: evidence.signal.name(),
            count: evidence.count,
            first_secs: evidence.first_secs,
            last_secs: evidence.last_secs,
            values: evidence.values,
        }
    }
}
