//! What the box runs, and the licences of what that is made of.

use ipc::about::{BILL, TEXTS};

use crate::about_view::AboutView;
use crate::admin::{Admin, Caller};
use crate::fault::Fault;
use crate::http::Response;
use crate::pages;
use crate::routes::{Face, OnAbout};
use crate::step::Step;

/// Does what is wanted.
pub(crate) fn act(admin: &Admin, action: OnAbout, segment: &str, caller: Caller) -> Step {
    match action {
        OnAbout::Show => show(admin, &caller),
        OnAbout::Bill => file(BILL, "application/vnd.cyclonedx+json", None, caller),
        OnAbout::Texts => file(TEXTS, TEXT, None, caller),
        OnAbout::Text => {
            let about = admin.running.about.as_ref();
            let place = segment.parse::<usize>().ok();
            match place.and_then(|place| about?.texts.get(place)) {
                Some(text) => file(TEXTS, TEXT, Some((text.from, text.bytes)), caller),
                None => caller.refuse(&Fault::NoSuchPage),
            }
        }
    }
}

fn show(admin: &Admin, caller: &Caller) -> Step {
    let view = AboutView::new(&admin.version, &admin.running);
    let response = match caller.face {
        Face::Page | Face::Asset => pages::about(caller, &view),
        Face::Api => Response::json(200, &view),
    };
    Step::Respond(response.sealed())
}

/// A file of the image, or the bytes of it from a place on.
fn file(name: &'static str, kind: &'static str, part: Option<(u64, u64)>, caller: Caller) -> Step {
    Step::Open(
        name.to_owned(),
        Box::new(move |_, _, length| {
            let whole = length.map(|length| part.unwrap_or((0, length)));
            let is_within = |(from, bytes): &(u64, u64)| {
                let end = from.checked_add(*bytes);
                end.zip(length).is_some_and(|(end, length)| end <= length)
            };
            let Some((from, bytes)) = whole.filter(is_within) else {
                return caller.refuse(&Fault::NoSuchPage);
            };
            let how = match name {
                BILL => "attachment",
                _ => "inline",
            };
            let said = format!("{how}; filename=\"ramal-{name}\"");
            let response = Response::opened(200, from, bytes)
                .with("content-type", kind)
                .with("content-disposition", said);
            Step::Respond(response.sealed())
        }),
    )
}

const TEXT: &str = "text/plain; charset=utf-8";
