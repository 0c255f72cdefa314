//! What a person who stands before the box can have it do: lines in, what to show or do out.
//!
//! ```text
//!          menu            1..8            the word that means it
//!   page ───────> choosing ────> confirming ─────────────────────> done, page
//!     ^               │ 0, other     │ other
//!     └───────────────┴──────────────┘    and from everywhere after a minute without an answer
//! ```
//! The menu is opened by a word, not by any key: a serial line without a plug, or one whose other
//! end sends back what it hears, says lines too.

use config::StaticNetwork;
use ipc::init::{Act, StickFile};

use super::install::{self, Candidate};
use super::network::{self, Dialogue, Network, Turn};
use super::{enrol, update};

/// What there is to choose from besides the acts, as it was when the menu was opened.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Choices {
    /// The disks of the machine besides the box's own.
    pub(crate) disks: Vec<Candidate>,
    /// Update files on a memory stick.
    pub(crate) files: Vec<StickFile>,
    /// The network; nothing until `net` has said how it is.
    pub(crate) network: Option<Network>,
    /// The machine waits for keys, and may be given the box's.
    pub(crate) offers_enrolment: bool,
}

/// Where the person is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum Menu {
    /// Before the status page.
    #[default]
    Page,
    /// Before the list.
    Choosing,
    /// Before the question whether that is meant.
    Confirming(Act),
    /// Before the list of disks.
    ChoosingDisk,
    /// Before the question whether the disk with this number is meant.
    ConfirmingDisk(usize),
    /// Before the list of update files.
    ChoosingFile,
    /// Before the question whether the file with this number is meant.
    ConfirmingFile(usize),
    /// At the network's setting.
    Network(Dialogue),
    /// Before the question whether the machine is to start this box alone.
    ConfirmingEnrolment,
}

/// What a line leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// Nothing: the line was not for us.
    Nothing,
    /// Show where the person is now.
    Show,
    /// Do it.
    Do(Act),
    /// Install on the disk with this number.
    Install(usize),
    /// Install this update file.
    Update(StickFile),
    /// Have this address; nothing asks DHCP.
    Network(Option<StaticNetwork>),
    /// Give the machine the keys of this box.
    Enrol,
    /// End the installation.
    Cancel,
}

impl Menu {
    /// Whether a line opens the menu.
    pub(super) fn opens(&self, line: &str) -> bool {
        *self == Self::Page && line.trim().eq_ignore_ascii_case(OPEN)
    }

    /// Takes a line.
    pub(super) fn enter(&mut self, line: &str, choices: &Choices) -> Step {
        let line = line.trim();
        let disks = &choices.disks;
        let opens = self.opens(line);
        let (next, step) = match std::mem::take(self) {
            Self::Page if opens => (Self::Choosing, Step::Show),
            Self::Page => (Self::Page, Step::Nothing),
            Self::Choosing => match choice(line) {
                Some(act) => (Self::Confirming(act), Step::Show),
                None if line.parse() == Ok(NETWORK) => {
                    (Self::Network(Dialogue::Looking), Step::Show)
                }
                None if line.parse() == Ok(INSTALL) && offers_install(disks) => {
                    (Self::ChoosingDisk, Step::Show)
                }
                None if line.parse() == Ok(UPDATE) && !choices.files.is_empty() => {
                    (Self::ChoosingFile, Step::Show)
                }
                None if line.parse() == Ok(ENROL) && choices.offers_enrolment => {
                    (Self::ConfirmingEnrolment, Step::Show)
                }
                None => (Self::Page, Step::Show),
            },
            Self::ConfirmingEnrolment if enrol::WORDS.contains(&line) => (Self::Page, Step::Enrol),
            Self::ChoosingDisk => match line.parse() {
                Ok(number) if install::chosen(disks, number).is_some() => {
                    (Self::ConfirmingDisk(number), Step::Show)
                }
                Ok(_) | Err(_) => (Self::Page, Step::Show),
            },
            Self::ConfirmingDisk(number) if words(Act::Reset).contains(&line) => {
                (Self::Page, Step::Install(number))
            }
            Self::ChoosingFile => match line.parse() {
                Ok(number) if update::chosen(&choices.files, number).is_some() => {
                    (Self::ConfirmingFile(number), Step::Show)
                }
                Ok(_) | Err(_) => (Self::Page, Step::Show),
            },
            Self::ConfirmingFile(number) => {
                let meant = YES.contains(&line);
                let file = update::chosen(&choices.files, number).filter(|_| meant);
                let step = file.cloned().map_or(Step::Show, Step::Update);
                (Self::Page, step)
            }
            Self::Network(dialogue) => match dialogue.enter(line) {
                Turn::Stay(dialogue) => (Self::Network(dialogue), Step::Show),
                Turn::Leave => (Self::Page, Step::Show),
                Turn::Keep(network) => (Self::Page, Step::Network(network)),
            },
            Self::Confirming(act) if words(act).contains(&line) => (Self::Page, Step::Do(act)),
            Self::Confirming(_) | Self::ConfirmingDisk(_) | Self::ConfirmingEnrolment => {
                (Self::Page, Step::Show)
            }
        };
        *self = next;
        step
    }

