//! What a person who stands before the box can have it do: lines in, what to show or do out.
//!
//! ```text
//!          menu            1..5            the word that means it
//!   page ───────> choosing ────> confirming ─────────────────────> done, page
//!     ^               │ 0, other     │ other
//!     └───────────────┴──────────────┘    and from everywhere after a minute without an answer
//! ```
//! The menu is opened by a word, not by any key: a serial line without a plug, or one whose other
//! end sends back what it hears, says lines too.

use ipc::init::Act;

/// Where the person is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Menu {
    /// Before the status page.
    #[default]
    Page,
    /// Before the list.
    Choosing,
    /// Before the question whether that is meant.
    Confirming(Act),
}

/// What a line leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// Nothing: the line was not for us.
    Nothing,
    /// Show where the person is now.
    Show,
    /// Do it.
    Do(Act),
}

impl Menu {
    /// Takes a line.
    pub(crate) fn enter(&mut self, line: &str) -> Step {
        let line = line.trim();
        let (next, step) = match *self {
            Self::Page if line.eq_ignore_ascii_case(OPEN) => (Self::Choosing, Step::Show),
            Self::Page => (Self::Page, Step::Nothing),
            Self::Choosing => match choice(line) {
                Some(act) => (Self::Confirming(act), Step::Show),
                None => (Self::Page, Step::Show),
            },
            Self::Confirming(act) if words(act).contains(&line) => (Self::Page, Step::Do(act)),
            Self::Confirming(_) => (Self::Page, Step::Show),
        };
        *self = next;
        step
    }

    /// Nobody answered in time; whether that changes what is shown.
    pub(crate) fn leave(&mut self) -> bool {
        std::mem::take(self) != Self::Page
    }

    /// What is shown in the place of the page, or below it.
    pub(crate) fn lines(self) -> Vec<String> {
        match self {
            Self::Page => vec![HINT.to_owned()],
            Self::Choosing => {
                let head = std::iter::once(CHOOSE.to_owned());
                let acts = (1..).zip(ACTS);
                let acts = acts.map(|(place, act)| format!("  {place}  {}", name(act)));
                head.chain(acts).chain([BACK.to_owned()]).collect()
            }
            Self::Confirming(act) => {
                let [portuguese, english] = words(act);
                vec![
                    name(act).to_owned(),
                    consequence(act).to_owned(),
                    format!(
                        "Digite {portuguese} para confirmar / Type {english} to confirm; \
                         Enter: voltar / back"
                    ),
                ]
            }
        }
    }
}

fn choice(line: &str) -> Option<Act> {
    let place: usize = line.parse().ok()?;
    ACTS.get(place.checked_sub(1)?).copied()
}

/// The words that mean it, in Portuguese and English.
const fn words(act: Act) -> [&'static str; 2] {
    match act {
        Act::NewPassword | Act::Restart | Act::Rescue | Act::PowerOff => ["SIM", "YES"],
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
/// The word that opens the menu.
const OPEN: &str = "menu";
const HINT: &str = "Digite menu e tecle Enter / Type menu and press Enter";
const CHOOSE: &str = "Escolha um número e tecle Enter / Choose a number and press Enter:";
const BACK: &str = "  0  Voltar / Back";

#[cfg(test)]
mod tests {
    use super::*;

    fn opened() -> Menu {
        let mut menu = Menu::default();
        assert_eq!(menu.enter("menu\r"), Step::Show);
        menu
    }

    #[test]
    fn every_act_needs_its_word() {
        for (place, act) in (1..).zip(ACTS) {
            let mut menu = opened();
            assert_eq!(menu.enter(&place.to_string()), Step::Show);
            assert_eq!(menu, Menu::Confirming(act));
            assert_eq!(menu.enter(""), Step::Show, "{act:?}");
            assert_eq!(menu, Menu::Page);
            for word in words(act) {
                let mut menu = opened();
                menu.enter(&place.to_string());
                assert_eq!(menu.enter(word), Step::Do(act));
                assert_eq!(menu, Menu::Page);
            }
        }
    }

    #[test]
    fn a_yes_does_not_erase() {
        for word in ["YES", "SIM", "erase", "4", "menu"] {
            let mut menu = opened();
            menu.enter("4");
            assert_eq!(menu, Menu::Confirming(Act::Reset));
            assert_eq!(menu.enter(word), Step::Show, "{word}");
        }
    }

    #[test]
    fn a_line_that_sends_everything_back_opens_nothing() {
        let mut menu = Menu::default();
        let own = [Menu::Choosing, Menu::Confirming(Act::Reset), Menu::Page];
        let own = own.into_iter().flat_map(Menu::lines);
        let noise = ["", "1", "YES", "\u{fffd}", "screen: menu"].map(str::to_owned);
        for line in own.chain(noise) {
            assert_eq!(menu.enter(&line), Step::Nothing, "{line}");
            assert_eq!(menu.enter(&format!("screen: {line}")), Step::Nothing);
        }
    }

    #[test]
    fn other_choices_and_silence_lead_back() {
        for line in ["0", "", "6", "99999999999999999999", "x"] {
            let mut menu = opened();
            assert_eq!(menu.enter(line), Step::Show, "{line}");
            assert_eq!(menu, Menu::Page);
        }
        let mut menu = opened();
        assert!(menu.leave());
        assert!(!menu.leave());
    }
}
