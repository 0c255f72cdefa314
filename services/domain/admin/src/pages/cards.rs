//! Cards for phones, to be scanned, typed from or printed.

use ipc::site::Extension;
use maud::{Markup, html};

use super::layout::{Place, page};
use super::qr;
use crate::actions::cards::Card;
use crate::admin::Caller;
use crate::form::Said;
use crate::http::Response;
use crate::text::Language;

/// The one page that shows these passwords.
pub(crate) fn cards(caller: &Caller, cards: &[Card], server: &str, next: &'static str) -> Response {
    let language = caller.language;
    let title = language.said(("Cards for the phones", "Cartões dos telefones"));
    let body = html! {
        div.noprint {
            h1 { (title) }
            p.notice { (language.words().shown_once) " " (language.said((
                "Print this page, or leave it open until each phone has its own.",
                "Imprima esta página, ou deixe-a aberta até cada telefone ter a sua.",
            ))) }
        }
        div.cards { @for card in cards { (self::card(language, card, server)) } }
        p.noprint { a.button href=(next) { (language.words().go_on) } }
    };
    page(201, caller, Place::Extensions, title, &body)
}

fn card(language: Language, card: &Card, server: &str) -> Markup {
    let words = language.words();
    let Extension {
        number,
        display_name,
        ..
    } = &card.extension;
    let text = format!(
        "{}: {server}\n{}: {number}\n{}: {}",
        language.said(SERVER),
        language.said(USER),
        words.password,
        card.password
    );
    html! {
        section.card.phonecard {
            div {
                h2 { (number) " " (display_name) }
                dl {
                    dt { (language.said(SERVER)) } dd { (server) }
                    dt { (language.said(USER)) } dd.strong { (number) }
                    dt { (words.password) } dd { code.secret { (card.password) } }
                }
            }
            (qr::picture(&text))
        }
    }
}

/// Asks whether an extension is to have another password.
pub(crate) fn ask_card(caller: &Caller, extension: &Extension) -> Response {
    let language = caller.language;
    let words = language.words();
    let title = language.said(("Another password, on a card", "Outra senha, num cartão"));
    let body = html! {
        section.card.narrow {
            h1 { (title) }
            p.strong { (extension.number) " " (extension.display_name) }
            p { (language.said((
                "The password the extension has cannot be shown: the box does not keep it. With \
                 another one, its phones stop working until they are given it.",
                "A senha que o ramal tem não pode ser mostrada: a central não a guarda. Com outra, \
                 os telefones dele param de funcionar até receberem a nova.",
            ))) }
            form.row method="post" action={ "/extensions/" (extension.number) "/card" } {
                button.danger type="submit" { (language.said(("Make another password",
                    "Fazer outra senha"))) }
                a.button.quiet href="/extensions" { (words.cancel) }
            }
        }
    };
    page(200, caller, Place::Extensions, title, &body)
}

const SERVER: Said = ("Server", "Servidor");
const USER: Said = ("User", "Usuário");
