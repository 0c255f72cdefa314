//! The firmware: slots, updates, why a slot was left.

use maud::{Markup, html};

use super::UPLOAD;
use super::layout::{Place, code_once, hashed, own_password, page};
use crate::admin::Caller;
use crate::firmware_view::{EntryView, FirmwareView, SlotView, StickView};
use crate::http::Response;
use crate::permission::Permission;

/// Slots, an update, and why slots were left.
pub(crate) fn firmware(caller: &Caller, view: &FirmwareView) -> Response {
    let words = caller.language.words();
    let body = html! {
        h1 { (words.firmware) }
        @if view.development_keys {
            p.warning { (words.development_keys) }
        }
        @if view.is_damaged() {
            p.warning {
                (words.damaged) " "
                @if view.changes_slot() { (words.damaged_restart) }
                @else { (words.damaged_update) }
            }
        }
        @if view.factory_reset_pending {
            p.warning { (words.reset_pending) }
        }
        section.card {
            @if view.slots.is_empty() { p.hint { (words.no_slots) } } @else {
                (slots(caller, &view.slots))
            }
        }
        @if !view.slots.is_empty() {
            (update(caller, &view.stick))
        }
        @if let Some(place) = view.data_key {
            section.card {
                h2 { (words.data_key) }
                p.hint {
                    @if place == "sealed-by-tpm" { (words.data_key_sealed) }
                    @else { (words.data_key_on_disk) }
                }
                @if let Some(seen) = view.recovery_code && caller.may(Permission::ManageData) {
                    (ask_for_code(caller, seen))
                }
            }
        }
        @if let Some(said) = secure_boot(caller, view.secure_boot) {
            section.card {
                h2 { "Secure Boot" }
                p.hint { (said) }
            }
        }
        @if !view.journal.is_empty() {
            section.card {
                h2 { (words.left_slots) }
                (journal(caller, &view.journal))
            }
        }
    };
    page(200, caller, Place::Firmware, words.firmware, &body)
}

/// The one page that shows the recovery code of the data.
pub(crate) fn recovery_code(caller: &Caller, code: &str) -> Response {
    let words = caller.language.words();
    let said = (words.recovery_code, words.recovery_code_once);
    code_once(caller, Place::Firmware, said, code, "/firmware")
}

/// What is said of it; nothing of a machine that cannot do it.
fn secure_boot(caller: &Caller, state: &str) -> Option<&'static str> {
    let words = caller.language.words();
    match state {
        "on" => Some(words.secure_boot_on),
        "on-at-next-start" => Some(words.secure_boot_next),
        "offered" => Some(words.secure_boot_offered),
        "setup-mode" => Some(words.secure_boot_setup),
        "off" => Some(words.secure_boot_off),
        "not-read" => Some(words.secure_boot_not_read),
        _ => None,
    }
}

fn ask_for_code(caller: &Caller, seen: &str) -> Markup {
    let words = caller.language.words();
    let (said, action, label) = match seen {
        "unseen" => (words.recovery_code_unseen, "", words.recovery_code_show),
        "shown" => (words.recovery_code_shown, "/new", words.recovery_code_new),
        _ => return html! { p { (words.recovery_code_renewed) } },
    };
    html! {
        p.warning[seen == "unseen"] { (said) }
        form method="post" action={ "/firmware/recovery-code" (action) } {
            (own_password(caller))
            button type="submit" { (label) }
        }
    }
}

fn slots(caller: &Caller, slots: &[SlotView]) -> Markup {
    let words = caller.language.words();
    html! {
        table {
            thead { tr {
                th { (words.slot) } th { (words.version) } th { (words.state) } td {}
            } }
            tbody {
                @for slot in slots {
                    tr {
                        td.strong { (slot.name.to_uppercase()) }
                        td { (slot.version) }
                        td { span class={ "badge " (tone(slot.condition)) } {
                            (caller.language.state(slot.condition))
                        }
                        @if slot.damaged {
                            " " span class="badge bad" { (caller.language.state("damaged")) }
                        } }
                        td {
                            @if slot.running { (words.runs) }
                            @else if slot.starts_next { (words.starts_next) }
                        }
                    }
                }
            }
        }
    }
}

fn update(caller: &Caller, stick: &[StickView]) -> Markup {
    let words = caller.language.words();
    html! {
        section.card {
            h2 { (words.update) }
            form id="update" data-done=(words.update_done) data-broken=(words.update_broken)
                data-refused=(words.update_refused) {
                label { (words.update_file) input type="file" name="file" required; }
                button type="submit" { (words.install) }
            }
            form id="fetch" {
                label { (words.fetch_from)
                    input type="url" name="url" required placeholder="https://";
                }
                label { (words.fetch_fingerprint) input type="text" name="fingerprint"; }
                button type="submit" { (words.fetch) }
            }
            @if !stick.is_empty() {
                form id="stick" {
                    label { (words.stick_file)
                        select name="file" {
                            @for file in stick { option value=(file.file) { (file.file) } }
                        }
                    }
                    button type="submit" { (words.stick_install) }
                }
            }
            progress id="update-progress" hidden value="0" max="1" {}
            p id="update-said" role="status" {}
            p.hint { (words.update_hint) }
            noscript { p.hint { (words.needs_script) } }
            script src=(hashed("/assets/upload.js", UPLOAD)) defer {}
        }
    }
}

fn journal(caller: &Caller, entries: &[EntryView]) -> Markup {
    let words = caller.language.words();
    html! {
        table {
            thead { tr { th { "#" } th { (words.slot) } th { (words.reason) } td {} } }
            tbody {
                @for entry in entries {
                    tr {
                        td { (entry.sequence) }
                        td { (entry.slot.to_uppercase()) }
                        td { (caller.language.state(entry.reason)) }
                        td { (entry.detail) }
                    }
                }
            }
        }
    }
}

fn tone(condition: &str) -> &'static str {
    match condition {
        "good" => "good",
        "on-trial" => "busy",
        "bad" => "bad",
        _ => "",
    }
}
