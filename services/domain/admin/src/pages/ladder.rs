//! The messages of one call, leg beside leg: what came to the box on one side, and what it made of
//! that on the other.

use maud::{Markup, html};

use super::layout::page;
use super::navigation::Place;
use super::records::moment;
use crate::admin::Caller;
use crate::form::Said;
use crate::http::Response;
use crate::text::Language;
use crate::trace_view::{MessageView, TraceView};

/// The page; `query` is what asks for the same messages again.
pub(crate) fn ladder(caller: &Caller, view: &TraceView, query: &str) -> Response {
    let language = caller.language;
    let legs = legs(&view.messages);
    let body = html! {
        h1 { (language.said(TITLE)) }
        section.card.log tabindex="0" {
            @if view.messages.is_empty() { p { (language.said(NOTHING)) } } @else {
                p.hint { (language.said(HINT)) }
                (table(language, view, &legs))
                p.row {
                    a.button href={ "/trace.pcap?" (query) } download {
                        (language.said(DOWNLOAD))
                    } " "
                    a.button.quiet href={ "/trace?" (query) } { (language.said(AGAIN)) }
                }
            }
            p { a href="/trace" { (language.words().back) } }
        }
    };
    page(200, caller, Place::Elsewhere, language.words().trace, &body)
}

/// The first message of each leg, oldest first; what is over the columns shares the last.
fn legs(messages: &[MessageView]) -> Vec<&MessageView> {
    let mut legs: Vec<&MessageView> = Vec::new();
    for message in messages.iter().rev() {
        let is_known = legs.iter().any(|it| it.dialogue == message.dialogue);
        if !is_known && legs.len() < LEGS_MAX {
            legs.push(message);
        }
    }
    legs
}

fn table(language: Language, view: &TraceView, legs: &[&MessageView]) -> Markup {
    html! {
        table {
            thead { tr {
                th { (language.words().when) }
                @for (at, leg) in legs.iter().enumerate() {
                    th title=(leg.call_id) { (leg.remote) " " (leg.transport) }
                    @if at == 0 { th { (language.said(BOX)) } }
                }
            } }
            tbody { @for message in view.messages.iter().rev() {
                @let own = legs.iter().position(|it| it.dialogue == message.dialogue);
                @let own = own.unwrap_or(LEGS_MAX.saturating_sub(1));
                tr {
                    td.time { (moment(&message.at)) }
                    @for at in 0..legs.len() {
                        td { @if at == own { (step(language, message, at == 0)) } }
                        @if at == 0 { td {} }
                    }
                }
            } }
        }
        p.hint { (language.words().utc) }
    }
}

/// A message with its way as seen: the box stands right of the first leg, and left of the others.
fn step(language: Language, message: &MessageView, is_left_of_the_box: bool) -> Markup {
    let (arrow, way) = match (message.sent == is_left_of_the_box, message.sent) {
        (true, sent) => ("←", sent),
        (false, sent) => ("→", sent),
    };
    let way = language.said(if way { SENT } else { RECEIVED });
    html! {
        span title=(way) { (arrow) } " "
        a href={ "/trace/messages/" (message.number) } {
            @if message.what.is_empty() { "?" } @else { (message.what) }
        }
    }
}

/// Legs beside each other.
const LEGS_MAX: usize = 8;
const TITLE: Said = ("SIP messages of one call", "Mensagens SIP de uma ligação");
const HINT: Said = (
    "Oldest first. A call has a leg on each side of the box; a phone that rang with others has one \
     too, and so has a trunk that was tried. What was transferred is here as well.",
    "As mais antigas primeiro. Uma ligação tem uma perna de cada lado da central; um telefone que \
     tocou junto tem a sua, e um tronco tentado também. O que foi transferido também está aqui.",
);
const NOTHING: Said = (
    "No message of this call is there. Only what passes while a trace is on is kept, for an hour \
     after its end: begin one and make the call again.",
    "Não há mensagem desta ligação. Só se guarda o que passa com o rastreio ligado, por uma hora \
     depois do fim: comece um e faça a ligação de novo.",
);
const BOX: Said = ("Box", "Central");
const DOWNLOAD: Said = (
    "Download these for Wireshark (pcap)",
    "Baixar estas para o Wireshark (pcap)",
);
const AGAIN: Said = ("Look again", "Ver de novo");
const SENT: Said = ("sent by the box", "enviada pela central");
const RECEIVED: Said = ("received by the box", "recebida pela central");
