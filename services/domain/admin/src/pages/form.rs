//! A form, drawn by its table: plain HTML that works without a script.

use ipc::site::Site;
use maud::{Markup, html};
use serde_json::Value;

use super::layout::{Place, page};
use crate::admin::Caller;
use crate::fault::Fault;
use crate::form::{Choices, Field, Form, Inner, Kind, Said, Shape, at, key};
use crate::http::Response;
use crate::text::Language;

/// What a form is about, and where it is sent.
pub(crate) struct Sheet<'a> {
    pub(crate) form: &'static Form,
    /// The thing as it is, or as somebody has tried to make it.
    pub(crate) value: &'a Value,
    pub(crate) title: String,
    /// Asked for before all else, for something new: the field, and what people call it.
    pub(crate) named_by: Option<(&'static str, Said)>,
    /// Where it is sent.
    pub(crate) action: String,
    /// Where whoever changes nothing goes back to.
    pub(crate) back: &'static str,
    /// Where the thing is deleted; nothing where it cannot be.
    pub(crate) delete: Option<String>,
    /// Whether whoever sees it may change it.
    pub(crate) changes: bool,
    /// The version it was read in.
    pub(crate) version: u64,
}

/// The form on a page of its own, with why it was refused.
pub(crate) fn sheet(
    caller: &Caller,
    site: &Site,
    sheet: &Sheet<'_>,
    fault: Option<&Fault>,
) -> Response {
    let language = caller.language;
    let words = language.words();
    let draw = Draw { site, language };
    let body = html! {
        h1 { (sheet.title) }
        @if let Some(fault) = fault { p.error role="alert" { (fault.text(language)) } }
        form.sheet method="post" action=(sheet.action) {
            input type="hidden" name="seen" value=(sheet.version);
            @if let Some((name, label)) = sheet.named_by {
                section.card {
                    label { (language.said(label))
                        input name=(name) value=(key(at(sheet.value, name))) required
                            autocomplete="off";
                    }
                }
            }
            @for group in sheet.form.groups {
                section.card {
                    h2 { (language.said(group.title)) }
                    (draw.fields("", sheet.value, group.fields))
                }
            }
            @if !sheet.changes { a.button.quiet href=(sheet.back) { (words.back) } } @else {
            section.card {
                label { (words.why) input name="reason" maxlength="200" autocomplete="off"; }
                div.row {
                    button type="submit" { (words.save) }
                    a.button.quiet href=(sheet.back) { (words.cancel) }
                    @if let Some(delete) = &sheet.delete {
                        a.danger href=(delete) { (words.delete) }
                    }
                }
            } }
        }
    };
    let status = fault.map_or(200, Fault::status);
    page(status, caller, Place::of(sheet.back), &sheet.title, &body)
}

/// Asks whether to delete something.
pub(crate) fn delete_question(
    caller: &Caller,
    name: &str,
    action: &str,
    back: &'static str,
    fault: Option<&Fault>,
) -> Response {
    let words = caller.language.words();
    let body = html! {
        section.card.narrow {
            h1 { (words.delete) ": " (name) }
            @if let Some(fault) = fault {
                p.error role="alert" { (fault.text(caller.language)) }
            }
            form method="post" action=(action) {
                label { (words.why) input name="reason" maxlength="200" autocomplete="off"; }
                div.row {
                    button.danger type="submit" { (words.delete) }
                    a.button.quiet href=(back) { (words.cancel) }
                }
            }
        }
    };
    let status = fault.map_or(200, Fault::status);
    page(status, caller, Place::of(back), words.delete, &body)
}

struct Draw<'a> {
    site: &'a Site,
    language: Language,
}

