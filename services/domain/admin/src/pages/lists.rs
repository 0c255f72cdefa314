//! Trunks, groups and time conditions, and what there is one of: lists that lead to their forms.

use ipc::site::{Site, TrunkAccess};
use maud::{Markup, html};

use super::layout::{Place, page};
use crate::actions::form::{back, escaped, new};
use crate::actions::sections::{path, title};
use crate::admin::Caller;
use crate::explain;
use crate::fault::Item;
use crate::http::Response;
use crate::routes::Section;

/// Everything of one kind.
pub(crate) fn items(caller: &Caller, site: &Site, item: Item) -> Response {
    let words = caller.language.words();
    let title = match item {
        Item::Trunk => words.trunks,
        Item::Group => words.groups,
        Item::Route => words.routes,
        Item::Times => words.times,
        Item::Prompt => words.prompts,
    };
    let rows = match item {
        Item::Trunk => trunks(caller, site),
        Item::Group => groups(caller, site),
        Item::Times => times(caller, site),
        // They have pages of their own, with the simulator and with their sounds.
        Item::Route | Item::Prompt => Vec::new(),
    };
    let body = html! {
        h1 { (title) " " span.count { (rows.len()) } }
        section.card {
            @if rows.is_empty() { p.hint { (words.none) } } @else {
                table { tbody {
                    @for (name, about) in &rows {
                        tr {
                            td.strong { a href={ (back(item)) "/" (escaped(name)) } { (name) } }
                            td { (about) }
                            td.right { @if caller.may_change() {
                                a.danger href={ (back(item)) "/" (escaped(name)) "/delete" } {
                                    (words.delete)
                                }
                            } }
                        }
                    }
                } }
            }
            @if caller.may_change() {
                p { a.button href=(new(item)) { (words.create) } }
            }
        }
    };
    page(200, caller, Place::of(back(item)), title, &body)
}

fn trunks(caller: &Caller, site: &Site) -> Vec<(String, Markup)> {
    let words = caller.language.words();
    let about = |trunk: &ipc::site::Trunk| match &trunk.access {
        TrunkAccess::Registering { server, user, .. } => format!("{user}@{server}"),
        TrunkAccess::Peer { server, .. } => server.clone(),
    };
    let trunks = site.trunks.iter();
    let trunks = trunks.map(|trunk| {
        let off = html! { @if !trunk.enabled { " " span.badge { (words.switched_off) } } };
        (trunk.name.clone(), html! { (about(trunk)) (off) })
    });
    trunks.collect()
}

fn groups(caller: &Caller, site: &Site) -> Vec<(String, Markup)> {
    let groups = site.groups.iter();
    let groups = groups.map(|group| {
        let members = group.members.iter().map(|member| member.extension.as_str());
        let members = members.collect::<Vec<_>>().join(", ");
        let otherwise = group.otherwise.iter();
        let otherwise = otherwise.map(|it| explain::destination(it, caller.language));
        let otherwise = otherwise.collect::<Vec<_>>().join(", ");
        let about = html! {
            (group.name) " " span.hint { (members)
                @if !otherwise.is_empty() { " → " (otherwise) }
            }
        };
        (group.number.clone(), about)
    });
    groups.collect()
}

fn times(caller: &Caller, site: &Site) -> Vec<(String, Markup)> {
    let words = caller.language.words();
    let times = site.times.iter();
    let times = times.map(|condition| {
        let hours = condition
            .week
            .iter()
            .map(|week| format!("{}–{}", week.from, week.to));
        let hours = hours.collect::<Vec<_>>().join(", ");
        let about = html! {
            @if hours.is_empty() { (words.always) } @else { (hours) }
            " " span.hint { (condition.zone) }
        };
        (condition.name.clone(), about)
    });
    times.collect()
}

/// What there is one of, and what is about the whole configuration.
pub(crate) fn settings(caller: &Caller) -> Response {
    let language = caller.language;
    let words = language.words();
    let sections = [
        Section::Dialling,
        Section::Networks,
        Section::Limits,
        Section::Features,
        Section::Parking,
        Section::Recording,
        Section::Retention,
        Section::Guard,
        Section::Countries,
        Section::SignIn,
    ];
    let whole = [("/history", words.history), ("/site", words.site_file)];
    let body = html! {
        h1 { (words.settings) }
        section.card {
            ul.links {
                @for section in sections {
                    li { a href={ "/settings/" (path(section)) } {
                        (language.said(title(section)))
                    } }
                }
            }
        }
        section.card {
            h2 { (words.whole_configuration) }
            ul.links { @for (address, name) in whole { li { a href=(address) { (name) } } } }
        }
    };
    page(200, caller, Place::Settings, words.settings, &body)
}
