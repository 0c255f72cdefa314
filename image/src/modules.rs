//! Chooses the kernel modules of the box: those of `modules.list` and what they depend on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::host::{HostError, command, filter};
use crate::machine::Machine;
use crate::modinfo::{self, ModInfo};
use crate::slim::slim;

/// Why the modules could not be gathered.
#[derive(Debug, thiserror::Error)]
pub enum ModulesError {
    /// A folder or file of the kernel package cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The decompressor failed.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The kernel package has no such module, and it is not built in either.
    #[error("the kernel has no module called {0}; correct image/modules.list")]
    Unknown(String),
    /// A module is not an ELF file.
    #[error("{0} is not a kernel module")]
    NotAModule(PathBuf),
}

/// The modules of the box, ready to be put in the initramfs.
#[derive(Debug, Default)]
pub(crate) struct Modules {
    /// Path below `/lib/modules/<release>/`, and the plain (not compressed) module.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// `modules.dep`: what each needs, all levels, in depmod's order (load from the right).
    pub(crate) dep: String,
    /// `modules.alias`: `alias <pattern> <module>`.
    pub(crate) alias: String,
    /// `modules.builtin` as the kernel package has it.
    pub(crate) builtin: String,
}

struct Chosen {
    path: String,
    info: ModInfo,
    content: Vec<u8>,
}

/// How modules go into the image.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// Without what only debuggers read, and without their signature.
    Slim,
    /// As they are packed.
    Signed,
}

/// Gathers the modules of `modules.list` for this machine from the unpacked `folder`
/// (`.../lib/modules/<release>`).
pub(crate) fn gather(folder: &Path, machine: Machine, form: Form) -> Result<Modules, ModulesError> {
    let read = |path: PathBuf| {
        std::fs::read_to_string(&path).map_err(|source| ModulesError::Read { path, source })
    };
    let builtin = read(folder.join("modules.builtin"))?;
    let mut index = Index {
        files: BTreeMap::new(),
        builtin: BTreeSet::new(),
        form,
    };
    walk(&folder.join("kernel"), &mut index.files)?;
    index.builtin.extend(builtin.lines().map(name_of));
    let mut chosen = BTreeMap::new();
    for name in listed(include_str!("../modules.list"), machine) {
        index.choose(folder, &normal(name), &mut chosen)?;
    }
    Ok(assemble(&index, chosen, builtin))
}

/// The names of a list, without those that stand for other machines only.
fn listed(list: &str, machine: Machine) -> impl Iterator<Item = &str> {
    list.lines().filter_map(move |line| {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let name = words.next()?;
        words
            .next()
            .is_none_or(|only| only == machine.name())
            .then_some(name)
    })
}

/// All modules of the package by name, and those built into the kernel.
struct Index {
    files: BTreeMap<String, PathBuf>,
    builtin: BTreeSet<String>,
    form: Form,
}

impl Index {
    fn choose(
        &self,
        folder: &Path,
        name: &str,
        chosen: &mut BTreeMap<String, Chosen>,
    ) -> Result<(), ModulesError> {
        if chosen.contains_key(name) || self.builtin.contains(name) {
            return Ok(());
        }
        let Some(file) = self.files.get(name) else {
            return Err(ModulesError::Unknown(name.to_owned()));
        };
        let content = load(file)?;
        let info = modinfo::read(&content).ok_or_else(|| ModulesError::NotAModule(file.clone()))?;
        let path = file
            .strip_prefix(folder)
            .unwrap_or(file)
            .to_string_lossy()
            .into_owned();
        let path = path.trim_end_matches(".xz").to_owned();
        let content = match self.form {
            Form::Slim => slim(&content)?,
            Form::Signed => content,
        };
        let needs: Vec<String> = self.needs(&info).collect();
        chosen.insert(
            name.to_owned(),
            Chosen {
                path,
                info,
                content,
            },
        );
        for need in needs {
            self.choose(folder, &need, chosen)?;
        }
        Ok(())
    }

    /// What must be loaded before a module: its dependencies, and its soft ones where there is one
    /// module that can serve them.
    fn needs<'a>(&'a self, info: &'a ModInfo) -> impl Iterator<Item = String> + 'a {
        let soft = info
            .wants_before
            .iter()
            .filter_map(|name| self.provider(name));
        info.depends.iter().map(|name| normal(name)).chain(soft)
    }

    /// A soft dependency names a module or an algorithm (`crypto-crc32c`), whose portable form
    /// is called `crc32c_generic`.
    fn provider(&self, name: &str) -> Option<String> {
        let name = normal(name);
        let algorithm = name.strip_prefix("crypto_").unwrap_or(&name);
        let candidates = [name.clone(), format!("{algorithm}_generic")];
        candidates
            .into_iter()
            .find(|name| self.files.contains_key(name))
    }