impl Draw<'_> {
    fn fields(&self, below: &str, thing: &Value, fields: &[Field]) -> Markup {
        html! {
            @for field in fields {
                (self.field(below, at(thing, field.path), field))
            }
        }
    }

    fn field(&self, below: &str, value: &Value, field: &Field) -> Markup {
        let name = match below {
            "" => field.path.to_owned(),
            below => format!("{below}.{}", field.path),
        };
        let (label, hint) = (
            self.language.said(field.label),
            self.language.said(field.hint),
        );
        let hint = html! { @if !hint.is_empty() { span.hint { (hint) } } };
        match &field.kind {
            Kind::Flag => html! {
                label.check {
                    input type="checkbox" name=(name) value="1"
                        checked[value.as_bool() == Some(true)];
                    span { (label) } (hint)
                }
            },
            Kind::Any(_) | Kind::Ordered(_) | Kind::Rows(_) | Kind::Maybe(_) | Kind::Shape(_) => {
                html! {
                    fieldset {
                        legend { (label) } (hint) (self.many(&name, label, value, &field.kind))
                    }
                }
            }
            Kind::Text
            | Kind::LongText
            | Kind::Number
            | Kind::Lines
            | Kind::Numbers
            | Kind::Secret
            | Kind::One(_) => html! {
                label { (label) (self.single(&name, None, value, &field.kind)) (hint) }
            },
        }
    }

    /// A field that is one control; `said` is what it is called where no label around it says so.
    fn single(&self, name: &str, said: Option<&str>, value: &Value, kind: &Kind) -> Markup {
        match kind {
            Kind::LongText => html! {
                textarea name=(name) aria-label=[said] rows="8" spellcheck="false" { (key(value)) }
            },
            Kind::Lines => html! {
                textarea name=(name) aria-label=[said] rows="3" spellcheck="false" {
                    (joined(value, "\n"))
                }
            },
            Kind::Numbers => html! {
                input name=(name) aria-label=[said] value=(joined(value, " ")) inputmode="numeric"
                    autocomplete="off";
            },
            Kind::Number => html! {
                input name=(name) aria-label=[said] value=(key(value)) inputmode="numeric"
                    pattern="[0-9]*" autocomplete="off";
            },
            Kind::Secret => html! {
                input type="password" name=(name) aria-label=[said] autocomplete="new-password";
            },
            Kind::One(choices) => self.select(name, said, &key(value), choices),
            _ => html! {
                input name=(name) aria-label=[said] value=(key(value)) autocomplete="off";
            },
        }
    }

    fn select(&self, name: &str, said: Option<&str>, chosen: &str, choices: &Choices) -> Markup {
        let mut all = choices.all(self.site, self.language);
        // What stands there is offered, whether or not it would be otherwise.
        if !chosen.is_empty() && !all.iter().any(|(key, _)| key == chosen) {
            all.push((chosen.to_owned(), chosen.to_owned()));
        }
        let optional = chosen.is_empty() || matches!(choices, Choices::Of(_));
        html! {
            select name=(name) aria-label=[said] {
                @if optional { option value="" selected[chosen.is_empty()] {} }
                @for (key, label) in &all {
                    option value=(key) selected[key == chosen] { (label) }
                }
            }
        }
    }

    /// A field that is several controls.
    fn many(&self, name: &str, label: &str, value: &Value, kind: &Kind) -> Markup {
        let values = value.as_array().map_or(&[][..], Vec::as_slice);
        match kind {
            Kind::Any(choices) => {
                let chosen: Vec<String> = values.iter().map(key).collect();
                html! {
                    @for (key, label) in choices.all(self.site, self.language) {
                        label.check {
                            input type="checkbox" name=(name) value=(key)
                                checked[chosen.contains(&key)];
                            span { (label) }
                        }
                    }
                }
            }
            Kind::Ordered(choices) => {
                let blank = std::iter::repeat_n(String::new(), BLANK_ROWS);
                html! {
                    @for (chosen, place) in values.iter().map(key).chain(blank).zip(1..) {
                        @let said = format!("{label} {place}");
                        div { (self.select(name, Some(&said), &chosen, choices)) }
                    }
                }
            }
            Kind::Rows(fields) => self.rows(name, values, fields),
            Kind::Maybe(fields) => self.fields(name, value, fields),
            Kind::Shape(shapes) => self.shapes(name, value, shapes),
            _ => html! {},
        }
    }

    fn rows(&self, name: &str, values: &[Value], fields: &[Field]) -> Markup {
        let blank = std::iter::repeat_n(&Value::Null, BLANK_ROWS);
        html! {
            @for (place, value) in values.iter().chain(blank).enumerate() {
                div.fields { (self.fields(&format!("{name}.{place}"), value, fields)) }
            }
        }
    }

    fn shapes(&self, name: &str, value: &Value, shapes: &[Shape]) -> Markup {
        let present = value.as_str().or_else(|| {
            let fields = value.as_object()?;
            fields.keys().next().map(String::as_str)
        });
        html! {
            @for shape in shapes {
                @let inner = value.get(shape.tag).unwrap_or(&Value::Null);
                @let below = format!("{name}.{}", shape.tag);
                div.shape {
                    label.check {
                        input type="radio" name=(name) value=(shape.tag) required
                            checked[present == Some(shape.tag)];
                        span { (self.language.said(shape.label)) }
                    }
                    @match &shape.inner {
                        Inner::Nothing => {},
                        Inner::Value(kind) => {
                            @let said = self.language.said(shape.label);
                            div.inner { (self.single(&below, Some(said), inner, kind)) }
                        },
                        Inner::Fields(fields) => {
                            div.inner { (self.fields(&below, inner, fields)) }
                        },
                    }
                }
            }
        }
    }
}

fn joined(value: &Value, with: &str) -> String {
    let values = value.as_array().map_or(&[][..], Vec::as_slice);
    values.iter().map(key).collect::<Vec<_>>().join(with)
}

/// Rows left open for more.
const BLANK_ROWS: usize = 2;
