//! What somebody who stands before the box asks for, by the menu on its screen: whoever can reach
//! its keyboard could as well carry it away, so nobody has to sign in for it.

use ipc::init::{Act, InstallStage, Installation, Shutdown, Wish};

use super::{firmware, network, people};
use crate::admin::{Admin, Caller};
use crate::http::{Peer, Response};
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
            Wish::Record(installation) => return record(self, installation, &caller),
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

/// PID 1 does it by itself, whether it is recorded or not: the disk is none of this box's.
fn record(admin: &mut Admin, installation: Installation, caller: &Caller) -> Step {
    let action = match &installation.stage {
        InstallStage::Begun => "installation on another disk begun".to_owned(),
        InstallStage::Made(version) => format!("firmware {version} installed on another disk"),
        InstallStage::Failed(word) => format!("installation on another disk failed: {word}"),
        InstallStage::Cancelled => "installation on another disk cancelled".to_owned(),
    };
    let tenths = installation.bytes / 100_000_000;
    let disk = format!(
        "{}, {}.{} GB, model {:?}, serial number {:?}",
        installation.disk,
        tenths / 10,
        tenths % 10,
        installation.model,
        installation.serial
    );
    let audit = caller.audit(action, String::new(), disk);
    admin.record(audit, |_, _| Step::Respond(Response::empty(204)))
}

/// Who did it, in the audit trail.
const LOGIN: &str = "at the box";
