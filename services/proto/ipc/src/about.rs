//! What an image says of itself, in files that its builder writes (JSON) and `web` reads.

use serde::{Deserialize, Serialize};

/// The folder in the image.
pub const FOLDER: &str = "/usr/share/licenses";
/// An [`About`] as JSON.
pub const ABOUT: &str = "about.json";
/// All licence texts, one behind the other.
pub const TEXTS: &str = "texts.txt";
/// The bill of materials (CycloneDX, JSON).
pub const BILL: &str = "sbom.cdx.json";

/// What the image is made of.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct About {
    /// Who made kernel and file system programs: `debian`, `buildroot`.
    pub base: String,
    /// The commit of the source, in hex; empty where there is no history.
    pub commit: String,
    /// When that was committed, Unix seconds.
    pub built: u64,
    /// Its parts: our own first, then by name.
    pub parts: Vec<Part>,
    /// The texts in [`TEXTS`], in its order.
    pub texts: Vec<Text>,
}

/// Something of others, or of ours, that is in the image.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Part {
    /// As people call it.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SPDX, or what its makers say; empty where they say nothing but in a text.
    pub licence: String,
    /// Where its source is had; empty for crates, whose source everybody finds by the name.
    pub source: String,
    /// Places in [`About::texts`].
    pub texts: Vec<u32>,
}

/// Where a text lies in [`TEXTS`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Text {
    /// As its file was called: `LICENSE-MIT`.
    pub name: String,
    /// The first byte.
    pub from: u64,
    /// How many.
    pub bytes: u64,
}
