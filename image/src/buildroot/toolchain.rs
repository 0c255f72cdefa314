//! Makes the cross toolchain from Debian's gcc, binutils and musl: in seconds, without compiling.
//!
//! gcc finds its parts relative to itself, so a private copy never looks into the host's `/usr`.
//! A specs file turns it from glibc to musl; `%R` in it is the sysroot in force, so Buildroot's
//! own `--sysroot` wins. It compiles C only: Debian's libstdc++ is made for glibc.
//!
//! Source: gcc's manual, "Specifying Subprocesses and the Switches to Pass to Them".

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::lock::{Part, Place};
use super::{BuildrootError, Machine, create_folder, file_error, write};
use crate::host::{command, output};

/// The prefix of its programs, as the defconfigs name it.
pub(crate) fn prefix(machine: Machine) -> String {
    format!("{}-debian-linux-musl", machine.name())
}

/// Makes it at `to`, unless the same parts made what is there.
pub(crate) fn make(
    machine: Machine,
    parts: &[(Part, PathBuf)],
    to: &Path,
) -> Result<(), BuildrootError> {
    let stamp = to.join("made-of");
    let made = format!("made by rule {} of:\n", rule(machine));
    let content = parts.iter().fold(made, |text, (part, _)| {
        format!("{text}{} {}\n", part.file_name(), part.sha256)
    });
    if std::fs::read_to_string(&stamp).is_ok_and(|found| found == content) {
        return Ok(());
    }
    remove(to)?;
    let toolchain = Toolchain { machine, to };
    for (part, file) in parts {
        let place = match part.part {
            Place::Compiler => to.join("compiler"),
            Place::Sysroot => to.join("unpacked"),
        };
        create_folder(&place)?;
        output(command("dpkg-deb")?.arg("-x").arg(file).arg(&place))?;
    }
    toolchain.sysroot()?;
    toolchain.compiler()?;
    toolchain.front_ends()?;
    toolchain.notices(parts)?;
    remove(&to.join("unpacked"))?;
    write(&stamp, content)
}

struct Toolchain<'a> {
    machine: Machine,
    to: &'a Path,
}

