//! Why nothing is looked at, and why a ban is not lifted as it was asked for.

use crate::form::Said;

/// A request that bans stand in the way of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BansFault {
    /// For how long is not said: who guesses learns nothing by asking.
    LockedOut,
    /// It is more than one ban.
    TooWide,
    /// It is lifted, and would be back after a restart.
    NotKept,
}

impl BansFault {
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::LockedOut => 429,
            Self::TooWide => 400,
            Self::NotKept => 503,
        }
    }

    pub(crate) const fn said(self) -> Said {
        match self {
            Self::LockedOut => LOCKED_OUT,
            Self::TooWide => TOO_WIDE,
            Self::NotKept => NOT_KEPT,
        }
    }
}

const LOCKED_OUT: Said = (
    "too many wrong attempts from your network: nothing is looked at for some minutes, not even \
     what is right",
    "muitas tentativas erradas a partir da sua rede: nada é conferido por alguns minutos, nem o \
     que está certo",
);

const TOO_WIDE: Said = (
    "network: no ban is wider than a /24, or a /48 of IPv6; write it as the list of bans has it. \
     To end all bans, switch them off",
    "network: nenhum bloqueio é maior que um /24, ou um /48 de IPv6; escreva como está na lista \
     de bloqueios. Para encerrar todos, desligue os bloqueios",
);

const NOT_KEPT: Said = (
    "it is banned no more, but that could not be written down yet: the ban would be back after a \
     restart. Try again in a minute",
    "não está mais bloqueado, mas isso ainda não pôde ser gravado: o bloqueio voltaria após uma \
     reinicialização. Tente de novo em um minuto",
);
