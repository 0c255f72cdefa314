//! QR codes as pictures in the page, drawn here: nothing is asked of anybody else.

use std::fmt::Write as _;

use maud::{Markup, PreEscaped, html};
use qrcodegen::{QrCode, QrCodeEcc};

/// The picture of a text; nothing when it is too long for one.
pub(super) fn picture(text: &str) -> Markup {
    let Ok(code) = QrCode::encode_text(text, QrCodeEcc::Medium) else {
        return html! {};
    };
    let size = code.size();
    let mut path = String::new();
    for y in 0..size {
        let mut x = 0;
        while x < size {
            let run = (x..size).take_while(|x| code.get_module(*x, y)).count();
            let run = i32::try_from(run).unwrap_or_default();
            if run > 0 {
                // Writing to a string does not fail.
                let _ = write!(path, "M{},{}h{run}v1h-{run}z", x + QUIET, y + QUIET);
            }
            x += run.max(1);
        }
    }
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
        let runs = drawn
            .split('h')
            .filter_map(|it| it.split("v1").next()?.parse::<usize>().ok());
        assert_eq!(runs.sum::<usize>(), dark);
        // The upper left corner of a finder pattern is seven modules wide.
        assert!(drawn.contains("d=\"M4,4h7v1h-7z"), "{drawn}");
        assert!(
            !drawn.contains("style"),
            "the policy of the pages forbids it"
        );
    }
}
