//! The thread that writes recordings, so that a slow disk never holds audio up.
//!
//! ```text
//!   pump ──samples, 200 ms at a time──> recorder ──> file
//!                                          └── RecordingFailed ──> pump ──> watchers
//! ```
//! What waits is bounded by [`WAITING_MAX`]: a recording that the disk does not keep up with ends,
//! the call goes on.

use std::collections::BTreeMap;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};

use ipc::sound::Reply;
use rtp::{Rate, wav};

use super::control::Control;
use super::files::Opened;

/// Pieces that may wait for the disk: 10 s of a hundred recordings, about 32 MB at most.
const WAITING_MAX: usize = 5_000;

/// Free space recordings leave on the disk: the store shares it and needs room to write.
pub(crate) const RESERVE_BYTES: u64 = 64 * 1024 * 1024;

/// How often a recording looks at the free space, bytes: about every 30 s.
const LOOK_BYTES: u64 = 1024 * 1024;

/// What the pump tells the recorder.
#[derive(Debug)]
enum Message {
    Begin(u64, Opened, Rate),
    Samples(u64, Vec<i16>),
    End(u64, Option<SyncSender<Reply>>),
}

/// The pump's end. Dropping it ends the thread once everything is written.
#[derive(Debug)]
pub(crate) struct Recorder {
    messages: Sender<Message>,
    waiting: Arc<AtomicUsize>,
}

/// The thread's end.
#[derive(Debug)]
pub(crate) struct Work {
    messages: Receiver<Message>,
    waiting: Arc<AtomicUsize>,
}

/// Both ends.
pub(crate) fn recorder() -> (Recorder, Work) {
    let (sender, messages) = channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    let recorder = Recorder {
        messages: sender,
        waiting: Arc::clone(&waiting),
    };
    (recorder, Work { messages, waiting })
}

impl Recorder {
    /// A recording of interleaved stereo at `rate` begins.
    pub(crate) fn begin(&self, recording: u64, file: Opened, rate: Rate) {
        self.send(Message::Begin(recording, file, rate));
    }

    /// Samples to append; whether they will be.
    pub(crate) fn samples(&self, recording: u64, samples: Vec<i16>) -> bool {
        if self.waiting.load(Ordering::Relaxed) >= WAITING_MAX {
            return false;
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.send(Message::Samples(recording, samples));
        true
    }

    /// A recording ends; `answer` is told [`Reply::Done`] once the file can be read.
    pub(crate) fn end(&self, recording: u64, answer: Option<SyncSender<Reply>>) {
        self.send(Message::End(recording, answer));
    }

    fn send(&self, message: Message) {
        // Without the thread nothing is recorded; it ends only with the process.
        let _ = self.messages.send(message);
    }
}

impl Work {
    /// Writes until the pump is gone.
    pub(crate) fn run(self, control: &Control) {
        let mut open: BTreeMap<u64, Recording> = BTreeMap::new();
        for message in &self.messages {
            let (recording, failed) = match message {
                Message::Begin(id, file, rate) => match Recording::begin(file, rate) {
                    Ok(recording) => {
                        open.insert(id, recording);
                        continue;
                    }
                    Err(error) => (id, error),
                },
                Message::Samples(id, samples) => {
                    self.waiting.fetch_sub(1, Ordering::Relaxed);
                    match open.get_mut(&id).map(|it| it.append(&samples)) {
                        Some(Err(error)) => (id, error),
                        Some(Ok(())) | None => continue,
                    }
                }
                Message::End(id, answer) => {
                    let failed = open.remove(&id).and_then(|it| it.end().err());
                    if let Some(answer) = answer {
                        // An asker that went away needs no answer.
                        let _ = answer.send(Reply::Done);
                    }
                    match failed {
                        Some(error) => (id, error),
                        None => continue,
                    }
                }
            };
            // What is on the disk can be heard all the same.
            if let Some(Err(error)) = open.remove(&recording).map(Recording::end) {
                tracing::debug!("a failed recording has no proper end: {error}");
            }
            let _ = control.recording_failed(recording, failed.to_string());
        }
    }
}

/// Why a recording ends by itself.
#[derive(Debug, thiserror::Error)]
enum RecordingError {
    #[error("the recording cannot be written: {0}")]
    Disk(#[from] std::io::Error),
    #[error("the data disk has less than {} MiB left, which are kept for the box itself",
        RESERVE_BYTES / 1024 / 1024)]
    Full,
    #[error("the recording has reached the 4 GiB a WAV file can hold")]
    TooLong,
}

/// One file being written.
#[derive(Debug)]
struct Recording {
    opened: Opened,
    rate: Rate,
    data_bytes: u32,
    /// Bytes until the free space is looked at again.
    until_look: u64,
    /// Kept, so that nothing is allocated a piece.
    bytes: Vec<u8>,
}

