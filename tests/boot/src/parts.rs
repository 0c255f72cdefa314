//! The programs, keys and slots that boxes of the tests are made of.

use std::sync::OnceLock;

use image::cargo::{Profile, build_firmware_programs};
use image::keys::{Keys, Wanted, make};
use image::uki;
use image::{Machine, build, slot_image};
use slot::Text;

use crate::{Failure, folder};

/// What all boxes of a test run share.
pub struct Parts {
    /// The loader, with its keys, not signed for Secure Boot.
    pub loader: Vec<u8>,
    /// What stands in place of a kernel.
    pub payload: Vec<u8>,
    /// What a UKI begins with.
    pub stub: Vec<u8>,
    /// The keys the loader trusts.
    pub keys: Keys,
    /// Keys it does not know.
    pub strangers: Keys,
}

/// Compiles the programs and makes the keys, once.
///
/// # Errors
/// They do not compile.
pub fn parts() -> Result<&'static Parts, Failure> {
    static PARTS: OnceLock<Result<Parts, String>> = OnceLock::new();
    let made = PARTS.get_or_init(|| make_parts().map_err(|error| error.to_string()));
    made.as_ref().map_err(|error| Failure::Other(error.clone()))
}

fn make_parts() -> Result<Parts, Failure> {
    let target = build::target_folder();
    let profile = Profile::of_environment()?;
    let machine = Machine::of_environment()?;
    let programs = build_firmware_programs(&build::workspace(), &target, machine, profile)?;
    let keys = fresh_keys("keys")?;
    let loader = std::fs::read(&programs.loader)?;
    Ok(Parts {
        loader: uki::loader_with_keys(&loader, &keys.set)?,
        payload: std::fs::read(&programs.payload)?,
        stub: std::fs::read(&programs.stub)?,
        keys,
        strangers: fresh_keys("strangers")?,
    })
}

fn fresh_keys(name: &str) -> Result<Keys, Failure> {
    // What a killed run left must not be in the way: keys are never written over.
    let folder = folder(&format!("{name}-{}", std::process::id()))?;
    let keys = make(&folder, &Wanted::development());
    std::fs::remove_dir_all(&folder)?;
    Ok(keys?)
}

impl Parts {
    /// A UKI whose payload ends as `then` says: `reset`, `off` or `return`.
    ///
    /// # Errors
    /// The stub is no program.
    pub fn uki(&self, version: &str, then: &str) -> Result<Vec<u8>, Failure> {
        self.uki_of(&self.payload, version, then)
    }

    /// The same with another kernel in it.
    ///
    /// # Errors
    /// The stub is no program.
    pub fn uki_of(&self, kernel: &[u8], version: &str, then: &str) -> Result<Vec<u8>, Failure> {
        Ok(uki::make(&uki::Parts {
            stub: &self.stub,
            os_release: "ID=ramal\n",
            command_line: &format!("version={version} then={then}\n"),
            initrd: format!("of-{version}").as_bytes(),
            kernel,
        })?)
    }

    /// What goes into a slot; tests change what they are about.
    ///
    /// # Errors
    /// The version is too long.
    pub fn content(&self, version: &str, uki: Vec<u8>) -> Result<slot_image::Content, Failure> {
        Ok(slot_image::Content {
            hardware: Text::new(Machine::of_environment()?.hardware())?,
            version: Text::new(version)?,
            security: 1,
            built: 0,
            uki,
            root: None,
        })
    }

    /// A slot signed by the keys the loader trusts.
    ///
    /// # Errors
    /// The stub is no program.
    pub fn slot(&self, version: &str, then: &str) -> Result<Vec<u8>, Failure> {
        let content = self.content(version, self.uki(version, then)?)?;
        Ok(slot_image::make(&content, &self.keys)?)
    }
}
