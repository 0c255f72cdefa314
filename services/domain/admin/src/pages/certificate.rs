//! The certificate of the pages: what is served, a request for others, and what they have signed.

use maud::{Markup, html};

use super::layout::{Place, page};
use crate::admin::Caller;
use crate::certificate::{CertificateView, SigningRequestView};
use crate::fault::Fault;
use crate::form::Said;
use crate::http::Response;
use crate::opened::Name;
use crate::permission::Permission;

/// How it stands, and the forms.
pub(crate) fn certificate(
    caller: &Caller,
    names: &[Name],
    view: &CertificateView,
    fault: Option<&Fault>,
) -> Response {
    let words = caller.language.words();
    let may_change = caller.may(Permission::ManageBox);
    let body = html! {
        h1 { (words.certificate) }
        @if let Some(fault) = fault { p.error role="alert" { (fault.text(caller.language)) } }
        (served(caller, names, view))
        @if may_change {
            (request(caller, view.request.as_ref()))
            @if view.request.is_some() || !view.self_signed { (chain(caller, names)) }
            @if !view.self_signed { (back(caller, names)) }
        }
    };
    let status = fault.map_or(200, Fault::status);
    page(status, caller, Place::Certificate, words.certificate, &body)
}

fn served(caller: &Caller, names: &[Name], view: &CertificateView) -> Markup {
    let say = |said: Said| caller.language.said(said);
    // That of a wildcard is not in it, and is served by it.
    let is_served = |name: &str| view.names.iter().any(|it| it.eq_ignore_ascii_case(name));
    let own = names.first().filter(|it| !is_served(&it.name));
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
            @if let Some(own) = own { p.hint {
                (say((
                    "It does not name the box's own name, by which nobody can use or make a \
                     passkey:",
                    "Ele não tem o nome da própria central, pelo qual ninguém pode usar nem criar \
                     uma chave de acesso:",
                ))) " " (own.name)
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
                "A passkey works by the name it was made for alone: that of your own, or .local.",
                "Uma chave de acesso só funciona pelo nome para o qual foi criada: o seu, ou \
                 .local.",
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

fn chain(caller: &Caller, names: &[Name]) -> Markup {
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
            @if names.iter().any(|it| it.is_of_use) { label.check {
                input type="checkbox" name="ends_passkeys";
                span { (say((
                    "It may leave out a name that passkeys were made for: they do not work then",
                    "Um nome para o qual há chaves de acesso pode faltar: elas não funcionam então",
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

fn back(caller: &Caller, names: &[Name]) -> Markup {
    let say = |said: Said| caller.language.said(said);
    let lost = names.iter().skip(1).find(|it| it.is_of_use);
    html! {
        form.card method="post" action="/certificate/self-signed" {
            h2 { (say(("Back to the box's own", "Voltar ao da própria central"))) }
            p { (say((
                "Browsers that have trusted the present one refuse to open the box by its name for \
                 up to a year then, and offer no way around: open it by its address.",
                "Navegadores que confiaram no atual se recusam então, por até um ano, a abrir a \
                 central pelo nome, sem alternativa: abra-a pelo endereço.",
            ))) }
            @if let Some(lost) = lost { p {
                (say(("Passkeys made for", "Chaves de acesso criadas para"))) " " (lost.name) " "
                (say(("do not work then.", "não funcionam então.")))
            } }
            div.row { button.danger type="submit" {
                (say(("Use the self-signed one", "Usar o autoassinado")))
            } }
        }
    }
}
