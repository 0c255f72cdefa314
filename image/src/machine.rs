//! The machines that there are images for, and all that differs between them.

/// For which machine an image is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Machine {
    /// PCs.
    X86_64,
    /// 64-bit Arm with UEFI.
    Aarch64,
}

/// Where the lab and the tests are told which machine the box they boot is: `x86_64` when not set.
pub const MACHINE_VARIABLE: &str = "RAMAL_MACHINE";

/// There is no machine of this name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("there is no machine {0:?}; x86_64 and aarch64 are known")]
pub struct UnknownMachine(String);

impl Machine {
    /// Both.
    pub const ALL: [Self; 2] = [Self::X86_64, Self::Aarch64];

    /// As the Linux kernel, rustc and QEMU name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// The one of this name.
    ///
    /// # Errors
    /// There is none.
    pub fn of_name(name: &str) -> Result<Self, UnknownMachine> {
        let mut named = Self::ALL.into_iter().filter(|it| it.name() == name);
        named.next().ok_or_else(|| UnknownMachine(name.to_owned()))
    }

    /// What [`MACHINE_VARIABLE`] chooses.
    ///
    /// # Errors
    /// It names no machine.
    pub fn of_environment() -> Result<Self, UnknownMachine> {
        std::env::var_os(MACHINE_VARIABLE).map_or(Ok(Self::X86_64), |name| {
            Self::of_name(&name.to_string_lossy())
        })
    }

    /// What the box is, as slots and updates name it: a box takes nothing that names another.
    pub const fn hardware(self) -> &'static str {
        match self {
            Self::X86_64 => "ramal-x86_64",
            Self::Aarch64 => "ramal-aarch64",
        }
    }

    /// rustc's name for what the box's programs are built for.
    pub const fn target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-musl",
            Self::Aarch64 => "aarch64-unknown-linux-musl",
        }
    }

    /// rustc's name for what the programs that run before Linux are built for.
    pub const fn firmware_target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-uefi",
            Self::Aarch64 => "aarch64-unknown-uefi",
        }
    }

    /// Where its firmware looks for a loader on a disk it was never told of (UEFI 2.10 §3.5.1.1).
    pub const fn loader(self) -> &'static str {
        match self {
            Self::X86_64 => "EFI/BOOT/BOOTX64.EFI",
            Self::Aarch64 => "EFI/BOOT/BOOTAA64.EFI",
        }
    }

    /// Its first serial line, as the kernel's command line names it.
    pub(crate) const fn serial_line(self) -> &'static str {
        match self {
            Self::X86_64 => "ttyS0,115200",
            Self::Aarch64 => "ttyAMA0,115200",
        }
    }

    /// What emulates it.
    pub const fn emulator(self) -> &'static str {
        match self {
            Self::X86_64 => "qemu-system-x86_64",
            Self::Aarch64 => "qemu-system-aarch64",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_chosen_by_its_name_and_another_name_is_refused() {
        for machine in Machine::ALL {
            assert_eq!(Machine::of_name(machine.name()), Ok(machine));
        }
        let error = Machine::of_name("riscv64").unwrap_err().to_string();
        assert!(
            error.contains("riscv64") && error.contains("aarch64"),
            "{error}"
        );
    }

    #[test]
    fn nothing_of_one_machine_is_the_other_s() {
        let facts = |it: Machine| {
            [
                it.name(),
                it.hardware(),
                it.target(),
                it.firmware_target(),
                it.loader(),
                it.serial_line(),
                it.emulator(),
            ]
        };
        let [pc, arm] = Machine::ALL.map(facts);
        for (one, other) in pc.into_iter().zip(arm) {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn a_box_of_this_machine_calls_itself_what_its_images_are_for() {
        let machine = Machine::of_name(std::env::consts::ARCH).unwrap();
        assert_eq!(slot::HARDWARE, machine.hardware());
        assert_eq!(slot::LOADER, machine.loader());
    }
}