impl Toolchain<'_> {
    /// Debian's name for its glibc toolchain, whose programs these are.
    fn triple(&self) -> String {
        format!("{}-linux-gnu", self.machine.name())
    }

    fn loader(&self) -> String {
        format!("ld-musl-{}.so.1", self.machine.name())
    }

    /// musl and the kernel's headers, as a musl system has them.
    fn sysroot(&self) -> Result<(), BuildrootError> {
        let from = self.to.join("unpacked");
        let musl = format!("{}-linux-musl", self.machine.name());
        let root = self.to.join("sysroot");
        create_folder(&root.join("usr"))?;
        create_folder(&root.join("lib"))?;
        let headers = root.join("usr/include");
        rename(&from.join("usr/include").join(&musl), &headers)?;
        let kernel = from.join("usr/include");
        rename(
            &kernel.join(self.triple()).join("asm"),
            &headers.join("asm"),
        )?;
        for name in ["asm-generic", "linux", "mtd", "rdma", "sound", "video"] {
            rename(&kernel.join(name), &headers.join(name))?;
        }
        let libraries = root.join("usr/lib");
        rename(&from.join("usr/lib").join(&musl), &libraries)?;
        remove(&libraries.join("musl-gcc.specs"))?;
        remove(&libraries.join("libc.so"))?;
        let loader = self.loader();
        rename(
            &from.join("lib").join(&musl).join("libc.so"),
            &root.join("lib").join(&loader),
        )?;
        link(&format!("../../lib/{loader}"), &libraries.join("libc.so"))
    }

    /// What of the compiler is made for glibc goes; the assembler is linked where gcc looks.
    fn compiler(&self) -> Result<(), BuildrootError> {
        let usr = self.to.join("compiler/usr");
        let triple = self.triple();
        for family in ["gcc", "gcc-cross"] {
            let own = usr.join("lib").join(family).join(&triple).join(GCC);
            for entry in std::fs::read_dir(&own).into_iter().flatten().flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                if FOR_GLIBC.iter().any(|library| name.starts_with(library)) {
                    remove(&entry.path())?;
                }
            }
        }
        let tools = usr.join(&triple).join("bin");
        create_folder(&tools)?;
        for tool in BINUTILS {
            if !tools.join(tool).exists() {
                link(&format!("../../bin/{triple}-{tool}"), &tools.join(tool))?;
            }
        }
        Ok(())
    }

    /// The programs as Buildroot calls them.
    fn front_ends(&self) -> Result<(), BuildrootError> {
        let specs = self.to.join("musl.specs");
        write(&specs, musl_specs(&self.loader()))?;
        create_folder(&self.to.join("bin"))?;
        let sysroot = self.to.join("sysroot");
        let musl = format!(
            " --sysroot={} -specs={}",
            sysroot.display(),
            specs.display()
        );
        for tool in ["gcc", "cpp"] {
            self.front_end(tool, &format!("-{GCC}"), &musl)?;
        }
        for tool in ["gcc-ar", "gcc-nm", "gcc-ranlib"] {
            self.front_end(tool, &format!("-{GCC}"), "")?;
        }
        for tool in BINUTILS {
            self.front_end(tool, "", "")?;
        }
        Ok(())
    }

    fn front_end(&self, tool: &str, suffix: &str, more: &str) -> Result<(), BuildrootError> {
        let usr = self.to.join("compiler/usr");
        let program = usr.join(format!("bin/{}-{tool}{suffix}", self.triple()));
        let libraries = usr.join("lib/x86_64-linux-gnu");
        let run = format!(
            "LD_LIBRARY_PATH={} exec {}{more} \"$@\"",
            libraries.display(),
            program.display()
        );
        let script = match self.machine {
            Machine::Aarch64 if tool == "gcc" => cross_script(&run),
            Machine::X86_64 | Machine::Aarch64 => format!("#!/bin/sh\n{run}\n"),
        };
        let path = self.to.join(format!("bin/{}-{tool}", prefix(self.machine)));
        write(&path, script)?;
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&path, mode).map_err(|source| file_error(&path, source))
    }

    /// Debian's copyright files of what ends up in the box: Buildroot cannot collect them.
    fn notices(&self, parts: &[(Part, PathBuf)]) -> Result<(), BuildrootError> {
        let to = self.to.join("licences");
        create_folder(&to)?;
        for (part, _) in parts {
            let from = match part.part {
                Place::Sysroot => self.to.join("unpacked"),
                Place::Compiler => self.to.join("compiler"),
            };
            let base = from.join("usr/share/doc");
            // libgcc's lies in the folder of the package it shares its documentation with.
            let own = base.join(&part.package).join("copyright");
            if let Ok(text) = std::fs::read(&own) {
                write(&to.join(&part.package), text)?;
            }
        }
        Ok(())
    }
}

/// Debian's cross compiler says of itself that its sysroot is `/`, and Buildroot refuses a compiler
/// that does, since such a one looks into the host. This one is always told another sysroot.
fn cross_script(run: &str) -> String {
    format!(
        "#!/bin/sh\nif [ \"$*\" = -v ]; then\n\
         \t({run}) 2>&1 | sed 's: --with-sysroot=/ : :' >&2\n\
         \texit\n\
         fi\n{run}\n"
    )
}

