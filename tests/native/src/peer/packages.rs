//! Programs that the installed Debian does not have, from another suite of its archive.
//!
//! Nothing is installed: the packages are fetched with an apt that has its own lists and state,
//! verified by the archive's signature like all others, and unpacked into a folder that the
//! program is run in with chroot.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{NativeError, say};

/// The suite with what stable does not carry.
const SUITE: &str = "sid";
/// Where Debian's archive is.
const ARCHIVE: &str = "http://deb.debian.org/debian";
/// Whom to believe.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// A root file system with `package` and what it depends on, kept in the target folder.
pub(super) fn root_with(package: &str) -> Result<PathBuf, NativeError> {
    let own = std::env::current_exe().map_err(NativeError::io("find", "this program"))?;
    let target = own.ancestors().nth(2).unwrap_or(&own);
    let cache = target.join("peers").join(package);
    let root = cache.join("root");
    let complete = cache.join("complete");
    if complete.exists() {
        return Ok(root);
    }
    say(&format!(
        "fetching {package} of Debian {SUITE} with what it needs (once, into {})",
        cache.display()
    ));
    let configuration = prepare(&cache)?;
    let apt = |arguments: &[&str]| {
        let mut apt = Command::new("apt-get");
        apt.env("APT_CONFIG", &configuration).args(arguments);
        run(&mut apt)
    };
    apt(&["update", "-qq"])?;
    apt(&["install", "--download-only", "-y", "-qq", package])?;
    make(&root)?;
    for archive in archives(&cache)? {
        run(Command::new("dpkg").arg("-x").arg(&archive).arg(&root))?;
    }
    // With merged /usr these links belong to no package.
    for name in ["bin", "sbin", "lib", "lib64"] {
        let link = root.join(name);
        if !link.exists() {
            std::os::unix::fs::symlink(format!("usr/{name}"), &link)
                .map_err(NativeError::io("link", &link))?;
        }
    }
    for name in ["proc", "dev", "tmp", "run"] {
        make(&root.join(name))?;
    }
    // Nothing that wants randomness starts without these.
    for (name, minor) in [("null", "3"), ("random", "8"), ("urandom", "9")] {
        let device = root.join("dev").join(name);
        run(Command::new("mknod").arg(device).args(["c", "1", minor]))?;
    }
    std::fs::write(&complete, "").map_err(NativeError::io("write", &complete))?;
    Ok(root)
}

/// The folders and the configuration of an apt of our own.
fn prepare(cache: &Path) -> Result<PathBuf, NativeError> {
    for name in [
        "etc/apt/preferences.d",
        "etc/apt/apt.conf.d",
        "etc/apt/trusted.gpg.d",
        "var/lib/apt/lists/partial",
        "var/cache/apt/archives/partial",
        "var/lib/dpkg",
    ] {
        make(&cache.join(name))?;
    }
    let write = |name: &str, text: String| {
        let path = cache.join(name);
        std::fs::write(&path, text).map_err(NativeError::io("write", &path))?;
        Ok::<_, NativeError>(path)
    };
    write("var/lib/dpkg/status", String::new())?;
    write(
        "etc/apt/sources.list",
        format!("deb [signed-by={KEYRING}] {ARCHIVE} {SUITE} main\n"),
    )?;
    // A mirror may be frozen: what it has is signed all the same.
    write(
        "apt.conf",
        format!(
            "Dir \"{}\";\nAPT::Architecture \"amd64\";\nAPT::Install-Recommends \"false\";\n\
             APT::Sandbox::User \"root\";\nAcquire::Languages \"none\";\n\
             Acquire::Check-Valid-Until \"false\";\n",
            cache.display()
        ),
    )
}

fn archives(cache: &Path) -> Result<Vec<PathBuf>, NativeError> {
    let folder = cache.join("var/cache/apt/archives");
    let files = std::fs::read_dir(&folder).map_err(NativeError::io("list", &folder))?;
    let files = files.filter_map(|file| Some(file.ok()?.path()));
    let mut files: Vec<_> = files
        .filter(|path| path.extension().is_some_and(|kind| kind == "deb"))
        .collect();
    files.sort();
    Ok(files)
}

fn make(folder: &Path) -> Result<(), NativeError> {
    std::fs::create_dir_all(folder).map_err(NativeError::io("make", folder))
}

fn run(command: &mut Command) -> Result<(), NativeError> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(NativeError::io("run", name.clone()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(NativeError::Load(format!(
        "this peer cannot be had: {name}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    )))
}
