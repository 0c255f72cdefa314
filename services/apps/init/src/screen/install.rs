//! Installing on another disk: which disks there are, how far it is, how it ended.

use disks::{Disk, Pace, Refusal};
use ipc::install::{Failure, Phase, Report};
use sansio::Instant;

/// A disk of the machine besides the one the box runs from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Candidate {
    pub(crate) disk: Disk,
    /// Why it cannot be chosen.
    pub(crate) refusal: Option<Refusal>,
}

impl Candidate {
    /// As people know it: name, size, bus, model, serial number.
    pub(super) fn description(&self) -> String {
        let disk = &self.disk;
        let serial = match disk.serial.as_str() {
            "" => String::new(),
            serial => format!("n/s {serial}"),
        };
        let tenths = disk.bytes / 100_000_000;
        let size = format!("{}.{} GB", tenths / 10, tenths % 10);
        let words = [&disk.name, &size, disk.bus, &disk.model, &serial];
        let words = words.into_iter().filter(|it| !it.is_empty());
        let text = words.collect::<Vec<_>>().join("  ");
        text.chars().take(DESCRIPTION_MAX).collect()
    }
}

/// The disks to choose from, those that may be chosen with their numbers.
pub(super) fn choices(disks: &[Candidate]) -> Vec<String> {
    let mut number = 0;
    let line = |it: &Candidate| {
        let description = it.description();
        match &it.refusal {
            Some(refusal) => format!("  -  {description}: {}", reason(refusal)),
            None => {
                number += 1;
                format!("  {number}  {description}")
            }
        }
    };
    disks.iter().map(line).collect()
}

/// The disk with this number.
pub(super) fn chosen(disks: &[Candidate], number: usize) -> Option<&Candidate> {
    let mut suitable = disks.iter().filter(|it| it.refusal.is_none());
    suitable.nth(number.checked_sub(1)?)
}

const fn reason(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::System(_) | Refusal::Mounted(_) | Refusal::Swap(_) | Refusal::Held(_) => {
            "em uso / in use"
        }
        Refusal::ReadOnly => "protegido contra gravação / write protected",
        Refusal::TooSmall { .. } => "pequeno demais / too small",
        Refusal::HoldsImage => "contém a imagem / holds the image",
    }
}

/// An installation that was begun.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Work {
    disk: String,
    /// The phase and since when; none before the first report.
    phase: Option<(Phase, Instant)>,
    now: Instant,
    done: u64,
    total: u64,
    /// Tenths of the phase that the serial line has heard of.
    told: u64,
    outcome: Option<Outcome>,
}

/// How an installation ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// The disk is a box with this version.
    Made(String),
    /// It is none.
    Failed(Failure),
    /// Somebody ended it.
    Cancelled,
}

impl Work {
    pub(crate) fn new(candidate: &Candidate, now: Instant) -> Self {
        Self {
            disk: candidate.description(),
            phase: None,
            now,
            done: 0,
            total: 0,
            told: 0,
            outcome: None,
        }
    }

    /// Takes a report; whether the serial line should hear of it.
    pub(crate) fn take(&mut self, report: Report, now: Instant) -> bool {
        match report {
            Report::At { phase, done, total } => {
                let is_new = self.phase.is_none_or(|(before, _)| before != phase);
                if is_new {
                    self.phase = Some((phase, now));
                    self.told = 0;
                }
                (self.now, self.done, self.total) = (now, done, total);
                let tenths = done.saturating_mul(10) / total.max(1);
                let is_due = tenths > self.told;
                self.told = self.told.max(tenths);
                is_due
            }
            Report::Made(version) => self.end(Outcome::Made(version)),
            Report::Failed(failure) => self.end(Outcome::Failed(failure)),
        }
    }

    /// It has ended, one way or the other; the first word counts.
    pub(crate) fn end(&mut self, outcome: Outcome) -> bool {
        let is_first = self.outcome.is_none();
        self.outcome.get_or_insert(outcome);
        is_first
    }

    pub(crate) const fn is_over(&self) -> bool {
        self.outcome.is_some()
    }

