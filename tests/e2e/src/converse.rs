//! Talking with the box at its serial line, as somebody who stands before it.

use std::time::Duration;

use qemu::lab::Lab;

use crate::Failure;

/// Types lines, each once the box has answered the one before within `limit`; where in the log the
/// last answer is looked for.
///
/// # Errors
/// An answer does not come.
pub fn converse(lab: &mut Lab, talk: &[(&str, &str)], limit: Duration) -> Result<usize, Failure> {
    let machine = lab.machine()?;
    let mut mark = machine.serial().mark();
    for (line, answer) in talk {
        mark = machine.serial().mark();
        machine.type_line(line)?;
        machine.serial().wait(mark, answer, limit)?;
    }
    Ok(mark)
}
