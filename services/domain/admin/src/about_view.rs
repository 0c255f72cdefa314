//! What the box runs and what that is made of, as programs and pages see it.

use ipc::about::{About, Part};
use schemars::JsonSchema;
use serde::Serialize;

use crate::calendar::rfc3339;

/// The image that runs, as it says of itself and as the kernel knows it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Running {
    /// What the image says of its parts; `None` where the programs run without one.
    pub about: Option<About>,
    /// The kernel's release.
    pub kernel: String,
    /// The hash by which the kernel verifies what it reads of the image, in hex: no two images
    /// have the same. Empty where nothing is verified.
    pub build: String,
}

/// Product, version and parts.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct AboutView {
    pub(crate) product: &'static str,
    pub(crate) version: String,
    /// Who made kernel and file system programs: `debian`, `buildroot`. Empty where there is no
    /// image.
    pub(crate) base: String,
    /// The hash of the image, in hex.
    pub(crate) build: String,
    /// The commit of the source, in hex.
    pub(crate) commit: String,
    /// When that was committed.
    pub(crate) built: Option<String>,
    /// The release of the kernel that runs.
    pub(crate) kernel: String,
    /// Everything in the image, our own first.
    pub(crate) parts: Vec<PartView>,
}

/// A part of the image.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PartView {
    pub(crate) name: String,
    pub(crate) version: String,
    /// SPDX, or what its makers say.
    pub(crate) licence: String,
    /// Where its source is had; empty for crates, which crates.io has.
    pub(crate) source: String,
    pub(crate) texts: Vec<TextView>,
}

/// A licence text.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TextView {
    /// As its file was called.
    pub(crate) name: String,
    /// What `GET /api/about/licences/{text}` knows it by.
    pub(crate) text: u32,
}

impl AboutView {
    pub(crate) fn new(version: &str, running: &Running) -> Self {
        let about = running.about.clone().unwrap_or_default();
        let seconds = i64::try_from(about.built).ok().filter(|it| *it > 0);
        let parts = about.parts.iter().map(|part| PartView::new(part, &about));
        Self {
            product: "Ramal",
            version: version.to_owned(),
            build: running.build.clone(),
            commit: about.commit.clone(),
            built: seconds.map(|it| rfc3339(it.saturating_mul(1000))),
            kernel: running.kernel.clone(),
            parts: parts.collect(),
            base: about.base,
        }
    }
}

impl PartView {
    fn new(part: &Part, about: &About) -> Self {
        let text = |place: &u32| {
            let found = about.texts.get(usize::try_from(*place).ok()?)?;
            let (name, text) = (found.name.clone(), *place);
            Some(TextView { name, text })
        };
        Self {
            name: part.name.clone(),
            version: part.version.clone(),
            licence: part.licence.clone(),
            source: part.source.clone(),
            texts: part.texts.iter().filter_map(text).collect(),
        }
    }
}
