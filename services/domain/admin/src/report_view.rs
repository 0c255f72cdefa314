//! The report on exposure and health as programs and pages see it.

use report::{Finding, Port, Summary, Text, Zone};
use schemars::JsonSchema;
use serde::Serialize;

use crate::permission::Permissions;
use crate::routes::may_open;
use crate::text::Language;

/// All of it, in one language.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ReportView {
    /// When it was made, by the clock of the box.
    pub(crate) made: String,
    /// The same as clocks at the site show it, and the time zone; empty before the box knows it.
    pub(crate) made_local: String,
    /// The name by which the box is found.
    pub(crate) name: String,
    /// The firmware's version.
    pub(crate) version: String,
    /// `en`, `pt-BR`.
    pub(crate) language: &'static str,
    /// How many findings there are of each kind.
    pub(crate) summary: SummaryView,
    /// One about each thing that is looked at, the most urgent first.
    pub(crate) findings: Vec<FindingView>,
    /// What is reachable from where.
    pub(crate) ports: Vec<PortView>,
}

/// How many findings there are of each kind.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SummaryView {
    /// To be mended now.
    pub(crate) danger: usize,
    /// To be looked at.
    pub(crate) look: usize,
    /// Could not be checked.
    pub(crate) not_checked: usize,
    /// Good.
    pub(crate) good: usize,
}

/// A finding.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct FindingView {
    /// About what, as programs know it.
    pub(crate) subject: &'static str,
    /// `danger`, `look`, `not-checked` or `good`.
    pub(crate) verdict: &'static str,
    /// About what, as people say it.
    pub(crate) title: &'static str,
    /// What was found.
    pub(crate) found: String,
    /// Which ones, where it is about several.
    pub(crate) details: Vec<String>,
    /// What to do; none where nothing is to be done.
    pub(crate) fix: Option<String>,
    /// The requirements it is about, as `R64`.
    pub(crate) requirements: &'static [&'static str],
    /// The page where it is mended, where there is one that the asker may open.
    pub(crate) page: Option<&'static str>,
}

/// A port, and who reaches it: `open`, `in-calls`, `closed`, `stopped`, `reached`,
/// `not-reached-yet`, `absent` (no such network) or `not-checked`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PortView {
    /// As `5060` or `16384-32767`.
    pub(crate) ports: &'static str,
    /// As `UDP, TCP`.
    pub(crate) transport: &'static str,
    /// What answers there, or would.
    pub(crate) what: &'static str,
    /// The requirement that names it.
    pub(crate) requirement: &'static str,
    /// From the customer's network.
    pub(crate) lan: &'static str,
    /// From the customer's own VPN.
    pub(crate) vpn: &'static str,
    /// From the network of a grid.
    pub(crate) grid: &'static str,
    /// From everywhere else.
    pub(crate) outside: &'static str,
}

impl ReportView {
    /// Of these findings, for somebody with these permissions.
    pub(crate) fn new(
        (made, made_local): (String, String),
        (name, version): (String, String),
        findings: &[Finding],
        ports: &[Port],
        (language, permissions): (Language, Permissions),
    ) -> Self {
        let finding = |it| FindingView::new(it, language, permissions);
        let port = |it| PortView::new(it, language);
        Self {
            made,
            made_local,
            name,
            version,
            language: language.tag(),
            summary: SummaryView::from(Summary::of(findings)),
            findings: findings.iter().map(finding).collect(),
            ports: ports.iter().map(port).collect(),
        }
    }
}

impl From<Summary> for SummaryView {
    fn from(summary: Summary) -> Self {
        Self {
            danger: summary.dangers,
            look: summary.looks,
            not_checked: summary.unknown,
            good: summary.good,
        }
    }
}

impl FindingView {
    fn new(finding: &Finding, language: Language, permissions: Permissions) -> Self {
        let subject = finding.subject;
        let place = subject.place();
        let text = |it: &Text| said(it, language);
        Self {
            subject: subject.name(),
            verdict: finding.verdict.name(),
            title: language.said(subject.title()),
            found: text(&finding.found),
            details: finding.details.iter().map(text).collect(),
            fix: finding.fix.as_ref().map(text),
            requirements: subject.requirements(),
            page: may_open(place, permissions).then_some(place),
        }
    }
}

impl PortView {
    fn new(port: &Port, language: Language) -> Self {
        let from = |zone: Zone| {
            let mut pairs = Zone::ALL.iter().zip(port.reach);
            let found = pairs.find(|(it, _)| **it == zone);
            found.map_or("", |(_, reach)| reach.name())
        };
        Self {
            ports: port.ports,
            transport: port.transport,
            what: language.said(port.what),
            requirement: port.requirement,
            lan: from(Zone::Lan),
            vpn: from(Zone::Vpn),
            grid: from(Zone::Grid),
            outside: from(Zone::Outside),
        }
    }
}

/// A sentence of the report in one language.
pub(crate) fn said(text: &Text, language: Language) -> String {
    match language {
        Language::English => text.english.clone(),
        Language::Portuguese => text.portuguese.clone(),
    }
}
