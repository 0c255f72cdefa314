//! Bans: whether there are any, who is banned and for what, and what was found.

use maud::{Markup, html};

use super::layout::{Place, page};
use super::records::moment;
use crate::admin::Caller;
use crate::bans_view::{BanView, BansView, ToldView};
use crate::form::Said;
use crate::http::{Event, Response};
use crate::permission::Permission;
use crate::text::Language;

/// The page.
pub(crate) fn bans(caller: &Caller, view: &BansView) -> Response {
    let words = caller.language.words();
    let body = html! {
        h1 { (words.bans) }
        (state(caller, view))
        (banned(caller, view))
        (lately(caller.language, view))
    };
    page(200, caller, Place::Bans, words.bans, &body)
}

/// What changes of it, for a page that is open.
pub(crate) fn bans_parts(caller: &Caller, view: &BansView) -> Response {
    let event = |name, data: Markup| Event {
        name,
        data: data.into_string(),
    };
    Response::events(vec![
        event(STATE, state(caller, view)),
        event(BANNED, banned(caller, view)),
        event(LATELY, lately(caller.language, view)),
    ])
}

/// Whether anybody is banned at all, and in red where that is dangerous.
fn state(caller: &Caller, view: &BansView) -> Markup {
    let language = caller.language;
    let tone = if view.is_exposed() {
        "card headline bad"
    } else {
        "card"
    };
    html! {
        section class=(tone) id=(STATE) data-live {
            @if view.is_exposed() {
                h2 { (language.said(EXPOSED)) }
                p.error { (language.said(EXPOSED_WHY)) }
            } @else if view.on {
                p { span.badge.good { (language.said(ON)) } " " (language.said(ON_WHAT)) }
            } @else {
                p { span.badge { (language.said(OFF)) } " " (language.said(OFF_WHAT)) }
            }
            @if let Some(secs) = view.outside_secs {
                p.hint { (language.said(OUTSIDE)) " " (rough(secs)) }
            }
            @if caller.may(Permission::SeeConfiguration) {
                p { a href="/settings/bans" { (language.said(RULES)) } }
            }
            @if !view.on && caller.may_change() {
                form method="post" action="/bans/on" {
                    p { button type="submit" { (language.said(SWITCH_ON)) } }
                }
            }
        }
    }
}

fn banned(caller: &Caller, view: &BansView) -> Markup {
    let language = caller.language;
    let words = language.words();
    let may_unban = caller.may(Permission::ManageBox);
    html! {
        section.card id=(BANNED) data-live {
            h2 { (language.said(BANNED_NOW)) " " span.count { (view.banned) } }
            @if view.bans.is_empty() { p.hint { (language.said(NOBODY)) } } @else {
                table {
                    thead { tr {
                        th { (words.address) } th { (language.said(FOR)) } th { (words.since) }
                        th.right { (language.said(LEFT)) } th.right { (language.said(TIMES)) }
                        @if may_unban { th {} }
                    } }
                    tbody { @for ban in view.bans.iter().take(ROWS_MAX) { tr {
                        (ban_cells(language, ban))
                        @if may_unban { td.right { (unban(language, &ban.network)) } }
                    } } }
                }
                (more(language, view.bans.len()))
                p.hint { (words.utc) }
            }
        }
    }
}

fn ban_cells(language: Language, ban: &BanView) -> Markup {
    html! {
        td.strong { (ban.network) }
        td { (what(language, ban.offence, (ban.count, ban.within_secs), &ban.tried)) }
        td.time { (moment(&ban.since)) }
        td.right { (rough(ban.left_secs)) }
        td.right { (ban.times) }
    }
}

/// One click; the name of the button says whom it is about.
fn unban(language: Language, network: &str) -> Markup {
    let whom = format!("{} {network}", language.said(UNBAN));
    html! {
        form method="post" action="/bans/unban" {
            input type="hidden" name="network" value=(network);
            button.quiet type="submit" aria-label=(whom) { (language.said(UNBAN)) }
        }
    }
}

fn lately(language: Language, view: &BansView) -> Markup {
    let words = language.words();
    html! {
        section.card id=(LATELY) data-live {
            h2 { (language.said(FOUND)) " " span.count { (view.lately.len()) } }
            @if view.lately.is_empty() { p.hint { (language.said(NOTHING)) } } @else {
                table {
                    thead { tr {
                        th { (words.when) } th { (words.address) } th { (language.said(FOR)) }
                        th { (language.said(BECAME)) }
                    } }
                    tbody { @for told in view.lately.iter().take(ROWS_MAX) { tr {
                        td.time { (moment(&told.at)) }
                        td.strong { (told.source) }
                        td { (what(language, told.offence, (told.count, told.within_secs),
                            &told.tried)) }
                        td { (became(language, told)) }
                    } } }
                }
                (more(language, view.lately.len()))
                p.hint { (words.utc) }
            }
        }
    }
}

/// What was done how often, and what was tried. Whoever is banned has written that: it is text.
fn what(
    language: Language,
    offence: &str,
    (count, within_secs): (u16, u32),
    tried: &[String],
) -> Markup {
    let within = rough(u64::from(within_secs));
    html! {
        (count) " × " (language.said(called(offence))) ", " (language.said(WITHIN)) " " (within)
        @if !tried.is_empty() {
            br; span.hint { (language.said(TRIED)) " "
                @for (place, name) in tried.iter().enumerate() {
                    @if place > 0 { ", " }
                    code { (name) }
                }
            }
        }
    }
}

