//! Call records: searched, shown a page at a time, and as a list for a spreadsheet. Whoever sees
//! those of others is in the audit trail before they leave the box.

use config::{Zone, is_inside_number, masked, number_key};
use csv::WriterBuilder;
use ipc::store::{CallFilter, CallRecord, CallSearch, Direction, Reply, Request as Ask};
use sansio::UnixTime;

use super::change::unkept;
use super::looks::{Range, WHOLE, What, recorded};
use super::records::{LIMIT_MAX, limit};
use crate::admin::{Admin, Caller};
use crate::dashboard::zone_of;
use crate::extension_list::guarded;
use crate::fault::Fault;
use crate::http::{Request, Response};
use crate::pages;
use crate::permission::Permission;
use crate::routes::Face;
use crate::session::fingerprint;
use crate::step::Step;
use crate::views::CallView;

/// What somebody looks for, as typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Typed {
    pub(crate) number: String,
    /// Days by the clocks of the site, `2026-11-23`, both of them meant.
    pub(crate) from: String,
    pub(crate) to: String,
    /// `yes`, `no`, or empty.
    pub(crate) answered: String,
    /// `in`, `out`, `inside`, or empty.
    pub(crate) way: String,
}

impl Typed {
    fn read(request: &Request) -> Self {
        let field = |name| request.query_field(name).unwrap_or_default();
        let field = |name| field(name).trim().to_owned();
        Self {
            number: field("number"),
            from: field("from"),
            to: field("to"),
            answered: field("answered"),
            way: field("way"),
        }
    }

    /// The same as a query.
    pub(crate) fn query(&self) -> String {
        let fields = [
            ("number", &self.number),
            ("from", &self.from),
            ("to", &self.to),
            ("answered", &self.answered),
            ("way", &self.way),
        ];
        let said = fields.iter().filter(|(_, value)| !value.is_empty());
        let said = said.map(|(name, value)| format!("{name}={}", encoded(value)));
        said.collect::<Vec<_>>().join("&")
    }

    /// What the trail calls it: of some calls alone it says nothing about all of a time.
    fn what(&self, whole: bool) -> What {
        if [&self.number, &self.answered, &self.way]
            .iter()
            .all(|it| it.is_empty())
        {
            return What::Calls { whole };
        }
        let search = format!(
            "{} {} {}",
            number_key(&self.number),
            self.answered,
            self.way
        );
        let mut name = [0; 8];
        for (to, from) in name.iter_mut().zip(fingerprint(search.as_bytes())) {
            *to = from;
        }
        What::CallsWith(name)
    }

    /// What the trail says of a look: a number that was looked for is masked in it.
    fn told(&self, told: String, whole: bool) -> String {
        let number = match self.number.as_str() {
            "" => String::new(),
            number => format!(", with {}", masked(number)),
        };
        format!("{told}{number}{}", if whole { WHOLE } else { "" })
    }

    /// What the store is asked for.
    ///
    /// # Errors
    /// The field that means nothing, and what to write there.
    fn search(&self, zone: Option<&Zone>) -> Result<CallSearch, Fault> {
        let day = |name: &str, day: &str, clock: &str| match day {
            "" => Ok(None),
            day => match zone.and_then(|zone| zone.read(&format!("{day}T{clock}"))) {
                Some(time) => Ok(Some(time.as_millis())),
                None => Err(Fault::BadBody(format!("{name}: give a day as 2026-11-23"))),
            },
        };
        let one_of = |name: &str, value: &str, all: &str| {
            Fault::BadBody(format!(
                "{name}: {value:?} is none of {all}, or leave it out"
            ))
        };
        let answered = match self.answered.as_str() {
            "" => None,
            "yes" => Some(true),
            "no" => Some(false),
            other => return Err(one_of("answered", other, "yes, no")),
        };
        let direction = match self.way.as_str() {
            "" => None,
            "in" => Some(Direction::Inbound),
            "out" => Some(Direction::Outbound),
            "inside" => Some(Direction::Inside),
            other => return Err(one_of("way", other, "in, out, inside")),
        };
        let last = day("to", &self.to, "23:59:59")?;
        Ok(CallSearch {
            number: self.number.clone(),
            from_millis: day("from", &self.from, "00:00:00")?,
            until_millis: last.map(|millis| millis.saturating_add(1000)),
            answered,
            direction,
        })
    }
}