/// musl in place of glibc: where headers, start files and libraries are.
fn musl_specs(loader: &str) -> String {
    let headers = "-nostdinc %{!nostdinc:-isystem %R/usr/include -isystem include%s}";
    let start = "%{shared:;static-pie:%R/usr/lib/rcrt1.o;:%R/usr/lib/Scrt1.o} %R/usr/lib/crti.o \
                 crtbeginS.o%s";
    let link = format!(
        "--dynamic-linker /lib/{loader} -nostdlib %{{shared:-shared}} %{{static:-static}} \
         %{{static-pie:-static -pie --no-dynamic-linker -z text}} %{{rdynamic:-export-dynamic}}"
    );
    let sections = [
        ("cpp_options", format!("{headers} %(old_cpp_options)")),
        ("cc1", format!("%(cc1_cpu) {headers}")),
        ("link_libgcc", "-L%R/usr/lib -L%R/lib -L .%s".to_owned()),
        ("libgcc", "libgcc.a%s %:if-exists(libgcc_eh.a%s)".to_owned()),
        ("startfile", start.to_owned()),
        ("endfile", "crtendS.o%s %R/usr/lib/crtn.o".to_owned()),
        ("link", link),
        ("esp_link", String::new()),
        ("esp_options", String::new()),
        ("esp_cpp_options", String::new()),
    ];
    let mut text = "%rename cpp_options old_cpp_options\n\n".to_owned();
    for (name, content) in sections {
        text += &format!("*{name}:\n{content}\n\n");
    }
    text
}

fn rename(from: &Path, to: &Path) -> Result<(), BuildrootError> {
    std::fs::rename(from, to).map_err(|source| file_error(from, source))
}

fn link(content: &str, at: &Path) -> Result<(), BuildrootError> {
    symlink(content, at).map_err(|source| file_error(at, source))
}

/// A file, a link or a folder with all below it; nothing there is fine.
fn remove(path: &Path) -> Result<(), BuildrootError> {
    let removed = match std::fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(found) if found.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
    };
    removed.map_err(|source| file_error(path, source))
}

/// Raised when the way of making it changes, so that old ones are made anew.
const fn rule(machine: Machine) -> u8 {
    match machine {
        Machine::X86_64 => 1,
        Machine::Aarch64 => 2,
    }
}

/// gcc's major version, as the defconfigs declare it.
const GCC: &str = "12";

/// Programs of binutils that builds call.
const BINUTILS: &[&str] = &[
    "addr2line",
    "ar",
    "as",
    "ld",
    "ld.bfd",
    "nm",
    "objcopy",
    "objdump",
    "ranlib",
    "readelf",
    "size",
    "strings",
    "strip",
];

/// Libraries of gcc's own folder that only link with glibc.
const FOR_GLIBC: &[&str] = &[
    "libasan",
    "libatomic",
    "libgomp",
    "libhwasan",
    "libitm",
    "liblsan",
    "libquadmath",
    "libtsan",
    "libubsan",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cross_compiler_does_not_say_that_it_looks_into_the_host() {
        let run = "echo gcc --a --with-sysroot=/ --b >&2; echo out \"$@\"";
        let said = |arguments: &[&str]| {
            let mut shell = std::process::Command::new("sh");
            shell
                .args(["-c", &cross_script(run), "gcc"])
                .args(arguments);
            let said = shell.output().expect("a shell");
            [said.stdout, said.stderr].map(|it| String::from_utf8(it).expect("text"))
        };
        let [out, errors] = said(&["-v"]);
        assert_eq!(
            (out.as_str(), errors.as_str()),
            ("", "gcc --a --b\nout -v\n")
        );
        let [out, errors] = said(&["-v", "x.c"]);
        assert_eq!(out, "out -v x.c\n");
        assert!(errors.contains("--with-sysroot=/"));
    }

    #[test]
    fn the_specs_name_no_folder_of_the_build_host() {
        let specs = musl_specs("ld-musl-x86_64.so.1");
        assert!(specs.contains("--dynamic-linker /lib/ld-musl-x86_64.so.1 "));
        let others = specs
            .replace("/lib/ld-musl-x86_64.so.1", "")
            .replace("%R/", "");
        assert!(
            !others.split_whitespace().any(|word| word.starts_with('/')),
            "{specs}"
        );
        // gcc ends a section at an empty line, and an empty section is one empty line more.
        assert!(specs.ends_with("*esp_cpp_options:\n\n\n"));
    }
}
