//! Why a passkey is refused.

use webauthn::Refusal;

use super::{Fault, PeopleFault};
use crate::text::Language;

/// Why a passkey is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum PasskeyFault {
    /// The page was opened by an address, or by a name that is not the box's; the address to open.
    NotByName(String),
    /// One's own were made for this name of the box, which its certificate leaves out.
    Ended(String),
    /// The challenge is not one of ours, too old, or was answered.
    TooLate,
    /// Nobody has it.
    Unknown,
    /// What the authenticator said does not hold.
    Refused(Refusal),
    /// It is enrolled already.
    Known,
    /// One has one of this name.
    Exists(String),
    /// One has none of this name.
    NoSuch(String),
    /// There are none to take away.
    NobodyHasOne,
    /// The password has to be said here.
    PasswordFirst,
}

impl From<PasskeyFault> for Fault {
    fn from(fault: PasskeyFault) -> Self {
        PeopleFault::Passkey(fault).into()
    }
}

impl From<Refusal> for PasskeyFault {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            // That of another start, as a page that was open meanwhile has.
            Refusal::Challenge => Self::TooLate,
            other => Self::Refused(other),
        }
    }
}

impl PasskeyFault {
    pub(super) const fn status(&self) -> u16 {
        match self {
            Self::NoSuch(_) => 404,
            Self::TooLate | Self::Unknown | Self::Refused(_) => 401,
            Self::NotByName(_)
            | Self::Ended(_)
            | Self::Known
            | Self::Exists(_)
            | Self::NobodyHasOne
            | Self::PasswordFirst => 409,
        }
    }

    pub(super) fn text(&self, language: Language) -> String {
        match (self, language) {
            (Self::NotByName(address), Language::English) => format!(
                "a passkey belongs to the name of the box and does not work where it is opened by \
                 another address; open {address}"
            ),
            (Self::NotByName(address), Language::Portuguese) => format!(
                "uma chave de acesso pertence ao nome da central e não funciona onde ela é aberta \
                 por outro endereço; abra {address}"
            ),
            (Self::Ended(name), Language::English) => format!(
                "your passkey was made for {name}, which the certificate of the box leaves out \
                 now; go on without it, by a code or your password, and make another one here"
            ),
            (Self::Ended(name), Language::Portuguese) => format!(
                "sua chave de acesso foi criada para {name}, nome que o certificado da central já \
                 não tem; continue sem ela, com um código ou sua senha, e crie outra aqui"
            ),
            (Self::Refused(refusal), Language::English) => {
                format!("the passkey was not taken: {refusal}; try again")
            }
            (Self::Refused(refusal), Language::Portuguese) => format!(
                "a chave de acesso não foi aceita: {}; tente de novo",
                portuguese(*refusal)
            ),
            (Self::Exists(name), Language::English) => {
                format!("you have a passkey {name:?} already; choose another name")
            }
            (Self::Exists(name), Language::Portuguese) => {
                format!("você já tem uma chave de acesso {name:?}; escolha outro nome")
            }
            (Self::NoSuch(name), Language::English) => format!("there is no passkey {name:?}"),
            (Self::NoSuch(name), Language::Portuguese) => {
                format!("não existe a chave de acesso {name:?}")
            }
            (Self::TooLate, _) => language.said(TOO_LATE).to_owned(),
            (Self::Unknown, _) => language.said(UNKNOWN).to_owned(),
            (Self::Known, _) => language.said(KNOWN).to_owned(),
            (Self::NobodyHasOne, _) => language.said(NONE).to_owned(),
            (Self::PasswordFirst, _) => language.said(PASSWORD_FIRST).to_owned(),
        }
    }
}

const fn portuguese(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::ClientData => "não foi possível ler o que o navegador enviou",
        Refusal::Kind => "ela responde a outro tipo de pergunta",
        Refusal::Challenge => "ela responde a outro desafio",
        Refusal::Origin => "ela foi pedida por outra página",
        Refusal::AuthenticatorData => "não foi possível ler o que o autenticador enviou",
        Refusal::Name => "ela é de outro nome",
        Refusal::NotPresent => "ninguém estava presente",
        Refusal::NotVerified => "o autenticador não conferiu quem está presente",
        Refusal::Backup => "o que ela diz sobre cópias se contradiz ou mudou",
        Refusal::PublicKey => "a chave é de um algoritmo que não foi oferecido",
        Refusal::Attestation => "ela traz um atestado que não foi pedido",
        Refusal::CredentialId => "a identificação dela é longa demais",
        Refusal::Signature => "a assinatura está errada",
        Refusal::Counter => "o contador dela voltou para trás: pode haver uma cópia dela",
    }
}

const TOO_LATE: (&str, &str) = (
    "that took too long, or was used already; try again",
    "demorou demais, ou já foi usado; tente de novo",
);

const UNKNOWN: (&str, &str) = (
    "this passkey is nobody's here, or was removed; sign in with your password",
    "esta chave de acesso não é de ninguém aqui, ou foi removida; entre com sua senha",
);

const KNOWN: (&str, &str) = (
    "this passkey is enrolled already; use another authenticator",
    "esta chave de acesso já está cadastrada; use outro autenticador",
);

const PASSWORD_FIRST: (&str, &str) = (
    "a passkey says who you are again only where you have one and have said your password since \
     you signed in; say your password",
    "uma chave de acesso confirma quem você é só quando você tem uma e já informou sua senha desde \
     que entrou; informe sua senha",
);

const NONE: (&str, &str) = (
    "there are no passkeys to take away",
    "não há chaves de acesso a remover",
);
