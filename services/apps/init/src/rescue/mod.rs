//! The rescue system: started by the loader when no slot can be, or when it was asked for.
//!
//! It lies on the ESP beside the loader and has no root of its own. Whoever stands before the box
//! can write a slot anew from a memory stick, take a report away, erase everything, or just start
//! again. Without an answer it starts again by itself: a box that nobody stands before must not
//! wait here for ever.

mod keyboard;
mod menu;
mod report;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use firmware::{
    BootDisk, FirmwareError, Guard, InstallError, Installer, Places, Recovery, RecoveryCode,
    StateFile, Stick, StickFile, keys_of_firmware,
};
use ipc::stick::Offer;
use ipc::update::Refusal;
use kernel::disk::Disk;
use kernel::modules::Modules;
use kernel::{clock, power};
use slot::{BootState, Condition, Guid, HARDWARE, Slot, partition};

use crate::console::Console;
use crate::stage1::find_boot_disk;
use crate::tpm_relay;
use keyboard::Keyboard;
use menu::{Action, LINES, Menu};

/// Runs until the box is started anew or switched off; returns only when the kernel refuses.
pub(crate) fn run(disk: Guid, modules: &mut Modules, console: &mut Console) {
    let disk = find_boot_disk(disk, modules);
    let mut rescue = Rescue {
        disk,
        updates: Vec::new(),
        modules,
        console,
    };
    rescue.show();
    let mut menu = Menu::default();
    let mut keyboard = Keyboard::open();
    let mut answered = clock::since_boot();
    let end = loop {
        let silence = clock::since_boot().saturating_sub(answered);
        let left = PATIENCE.checked_sub(silence);
        let Some(line) = left.and_then(|left| keyboard.line(left)) else {
            break power::End::Restart;
        };
        let action = menu.enter(&line);
        let is_answer = action.is_an_answer();
        match action {
            Action::Restart => break power::End::Restart,
            Action::PowerOff => break power::End::PowerOff,
            action => rescue.carry_out(action),
        }
        if is_answer {
            answered = clock::since_boot();
        }
    };
    rescue.say(match end {
        power::End::Restart => "rescue: restart",
        power::End::PowerOff => "rescue: power off",
    });
    rescue.console.drain();
    power::sync();
    if let Err(error) = power::end(end) {
        rescue.say(&error.to_string());
    }
}

struct Rescue<'a> {
    disk: Option<BootDisk>,
    /// Memory stick and file, as they were last listed.
    updates: Vec<(Disk, String)>,
    modules: &'a mut Modules,
    console: &'a mut Console,
}

