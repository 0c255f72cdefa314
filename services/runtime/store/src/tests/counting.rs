//! Calls of a time, and how many there were in each hour.

use ipc::store::{CallCount, CallSearch, Spans};

use super::*;

#[test]
fn a_search_reads_the_time_it_is_about_and_calls_are_counted_by_the_hour() {
    let scratch = Scratch::new();
    let store = scratch.store();
    let records = (0..20).map(|number: i64| {
        let outcome = match number {
            19 => Outcome::Ongoing,
            _ => Outcome::EndedByCaller,
        };
        let mut record = call(0, outcome);
        record.started_millis = 1_795_000_000_000 + number * 1000;
        record.id = format!("{:013}-{number:08x}", record.started_millis);
        record.answered_millis = (number % 2 == 0).then_some(record.started_millis + 1);
        record
    });
    let records: Vec<_> = records.collect();
    store.ask(PBX, Request::PutCalls(records.clone()));
    let (from, until) = (records[5].started_millis, records[8].started_millis);
    let ask = |before: Option<String>| {
        let search = CallSearch {
            from_millis: Some(from),
            until_millis: Some(until),
            ..CallSearch::default()
        };
        let only = CallFilter {
            search,
            ..CallFilter::default()
        };
        match store.ask(
            WEB,
            Request::Calls {
                limit: 9,
                before,
                only,
            },
        ) {
            Reply::Calls(calls) => calls.into_iter().map(|it| it.id).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        }
    };
    let id = |number: usize| records[number].id.clone();
    assert_eq!(ask(None), [id(7), id(6), id(5)]);
    assert_eq!(ask(Some(id(7))), [id(6), id(5)]);
    assert_eq!(ask(Some(id(12))), [id(7), id(6), id(5)]);
    assert!(ask(Some(id(5))).is_empty() && ask(Some(id(2))).is_empty());
    let spans = Spans {
        from_millis: records[10].started_millis,
        span_millis: 4000,
        count: 3,
    };
    let only = CallFilter::default();
    let counts = store.ask(WEB, Request::CallCounts { spans, only });
    let count = |answered, unanswered| CallCount {
        answered,
        unanswered,
    };
    // 10 to 13, 14 to 17, and 18: what may be answered yet is not counted.
    let expected = vec![count(2, 2), count(2, 2), count(1, 0)];
    assert_eq!(counts, Reply::CallCounts(expected));
}