    /// Nobody answered in time; whether that changes what is shown.
    pub(crate) fn leave(&mut self) -> bool {
        std::mem::take(self) != Self::Page
    }

    /// What is shown in the place of the page, or below it.
    pub(super) fn lines(&self, choices: &Choices) -> Vec<String> {
        let disks = &choices.disks;
        match self {
            Self::Page => vec![HINT.to_owned()],
            Self::Choosing => {
                let head = std::iter::once(CHOOSE.to_owned());
                let acts = (1..).zip(ACTS);
                let acts = acts.map(|(place, act)| format!("  {place}  {}", name(act)));
                let network = std::iter::once(format!("  {NETWORK}  {}", network::NAME));
                let install = offers_install(disks);
                let install = install.then(|| format!("  {INSTALL}  {}", install::NAME));
                let update = (!choices.files.is_empty()).then_some(update::NAME);
                let update = update.map(|name| format!("  {UPDATE}  {name}"));
                let enrol = choices.offers_enrolment.then_some(enrol::NAME);
                let enrol = enrol.map(|name| format!("  {ENROL}  {name}"));
                let acts = acts
                    .chain(network)
                    .chain(install)
                    .chain(update)
                    .chain(enrol);
                head.chain(acts).chain([BACK.to_owned()]).collect()
            }
            Self::Confirming(act) => {
                let (name, consequence) = (name(*act).to_owned(), consequence(*act).to_owned());
                vec![name, consequence, confirm(words(*act))]
            }
            Self::Network(dialogue) => dialogue.lines(choices.network.as_ref()),
            Self::ChoosingDisk => {
                let head = std::iter::once(install::CHOOSE.to_owned());
                let disks = install::choices(disks).into_iter();
                head.chain(disks).chain([BACK.to_owned()]).collect()
            }
            Self::ConfirmingDisk(number) => {
                let disk = install::chosen(disks, *number).map(Candidate::description);
                vec![
                    install::NAME.to_owned(),
                    disk.unwrap_or_default(),
                    install::CONSEQUENCE.to_owned(),
                    confirm(words(Act::Reset)),
                ]
            }
            Self::ChoosingFile => {
                let head = std::iter::once(update::CHOOSE.to_owned());
                let files = update::choices(&choices.files).into_iter();
                head.chain(files).chain([BACK.to_owned()]).collect()
            }
            Self::ConfirmingEnrolment => {
                let head = std::iter::once(enrol::NAME).chain(enrol::CONSEQUENCES);
                let head = head.map(str::to_owned);
                head.chain([confirm(enrol::WORDS)]).collect()
            }
            Self::ConfirmingFile(number) => {
                let file = update::chosen(&choices.files, *number);
                vec![
                    update::NAME.to_owned(),
                    file.map(update::description).unwrap_or_default(),
                    update::CONSEQUENCE.to_owned(),
                    confirm(YES),
                ]
            }
        }
    }
}

fn offers_install(disks: &[Candidate]) -> bool {
    disks.iter().any(|it| it.refusal.is_none())
}

pub(super) fn confirm([portuguese, english]: [&str; 2]) -> String {
    format!("Digite {portuguese} para confirmar / Type {english} to confirm; Enter: voltar / back")
}

fn choice(line: &str) -> Option<Act> {
    let place: usize = line.parse().ok()?;
    ACTS.get(place.checked_sub(1)?).copied()
}

/// The words that mean it, in Portuguese and English.
const fn words(act: Act) -> [&'static str; 2] {
    match act {
        Act::NewPassword | Act::Restart | Act::Rescue | Act::PowerOff => YES,
        Act::Reset => ["APAGAR", "ERASE"],
    }
}

/// An act as people know it.
pub(crate) const fn name(act: Act) -> &'static str {
    match act {
        Act::NewPassword => "Nova senha do administrador / New administrator password",
        Act::Restart => "Reiniciar / Restart",
        Act::Rescue => "Sistema de resgate / Rescue system",
        Act::Reset => "Apagar tudo (padrão de fábrica) / Erase everything (factory reset)",
        Act::PowerOff => "Desligar / Switch off",
    }
}

const fn consequence(act: Act) -> &'static str {
    match act {
        Act::NewPassword => {
            "A senha atual deixa de valer; uma nova aparece aqui e vale uma única vez / \
             The present one ends; a new one is shown here and works once"
        }
        Act::Restart | Act::Rescue | Act::PowerOff => {
            "As chamadas em curso terminam / Calls in progress end"
        }
        Act::Reset => {
            "Configuração, registros e gravações são apagados para sempre / \
             Configuration, records and recordings are gone for ever"
        }
    }
}

