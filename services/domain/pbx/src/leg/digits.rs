//! DTMF by INFO: `application/dtmf-relay` and `application/dtmf`, as devices have sent it since
//! before RFC 6086.

use ipc::sound::{Dtmf, Request as SoundRequest};
use sip::transaction::ServerId;
use sip::{HeaderName, Method, Request, Response, StatusCode};

use super::state::{Cx, Leg, Phase};
use super::table::Purpose;
use super::{DtmfMode, LegEvent};
use crate::interface::Output;

/// Digits with key and duration.
const RELAY: &str = "application/dtmf-relay";
/// A digit alone.
const PLAIN: &str = "application/dtmf";
/// Flash: the hook pressed for a moment.
const FLASH: &str = "application/hook-flash";
/// A key press of unknown length, milliseconds.
const MILLIS_DEFAULT: u32 = 250;
/// The longest press believed, milliseconds.
const MILLIS_MAX: u32 = 10_000;

impl Leg {
    /// An INFO of the peer.
    pub(super) fn informed(&mut self, cx: &mut Cx<'_>, id: ServerId, request: &Request) {
        let package = HeaderName::Other("Info-Package".into());
        if request.headers.first(&package).is_some() {
            // RFC 6086 §4.2.2: we have no package.
            let status = StatusCode::new(469).unwrap_or(StatusCode::BAD_EVENT);
            let response = Response::to_request(request, status, None)
                .with(HeaderName::Other("Recv-Info".into()), "");
            cx.core.respond(id, response);
            return;
        }
        if let Some(wish) = request.headers.text(&HeaderName::Other("Record".into())) {
            self.asked_to_record(cx, id, request, wish);
            return;
        }
        let kind = request.headers.content_type();
        let pressed = match kind.as_deref() {
            _ if request.body.is_empty() => None,
            Some(FLASH) => Some(('!', MILLIS_DEFAULT)),
            Some(RELAY | PLAIN) => read(&String::from_utf8_lossy(&request.body)),
            Some(_) | None => {
                let response =
                    Response::to_request(request, StatusCode::UNSUPPORTED_MEDIA_TYPE, None)
                        .with(HeaderName::Accept, format!("{RELAY}, {PLAIN}"));
                cx.core.respond(id, response);
                return;
            }
        };
        cx.reply(id, request, StatusCode::OK);
        if let Some((digit, millis)) = pressed
            && self.phase == Phase::Confirmed
        {
            cx.tell(LegEvent::Digit { digit, millis });
        }
    }

    /// `Record: on` or `off`, as the record keys of Snom, Yealink and Grandstream phones send it.
    fn asked_to_record(&mut self, cx: &mut Cx<'_>, id: ServerId, request: &Request, wish: &str) {
        let wanted = match wish.trim() {
            on if on.eq_ignore_ascii_case("on") => true,
            off if off.eq_ignore_ascii_case("off") => false,
            _ => return cx.reply(id, request, StatusCode::BAD_REQUEST),
        };
        if self.phase != Phase::Confirmed {
            return cx.reply(id, request, StatusCode::FORBIDDEN);
        }
        cx.shared.servers.insert(id, cx.id);
        self.record_wishes
            .push_back((id, Box::new(request.clone())));
        cx.tell(LegEvent::Record(wanted));
    }

    /// The call has said what becomes of such a wish.
    pub(super) fn record_answered(&mut self, cx: &mut Cx<'_>, status: StatusCode) {
        if let Some((id, request)) = self.record_wishes.pop_front() {
            cx.shared.servers.remove(&id);
            cx.reply(id, &request, status);
        }
    }

    /// Sends a digit to the peer.
    pub(super) fn send_digit(&mut self, cx: &mut Cx<'_>, digit: char, millis: u32) {
        let by_info = matches!(self.profile.dtmf, DtmfMode::Automatic | DtmfMode::Info);
        let Some(agreed) = self.talk.agreed.as_ref() else {
            return;
        };
        match agreed.dtmf {
            Dtmf::Events { .. } | Dtmf::InBand => {
                if digit != '!' {
                    let (id, digits) = (self.id.0, digit.to_string());
                    cx.core
                        .emit(Output::Sound(SoundRequest::Dial { id, digits }));
                }
            }
            Dtmf::Elsewhere if by_info && self.phase == Phase::Confirmed => {
                let millis = millis.clamp(40, MILLIS_MAX);
                let body = match digit {
                    '!' => "Signal=16\r\n".to_owned(),
                    digit => format!("Signal={digit}\r\nDuration={millis}\r\n"),
                };
                let info = self.dialog.request(Method::Info);
                self.send(cx, info.with_body(RELAY, body.into_bytes()), Purpose::Info);
            }
            Dtmf::Elsewhere => {}
        }
    }
}

/// `Signal=5` and `Duration=160`, or the digit alone; numbers from 10 are the other keys
/// (RFC 4733 §3.2).
fn read(body: &str) -> Option<(char, u32)> {
    let value = |name: &str| {
        body.lines().find_map(|line| {
            let (key, value) = line.split_once('=')?;
            key.trim()
                .eq_ignore_ascii_case(name)
                .then_some(value.trim())
        })
    };
    let signal = value("signal").unwrap_or_else(|| body.trim());
    let digit = match signal {
        "10" => '*',
        "11" => '#',
        "12" => 'A',
        "13" => 'B',
        "14" => 'C',
        "15" => 'D',
        "16" => '!',
        one => {
            let mut letters = one.chars();
            let digit = letters.next()?.to_ascii_uppercase();
            let known = digit.is_ascii_digit() || "*#ABCD!".contains(digit);
            (known && letters.next().is_none()).then_some(digit)?
        }
    };
    let millis = value("duration").and_then(|text| text.parse().ok());
    Some((digit, millis.unwrap_or(MILLIS_DEFAULT).min(MILLIS_MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_in_every_form() {
        // pbx trap 20.
        let check = |body: &str, expected| assert_eq!(read(body), expected, "{body:?}");
        check("Signal=5\r\nDuration=160\r\n", Some(('5', 160)));
        check("Signal= *\r\nDuration= 250", Some(('*', 250)));
        check("signal=#", Some(('#', 250)));
        check("Signal=11\nDuration=x", Some(('#', 250)));
        check("Signal=16\n", Some(('!', 250)));
        check("d", Some(('D', 250)));
        check("7\r\n", Some(('7', 250)));
        check("Signal=5\r\nDuration=4000000000", Some(('5', 10_000)));
        for nothing in ["", "Signal=", "Signal=55", "x", "\u{e9}"] {
            check(nothing, None);
        }
    }
}
