//! Why something about somebody's account is refused.

use super::Fault;
use crate::text::Language;

/// Why something about somebody's account is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum PeopleFault {
    /// Somebody has this login.
    Exists(String),
    /// The password was not said lately enough.
    ConfirmFirst,
    /// Nobody says what they themselves may do.
    OwnAccount,
}

impl From<PeopleFault> for Fault {
    fn from(fault: PeopleFault) -> Self {
        Self::People(fault)
    }
}

impl PeopleFault {
    pub(super) const fn status(&self) -> u16 {
        match self {
            Self::Exists(_) => 409,
            Self::OwnAccount | Self::ConfirmFirst => 403,
        }
    }

    pub(super) fn text(&self, language: Language) -> String {
        match self {
            Self::Exists(login) => match language {
                Language::English => {
                    format!("somebody has the login {login:?} already; choose another")
                }
                Language::Portuguese => format!("o login {login:?} já existe; escolha outro"),
            },
            Self::OwnAccount => language.said(OWN_ACCOUNT).to_owned(),
            Self::ConfirmFirst => language.said(CONFIRM_FIRST).to_owned(),
        }
    }
}

const OWN_ACCOUNT: (&str, &str) = (
    "nobody changes what they themselves may do, or ends their own account; ask another \
     administrator",
    "ninguém muda o que pode fazer nem encerra a própria conta; peça a outro administrador",
);

const CONFIRM_FIRST: (&str, &str) = (
    "say your password again (POST /api/confirm), then repeat within five minutes",
    "diga sua senha de novo (POST /api/confirm) e repita em até cinco minutos",
);
