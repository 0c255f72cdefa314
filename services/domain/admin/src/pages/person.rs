//! What the box keeps on one person: whom one means, and what is to be done.

use ipc::site::Site;
use maud::{Markup, html};

use super::layout::{Place, own_password, page};
use crate::admin::Caller;
use crate::fault::Fault;
use crate::http::Response;

/// The page.
pub(crate) fn person(
    caller: &Caller,
    site: &Site,
    former: &[String],
    fault: Option<&Fault>,
) -> Response {
    let language = caller.language;
    let words = language.words();
    let body = html! {
        h1 { (words.person_data) }
        @if let Some(fault) = fault { p.error role="alert" { (fault.text(language)) } }
        p { (words.person_hint) }
        section.card {
            h2 { (words.person_export) }
            p.hint { (words.person_export_hint) }
            p.hint { (words.person_elsewhere) }
            form method="post" action="/privacy/export" {
                (login(caller, site))
                (own_password(caller))
                button type="submit" { (words.download) }
            }
            form method="post" action="/privacy/export" {
                (number(caller))
                (own_password(caller))
                button type="submit" { (words.download) }
            }
        }
        section.card {
            h2 { (words.person_erase) }
            p.hint { (words.person_erase_hint) }
            p.hint { (words.erasure_stays) }
            form method="post" action="/privacy/erase" {
                input type="hidden" name="dry_run" value="1";
                label { (words.person_login)
                    input name="login" required maxlength="60" autocomplete="off"
                        spellcheck="false" list="former";
                }
                datalist id="former" {
                    @for login in former { option value=(login) {} }
                }
                @if !former.is_empty() {
                    p.hint { (words.person_former) " " (former.join(", ")) }
                }
                button type="submit" { (words.person_look) }
            }
            form method="post" action="/privacy/erase" {
                input type="hidden" name="dry_run" value="1";
                (number(caller))
                button type="submit" { (words.person_look) }
            }
        }
    };
    let status = fault.map_or(200, Fault::status);
    page(status, caller, Place::Privacy, words.person_data, &body)
}

fn login(caller: &Caller, site: &Site) -> Markup {
    let words = caller.language.words();
    html! {
        label { (words.person_with_account)
            select name="login" {
                @for person in &site.people { option value=(person.login) { (person.login) } }
            }
        }
    }
}

fn number(caller: &Caller) -> Markup {
    let words = caller.language.words();
    html! {
        label { (words.person_outside)
            input name="number" required maxlength="60" autocomplete="off" spellcheck="false"
                inputmode="tel" placeholder="+5548999990021";
        }
    }
}
