//! The book alone, with the answers of a `media` that forgets.

use super::*;

const A: EndpointId = 7;
const B: EndpointId = 3;

fn passed(received: u64) -> Stats {
    Stats {
        received,
        ..Stats::default()
    }
}

const fn open(id: EndpointId, port: Option<u16>) -> Request {
    Request::Open {
        id,
        family: Family::V4,
        port,
    }
}

fn agreed(relatch: bool) -> Box<Agreed> {
    Box::new(Agreed {
        relatch,
        hears: true,
        ..Agreed::default()
    })
}

/// A call of two: A hears B, B hears music; A is recorded.
fn book() -> SoundBook {
    let mut book = SoundBook::default();
    book.note(&Request::KeepOnly(Vec::new()), Reply::Done);
    book.note(&open(A, None), Reply::Opened { port: 2000 });
    book.note(&open(B, None), Reply::Opened { port: 2002 });
    book.note(&Request::Set(A, agreed(true)), Reply::Done);
    book.note(&Request::Hear(A, Source::Endpoint(B)), Reply::Done);
    let music = Source::Clip(Clip::MusicOnHold);
    book.note(&Request::Hear(B, music), Reply::Done);
    let file = "call.wav".to_owned();
    book.note(&Request::Record { id: A, file }, Reply::Done);
    book
}

fn closed(received: u64) -> Reply {
    Reply::Closed(Box::new(passed(received)))
}

#[test]
fn nothing_is_asked_while_every_endpoint_is_there() {
    assert_eq!(book().differences(vec![(A, passed(1)), (B, passed(1))]), []);
}

#[test]
fn lost_endpoints_are_opened_where_they_were_before_one_is_told_to_hear_another() {
    let mut book = book();
    let expected = [
        open(B, Some(2002)),
        open(A, Some(2000)),
        Request::Hear(B, Source::Clip(Clip::MusicOnHold)),
        Request::Set(A, agreed(false)),
        Request::Hear(A, Source::Endpoint(B)),
    ];
    assert_eq!(book.differences(Vec::new()), expected);
}

#[test]
fn a_recording_that_ended_with_media_is_told_once_and_not_written_over() {
    let mut book = book();
    let told = book.differences(Vec::new());
    let records = |request: &Request| matches!(request, Request::Record { .. });
    assert!(!told.iter().any(records), "{told:?}");
    assert_eq!(book.take_lost(), [A]);
    book.differences(Vec::new());
    assert!(book.take_lost().is_empty());
}

#[test]
fn a_recording_that_media_did_not_answer_to_is_asked_for_again() {
    let mut book = book();
    let file = "next.wav".to_owned();
    let record = Request::Record { id: B, file };
    book.missed(&record);
    let told = book.differences(vec![(A, passed(1)), (B, passed(1))]);
    assert!(told.contains(&record), "{told:?}");
}

#[test]
fn each_media_is_told_how_recordings_are_kept() {
    let mut book = SoundBook::default();
    let keeping = Keeping { days: 90, mib: 100 };
    let request = Request::KeepRecordings(keeping);
    book.missed(&request);
    assert_eq!(book.untold_keeping(), Some(keeping));
    assert!(!book.is_settled());
    book.note(&request, Reply::Done);
    assert_eq!(book.untold_keeping(), None);
    book.is_new();
    assert_eq!(book.untold_keeping(), Some(keeping));
}

#[test]
fn srtp_goes_on_with_the_roll_over_counters_last_told() {
    let mut book = book();
    let mut stats = passed(70_000);
    stats.rollover = (2, 1);
    book.differences(vec![(A, stats), (B, passed(1))]);
    // Twice: a media that dies again at once has told no counters since.
    for _ in 0..2 {
        let told = book.differences(Vec::new());
        let counters = told.iter().find_map(|request| match request {
            Request::Set(_, agreed) => Some(agreed.rollover),
            _ => None,
        });
        assert_eq!(counters, Some((2, 1)));
    }
}

