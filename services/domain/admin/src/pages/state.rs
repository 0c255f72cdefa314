//! The machine and its services, for whoever looks after them.

use maud::{Markup, html};

use crate::text::{Language, Words};
use crate::views::{LinkView, MachineView, StatusView, StoreView};

/// Everything about the machine and its services.
pub(super) fn machine(language: Language, view: &StatusView) -> Markup {
    let words = language.words();
    html! {
        div.grid {
            section.card.wide { h3 { (words.services) } (services(language, view)) }
            section.card { h3 { (words.network) } (network(words, &view.network)) }
            section.card { h3 { (words.storage) }
                (storage(words, &view.store)) (facts(words, view)) }
            section.card { h3 { (words.boot) } (boot(words, view)) }
            section.card.wide { h3 { (words.runs_of_box) } (runs(language, view)) }
        }
    }
}

fn facts(words: &Words, view: &StatusView) -> Markup {
    html! {
        dl {
            dt { (words.kernel) } dd { (view.kernel) }
            dt { (words.uptime) } dd { (seconds(view.uptime_secs)) }
            dt { (words.config_version) } dd { (view.config_version) }
            dt { (words.memory_free) } dd { (free(&view.machine)) }
            dt { (words.load) } dd { (format!("{:.2}", view.machine.load_1_minute)) }
        }
    }
}

/// Free memory of all there is, in MiB.
pub(super) fn free(machine: &MachineView) -> String {
    let mib = |kib| kib / 1024;
    format!(
        "{} / {} MiB",
        mib(machine.available_kib),
        mib(machine.memory_kib)
    )
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

pub(super) fn kib(total: u64) -> String {
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
