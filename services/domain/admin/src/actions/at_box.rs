//! What somebody who stands before the box asks for, by the menu on its screen: whoever can reach
//! its keyboard could as well carry it away, so nobody has to sign in for it.

use ipc::init::{Act, Deed, EnrolStage, InstallStage, Installation, Shutdown, Wish};

use super::{firmware, network, people};
use crate::admin::{Admin, Caller};
use crate::http::{Peer, Response};
use crate::opened::Opened;
use crate::permission::Permissions;
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
            token: None,
            permissions: Permissions::ALL,
            is_sure: true,
            has_said_password: true,
            confirms_by_passkey: false,
            must_enrol: false,
            has_clock: self.believed(moment.wall).is_some(),
            form: None,
            face: Face::Api,
            opened: Opened::of(None, &self.names()),
            language: Language::Portuguese,
            said_language: true,
            seen: None,
            reason: String::new(),
            trail: None,
        };
        let act = match wish {
            Wish::Act(act) => act,
            Wish::Install(file) => return firmware::from_stick_now(file, caller),
            Wish::Network(network) => return network::set(network, caller),
            Wish::Record(deed) => return record(self, deed, &caller),
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

/// PID 1 does it by itself, whether it is recorded or not.
fn record(admin: &mut Admin, deed: Deed, caller: &Caller) -> Step {
    let (action, after) = match &deed {
        Deed::Installation(installation) => installed(installation),
        Deed::Enrolment(stage) => enrolled(stage),
        Deed::SecureBoot { is_on } => found(*is_on),
    };
    let mut audit = caller.audit(action, String::new(), after);
    if let Deed::SecureBoot { .. } = deed {
        // Whoever has changed it did so in the setup of the machine.
        BOX_ITSELF.clone_into(&mut audit.who);
    }
    admin.record(audit, |_, _| Step::Respond(Response::empty(204)))
}

/// The machine is given the keys of this box, for Secure Boot: nothing but its setup undoes that.
fn enrolled(stage: &EnrolStage) -> (String, String) {
    let (action, why) = match stage {
        EnrolStage::Asked => ("Secure Boot with this box's keys asked for", String::new()),
        EnrolStage::Done => (
            "Secure Boot: the machine has this box's keys",
            String::new(),
        ),
        EnrolStage::Failed(why) => ("Secure Boot: the machine has not got the keys", why.clone()),
    };
    (action.to_owned(), why)
}

/// What the machine starts is another than at an earlier start.
fn found(is_on: bool) -> (String, String) {
    let action = match is_on {
        true => "Secure Boot found on",
        false => "Secure Boot found off, and was on",
    };
    (action.to_owned(), String::new())
}

/// The disk is none of this box's.
fn installed(installation: &Installation) -> (String, String) {
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
    (action, disk)
}

/// Who did it, in the audit trail.
const LOGIN: &str = "at the box";
/// Who has found it.
const BOX_ITSELF: &str = "the box";
