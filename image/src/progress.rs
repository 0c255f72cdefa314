//! Progress for a person: one line a step on standard error, so standard output stays for results.

use std::io::Write;
use std::time::Instant;

/// Says what happens now.
pub fn step(text: &str) {
    // A closed standard error must not stop a build.
    let _closed = writeln!(std::io::stderr(), "==> {text}");
}

/// Says something that belongs to the current step.
pub fn note(text: &str) {
    let _closed = writeln!(std::io::stderr(), "    {text}");
}

/// Times a step and says how long it took.
///
/// # Errors
/// Those of the step.
pub fn timed<T, E>(text: &str, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    step(text);
    let begin = Instant::now();
    let result = work()?;
    let took = begin.elapsed();
    if took.as_millis() >= 500 {
        note(&format!("took {:.1} s", took.as_secs_f64()));
    }
    Ok(result)
}