/// What is asked for, of what the caller may see.
fn filter(admin: &Admin, typed: &Typed, caller: &Caller) -> Result<CallFilter, Fault> {
    let (_, site) = admin.site.as_ref().ok_or(Fault::Starting)?;
    let numbers = match may_find(caller, &typed.number) {
        true => admin.calls_seen_by(caller),
        false => Some(admin.own_calls(caller)),
    };
    Ok(CallFilter {
        numbers,
        search: typed.search(zone_of(site).as_ref())?,
        ..CallFilter::default()
    })
}

/// Whether somebody may look for a number in calls of others. Who sees them masked may not: by
/// trying numbers he would find what is behind the mask.
fn may_find(caller: &Caller, number: &str) -> bool {
    number.is_empty() || is_inside_number(number) || caller.may(Permission::SeeWholeNumbers)
}

/// Masks what the caller may not see whole, and says what he looks at and what the trail has of it.
fn looked_at(
    admin: &Admin,
    caller: &Caller,
    wall: UnixTime,
    typed: &Typed,
    records: &mut [CallRecord],
    is_to_the_newest: bool,
) -> (What, Option<(String, Range)>) {
    admin.hide_called_back(caller, records);
    let whole = admin.mask(caller, wall, records);
    let told = of_others(admin, caller, records, is_to_the_newest);
    let told = told.map(|(told, range)| (typed.told(told, whole), range));
    (typed.what(whole), told)
}

/// A page of call records that the caller may see.
pub(crate) fn list(admin: &Admin, request: &Request, caller: Caller) -> Step {
    let typed = Typed::read(request);
    let before = request.query_field("before").filter(|id| !id.is_empty());
    let is_to_the_newest = before.is_none() && typed.to.is_empty();
    let only = match filter(admin, &typed, &caller) {
        Ok(only) => only,
        Err(fault) if caller.face == Face::Api => return caller.refuse(&fault),
        // A person gets what was typed again, with the reason.
        Err(fault) => {
            let page = pages::calls(&caller, None, &typed, &[], None, Some(&fault));
            return Step::Respond(page.sealed());
        }
    };
    let rows = match caller.face {
        Face::Api => limit(request),
        Face::Page | Face::Asset => limit(request).min(PAGE_ROWS),
    };
    // Nobody's calls are not worth a look at all there are.
    if only.numbers.as_ref().is_some_and(Vec::is_empty) {
        return shown(admin, &caller, &typed, &Vec::new(), None);
    }
    let ask = Ask::Calls {
        limit: rows,
        before,
        only,
    };
    Step::Store(
        ask,
        Box::new(move |admin, moment, reply| match reply {
            Ok(Reply::Calls(mut records)) => {
                let (what, told) = looked_at(
                    admin,
                    &caller,
                    moment.wall,
                    &typed,
                    &mut records,
                    is_to_the_newest,
                );
                let is_full = records.len() >= usize::try_from(rows).unwrap_or(usize::MAX);
                let last = records.last().filter(|_| is_full).map(|it| it.id.clone());
                let calls: Vec<CallView> = records.into_iter().map(CallView::from).collect();
                admin.looked(moment.now, caller, what, told, move |admin, caller| {
                    shown(admin, &caller, &typed, &calls, last.as_deref())
                })
            }
            other => caller.refuse(&unkept(other)),
        }),
    )
}

fn shown(
    admin: &Admin,
    caller: &Caller,
    typed: &Typed,
    calls: &Vec<CallView>,
    last: Option<&str>,
) -> Step {
    let zone = admin.site.as_ref().and_then(|(_, site)| zone_of(site));
    let response = match caller.face {
        Face::Page | Face::Asset => pages::calls(caller, zone.as_ref(), typed, calls, last, None),
        Face::Api => Response::json(200, calls),
    };
    Step::Respond(response.sealed())
}

/// What the audit trail says of calls that are not the caller's own; `None` when all are.
fn of_others(
    admin: &Admin,
    caller: &Caller,
    records: &[CallRecord],
    is_to_the_newest: bool,
) -> Option<(String, Range)> {
    let own = admin.own_calls(caller);
    let is_own = |it: &&CallRecord| recorded(it).is_of(&own);
    let others: Vec<&CallRecord> = records.iter().filter(|it| !is_own(it)).collect();
    let range = Range::of(&others, is_to_the_newest)?;
    Some((
        format!("{} of others, {}", others.len(), range.told()),
        range,
    ))
}

