//! The keys by which the machine knows what it may start (Secure Boot): what it says of them, and
//! giving it those of the box.
//!
//! PK comes last: until it is there, the machine starts everything and waits for keys, wherever the
//! power fails, and the same can be asked for again.

use std::io;
use std::path::{Path, PathBuf};

use ipc::machine::Says;
use kernel::efi::Variables;
use kernel::{Context as _, SystemError};
use secure_boot::{ATTRIBUTES, Role, content_of};

/// What the machine says.
///
/// # Errors
/// It does not give one of its variables.
pub fn said(variables: &Variables) -> Result<Says, SystemError> {
    let is_on = is_one(variables, ON)?;
    let waits = is_one(variables, WAITS)?;
    let forbidden = variables.read(FORBIDDEN)?;
    Ok(Says {
        is_on,
        waits,
        forbids: forbidden.is_some_and(|it| !it.is_empty()),
    })
}

/// Whether `folder` has all that a machine is given.
#[must_use]
pub fn has_keys(folder: &Path) -> bool {
    let mut roles = Role::ALL.iter();
    roles.all(|it| file(folder, *it).is_file())
}

/// Gives the machine what is signed in `folder`, PK last, and proves that it has kept all of it.
///
/// # Errors
/// It waits for none, did not take one, or did not keep what it took.
pub fn give_keys(variables: &Variables, folder: &Path) -> Result<(), SystemError> {
    write(variables, folder)?;
    prove(variables, folder)
}

/// A variable that holds the same already is left: that is how this goes on where the power failed,
/// as a machine may refuse the same time twice.
fn write(variables: &Variables, folder: &Path) -> Result<(), SystemError> {
    let files = files(folder)?;
    if is_one(variables, WAITS)? != Some(true) {
        let other = io::Error::other("it waits for none");
        return Err(other).context("give keys to", "the machine");
    }
    for signed in files {
        if variables.read(&signed.name)?.as_ref() != Some(&signed.content) {
            variables.write(&signed.name, ATTRIBUTES, &signed.written)?;
        }
    }
    Ok(())
}

/// Whether the machine has kept all of it: firmware has been seen to say yes, and to do nothing.
fn prove(variables: &Variables, folder: &Path) -> Result<(), SystemError> {
    for signed in files(folder)? {
        if variables.read(&signed.name)?.as_ref() != Some(&signed.content) {
            let other = io::Error::other("the machine did not keep what it took");
            return Err(other).context("write", signed.name);
        }
    }
    Ok(())
}

/// A variable as the build has signed it.
struct Signed {
    name: String,
    /// What the machine shows of it.
    content: Vec<u8>,
    /// What it is given.
    written: Vec<u8>,
}

/// What is signed in `folder`, PK last.
fn files(folder: &Path) -> Result<Vec<Signed>, SystemError> {
    let read = |role: Role| {
        let path = file(folder, role);
        let written = std::fs::read(&path).context("read", path.display())?;
        let content = content_of(&written).map(<[u8]>::to_vec);
        let content = content.ok_or_else(|| io::Error::other("it is no signed variable"));
        Ok(Signed {
            name: format!("{}-{}", role.name(), role.vendor()),
            content: content.context("use", path.display())?,
            written,
        })
    };
    Role::ALL.into_iter().map(read).collect()
}

fn is_one(variables: &Variables, name: &str) -> Result<Option<bool>, SystemError> {
    let name = format!("{name}-{}", Role::Platform.vendor());
    Ok(variables.read(&name)?.map(|it| it == [1]))
}

fn file(folder: &Path, role: Role) -> PathBuf {
    folder.join(format!("{}.auth", role.name()))
}

/// What an image has whose kernel is for Secure Boot.
pub const MACHINE_KEYS_FOLDER: &str = "/etc/ramal/secure-boot";

/// Variables of the firmware (UEFI 2.10 §3.3).
const ON: &str = "SecureBoot";
const WAITS: &str = "SetupMode";
/// The list of forbidden programs (UEFI 2.10 §32.4.1, EFI_IMAGE_SECURITY_DATABASE_GUID).
const FORBIDDEN: &str = "dbx-d719b2cb-3d3a-4596-a3bc-dad00e67656f";

#[cfg(test)]
mod tests {
    use std::fs;

    use secure_boot::{authenticated, signature_list, time_of};

    use super::*;

    /// A machine's variables and an image's files.
    struct Bench {
        root: PathBuf,
        variables: Variables,
    }

    fn variables(folder: &Path) -> Variables {
        Variables::of(fs::File::open(folder).expect("a folder").into())
    }

