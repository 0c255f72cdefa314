//! The recovery code on its way from stage-1, which has it from the TPM, to PID 1, which gives it
//! out once: a file in memory, for root alone, overwritten and gone before any service. Once an
//! administrator has seen the code, stage-1 leaves none.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use firmware::RecoveryCode;
use kernel::{Context as _, SystemError};

/// Leaves it for PID 1.
pub(crate) fn leave(code: &RecoveryCode) -> Result<(), SystemError> {
    leave_in(Path::new(PLACE), code)
}

/// Takes it; `None` when there is none to give out.
pub(crate) fn take() -> Option<RecoveryCode> {
    take_from(Path::new(PLACE))
}

fn leave_in(path: &Path, code: &RecoveryCode) -> Result<(), SystemError> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| file.write_all(code.bytes()));
    written.context("write", path.display())
}

fn take_from(path: &Path) -> Option<RecoveryCode> {
    let mut bytes = fs::read(path).ok()?;
    // What cannot be overwritten or removed is root's alone all the same.
    let file = OpenOptions::new().write(true).open(path);
    let _ = file.and_then(|mut file| file.write_all(&vec![0; bytes.len()]));
    let _ = fs::remove_file(path);
    let code = RecoveryCode::from_bytes(&bytes);
    bytes.fill(0);
    std::hint::black_box(&bytes);
    code
}

const PLACE: &str = "/run/recovery-code";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_code_is_roots_alone_and_gone_once_it_was_taken() {
        let unique = format!("ramal-recovery-code-{}", std::process::id());
        let path = std::env::temp_dir().join(unique);
        let code = RecoveryCode::fresh().expect("random");
        leave_in(&path, &code).expect("written");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(take_from(&path), Some(code));
        assert!(!path.exists());
        assert_eq!(take_from(&path), None);
    }
}
