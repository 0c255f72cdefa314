//! Extensions as a list that a spreadsheet reads and writes (CSV, RFC 4180): one line each, no
//! passwords. A line adds an extension or changes one that is there; none is deleted by it.

use std::collections::BTreeSet;

use csv::{ReaderBuilder, StringRecord, Trim, WriterBuilder};
use ipc::site::{Extension, Site};
use serde_json::{Map, Value, json};

use crate::actions::patch::Patch;
use crate::fault::Fault;
use crate::form::{Said, at};
use crate::site_file::FromFile;

/// A column: how it is headed, and which field of the extension it is.
struct Column {
    /// As it is written, and as it is read too.
    heading: Said,
    path: &'static str,
    kind: Kind,
}

/// What is in a cell.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Flag,
    Number,
    /// Several, with spaces between.
    Words,
}

const NUMBER: usize = 0;

const COLUMNS: [Column; 10] = [
    column(("number", "ramal"), "number", Kind::Text),
    column(("name", "nome"), "display_name", Kind::Text),
    column(("remote", "remoto"), "remote", Kind::Flag),
    column(("classes", "classes"), "settings.classes", Kind::Words),
    column(
        ("caller_id", "identificador"),
        "settings.caller_id",
        Kind::Text,
    ),
    column(
        ("pickup_group", "grupo_de_captura"),
        "settings.pickup_group",
        Kind::Text,
    ),
    column(
        ("devices", "aparelhos"),
        "settings.contacts_max",
        Kind::Number,
    ),
    column(
        ("call_waiting", "chamada_em_espera"),
        "settings.call_waiting",
        Kind::Flag,
    ),
    column(
        ("off_hours", "fora_do_horario"),
        "settings.off_hours",
        Kind::Flag,
    ),
    column(("networks", "redes"), "settings.networks", Kind::Words),
];

/// Words that say yes and no, in the order they are written in.
const YES: [&str; 5] = ["yes", "sim", "true", "1", "x"];
const NO: [&str; 5] = ["no", "não", "nao", "false", "0"];
/// Headings of what people might want to bring along: passwords are made by the box (R7).
const PASSWORDS: [&str; 5] = ["password", "secret", "senha", "pin", "ha1"];
/// What spreadsheets take for a formula when a cell begins with it; one that does is written and
/// read with an apostrophe before it, as people write it there by hand.
const FORMULA: [char; 5] = ['=', '+', '-', '@', '\t'];

/// Every extension as a list.
///
/// # Errors
/// [`Fault::Internal`] when it cannot be written.
pub(crate) fn write(site: &Site) -> Result<String, Fault> {
    let mut list = WriterBuilder::new().from_writer(Vec::new());
    let headings = COLUMNS.iter().map(|it| it.heading.0);
    list.write_record(headings).map_err(|_| Fault::Internal)?;
    for extension in &site.extensions {
        let value = serde_json::to_value(extension).map_err(|_| Fault::Internal)?;
        let cells = COLUMNS.iter().map(|column| cell(at(&value, column.path)));
        list.write_record(cells).map_err(|_| Fault::Internal)?;
    }
    let bytes = list.into_inner().map_err(|_| Fault::Internal)?;
    String::from_utf8(bytes).map_err(|_| Fault::Internal)
}

/// What a list makes of the present site. An empty cell leaves the field as it is.
///
/// # Errors
/// The line and the column that cannot be read, and what to write there.
pub(crate) fn read(text: &str, present: &Site) -> Result<FromFile, Fault> {
    let text = text.trim_start_matches('\u{feff}');
    let mut list = ReaderBuilder::new()
        .delimiter(delimiter(text))
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    let headings = list.headers().map_err(|error| unreadable(&error))?;
    let columns = columns(headings)?;
    let mut site = present.clone();
    let mut seen = BTreeSet::new();
    for record in list.records() {
        let record = record.map_err(|error| unreadable(&error))?;
        let line = record.position().map_or(0, csv::Position::line);
        if record.iter().all(str::is_empty) {
            continue;
        }
        let number = take(&mut site, &columns, &record)
            .map_err(|(column, reason)| wrong(line, column.heading.0, &reason))?;
        if !seen.insert(number.clone()) {
            let reason = format!("{number} is on two lines; one extension has one");
            return Err(wrong(line, COLUMNS[NUMBER].heading.0, &reason));
        }
    }
    let without_password = config::keep_secrets(&mut site.extensions, &present.extensions);
    Ok(FromFile {
        site,
        without_password,
        trunks_without_password: Vec::new(),
    })
}

