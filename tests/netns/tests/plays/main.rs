//! What is played here, against the services in a namespace, and by `office` of the crate `e2e`
//! against the built image.
#![expect(clippy::expect_used, reason = "a test may panic to fail")]

use ipc::site::Site;
use netns::{EXTENSIONS, Office};

mod baresip;
mod calls;
mod digest;
mod features;
mod guessing;
mod outside;
mod patience;
mod survival;
mod transfer;
mod trunk;

fn office(arrange: impl FnOnce(&mut Site)) -> Office {
    office_of(EXTENSIONS, arrange)
}

fn office_of(extensions: usize, arrange: impl FnOnce(&mut Site)) -> Office {
    Office::with_extensions(extensions, arrange).expect("an office")
}

/// Whether what waits for half a minute is played: here it is.
const fn has_patience() -> bool {
    true
}