#[test]
fn an_endpoint_that_no_call_has_is_closed_once_something_failed() {
    let mut book = SoundBook::default();
    book.note(&Request::KeepOnly(Vec::new()), Reply::Done);
    let reason = "no answer in time".to_owned();
    book.note(&open(9, None), Reply::Failed { reason });
    assert!(!book.is_settled());
    assert_eq!(book.differences(vec![(9, passed(1))]), [Request::Close(9)]);
    assert!(book.is_settled());
}

#[test]
fn endpoints_of_calls_not_yet_taken_over_are_left_alone() {
    let mut book = SoundBook::default();
    book.doubt();
    assert_eq!(book.differences(vec![(9, passed(1))]), []);
    book.note(&Request::KeepOnly(Vec::new()), Reply::Done);
    assert_eq!(book.differences(vec![(9, passed(1))]), [Request::Close(9)]);
}

#[test]
fn what_has_ended_is_not_begun_again() {
    let mut book = book();
    let file = Source::Clip(Clip::File("welcome.wav".to_owned()));
    book.note(&Request::Hear(B, file), Reply::Done);
    book.note_event(&Event::ClipEnded { id: B });
    let reason = "the disk is full".to_owned();
    book.note_event(&Event::RecordingFailed { id: A, reason });
    let told = book.differences(Vec::new());
    let ended = |request: &Request| matches!(request, Request::Hear(B, _) | Request::Record { .. });
    assert!(!told.iter().any(ended), "{told:?}");
}

#[test]
fn the_counts_of_a_call_go_over_the_restart() {
    let mut book = book();
    book.differences(vec![(A, passed(100))]);
    book.differences(Vec::new());
    book.differences(vec![(A, passed(20))]);
    assert_eq!(book.note(&Request::Close(A), closed(25)), closed(125));
    book.note(&Request::Close(B), closed(0));
    assert!(book.is_settled());
}

#[test]
fn an_endpoint_that_died_just_before_its_end_still_counts() {
    let mut book = book();
    book.differences(vec![(A, passed(100))]);
    assert_eq!(book.note(&Request::Close(A), Reply::Unknown), closed(100));
    let again = book.note(&Request::Close(A), Reply::Unknown);
    assert_eq!(again, Reply::Unknown);
}

#[test]
fn a_new_agreement_replaces_the_old_one() {
    let mut book = book();
    let moved = Box::new(Agreed {
        packet_time: 30,
        ..Agreed::default()
    });
    book.note(&Request::Set(A, moved.clone()), Reply::Done);
    let refused = Reply::Failed {
        reason: "no such codec".to_owned(),
    };
    book.note(&Request::Set(A, agreed(false)), refused);
    assert!(
        book.differences(Vec::new())
            .contains(&Request::Set(A, moved))
    );
}

/// Else a call that was held while `media` was away would be heard on.
#[test]
fn what_was_agreed_while_media_was_away_is_told_when_it_is_back() {
    let moved = Box::new(Agreed {
        packet_time: 30,
        relatch: true,
        ..Agreed::default()
    });
    let nowhere = || Reply::Failed {
        reason: "away".to_owned(),
    };
    let away = || {
        let mut book = book();
        for request in [
            Request::Set(A, moved.clone()),
            Request::Hear(A, Source::Silence),
        ] {
            book.missed(&request);
            book.note(&request, nowhere());
        }
        assert!(book.is_doubtful(), "it is looked after soon");
        book
    };
    // It was only slow.
    let mut book = away();
    let there = vec![(A, passed(1)), (B, passed(1))];
    let expected = [
        Request::Set(A, moved.clone()),
        Request::Hear(A, Source::Silence),
        // Changes nothing where it is being written.
        Request::Record {
            id: A,
            file: "call.wav".to_owned(),
        },
    ];
    assert_eq!(book.differences(there.clone()), expected);
    assert_eq!(book.differences(there), []);
    // It was restarted.
    let told = away().differences(Vec::new());
    let anew = told.iter().find_map(|request| match request {
        Request::Set(A, agreed) => Some(agreed.packet_time),
        _ => None,
    });
    assert_eq!(anew, Some(30));
}