    /// All levels of needs, nearest first, so that loading from the right satisfies each.
    fn closure(&self, name: &str, chosen: &BTreeMap<String, Chosen>) -> Vec<String> {
        let mut order: Vec<String> = Vec::new();
        let mut pending: Vec<String> = vec![name.to_owned()];
        while let Some(module) = pending.pop() {
            let Some(entry) = chosen.get(&module) else {
                continue;
            };
            for need in self
                .needs(&entry.info)
                .filter(|need| chosen.contains_key(need))
            {
                order.retain(|other| *other != need);
                order.push(need.clone());
                pending.insert(0, need);
            }
        }
        order
    }
}

fn assemble(index: &Index, chosen: BTreeMap<String, Chosen>, builtin: String) -> Modules {
    let mut modules = Modules {
        builtin,
        ..Modules::default()
    };
    for (name, entry) in &chosen {
        let needs = index.closure(name, &chosen);
        let paths = needs
            .iter()
            .filter_map(|need| chosen.get(need))
            .map(|need| need.path.as_str());
        let line: Vec<&str> = paths.collect();
        modules
            .dep
            .push_str(format!("{}: {}", entry.path, line.join(" ")).trim_end());
        modules.dep.push('\n');
        for alias in &entry.info.aliases {
            modules.alias.push_str(&format!("alias {alias} {name}\n"));
        }
    }
    modules.files = chosen
        .into_values()
        .map(|entry| (entry.path, entry.content))
        .collect();
    modules
}

fn load(file: &Path) -> Result<Vec<u8>, ModulesError> {
    if file.extension().is_some_and(|extension| extension == "xz") {
        return Ok(filter(
            command("xz")?.args(["--decompress", "--stdout"]),
            file,
        )?);
    }
    std::fs::read(file).map_err(|source| ModulesError::Read {
        path: file.to_owned(),
        source,
    })
}

fn walk(folder: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<(), ModulesError> {
    let error = |source| ModulesError::Read {
        path: folder.to_owned(),
        source,
    };
    for entry in std::fs::read_dir(folder).map_err(error)? {
        let path = entry.map_err(error)?.path();
        if path.is_dir() {
            walk(&path, files)?;
        } else {
            files.insert(name_of(&path.to_string_lossy()), path);
        }
    }
    Ok(())
}

/// `kernel/fs/ext4/ext4.ko.xz` is called `ext4`.
fn name_of(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or_default();
    normal(file.split(".ko").next().unwrap_or_default())
}

/// The kernel takes `-` and `_` for the same in module names.
fn normal(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(path: &str, depends: &[&str]) -> Chosen {
        let depends = depends.iter().map(|name| (*name).to_owned()).collect();
        let info = ModInfo {
            depends,
            ..ModInfo::default()
        };
        Chosen {
            path: path.to_owned(),
            info,
            content: Vec::new(),
        }
    }

    #[test]
    fn loading_from_the_right_satisfies_every_need() {
        let all = BTreeMap::from([
            ("a".to_owned(), chosen("a.ko", &["b", "d"])),
            ("b".to_owned(), chosen("b.ko", &["c"])),
            ("c".to_owned(), chosen("c.ko", &["d"])),
            ("d".to_owned(), chosen("d.ko", &[])),
        ]);
        let index = Index {
            files: BTreeMap::new(),
            form: Form::Slim,
            builtin: BTreeSet::new(),
        };
        assert_eq!(index.closure("a", &all), ["b", "c", "d"]);
        let modules = assemble(&index, all, String::new());
        assert!(
            modules.dep.starts_with("a.ko: b.ko c.ko d.ko\n"),
            "{}",
            modules.dep
        );
        assert!(modules.dep.ends_with("d.ko:\n"));
    }

    #[test]
    fn a_module_that_only_one_machine_has_is_not_asked_of_another() {
        let list = "# Words.\next4\n\naes_x x86_64 # fast\naes_a aarch64\n";
        let listed = |machine| listed(list, machine).collect::<Vec<_>>();
        assert_eq!(listed(Machine::X86_64), ["ext4", "aes_x"]);
        assert_eq!(listed(Machine::Aarch64), ["ext4", "aes_a"]);
    }

    #[test]
    fn every_machine_in_the_list_of_modules_is_known() {
        for line in include_str!("../modules.list").lines() {
            let line = line.split('#').next().unwrap_or_default();
            for machine in line.split_whitespace().skip(1) {
                assert!(Machine::of_name(machine).is_ok(), "{line}");
            }
        }
    }

    #[test]
    fn names_lose_folder_ending_and_dashes() {
        assert_eq!(
            name_of("kernel/drivers/usb/storage/usb-storage.ko.xz"),
            "usb_storage"
        );
        assert_eq!(name_of("kernel/fs/fat/fat.ko"), "fat");
    }
}