/// Takes one line into the site; answers its number.
fn take(
    site: &mut Site,
    columns: &[&'static Column],
    record: &StringRecord,
) -> Result<String, (&'static Column, String)> {
    let cells = || columns.iter().zip(record.iter());
    let number = cells().find(|(column, _)| column.path == "number");
    let number = number.map_or_else(String::new, |(_, cell)| plain(cell).to_owned());
    if number.is_empty() {
        return Err((&COLUMNS[NUMBER], "each line needs one".to_owned()));
    }
    let place = site.extensions.iter().position(|it| it.number == number);
    let mut extension = match place.and_then(|place| site.extensions.get(place)) {
        Some(extension) => extension.clone(),
        None => Extension::default(),
    };
    for (column, cell) in cells().filter(|(_, cell)| !cell.is_empty()) {
        let value = value(column.kind, plain(cell)).map_err(|reason| (*column, reason))?;
        let patch = Patch(nested(column.path, value));
        extension = patch.apply(&extension).map_err(|_| {
            let reason = format!("{cell:?} is not one of what may stand here");
            (*column, reason)
        })?;
    }
    match place.and_then(|place| site.extensions.get_mut(place)) {
        Some(there) => *there = extension,
        None => site.extensions.push(extension),
    }
    Ok(number)
}

/// Which column is where. Each is known, there is none twice, and one is the number.
fn columns(headings: &StringRecord) -> Result<Vec<&'static Column>, Fault> {
    let mut columns: Vec<&'static Column> = Vec::new();
    for heading in headings {
        let name = heading.to_lowercase();
        if PASSWORDS.contains(&name.as_str()) {
            let reason = "passwords are made by the box and shown once; leave this column out";
            return Err(wrong(1, heading, reason));
        }
        let known = |column: &&Column| [column.heading.0, column.heading.1].contains(&&*name);
        let Some(column) = COLUMNS.iter().find(known) else {
            let all: Vec<&str> = COLUMNS.iter().map(|column| column.heading.0).collect();
            let reason = format!("there is no such column; there are {}", all.join(", "));
            return Err(wrong(1, heading, &reason));
        };
        if columns.iter().any(|it| it.path == column.path) {
            return Err(wrong(1, heading, "it is there twice"));
        }
        columns.push(column);
    }
    if columns.iter().any(|it| it.path == "number") {
        return Ok(columns);
    }
    let reason = "the first line names the columns, and this one must be among them";
    Err(wrong(1, COLUMNS[NUMBER].heading.0, reason))
}

/// A spreadsheet writes what its country uses: `;` where the comma is in numbers.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    let count = |delimiter: u8| first.bytes().filter(|it| *it == delimiter).count();
    let all = [b',', b';', b'\t'].into_iter();
    // The first of several that are there as often.
    all.rev().max_by_key(|it| count(*it)).unwrap_or(b',')
}

fn value(kind: Kind, cell: &str) -> Result<Value, String> {
    let lower = cell.to_lowercase();
    match kind {
        Kind::Text => Ok(json!(cell)),
        Kind::Words => Ok(cell.split_whitespace().collect()),
        Kind::Number => {
            let number: Result<u32, _> = cell.parse();
            number
                .map(|it| json!(it))
                .map_err(|_| format!("{cell:?} is no whole number"))
        }
        Kind::Flag if YES.contains(&&*lower) => Ok(json!(true)),
        Kind::Flag if NO.contains(&&*lower) => Ok(json!(false)),
        Kind::Flag => Err(format!("{cell:?} is neither {} nor {}", YES[0], NO[0])),
    }
}

/// An object with this value at a path.
fn nested(path: &str, value: Value) -> Value {
    path.rsplit('.').fold(value, |value, name| {
        Value::Object(Map::from_iter([(name.to_owned(), value)]))
    })
}

/// A value as a cell.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => YES[0].to_owned(),
        Value::Bool(false) => NO[0].to_owned(),
        Value::Array(all) => {
            let all: Vec<String> = all.iter().map(cell).collect();
            all.join(" ")
        }
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Object(_) => String::new(),
    };
    guarded(text)
}

/// A cell that no spreadsheet reckons: behind an apostrophe where it would be a formula.
pub(crate) fn guarded(text: String) -> String {
    match text.starts_with(FORMULA) {
        true => format!("'{text}"),
        false => text,
    }
}

/// A cell without the apostrophe that keeps a spreadsheet from reckoning it.
fn plain(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(FORMULA) => rest,
        Some(_) | None => cell,
    }
}

fn unreadable(error: &csv::Error) -> Fault {
    let line = error.position().map_or(1, csv::Position::line);
    let reason = match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => {
            format!("it has {len} cells, and the first line {expected_len}")
        }
        _ => "it cannot be read as CSV".to_owned(),
    };
    Fault::BadBody(format!("line {line}: {reason}"))
}

fn wrong(line: u64, column: &str, reason: &str) -> Fault {
    Fault::BadBody(format!("line {line}, column {column}: {reason}"))
}

const fn column(heading: Said, path: &'static str, kind: Kind) -> Column {
    Column {
        heading,
        path,
        kind,
    }
}
