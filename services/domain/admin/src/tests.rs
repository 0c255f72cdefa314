//! The whole of `admin` against a small world in memory: no socket, no clock, no hashing.

mod access;
mod at_box;
mod backups;
mod danger;
mod dashboard;
mod extension_list;
mod firmware;
mod forms;
mod grid;
mod history;
mod markup;
mod numbers;
mod openapi;
mod people;
mod proof;
mod recordings;
mod recovery_code;
mod roles;
mod second_factor;
mod signing_in;
mod site;
mod site_file;
mod telephony;
mod tokens;
mod trail;
mod world;
