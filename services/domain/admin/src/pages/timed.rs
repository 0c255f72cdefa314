//! What the trace of messages and the capture of packets have in common on their pages: both run
//! for a time, and end in a file for Wireshark.

use maud::{Markup, html};

use super::state::seconds;
use crate::form::Said;
use crate::text::Language;

/// Whether it runs and until when, with the button that posts its end to `end`; or that it is
/// `off`.
pub(super) fn limited(language: Language, left_secs: Option<u32>, off: Said, end: &str) -> Markup {
    html! {
        @match left_secs {
            Some(left) => {
                // Minutes, so that an open page is not sent this every three seconds.
                p { span.badge.busy { (language.said(ON)) } " "
                    (seconds(u64::from(left).div_ceil(60).saturating_mul(60))) }
                form method="post" action=(end) {
                    p { button.quiet type="submit" { (language.said(END)) } }
                }
            }
            None => p { span.badge { (language.said(off)) } },
        }
    }
}

pub(super) const ANY: Said = ("any", "qualquer");
pub(super) const BEGIN: Said = ("Begin", "Começar");
pub(super) const DOWNLOAD: Said = (
    "Download for Wireshark (pcap)",
    "Baixar para o Wireshark (pcap)",
);
const END: Said = ("End it now", "Encerrar agora");
const ON: Said = ("on; it ends in", "em curso; termina em");
