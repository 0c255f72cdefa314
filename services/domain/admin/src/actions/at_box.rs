//! What somebody who stands before the box asks for, by the menu on its screen: whoever can reach
//! its keyboard could as well carry it away, so nobody has to sign in for it.

use ipc::init::{Act, Shutdown, Wish};

use super::{firmware, network, people};
use crate::admin::{Admin, Caller};
use crate::http::Peer;
use crate::routes::Face;
use crate::step::{Moment, Step};
use crate::text::Language;

impl Admin {
    /// Does it, and records it. Ends in a status below 300, or with the reason why not; in both
    /// languages that the screen of the box speaks, where there is something to say.
    pub fn at_box(&mut self, moment: &Moment, wish: Wish) -> Step {
        let caller = Caller {
            login: LOGIN.to_owned(),
            peer: Peer::Screen,
            session: None,
            face: Face::Api,
            language: Language::Portuguese,
            said_language: true,
        };
        let act = match wish {
            Wish::Act(act) => act,
            Wish::Install(file) => return firmware::from_stick_now(file, caller),
            Wish::Network(network) => return network::set(network, caller),
        };
        match act {
            Act::NewPassword => people::administrator_anew(self, moment, caller),
            Act::Restart => firmware::end(self, Shutdown::Restart, caller),
            Act::PowerOff => firmware::end(self, Shutdown::PowerOff, caller),
            Act::Rescue => firmware::rescue_now(self, caller),
            Act::Reset => firmware::reset_now(self, caller),
        }
    }
}

/// Who did it, in the audit trail.
const LOGIN: &str = "at the box";