impl Rescue<'_> {
    fn say(&mut self, text: &str) {
        self.console.line(&format!("ramal: {text}"));
    }

    fn show(&mut self) {
        self.say("RESCUE / RESGATE");
        match self.state().and_then(|state| state.read()) {
            Ok(state) => {
                for line in report::slots(&state) {
                    self.say(&line);
                }
            }
            Err(error) => self.say(&error.to_string()),
        }
        for line in LINES {
            self.say(line);
        }
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Show | Action::Restart | Action::PowerOff => self.show(),
            Action::ListUpdates => self.list_updates(),
            Action::Install(place) => {
                match self.install(place) {
                    Ok(version) => self.say(&format!(
                        "instalada / installed: {version}. Tecle 1 / press 1"
                    )),
                    Err(error) => self.say(&not_installed(&error)),
                }
                self.show();
            }
            Action::SaveReport => {
                let saved = self.save_report();
                self.say(&saved.unwrap_or_else(|error| error.to_string()));
            }
            Action::AskToErase => self.say(
                "Digite APAGAR para apagar tudo o que foi guardado / \
                 Type ERASE to erase everything that was stored",
            ),
            Action::AskForCode => self.say(
                "Digite o código de recuperação, ou só Enter / \
                 Type the recovery code, or just Enter",
            ),
            Action::NoCode => self.say(
                "São 32 letras e algarismos; confira / It has 32 letters and digits; check it",
            ),
            Action::Recover(code) => match self.recover(&code) {
                Ok(Recovery::Sealed | Recovery::Open(None)) => {
                    self.say("aberto; tecle 1 / opened; press 1");
                }
                Ok(Recovery::Open(Some(error))) => {
                    self.say(&error.to_string());
                    self.say("aberto; tecle 1 / opened; press 1");
                }
                Ok(Recovery::Wrong) => {
                    self.say("não é o código destes dados / it is not the code of these data")
                }
                Err(error) => self.say(&error.to_string()),
            },
            Action::Erase => match self.erase() {
                Ok(()) => self.say("tudo apagado / everything is erased"),
                Err(error) => self.say(&error.to_string()),
            },
        }
    }

    fn disk(&self) -> Result<&BootDisk, FirmwareError> {
        self.disk.as_ref().ok_or(FirmwareError::NoBootDisk)
    }

    fn state(&self) -> Result<StateFile, FirmwareError> {
        StateFile::open(&self.disk()?.device(partition::BOOTSTATE)?)
    }

    /// Memory sticks with a FAT. One that was just put in takes a moment, and its driver too.
    fn sticks(&mut self) -> Vec<(Disk, Stick)> {
        for _ in 0..STICK_LOOKS {
            // Errors were told when the system started.
            let _ = self.modules.load_for_devices();
            let found = self.sticks_now();
            if !found.is_empty() {
                return found;
            }
            std::thread::sleep(STICK_LOOK);
        }
        Vec::new()
    }

    /// Every disk with a FAT but the one of the box.
    fn sticks_now(&self) -> Vec<(Disk, Stick)> {
        let own = self.disk.as_ref().map(BootDisk::name);
        let others = Disk::all().into_iter();
        let others = others.filter(|disk| Some(disk.name.as_str()) != own);
        let open = |disk: Disk| Stick::open(&disk).ok().map(|stick| (disk, stick));
        others.filter_map(open).collect()
    }

    fn list_updates(&mut self) {
        self.updates.clear();
        for (disk, stick) in self.sticks() {
            // As in the running box: what people cannot read is not shown.
            let is_shown = |file: &StickFile| Offer::of(&file.name, file.length).is_some();
            let files = stick.updates().into_iter().filter(is_shown);
            let named = files.map(|file| (disk.clone(), file.name));
            self.updates.extend(named);
        }
        let lines: Vec<String> = (1..)
            .zip(&self.updates)
            .map(|(place, (disk, file))| format!("  {place}  {file} ({})", disk.name))
            .collect();
        for line in lines {
            self.say(&line);
        }
        self.say(match self.updates.is_empty() {
            true => {
                "nenhum arquivo .update em um pen drive FAT / no .update file on a FAT USB stick"
            }
            false => "Número do arquivo, ou 0 / number of the file, or 0",
        });
    }

    fn install(&mut self, place: usize) -> Result<String, InstallError> {
        let chosen = place.checked_sub(1).and_then(|it| self.updates.get(it));
        let (disk, file) = chosen.cloned().ok_or(FirmwareError::NoSuchFile)?;
        let stick = Stick::open(&disk)?;
        let mut installer = Installer::new(Arc::new(self.places()?), HARDWARE)?;
        let mut told = 0;
        while let Some(next) = installer.next() {
            let mut piece = vec![0; PIECE];
            let read = stick.read(&file, next, &mut piece);
            let read = read.map_err(|source| FirmwareError::Device {
                path: disk.path(),
                source,
            })?;
            if read == 0 {
                return Err(update::Refusal::Damaged("it ends too soon").into());
            }
            installer.take(next, piece.get(..read).unwrap_or_default())?;
            let (done, length) = installer.progress();
            let percent = done.saturating_mul(100) / length.max(1);
            if percent >= told + 10 {
                told = percent;
                self.say(&format!("{percent} %"));
            }
        }
        let manifest = installer.manifest();
        Ok(manifest.map_or_else(String::new, |it| it.version.clone()))
    }

    /// The slot that is written is one that did not prove good; when both did, the one that is not
    /// started first.
    fn places(&self) -> Result<Places, FirmwareError> {
        let state = self.state()?;
        let kept = kept(&state.read()?);
        let disk = self.disk()?;
        let open = |slot, writable| {
            let path = disk.device(partition::of_slot(slot))?;
            let mut options = std::fs::OpenOptions::new();
            let file = options.read(true).write(writable).open(&path);
            file.map_err(|source| FirmwareError::Device { path, source })
        };
        Ok(Places {
            running: kept,
            source: open(kept, false)?,
            target: open(kept.other(), true)?,
            state,
            keys: keys_of_firmware(Path::new("/etc/ramal/keys"))?,
            guard: Guard::Rescue,
            // There are no programs that run to begin with.
            patcher: None,
        })
    }

    fn erase(&self) -> Result<(), FirmwareError> {
        let state = self.state()?;
        // First the wish, so that what the power interrupts is done at the next start.
        state.change(|state| state.wants_reset = true)?;
        state.reset_when_asked().map(drop)
    }

    /// Where there is a TPM it keeps the key again.
    fn recover(&self, code: &RecoveryCode) -> Result<Recovery, FirmwareError> {
        let state = self.state()?;
        state.recover_key(code, |need| tpm_relay::find(need, &|| ()))
    }

    fn save_report(&mut self) -> Result<String, FirmwareError> {
        let state = self.state().and_then(|state| state.read());
        let text = report::text(&state);
        let first = self.sticks().into_iter().next();
        let (_, stick) = first.ok_or(FirmwareError::NoStick)?;
        let name = stick.name().to_owned();
        let path = || Path::new("/dev").join(&name);
        let failed = |source| FirmwareError::Device {
            path: path(),
            source,
        };
        stick
            .write(REPORT, text.as_bytes())
            .and_then(|()| stick.close())
            .map_err(failed)?;
        Ok(format!("{REPORT}: {name}"))
    }
}

