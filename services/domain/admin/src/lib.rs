//! Who may do what, and what they are shown: an HTTP request in, steps out, a response at the end.
//!
//! What this crate must never do: open a socket, read a clock, draw entropy, hash a password (that
//! is slow and belongs on another thread) or let a secret reach a log line.
//! Read first: [`Admin`], then [`Step`] (what the runtime is asked for on the way to a response)
//! and [`ROUTES`] (every address that exists, with who may use it).
//!
//! A step carries its own continuation. The rejected alternative, a table of half-done requests
//! keyed by number, needs a variant for every point at which a request can wait, and tests that
//! the numbers match; a closure cannot be resumed twice or with the wrong kind of answer.

mod about_view;
mod actions;
mod admin;
mod answers;
mod backup_view;
mod bans_view;
mod calendar;
mod capture_view;
mod certificate;
mod countries_view;
mod danger;
mod dashboard;
mod explain;
mod explain_view;
mod extension_list;
mod fault;
mod fetch;
mod firmware_view;
mod form;
mod gate;
mod grid_view;
mod history_view;
mod http;
mod log_view;
mod masquerade;
mod masquerade_view;
mod network_view;
mod openapi;
mod opened;
mod pages;
mod passkey_json;
mod passkeys;
mod password;
mod permission;
mod person_view;
mod privacy;
mod prompt_view;
mod range;
mod refusals;
mod remote_uses;
mod report_view;
mod routes;
mod second_factor;
mod session;
mod site_file;
mod step;
mod text;
mod throttle;
mod trace_view;
mod trunk_advice;
mod views;
mod ways_in;

pub use about_view::Running;
pub use actions::start::START as START_IS_OVER;
pub use admin::Admin;
pub use calendar::rfc3339;
pub use certificate::{
    CertificateFacts, CertificateFault, CertificateOrder, CertificateState, Chain, SigningRequest,
};
pub use fetch::{Address, FetchFault, FetchOrder, FetchState, Server, Source, StickFault};
pub use gate::News;
pub use guard::Notice;
pub use http::{Body, Event, Method, Peer, Request, Response};
pub use passkeys::COUNTERS as PASSKEY_COUNTERS;
pub use permission::Permission;
pub use remote_uses::REMOTE_USES;
pub use routes::{Access, Face, ROUTES, Route, takes_file};
pub use step::{Away, Check, Machine, Moment, Observation, Step, Then};

#[cfg(test)]
mod tests;
