//! What a person at the box can ask of the rescue system: lines in, what to do out.

use firmware::RecoveryCode;

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Action {
    /// Show the menu.
    Show,
    /// Look for update files on memory sticks and list them.
    ListUpdates,
    /// Install the update file of this place in the list, from 1.
    Install(usize),
    /// Write a report to a memory stick.
    SaveReport,
    /// Ask for the word that means it.
    AskToErase,
    /// Forget everything that was stored.
    Erase,
    /// Ask for the recovery code.
    AskForCode,
    /// What was typed is no recovery code.
    NoCode,
    /// Open the key of the data by its recovery code.
    Recover(RecoveryCode),
    /// Start the box anew.
    Restart,
    /// Switch it off.
    PowerOff,
}

impl Action {
    /// Whether somebody means something by it. A serial line without a plug says lines too, and
    /// must not keep the box here.
    pub(super) const fn is_an_answer(&self) -> bool {
        !matches!(self, Self::Show)
    }
}

/// Where the person is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Menu {
    /// Before the whole menu.
    #[default]
    Top,
    /// Before a list of update files.
    Updates,
    /// Before the question whether everything is to be erased.
    Erase,
    /// Before the question for the recovery code.
    Code,
}

impl Menu {
    /// What a line asks for.
    pub(super) fn enter(&mut self, line: &str) -> Action {
        let line = line.trim();
        let action = match self {
            Self::Top => Self::at_top(line),
            Self::Updates => match line.parse() {
                Ok(0) | Err(_) => Action::Show,
                Ok(place) => Action::Install(place),
            },
            Self::Erase if ERASE.contains(&line) => Action::Erase,
            Self::Erase => Action::Show,
            Self::Code if line.is_empty() => Action::Show,
            Self::Code => RecoveryCode::parse(line).map_or(Action::NoCode, Action::Recover),
        };
        *self = match action {
            Action::ListUpdates => Self::Updates,
            Action::AskToErase => Self::Erase,
            Action::AskForCode | Action::NoCode => Self::Code,
            Action::Show
            | Action::Install(_)
            | Action::SaveReport
            | Action::Erase
            | Action::Recover(_)
            | Action::Restart
            | Action::PowerOff => Self::Top,
        };
        action
    }

    fn at_top(line: &str) -> Action {
        match line {
            "1" => Action::Restart,
            "2" => Action::ListUpdates,
            "3" => Action::SaveReport,
            "4" => Action::AskToErase,
            "5" => Action::PowerOff,
            "6" => Action::AskForCode,
            _ => Action::Show,
        }
    }
}

/// The words that mean it.
const ERASE: [&str; 2] = ["APAGAR", "ERASE"];

/// The menu, as it is shown.
pub(super) const LINES: [&str; 8] = [
    "Escolha um número e tecle Enter / Choose a number and press Enter:",
    "  1  Reiniciar / Restart",
    "  2  Instalar firmware de um pen drive / Install firmware from a USB stick",
    "  3  Gravar um relatório no pen drive / Save a report to a USB stick",
    "  4  Apagar tudo (padrão de fábrica) / Erase everything (factory reset)",
    "  5  Desligar / Switch off",
    "  6  Código de recuperação dos dados / Recovery code of the data",
    "Sem resposta em 10 minutos a central reinicia. / Without an answer it restarts in 10 minutes.",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_erased_only_by_the_word() {
        for (word, action) in [
            ("APAGAR", Action::Erase),
            ("ERASE", Action::Erase),
            ("erase", Action::Show),
            ("4", Action::Show),
            ("", Action::Show),
        ] {
            let mut menu = Menu::default();
            assert_eq!(menu.enter("4\r"), Action::AskToErase);
            assert_eq!(menu.enter(word), action, "{word}");
            assert_eq!(menu, Menu::Top);
        }
    }

    #[test]
    fn noise_is_no_answer() {
        let mut menu = Menu::default();
        for line in [
            "",
            "\u{fffd}\u{fffd}",
            "ramal: RESCUE / RESGATE",
            "  5  Desligar",
        ] {
            assert!(!menu.enter(line).is_an_answer(), "{line}");
        }
        assert!(menu.enter("2").is_an_answer());
    }

    #[test]
    fn a_code_is_asked_for_until_it_is_one_or_nothing() {
        let mut menu = Menu::default();
        assert_eq!(menu.enter("6"), Action::AskForCode);
        assert_eq!(menu.enter("1"), Action::NoCode);
        let code = RecoveryCode::fresh().expect("random");
        assert_eq!(menu.enter(&code.shown()), Action::Recover(code));
        assert_eq!(menu, Menu::Top);
        menu.enter("6");
        assert_eq!(menu.enter(""), Action::Show);
        assert_eq!(menu, Menu::Top);
    }

    #[test]
    fn a_number_means_a_file_only_before_the_list() {
        let mut menu = Menu::default();
        assert_eq!(menu.enter("2"), Action::ListUpdates);
        assert_eq!(menu.enter("2"), Action::Install(2));
        assert_eq!(menu.enter("5"), Action::PowerOff);
        assert_eq!(menu.enter("2"), Action::ListUpdates);
        assert_eq!(menu.enter("0"), Action::Show);
        assert_eq!(menu.enter("1"), Action::Restart);
        assert_eq!(menu.enter("x"), Action::Show);
    }
}
