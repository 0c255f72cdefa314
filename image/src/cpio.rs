//! Writes the `newc` cpio archive the kernel unpacks as initramfs: same input, same bytes.
//!
//! Source: Linux Documentation/driver-api/early-userspace/buffer-format.rst.

use std::collections::BTreeMap;

/// An archive being made. Entries come out sorted, owned by root, dated 1970.
#[derive(Default)]
pub(crate) struct Archive {
    entries: BTreeMap<String, Entry>,
}

struct Entry {
    mode: u32,
    device: (u32, u32),
    content: Vec<u8>,
}

impl Archive {
    /// A folder, and those above it.
    pub(crate) fn folder(&mut self, path: &str) {
        self.parents(path);
        self.insert(path, 0o040_755, (0, 0), Vec::new());
    }

    /// A file with permissions, and the folders above it.
    pub(crate) fn file(&mut self, path: &str, permissions: u32, content: Vec<u8>) {
        self.parents(path);
        self.insert(path, 0o100_000 | permissions, (0, 0), content);
    }

    /// A character device, and the folders above it.
    pub(crate) fn character_device(&mut self, path: &str, permissions: u32, device: (u32, u32)) {
        self.parents(path);
        self.insert(path, 0o020_000 | permissions, device, Vec::new());
    }

    /// The archive's bytes.
    pub(crate) fn finish(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (number, (path, entry)) in (1_u32..).zip(&self.entries) {
            write(&mut bytes, number, path, entry);
        }
        let trailer = Entry {
            mode: 0,
            device: (0, 0),
            content: Vec::new(),
        };
        write(&mut bytes, 0, "TRAILER!!!", &trailer);
        bytes
    }

    fn parents(&mut self, path: &str) {
        for (at, _) in path.match_indices('/') {
            let parent = path.get(..at).unwrap_or_default();
            if !parent.is_empty() && !self.entries.contains_key(parent) {
                self.insert(parent, 0o040_755, (0, 0), Vec::new());
            }
        }
    }

    fn insert(&mut self, path: &str, mode: u32, device: (u32, u32), content: Vec<u8>) {
        self.entries.insert(
            path.to_owned(),
            Entry {
                mode,
                device,
                content,
            },
        );
    }
}

fn write(bytes: &mut Vec<u8>, number: u32, path: &str, entry: &Entry) {
    let links = if entry.mode & 0o170_000 == 0o040_000 {
        2
    } else {
        1
    };
    let (major, minor) = entry.device;
    let fields: [usize; 13] = [
        number as usize,
        entry.mode as usize,
        0,
        0,
        links,
        0,
        entry.content.len(),
        0,
        0,
        major as usize,
        minor as usize,
        path.len() + 1,
        0,
    ];
    bytes.extend_from_slice(b"070701");
    for field in fields {
        bytes.extend_from_slice(format!("{field:08x}").as_bytes());
    }
    bytes.extend_from_slice(path.as_bytes());
    bytes.push(0);
    pad(bytes);
    bytes.extend_from_slice(&entry.content);
    pad(bytes);
}

fn pad(bytes: &mut Vec<u8>) {
    while !bytes.len().is_multiple_of(4) {
        bytes.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_sorted_padded_and_end_with_the_trailer() {
        let mut archive = Archive::default();
        archive.file("init", 0o755, b"abc".to_vec());
        archive.character_device("dev/console", 0o600, (5, 1));
        let bytes = archive.finish();
        assert_eq!(bytes.len() % 4, 0);
        let text = String::from_utf8_lossy(&bytes);
        let names = ["dev\0", "dev/console\0", "init\0", "TRAILER!!!\0"];
        let places: Vec<_> = names
            .iter()
            .map(|name| text.find(name).expect("is there"))
            .collect();
        assert!(places.is_sorted(), "{places:?}");
        assert!(text.starts_with("07070100000001000041ed0000000000000000"));
    }
}
