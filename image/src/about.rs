//! What the image says of itself on the page *About*: its parts with their licences, all texts in
//! one file, and its bill of materials. `web` reads them; see [`ipc::about`].

use std::path::Path;

use ipc::about::{ABOUT, About, BILL, FOLDER, Part, TEXTS, Text};

use crate::base::{Base, Parts};
use crate::bill::{self, CHECKER_LICENCE, KERNEL_LICENCE};
use crate::build::{self, BuildError, Ingredients, cache_folder};
use crate::buildroot::licences;
use crate::buildroot::lock;
use crate::countries;
use crate::host;
use crate::machine::Machine;
use crate::notices::{self, Notice};
use crate::root::Root;

/// For what an image is told.
pub(crate) struct Of<'a> {
    pub(crate) workspace: &'a Path,
    pub(crate) base: Base,
    pub(crate) machine: Machine,
    /// When its source was committed, Unix seconds.
    pub(crate) built: u64,
    pub(crate) parts: &'a Parts,
    pub(crate) ingredients: &'a Ingredients,
}

/// A part that is no crate, with its texts: name and content.
struct Piece {
    name: &'static str,
    version: String,
    licence: &'static str,
    source: String,
    texts: Vec<(&'static str, String)>,
}

/// Puts the files into the root.
///
/// # Errors
/// cargo cannot say what is in the programs, or a text cannot be read.
pub(crate) fn add(root: &mut Root, of: &Of<'_>) -> Result<(), BuildError> {
    let crates = &of.ingredients.crates;
    let notices = notices::of_crates(of.workspace, of.machine, crates)?;
    let foreign = notices::foreign(of.workspace, of.machine, crates)?;
    let mut about = About {
        base: of.base.name().to_owned(),
        commit: commit(of.workspace),
        built: of.built,
        ..About::default()
    };
    let mut book = Book::default();
    for piece in pieces(of)? {
        let texts = piece.texts.iter();
        let texts = texts.map(|(name, text)| book.place(name, text)).collect();
        about.parts.push(Part {
            name: piece.name.to_owned(),
            version: piece.version,
            licence: piece.licence.to_owned(),
            source: piece.source,
            texts,
        });
    }
    for found in foreign {
        let own = |it: &&Notice| it.of.contains(&found.title());
        let own = notices.iter().filter(own);
        about.parts.push(Part {
            name: found.name.clone(),
            version: found.version.clone(),
            licence: found.licence.clone(),
            source: String::new(),
            texts: own.map(|it| book.place(&it.name, &it.text)).collect(),
        });
    }
    about.texts = book.places;
    let json = serde_json::to_vec(&about).map_err(|_| unwritable(ABOUT))?;
    let mut put = |name: &str, content| root.file(&format!("{FOLDER}/{name}"), 0o644, content);
    put(ABOUT, json);
    put(TEXTS, book.text.into_bytes());
    put(BILL, bill_of(of)?);
    Ok(())
}

/// The texts one behind the other, and where each lies.
#[derive(Default)]
struct Book {
    text: String,
    places: Vec<Text>,
}

impl Book {
    /// The place of a text; one that is there already is not written again.
    fn place(&mut self, name: &str, text: &str) -> u32 {
        let there = self.places.iter().position(|it| {
            let range = usize::try_from(it.from)
                .ok()
                .zip(usize::try_from(it.bytes).ok());
            let found =
                range.and_then(|(from, bytes)| self.text.get(from..from.checked_add(bytes)?));
            found == Some(text)
        });
        let place = there.unwrap_or_else(|| {
            self.places.push(Text {
                name: name.to_owned(),
                from: self.text.len() as u64,
                bytes: text.len() as u64,
            });
            self.text.push_str(text);
            self.text.push_str("\n\n");
            self.places.len() - 1
        });
        u32::try_from(place).unwrap_or(u32::MAX)
    }
}

/// What is in the image besides crates of others: ours, the kernel, the programs beside it, and
/// what compilers link into ours.
fn pieces(of: &Of<'_>) -> Result<Vec<Piece>, BuildError> {
    let read = |path: &Path| {
        std::fs::read_to_string(path).map_err(|source| build::file_error(path, source))
    };
    let apache = read(&of.workspace.join("LICENSE"))?;
    let (kernel, checker) = (&of.parts.kernel, &of.parts.checker);
    let own = Piece {
        name: "Ramal",
        version: env!("CARGO_PKG_VERSION").to_owned(),
        licence: "Apache-2.0",
        source: String::new(),
        texts: vec![("LICENSE", apache.clone())],
    };
    let debian = |name: &str| format!("https://packages.debian.org/source/{name}");
    let packaged = |name, package: &str, licence, source: &str, texts| Piece {
        name,
        version: package.to_owned(),
        licence,
        source: debian(source),
        texts,
    };
    let gpl = || ("GPL-2.0.txt", GPL.to_owned());
    let linux = vec![("copyright", read(&kernel.copyright)?), gpl()];
    let programs = vec![("copyright", read(&checker.copyright)?), gpl()];
    let mut all = vec![
        own,
        packaged("Linux", &kernel.source, KERNEL_LICENCE, "linux", linux),
        packaged(
            "e2fsprogs",
            &checker.source,
            CHECKER_LICENCE,
            "e2fsprogs",
            programs,
        ),
    ];
    if of.parts.busybox.is_some() {
        let version = "";
        all.push(packaged(
            "busybox",
            version,
            "GPL-2.0-only",
            "busybox",
            vec![gpl()],
        ));
    }
    all.push(Piece {
        name: countries::SOURCE,
        version: of.ingredients.countries.clone(),
        licence: countries::LICENCE,
        source: countries::ADDRESS.to_owned(),
        texts: vec![("countries.txt", COUNTRIES.to_owned())],
    });
    let rust = rust_version(of.workspace);
    all.push(Piece {
        name: "Rust standard library",
        version: rust.clone(),
        licence: "MIT OR Apache-2.0",
        source: "https://github.com/rust-lang/rust".to_owned(),
        texts: vec![("LICENSE-APACHE", apache)],
    });
    all.extend(linked(of, rust)?);
    Ok(all)
}

/// What the linker adds to the programs: of the toolchain of Rust, or of Debian's.
fn linked(of: &Of<'_>, rust: String) -> Result<Vec<Piece>, BuildError> {
    match of.base {
        Base::Debian | Base::DebianSigned => Ok(vec![Piece {
            name: "musl",
            version: format!("with Rust {rust}"),
            licence: "MIT",
            source: "https://musl.libc.org".to_owned(),
            texts: vec![("copyright", MUSL.to_owned())],
        }]),
        Base::Buildroot | Base::BuildrootDebug => {
            let folder = cache_folder().join("buildroot");
            let folder = folder.join(format!("toolchain-{}/licences", of.machine.name()));
            let lock = lock::load()?;
            let parts = licences::linked(&lock, of.machine)?.into_iter();
            let pieces = parts.map(|part| {
                let path = folder.join(part.text);
                let text = std::fs::read_to_string(&path);
                let text = text.map_err(|source| build::file_error(&path, source))?;
                Ok(Piece {
                    name: part.called,
                    version: format!("{} {}", part.name, part.version),
                    licence: part.licence,
                    source: format!("https://packages.debian.org/bookworm/{}", part.name),
                    texts: vec![("copyright", text)],
                })
            });
            pieces.collect()
        }
    }
}

fn bill_of(of: &Of<'_>) -> Result<Vec<u8>, BuildError> {
    let read = |path: &Path| std::fs::read(path).map_err(|source| build::file_error(path, source));
    let ingredients = of.ingredients;
    let kernel = read(&of.parts.kernel.bz_image)?;
    let checker = read(&ingredients.checker_program)?;
    let countries = read(&ingredients.countries_table)?;
    let foreign = bill::foreign(
        (&ingredients.kernel, &kernel),
        (&ingredients.checker, &checker),
        (&ingredients.countries, &countries),
    );
    let version = env!("CARGO_PKG_VERSION");
    let bill = bill::document(version, None, &ingredients.crates, &foreign)?;
    Ok(format!("{bill:#}\n").into_bytes())
}

/// The commit of the source; empty without history.
fn commit(workspace: &Path) -> String {
    let mut git = std::process::Command::new("git");
    git.current_dir(workspace).args(["rev-parse", "HEAD"]);
    let found = host::output(&mut git).unwrap_or_default();
    String::from_utf8_lossy(&found).trim().to_owned()
}

/// The version that `rust-toolchain.toml` names.
fn rust_version(workspace: &Path) -> String {
    let file = std::fs::read_to_string(workspace.join("rust-toolchain.toml")).unwrap_or_default();
    let file: toml::Table = file.parse().unwrap_or_default();
    let channel = file.get("toolchain").and_then(|it| it.get("channel"));
    let channel = channel.and_then(toml::Value::as_str);
    channel.unwrap_or_default().to_owned()
}

fn unwritable(name: &str) -> BuildError {
    let path = Path::new(name);
    build::file_error(path, std::io::Error::other("it cannot be written as JSON"))
}

const GPL: &str = include_str!("../licences/GPL-2.0.txt");
/// Whose the table of countries is, and what was changed of it.
const COUNTRIES: &str = include_str!("../licences/countries.txt");
/// Debian's, of the musl whose code a Rust toolchain has in it.
const MUSL: &str = include_str!("../licences/musl.txt");

#[cfg(test)]
mod tests {
    use super::*;

