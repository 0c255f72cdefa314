//! Reads what a kernel module says of itself: the `.modinfo` section of its ELF file.
//!
//! Debian's package carries no `modules.dep` (depmod makes it at installation), so the build reads
//! the modules themselves. Source: ELF-64 object file format, sections 2 and 3.

/// What a module says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct ModInfo {
    /// Modules whose symbols it uses.
    pub(crate) depends: Vec<String>,
    /// Modules to be loaded before it, although it uses no symbol of theirs.
    pub(crate) wants_before: Vec<String>,
    /// Patterns of the hardware and names it serves.
    pub(crate) aliases: Vec<String>,
}

/// Reads a module; `None` when the bytes are no ELF module.
pub(crate) fn read(elf: &[u8]) -> Option<ModInfo> {
    let section = modinfo_section(elf)?;
    let mut info = ModInfo::default();
    for line in section.split(|byte| *byte == 0) {
        let line = String::from_utf8_lossy(line);
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        match key {
            "depends" => info.depends.extend(list(value, ',')),
            "alias" => info.aliases.push(value.to_owned()),
            "softdep" => {
                let before = value.strip_prefix("pre:").unwrap_or_default();
                let before = before.split("post:").next().unwrap_or_default();
                info.wants_before.extend(list(before, ' '));
            }
            _ => {}
        }
    }
    Some(info)
}

fn list(value: &str, separator: char) -> impl Iterator<Item = String> {
    value
        .split(separator)
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
}

fn modinfo_section(elf: &[u8]) -> Option<&[u8]> {
    if !elf.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let table = number::<8>(elf, 0x28)?;
    let entry_size = number::<2>(elf, 0x3a)?;
    let count = number::<2>(elf, 0x3c)?;
    let names_index = number::<2>(elf, 0x3e)?;
    let header = |index: usize| elf.get(table.checked_add(index.checked_mul(entry_size)?)?..);
    let content = |header: &[u8]| -> Option<&[u8]> {
        let begin = number::<8>(header, 0x18)?;
        elf.get(begin..begin.checked_add(number::<8>(header, 0x20)?)?)
    };
    let names = content(header(names_index)?)?;
    (0..count).filter_map(header).find_map(|header| {
        let name = names.get(number::<4>(header, 0)?..)?;
        if name.starts_with(b".modinfo\0") {
            content(header)
        } else {
            None
        }
    })
}

/// A little-endian number of `N` bytes.
fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<usize> {
    let field = bytes.get(at..)?.first_chunk::<N>()?;
    let value = field
        .iter()
        .rev()
        .fold(0_u64, |value, byte| (value << 8) | u64::from(*byte));
    usize::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A minimal ELF: header, `.modinfo`, section names, three section headers.
    fn module(info: &[u8]) -> Vec<u8> {
        let names = b"\0.modinfo\0.shstrtab\0";
        let names_at = 64 + info.len();
        let table = names_at + names.len();
        let mut elf = vec![0; 64];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        elf[0x28..0x30].copy_from_slice(&(table as u64).to_le_bytes());
        elf[0x3a] = 64;
        elf[0x3c] = 3;
        elf[0x3e] = 2;
        elf.extend_from_slice(info);
        elf.extend_from_slice(names);
        for (name, begin, length) in [(0_u32, 0, 0), (1, 64, info.len()), (10, names_at, 20)] {
            let mut header = vec![0; 64];
            header[..4].copy_from_slice(&name.to_le_bytes());
            header[0x18..0x20].copy_from_slice(&(begin as u64).to_le_bytes());
            header[0x20..0x28].copy_from_slice(&(length as u64).to_le_bytes());
            elf.extend_from_slice(&header);
        }
        elf
    }

    #[test]
    fn dependencies_soft_dependencies_and_aliases_are_read() {
        let elf = module(
            b"name=ext4\0depends=jbd2,mbcache\0softdep=pre: crc32c post: x\0alias=fs-ext4\0",
        );
        let info = read(&elf).expect("is a module");
        assert_eq!(info.depends, ["jbd2", "mbcache"]);
        assert_eq!(info.wants_before, ["crc32c"]);
        assert_eq!(info.aliases, ["fs-ext4"]);
    }

    #[test]
    fn what_is_no_module_or_cut_short_gives_nothing() {
        assert_eq!(read(b"text"), None);
        let elf = module(b"depends=\0");
        for length in 0..elf.len() {
            let _no_panic = read(&elf[..length]);
        }
    }
}
