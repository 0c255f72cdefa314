//! The box the loader runs on, as [`crate::attempt`] sees it.

use alloc::vec::Vec;
use core::fmt;

use slot::{Guid, Handoff, partition};
use uefi::fs::FileSystem;
use uefi::proto::media::fs::SimpleFileSystem;
use uefi::{Handle, Status, cstr16};

use super::disk::{Disk, of_partition};
use super::image::{self, Step};
use super::{console, low_byte, protocol};
use crate::attempt::{Machine, Part, RescueFile, StartFault};
use crate::command_line::load_options;
use crate::gpt::Partition;
use crate::volume::{self, DiskFault, Span};

/// The box.
pub struct BoxItself {
    /// The partition the loader came from.
    device: Option<Handle>,
    disk: Option<(Disk, Vec<Partition>)>,
}

impl BoxItself {
    /// Looks for the disk the loader came from.
    #[must_use]
    pub fn find() -> Self {
        let device = image::own().and_then(|own| own.device());
        let disk = of_partition(device);
        Self { device, disk }
    }

    fn partition(&self, kind: Guid) -> Option<Partition> {
        let (_, partitions) = self.disk.as_ref()?;
        partitions.iter().find(|it| it.kind == kind).copied()
    }

    fn span(&mut self, kind: Guid) -> Result<(&mut Disk, Span), DiskFault> {
        let span = self.partition(kind).ok_or(DiskFault::Absent)?.span;
        let (disk, _) = self.disk.as_mut().ok_or(DiskFault::Absent)?;
        Ok((disk, span))
    }
}

impl Machine for BoxItself {
    fn read(&mut self, part: Part, at: u64, length: usize) -> Result<Vec<u8>, DiskFault> {
        let kind = match part {
            Part::State => partition::BOOTSTATE,
            Part::Slot(slot) => partition::of_slot(slot),
        };
        let (disk, span) = self.span(kind)?;
        volume::read(disk, span, at, length)
    }

    fn write_state(&mut self, at: u64, block: &[u8]) -> Result<(), DiskFault> {
        let (disk, span) = self.span(partition::BOOTSTATE)?;
        volume::write(disk, span, at, block)
    }

    fn rescue_file(&mut self, file: RescueFile) -> Option<Vec<u8>> {
        let files = protocol::<SimpleFileSystem>(self.device?)?;
        let path = match file {
            RescueFile::Header => cstr16!("\\EFI\\ramal\\rescue.hdr"),
            RescueFile::Program => cstr16!("\\EFI\\ramal\\rescue.efi"),
        };
        FileSystem::new(files).read(path).ok()
    }

    fn disk(&self) -> Guid {
        let state = self.partition(partition::BOOTSTATE);
        state.map_or(Guid([0; 16]), |it| it.unique)
    }

    fn start(&mut self, program: &[u8], handoff: &Handoff) -> StartFault {
        let (step, status) = image::start(program, &load_options(handoff));
        let is_refused = matches!(status, Status::ACCESS_DENIED | Status::SECURITY_VIOLATION);
        match step {
            Step::Load if is_refused => StartFault::Refused(low_byte(status)),
            Step::Load | Step::Start => StartFault::Ended(low_byte(status)),
        }
    }

    fn say(&mut self, line: fmt::Arguments<'_>) {
        console::say(line);
    }
}
