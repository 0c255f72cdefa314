//! Why a backup is not taken, for programs and for people.

use ipc::store::BackupRefusal;

/// What programs know a reason by. These names stay.
pub(crate) const fn code(refusal: &BackupRefusal) -> &'static str {
    match refusal {
        BackupRefusal::Missing => "no-such-backup",
        BackupRefusal::NotABackup => "not-a-backup",
        BackupRefusal::Newer => "newer",
        BackupRefusal::NoCode => "not-a-code",
        BackupRefusal::OtherCode => "other-code",
        BackupRefusal::Damaged(_) => "damaged",
        BackupRefusal::CutShort => "cut-short",
        BackupRefusal::NotSigned => "not-signed",
        BackupRefusal::NoRoom => "no-room",
        BackupRefusal::OutOfOrder => "out-of-order",
        BackupRefusal::Busy => "busy",
    }
}

pub(crate) fn english(refusal: &BackupRefusal) -> String {
    match refusal {
        BackupRefusal::Missing => "there is no such backup on the box".into(),
        BackupRefusal::NotABackup => {
            "this is no backup of a box; choose a file that was downloaded from /backups".into()
        }
        BackupRefusal::Newer => {
            "a newer version made this backup; update the box, then restore it".into()
        }
        BackupRefusal::NoCode => {
            "code: a backup code has six groups of five letters and digits; eight groups of four \
             are the recovery code of the data"
                .into()
        }
        BackupRefusal::OtherCode => {
            "code: this backup was made with another backup code; use the one of its time".into()
        }
        BackupRefusal::Damaged(what) => {
            format!("the backup is damaged and nothing was changed; take another one ({what})")
        }
        BackupRefusal::CutShort => {
            "the backup ends too soon and nothing was changed; copy it again".into()
        }
        BackupRefusal::NotSigned => {
            "the box that the backup names has not signed it; nothing was changed".into()
        }
        BackupRefusal::NoRoom => {
            "the data disk has no room for it; delete recordings, or give the box a larger one"
                .into()
        }
        BackupRefusal::OutOfOrder => {
            "this piece does not follow the one before; begin anew at 0".into()
        }
        BackupRefusal::Busy => {
            "a backup is being made or restored at this moment; try again in a minute".into()
        }
    }
}

pub(crate) fn portuguese(refusal: &BackupRefusal) -> String {
    match refusal {
        BackupRefusal::Missing => "não existe esse backup na central".into(),
        BackupRefusal::NotABackup => {
            "isto não é um backup de uma central; escolha um arquivo baixado de /backups".into()
        }
        BackupRefusal::Newer => {
            "uma versão mais nova fez este backup; atualize a central e então restaure".into()
        }
        BackupRefusal::NoCode => {
            "código: um código de backup tem seis grupos de cinco letras e dígitos; oito grupos \
             de quatro são o código de recuperação dos dados"
                .into()
        }
        BackupRefusal::OtherCode => {
            "código: este backup foi feito com outro código; use o da época dele".into()
        }
        BackupRefusal::Damaged(what) => {
            format!(
                "o backup está danificado e nada foi alterado; use outro (detalhe, em inglês: \
                 {what})"
            )
        }
        BackupRefusal::CutShort => {
            "o backup termina cedo demais e nada foi alterado; copie-o de novo".into()
        }
        BackupRefusal::NotSigned => {
            "o backup não foi assinado pela central indicada nele; nada foi alterado".into()
        }
        BackupRefusal::NoRoom => {
            "não há espaço para ele no disco de dados; apague gravações, ou use um disco maior"
                .into()
        }
        BackupRefusal::OutOfOrder => "esta parte não segue a anterior; comece de novo em 0".into(),
        BackupRefusal::Busy => {
            "um backup está sendo feito ou restaurado agora; tente em um minuto".into()
        }
    }
}
