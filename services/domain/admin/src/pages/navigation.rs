//! The way from every page to every other.

use maud::{Markup, html};

use crate::admin::Caller;
use crate::form::Said;
use crate::permission::Permissions;
use crate::routes::may_open;
use crate::text::Words;

/// Where a page stands in the navigation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Status,
    Extensions,
    Groups,
    Trunks,
    Routes,
    Times,
    Prompts,
    Calls,
    Settings,
    People,
    Audit,
    Privacy,
    Backups,
    /// Part of the backups, as long as one is under way.
    Restoring,
    Firmware,
    Grid,
    Network,
    Certificate,
    Start,
    About,
    Logs,
    Trace,
    Capture,
    Bans,
    Report,
    Masquerade,
    Countries,
    Elsewhere,
}

impl Place {
    /// Where a page that stays as the box is gets what changes.
    pub(super) const fn events(self) -> Option<&'static str> {
        match self {
            Self::Status | Self::Start => Some("/events"),
            Self::Logs => Some("/logs/events"),
            Self::Trace => Some("/trace/events"),
            Self::Restoring => Some("/backups/restore/events"),
            Self::Capture => Some("/capture/events"),
            Self::Bans => Some("/bans/events"),
            Self::Masquerade => Some("/masquerade/events"),
            Self::Extensions
            | Self::Groups
            | Self::Countries
            | Self::Trunks
            | Self::Routes
            | Self::Times
            | Self::Prompts
            | Self::Calls
            | Self::Settings
            | Self::People
            | Self::Audit
            | Self::Privacy
            | Self::Backups
            | Self::Firmware
            | Self::Grid
            | Self::Network
            | Self::Certificate
            | Self::About
            | Self::Report
            | Self::Elsewhere => None,
        }
    }

    /// Seconds after which a page without a script is asked for again.
    pub(super) const fn again_secs(self) -> Option<u64> {
        match self {
            Self::Restoring => Some(3),
            _ => None,
        }
    }

    /// The place in the menu.
    fn in_menu(self) -> Self {
        match self {
            Self::Restoring => Self::Backups,
            other => other,
        }
    }

    /// Where the page of a list or of the settings stands.
    pub(super) fn of(address: &str) -> Self {
        match address {
            "/extensions" => Self::Extensions,
            "/groups" => Self::Groups,
            "/trunks" => Self::Trunks,
            "/routes" => Self::Routes,
            "/times" => Self::Times,
            "/prompts" => Self::Prompts,
            "/settings" => Self::Settings,
            "/people" => Self::People,
            _ => Self::Elsewhere,
        }
    }
}

/// What a page is called.
type Name = fn(&Words) -> &'static str;

/// A page there is a way to from everywhere.
type Link = (Place, &'static str, Name);

/// The pages there is a way to from everywhere, for whoever may open them, by what they are about.
const NAVIGATION: [(Said, &[Link]); 4] = [
    (
        ("Now", "Agora"),
        &[
            (Place::Status, "/", |words| words.status),
            (Place::Calls, "/calls", |words| words.calls),
            (Place::Report, "/report", |words| words.report),
        ],
    ),
    (
        ("Telephony", "Telefonia"),
        &[
            (Place::Extensions, "/extensions", |words| words.extensions),
            (Place::Groups, "/groups", |words| words.groups),
            (Place::Trunks, "/trunks", |words| words.trunks),
            (Place::Routes, "/routes", |words| words.routes),
            (Place::Times, "/times", |words| words.times),
            (Place::Prompts, "/prompts", |words| words.prompts),
        ],
    ),
    (
        ("Box", "Central"),
        &[
            (Place::Settings, "/settings", |words| words.settings),
            (Place::Network, "/network", |words| words.network),
            (Place::Certificate, "/certificate", |words| {
                words.certificate
            }),
            (Place::Backups, "/backups", |words| words.backups),
            (Place::Firmware, "/firmware", |words| words.firmware),
            (Place::Grid, "/grid", |words| words.grid),
            (Place::Logs, "/logs", |words| words.logs),
            (Place::Trace, "/trace", |words| words.trace),
            (Place::Capture, "/capture", |words| words.capture),
            (Place::About, "/about", |words| words.about),
        ],
    ),
    (
        ("Access", "Acesso"),
        &[
            (Place::People, "/people", |words| words.people),
            (Place::Audit, "/audit", |words| words.audit),
            (Place::Bans, "/bans", |words| words.bans),
            (Place::Masquerade, "/masquerade", |words| words.masquerade),
            (Place::Countries, "/countries", |words| words.countries),
            (Place::Privacy, "/privacy", |words| words.privacy),
        ],
    ),
];

/// The first page for somebody with these permissions.
pub(crate) fn home(permissions: Permissions) -> &'static str {
    let links = NAVIGATION.iter().flat_map(|(_, links)| links.iter());
    let mut open = links.map(|(_, address, _)| *address);
    open.find(|address| may_open(address, permissions))
        .unwrap_or("/password")
}

/// What opens the menu where there is no room for it beside the page.
pub(super) fn menu_button(words: &Words) -> Markup {
    html! {
        button.quiet.menu type="button" popovertarget="menu" { (words.menu) }
    }
}

/// The menu: beside the page on a desk; on a phone, and without any script, what the button opens.
/// A browser that knows no `popover` shows it always.
pub(super) fn menu(caller: &Caller, place: Place) -> Markup {
    let place = place.in_menu();
    let groups = NAVIGATION.iter().enumerate().map(|(at, (title, links))| {
        let open = links.iter();
        let open = open.filter(|(_, address, _)| may_open(address, caller.permissions));
        (format!("menu-{at}"), *title, open.collect::<Vec<_>>())
    });
    html! {
        nav #menu popover aria-label=(caller.language.words().menu) {
            @for (id, title, links) in groups.filter(|(_, _, links)| !links.is_empty()) {
                p id=(id) { (caller.language.said(title)) }
                ul aria-labelledby=(id) { @for (target, address, name) in links {
                    li { a href=(address) aria-current=[(*target == place).then_some("page")] {
                        (name(caller.language.words()))
                    } }
                } }
            }
        }
    }
}