fn became(language: Language, told: &ToldView) -> Markup {
    let said = |said| language.said(said);
    let measure = said(measure(told.measure));
    html! {
        @match (told.fate, told.times, told.spared_as) {
            ("banned", Some(times), _) => {
                span.badge.bad { (said(WAS_BANNED)) } " " (said(TIMES)) ": " (times)
            }
            ("would-be-banned", ..) => { span.badge.busy { (said(WOULD_BE_BANNED)) } }
            ("spared", _, Some(why)) => {
                span.badge.good { (said(SPARED)) } " " (said(protection(why)))
            }
            ("at-the-door", ..) => { span.badge.bad { (measure) } }
            _ => { span.badge.busy { (said(WOULD)) " " (measure) } }
        }
    }
}

fn more(language: Language, all: usize) -> Markup {
    let more = all.saturating_sub(ROWS_MAX);
    html! { @if more > 0 { p.hint { (language.said(AND_MORE)) " " (more) } } }
}

/// How long, to the minute, so that an open page is not sent it every three seconds.
fn rough(secs: u64) -> String {
    let minutes = secs.div_ceil(60);
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min"),
        (0, _) => format!("{hours} h {minutes:02} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// What somebody did.
fn called(offence: &str) -> Said {
    match offence {
        "sip-password" => ("wrong password of an extension", "senha errada de um ramal"),
        "sip-extension" => (
            "an extension that does not exist",
            "um ramal que não existe",
        ),
        "sip-outside" => (
            "an extension that may not be used from there",
            "um ramal que não pode ser usado de lá",
        ),
        "sip-malformed" => ("SIP that cannot be read", "SIP que não dá para ler"),
        "sip-decoy" => ("a decoy extension", "um ramal isca"),
        "web-sign-in" => (
            "wrong password, code or passkey at these pages",
            "senha, código ou chave de acesso errada nestas páginas",
        ),
        "web-path" => ("a page that does not exist", "uma página que não existe"),
        "web-forged" => (
            "a form that is not of these pages",
            "um formulário que não é destas páginas",
        ),
        // Of a newer firmware.
        _ => ("something else", "outra coisa"),
    }
}

fn measure(measure: &str) -> Said {
    match measure {
        "lock" => (
            "this name locked from there",
            "este nome bloqueado a partir de lá",
        ),
        "narrow" => (
            "only names in use there before",
            "só nomes já usados lá antes",
        ),
        "slow" => (
            "strangers slowed down at this name",
            "estranhos freados neste nome",
        ),
        _ => ("banned", "bloqueado"),
    }
}

/// Why somebody is never banned.
fn protection(why: &str) -> Said {
    match why {
        "own" => ("the box itself", "a própria central"),
        "gateway" => (
            "the router: behind it everybody has its address",
            "o roteador: atrás dele todos têm o endereço dele",
        ),
        "service" => ("names and time come from there", "nomes e hora vêm de lá"),
        "grid" => ("the grid", "o grid"),
        "trunk" => ("a carrier's server", "um servidor da operadora"),
        "call" => ("in a call now", "em ligação agora"),
        "administrator" => (
            "an administrator is signed in from there",
            "um administrador está conectado de lá",
        ),
        _ => ("on your list", "está na sua lista"),
    }
}

const STATE: &str = "bans-state";
const BANNED: &str = "bans-banned";
const LATELY: &str = "bans-lately";
/// Rows of a table; the API has more.
const ROWS_MAX: usize = 100;
const EXPOSED: Said = (
    "The box can be reached from outside and bans are off",
    "A central pode ser alcançada de fora e os bloqueios estão desligados",
);
const EXPOSED_WHY: Said = (
    "Somebody outside your networks has reached it. Whoever guesses passwords there is only \
     written down below, and may go on. Close the way in, or switch bans on.",
    "Alguém de fora das suas redes chegou até ela. Quem adivinha senhas lá só é anotado abaixo, e \
     pode continuar. Feche o caminho de entrada, ou ligue os bloqueios.",
);
const ON: Said = ("on", "ligados");
const ON_WHAT: Said = (
    "Whoever guesses passwords or scans is shut out for some time, and whoever goes on for longer \
     each time; a phone with a wrong password is not.",
    "Quem adivinha senhas ou faz varreduras fica de fora por um tempo, e quem insiste, por mais \
     tempo a cada vez; um telefone com senha errada, não.",
);
const OFF: Said = ("off", "desligados");
const OFF_WHAT: Said = (
    "Nobody is banned. Below stands who would have been.",
    "Ninguém é bloqueado. Abaixo está quem teria sido.",
);
const OUTSIDE: Said = (
    "Reached from outside for the first time ago:",
    "Alcançada de fora pela primeira vez há:",
);
const SWITCH_ON: Said = ("Switch bans on", "Ligar os bloqueios");
const RULES: Said = (
    "How often is too often, and for how long",
    "Quantas vezes são demais, e por quanto tempo",
);
const BANNED_NOW: Said = ("Banned now", "Bloqueados agora");
const NOBODY: Said = ("Nobody.", "Ninguém.");
const FOR: Said = ("For what", "Por quê");
const LEFT: Said = ("To go", "Falta");
const TIMES: Said = ("Times", "Vezes");
const UNBAN: Said = ("Unban", "Desbloquear");
const FOUND: Said = ("Found lately", "Encontrado há pouco");
const NOTHING: Said = (
    "Nothing was found since the last start.",
    "Nada foi encontrado desde a última inicialização.",
);
const BECAME: Said = ("What became of it", "O que houve");
const WITHIN: Said = ("within", "em");
const TRIED: Said = ("tried:", "tentou:");
const WAS_BANNED: Said = ("banned", "bloqueado");
const WOULD_BE_BANNED: Said = ("would have been banned", "teria sido bloqueado");
const SPARED: Said = ("spared", "poupado");
const WOULD: Said = ("off:", "desligado:");
const AND_MORE: Said = ("and more:", "e mais:");
