//! Stops the box's processor dead, as a kernel that hangs with interrupts off would: nothing runs
//! any more, but the hardware around it does. Done over QEMU's debugger port, so that the product
//! needs no way to hang itself. Source: GDB manual, appendix E, Remote Serial Protocol.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use qemu::qmp::Qmp;
use serde_json::json;

use crate::Failure;

/// Stops it until the next reset; `socket` is a path for the debugger's socket.
///
/// # Errors
/// QEMU does not do as told.
pub fn freeze(qmp: &mut Qmp, socket: &Path) -> Result<(), Failure> {
    let command = format!("gdbserver unix:{},server=on,wait=off", socket.display());
    qmp.execute("human-monitor-command", &json!({ "command-line": command }))?;
    // The processor stands while a debugger is connected.
    let mut debugger = Debugger::connect(socket)?;
    let registers = debugger.ask("g")?;
    let no_registers = || Failure::new(format!("no registers: {registers}"));
    let (place, without_interrupts) = rearrange(&registers).ok_or_else(no_registers)?;
    // A jump to itself, and nothing that could interrupt it.
    debugger.tell(&format!("M{place:x},2:ebfe"))?;
    debugger.tell(&format!("G{without_interrupts}"))?;
    debugger.tell("D")
}

/// Where the processor is, and all its registers without the flag that lets interrupts through.
/// Hexadecimal, the lowest byte first: sixteen of eight bytes, the place, and four bytes of flags.
fn rearrange(registers: &str) -> Option<(u64, String)> {
    let (before, rest) = registers.split_at_checked(16 * 16)?;
    let (place, rest) = rest.split_at_checked(16)?;
    let (flags, rest) = rest.split_at_checked(8)?;
    let number = u64::from_str_radix(place, 16).ok()?.swap_bytes();
    let flags = u32::from_str_radix(flags, 16).ok()?.swap_bytes() & !INTERRUPTS;
    let flags = flags.swap_bytes();
    Some((number, format!("{before}{place}{flags:08x}{rest}")))
}

struct Debugger(UnixStream);

impl Debugger {
    fn connect(socket: &Path) -> Result<Self, Failure> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        Ok(Self(stream))
    }

    fn tell(&mut self, command: &str) -> Result<(), Failure> {
        match self.ask(command)?.as_str() {
            "OK" => Ok(()),
            other => Err(Failure::new(format!("{command} was answered by {other:?}"))),
        }
    }

    /// Sends a packet, `$...#` and its sum, and gives the answer.
    fn ask(&mut self, command: &str) -> Result<String, Failure> {
        let sum = command.bytes().fold(0_u8, u8::wrapping_add);
        write!(self.0, "${command}#{sum:02x}")?;
        let mut answer = self.packet()?;
        // That the processor stopped is told unasked.
        while answer.starts_with('T') {
            answer = self.packet()?;
        }
        Ok(answer)
    }

    fn packet(&mut self) -> Result<String, Failure> {
        // Before it come acknowledgements.
        while self.byte()? != b'$' {}
        let mut packet = Vec::new();
        loop {
            match self.byte()? {
                b'#' => break,
                byte => packet.push(byte),
            }
        }
        let _sum = [self.byte()?, self.byte()?];
        self.0.write_all(b"+")?;
        Ok(String::from_utf8_lossy(&packet).into_owned())
    }

    fn byte(&mut self) -> Result<u8, Failure> {
        let mut byte = [0];
        self.0.read_exact(&mut byte)?;
        Ok(byte[0])
    }
}

/// The interrupt flag of x86.
const INTERRUPTS: u32 = 0x200;

/// QEMU answers at once.
const ANSWER_MAX: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::rearrange;

    #[test]
    fn only_the_interrupt_flag_changes() {
        let registers = |flags| format!("{}3412000000000000{flags}2b00", "ab".repeat(128));
        let (place, changed) = rearrange(&registers("46020000")).expect("enough registers");
        assert_eq!((place, changed), (0x1234, registers("46000000")));
        assert_eq!(rearrange("E01"), None);
    }
}
