//! The capture of packets: what really passes the box's network card.

use maud::{Markup, html};

use super::layout::page;
use super::navigation::Place;
use super::timed::{ANY, BEGIN, DOWNLOAD, limited};
use crate::admin::Caller;
use crate::capture_view::CaptureView;
use crate::form::Said;
use crate::http::{Event, Response};
use crate::permission::Permission;
use crate::text::Language;

/// The page; `cards` are those of the box.
pub(crate) fn capture(caller: &Caller, cards: &[String], view: &CaptureView) -> Response {
    let language = caller.language;
    let body = html! {
        h1 { (language.words().capture) }
        section.card {
            p { (language.said(HINT)) }
            form method="post" action="/capture" {
                div.row { (what(language, cards)) }
                @if caller.may(Permission::CaptureVoices) { (depth(language)) }
                button type="submit" { (language.said(BEGIN)) }
            }
        }
        (state(caller, view))
    };
    page(200, caller, Place::Capture, language.words().capture, &body)
}

/// What changes of it, for a page that is open.
pub(crate) fn capture_parts(caller: &Caller, view: &CaptureView) -> Response {
    Response::events(vec![Event {
        name: STATE,
        data: state(caller, view).into_string(),
    }])
}

fn what(language: Language, cards: &[String]) -> Markup {
    html! {
        label { (language.said(WHAT)) select name="what" {
            option value="telephony" { (language.said(TELEPHONY)) }
            option value="all" { (language.said(ALL)) }
        } }
        label { (language.said(HOST))
            input name="host" autocomplete="off" placeholder=(language.said(ANY)); }
        label { (language.said(PORT))
            input name="port" inputmode="numeric" autocomplete="off"
                placeholder=(language.said(ANY)); }
        @if cards.len() > 1 {
            label { (language.said(CARD)) select name="link" {
                @for card in cards { option value=(card) { (card) } }
            } }
        }
        label { (language.said(MINUTES))
            input name="minutes" type="number" min="1" max="10" value="5" required; }
    }
}

/// What voices are in is for whoever may, and says so.
fn depth(language: Language) -> Markup {
    html! {
        details {
            summary { (language.said(WHOLE)) }
            p.error { (language.said(DANGER)) }
            label { (language.said(DEPTH)) select name="depth" {
                option value="headers" { (language.said(HEADERS)) }
                option value="whole" { (language.said(WHOLE)) }
            } }
            label.check { input type="checkbox" name="voices" value="yes";
                " " (language.said(KNOWN)) }
        }
    }
}

fn state(caller: &Caller, view: &CaptureView) -> Markup {
    let language = caller.language;
    html! {
        section.card id=(STATE) data-live {
            (limited(language, view.left_secs, OFF, "/capture/end"))
            @if let Some(what) = view.what {
                p { (of(language, view, what)) ": " (view.kept) " " (language.said(KEPT))
                    @if view.dropped > 0 { ", " (view.dropped) " " (language.said(DROPPED)) }
                    @if view.missed > 0 { ", " (view.missed) " " (language.said(MISSED)) }
                }
                @if view.whole { p.error { (language.said(VOICES)) } }
            }
            @if view.kept > 0 && (!view.whole || caller.may(Permission::CaptureVoices)) {
                @if view.whole {
                    // By a form, so that the password can be asked for in its place.
                    form method="post" action="/capture.pcap" {
                        p { button type="submit" { (language.said(DOWNLOAD)) } }
                    }
                } @else {
                    p { a.button href="/capture.pcap" download { (language.said(DOWNLOAD)) } }
                }
            }
        }
    }
}

/// What is captured, in a line.
fn of(language: Language, view: &CaptureView, what: &str) -> String {
    let kind = match (what, view.port) {
        (_, Some(port)) => format!("{} {port}", language.said(PORT)),
        ("all", None) => language.said(ALL).to_owned(),
        _ => language.said(TELEPHONY).to_owned(),
    };
    let rest = [view.host.as_deref(), view.link.as_deref()];
    let rest = rest.into_iter().flatten().map(ToOwned::to_owned);
    std::iter::once(kind)
        .chain(rest)
        .collect::<Vec<_>>()
        .join(", ")
}

const STATE: &str = "capture";
const HINT: Said = (
    "Records the packets that pass the network card, for ten minutes at most: to see what is lost, \
     late, or never comes. Of each it keeps who sent it to whom, when and how long it was, and of \
     DNS and DHCP everything: no voices, no keys pressed, no numbers. It lies in memory, the \
     newest 12 MiB of it, and is gone a quarter of an hour after its end. Beginning it asks for \
     your password, and the audit trail says who did.",
    "Registra os pacotes que passam pela placa de rede, por até dez minutos: para ver o que se \
     perde, atrasa ou não chega. De cada um guarda quem mandou para quem, quando e de que tamanho, \
     e de DNS e DHCP tudo: sem vozes, sem teclas digitadas, sem números. Fica na memória, os 12 \
     MiB mais novos, e some um quarto de hora depois do fim. Começar pede a sua senha, e a \
     auditoria diz quem foi.",
);
const WHAT: Said = ("What", "O quê");
const TELEPHONY: Said = ("SIP and sound", "SIP e áudio");
const ALL: Said = ("Everything on the card", "Tudo o que passa na placa");
const HOST: Said = ("Only this address", "Só este endereço");
const PORT: Said = ("Only this port", "Só esta porta");
const CARD: Said = ("Network card", "Placa de rede");
const MINUTES: Said = ("Minutes, 10 at most", "Minutos, até 10");
const DEPTH: Said = ("Of each packet", "De cada pacote");
const HEADERS: Said = ("headers", "cabeçalhos");
const WHOLE: Said = (
    "whole packets, with voices",
    "pacotes inteiros, com as vozes",
);
const DANGER: Said = (
    "Whole packets hold what people say in every call that passes, the keys they press (also a \
     PIN), whole numbers, and answers to passwords of phones by which a weak one can be guessed. \
     In many places to take them without those people knowing is a crime. Take them of one \
     address, for as short as you can, and delete the file when you are done.",
    "Pacotes inteiros têm o que as pessoas falam em toda ligação que passar, as teclas que \
     digitam (também um PIN), números inteiros, e respostas a senhas de telefones com que uma \
     fraca pode ser adivinhada. Sem que essas pessoas saibam, costuma ser crime (no Brasil, Lei \
     9.296/1996, art. 10). Pegue de um só endereço, pelo menor tempo, e apague o arquivo depois.",
);
const KNOWN: Said = ("I know, and I may do this", "Eu sei, e posso fazer isso");
const OFF: Said = ("off", "desligada");
const KEPT: Said = ("packets kept", "pacotes guardados");
const DROPPED: Said = (
    "older ones made room for them",
    "mais antigos deram lugar a eles",
);
const MISSED: Said = (
    "came too fast to be looked at",
    "vieram rápido demais para serem vistos",
);
const VOICES: Said = ("Voices are in it.", "As vozes estão nela.");
