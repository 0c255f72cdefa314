//! Stops the box's processor dead, as a kernel that hangs with interrupts off would: nothing runs any
//! more, but the hardware around it does. Done over QEMU's debugger port, so that the product needs
//! no way to hang itself. Source: GDB manual, appendix E, Remote Serial Protocol.

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
    let place = instruction_pointer(&registers);
    let place = place.ok_or_else(|| Failure::new(format!("no registers: {registers}")))?;
    // Flags without the one that lets interrupts through, and a jump to itself.
    debugger.tell(&format!("P{FLAGS}=02000000"))?;
    debugger.tell(&format!("M{place:x},2:ebfe"))?;
    debugger.tell("D")
}

/// Sixteen registers of eight bytes come before it, the lowest byte first.
fn instruction_pointer(registers: &str) -> Option<u64> {
    let hex = registers.get(16 * 16..17 * 16)?;
    u64::from_str_radix(hex, 16).ok().map(u64::swap_bytes)
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

    /// Sends a packet, `$...#` and its sum, and reads the answer.
    fn ask(&mut self, command: &str) -> Result<String, Failure> {
        let sum = command.bytes().fold(0_u8, u8::wrapping_add);
        write!(self.0, "${command}#{sum:02x}")?;
        // Before it come acknowledgements.
        while self.byte()? != b'$' {}
        let mut answer = Vec::new();
        loop {
            match self.byte()? {
                b'#' => break,
                byte => answer.push(byte),
            }
        }
        let _sum = [self.byte()?, self.byte()?];
        self.0.write_all(b"+")?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    fn byte(&mut self) -> Result<u8, Failure> {
        let mut byte = [0];
        self.0.read_exact(&mut byte)?;
        Ok(byte[0])
    }
}

/// The number of the flags register of x86-64, hexadecimal.
const FLAGS: &str = "11";

/// QEMU answers at once.
const ANSWER_MAX: Duration = Duration::from_secs(20);