    /// What is shown in the place of the page.
    pub(super) fn lines(&self) -> Vec<String> {
        let head = format!("{NAME}: {}", self.disk);
        match &self.outcome {
            None => vec![head, self.progress(), CANCEL_HINT.to_owned()],
            Some(outcome) => {
                let text = match outcome {
                    Outcome::Made(version) => {
                        return vec![head, format!("{MADE} ({version})"), NEXT.to_owned()];
                    }
                    Outcome::Failed(failure) => failed(*failure),
                    Outcome::Cancelled if self.is_untouched() => CANCELLED_BEFORE,
                    Outcome::Cancelled => CANCELLED,
                };
                vec![head, text.to_owned(), BACK.to_owned()]
            }
        }
    }

    /// Whether nothing was written to the disk yet: its first report tells that it begins to.
    const fn is_untouched(&self) -> bool {
        matches!(self.phase, None | Some((Phase::Check, _)))
    }

    /// How far, how fast, how long.
    pub(super) fn progress(&self) -> String {
        let Some((phase, since)) = self.phase else {
            return "começando / beginning".to_owned();
        };
        let what = match phase {
            Phase::Check => "conferindo o firmware / checking the firmware",
            Phase::Write => "gravando / writing",
            Phase::Verify => "relendo / reading back",
        };
        let percent = self.done.saturating_mul(100) / self.total.max(1);
        let Some(pace) = Pace::of(self.done, self.total, self.now - since) else {
            return format!("{what} {percent} %");
        };
        let tenths = pace.bytes_per_second / 100_000;
        format!(
            "{what} {percent} %, {}.{} MB/s, {}:{:02} restantes / left",
            tenths / 10,
            tenths % 10,
            pace.seconds_left / 60,
            pace.seconds_left % 60
        )
    }
}

/// Whether a line ends an installation.
pub(super) fn is_cancel(line: &str) -> bool {
    CANCEL.contains(&line.trim())
}

const fn failed(failure: Failure) -> &'static str {
    match failure {
        Failure::NotSound => {
            "A versão em uso ainda não se provou boa; espere dois minutos. O disco está como antes \
             / The running version has not proved good yet; wait two minutes. The disk is as before"
        }
        Failure::Damaged => {
            "O firmware em uso está danificado ou não pode ser lido: grave o pen drive de novo / \
             The firmware that runs is damaged or cannot be read: write this stick anew"
        }
        Failure::TooSmall => "O disco é pequeno demais / The disk is too small",
        Failure::DiskFails => {
            "O disco não aceita o que se grava: use outro; ele não inicia nada / \
             The disk does not take what is written: use another one; it starts nothing"
        }
        Failure::DiskLies => {
            "O disco não guarda o que se gravou: use outro; ele não inicia nada / \
             The disk does not keep what was written: use another one; it starts nothing"
        }
        Failure::Other => {
            "Não deu certo; veja o registro. O disco não está pronto / \
             It did not work; see the log. The disk is not ready"
        }
    }
}

pub(super) const NAME: &str =
    "Instalar num disco desta máquina / Install on a disk of this machine";
pub(super) const CHOOSE: &str = "Escolha o disco e tecle Enter / Choose the disk and press Enter:";
pub(super) const CONSEQUENCE: &str =
    "TUDO o que há neste disco é apagado para sempre / EVERYTHING on this disk is gone for ever";
const CANCEL: [&str; 2] = ["CANCELAR", "CANCEL"];
const CANCEL_HINT: &str = "Digite CANCELAR para parar; o disco então não inicia nada / \
                           Type CANCEL to stop; the disk then starts nothing";
const MADE: &str = "Pronto: o disco foi gravado e conferido / \
                    Done: the disk was written and read back";
const NEXT: &str = "Desligue (menu), retire o pen drive e ligue de novo / \
                    Switch off (menu), take the stick out and start again";
const CANCELLED: &str = "Cancelado: o disco não inicia nada; grave-o de novo / \
                         Cancelled: the disk starts nothing; install on it again";
const CANCELLED_BEFORE: &str = "Cancelado: o disco está como antes / \
                                Cancelled: the disk is as before";
const BACK: &str = "Enter: voltar / back";

