//! Sets the two bases side by side: the kernel's options we ask for, and the sizes.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::run::kernel_fragments;
use super::{BuildrootError, Machine, Setting, Variant, file_error, read, run, settings};
use crate::base::Base;
use crate::build::{cache_folder, image_folder};
use crate::kernel;

/// The two, in the order of the table.
const BASES: [Base; 2] = [Base::Debian, Base::Buildroot];

/// How the other kernel has what a line of ours asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Difference {
    /// As a module, where ours is built in.
    Module,
    /// Not at all.
    Missing,
    /// We refuse it, it has it; with its value.
    Allowed(String),
    /// Another value.
    Other(String),
}

/// Every setting of `wanted` that `other`, a kernel's configuration, has differently.
pub fn differences(wanted: &[Setting], other: &str) -> Vec<(Setting, Difference)> {
    let found = settings(other);
    let value = |symbol: &str| {
        let found = found.iter().rev().find(|setting| setting.symbol == symbol);
        found.and_then(|setting| setting.value.clone())
    };
    let differ = |setting: &Setting| match (&setting.value, value(&setting.symbol)) {
        (None, None) => None,
        (None, Some(found)) => Some(Difference::Allowed(found)),
        (Some(_), None) => Some(Difference::Missing),
        (Some(wanted), Some(found)) if *wanted == found => None,
        (Some(wanted), Some(found)) if wanted == "y" && found == "m" => Some(Difference::Module),
        (Some(_), Some(found)) => Some(Difference::Other(found)),
    };
    wanted
        .iter()
        .filter_map(|setting| Some((setting.clone(), differ(setting)?)))
        .collect()
}

/// The comparison as Markdown: sizes, then the options of both kernels.
///
/// # Errors
/// Debian's kernel cannot be had, or nothing has been built with Buildroot yet.
pub fn table() -> Result<String, BuildrootError> {
    let variant = Variant::ALL[0];
    let built = run::find(variant, &run::default_folder(variant))?;
    let debian =
        kernel::fetch(&cache_folder()).map_err(|error| BuildrootError::Check(error.to_string()))?;
    let folder = debian.bz_image.parent().map(Path::to_owned);
    let config = folder
        .unwrap_or_default()
        .join(format!("config-{}", debian.release));
    let mut text = sizes(&built, &debian)?;
    text += &contents()?;
    text += &options(&read(&config)?)?;
    Ok(text)
}

/// What only one of the two root file systems has; nothing when one image is not built here.
fn contents() -> Result<String, BuildrootError> {
    let [Some(debian), Some(buildroot)] = BASES.map(|base| paths(&root_of(base)).transpose())
    else {
        return Ok(
            "One of the two images is not built here, so their files are not compared.\n\n"
                .to_owned(),
        );
    };
    let (debian, buildroot) = (debian?, buildroot?);
    let mut text = format!(
        "The roots have {} and {} files",
        debian.len(),
        buildroot.len()
    );
    let differing: Vec<&String> = debian.symmetric_difference(&buildroot).collect();
    if differing.is_empty() {
        text += ", the same ones.\n\n";
        return Ok(text);
    }
    text += "; only one of them has:\n\n";
    for path in differing {
        let whose = if debian.contains(path) {
            "Debian"
        } else {
            "Buildroot"
        };
        let _ = writeln!(text, "- `{path}` ({whose})");
    }
    text.push('\n');
    Ok(text)
}

fn root_of(base: Base) -> PathBuf {
    image_folder(base, Machine::X86_64).join("root.squashfs")
}

/// The files of a squashfs, none when there is no such file.
fn paths(root: &Path) -> Result<Option<BTreeSet<String>>, BuildrootError> {
    let Ok(file) = std::fs::File::open(root) else {
        return Ok(None);
    };
    let reader = backhand::FilesystemReader::from_reader(std::io::BufReader::new(file))
        .map_err(|error| BuildrootError::Check(format!("{}: {error}", root.display())))?;
    let files = reader.files();
    let files = files.filter(|node| matches!(node.inner, backhand::InnerNode::File(_)));
    Ok(Some(
        files
            .map(|node| node.fullpath.display().to_string())
            .collect(),
    ))
}

