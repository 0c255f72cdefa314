//! How the whole machine is doing: memory, load and heat.

use std::path::Path;

use sysinfo::{MemoryRefreshKind, System};

/// Memory, load and heat of the machine now.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Machine {
    /// Memory there is, KiB.
    pub memory_kib: u64,
    /// Memory that could be had without swapping, KiB.
    pub available_kib: u64,
    /// Processes that ran or wanted to, on average over the last minute.
    pub load_1_minute: f64,
    /// How hot the hottest part is, whole degrees Celsius; `None` where nothing measures it.
    pub temperature: Option<i32>,
}

/// Looks at the machine. What the kernel does not tell reads as zero.
#[must_use]
pub fn machine() -> Machine {
    let temperature = hottest(Path::new(ZONES));
    let load_1_minute = System::load_average().map_or(0.0, |average| average.one);
    let Ok(mut system) = System::new() else {
        return Machine {
            load_1_minute,
            temperature,
            ..Machine::default()
        };
    };
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    Machine {
        memory_kib: system.total_memory() / 1024,
        available_kib: system.available_memory() / 1024,
        load_1_minute,
        temperature,
    }
}

/// The hottest zone of the kernel (thermal sysfs, `temp` in thousandths of a degree). Some machines
/// have zones that measure nothing and say zero, or nonsense.
fn hottest(zones: &Path) -> Option<i32> {
    let zones = std::fs::read_dir(zones).ok()?.flatten();
    let degrees = zones.filter_map(|zone| {
        let text = std::fs::read_to_string(zone.path().join("temp")).ok()?;
        let degrees = text.trim().parse::<i32>().ok()? / 1000;
        (1..150).contains(&degrees).then_some(degrees)
    });
    degrees.max()
}

/// Where the kernel says how hot parts of the machine are.
const ZONES: &str = "/sys/class/thermal";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hottest_zone_that_makes_sense_counts() {
        let folder = std::env::temp_dir().join(format!("ramal-zones-{}", std::process::id()));
        assert_eq!(hottest(&folder), None);
        for (zone, temp) in [
            ("a", "41000\n"),
            ("b", "-273000"),
            ("c", "0"),
            ("d", "52999"),
        ] {
            let zone = folder.join(zone);
            std::fs::create_dir_all(&zone).expect("a folder");
            std::fs::write(zone.join("temp"), temp).expect("written");
        }
        assert_eq!(hottest(&folder), Some(52));
        std::fs::remove_dir_all(folder).expect("removed");
    }

    #[test]
    fn there_is_memory_and_not_more_of_it_free_than_there_is() {
        let machine = machine();
        assert!(machine.memory_kib > 0, "{machine:?}");
        assert!(machine.available_kib <= machine.memory_kib, "{machine:?}");
        assert!(machine.load_1_minute >= 0.0, "{machine:?}");
    }
}