    fn within<'a>(texts: &'a [u8], place: &Text) -> &'a str {
        let small = |figure: u64| usize::try_from(figure).expect("small");
        let end = small(place.from + place.bytes);
        std::str::from_utf8(&texts[small(place.from)..end]).expect("UTF-8")
    }

    #[test]
    fn a_text_is_in_the_book_once_and_found_at_its_place() {
        let mut book = Book::default();
        let places = [("A", "first"), ("B", "ação"), ("C", "first")];
        let places = places.map(|(name, text)| book.place(name, text));
        assert_eq!(places, [0, 1, 0]);
        let second = within(book.text.as_bytes(), &book.places[1]);
        assert_eq!(second, "ação");
        assert_eq!(rust_version(&build::workspace()).split('.').count(), 3);
    }

    /// What an image may be made of, as far as it is told; the crates are the real ones.
    fn made_of(folder: &Path) -> (Parts, Ingredients) {
        std::fs::create_dir_all(folder).expect("made");
        let file = |name: &str| {
            let path = folder.join(name);
            std::fs::write(&path, format!("This is {name}.")).expect("written");
            path
        };
        let kernel = crate::kernel::Kernel {
            bz_image: file("vmlinuz"),
            vmlinux: file("vmlinux"),
            modules: folder.to_owned(),
            release: "6.12.117".into(),
            source: "linux-image-6.12 6.12.117-1".into(),
            copyright: file("linux-copyright"),
        };
        let checker = crate::e2fsck::Checker {
            program: file("e2fsck"),
            source: "e2fsck-static 1.47".into(),
            copyright: file("e2fsck-copyright"),
        };
        let ingredients = Ingredients {
            crates: bill::crates(Machine::X86_64).expect("cargo knows"),
            kernel: kernel.source.clone(),
            checker: checker.source.clone(),
            checker_program: checker.program.clone(),
            countries: "tor-geoipdb 0.4.9.11-0+deb12u1".into(),
            countries_table: file("countries"),
        };
        let binaries = crate::cargo::Binaries {
            init: file("init"),
            ramal: file("ramal"),
        };
        let parts = Parts {
            kernel,
            checker,
            binaries,
            mke2fs: None,
            busybox: None,
        };
        (parts, ingredients)
    }

    #[test]
    fn an_image_tells_all_its_parts_with_their_texts_and_every_part_is_in_the_bill() {
        let folder = build::target_folder().join("about-test");
        let (parts, ingredients) = made_of(&folder);
        let of = Of {
            workspace: &build::workspace(),
            base: Base::Debian,
            machine: Machine::X86_64,
            built: 7,
            parts: &parts,
            ingredients: &ingredients,
        };
        let mut root = Root::default();
        add(&mut root, &of).expect("told");
        let told = root.content(&format!("{FOLDER}/{ABOUT}")).expect("a file");
        let told: About = serde_json::from_slice(told).expect("JSON");
        let texts = root.content(&format!("{FOLDER}/{TEXTS}")).expect("a file");
        let text_of = |name: &str| {
            let part = told.parts.iter().find(|it| it.name == name);
            let part = part.unwrap_or_else(|| panic!("no {name}"));
            let text = |place: &u32| {
                let place = usize::try_from(*place).expect("small");
                within(texts, &told.texts[place])
            };
            part.texts.iter().map(text).collect::<String>()
        };
        assert!(text_of("Linux").starts_with("This is linux-copyright."));
        assert!(text_of("IPFire Location database").contains("CC BY-SA"));
        assert!(text_of("e2fsprogs").contains("GNU GENERAL PUBLIC LICENSE"));
        assert!(text_of("wireguard-control").contains("GNU LESSER GENERAL PUBLIC LICENSE"));
        assert!(text_of("libmimalloc-sys").contains("Daan Leijen"));
        let bare = told.parts.iter().filter(|it| it.texts.is_empty());
        let bare: Vec<_> = bare.map(|it| &it.name).collect();
        assert!(bare.len() < told.parts.len() / 10, "{bare:?}");
        let bill = root.content(&format!("{FOLDER}/{BILL}")).expect("a file");
        let bill: serde_json::Value = serde_json::from_slice(bill).expect("JSON");
        let components = bill["components"].as_array().expect("components");
        let data = components.iter().find(|it| it["type"] == "data");
        let data = data.expect("the table of countries");
        assert_eq!(data["licenses"][0]["expression"], "CC-BY-SA-4.0");
        assert_eq!(
            data["purl"],
            "pkg:deb/debian/tor-geoipdb@0.4.9.11-0+deb12u1"
        );
        for part in told.parts.iter().filter(|it| it.source.is_empty()).skip(1) {
            assert!(
                components.iter().any(|it| it["name"] == *part.name),
                "{}",
                part.name
            );
        }
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
