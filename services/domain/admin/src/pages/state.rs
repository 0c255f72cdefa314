//! The state of the box on one page.

use maud::{Markup, html};

use super::danger;
use super::layout::{Place, page};
use crate::admin::Caller;
use crate::danger::Dangers;
use crate::http::Response;
use crate::routes::may_open;
use crate::text::{Language, Words};
use crate::views::{LinkView, MachineView, StatusView, StoreView};

/// The page; it refreshes itself.
pub(crate) fn status(caller: &Caller, view: &StatusView, dangers: Option<&Dangers>) -> Response {
    let language = caller.language;
    let words = language.words();
    let body = html! {
        (headline(caller, view, dangers))
        @if let Some(dangers) = dangers { (danger::list(language, dangers)) }
        div.grid {
            section.card { h2 { (words.phones) " " span.count { (view.phones.len()) } }
                (phones(words, view)) }
            section.card { h2 { (words.live_calls) " " span.count { (view.calls.len()) } }
                (live_calls(language, view)) }
            @if !view.trunks.is_empty() {
                section.card { h2 { (words.trunks) } (trunks(language, view)) }
            }
            section.card.wide { h2 { (words.services) } (services(language, view)) }
            section.card { h2 { (words.network) } (network(words, &view.network)) }
            section.card { h2 { (words.storage) } (storage(words, &view.store)) }
            section.card { h2 { (words.boot) } (boot(words, view)) }
            section.card.wide { h2 { (words.runs_of_box) } (runs(language, view)) }
        }
    };
    page(200, caller, Place::Status, words.status, &body)
}

fn headline(caller: &Caller, view: &StatusView, dangers: Option<&Dangers>) -> Markup {
    let language = caller.language;
    let words = language.words();
    let warnings = view.warnings.iter();
    let open = |address: &&str| may_open(address, caller.permissions);
    let warnings = warnings.map(|it| (it.text(language), it.place().filter(open)));
    let store = Some(view.store.warning.clone()).filter(|warning| !warning.is_empty());
    let store = store.map(|warning| (warning, None));
    let faults: Vec<(String, Option<&str>)> = warnings.chain(store).collect();
    let well = faults.is_empty()
        && !dangers.is_some_and(Dangers::helps_thieves)
        && view.services.iter().all(|service| service.state == "ready")
        && view
            .network
            .iter()
            .all(|link| link.conflict_with.is_empty());
    html! {
        section class={ "card headline " (if well { "good" } else { "bad" }) } {
            h1 { (if well { words.all_well } else { words.attention }) }
            @for (fault, place) in faults {
                p.error {
                    (fault)
                    @if let Some(place) = place {
                        " " a href=(place) {
                            @if place == "/backups" { (words.backups) } @else { (words.firmware) }
                        }
                    }
                }
            }
            dl.facts {
                div { dt { (words.version) } dd { (view.version) } }
                div { dt { (words.kernel) } dd { (view.kernel) } }
                div { dt { (words.uptime) } dd { (seconds(view.uptime_secs)) } }
                div { dt { (words.config_version) } dd { (view.config_version) } }
                div { dt { (words.memory_free) } dd { (free(&view.machine)) } }
                div { dt { (words.load) } dd { (format!("{:.2}", view.machine.load_1_minute)) } }
            }
        }
    }
}

/// Free memory of all there is, in MiB.
fn free(machine: &MachineView) -> String {
    let mib = |kib| kib / 1024;
    format!(
        "{} / {} MiB",
        mib(machine.available_kib),
        mib(machine.memory_kib)
    )
}

fn phones(words: &Words, view: &StatusView) -> Markup {
    if view.phones.is_empty() {
        return html! { p.hint { (words.none_phones) } };
    }
    html! {
        table {
            thead { tr {
                th { (words.extension) } th { (words.address) } th.right { (words.expires) }
            } }
            tbody {
                @for phone in &view.phones {
                    tr {
                        td.strong { (phone.extension) }
                        td { (phone.address) " " span.badge { (phone.transport) }
                            br; span.hint { (phone.user_agent) } }
                        td.right { (seconds(phone.expires_secs.into())) }
                    }
                }
            }
        }
    }
}

fn trunks(language: Language, view: &StatusView) -> Markup {
    let words = language.words();
    html! {
        table {
            thead { tr { th { (words.trunk) } th { (words.state) } th.right { (words.calls) } } }
            tbody {
                @for trunk in &view.trunks {
                    tr {
                        td.strong { (trunk.name) }
                        td { span class={ "badge " (if trunk.up { "good" } else { "bad" }) } {
                            (language.trunk_state(&trunk.state))
                        } }
                        td.right { (trunk.calls) }
                    }
                }
            }
        }
    }
}

