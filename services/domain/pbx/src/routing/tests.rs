//! What is carried out of a decision.

use std::sync::Arc;

use ipc::Redacted;
use ipc::site::{Destination, Route, Trunk, TrunkAccess};
use sansio::{Entropy, Rng};

use super::*;
use crate::scripted::{REALM, site};

/// An exchange whose parked calls go to this number outside, which may ask for a PIN.
fn parking(pin: bool) -> Core {
    let mut core = Core::new(Rng::from_seed(3), Entropy::new([3; 32]));
    let site = site(|raw| {
        raw.trunks = vec![Trunk {
            name: "line".to_owned(),
            access: TrunkAccess::Peer {
                server: "192.0.2.1".to_owned(),
                networks: vec!["192.0.2.1/32".to_owned()],
            },
            ..Trunk::default()
        }];
        raw.routes = vec![Route {
            name: "out".to_owned(),
            pattern: "190X.".to_owned(),
            destinations: vec![Destination::Trunk("line".to_owned())],
            pin,
            ..Route::default()
        }];
        raw.parking.to_parker = false;
        raw.parking.otherwise = Some(Destination::Number("190100".to_owned()));
        let pin = config::pin_hash("100", REALM, "4711");
        raw.extensions[0].settings.pin_hash = Redacted::new(pin);
    });
    core.configure(1, Arc::new(site));
    core
}

/// F7: whoever parks a call cannot have it go where he would have to enter a PIN.
#[test]
fn a_parked_call_does_not_go_on_by_a_route_that_asks_for_a_pin() {
    let stages = |pin| {
        let core = parking(pin);
        parked_plan(&core, &Usage::default(), "100").stages.len()
    };
    assert_eq!((stages(false), stages(true)), (1, 0));
}
