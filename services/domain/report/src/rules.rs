//! The rules, one module a subject.

mod access;
mod data;
mod exposure;
mod machine;
mod phones;
mod trunks;

use crate::facts::Facts;
use crate::finding::Finding;

/// Every rule, in the order in which people read of what they found.
pub(crate) const ALL: &[fn(&Facts) -> Finding] = &[
    exposure::outside,
    exposure::bans,
    exposure::masquerade,
    exposure::internal_networks,
    exposure::web_reach,
    access::extension_passwords,
    access::remote_extensions,
    access::second_factor,
    access::one_time_passwords,
    access::routes,
    access::blast_radius,
    phones::signalling,
    phones::media,
    trunks::encryption,
    trunks::authentication,
    trunks::service,
    data::backup,
    data::copy,
    data::code,
    data::key,
    data::certificate,
    machine::firmware_age,
    machine::firmware_keys,
    machine::firmware_state,
    machine::secure_boot,
    machine::clock,
    machine::disk,
    machine::services,
    machine::power,
    machine::heat_and_memory,
    machine::address,
];
