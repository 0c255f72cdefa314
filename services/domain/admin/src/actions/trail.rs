//! The audit trail as a whole: checked, and handed out as a file that proves itself elsewhere.

use ipc::store::{Reply, Request as Ask, TrailChecked, TrailPlace, TrailRequest};

use super::change::unkept;
use super::firmware::recorded;
use super::replaced::replaced;
use crate::admin::{Admin, Caller};
use crate::calendar::day_millis;
use crate::fault::Fault;
use crate::http::{Request, Response};
use crate::pages;
use crate::routes::Face;
use crate::step::Step;
use crate::views::TrailView;

/// Which entries are asked for, milliseconds since 1970: from the one on, and before the other.
#[derive(Clone, Copy, Default)]
struct Times {
    from: Option<i64>,
    before: Option<i64>,
}

impl Times {
    /// By the days that a request names, in UTC; both belong to it.
    fn of(request: &Request) -> Result<Self, Fault> {
        let day = |name: &'static str| -> Result<Option<i64>, Fault> {
            let text = request.query_field(name).filter(|it| !it.is_empty());
            let day = text.map(|text| day_millis(&text).ok_or(Fault::NotADay(name)));
            day.transpose()
        };
        let next = |day: i64| day.saturating_add(DAY_MILLIS);
        Ok(Self {
            from: day("from")?,
            before: day("to")?.map(next),
        })
    }
}

type Checked = Box<dyn FnOnce(&mut Admin, Caller, TrailChecked) -> Step + Send>;

/// Walks through the whole trail, a piece at a time: others are answered in between.
fn check(so_far: TrailChecked, times: Times, caller: Caller, then: Checked) -> Step {
    let request = TrailRequest::Check {
        after: so_far.last.clone(),
        from_millis: times.from,
        before_millis: times.before,
    };
    Step::Store(
        Ask::Trail(request),
        Box::new(move |admin, _, reply| match reply {
            Ok(Reply::TrailChecked(piece)) => {
                let both = together(so_far, piece);
                match both.is_end {
                    true => then(admin, caller, both),
                    false => check(both, times, caller, then),
                }
            }
            other => caller.refuse(&unkept(other)),
        }),
    )
}

fn together(so_far: TrailChecked, piece: TrailChecked) -> TrailChecked {
    let within = match (so_far.within, piece.within) {
        (Some((first, _)), Some((_, last))) => Some((first, last)),
        (before, after) => before.or(after),
    };
    TrailChecked {
        entries: so_far.entries.saturating_add(piece.entries),
        first: so_far.first.or(piece.first),
        broken: so_far.broken.or(piece.broken),
        within,
        ..piece
    }
}

/// Whether every entry fits the one before.
pub(crate) fn verify(caller: Caller) -> Step {
    let then = |_: &mut Admin, caller: Caller, checked: TrailChecked| {
        replaced(true, caller, |caller, replaced| {
            let view = TrailView {
                replaced,
                ..TrailView::from(checked)
            };
            let response = match caller.face {
                Face::Page | Face::Asset => pages::trail_checked(&caller, &view),
                Face::Api => Response::json(200, &view),
            };
            Step::Respond(response.sealed())
        })
    };
    check(
        TrailChecked::default(),
        Times::default(),
        caller,
        Box::new(then),
    )
}

/// Hands the trail out, or a part of it without a gap: from the first entry of the days that are
/// named to the last. That it left the box is its own last entry.
pub(crate) fn export(admin: &mut Admin, request: &Request, caller: Caller) -> Step {
    let times = match Times::of(request) {
        Ok(times) => times,
        Err(fault) => return caller.refuse(&fault),
    };
    let days = ["from", "to"].map(|name| {
        let day = request.query_field(name).filter(|it| !it.is_empty());
        day.map(|day| format!("{name} {day}"))
    });
    let days: Vec<String> = days.into_iter().flatten().collect();
    let action = match days.as_slice() {
        [] => "audit trail exported".to_owned(),
        days => format!("audit trail exported, {}", days.join(" ")),
    };
    recorded(admin, caller, &action, move |caller| {
        let then = |_: &mut Admin, caller: Caller, checked: TrailChecked| match checked.within {
            Some((first, last)) => begin(first, last, caller),
            None => caller.refuse(&Fault::NoEntries),
        };
        check(TrailChecked::default(), times, caller, Box::new(then))
    })
}

fn begin(first: u64, last: u64, caller: Caller) -> Step {
    Step::Store(
        Ask::Trail(TrailRequest::Heading { first, last }),
        Box::new(move |_, _, reply| match reply {
            Ok(Reply::TrailLines(heading)) => {
                // Older ones may have made room meanwhile.
                let first = heading.first;
                let name = format!("attachment; filename=\"ramal-audit-{first}-{last}.jsonl\"");
                let response = Response::trail(heading.text, heading.next, last)
                    .with("content-type", "application/x-ndjson")
                    .with("content-disposition", name);
                Step::Respond(response.sealed())
            }
            other => caller.refuse(&unkept(other)),
        }),
    )
}

impl From<TrailChecked> for TrailView {
    fn from(from: TrailChecked) -> Self {
        let last: Option<TrailPlace> = from.last;
        Self {
            whole: from.broken.is_none(),
            entries: from.entries,
            first: from.first,
            last: last.as_ref().map(|it| it.sequence),
            head: last.map(|it| it.hash).unwrap_or_default(),
            broken: from.broken,
            signed_by: from.of_box,
            replaced: Vec::new(),
        }
    }
}

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