fn sizes(built: &run::Parts, debian: &kernel::Kernel) -> Result<String, BuildrootError> {
    let mut text = "| | Debian | Buildroot |\n|---|---|---|\n".to_owned();
    let row = |text: &mut String, what: &str, of: [&str; 2]| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {what} | {} | {} |", of[0], of[1]);
    };
    row(&mut text, "release", [&debian.release, &built.release]);
    row(&mut text, "source", [&debian.source, &built.source]);
    let kernels = [&debian.bz_image, &built.kernel].map(kib);
    let [one, two] = kernels;
    row(&mut text, "kernel as firmware starts it", [&one?, &two?]);
    for part in ["initramfs.cpio.zst", "root.squashfs"] {
        let size = |base| {
            let path = image_folder(base, Machine::X86_64).join(part);
            kib(&path).unwrap_or_else(|_| "not built here".to_owned())
        };
        let [debian, buildroot] = BASES.map(size);
        row(&mut text, part, [&debian, &buildroot]);
    }
    for (what, path) in [
        ("init", &built.init),
        ("ramal", &built.ramal),
        ("mke2fs", &built.mke2fs),
        ("e2fsck", &built.e2fsck),
    ] {
        row(&mut text, what, ["", &kib(path)?]);
    }
    text.push('\n');
    Ok(text)
}

fn kib(path: &PathBuf) -> Result<String, BuildrootError> {
    let found = std::fs::metadata(path).map_err(|source| file_error(path, source))?;
    Ok(format!("{} KiB", found.len().div_ceil(1024)))
}

fn options(debian: &str) -> Result<String, BuildrootError> {
    let mut wanted = Vec::new();
    for fragment in kernel_fragments(Machine::X86_64) {
        wanted.extend(settings(&read(&fragment)?));
    }
    let differing = differences(&wanted, debian);
    let count = |kind: fn(&Difference) -> bool| {
        let found = differing.iter().filter(|(_, difference)| kind(difference));
        found.count()
    };
    let modules = count(|difference| *difference == Difference::Module);
    let mut text = format!(
        "Of {} lines that our fragments set, Debian's kernel has {} the same and {modules} as a \
         module; it differs in these:\n\n| ours | Debian's |\n|---|---|\n",
        wanted.len(),
        wanted.len() - differing.len()
    );
    for (setting, difference) in &differing {
        let theirs = match difference {
            Difference::Module => continue,
            Difference::Missing => "not set".to_owned(),
            Difference::Allowed(value) | Difference::Other(value) => value.clone(),
        };
        let ours = setting.value.as_deref().unwrap_or("not set");
        let _ = writeln!(text, "| `{}` {ours} | {theirs} |", setting.symbol);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_difference_is_told_apart() {
        let wanted = settings(
            "CONFIG_A=y\nCONFIG_B=y\nCONFIG_C=y\n# CONFIG_D is not set\nCONFIG_E=10\n\
             # CONFIG_F is not set\n",
        );
        let other = "CONFIG_A=y\nCONFIG_B=m\nCONFIG_D=y\nCONFIG_E=0\n# CONFIG_F is not set\n";
        let found = differences(&wanted, other);
        let found: Vec<_> = found
            .iter()
            .map(|(setting, difference)| (setting.symbol.as_str(), difference))
            .collect();
        assert_eq!(
            found,
            [
                ("CONFIG_B", &Difference::Module),
                ("CONFIG_C", &Difference::Missing),
                ("CONFIG_D", &Difference::Allowed("y".to_owned())),
                ("CONFIG_E", &Difference::Other("0".to_owned())),
            ]
        );
    }
}
