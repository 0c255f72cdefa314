//! Prompts: what the box says to callers, with a player and a place to send each sound.

use maud::{Markup, html};

use super::PROMPT;
use super::layout::{Place, hashed, page};
use super::records::moment;
use crate::actions::form::{back, escaped, new};
use crate::actions::sections::{path, title};
use crate::admin::Caller;
use crate::fault::Item;
use crate::http::Response;
use crate::prompt_view::{PromptView, TakeView};
use crate::routes::Section;

/// The page.
pub(crate) fn prompts(
    caller: &Caller,
    all: &[PromptView],
    takes: &[TakeView],
    code: &str,
) -> Response {
    let words = caller.language.words();
    let body = html! {
        h1 { (words.prompts) " " span.count { (all.len()) } }
        p.hint { (words.prompts_hint) }
        p.error id="prompt-said" role="alert" data-broken=(words.prompt_broken) {}
        @for prompt in all { (card(caller, prompt)) }
        @if caller.may_change() {
            section.card {
                p { a.button href=(new(Item::Prompt)) { (words.create) } }
                p.hint { (words.prompt_file_hint) }
                noscript { p.hint { (words.needs_script) } }
            }
            (spoken(caller, all, takes, code))
            script src=(hashed("/assets/prompt.js", PROMPT)) defer {}
        }
    };
    page(200, caller, Place::Prompts, words.prompts, &body)
}

/// What was said into a phone, and how that is done.
fn spoken(caller: &Caller, all: &[PromptView], takes: &[TakeView], code: &str) -> Markup {
    let words = caller.language.words();
    html! {
        section.card {
            h2 { (words.takes) }
            @if code.is_empty() { p.hint { (words.takes_no_code) } } @else {
                p.hint { (words.takes_hint.replace("{}", code)) }
            }
            @if !takes.is_empty() {
                table {
                    thead { tr {
                        th { (words.when) } th { (words.extension) } th { (words.prompt_sound) }
                        td {} td {}
                    } }
                    tbody { @for take in takes { (take_row(caller, all, take)) } }
                }
                p.hint { (words.utc) }
            }
        }
    }
}

fn take_row(caller: &Caller, all: &[PromptView], take: &TakeView) -> Markup {
    let words = caller.language.words();
    let address = format!("/takes/{}", take.name);
    html! {
        tr {
            td.time { (moment(&take.taken)) }
            td { (take.extension) }
            @if take.open { td { (words.take_open) } td {} td {} } @else {
                td { audio controls preload="none" src={ "/api" (address) }
                    aria-label=(take.name) {} }
                td { @if all.iter().any(|it| it.listed) {
                    form.row method="post" action=(address) {
                        select name="prompt" aria-label=(words.prompt) {
                            @for prompt in all.iter().filter(|it| it.listed) {
                                option value=(prompt.name) { (prompt.name) }
                            }
                        }
                        button type="submit" { (words.take_keep) }
                    }
                } }
                td { form method="post" action={ (address) "/delete" } {
                    button.quiet type="submit" { (words.delete) }
                } }
            }
        }
    }
}

fn card(caller: &Caller, prompt: &PromptView) -> Markup {
    let words = caller.language.words();
    let address = format!("{}/{}", back(Item::Prompt), escaped(&prompt.name));
    html! {
        section.card {
            h2 {
                @if prompt.listed { a href=(address) { (prompt.name) } } @else {
                    (prompt.name) " " span.badge.bad { (words.prompt_not_listed) }
                }
            }
            @if !prompt.says.is_empty() { p { (prompt.says) } }
            dl {
                dt { (words.prompt_sound) }
                dd { (sound(caller, prompt)) }
                dt { (words.prompt_used_by) }
                dd { (players(caller, prompt)) }
            }
            @if caller.may_change() {
                @if prompt.listed { (sending(caller, prompt)) }
                div.row {
                    @if prompt.listed {
                        a.danger href={ (address) "/delete" } { (words.delete) }
                    }
                    @if prompt.sound.is_some() {
                        form method="post" action={ (address) "/sound-off" } {
                            button.quiet type="submit" { (words.prompt_sound_off) }
                        }
                    }
                }
            }
        }
    }
}

fn sound(caller: &Caller, prompt: &PromptView) -> Markup {
    let words = caller.language.words();
    let Some(sound) = &prompt.sound else {
        return html! { span.badge.bad { (words.prompt_no_sound) } };
    };
    // Another one is another address, so that no browser plays what it has kept of the one before.
    let address = format!(
        "/api/prompts/{}/sound?sent={}",
        escaped(&prompt.name),
        escaped(&sound.sent)
    );
    let seconds = format!("{},{} s", sound.millis / 1_000, sound.millis % 1_000 / 100);
    let seconds = match caller.language {
        crate::text::Language::English => seconds.replace(',', "."),
        crate::text::Language::Portuguese => seconds,
    };
    html! {
        audio controls preload="none" src=(address) aria-label=(prompt.name) {}
        " " (seconds)
    }
}

fn players(caller: &Caller, prompt: &PromptView) -> Markup {
    let words = caller.language.words();
    let language = caller.language;
    let kind = |item| match item {
        Item::Group => words.group,
        Item::Trunk => words.trunk,
        Item::Route => words.route,
        Item::Times => words.time_condition,
        Item::Prompt => words.prompt,
    };
    html! {
        @if prompt.played_by.is_empty() { span.hint { (words.prompt_unused) } }
        @for (place, (item, key)) in prompt.players.iter().enumerate() {
            @if place > 0 { ", " }
            a href={ (back(*item)) "/" (escaped(key)) } { (kind(*item)) " " (key) }
        }
        @if prompt.at_parking {
            @if !prompt.players.is_empty() { ", " }
            a href={ "/settings/" (path(Section::Parking)) } {
                (language.said(title(Section::Parking)))
            }
        }
        @if prompt.is_music {
            @if prompt.at_parking || !prompt.players.is_empty() { ", " }
            a href={ "/settings/" (path(Section::Dialling)) } { (language.said(MUSIC)) }
        }
    }
}

fn sending(caller: &Caller, prompt: &PromptView) -> Markup {
    let words = caller.language.words();
    html! {
        form.sound.row data-name=(prompt.name) {
            label { (words.prompt_file)
                input type="file" name="file" required accept=".wav,audio/wav,audio/x-wav";
            }
            button type="submit" { (words.prompt_send) }
            progress hidden value="0" max="1" {}
        }
    }
}

const MUSIC: crate::form::Said = ("music while somebody waits", "música de espera");
