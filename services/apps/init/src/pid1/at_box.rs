//! What people who stand before the box type, and what they ask for.
//!
//! The web admin carries it out: it has the audit trail, and does the same for people who have
//! signed in. Only where it is away the box is started again without it, as the power button would.

use config::StaticNetwork;
use ipc::init::{Act, Deed, Presence, Reply, SecureBoot, StickFile, Wish};
use slot::BootState;
use supervise::Shutdown;

use super::control::State;
use super::install;
use super::{Source, Supervision};
use crate::boot::Firmware;
use crate::screen::{Choices, Keys, Step, name};

impl Supervision {
    /// Takes what was typed; whether more can come from there.
    pub(super) fn hear_keys(&mut self, keys: &mut Keys) -> bool {
        let Some(lines) = keys.lines() else {
            return false;
        };
        for line in lines {
            if self.hear_recovery_code(&line) {
                continue;
            }
            let now = self.now();
            let firmware = self.boot.firmware.as_ref();
            let find = || Choices {
                disks: install::candidates(firmware),
                files: self.sticks.files().to_vec(),
                network: self.presence.network().cloned(),
                offers_enrolment: self.enrolment.state() == SecureBoot::Offered,
            };
            let (shown, step) = self.screen.enter(&line, now, find);
            self.write_on_serial(&shown);
            match step {
                Step::Nothing | Step::Show => {}
                Step::Do(act) => self.carry_out_at_box(act),
                Step::Install(number) => {
                    if let Some(chosen) = self.screen.chosen(number) {
                        self.install_on(&chosen);
                    }
                }
                Step::Enrol => self.enrol(),
                Step::Cancel => self.cancel_installation(),
                Step::Update(file) => self.update_from_stick(file),
                Step::Network(network) => self.set_network(network),
            }
        }
        true
    }

    /// Lines for people on the serial line, marked as what is not a log. The monitor has them in a
    /// place of their own.
    pub(super) fn write_on_serial(&mut self, lines: &[String]) {
        for line in lines {
            self.console.serial_line(&format!("screen: {line}"));
        }
    }

    /// A line for whoever stands there.
    pub(super) fn say(&mut self, text: &str) {
        self.write_on_serial(&[text.to_owned()]);
    }

    fn carry_out_at_box(&mut self, act: Act) {
        self.say(name(act));
        self.tell(&format!("asked at the box: {}", word(act)));
        if self.hand_to_attendant(Wish::Act(act)) {
            return;
        }
        let outcome = match act {
            Act::NewPassword => {
                self.say_web_is_away();
                return;
            }
            Act::Restart | Act::PowerOff => Ok("none"),
            Act::Rescue => self.change_state(|_: &Firmware, state: &mut BootState| {
                state.wants_rescue = true;
            }),
            Act::Reset => self.change_state(|_: &Firmware, state: &mut BootState| {
                state.wants_reset = true;
            }),
        };
        let how = match act {
            Act::PowerOff => Shutdown::PowerOff,
            Act::NewPassword | Act::Restart | Act::Rescue | Act::Reset => Shutdown::Restart,
        };
        match outcome {
            Ok(_) => self.shut_down(how, "asked at the box, without the web admin"),
            Err(error) => self.tell(&error.to_string()),
        }
    }

    fn update_from_stick(&mut self, file: StickFile) {
        let name = &file.offer.file;
        self.tell(&format!(
            "asked at the box: install {name} from {}",
            file.disk
        ));
        if !self.hand_to_attendant(Wish::Install(file)) {
            self.say_web_is_away();
        }
    }

    fn set_network(&mut self, network: Option<StaticNetwork>) {
        let network = network.map(|it| it.to_text());
        let wanted = network.as_deref().unwrap_or("DHCP");
        self.tell(&format!("asked at the box: network {wanted}"));
        if !self.hand_to_attendant(Wish::Network(network)) {
            self.say_web_is_away();
        }
    }

    /// On both places of the page: nothing was done.
    fn say_web_is_away(&mut self) {
        self.say(WEB_AWAY);
        self.presence.take(Presence::Notice(WEB_AWAY.to_owned()));
    }

    /// Has it recorded, as soon as there is somebody who can.
    pub(super) fn record(&mut self, deed: Deed) {
        if self.unrecorded.is_empty() && self.hand_to_attendant(Wish::Record(deed.clone())) {
            return;
        }
        // The log has all of it.
        if self.unrecorded.len() < UNRECORDED_MAX {
            self.unrecorded.push_back(deed);
        }
    }

    /// Whether there is somebody who carries it out, and it has been sent there.
    fn hand_to_attendant(&mut self, wish: Wish) -> bool {
        let source = self.attendant.and_then(|it| self.sources.get_mut(&it));
        let Some(Source::Connection(connection)) = source else {
            return false;
        };
        // A line is a few bytes: one that does not take them at once reads nothing any more.
        connection.reply(&Reply::AtBox(wish)) == State::Open
    }
}

/// Beginnings and ends of what a person can begin once a minute.
const UNRECORDED_MAX: usize = 32;

const WEB_AWAY: &str = "nada foi feito: o serviço web não está pronto / \
                        nothing was done: the web service is not ready";

const fn word(act: Act) -> &'static str {
    match act {
        Act::NewPassword => "a new administrator password",
        Act::Restart => "a restart",
        Act::Rescue => "the rescue system",
        Act::Reset => "a factory reset",
        Act::PowerOff => "to be switched off",
    }
}