/// Why an update was not installed, in both languages of the screen.
fn not_installed(error: &InstallError) -> String {
    let refusal = match error {
        // There is nobody whom a chunk could be asked for again.
        InstallError::Refused(update::Refusal::ChunkDamaged { .. }) => Refusal::Damaged,
        InstallError::Firmware(FirmwareError::NoSuchFile) => {
            return "não há esse arquivo / there is no such file".to_owned();
        }
        // Which disk it is, and what it says.
        InstallError::Firmware(error) => return error.to_string(),
        error => Refusal::from(error),
    };
    format!("{} / {}", refusal.portuguese(), refusal.english())
}

/// The slot that is not written.
fn kept(state: &BootState) -> Slot {
    let is_good = |slot: Slot| matches!(state.slot(slot).condition, Condition::Good(_));
    match (is_good(Slot::A), is_good(Slot::B)) {
        (true, false) => Slot::A,
        (false, true) => Slot::B,
        (true, true) | (false, false) => state.preferred,
    }
}

/// How long nobody may answer.
const PATIENCE: Duration = Duration::from_secs(600);

/// How often a stick is looked for, and how long between two looks.
const STICK_LOOKS: u32 = 30;
const STICK_LOOK: Duration = Duration::from_millis(100);

/// Read from the stick at once.
const PIECE: usize = 256 * 1024;

const REPORT: &str = "ramal-report.txt";

/// Milliseconds since the kernel started, for the report.
fn uptime_millis() -> u128 {
    clock::since_boot().as_millis()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_proved_good_is_not_written_over() {
        let mut state = BootState::shipped();
        assert_eq!(kept(&state), Slot::A);
        state.finish_install(Slot::B);
        state.commit(Slot::B, 0, 0);
        state.leave(Slot::B, slot::Reason::RootDamaged, 0);
        assert_eq!(kept(&state), Slot::B);
        state.finish_install(Slot::A);
        assert_eq!(kept(&state), Slot::B);
    }

    #[test]
    fn why_an_update_is_refused_is_said_in_both_languages() {
        let check = |error: InstallError, portuguese: &str, english: &str| {
            let said = not_installed(&error);
            assert!(
                said.contains(portuguese) && said.contains(english),
                "{said}"
            );
        };
        let refused = |refusal| InstallError::Refused(refusal);
        check(
            refused(update::Refusal::TooOld {
                version: "1.4.0".into(),
                offered: 2,
                floor: 3,
            }),
            "a versão 1.4.0 é mais antiga",
            "version 1.4.0 is older",
        );
        let chunk = update::Refusal::ChunkDamaged { index: 7 };
        check(
            refused(chunk),
            "danificado; baixe-o de novo",
            "damaged; fetch it again",
        );
        check(
            FirmwareError::NoSuchFile.into(),
            "não há esse arquivo",
            "no such file",
        );
        let disk = FirmwareError::NoBootDisk;
        assert_eq!(
            not_installed(&disk.into()),
            FirmwareError::NoBootDisk.to_string()
        );
    }
}
