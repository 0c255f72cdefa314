//! The second factor: the picture an app reads, the code at a sign-in, and how it stands.

use maud::{Markup, PreEscaped, html};
use qrcodegen::{QrCode, QrCodeEcc};

use super::layout::{Place, bare, logo, page};
use crate::admin::Caller;
use crate::fault::Fault;
use crate::http::Response;

/// Asks for the code, when the password was right.
pub(crate) fn code(caller: &Caller, fault: Option<&Fault>) -> Response {
    let language = caller.language;
    let words = language.words();
    let body = html! {
        section.card.narrow.welcome {
            p.brand { (logo()) span { (words.title) } }
            h1 { (words.code) }
            @if let Some(fault) = fault { p.error role="alert" { (fault.text(language)) } }
            form method="post" action="/code" {
                (code_field(caller))
                button type="submit" { (words.sign_in) }
            }
            p.hint { (words.code_hint) }
            form method="post" action="/logout" {
                button.quiet type="submit" { (words.cancel) }
            }
        }
    };
    bare(
        fault.map_or(200, Fault::status),
        language,
        words.code,
        &body,
    )
}

/// How it stands, and what can be done: `left` codes for a lost phone when it is on.
pub(crate) fn second_factor(caller: &Caller, left: Option<usize>) -> Response {
    let words = caller.language.words();
    let body = html! {
        section.card.narrow {
            h1 { (words.second_factor) }
            @match left {
                None => {
                    p { (words.second_factor_off) }
                    form method="post" action="/second-factor/new" {
                        button type="submit" { (words.second_factor_set_up) }
                    }
                }
                Some(left) => {
                    p { (words.second_factor_on) " " (left) }
                    form method="post" action="/second-factor/off" {
                        button.danger type="submit" { (words.second_factor_remove) }
                    }
                }
            }
            p { a.button.quiet href="/password" { (words.back) } }
        }
    };
    page(200, caller, Place::Elsewhere, words.second_factor, &body)
}

/// Shows a new secret and asks for a code of it.
pub(crate) fn offer(caller: &Caller, secret: &str, uri: &str, fault: Option<&Fault>) -> Response {
    let words = caller.language.words();
    let body = html! {
        section.card.narrow {
            h1 { (words.second_factor) }
            p { (words.second_factor_scan) }
            (picture(uri))
            p { code.secret { (secret) } }
            @if let Some(fault) = fault { p.error role="alert" { (fault.text(caller.language)) } }
            form method="post" action="/second-factor" {
                (code_field(caller))
                div.row {
                    button type="submit" { (words.go_on) }
                    a.button.quiet href="/second-factor" { (words.cancel) }
                }
            }
        }
    };
    let status = fault.map_or(200, Fault::status);
    page(status, caller, Place::Elsewhere, words.second_factor, &body)
}

/// The one page that shows the codes for a lost phone.
pub(crate) fn recovery_codes(caller: &Caller, codes: &[String]) -> Response {
    let words = caller.language.words();
    let body = html! {
        section.card.narrow {
            h1 { (words.recovery_codes) }
            p.notice { (words.recovery_codes_hint) }
            ul { @for code in codes { li { code { (code) } } } }
            p { a.button href="/second-factor" { (words.back) } }
        }
    };
    page(200, caller, Place::Elsewhere, words.recovery_codes, &body)
}

fn code_field(caller: &Caller) -> Markup {
    html! {
        label { (caller.language.words().code)
            input name="code" required autofocus inputmode="numeric" maxlength="64"
                autocomplete="one-time-code";
        }
    }
}

/// A QR code as a picture in the page, drawn here: nothing is asked of anybody else.
fn picture(text: &str) -> Markup {
    let Ok(code) = QrCode::encode_text(text, QrCodeEcc::Medium) else {
        return html! {};
    };
    let size = code.size();
    let dark = |(x, y): &(i32, i32)| code.get_module(*x, *y);
    let all = (0..size).flat_map(|y| (0..size).map(move |x| (x, y)));
    let path: String = all
        .filter(dark)
        .map(|(x, y)| format!("M{},{}h1v1h-1z", x + QUIET, y + QUIET))
        .collect();
    let whole = size + 2 * QUIET;
    PreEscaped(format!(
        "<svg class=\"qr\" viewBox=\"0 0 {whole} {whole}\" width=\"240\" height=\"240\" \
         shape-rendering=\"crispEdges\" role=\"img\" aria-label=\"QR\">\
         <rect width=\"{whole}\" height=\"{whole}\" fill=\"#fff\"/>\
         <path d=\"{path}\" fill=\"#000\"/></svg>"
    ))
}

/// Empty modules around it (ISO/IEC 18004).
const QUIET: i32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_has_the_modules_of_its_text() {
        let text = "otpauth://totp/Ramal:ana?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        let drawn = picture(text).into_string();
        let code = QrCode::encode_text(text, QrCodeEcc::Medium).expect("short");
        let size = code.size();
        let dark = (0..size).flat_map(|y| (0..size).map(move |x| (x, y)));
        let dark = dark.filter(|(x, y)| code.get_module(*x, *y)).count();
        assert_eq!(drawn.matches("h1v1h-1z").count(), dark);
        assert!(
            drawn.contains("M4,4h1v1h-1z"),
            "the corner of a finder pattern"
        );
        assert!(
            !drawn.contains("style"),
            "the policy of the pages forbids it"
        );
    }
}
