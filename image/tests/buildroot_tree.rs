//! What can be told of the Buildroot tree without Buildroot: a line with a misspelt symbol, or a
//! pin that one file has and another has not, fails here and not in a release build.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use image::Machine;
use image::buildroot::{Variant, external, fits, lock, run, settings, symbols};
use sha2::{Digest, Sha256};

fn text(path: &str) -> String {
    fs::read_to_string(external().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn every_symbol_of_buildroot_that_the_tree_names_is_in_the_committed_list() {
    let listed: BTreeSet<String> = symbols::list("symbols.list").unwrap().into_keys().collect();
    let used = symbols::used().unwrap();
    assert!(used.len() > 20, "only {} symbols were found", used.len());
    assert_eq!(used, listed, "run `cargo image buildroot symbols`");
}

#[test]
fn every_symbol_of_the_kernel_that_a_fragment_sets_is_in_the_committed_list() {
    let listed = symbols::list(symbols::KERNEL_LIST).unwrap();
    let used = symbols::used_of_kernel().unwrap();
    assert!(used.len() > 300, "only {} symbols were found", used.len());
    let listed: BTreeSet<String> = listed.into_keys().collect();
    assert_eq!(used, listed, "run `cargo image buildroot symbols`");
}

#[test]
fn every_value_in_a_defconfig_is_of_its_symbol_s_type() {
    let kinds = symbols::list("symbols.list").unwrap();
    for variant in Variant::ALL {
        let name = variant.defconfig();
        for setting in settings(&text(&format!("configs/{name}"))) {
            if setting.symbol.starts_with("BR2_PACKAGE_RAMAL") {
                continue;
            }
            let kind = &kinds[&setting.symbol];
            assert!(
                fits(kind, setting.value.as_deref()),
                "{name}: {}",
                setting.line()
            );
        }
    }
}

#[test]
fn every_value_in_a_kernel_fragment_is_of_its_symbol_s_type_and_none_is_a_module() {
    let kinds = symbols::list(symbols::KERNEL_LIST).unwrap();
    for file in symbols::fragments() {
        let fragment = fs::read_to_string(&file).unwrap();
        for setting in settings(&fragment) {
            let kind = &kinds[&setting.symbol];
            let line = setting.line();
            assert!(
                fits(kind, setting.value.as_deref()),
                "{}: {line}",
                file.display()
            );
        }
    }
}

#[test]
fn every_line_of_a_fragment_is_a_setting_or_a_comment_in_words() {
    for file in symbols::fragments() {
        for line in fs::read_to_string(&file).unwrap().lines() {
            let is_setting = settings(line).len() == 1;
            let is_words = line.is_empty() || (line.starts_with("# ") && !line.contains("CONFIG_"));
            assert!(is_setting || is_words, "{}: {line}", file.display());
        }
    }
}

#[test]
fn no_symbol_is_set_by_two_fragments_of_a_machine() {
    for machine in Machine::ALL {
        let mut places = BTreeMap::new();
        for file in run::kernel_fragments(machine) {
            for setting in settings(&fs::read_to_string(&file).unwrap()) {
                let before = places.insert(setting.symbol.clone(), file.clone());
                assert_eq!(
                    before,
                    None,
                    "{} is also in {}",
                    setting.symbol,
                    file.display()
                );
            }
        }
    }
}

#[test]
fn each_defconfig_names_exactly_the_fragments_that_are_checked_after_the_build() {
    for variant in Variant::ALL {
        let config = settings(&text(&format!("configs/{}", variant.defconfig())));
        let value = |symbol: &str| {
            let found = config.iter().find(|setting| setting.symbol == symbol);
            let value = found.and_then(|setting| setting.value.clone()).unwrap();
            value.trim_matches('"').to_owned()
        };
        let base = value("BR2_LINUX_KERNEL_CUSTOM_CONFIG_FILE");
        let more = value("BR2_LINUX_KERNEL_CONFIG_FRAGMENT_FILES");
        let named: Vec<_> = [base.as_str()]
            .into_iter()
            .chain(more.split(' '))
            .map(|file| file.replace("$(BR2_EXTERNAL_RAMAL_PATH)", external().to_str().unwrap()))
            .collect();
        let checked: Vec<_> = run::kernel_fragments(variant.machine)
            .iter()
            .map(|file| file.display().to_string())
            .collect();
        assert_eq!(named, checked, "{}", variant.defconfig());
    }
}

#[test]
fn no_production_configuration_has_a_shell() {
    for variant in Variant::ALL.into_iter().filter(|variant| !variant.debug) {
        let config = text(&format!("configs/{}", variant.defconfig()));
        assert!(config.contains("\nBR2_SYSTEM_BIN_SH_NONE=y\n"));
        assert!(config.contains("\n# BR2_PACKAGE_BUSYBOX is not set\n"));
        assert!(!config.contains("BR2_PACKAGE_RAMAL_DEBUG_SHELL=y"));
        assert!(config.contains("\nBR2_DOWNLOAD_FORCE_CHECK_HASHES=y\n"));
        assert!(config.contains("\nBR2_REPRODUCIBLE=y\n"));
    }
}

#[test]
fn the_lock_the_hash_files_and_the_makefiles_pin_the_same_sources() {
    let lock = lock::load().unwrap();
    let name = |to: &str| to.rsplit('/').next().unwrap().to_owned();
    let kernel = name(&lock.kernel.to);
    let pinned = |sha256: &str, file: &str| format!("sha256  {sha256}  {file}\n");
    let hashes = text("patches/linux/linux.hash");
    assert!(hashes.contains(&pinned(&lock.kernel.to_sha256, &kernel)));
    assert!(text("offline/local.mk").contains(&format!("LINUX_SOURCE := {kernel}\n")));
    let version = lock.kernel.kernel_version();
    let line = format!("\nBR2_LINUX_KERNEL_CUSTOM_VERSION_VALUE=\"{version}\"\n");
    for variant in Variant::ALL {
        assert!(text(&format!("configs/{}", variant.defconfig())).contains(&line));
    }
    let places = BTreeMap::from([
        ("e2fsprogs", "package/ramal-e2fsprogs/ramal-e2fsprogs.hash"),
        ("libzstd", "patches/zstd/zstd.hash"),
    ]);
    for source in &lock.source {
        // Buildroot has busybox's hash itself.
        if let Some(place) = places.get(source.package.as_str()) {
            let line = pinned(&source.sha256, &name(&source.to));
            assert!(text(place).contains(&line), "{place} lacks {line}");
        }
    }
}

#[test]
fn our_package_has_the_workspace_s_version_and_licence() {
    let version = format!("\nRAMAL_VERSION = {}\n", env!("CARGO_PKG_VERSION"));
    assert!(text("package/ramal/ramal.mk").contains(&version));
    let licence = fs::read(external().join("../LICENSE")).unwrap();
    let line = format!(
        "sha256  {}  LICENSE\n",
        hex::encode(Sha256::digest(licence))
    );
    assert!(text("package/ramal/ramal.hash").contains(&line));
}

#[test]
fn the_kernel_of_both_bases_is_of_one_version() {
    let lock = lock::load().unwrap();
    let debian = fs::read_to_string(external().join("../image/kernel.lock")).unwrap();
    let version = lock.kernel.kernel_version();
    assert!(
        debian.contains(&format!("linux-image-{version}+deb")),
        "image/kernel.lock pins another version than {version}"
    );
}
