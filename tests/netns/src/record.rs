//! A call on record, as far as every box tells of it.

use std::time::Duration;

use ipc::store::{CallRecord, Outcome};
use native::NativeError;
use serde_json::Value;

/// A call on record.
#[derive(Debug)]
pub struct Record {
    /// Who called.
    pub from: String,
    /// Who was called.
    pub to: String,
    /// How it ended.
    pub outcome: Outcome,
    /// From its answer to its end; none when one of them is not on record, or the end comes first.
    pub lasted: Option<Duration>,
    /// File names of its recordings, in order.
    pub recordings: Vec<String>,
}

impl From<CallRecord> for Record {
    fn from(call: CallRecord) -> Self {
        let times = call.answered_millis.zip(call.ended_millis);
        let lasted = times.and_then(|(answered, ended)| u64::try_from(ended - answered).ok());
        Self {
            from: call.from,
            to: call.to,
            outcome: call.outcome,
            lasted: lasted.map(Duration::from_millis),
            recordings: call.recordings,
        }
    }
}

impl Record {
    /// As the web API shows it.
    ///
    /// # Errors
    /// It is no record.
    pub(crate) fn read(shown: &Value) -> Result<Self, NativeError> {
        let text = |name: &str| shown.get(name).and_then(Value::as_str);
        let outcome = text("outcome").and_then(outcome);
        // All of one form and in UTC, so the later one is the greater text.
        let has_lasted = text("answered")
            .zip(text("ended"))
            .is_some_and(|(answered, ended)| answered <= ended);
        let lasted = shown.get("duration_secs").and_then(Value::as_u64);
        let recordings = shown.get("recordings").and_then(Value::as_array);
        let recordings = recordings.into_iter().flatten().filter_map(Value::as_str);
        Ok(Self {
            from: text("from").unwrap_or_default().to_owned(),
            to: text("to").unwrap_or_default().to_owned(),
            outcome: outcome.ok_or_else(|| NativeError::Load(format!("no record: {shown}")))?,
            lasted: lasted.filter(|_| has_lasted).map(Duration::from_secs),
            recordings: recordings.map(str::to_owned).collect(),
        })
    }
}

/// The outcome with this name in the web API: `ended-by-caller`.
fn outcome(name: &str) -> Option<Outcome> {
    let capital = |word: &str| {
        let (first, rest) = word.split_at_checked(1).unwrap_or_default();
        first.to_uppercase() + rest
    };
    let name: String = name.split('-').map(capital).collect();
    serde_json::from_value(Value::String(name)).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_of_the_api_is_read_and_one_that_ends_before_its_answer_has_not_lasted() {
        let read = |ended: &str| {
            let shown = json!({
                "from": "1000", "to": "1001", "outcome": "ended-by-caller", "duration_secs": 7,
                "answered": "2026-11-29T13:20:01Z", "ended": ended, "recordings": ["a.wav"],
            });
            Record::read(&shown).expect("a record")
        };
        let record = read("2026-11-29T13:20:08Z");
        assert_eq!(record.outcome, Outcome::EndedByCaller);
        assert_eq!(record.lasted, Some(Duration::from_secs(7)));
        assert_eq!(record.recordings, ["a.wav"]);
        assert_eq!(read("2026-11-29T13:19:59Z").lasted, None);
        assert!(Record::read(&json!({"outcome": "lost"})).is_err());
    }
}
