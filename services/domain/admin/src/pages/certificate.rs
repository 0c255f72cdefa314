//! The certificate of the pages: what is served, a request for others, and what they have signed.

use maud::{Markup, html};

use super::layout::{Place, page};
use crate::admin::Caller;
use crate::certificate::{CertificateView, SigningRequestView};
use crate::fault::Fault;
use crate::form::Said;
use crate::http::Response;
use crate::permission::Permission;

/// How it stands, and the forms.
pub(crate) fn certificate(
    caller: &Caller,
    view: &CertificateView,
    fault: Option<&Fault>,
) -> Response {
    let words = caller.language.words();
    let may_change = caller.may(Permission::ManageBox);
    let body = html! {
        h1 { (words.certificate) }
        @if let Some(fault) = fault { p.error role="alert" { (fault.text(caller.language)) } }
        (served(caller, view))
        @if may_change {
            (request(caller, view.request.as_ref()))
            @if view.request.is_some() || !view.self_signed { (chain(caller)) }
            @if !view.self_signed { (back(caller)) }
        }
    };
    let status = fault.map_or(200, Fault::status);
    page(status, caller, Place::Certificate, words.certificate, &body)
}

fn served(caller: &Caller, view: &CertificateView) -> Markup {
    let say = |said: Said| caller.language.said(said);
    let own = caller.opened.name();
    let is_by_name = view.names.iter().any(|it| it.eq_ignore_ascii_case(own));
    html! {
        section.card {
            h2 { (say(("Served now", "Em uso agora"))) }
            p { @if view.self_signed { (say((
                "The box has signed it itself: browsers warn of it until somebody trusts it. \
                 Compare its fingerprint with the one on the box's own screen.",
                "A própria central o assinou: os navegadores avisam até alguém confiar nele. \
                 Compare a impressão digital com a da tela da própria central.",
            ))) } @else { (say((
                "An authority has signed it.",
                "Uma autoridade o assinou.",
            ))) } }
            @if !is_by_name { p.hint {
                (say((
                    "It does not name the box's own name, so nobody can use or make a passkey:",
                    "Ele não tem o nome da própria central, então ninguém pode usar nem criar \
                     uma chave de acesso:",
                ))) " " (caller.opened.name())
            } }
            dl {
                dt { (say(("For", "Para"))) }
                dd { @for name in &view.names { (name) br; } }
                dt { (say(("Signed by", "Assinado por"))) } dd { (view.issuer) }
                dt { (say(("Valid from", "Válido de"))) } dd { (view.from) }
                dt { (say(("Valid until", "Válido até"))) } dd { (view.until) }
                dt { "SHA-256" } dd { code { (pairs(&view.fingerprint)) } }
            }
        }
    }
}

/// As browsers and the box's own screen write it.
fn pairs(hexadecimal: &str) -> String {
    let upper = hexadecimal.to_ascii_uppercase();
    let pairs = upper.as_bytes().chunks(2);
    let pairs: Vec<_> = pairs.map(String::from_utf8_lossy).collect();
    pairs.join(":")
}

fn request(caller: &Caller, present: Option<&SigningRequestView>) -> Markup {
    let say = |said: Said| caller.language.said(said);
    html! {
        form.sheet.card method="post" action="/certificate/request" {
            h2 { (say(("1. A request for your authority", "1. Um pedido à sua autoridade"))) }
            @if let Some(request) = present {
                p { (say(("Made for:", "Feito para:"))) " " b { (request.names.join(", ")) } }
                p { a.button href="/certificate/request.pem" download="ramal.csr" {
                    (say(("Download the request (CSR)", "Baixar o pedido (CSR)")))
                } }
                p.hint { (say((
                    "It is good for renewals too. Another one has another key: what is signed for \
                     this one cannot be used then.",
                    "Serve também para renovações. Outro pedido tem outra chave: o que for \
                     assinado para este não poderá ser usado.",
                ))) }
            }
            label { (say(("A name of your own", "Um nome seu")))
                input name="name" autocomplete="off" spellcheck="false" autocapitalize="none"
                    maxlength="253" placeholder="pbx.example.com";
                span.hint { (say((
                    "Your name server has to lead it to the box. Empty: only the name .local and \
                     the addresses.",
                    "Seu servidor DNS precisa levá-lo à central. Vazio: só o nome .local e os \
                     endereços.",
                ))) }
            }
            label.check {
                input type="checkbox" name="only";
                span { (say((
                    "Only this name: public authorities refuse .local and inside addresses",
                    "Só este nome: autoridades públicas recusam .local e endereços internos",
                ))) }
            }
            p.hint { (say((
                "Passkeys work by the name .local alone: without it nobody can use theirs.",
                "Chaves de acesso só funcionam pelo nome .local: sem ele ninguém usa a sua.",
            ))) }
            div.row { button.quiet[present.is_some()] type="submit" { @if present.is_some() {
                (say(("Make another request", "Fazer outro pedido")))
            } @else { (say(("Make a request", "Fazer um pedido"))) } } }
            p.hint { (say((
                "The key is made here and never leaves the box.",
                "A chave é feita aqui e nunca sai da central.",
            ))) }
        }
    }
}

fn chain(caller: &Caller) -> Markup {
    let say = |said: Said| caller.language.said(said);
    html! {
        form.sheet.card method="post" action="/certificate" {
            h2 { (say(("2. What it has signed", "2. O que ela assinou"))) }
            label { (say(("Certificates (PEM)", "Certificados (PEM)")))
                textarea name="chain" rows="8" required spellcheck="false" autocomplete="off" {}
                span.hint { (say((
                    "First that of the box, then each the one that signed the one before.",
                    "Primeiro o da central, depois de cada um o que o assinou.",
                ))) }
            }
            @if caller.opened.is_of_use { label.check {
                input type="checkbox" name="ends_passkeys";
                span { (say((
                    "It may leave out the name .local: nobody can use a passkey then",
                    "O nome .local pode faltar: ninguém pode usar chave de acesso então",
                ))) }
            } }
            div.row { button type="submit" { (say(("Use it", "Usar"))) } }
            p.hint { (say((
                "It is checked first. New connections get it at once; calls are not touched.",
                "Ele é conferido antes. Novas conexões o recebem na hora; as ligações não são \
                 afetadas.",
            ))) }
        }
    }
}

fn back(caller: &Caller) -> Markup {
    let say = |said: Said| caller.language.said(said);
    html! {
        form.card method="post" action="/certificate/self-signed" {
            h2 { (say(("Back to the box's own", "Voltar ao da própria central"))) }
            p { (say((
                "Browsers that have trusted the present one refuse to open the box by its name for \
                 up to a year then, and offer no way around: open it by its address.",
                "Navegadores que confiaram no atual se recusam então, por até um ano, a abrir a \
                 central pelo nome, sem alternativa: abra-a pelo endereço.",
            ))) }
            div.row { button.danger type="submit" {
                (say(("Use the self-signed one", "Usar o autoassinado")))
            } }
        }
    }
}