/// Characters of a line about a disk: a monitor has eighty columns, and a serial line more.
const DESCRIPTION_MAX: usize = 90;

#[cfg(test)]
pub(super) mod tests {
    use disks::Machine;

    use super::*;

    /// A disk as the kernel would show it.
    pub(in crate::screen) fn candidate(name: &str, refusal: Option<Refusal>) -> Candidate {
        let folder = format!("ramal-candidate-{name}-{}", std::process::id());
        let root = std::env::temp_dir().join(folder);
        let disk = root.join("sys/block").join(name);
        std::fs::create_dir_all(disk.join("device")).expect("made");
        for (file, text) in [
            ("size", "31266816\n"),
            ("serial", "S4EV\n"),
            ("device/model", "Acme SSD\n"),
        ] {
            std::fs::write(disk.join(file), text).expect("written");
        }
        let disk = Machine::at(&root).disk(name).expect("there");
        std::fs::remove_dir_all(&root).expect("removed");
        Candidate { disk, refusal }
    }

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(seconds * 1_000_000_000)
    }

    #[test]
    fn disks_are_told_apart_and_refused_ones_have_no_number() {
        let disks = [
            candidate("sda", Some(Refusal::ReadOnly)),
            candidate("nvme0n1", None),
        ];
        assert_eq!(
            choices(&disks),
            [
                "  -  sda  16.0 GB  other  Acme SSD  n/s S4EV: \
                 protegido contra gravação / write protected",
                "  1  nvme0n1  16.0 GB  nvme  Acme SSD  n/s S4EV",
            ]
        );
        assert_eq!(chosen(&disks, 1), Some(&disks[1]));
        for number in [0, 2, usize::MAX] {
            assert_eq!(chosen(&disks, number), None);
        }
    }

    #[test]
    fn it_says_how_far_how_fast_and_how_long_and_not_too_often_on_a_line_that_keeps_all() {
        let mut work = Work::new(&candidate("sdc", None), at(0));
        let report = |done| Report::At {
            phase: Phase::Write,
            done,
            total: 400_000_000,
        };
        assert!(work.lines()[1].contains("beginning"));
        assert!(!work.take(report(0), at(10)));
        assert!(!work.take(report(30_000_000), at(11)));
        assert!(work.take(report(50_000_000), at(12)), "a tenth");
        assert_eq!(
            work.lines()[1],
            "gravando / writing 12 %, 25.0 MB/s, 0:14 restantes / left"
        );
        assert!(!work.take(report(51_000_000), at(13)));
        let verify = Report::At {
            phase: Phase::Verify,
            done: 0,
            total: 10,
        };
        work.take(verify, at(14));
        assert_eq!(work.lines()[1], "relendo / reading back 0 %");
    }

    #[test]
    fn the_first_end_counts_and_says_what_to_do() {
        let mut work = Work::new(&candidate("sdd", None), at(0));
        assert!(!work.is_over());
        assert!(work.take(Report::Made("1.4.2".into()), at(1)));
        assert!(!work.end(Outcome::Failed(Failure::Other)));
        assert!(work.is_over());
        let shown = work.lines().join("\n");
        assert!(
            shown.contains("(1.4.2)") && shown.contains("take the stick out"),
            "{shown}"
        );
    }

    #[test]
    fn who_cancels_is_told_whether_the_disk_is_as_before() {
        for (phase, said) in [
            (None, "is as before"),
            (Some(Phase::Check), "is as before"),
            (Some(Phase::Write), "starts nothing"),
            (Some(Phase::Verify), "starts nothing"),
        ] {
            let mut work = Work::new(&candidate("sde", None), at(0));
            if let Some(phase) = phase {
                let (done, total) = (0, 10);
                work.take(Report::At { phase, done, total }, at(1));
            }
            work.end(Outcome::Cancelled);
            let shown = work.lines().join("\n");
            assert!(shown.contains(said), "{phase:?}: {shown}");
        }
    }

    #[test]
    fn only_the_word_ends_it() {
        assert!(is_cancel("CANCELAR\r") && is_cancel("CANCEL"));
        assert!(!is_cancel("cancel") && !is_cancel("") && !is_cancel("0"));
    }
}
