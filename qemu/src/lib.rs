//! The lab: a box in QEMU on a small network of its own, with real phones.
//!
//! What this crate must never do: leave a process, namespace, mount or file behind; send a packet
//! anywhere but loopback and the namespaces it made; keep a password in a file.

pub mod accelerate;
pub mod box_api;
pub mod check;
pub mod desk;
pub mod disk;
pub mod forward;
pub mod hardware;
pub mod hub;
pub mod interrupt;
pub mod lab;
pub mod lan;
pub mod leftovers;
pub mod machine;
pub mod matrix;
pub mod netns;
pub mod office;
pub mod phone;
pub mod privilege;
pub mod probe;
pub mod process;
pub mod qmp;
pub mod questions;
pub mod screen;
pub mod serial;
pub mod sound;
pub mod suite;
pub mod talk;
pub mod tpm;
pub mod up;
pub mod upload;
