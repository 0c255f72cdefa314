//! People who may sign in.

use ipc::site::{Grant, Person, Site, Whose};
use maud::{Markup, html};

use super::layout::{Place, page};
use crate::actions::accounts::{PEOPLE, address, password_state};
use crate::admin::Caller;
use crate::form::ROLES;
use crate::http::Response;
use crate::text::Language;

/// Everybody.
pub(crate) fn people(caller: &Caller, site: &Site) -> Response {
    let words = caller.language.words();
    let roles = ROLES.all(site, caller.language);
    let role = |person: &Person| {
        if let Some(unknown) = &person.unknown_role {
            return format!("{} ({})", unknown.name, words.role_unknown);
        }
        let mut names = roles.iter();
        let found = names.find(|(key, _)| key == person.role.name());
        found.map_or_else(String::new, |(_, name)| name.clone())
    };
    let body = html! {
        h1 { (words.people) " " span.count { (site.people.len()) } }
        section.card {
            table {
                thead { tr {
                    th { (words.login) } th { (words.role) } th { (words.extensions) }
                    th { (words.calls_of) } th { (words.state) } td {}
                } }
                tbody {
                    @for person in &site.people {
                        tr {
                            td.strong { a href=(address(&person.login, "")) { (person.login) } }
                            td { (role(person)) }
                            td { (person.extensions.join(", ")) }
                            td { (granted(caller.language, &person.grants)) }
                            td { (state(caller.language, person)) }
                            td.right { @if caller.may_manage_people() {
                                @if person.login != caller.login {
                                    form method="post"
                                        action=(address(&person.login, "/one-time-password")) {
                                        button.quiet type="submit" {
                                            (words.new_one_time_password)
                                        }
                                    }
                                }
                                @if !person.tokens.is_empty() {
                                    form method="post"
                                        action=(address(&person.login, "/tokens/delete")) {
                                        button.quiet type="submit" { (words.tokens_revoke) }
                                    }
                                }
                                @if !person.passkeys.is_empty() {
                                    form method="post"
                                        action=(address(&person.login, "/passkeys/delete")) {
                                        button.quiet type="submit" { (words.passkeys_take_from) }
                                    }
                                }
                                @if person.second_factor.is_some() {
                                    form method="post"
                                        action=(address(&person.login, "/second-factor-off")) {
                                        button.quiet type="submit" {
                                            (words.second_factor_take_from)
                                        }
                                    }
                                }
                            } }
                        }
                    }
                }
            }
            @if caller.may_manage_people() {
                p { a.button href="/new/person" { (words.create) } }
            }
        }
    };
    page(200, caller, Place::People, words.people, &body)
}

fn granted(language: Language, grants: &[Grant]) -> String {
    let words = language.words();
    let told = grants.iter().map(|grant| match &grant.of {
        Whose::Extension(number) => format!("{} {number}", words.extension),
        Whose::Group(number) => format!("{} {number}", words.group),
    });
    told.collect::<Vec<_>>().join(", ")
}

fn state(language: Language, person: &Person) -> Markup {
    let words = language.words();
    html! {
        @if person.disabled { span.badge.bad { (words.switched_off_person) } }
        @else if password_state(person) != "chosen" {
            span.badge.busy { (words.one_time_password) }
        }
    }
}

/// The one page that shows a password the box made for somebody.
pub(crate) fn one_time_password(
    caller: &Caller,
    login: &str,
    password: &str,
    left: (usize, usize),
) -> Response {
    let words = caller.language.words();
    let body = html! {
        section.card.narrow {
            h1 { (words.one_time_password) }
            dl {
                dt { (words.login) } dd.strong { (login) }
                dt { (words.password) } dd { code.secret { (password) } }
            }
            p.notice { (words.one_time_password_hint) }
            (left_over(caller, login, left))
            p { a.button href=(PEOPLE) { (words.back) } }
        }
    };
    page(201, caller, Place::People, words.one_time_password, &body)
}

/// What stays good beside another password: somebody else may have made it.
fn left_over(caller: &Caller, login: &str, (passkeys, tokens): (usize, usize)) -> Markup {
    let words = caller.language.words();
    let form = |name: &str, count: usize, way: &str| {
        html! {
            @if count > 0 {
                form method="post" action=(address(login, way)) {
                    button.danger type="submit" {
                        (words.second_factor_remove) ": " (name) " (" (count) ")"
                    }
                }
            }
        }
    };
    html! {
        @if passkeys > 0 || tokens > 0 {
            p.notice { (caller.language.said((
                "What they have besides stays good. Where somebody else may have been at this \
                 account, take it away:",
                "O que a pessoa tem além disso continua valendo. Se alguém mais pode ter usado \
                 esta conta, remova:",
            ))) }
            (form(words.passkeys, passkeys, "/passkeys/delete"))
            (form(words.tokens, tokens, "/tokens/delete"))
        }
    }
}