/// In the order of the list.
const ACTS: [Act; 5] = [
    Act::NewPassword,
    Act::Restart,
    Act::Rescue,
    Act::Reset,
    Act::PowerOff,
];
/// The number of the network, behind them.
const NETWORK: usize = ACTS.len() + 1;
/// The number of the installation.
const INSTALL: usize = NETWORK + 1;
/// The number of an update from a memory stick.
const UPDATE: usize = INSTALL + 1;
/// The number of Secure Boot.
const ENROL: usize = UPDATE + 1;
pub(super) const YES: [&str; 2] = ["SIM", "YES"];
/// The word that opens the menu.
const OPEN: &str = "menu";
const HINT: &str = "Digite menu e tecle Enter / Type menu and press Enter";
const CHOOSE: &str = "Escolha um número e tecle Enter / Choose a number and press Enter:";
pub(super) const BACK: &str = "  0  Voltar / Back";

#[cfg(test)]
mod tests {
    use ipc::stick::Offer;

    use super::super::install::tests::candidate;
    use super::*;

    fn none() -> Choices {
        Choices::default()
    }

    fn disks(disks: impl IntoIterator<Item = Candidate>) -> Choices {
        Choices {
            disks: disks.into_iter().collect(),
            ..none()
        }
    }

    fn opened() -> Menu {
        let mut menu = Menu::default();
        assert_eq!(menu.enter("menu\r", &none()), Step::Show);
        menu
    }

    #[test]
    fn every_act_needs_its_word() {
        for (place, act) in (1..).zip(ACTS) {
            let mut menu = opened();
            assert_eq!(menu.enter(&place.to_string(), &none()), Step::Show);
            assert_eq!(menu, Menu::Confirming(act));
            assert_eq!(menu.enter("", &none()), Step::Show, "{act:?}");
            assert_eq!(menu, Menu::Page);
            for word in words(act) {
                let mut menu = opened();
                menu.enter(&place.to_string(), &none());
                assert_eq!(menu.enter(word, &none()), Step::Do(act));
                assert_eq!(menu, Menu::Page);
            }
        }
    }

    #[test]
    fn a_yes_does_not_erase() {
        for word in ["YES", "SIM", "erase", "4", "menu"] {
            let mut menu = opened();
            menu.enter("4", &none());
            assert_eq!(menu, Menu::Confirming(Act::Reset));
            assert_eq!(menu.enter(word, &none()), Step::Show, "{word}");
        }
    }

    #[test]
    fn a_line_that_sends_everything_back_opens_nothing() {
        let mut menu = Menu::default();
        let own = [Menu::Choosing, Menu::Confirming(Act::Reset), Menu::Page];
        let own = own.into_iter().flat_map(|it| it.lines(&none()));
        let noise = ["", "1", "YES", "\u{fffd}", "screen: menu"].map(str::to_owned);
        for line in own.chain(noise) {
            assert_eq!(menu.enter(&line, &none()), Step::Nothing, "{line}");
            assert_eq!(
                menu.enter(&format!("screen: {line}"), &none()),
                Step::Nothing
            );
        }
    }

    #[test]
    fn other_choices_and_silence_lead_back() {
        for line in ["0", "", "7", "8", "9", "99999999999999999999", "x"] {
            let mut menu = opened();
            assert_eq!(menu.enter(line, &none()), Step::Show, "{line}");
            assert_eq!(menu, Menu::Page);
        }
        let mut menu = opened();
        assert!(menu.leave());
        assert!(!menu.leave());
    }

    #[test]
    fn installing_is_offered_when_a_disk_will_do_and_needs_the_word() {
        let refused = candidate("sdx", Some(disks::Refusal::ReadOnly));
        let number = INSTALL.to_string();
        for disks in [none(), disks([refused.clone()])] {
            let mut menu = opened();
            let shown = menu.lines(&disks).join("\n");
            assert!(!shown.contains(install::NAME), "{shown}");
            menu.enter(&number, &disks);
            assert_eq!(menu, Menu::Page);
        }
        let disks = disks([refused, candidate("sdy", None)]);
        let before_word = || {
            let mut menu = opened();
            assert!(menu.lines(&disks).join("\n").contains(install::NAME));
            assert_eq!(menu.enter(&number, &disks), Step::Show);
            assert_eq!(menu.enter("1", &disks), Step::Show);
            assert_eq!(menu, Menu::ConfirmingDisk(1));
            let shown = menu.lines(&disks).join("\n");
            assert!(shown.contains("sdy") && shown.contains("ERASE"), "{shown}");
            menu
        };
        for word in words(Act::Reset) {
            assert_eq!(before_word().enter(word, &disks), Step::Install(1));
        }
        for word in ["", "SIM", "YES", "erase", "1", "sdy"] {
            let mut menu = before_word();
            assert_eq!(menu.enter(word, &disks), Step::Show, "{word}");
            assert_eq!(menu, Menu::Page);
        }
        for line in ["0", "2", "", "x"] {
            let mut menu = opened();
            menu.enter(&number, &disks);
            assert_eq!(menu.enter(line, &disks), Step::Show, "{line}");
            assert_eq!(menu, Menu::Page);
        }
    }

