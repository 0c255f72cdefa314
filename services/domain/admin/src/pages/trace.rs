//! The trace of SIP messages: who says what to whom, as it happens.

use ipc::site::Site;
use maud::{Markup, html};

use super::layout::page;
use super::navigation::Place;
use super::records::moment;
use super::timed::{ANY, BEGIN, DOWNLOAD, limited};
use crate::admin::Caller;
use crate::form::Said;
use crate::http::{Event, Response};
use crate::text::Language;
use crate::trace_view::{MessageView, TraceView, WholeMessage};

/// The page.
pub(crate) fn trace(caller: &Caller, site: &Site, view: &TraceView) -> Response {
    let language = caller.language;
    let body = html! {
        h1 { (language.words().trace) }
        section.card {
            p { (language.said(HINT)) }
            form.row method="post" action="/trace" {
                label { (language.said(EXTENSION))
                    input name="extension" inputmode="numeric" autocomplete="off"; }
                label { (language.said(TRUNK)) select name="trunk" {
                    option value="" { (language.said(ANY)) }
                    @for trunk in &site.trunks {
                        option value=(trunk.name) { (trunk.name) }
                    }
                } }
                label { (language.said(MINUTES))
                    input name="minutes" type="number" min="1" max="60" value="10" required; }
                button type="submit" { (language.said(BEGIN)) }
            }
        }
        (state(language, view))
        (messages(language, view))
    };
    page(200, caller, Place::Trace, language.words().trace, &body)
}

/// What changes of it, for a page that is open.
pub(crate) fn trace_parts(caller: &Caller, view: &TraceView) -> Response {
    let event = |name, part: Markup| Event {
        name,
        data: part.into_string(),
    };
    Response::events(vec![
        event(STATE, state(caller.language, view)),
        event(MESSAGES, messages(caller.language, view)),
    ])
}

fn state(language: Language, view: &TraceView) -> Markup {
    let of = [view.extension.as_deref(), view.trunk.as_deref()];
    let of: Vec<&str> = of.into_iter().flatten().collect();
    html! {
        section.card id=(STATE) data-live {
            (limited(language, view.left_secs, OFF, "/trace/end"))
            @if view.kept > 0 || view.left_secs.is_some() {
                p { @if of.is_empty() { (language.said(ALL)) } @else { (of.join(", ")) } ": "
                    (view.kept) " " (language.said(KEPT))
                    @if view.dropped > 0 { ", " (view.dropped) " " (language.said(DROPPED)) }
                }
            }
            @if view.kept > 0 {
                p { a.button href="/trace.pcap" download { (language.said(DOWNLOAD)) } }
            }
        }
    }
}

fn messages(language: Language, view: &TraceView) -> Markup {
    let words = language.words();
    html! {
        section.card.log id=(MESSAGES) data-live tabindex="0" {
            @if view.messages.is_empty() { p.hint { (language.said(NOTHING)) } } @else {
                table {
                    thead { tr {
                        th { (words.when) } th { (language.said(PEER)) } th { (language.said(WAY)) }
                        th { (words.what) } th { (language.said(CALL)) }
                    } }
                    tbody { @for message in &view.messages { (row(language, message)) } }
                }
                p.hint { (words.utc) }
            }
        }
    }
}

fn row(language: Language, message: &MessageView) -> Markup {
    let (arrow, way) = match message.sent {
        true => ("←", language.said(SENT)),
        false => ("→", language.said(RECEIVED)),
    };
    html! {
        tr {
            td.time { (moment(&message.at)) }
            td.time { (message.remote) " " (message.transport) }
            td.time { span aria-hidden="true" { (arrow) " " } (way) }
            td { a href={ "/trace/messages/" (message.number) } {
                @if message.what.is_empty() { "?" } @else { (message.what) }
            } }
            td title=(message.call_id) {
                a href={ "/trace?with=" (message.number) } { (message.dialogue) }
            }
        }
    }
}

/// A message, whole.
pub(crate) fn traced(caller: &Caller, view: &WholeMessage) -> Response {
    let language = caller.language;
    let head = &view.head;
    let (from, to) = match head.sent {
        true => (&head.local, &head.remote),
        false => (&head.remote, &head.local),
    };
    let body = html! {
        h1 { (head.what) }
        section.card tabindex="0" {
            p.hint { (moment(&head.at)) " " (head.transport) " " (from) " → " (to) }
            pre { (view.text) }
            p.hint { (language.said(REDACTED)) }
            p { a href="/trace" { (language.words().back) } }
        }
    };
    page(200, caller, Place::Elsewhere, language.words().trace, &body)
}

const STATE: &str = "trace";
const MESSAGES: &str = "messages";
const HINT: Said = (
    "Keeps the SIP messages that the exchange sends and receives, for a time: to see why a phone \
     or a carrier is refused. Calls go on as they do. It lies in memory, 4 MiB of it, and is gone \
     an hour after its end. Beginning it asks for your password, and the audit trail says who did.",
    "Guarda por um tempo as mensagens SIP que a central envia e recebe: para ver por que um \
     telefone ou uma operadora é recusado. As ligações seguem normais. Fica na memória, até 4 \
     MiB, e some uma hora depois do fim. Começar pede a sua senha, e a auditoria diz quem foi.",
);
const EXTENSION: Said = ("Only extension", "Só o ramal");
const TRUNK: Said = ("Only trunk", "Só o tronco");
const MINUTES: Said = ("Minutes, 60 at most", "Minutos, até 60");
const OFF: Said = ("off", "desligado");
const ALL: Said = ("All messages", "Todas as mensagens");
const KEPT: Said = ("kept", "guardadas");
const DROPPED: Said = (
    "older ones made room for them",
    "mais antigas deram lugar a elas",
);
const NOTHING: Said = ("No messages.", "Nenhuma mensagem.");
const PEER: Said = ("With", "Com");
const WAY: Said = ("Way", "Sentido");
const CALL: Said = ("Call", "Chamada");
const SENT: Said = ("sent", "enviada");
const RECEIVED: Said = ("received", "recebida");
const REDACTED: Said = (
    "What proves a password, keys of encrypted sound and keys pressed are replaced by *.",
    "O que prova uma senha, chaves de áudio cifrado e teclas digitadas são trocados por *.",
);
