//! The key of the data: with the TPM of the box, where it has one.

use std::time::Duration;

use firmware::{FirmwareError, KeyNews, Need, OpenedKey, StateFile, Tpm};
use kernel::clock;
use slot::{Condition, Slot};

use super::DISK_POLL;
use super::slots::NOTHING_ERASED;
use crate::boot::Maintenance;
use crate::console::Console;
use crate::recovery_code;

/// Opens the key, or makes one; what people are to know is told.
pub(super) fn open(
    state: &StateFile,
    slot: Slot,
    console: &mut Console,
) -> Result<OpenedKey, Maintenance> {
    let may_seal = has_proved_good(state, slot).map_err(unusable)?;
    let opened = state.key_at_start(may_seal, find).map_err(unusable)?;
    match &opened.news {
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
    }
    if let Some(code) = &opened.code
        && let Err(error) = recovery_code::leave(code)
    {
        console.line(&format!("ramal: {error}"));
    }
    Ok(opened)
}

/// Only then nothing is left to a version before, which may not know of TPMs.
fn has_proved_good(state: &StateFile, slot: Slot) -> Result<bool, FirmwareError> {
    let condition = state.read()?.slot(slot).condition;
    Ok(matches!(condition, Condition::Good(_)))
}

/// Waits for the TPM where there is one to wait for: some need seconds to test themselves.
fn find(need: Need) -> Result<Option<Tpm>, FirmwareError> {
    let patience = match need {
        Need::Must => WAIT,
        Need::May if Tpm::is_announced() => WAIT,
        Need::May => Duration::ZERO,
    };
    let start = clock::since_boot();
    loop {
        let found = Tpm::open()?;
        if found.is_some() || clock::since_boot().saturating_sub(start) >= patience {
            return Ok(found);
        }
        std::thread::sleep(DISK_POLL);
    }
}

fn unusable(error: FirmwareError) -> Maintenance {
    let advice = match error {
        FirmwareError::NoTpm | FirmwareError::Tpm(_) | FirmwareError::TpmDevice(_) => TPM_ADVICE,
        _ => NOTHING_ERASED,
    };
    Maintenance(format!("{error}. {advice}"))
}

/// How long a TPM may take until it is there.
const WAIT: Duration = Duration::from_secs(20);

const TPM_ADVICE: &str = "Nothing was erased. Put the machine, its TPM and its setup back as they \
                          were and restart; or enter the recovery code in the rescue system; or \
                          erase everything there / Nada foi apagado. Volte a máquina, o TPM e a \
                          configuração da placa como eram e reinicie; ou digite o código de \
                          recuperação no sistema de resgate; ou apague tudo lá";
