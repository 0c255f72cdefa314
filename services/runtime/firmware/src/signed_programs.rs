//! Whether a machine that knows nothing but the box's own certificate would start the box.

use secure_boot::{Fault, Program, PublicKey};
use slot::{Condition, HEADER_LENGTH, Header, LOADER, Slot};

use crate::medium::Medium;
use crate::new_disk::{NewDiskError, RESCUE, boot_files};
use crate::state_file::StateFile;

/// Where everything lies that the box starts by; none of it is written.
#[derive(Debug)]
pub struct SignedPrograms<M> {
    /// Which slot runs.
    pub running: Slot,
    /// The EFI system partition.
    pub esp: M,
    /// The partition of the slot that runs.
    pub slot: M,
    /// The partition of the other one.
    pub other: M,
    /// The boot state.
    pub state: StateFile<M>,
}

/// Something that the box is started by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StartedBy {
    /// The loader.
    Loader,
    /// The rescue system.
    Rescue,
    /// The system in a slot, and the kernel in it.
    Slot(Slot),
}

impl<M: Medium> SignedPrograms<M> {
    /// What would not be started by a machine whose `db` holds this certificate (X.509, DER) alone,
    /// and why; `None` when everything would. `verify` is that of [`secure_boot::judge`].
    ///
    /// # Errors
    /// A partition cannot be read.
    pub fn refused(
        &self,
        certificate: &[u8],
        verify: impl Fn(PublicKey<'_>, &[u8], &[u8]) -> bool,
    ) -> Result<Option<(StartedBy, Fault)>, NewDiskError> {
        let files = match boot_files(&self.esp) {
            Ok(files) => files,
            Err(NewDiskError::Damaged("loader")) => return Ok(absent(StartedBy::Loader)),
            Err(NewDiskError::Damaged("rescue system")) => return Ok(absent(StartedBy::Rescue)),
            Err(error) => return Err(error),
        };
        let file = |path: &str| {
            let mut files = files.iter();
            let found = files.find(|it| it.path.eq_ignore_ascii_case(path));
            found.map(|it| it.bytes.as_ref()).unwrap_or_default()
        };
        let judge = |program: &[u8]| secure_boot::judge(program, certificate, &verify);
        let judge_system = |program: &[u8]| {
            judge(program)?;
            // The stub has the firmware judge it too.
            let kernel = Program::parse(program).and_then(|it| it.section(KERNEL));
            judge(kernel.ok_or(Fault::NoProgram)?)
        };
        if let Err(fault) = judge(file(LOADER)) {
            return Ok(Some((StartedBy::Loader, fault)));
        }
        if let Err(fault) = judge_system(file(RESCUE)) {
            return Ok(Some((StartedBy::Rescue, fault)));
        }
        let other = self.running.other();
        let mut slots = vec![(self.running, &self.slot)];
        // What is not there is not started, and a version that comes later and is refused gives
        // way to the one that runs.
        if self.state.read()?.slot(other).condition != Condition::Empty {
            slots.push((other, &self.other));
        }
        for (slot, medium) in slots {
            if let Err(fault) = read_uki(medium).and_then(|it| judge_system(&it)) {
                return Ok(Some((StartedBy::Slot(slot), fault)));
            }
        }
        Ok(None)
    }
}

const fn absent(part: StartedBy) -> Option<(StartedBy, Fault)> {
    Some((part, Fault::NoProgram))
}

fn read_uki(slot: &impl Medium) -> Result<Vec<u8>, Fault> {
    let none = |_| Fault::NoProgram;
    let mut first = vec![0; HEADER_LENGTH];
    slot.read_at(&mut first, 0).map_err(none)?;
    let header = Header::decode(&first).map_err(|_| Fault::NoProgram)?;
    let length = usize::try_from(header.uki.length).ok();
    let length = length.filter(|it| *it <= UKI_MAX);
    let mut program = vec![0; length.ok_or(Fault::NoProgram)?];
    slot.read_at(&mut program, header.uki.start).map_err(none)?;
    Ok(program)
}

/// Bytes: no image is larger.
const UKI_MAX: usize = 48 << 20;

/// The section of a UKI that holds the kernel.
const KERNEL: &str = ".linux";
