//! The calls of a day as bars: drawn by the box, so that they are there without a script.

use maud::{Markup, html};

use crate::dashboard::Hour;
use crate::text::Language;

/// The bars, and the same as a table for whoever rather reads, or cannot see them.
pub(super) fn day(language: Language, hours: &[Hour]) -> Markup {
    let said = |english, portuguese| language.said((english, portuguese));
    let sum = |count: fn(&Hour) -> u32| hours.iter().map(|it| u64::from(count(it))).sum::<u64>();
    let (answered, unanswered) = (sum(|it| it.count.answered), sum(|it| it.count.unanswered));
    let most = hours.iter().map(total).max().unwrap_or_default();
    html! {
        @if most == 0 {
            p.hint { (said("No call in the last 24 hours.",
                "Nenhuma ligação nas últimas 24 horas.")) }
        } @else {
            p.legend {
                span.key.good { (said("answered", "atendidas")) " " b { (answered) } }
                span.key.bad { (said("not answered", "não atendidas")) " " b { (unanswered) } }
            }
            svg.chart viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img"
                aria-label=(said("Calls by the hour, as in the table below",
                    "Ligações por hora, como na tabela abaixo")) {
                (grid(most))
                @for (place, hour) in (0..).zip(hours) { (bar(language, place, hour, most)) }
            }
            details {
                summary { (said("As a table", "Como tabela")) }
                (table(language, hours))
            }
        }
    }
}

/// The line of the most there was, and that of none.
fn grid(most: u32) -> Markup {
    html! {
        line.axis x1=(LEFT) x2=(WIDTH) y1=(TOP) y2=(TOP) {}
        line.axis x1=(LEFT) x2=(WIDTH) y1=(BOTTOM) y2=(BOTTOM) {}
        text.label x=(LEFT - 6) y=(TOP + 4) text-anchor="end" { (most) }
        text.label x=(LEFT - 6) y=(BOTTOM + 4) text-anchor="end" { "0" }
    }
}

fn bar(language: Language, place: u32, hour: &Hour, most: u32) -> Markup {
    let left = LEFT + 4 + place * STEP;
    let answered = height(hour.count.answered, most);
    let unanswered = height(total(hour), most).saturating_sub(answered);
    let (base, top) = (BOTTOM - answered, BOTTOM - answered - unanswered);
    html! {
        g {
            title { (clock(hour)) ": " (told(language, hour)) }
            // Where one points at, whether or not there is a bar.
            rect.hollow x=(left) y=(TOP) width=(STEP) height=(BOTTOM - TOP) {}
            @if answered > 0 {
                rect.good x=(left) y=(base) width=(BAR) height=(answered) rx="2" {}
            }
            @if unanswered > 0 {
                rect.bad x=(left) y=(top) width=(BAR) height=(unanswered) rx="2" {}
            }
            @if hour.hour % 3 == 0 {
                text.label x=(left + BAR / 2) y=(HEIGHT - 4) text-anchor="middle" {
                    (hour.hour) "h"
                }
            }
        }
    }
}

fn table(language: Language, hours: &[Hour]) -> Markup {
    let said = |english, portuguese| language.said((english, portuguese));
    html! {
        table {
            thead { tr {
                th { (said("Hour", "Hora")) }
                th.right { (said("Answered", "Atendidas")) }
                th.right { (said("Not answered", "Não atendidas")) }
            } }
            tbody {
                @for hour in hours.iter().rev().filter(|it| total(it) > 0) {
                    tr {
                        td { (clock(hour)) }
                        td.right { (hour.count.answered) }
                        td.right { (hour.count.unanswered) }
                    }
                }
            }
        }
    }
}

fn told(language: Language, hour: &Hour) -> String {
    let (answered, unanswered) = (hour.count.answered, hour.count.unanswered);
    match language {
        Language::English => format!("{answered} answered, {unanswered} not answered"),
        Language::Portuguese => format!("{answered} atendidas, {unanswered} não atendidas"),
    }
}

fn clock(hour: &Hour) -> String {
    format!("{:02}:00", hour.hour)
}

fn total(hour: &Hour) -> u32 {
    hour.count.answered.saturating_add(hour.count.unanswered)
}

/// How high a bar is; what is more than nothing can be seen.
fn height(count: u32, most: u32) -> u32 {
    let room = u64::from(BOTTOM - TOP);
    let share = u64::from(count)
        .saturating_mul(room)
        .checked_div(most.into())
        .unwrap_or_default();
    let least = u64::from(count > 0) * 2;
    u32::try_from(share.max(least).min(room)).unwrap_or_default()
}

const WIDTH: u32 = 720;
const HEIGHT: u32 = 170;
const LEFT: u32 = 40;
const TOP: u32 = 10;
const BOTTOM: u32 = 146;
/// From one bar to the next; 24 of them fit.
const STEP: u32 = 28;
const BAR: u32 = 20;

#[cfg(test)]
mod tests {
    use ipc::store::CallCount;

    use super::*;

    fn hours(counts: &[(u32, u32)]) -> Vec<Hour> {
        let hour = |(hour, (answered, unanswered)): (i8, &(u32, u32))| Hour {
            hour,
            is_today: true,
            count: CallCount {
                answered: *answered,
                unanswered: *unanswered,
            },
        };
        (0..).zip(counts).map(hour).collect()
    }

    #[test]
    fn bars_are_as_high_as_there_were_calls_and_a_table_says_the_same() {
        let drawn = day(Language::English, &hours(&[(3, 1), (0, 0), (0, 2)])).into_string();
        for part in [
            // Three of four, and the fourth above.
            "<rect class=\"good\" x=\"44\" y=\"44\" width=\"20\" height=\"102\"",
            "<rect class=\"bad\" x=\"44\" y=\"10\" width=\"20\" height=\"34\"",
            "<title>02:00: 0 answered, 2 not answered</title>",
            "<td>00:00</td><td class=\"right\">3</td><td class=\"right\">1</td>",
        ] {
            assert!(drawn.contains(part), "{part}: {drawn}");
        }
        assert!(!drawn.contains("<td>01:00</td>"), "{drawn}");
        assert!(!drawn.contains("style"), "the pages forbid it");
    }

    #[test]
    fn a_single_call_among_many_can_be_seen_and_no_bar_leaves_the_picture() {
        assert_eq!(height(1, 100_000), 2);
        assert_eq!(height(u32::MAX, u32::MAX), BOTTOM - TOP);
        assert_eq!(height(0, 0), 0);
        let many = [(u32::MAX, u32::MAX); 24];
        day(Language::Portuguese, &hours(&many));
    }
}