impl Recording {
    fn begin(mut opened: Opened, rate: Rate) -> Result<Self, RecordingError> {
        opened.file.write_all(&wav::header(rate, CHANNELS, 0))?;
        opened.keep();
        Ok(Self {
            opened,
            rate,
            data_bytes: 0,
            until_look: 0,
            bytes: Vec::new(),
        })
    }

    fn append(&mut self, samples: &[i16]) -> Result<(), RecordingError> {
        self.bytes.clear();
        self.bytes
            .extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        let length = u32::try_from(self.bytes.len()).map_err(|_| RecordingError::TooLong)?;
        let after = self
            .data_bytes
            .checked_add(length)
            .filter(|bytes| *bytes <= DATA_MAX)
            .ok_or(RecordingError::TooLong)?;
        self.make_sure_of_room(u64::from(length), free_bytes)?;
        self.opened.file.write_all(&self.bytes)?;
        self.data_bytes = after;
        Ok(())
    }

    /// Looks at what is free on the disk, but not for every piece.
    fn make_sure_of_room(
        &mut self,
        length: u64,
        free: impl FnOnce(&std::fs::File) -> std::io::Result<u64>,
    ) -> Result<(), RecordingError> {
        match self.until_look.checked_sub(length) {
            Some(left) => self.until_look = left,
            None => {
                if free(&self.opened.file)? < RESERVE_BYTES {
                    return Err(RecordingError::Full);
                }
                self.until_look = LOOK_BYTES;
            }
        }
        Ok(())
    }

    /// Writes the lengths into the header.
    fn end(mut self) -> Result<(), RecordingError> {
        let file = &mut self.opened.file;
        file.seek(SeekFrom::Start(0))?;
        let header = wav::header(self.rate, CHANNELS, self.data_bytes);
        file.write_all(&header)?;
        Ok(())
    }
}

fn free_bytes(file: &std::fs::File) -> std::io::Result<u64> {
    let disk = rustix::fs::fstatvfs(file)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Peer left, heard right.
const CHANNELS: u16 = 2;

/// What the 32-bit lengths of a WAV file leave for samples.
const DATA_MAX: u32 = u32::MAX - 1024;

#[cfg(test)]
mod tests {
    use super::super::control::{Command, channel as commands};
    use super::*;

    #[test]
    fn a_full_disk_ends_the_recording_with_words() {
        let (control, commands) = commands().expect("an eventfd");
        let (recorder, work) = recorder();
        recorder.begin(7, Opened::on_a_full_disk(), Rate::Narrow);
        assert!(recorder.samples(7, vec![0; 320]));
        drop(recorder);
        work.run(&control);
        let Some(Command::RecordingFailed { recording, reason }) = commands.next() else {
            panic!("nothing is told")
        };
        assert_eq!(recording, 7);
        assert!(reason.contains("cannot be written"), "{reason}");
        assert!(commands.next().is_none(), "it is told once");
    }

    fn recording() -> Recording {
        Recording {
            opened: Opened::on_a_full_disk(),
            rate: Rate::Narrow,
            data_bytes: 0,
            until_look: 0,
            bytes: Vec::new(),
        }
    }

    #[test]
    fn a_recording_leaves_the_box_its_part_of_the_disk() {
        let mut recording = recording();
        let full = recording.make_sure_of_room(1, |_| Ok(RESERVE_BYTES - 1));
        let told = full.map_err(|error| error.to_string());
        assert!(told.is_err_and(|told| told.contains("64 MiB left")));
        // A disk that fills up while it records is seen within a mebibyte.
        let mut looks = 0;
        let written = (0..100).find(|_| {
            let free = |_: &std::fs::File| {
                looks += 1;
                Ok(if looks == 1 { RESERVE_BYTES } else { 0 })
            };
            recording.make_sure_of_room(LOOK_BYTES / 8, free).is_err()
        });
        assert_eq!((written, looks), (Some(9), 2));
    }

    #[test]
    fn a_recording_ends_before_its_file_is_longer_than_a_wav_can_say() {
        let mut recording = recording();
        recording.data_bytes = DATA_MAX - 3;
        let ended = recording.append(&[0, 0]);
        assert!(matches!(ended, Err(RecordingError::TooLong)), "{ended:?}");
        assert_eq!(recording.data_bytes, DATA_MAX - 3);
    }

    #[test]
    fn no_more_waits_for_a_slow_disk_than_may() {
        let (recorder, _work) = recorder();
        let taken = (0..2 * WAITING_MAX).filter(|_| recorder.samples(1, Vec::new()));
        assert_eq!(taken.count(), WAITING_MAX);
        recorder.end(1, None);
    }
}
