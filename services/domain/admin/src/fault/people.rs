//! Why something about somebody's account is refused.

use super::{Fault, PasskeyFault};
use crate::text::Language;

/// Why something about somebody's account is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum PeopleFault {
    /// Somebody has this login.
    Exists(String),
    /// The password was not said lately enough.
    ConfirmFirst,
    /// The password was right, and the code of the second factor is missing.
    CodeFirst,
    /// An administrator has no second factor, and has to.
    EnrolFirst,
    /// Nobody asks of others what they themselves do not have.
    OwnFactorFirst,
    /// The clock of the box cannot be right, so that no code of an app would fit.
    ClockFirst,
    /// Not a code of the second factor, or one that was used.
    WrongCode,
    /// No secret of a second factor was shown in this session.
    NothingOffered,
    /// There is none to take away.
    NoSecondFactor,
    /// One has a token of this name.
    TokenExists(String),
    /// One has none of this name.
    NoSuchToken(String),
    /// Nobody says what they themselves may do.
    OwnAccount,
    /// Less time or room for recordings deletes some.
    KeepsLess,
    /// A shorter time deletes what is older.
    DeletesSooner,
    /// One's own password is changed by whoever knows it.
    OwnPassword,
    /// About passkeys.
    Passkey(PasskeyFault),
}

impl From<PeopleFault> for Fault {
    fn from(fault: PeopleFault) -> Self {
        Self::People(fault)
    }
}

impl PeopleFault {
    pub(super) const fn status(&self) -> u16 {
        match self {
            Self::Passkey(fault) => fault.status(),
            Self::NoSuchToken(_) => 404,
            Self::Exists(_)
            | Self::TokenExists(_)
            | Self::NothingOffered
            | Self::ClockFirst
            | Self::NoSecondFactor => 409,
            Self::CodeFirst | Self::WrongCode => 401,
            Self::EnrolFirst
            | Self::OwnFactorFirst
            | Self::OwnAccount
            | Self::OwnPassword
            | Self::KeepsLess
            | Self::DeletesSooner
            | Self::ConfirmFirst => 403,
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
            Self::TokenExists(name) => match language {
                Language::English => {
                    format!("you have a token {name:?} already; choose another name")
                }
                Language::Portuguese => {
                    format!("você já tem um token {name:?}; escolha outro nome")
                }
            },
            Self::NoSuchToken(name) => match language {
                Language::English => format!("there is no token {name:?}"),
                Language::Portuguese => format!("não existe o token {name:?}"),
            },
            Self::Passkey(fault) => fault.text(language),
            Self::OwnAccount => language.said(OWN_ACCOUNT).to_owned(),
            Self::KeepsLess => language.said(KEEPS_LESS).to_owned(),
            Self::DeletesSooner => language.said(DELETES_SOONER).to_owned(),
            Self::OwnPassword => language.said(OWN_PASSWORD).to_owned(),
            Self::ConfirmFirst => language.said(CONFIRM_FIRST).to_owned(),
            Self::CodeFirst => language.said(CODE_FIRST).to_owned(),
            Self::EnrolFirst => language.said(ENROL_FIRST).to_owned(),
            Self::OwnFactorFirst => language.said(OWN_FACTOR_FIRST).to_owned(),
            Self::ClockFirst => language.said(CLOCK_FIRST).to_owned(),
            Self::WrongCode => language.said(WRONG_CODE).to_owned(),
            Self::NothingOffered => language.said(NOTHING_OFFERED).to_owned(),
            Self::NoSecondFactor => language.said(NO_SECOND_FACTOR).to_owned(),
        }
    }
}

const OWN_ACCOUNT: (&str, &str) = (
    "nobody changes what they themselves may do, or ends their own account; ask another \
     administrator",
    "ninguém muda o que pode fazer nem encerra a própria conta; peça a outro administrador",
);

const KEEPS_LESS: (&str, &str) = (
    "keeping recordings for less time or in less room deletes some, which your role does not \
     allow; leave both as they are, or ask an administrator",
    "guardar gravações por menos tempo ou em menos espaço exclui algumas, o que seu perfil não \
     permite; deixe os dois como estão ou peça a um administrador",
);

const DELETES_SOONER: (&str, &str) = (
    "keeping data for fewer days deletes what is older, which your role does not allow; leave the \
     days as they are, or ask an administrator",
    "guardar dados por menos dias exclui o que é mais antigo, o que seu perfil não permite; deixe \
     os prazos como estão ou peça a um administrador",
);

const OWN_PASSWORD: (&str, &str) = (
    "a one-time password is for somebody else; change your own password where the present one is \
     asked for (POST /api/password), or have another administrator make one",
    "uma senha de uso único é para outra pessoa; troque a sua onde a senha atual é pedida \
     (POST /api/password), ou peça uma a outro administrador",
);

const CONFIRM_FIRST: (&str, &str) = (
    "say your password again (POST /api/confirm), then repeat within five minutes",
    "informe sua senha de novo (POST /api/confirm) e repita em até cinco minutos",
);

const CODE_FIRST: (&str, &str) = (
    "say the code of your second factor first (POST /api/code)",
    "informe primeiro o código do seu segundo fator (POST /api/code)",
);

const ENROL_FIRST: (&str, &str) = (
    "administrators of this box need a second factor: set one up first \
     (POST /api/second-factor/new, or a passkey)",
    "administradores desta central precisam de um segundo fator: configure um primeiro \
     (POST /api/second-factor/new, ou uma chave de acesso)",
);

const OWN_FACTOR_FIRST: (&str, &str) = (
    "set up a second factor for yourself first: it shows that this can be done on this box",
    "configure primeiro um segundo fator para você: isso mostra que é possível nesta central",
);

const CLOCK_FIRST: (&str, &str) = (
    "the clock of the box cannot be right, as this firmware was made later, and no code of an app \
     would fit; set the clock in the setup of the machine, restart it, and try again",
    "o relógio da central não pode estar certo, pois este firmware foi feito depois, e nenhum \
     código de aplicativo serviria; acerte o relógio na configuração da máquina, reinicie-a e \
     tente de novo",
);

const WRONG_CODE: (&str, &str) = (
    "the code is wrong or was used already; wait for the next one, and see that phone and box have \
     the right time",
    "o código está errado ou já foi usado; espere o próximo, e veja se telefone e central estão na \
     hora certa",
);

const NOTHING_OFFERED: (&str, &str) = (
    "begin again: no secret was shown in this session",
    "comece de novo: nenhum segredo foi mostrado nesta sessão",
);

const NO_SECOND_FACTOR: (&str, &str) = (
    "there is no second factor to take away",
    "não há segundo fator a remover",
);
