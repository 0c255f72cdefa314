//! The table of which country an address is registered in, as a file of the image.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use countries::{TABLE_MAX, Table};

/// Reads it. `None` where there is none, as when a test runs the programs, and where it cannot be
/// used: then nobody is refused for his country, and the pages say so.
#[must_use]
pub fn read(path: &Path) -> Option<Arc<Table>> {
    let file = std::fs::File::open(path).ok()?;
    let mut bytes = Vec::new();
    // One byte more tells a file that is too large.
    let most = u64::try_from(TABLE_MAX)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    let read = file.take(most).read_to_end(&mut bytes);
    let table = read
        .map_err(|error| error.to_string())
        .and_then(|_| Table::parse(bytes).map_err(|damage| damage.to_string()));
    match table {
        Ok(table) => Some(Arc::new(table)),
        Err(error) => {
            tracing::error!(
                "{}: {error}: nobody is refused for a country",
                path.display()
            );
            None
        }
    }
}

/// Where it is: `RAMAL_COUNTRIES`, or the file of the image.
#[must_use]
pub fn place() -> std::path::PathBuf {
    std::env::var_os("RAMAL_COUNTRIES").map_or_else(|| countries::PLACE.into(), Into::into)
}

#[cfg(test)]
mod tests {
    use countries::{About, pack};

    use super::*;

    #[test]
    fn a_table_is_read_whole_or_not_at_all() {
        let name = format!("ramal-countries-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        assert!(read(&path).is_none());
        let table = pack(&About::default(), &[], &[]).expect("packed");
        std::fs::write(&path, &table).expect("written");
        assert!(read(&path).is_some());
        std::fs::write(&path, &table[1..]).expect("written");
        assert!(read(&path).is_none());
        std::fs::write(&path, vec![0; TABLE_MAX + 2]).expect("written");
        assert!(read(&path).is_none());
        std::fs::remove_file(&path).expect("removed");
    }
}
