//! Phones around an engine in virtual time: no sockets, no clock.

mod conversion;
mod digits;
mod outside;
mod playing;
mod relaying;
mod secrecy;
mod site;