    #[test]
    fn secure_boot_is_offered_where_the_machine_waits_and_needs_a_word_of_its_own() {
        let number = ENROL.to_string();
        let mut menu = opened();
        assert!(!menu.lines(&none()).join("\n").contains(enrol::NAME));
        assert_eq!(menu.enter(&number, &none()), Step::Show);
        assert_eq!(menu, Menu::Page);
        let choices = Choices {
            offers_enrolment: true,
            ..Choices::default()
        };
        let before_word = || {
            let mut menu = opened();
            assert!(menu.lines(&choices).join("\n").contains(enrol::NAME));
            assert_eq!(menu.enter(&number, &choices), Step::Show);
            let shown = menu.lines(&choices).join("\n");
            assert!(
                shown.contains("do not start any more") && shown.contains("ENROL"),
                "{shown}"
            );
            menu
        };
        for word in enrol::WORDS {
            assert_eq!(before_word().enter(word, &choices), Step::Enrol);
        }
        for word in ["", "SIM", "YES", "ERASE", "enrol", "8"] {
            let mut menu = before_word();
            assert_eq!(menu.enter(word, &choices), Step::Show, "{word}");
            assert_eq!(menu, Menu::Page);
        }
    }

    #[test]
    fn an_update_on_a_stick_is_offered_and_installed_only_by_the_word() {
        let file = |file: &str| StickFile {
            disk: "sdb".into(),
            offer: Offer::of(file, 31_000_000).expect("plain"),
        };
        let choices = Choices {
            files: vec![file("a.update"), file("b.update")],
            ..none()
        };
        let number = UPDATE.to_string();
        let mut menu = opened();
        assert!(!menu.lines(&none()).join("\n").contains(update::NAME));
        assert_eq!(menu.enter(&number, &none()), Step::Show);
        assert_eq!(menu, Menu::Page);
        let before_word = || {
            let mut menu = opened();
            assert!(menu.lines(&choices).join("\n").contains(update::NAME));
            assert_eq!(menu.enter(&number, &choices), Step::Show);
            let shown = menu.lines(&choices).join("\n");
            assert!(shown.contains("  2  b.update  31.0 MB  (sdb)"), "{shown}");
            assert_eq!(menu.enter("2", &choices), Step::Show);
            assert!(menu.lines(&choices).join("\n").contains("b.update"));
            menu
        };
        for word in YES {
            let step = before_word().enter(word, &choices);
            assert_eq!(step, Step::Update(file("b.update")));
        }
        for word in ["", "2", "yes", "ERASE"] {
            let mut menu = before_word();
            assert_eq!(menu.enter(word, &choices), Step::Show, "{word}");
            assert_eq!(menu, Menu::Page);
        }
        for line in ["0", "3", "", "x"] {
            let mut menu = opened();
            menu.enter(&number, &choices);
            assert_eq!(menu.enter(line, &choices), Step::Show, "{line}");
            assert_eq!(menu, Menu::Page);
        }
    }

    #[test]
    fn the_network_is_shown_and_changed_from_the_list() {
        let choices = Choices {
            network: Some(network::tests::leased()),
            ..none()
        };
        let at = |lines: &[&str]| {
            let mut menu = opened();
            assert!(
                menu.lines(&choices)
                    .join("\n")
                    .contains("  6  Rede / Network")
            );
            let steps = lines.iter().map(|line| menu.enter(line, &choices));
            let last = steps.last().expect("a line");
            (menu, last)
        };
        let (menu, step) = at(&["6"]);
        assert_eq!(step, Step::Show);
        let shown = menu.lines(&choices).join("\n");
        assert!(shown.contains("10.77.0.10/24"), "{shown}");
        assert_eq!(at(&["6", "1", "YES"]), (Menu::Page, Step::Network(None)));
        let wanted = StaticNetwork::at("10.77.0.9/24");
        let kept = at(&["6", "2", "10.77.0.9/24", "-", "-", "SIM"]);
        assert_eq!(kept, (Menu::Page, Step::Network(wanted)));
        assert_eq!(at(&["6", "2", "0"]), (Menu::Page, Step::Show));
        let (mut menu, _) = at(&["6", "2", "10.77.0.9/24"]);
        assert!(menu.leave(), "a minute without an answer");
        assert_eq!(menu, Menu::Page);
    }
}
