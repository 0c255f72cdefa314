//! Backups: which there are, the code that opens them, and restoring one.

use maud::{Markup, html};

use super::BACKUP;
use super::layout::{Place, code_once, hashed, own_password, page};
use super::records::moment;
use crate::admin::Caller;
use crate::backup_view::{BackupView, BackupsView};
use crate::http::Response;
use crate::permission::Permission;
use crate::refusals;

/// The page.
pub(crate) fn backups(caller: &Caller, view: &BackupsView) -> Response {
    let words = caller.language.words();
    let body = html! {
        h1 { (words.backups) }
        @if let Some(failure) = &view.failure {
            p.warning {
                (words.backup_failed) " " (refusals::backup::failed(failure, caller.language))
            }
        }
        section.card {
            @if view.backups.is_empty() { p.hint { (words.backup_none) } } @else {
                (table(caller, &view.backups))
            }
            @if view.running { p { (words.backup_running) } } @else {
                form method="post" action="/backups" {
                    button type="submit" { (words.backup_now) }
                }
            }
            p.hint { (words.backup_hint) }
            p.hint { (words.utc) }
        }
        @if caller.may(Permission::ManageData) {
            (code_card(caller, view))
            (restore(caller, view))
        }
    };
    page(200, caller, Place::Backups, words.backups, &body)
}

fn code_card(caller: &Caller, view: &BackupsView) -> Markup {
    let words = caller.language.words();
    html! {
        section.card {
            h2 { (words.backup_code) }
            @if view.code_known { p.hint { (words.backup_code_there) } }
            @else { p.warning { (words.backup_code_none) } }
            form method="post" action="/backups/code" {
                (own_password(caller))
                button type="submit" { (words.backup_code_make) }
            }
        }
    }
}

fn table(caller: &Caller, backups: &[BackupView]) -> Markup {
    let words = caller.language.words();
    html! {
        table {
            thead { tr {
                th { (words.when) } th { (words.version_number) } th { (words.version) }
                th { "KiB" } td {} td {}
            } }
            tbody {
                @for backup in backups {
                    tr {
                        td.time { (moment(&backup.taken)) }
                        td { (backup.config_version) }
                        td { (backup.firmware) }
                        td { (backup.bytes.div_ceil(1024)) }
                        td {
                            @if backup.proved { span.badge.good { (words.backup_proved) } }
                            @else { span.badge.bad { (words.backup_unproved) } }
                            @if backup.needs_code {
                                " " span.badge { (words.backup_old_code) }
                            }
                        }
                        td { @if caller.may(Permission::ManageData) {
                            a href={ "/backups/" (backup.name) } download { (words.download) }
                        } }
                    }
                }
            }
        }
    }
}

fn restore(caller: &Caller, view: &BackupsView) -> Markup {
    let words = caller.language.words();
    html! {
        section.card {
            h2 { (words.backup_restore) }
            p.notice { (words.backup_restore_hint) }
            @if view.restoring {
                p { a href="/backups/restore" { (words.restore_on) } }
            }
            @if !view.backups.is_empty() {
                form method="post" action="/backups/restore" {
                    label { (words.backup_on_box)
                        select name="file" {
                            @for backup in &view.backups {
                                option value=(backup.name) { (moment(&backup.taken)) }
                            }
                        }
                    }
                    (code(caller))
                    (own_password(caller))
                    button.danger type="submit" { (words.backup_restore) }
                }
            }
            @if !view.stick.is_empty() {
                form method="post" action="/backups/restore" {
                    label { (words.backup_on_stick)
                        select name="stick" {
                            @for file in &view.stick {
                                option value=(file.file) { (file.file) }
                            }
                        }
                    }
                    (code(caller))
                    (own_password(caller))
                    button.danger type="submit" { (words.backup_restore) }
                }
            }
            form id="bring" data-broken=(words.backup_broken) {
                label { (words.backup_file) input type="file" name="file" required; }
                (code(caller))
                (own_password(caller))
                button.danger type="submit" { (words.backup_bring) }
            }
            progress id="bring-progress" hidden value="0" max="1" {}
            p id="bring-said" role="status" {}
            noscript { p.hint { (words.needs_script) } }
            script src=(hashed("/assets/backup.js", BACKUP)) defer {}
        }
    }
}

fn code(caller: &Caller) -> Markup {
    let words = caller.language.words();
    html! {
        label { (words.backup_code_optional)
            input name="code" maxlength="60" autocomplete="off" spellcheck="false"
                placeholder="XXXXX-XXXXX-XXXXX-XXXXX-XXXXX-XXXXX";
        }
    }
}

/// The one page that shows a backup code.
pub(crate) fn backup_code(caller: &Caller, code: &str, back: &str) -> Response {
    let words = caller.language.words();
    let said = (words.backup_code, words.backup_code_once);
    code_once(caller, Place::Backups, said, code, back)
}
