//! What our processes say to each other over Unix sockets.
//!
//! One module a server: [`store`], [`pbx`], [`sound`] (of `media`), [`net`], [`grid`], [`update`],
//! [`stick`], [`init`]; each is a closed `Request` and a closed `Reply`. [`frame`] says how they
//! become bytes. [`about`] is what the builder of the image says to them all.
//! All processes come from one firmware image, so the encoding carries no version; what is kept on
//! disk is the store's own.
//!
//! What this crate must never do: open a socket, or decide who may ask what. The server checks its
//! peer by `SO_PEERCRED` before it reads a byte.

pub mod about;
mod backup;
pub mod capture;
pub mod erasure;
pub mod frame;
pub mod grid;
pub mod guard;
pub mod init;
pub mod install;
pub mod machine;
pub mod masquerade;
pub mod net;
pub mod pbx;
mod prompt;
pub mod provision;
mod redacted;
mod search;
pub mod secure_boot;
pub mod site;
pub mod sound;
pub mod stick;
pub mod store;
pub mod trace;
mod trail;
pub mod update;

pub use redacted::Redacted;