fn live_calls(language: Language, view: &StatusView) -> Markup {
    let words = language.words();
    if view.calls.is_empty() {
        return html! { p.hint { (words.none_calls) } };
    }
    html! {
        table {
            thead { tr {
                th { (words.from) } th { (words.to) } th { (words.state) }
                th.right { (words.duration) }
            } }
            tbody {
                @for call in &view.calls {
                    tr {
                        td.strong { (call.from) }
                        td.strong { (call.to) }
                        td { span.badge.busy { (language.state(&call.state)) } }
                        td.right { (seconds(call.seconds)) }
                    }
                }
            }
        }
    }
}

fn services(language: Language, view: &StatusView) -> Markup {
    let words = language.words();
    html! {
        table {
            thead { tr {
                th { (words.service) } th { (words.state) } th.right { (words.restarts) }
                th.right { (words.memory) } th.right { (words.cpu) } th { (words.last_exit) }
            } }
            tbody {
                @for service in &view.services {
                    tr {
                        td.strong { (service.name) }
                        td { span class={ "badge " (tone(&service.state)) } {
                            (language.state(&service.state))
                        } }
                        td.right { (service.restarts) }
                        td.right { (kib(service.resident_kib)) }
                        td.right { (millis(service.cpu_millis)) }
                        td.hint { (service.last_exit) }
                    }
                }
            }
        }
    }
}

fn network(words: &Words, links: &[LinkView]) -> Markup {
    html! {
        table {
            thead { tr {
                th { (words.interface) } th { (words.address) } th { (words.gateway) }
                th { (words.link) }
            } }
            tbody {
                @for link in links {
                    tr {
                        td.strong { (link.name) br; span.hint { (link.mac) } }
                        td { (link.address)
                            @for address in &link.ipv6 { br; span.hint { (address) } }
                            @if !link.conflict_with.is_empty() {
                                p.error { (words.conflict) " " (link.conflict_with) }
                            }
                        }
                        td { (link.gateway) }
                        td { span class={ "badge " (if link.up { "good" } else { "bad" }) } {
                            (if link.up { words.link_up } else { words.link_down })
                        } }
                    }
                }
            }
        }
    }
}

fn storage(words: &Words, store: &StoreView) -> Markup {
    html! {
        dl {
            dt { (words.database) } dd { (kib(store.file_bytes / 1024)) }
            dt { (words.free) } dd { (kib(store.free_bytes / 1024)) }
        }
        @if !store.warning.is_empty() { p.error { (store.warning) } }
    }
}

fn boot(words: &Words, view: &StatusView) -> Markup {
    html! {
        table {
            thead { tr { th { (words.stage) } th.right { (words.at) } } }
            tbody {
                @for stage in &view.boot {
                    tr { td { (stage.stage) } td.right { (millis(stage.millis)) } }
                }
            }
        }
    }
}

/// A box that was away: when it began again, and how the run before had ended.
fn runs(language: Language, view: &StatusView) -> Markup {
    let words = language.words();
    html! {
        table {
            thead { tr { th { (words.began) } th { (words.ended) } } }
            tbody {
                @for run in &view.runs {
                    tr { td { (run.began) } td { (language.run_end(&run.end, &run.why)) } }
                }
            }
        }
    }
}

fn tone(state: &str) -> &'static str {
    match state {
        "ready" => "good",
        "starting" | "stopping" | "waiting" => "busy",
        _ => "bad",
    }
}

/// `2 d 03:04:05`, `1:02:03` or `2:03`.
pub(super) fn seconds(total: u64) -> String {
    let (days, hours) = (total / 86_400, total / 3600 % 24);
    let (minutes, seconds) = (total / 60 % 60, total % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes}:{seconds:02}"),
        (0, _) => format!("{hours}:{minutes:02}:{seconds:02}"),
        _ => format!("{days} d {hours:02}:{minutes:02}:{seconds:02}"),
    }
}

fn millis(total: u64) -> String {
    format!("{}.{:02} s", total / 1000, total % 1000 / 10)
}

fn kib(total: u64) -> String {
    match total {
        0..10_240 => format!("{total} KiB"),
        10_240..10_485_760 => format!("{} MiB", total / 1024),
        _ => format!("{} GiB", total / 1_048_576),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_like_figures() {
        assert_eq!(seconds(59), "0:59");
        assert_eq!(seconds(3661), "1:01:01");
        assert_eq!(seconds(200_000), "2 d 07:33:20");
        assert_eq!(millis(5432), "5.43 s");
        assert_eq!(kib(9000), "9000 KiB");
        assert_eq!(kib(20_480), "20 MiB");
        assert_eq!(kib(21_000_000), "20 GiB");
    }
}
