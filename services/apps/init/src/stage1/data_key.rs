//! The key of the data: with the TPM of the box, where it has one.

use std::cell::RefCell;

use firmware::{FirmwareError, KeyNews, KeyPlace, Mended, OpenedKey, Protection, StateFile};
use slot::{Condition, Slot};

use super::slots::{NOTHING_ERASED, Tools};
use crate::boot::{KeyKept, Maintenance};
use crate::console::Console;
use crate::{recovery_code, tpm_relay};

/// Opens the key, or makes one; what people are to know is told. The copies are the same then.
pub(super) fn open(
    state: &StateFile,
    slot: Slot,
    tools: &mut Tools<'_>,
) -> Result<OpenedKey, Maintenance> {
    let may_seal = has_proved_good(state, slot).map_err(unusable)?;
    let watchdogs = RefCell::new(&mut *tools.watchdogs);
    let pet = || watchdogs.borrow_mut().pet();
    let opened = state.key_at_start(may_seal, |need| tpm_relay::find(need, &pet));
    let opened = opened.map_err(unusable)?;
    let console = &mut *tools.console;
    tell(&opened.news, console);
    // Not before it was opened: the copy that is older may be the only one that can be.
    match state.mend_opened(&opened).map_err(unusable)? {
        Mended::Nothing => {}
        Mended::Copy => console.line("ramal: a copy of the data's key was mended"),
        Mended::Refused(error) => console.line(&format!(
            "ramal: {error}; one copy of the data's key is left"
        )),
    }
    if let Some(code) = &opened.code
        && let Err(error) = recovery_code::leave(code)
    {
        console.line(&format!("ramal: {error}"));
    }
    Ok(opened)
}

/// Where the key is that was not opened.
pub(super) fn kept_unopened(state: &StateFile) -> KeyKept {
    match state.key_place() {
        Ok(KeyPlace::Kept {
            protection: Protection::Tpm(_),
            ..
        }) => KeyKept::Locked,
        Ok(KeyPlace::Kept { .. } | KeyPlace::Empty | KeyPlace::Damaged) | Err(_) => KeyKept::OnDisk,
    }
}

fn tell(news: &KeyNews, console: &mut Console) {
    match news {
        KeyNews::None => {}
        KeyNews::MadeOpen => console
            .line("ramal: no TPM keeps the key of the data: it lies on the disk, beside the data"),
        KeyNews::MadeSealed => console.line("ramal: the key of the data was sealed by the TPM"),
        KeyNews::Sealed => console.line(
            "ramal: the key of the data was sealed by the TPM, and no longer lies on the disk",
        ),
        KeyNews::Refused(error) => console.line(&format!(
            "ramal: {error}; the key lies on the disk, beside the data"
        )),
        KeyNews::Renewed => console.line("ramal: the data have another recovery code"),
        KeyNews::NotRenewed(error) => console.line(&format!(
            "ramal: {error}; the recovery code of the data is the one of before"
        )),
    }
}

/// Only then nothing is left to a version before, which may not know of TPMs.
fn has_proved_good(state: &StateFile, slot: Slot) -> Result<bool, FirmwareError> {
    let condition = state.read()?.slot(slot).condition;
    Ok(matches!(condition, Condition::Good(_)))
}

fn unusable(error: FirmwareError) -> Maintenance {
    let advice = match error {
        FirmwareError::NoTpm | FirmwareError::Tpm(_) | FirmwareError::TpmDevice(_) => TPM_ADVICE,
        _ => NOTHING_ERASED,
    };
    Maintenance(format!("{error}. {advice}"))
}

const TPM_ADVICE: &str = "Nothing was erased. Put the machine, its TPM and its setup back as they \
                          were and restart; or type the recovery code here; or erase everything, \
                          by the menu / Nada foi apagado. Volte a máquina, o TPM e a configuração \
                          da placa como eram e reinicie; ou digite aqui o código de recuperação; \
                          ou apague tudo, pelo menu";
