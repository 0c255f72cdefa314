//! Why nothing became of a backup or a restore: for programs a name, for people a sentence that
//! names the fix.

use super::{BackupFailure, BackupRefusal, Damage};

impl BackupRefusal {
    /// What programs know it by. These names stay.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing => "no-such-backup",
            Self::NotABackup => "not-a-backup",
            Self::Newer => "newer",
            Self::NoCode => "not-a-code",
            Self::OtherCode => "other-code",
            Self::Damaged(_) => "damaged",
            Self::CutShort => "cut-short",
            Self::NotSigned => "not-signed",
            Self::NoRoom => "no-room",
            Self::OutOfOrder => "out-of-order",
            Self::Busy => "busy",
        }
    }

    /// In English.
    #[must_use]
    pub fn english(&self) -> String {
        match self {
            Self::Missing => "there is no such backup on the box".into(),
            Self::NotABackup => {
                "this is no backup of a box; choose a file that was downloaded from /backups".into()
            }
            Self::Newer => {
                "a newer version made this backup; update the box, then restore it".into()
            }
            Self::NoCode => {
                "code: a backup code has six groups of five letters and digits; eight groups of \
                 four are the recovery code of the data"
                    .into()
            }
            Self::OtherCode => {
                "code: this backup was made with another backup code; use the one of its time"
                    .into()
            }
            Self::Damaged(damage) => format!(
                "the backup is damaged and nothing was changed; take another one ({})",
                damage.english()
            ),
            Self::CutShort => {
                "the backup ends too soon and nothing was changed; copy it again".into()
            }
            Self::NotSigned => {
                "the box that the backup names has not signed it; nothing was changed".into()
            }
            Self::NoRoom => {
                "the data disk has no room for it; delete recordings, or give the box a larger one"
                    .into()
            }
            Self::OutOfOrder => "this piece does not follow the one before; begin anew at 0".into(),
            Self::Busy => {
                "a backup is being made or restored at this moment; try again in a minute".into()
            }
        }
    }

    /// In Brazilian Portuguese.
    #[must_use]
    pub fn portuguese(&self) -> String {
        match self {
            Self::Missing => "não existe esse backup na central".into(),
            Self::NotABackup => {
                "isto não é um backup de uma central; escolha um arquivo baixado de /backups".into()
            }
            Self::Newer => {
                "uma versão mais nova fez este backup; atualize a central e então restaure".into()
            }
            Self::NoCode => {
                "código: um código de backup tem seis grupos de cinco letras e dígitos; oito \
                 grupos de quatro são o código de recuperação dos dados"
                    .into()
            }
            Self::OtherCode => {
                "código: este backup foi feito com outro código; use o da época dele".into()
            }
            Self::Damaged(damage) => format!(
                "o backup está danificado e nada foi alterado; use outro ({})",
                damage.portuguese()
            ),
            Self::CutShort => {
                "o backup termina cedo demais e nada foi alterado; copie-o de novo".into()
            }
            Self::NotSigned => {
                "o backup não foi assinado pela central indicada nele; nada foi alterado".into()
            }
            Self::NoRoom => {
                "não há espaço para ele no disco de dados; apague gravações, ou use um disco maior"
                    .into()
            }
            Self::OutOfOrder => "esta parte não segue a anterior; comece de novo em 0".into(),
            Self::Busy => {
                "um backup está sendo feito ou restaurado agora; tente em um minuto".into()
            }
        }
    }
}

impl Damage {
    fn english(&self) -> String {
        match self {
            Self::Changed => "a part of it is not as it was made".into(),
            Self::TooLong => "something follows its end".into(),
            Self::Row(table) => format!("a row of its table {table} cannot be read"),
            Self::Strange => "it has rows that no backup has".into(),
            Self::TooMany => "it has more rows than are kept".into(),
            Self::NoSite => "it has no configuration".into(),
            Self::Site(faults) => {
                format!("its configuration has {faults} faults, which the log of `store` names")
            }
        }
    }

    fn portuguese(&self) -> String {
        match self {
            Self::Changed => "uma parte dele não está como foi feita".into(),
            Self::TooLong => "há algo depois do fim dele".into(),
            Self::Row(table) => format!("uma linha da tabela {table} não pode ser lida"),
            Self::Strange => "ele tem linhas que nenhum backup tem".into(),
            Self::TooMany => "ele tem mais linhas do que são guardadas".into(),
            Self::NoSite => "ele não tem configuração".into(),
            Self::Site(faults) => {
                format!("a configuração dele tem {faults} erros, que o log de `store` mostra")
            }
        }
    }
}

impl BackupFailure {
    /// What programs know it by. These names stay.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoRoom => "no-room",
            Self::Disk(_) => "disk",
            Self::Database => "database",
            Self::NoKeys => "no-keys",
            Self::NoSite => "no-configuration",
            Self::Interrupted => "interrupted",
            Self::Unproved(_) => "not-proved",
            Self::Differs => "differs",
            Self::AwaitsRestart => "awaits-restart",
            Self::Undecided => "undecided",
        }
    }

    /// In English.
    #[must_use]
    pub fn english(&self) -> String {
        match self {
            Self::NoRoom => BackupRefusal::NoRoom.english(),
            Self::Disk(errno) => {
                format!("the data disk refused (error {errno}); replace it if this happens again")
            }
            Self::Database => {
                "the database cannot be read or written; see the log of `store`".into()
            }
            Self::NoKeys => {
                "the keys of the backups cannot be read; try again, and see the log of `store`"
                    .into()
            }
            Self::NoSite => "there is no configuration to back up yet".into(),
            Self::Interrupted => {
                "the store was interrupted and nothing was changed; try again".into()
            }
            Self::Unproved(refusal) => format!("its trial restore: {}", refusal.english()),
            Self::Differs => {
                "its trial restore gave other rows back; replace the disk if this happens again"
                    .into()
            }
            Self::AwaitsRestart => {
                "a backup was restored and nothing is stored until the box starts anew: restart it"
                    .into()
            }
            Self::Undecided => {
                "the data disk failed in the middle; restart the box, which shows which of both \
                 databases it has, and replace the disk"
                    .into()
            }
        }
    }

    /// In Brazilian Portuguese.
    #[must_use]
    pub fn portuguese(&self) -> String {
        match self {
            Self::NoRoom => BackupRefusal::NoRoom.portuguese(),
            Self::Disk(errno) => {
                format!("o disco de dados recusou (erro {errno}); troque-o se isto se repetir")
            }
            Self::Database => {
                "o banco de dados não pode ser lido ou gravado; veja o log de `store`".into()
            }
            Self::NoKeys => {
                "as chaves dos backups não podem ser lidas; tente de novo, e veja o log de `store`"
                    .into()
            }
            Self::NoSite => "ainda não há configuração para o backup".into(),
            Self::Interrupted => {
                "o banco de dados foi interrompido e nada foi alterado; tente de novo".into()
            }
            Self::Unproved(refusal) => {
                format!("a restauração de teste: {}", refusal.portuguese())
            }
            Self::Differs => {
                "a restauração de teste devolveu outras linhas; troque o disco se isto se repetir"
                    .into()
            }
            Self::AwaitsRestart => {
                "um backup foi restaurado e nada é guardado até a central reiniciar: reinicie-a"
                    .into()
            }
            Self::Undecided => {
                "o disco de dados falhou no meio; reinicie a central, que mostra qual dos dois \
                 bancos de dados ficou, e troque o disco"
                    .into()
            }
        }
    }
}