    impl Bench {
        fn new(name: &str, setup_mode: u8) -> Self {
            let root =
                std::env::temp_dir().join(format!("ramal-machine-{name}-{}", std::process::id()));
            for folder in ["variables", "files"] {
                fs::create_dir_all(root.join(folder)).expect("made");
            }
            let variables = variables(&root.join("variables"));
            let bench = Self { root, variables };
            bench.put(WAITS, setup_mode);
            bench.put(ON, 0);
            for role in Role::ALL {
                let list = signature_list(role.name().as_bytes());
                let written = authenticated(&time_of(1), b"signed", &list);
                fs::write(file(&bench.files(), role), written).expect("written");
            }
            bench
        }

        fn put(&self, name: &str, value: u8) {
            let name = format!("{name}-{}", Role::Platform.vendor());
            self.variables.write(&name, 6, &[value]).expect("written");
        }

        fn files(&self) -> PathBuf {
            self.root.join("files")
        }

        fn variable(&self, role: Role) -> PathBuf {
            let name = format!("{}-{}", role.name(), role.vendor());
            self.root.join("variables").join(name)
        }
    }

    impl Drop for Bench {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.root);
        }
    }

    #[test]
    fn what_the_machine_says_is_told() {
        let bench = Bench::new("state", 1);
        let mut says = Says {
            is_on: Some(false),
            waits: Some(true),
            forbids: false,
        };
        assert_eq!(said(&bench.variables).expect("read"), says);
        bench.put(WAITS, 0);
        bench.put(ON, 1);
        (says.is_on, says.waits) = (Some(true), Some(false));
        assert_eq!(said(&bench.variables).expect("read"), says);
        for (list, forbids) in [(&b""[..], false), (b"a list", true)] {
            let written = bench.variables.write(FORBIDDEN, 7, list);
            written.expect("written");
            says.forbids = forbids;
            assert_eq!(said(&bench.variables).expect("read"), says);
            fs::remove_file(bench.root.join("variables").join(FORBIDDEN)).expect("removed");
        }
        let empty = variables(&bench.files());
        assert_eq!(said(&empty).expect("read"), Says::default());
    }

    #[test]
    fn a_folder_without_all_of_the_keys_has_none() {
        let bench = Bench::new("offer", 1);
        assert!(has_keys(&bench.files()));
        fs::remove_file(file(&bench.files(), Role::Exchange)).expect("removed");
        assert!(!has_keys(&bench.files()));
    }

    #[test]
    fn what_the_machine_did_not_keep_is_found() {
        let bench = Bench::new("prove", 1);
        for role in Role::ALL {
            let shown = signature_list(role.name().as_bytes());
            let shown = [&ATTRIBUTES.to_le_bytes()[..], &shown].concat();
            fs::write(bench.variable(role), shown).expect("written");
        }
        prove(&bench.variables, &bench.files()).expect("kept");
        fs::write(bench.variable(Role::Exchange), [0x27, 0, 0, 0]).expect("written");
        prove(&bench.variables, &bench.files()).expect_err("another");
        fs::remove_file(bench.variable(Role::Exchange)).expect("removed");
        prove(&bench.variables, &bench.files()).expect_err("none");
    }

    #[test]
    fn keys_are_written_whole_with_their_attributes() {
        let bench = Bench::new("write", 1);
        write(&bench.variables, &bench.files()).expect("written");
        for role in Role::ALL {
            let found = fs::read(bench.variable(role)).expect("there");
            let wanted = fs::read(file(&bench.files(), role)).expect("there");
            assert_eq!(found, [&[0x27, 0, 0, 0][..], &wanted].concat());
        }
    }

    #[test]
    fn what_was_written_before_the_power_failed_is_not_written_again() {
        let bench = Bench::new("again", 1);
        // As the machine shows a variable that was written: only its content.
        let list = signature_list(Role::Programs.name().as_bytes());
        let shown = [&ATTRIBUTES.to_le_bytes()[..], &list].concat();
        fs::write(bench.variable(Role::Programs), &shown).expect("written");
        write(&bench.variables, &bench.files()).expect("written");
        let left = fs::read(bench.variable(Role::Programs)).expect("there");
        assert_eq!(left, shown);
        assert!(bench.variable(Role::Platform).exists());
    }

    #[test]
    fn pk_is_the_last_and_nothing_is_written_when_a_file_is_missing_or_nobody_waits() {
        let bench = Bench::new("last", 1);
        // A folder in its place: the machine does not take this one.
        fs::create_dir(bench.variable(Role::Exchange)).expect("made");
        write(&bench.variables, &bench.files()).expect_err("refused");
        assert!(bench.variable(Role::Programs).exists());
        assert!(!bench.variable(Role::Platform).exists());

        let bench = Bench::new("missing", 1);
        fs::remove_file(file(&bench.files(), Role::Platform)).expect("removed");
        write(&bench.variables, &bench.files()).expect_err("refused");
        assert!(!bench.variable(Role::Programs).exists());

        let bench = Bench::new("not-waiting", 0);
        write(&bench.variables, &bench.files()).expect_err("refused");
        assert!(!bench.variable(Role::Programs).exists());
    }
}
