//! `application/dialog-info+xml` (RFC 4235 §4): what makes a lamp red, blink or dark.

use sip::Host;

use super::state::{Lamp, LampState, Party};

pub(super) const CONTENT_TYPE: &str = "application/dialog-info+xml";

/// The whole state of `entity`, the URI that is watched, as the watcher wrote it: phones compare
/// it. Numbers are given at `host`. Without `callers` nothing is told of the other end, nor what
/// names the dialogs. `over` are dialogs the watcher was told of that are gone:
/// RFC 4235 lets them be left out of a full state, but not every phone puts its lamp out then.
pub(super) fn document(
    version: u32,
    entity: &str,
    host: &Host,
    (lamps, callers): (&[Lamp], bool),
    over: &[String],
) -> String {
    let entity = escaped(entity);
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n\
         <dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"{version}\" \
         state=\"full\" entity=\"{entity}\">\r\n"
    );
    for lamp in lamps {
        write_lamp(&mut xml, lamp, host, callers);
    }
    for id in over {
        let id = escaped(id);
        xml.push_str(&format!(
            "<dialog id=\"{id}\">\r\n<state>terminated</state>\r\n</dialog>\r\n"
        ));
    }
    xml.push_str("</dialog-info>\r\n");
    xml
}

fn write_lamp(xml: &mut String, lamp: &Lamp, host: &Host, callers: bool) {
    let mut names = format!("id=\"{}\"", escaped(&lamp.id));
    if let Some(name) = lamp.name.as_ref().filter(|_| callers) {
        // The dialog as the watched phone sees it: its own tag is the remote one for us.
        let (call_id, ours) = (escaped(&name.call_id), escaped(&name.local_tag));
        names.push_str(&format!(" call-id=\"{call_id}\""));
        if let Some(its) = &name.remote_tag {
            names.push_str(&format!(" local-tag=\"{}\"", escaped(its)));
        }
        names.push_str(&format!(" remote-tag=\"{ours}\""));
    }
    let direction = if lamp.recipient {
        "recipient"
    } else {
        "initiator"
    };
    let state = match lamp.state {
        LampState::Trying => "trying",
        LampState::Early => "early",
        LampState::Confirmed => "confirmed",
    };
    xml.push_str(&format!(
        "<dialog {names} direction=\"{direction}\">\r\n<state>{state}</state>\r\n"
    ));
    write_party(xml, "local", &lamp.local, host);
    if callers {
        write_party(xml, "remote", &lamp.remote, host);
    }
    xml.push_str("</dialog>\r\n");
}

/// Identity and target are the same: a number of ours, which can be dialled back.
fn write_party(xml: &mut String, side: &str, party: &Party, host: &Host) {
    let number = match &*party.number {
        "" => "anonymous",
        number => number,
    };
    let uri = escaped(&uri(number, host));
    let display = match &*party.name {
        "" => String::new(),
        name => format!(" display=\"{}\"", escaped(name)),
    };
    xml.push_str(&format!(
        "<{side}>\r\n<identity{display}>{uri}</identity>\r\n\
         <target uri=\"{uri}\"/>\r\n</{side}>\r\n"
    ));
}

fn uri(user: &str, host: &Host) -> String {
    sip::Uri::sip(Some(user), host.clone(), None).to_string()
}

/// Text for an element or attribute: what XML 1.0 does not allow at all is left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => {}
            letter if letter.is_control() => {}
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leg::DialogName;

    fn at() -> Host {
        Host::parse("10.0.0.1").expect("a host")
    }

    fn lamp() -> Lamp {
        Lamp {
            id: "7".to_owned(),
            name: Some(DialogName {
                call_id: "c&1".to_owned(),
                local_tag: "ours".to_owned(),
                remote_tag: Some("its".to_owned()),
            }),
            recipient: true,
            state: LampState::Early,
            local: Party {
                number: "100".to_owned(),
                name: String::new(),
            },
            remote: Party {
                number: "+5511".to_owned(),
                name: "A \"B\" <&>\u{1}".to_owned(),
            },
        }
    }

    /// RFC 4235 §4.1: the tags are those of the watched phone, so that it is clear whose call it is
    /// that a pickup key takes.
    #[test]
    fn a_ringing_call_is_described_as_its_phone_sees_it() {
        let xml = document(3, "sip:100@10.0.0.1", &at(), (&[lamp()], true), &[]);
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
            <dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"3\" \
            state=\"full\" entity=\"sip:100@10.0.0.1\">\n\
            <dialog id=\"7\" call-id=\"c&amp;1\" local-tag=\"its\" remote-tag=\"ours\" \
            direction=\"recipient\">\n<state>early</state>\n\
            <local>\n<identity>sip:100@10.0.0.1</identity>\n\
            <target uri=\"sip:100@10.0.0.1\"/>\n</local>\n\
            <remote>\n<identity display=\"A &quot;B&quot; &lt;&amp;&gt;\">sip:+5511@10.0.0.1\
            </identity>\n<target uri=\"sip:+5511@10.0.0.1\"/>\n</remote>\n\
            </dialog>\n</dialog-info>\n";
        assert_eq!(xml.replace("\r\n", "\n"), expected);
    }

    #[test]
    fn who_could_not_take_the_call_is_told_that_it_rings_and_no_more() {
        let xml = document(0, "sip:100@10.0.0.1", &at(), (&[lamp()], false), &[]);
        assert!(xml.contains("<state>early</state>") && xml.contains("direction=\"recipient\""));
        assert!(xml.contains("<local>"));
        for kept in ["+5511", "remote", "call-id", "tag=", "A &quot;"] {
            assert!(!xml.contains(kept), "{kept}: {xml}");
        }
    }

    #[test]
    fn what_is_over_is_said_to_be_and_nothing_at_all_is_a_document_too() {
        let xml = document(0, "sip:1@a;x='<", &at(), (&[], true), &["x".to_owned()]);
        assert!(xml.contains("<dialog id=\"x\">\r\n<state>terminated</state>"));
        assert!(xml.contains("entity=\"sip:1@a;x=&apos;&lt;\""));
        let idle = document(0, "sip:100@10.0.0.1", &at(), (&[], true), &[]);
        assert!(!idle.contains("<dialog ") && idle.ends_with("</dialog-info>\r\n"));
    }

    #[test]
    fn who_is_not_shown_is_anonymous() {
        let mut hidden = lamp();
        hidden.remote = Party::default();
        let xml = document(0, "sip:100@10.0.0.1", &at(), (&[hidden], true), &[]);
        assert!(xml.contains("<identity>sip:anonymous@10.0.0.1</identity>"));
    }
}
