//! The programs that run, as patches begin with them.

use std::path::Path;

use firmware::Patcher;

/// The two programs of the root.
#[derive(Clone, Copy, Debug)]
pub(super) struct Programs;

impl Patcher for Programs {
    fn compressor(&self) -> u32 {
        patch::compressor_version()
    }

    fn apply(&self, patch: &[u8]) -> Result<Vec<(u64, Vec<u8>)>, String> {
        let parts = read(&patch::PROGRAMS.map(Path::new))
            .and_then(|old| patch::apply(old, patch).map_err(|error| error.to_string()));
        parts.inspect_err(|error| {
            tracing::warn!("the patch is of no use, so all that changed is asked for: {error}");
        })
    }
}

/// All files, one behind the other.
fn read(paths: &[&Path]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    for path in paths {
        let file = std::fs::read(path);
        let file = file.map_err(|error| format!("{}: {error}", path.display()))?;
        bytes.extend_from_slice(&file);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_cannot_be_read_is_named() {
        let refused = read(&[Path::new("/dev/null"), Path::new("/dev/nothing")]);
        assert!(refused.is_err_and(|it| it.starts_with("/dev/nothing: ")));
    }
}
