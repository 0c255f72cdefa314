//! What every parser of bytes from outside must keep to, whatever the bytes.
//!
//! Each target is a plain function that panics when a rule is broken. An ordinary test drives them
//! all with the corpora and seeded mutations; `engine` wraps the same functions for libFuzzer.
//! Read first: [`TARGETS`], then `README.md`.

#![expect(
    clippy::missing_panics_doc,
    reason = "a broken rule panics; that is what they are for"
)]

mod archive;
mod certificate;
mod countries;
mod exchange;
mod firmware;
mod media;
mod mutate;
mod pages;
mod passkey;
mod services;
mod session;
mod wire;

pub use archive::backup_archive;
pub use certificate::certificate;
pub use countries::countries;
pub use exchange::{exchange, kept_rows};
pub use firmware::{partition_table, provisioning, slot_blocks, update_file};
pub use media::{dtmf, opus, playout, rtcp, rtp, srtp, stream, wav};
pub use mutate::Mutator;
pub use pages::pages;
pub use passkey::passkey;
pub use services::{ipc_frames, site};
pub use session::{multipart, sdp, sipfrag, stun};
pub use wire::{digest, sip_headers, sip_message, sip_stream};

/// A parser under test.
pub type Target = fn(&[u8]);

/// Every target under its name, which is also that of its corpus and of its libFuzzer binary.
pub const TARGETS: [(&str, Target); 29] = [
    ("sip_message", sip_message),
    ("sip_stream", sip_stream),
    ("sip_headers", sip_headers),
    ("digest", digest),
    ("multipart", multipart),
    ("sipfrag", sipfrag),
    ("sdp", sdp),
    ("stun", stun),
    ("rtp", rtp),
    ("rtcp", rtcp),
    ("srtp", srtp),
    ("dtmf", dtmf),
    ("playout", playout),
    ("opus", opus),
    ("wav", wav),
    ("ipc_frames", ipc_frames),
    ("site", site),
    ("stream", stream),
    ("exchange", exchange),
    ("kept_rows", kept_rows),
    ("pages", pages),
    ("slot_blocks", slot_blocks),
    ("partition_table", partition_table),
    ("update_file", update_file),
    ("provisioning", provisioning),
    ("backup_archive", backup_archive),
    ("passkey", passkey),
    ("certificate", certificate),
    ("countries", countries),
];