/// The same search as a list for a spreadsheet, whole up to [`FILE_ROWS_MAX`].
pub(crate) fn file(admin: &Admin, request: &Request, caller: Caller) -> Step {
    let typed = Typed::read(request);
    match filter(admin, &typed, &caller) {
        Ok(only) => gather(typed, only, Vec::new(), caller),
        Err(fault) => caller.refuse(&fault),
    }
}

/// Asks for one page of records after the other: an answer of the store has to fit a frame.
fn gather(typed: Typed, only: CallFilter, mut found: Vec<CallRecord>, caller: Caller) -> Step {
    let ask = Ask::Calls {
        limit: LIMIT_MAX,
        before: found.last().map(|it| it.id.clone()),
        only: only.clone(),
    };
    Step::Store(
        ask,
        Box::new(move |admin, moment, reply| match reply {
            Ok(Reply::Calls(records)) => {
                let is_full = records.len() >= usize::try_from(LIMIT_MAX).unwrap_or(usize::MAX);
                found.extend(records);
                if is_full && found.len() < FILE_ROWS_MAX {
                    return gather(typed, only, found, caller);
                }
                found.truncate(FILE_ROWS_MAX);
                let (what, told) =
                    looked_at(admin, &caller, moment.wall, &typed, &mut found, false);
                admin.looked(moment.now, caller, what, told, move |admin, caller| {
                    sent(admin, &caller, &found)
                })
            }
            other => caller.refuse(&unkept(other)),
        }),
    )
}

fn sent(admin: &Admin, caller: &Caller, found: &[CallRecord]) -> Step {
    let zone = admin.site.as_ref().and_then(|(_, site)| zone_of(site));
    match written(found, zone.as_ref()) {
        Ok(file) => {
            let name = "attachment; filename=\"calls.csv\"";
            let response = Response::new(200, "text/csv; charset=utf-8", file);
            Step::Respond(response.with("content-disposition", name).sealed())
        }
        Err(fault) => caller.refuse(&fault),
    }
}

fn written(found: &[CallRecord], zone: Option<&Zone>) -> Result<Vec<u8>, Fault> {
    let mut list = WriterBuilder::new().from_writer(Vec::new());
    list.write_record(HEADINGS).map_err(|_| Fault::Internal)?;
    for record in found {
        let call = CallView::from(record.clone());
        let mos = |audio: &crate::views::AudioView| {
            audio.mos.map(|mos| format!("{mos:.2}")).unwrap_or_default()
        };
        let cells = [
            local(zone, record.started_millis),
            call.from.clone(),
            call.to.clone(),
            call.trunk.clone(),
            call.outcome.to_owned(),
            call.status.to_string(),
            call.duration_secs.to_string(),
            mos(&call.caller_audio),
            mos(&call.callee_audio),
            call.caller_audio.lost.to_string(),
            call.callee_audio.lost.to_string(),
            call.recordings.join(" "),
            call.id.clone(),
        ];
        let cells = cells.into_iter().map(guarded);
        list.write_record(cells).map_err(|_| Fault::Internal)?;
    }
    list.into_inner().map_err(|_| Fault::Internal)
}

/// A time as clocks at the site show it, `2026-11-23 12:45:01`; in UTC where no zone is known.
pub(crate) fn local(zone: Option<&Zone>, millis: i64) -> String {
    match zone {
        Some(zone) => {
            let local = zone.local(UnixTime::from_millis(millis));
            local.strftime("%Y-%m-%d %H:%M:%S").to_string()
        }
        None => crate::calendar::rfc3339(millis),
    }
}

/// A value within a query.
fn encoded(value: &str) -> String {
    let bytes = value.bytes();
    let byte = |byte: u8| match byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    bytes.map(byte).collect()
}

const HEADINGS: [&str; 13] = [
    "started",
    "from",
    "to",
    "trunk",
    "outcome",
    "status",
    "seconds",
    "quality from caller (MOS)",
    "quality from callee (MOS)",
    "packets lost from caller",
    "packets lost from callee",
    "recordings",
    "id",
];

/// Rows of a page: it has to stay small.
const PAGE_ROWS: u32 = 50;
/// Most rows of a file: some 1.5 MB, held at once.
const FILE_ROWS_MAX: usize = 10_000;
