//! How the whole machine is doing: memory and load.

use sysinfo::{MemoryRefreshKind, System};

/// Memory and load of the machine now.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Machine {
    /// Memory there is, KiB.
    pub memory_kib: u64,
    /// Memory that could be had without swapping, KiB.
    pub available_kib: u64,
    /// Processes that ran or wanted to, on average over the last minute.
    pub load_1_minute: f64,
}

/// Looks at the machine. What the kernel does not tell reads as zero.
#[must_use]
pub fn machine() -> Machine {
    let load_1_minute = System::load_average().map_or(0.0, |average| average.one);
    let Ok(mut system) = System::new() else {
        return Machine {
            load_1_minute,
            ..Machine::default()
        };
    };
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    Machine {
        memory_kib: system.total_memory() / 1024,
        available_kib: system.available_memory() / 1024,
        load_1_minute,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_memory_and_not_more_of_it_free_than_there_is() {
        let machine = machine();
        assert!(machine.memory_kib > 0, "{machine:?}");
        assert!(machine.available_kib <= machine.memory_kib, "{machine:?}");
        assert!(machine.load_1_minute >= 0.0, "{machine:?}");
    }
}
