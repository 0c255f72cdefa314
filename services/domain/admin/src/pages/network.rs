//! The box's address: what it has, what it is to have, and the trial in between.

use maud::{Markup, html};

use super::layout::{Place, page};
use crate::admin::Caller;
use crate::fault::Fault;
use crate::form::Said;
use crate::http::Response;
use crate::network_view::{FixedView, NetworkView, TrialView};
use crate::permission::Permission;

/// The addresses there are, and a form for another one.
pub(crate) fn network(caller: &Caller, view: &NetworkView, fault: Option<&Fault>) -> Response {
    let words = caller.language.words();
    let may_change = caller.may(Permission::ManageBox);
    let body = html! {
        h1 { (words.network) }
        @if let Some(fault) = fault { p.error role="alert" { (fault.text(caller.language)) } }
        @if let Some(trial) = &view.trial { (on_trial(caller, trial, may_change)) }
        (links(caller, view))
        @if may_change && view.trial.is_none() { (form(caller, view.set.as_ref())) }
    };
    page(
        fault.map_or(200, Fault::status),
        caller,
        Place::Network,
        words.network,
        &body,
    )
}

/// Where the box is found in a moment.
pub(crate) fn moving(caller: &Caller, view: &NetworkView) -> Response {
    let say = |said: Said| caller.language.said(said);
    let title = say(("The box moves", "A central muda de endereço"));
    let wanted = view.trial.as_ref().and_then(|trial| trial.network.as_ref());
    let body = html! {
        section.card.narrow {
            h1 { (title) }
            @match wanted {
                Some(wanted) => {
                    @let address = host(wanted);
                    p { (say(("In two seconds it is at", "Em dois segundos ela está em"))) }
                    p.dial { a href={ "https://" (address) "/network" } { (address) } }
                }
                None => p { (say((
                    "In two seconds it asks the router for an address. The box's own screen shows \
                     which.",
                    "Em dois segundos ela pede um endereço ao roteador. A tela da própria central \
                     mostra qual.",
                ))) },
            }
            p.notice { (say((
                "Open it there within five minutes, sign in, and press Keep. Else the address from \
                 before comes back by itself.",
                "Abra-a lá em até cinco minutos, entre e aperte Manter. Senão o endereço de antes \
                 volta sozinho.",
            ))) }
        }
    };
    page(200, caller, Place::Network, title, &body)
}

fn on_trial(caller: &Caller, trial: &TrialView, may_change: bool) -> Markup {
    let say = |said: Said| caller.language.said(said);
    html! {
        section.card.headline.busy {
            h2 { (say(("This address is being tried", "Este endereço está em teste"))) }
            p.dial { b {
                (trial.network.as_ref().map_or("DHCP", |it| it.address.as_str()))
            } }
            p { (say(("Seconds until the one from before is back:",
                "Segundos até o de antes voltar:"))) " " b { (trial.left_secs) } }
            @if may_change {
                div.row {
                    form method="post" action="/network/keep" {
                        input type="hidden" name="address"
                            value=(trial.network.as_ref().map_or("", |it| it.address.as_str()));
                        button type="submit" { (say(("Keep", "Manter"))) }
                    }
                    form method="post" action="/network/return" {
                        button.quiet type="submit" {
                            (say(("Back to the one from before", "Voltar ao de antes")))
                        }
                    }
                }
                p.hint { (say((
                    "Phones that were given the old address have to be given this one.",
                    "Telefones que receberam o endereço antigo precisam receber este.",
                ))) }
            }
        }
    }
}

fn links(caller: &Caller, view: &NetworkView) -> Markup {
    let words = caller.language.words();
    html! {
        section.card tabindex="0" {
            table {
                thead { tr {
                    th { (words.interface) } th { (words.address) } th { (words.gateway) }
                } }
                tbody { @for link in &view.links { tr {
                    td.strong { (link.name) br; span.hint { (link.mac) } }
                    td { (link.address)
                        @for address in &link.ipv6 { br; span.hint { (address) } }
                        @if !link.conflict_with.is_empty() {
                            br; span.error { (caller.language.said((
                                "another machine has this address: ",
                                "outra máquina tem este endereço: ",
                            ))) (link.conflict_with) }
                        }
                    }
                    td { (link.gateway) }
                } } }
            }
            p { (caller.language.said(("Set:", "Configurado:"))) " " b {
                (view.set.as_ref().map_or("DHCP", |it| it.address.as_str()))
            } }
        }
    }
}

fn form(caller: &Caller, set: Option<&FixedView>) -> Markup {
    let say = |said: Said| caller.language.said(said);
    let shown = set.cloned().unwrap_or_default();
    let field = |name: &str, label: Said, hint: Said, value: &str| {
        html! {
            label { (say(label))
                input name=(name) value=(value) autocomplete="off" spellcheck="false"
                    inputmode="decimal";
                span.hint { (say(hint)) }
            }
        }
    };
    html! {
        form.sheet.card method="post" action="/network" {
            h2 { (say(("Another address", "Outro endereço"))) }
            fieldset { legend { (say(("The box gets its address", "A central recebe o endereço"))) }
                label.check {
                    input type="radio" name="way" value="dhcp" checked[set.is_none()];
                    span { (say(("from the router (DHCP)", "do roteador (DHCP)"))) }
                }
                label.check {
                    input type="radio" name="way" value="fixed" checked[set.is_some()];
                    span { (say(("as it stands here", "como está aqui"))) }
                }
            }
            (field("address", ("Address", "Endereço"), ("As 192.168.10.5/24.",
                "Como 192.168.10.5/24."), &shown.address))
            (field("gateway", ("Gateway", "Gateway"), ("Empty for none.", "Vazio se não há."),
                &shown.gateway))
            (field("dns", ("DNS servers", "Servidores DNS"), ("At most three, with commas.",
                "No máximo três, com vírgulas."), &shown.dns.join(", ")))
            div.row { button type="submit" { (say(("Try it", "Testar"))) } }
            p.hint { (say((
                "It is tried for five minutes, and kept when you say so at the new address.",
                "Ele fica em teste por cinco minutos, e é mantido quando você o confirma no novo \
                 endereço.",
            ))) }
        }
    }
}

/// Without the length of its network.
fn host(network: &FixedView) -> &str {
    let whole = network.address.as_str();
    whole.split_once('/').map_or(whole, |(address, _)| address)
}
