//! The keeper of keys in a box with a TPM 2.0.
//!
//! What the TPM seals is a recovery code, and the code encrypts the key: so whoever has written the
//! code down opens the data also where the TPM is gone.

use std::fs;
use std::io::{Read, Write};

use sansio::Entropy;
use tpm::{ANSWER_MAX, Fault, Open, Seal, Sealed, Secret, Step};

use crate::data_key::{DataKey, Keeper};
use crate::error::{FirmwareError, draw};
use crate::recovery::{Envelope, RecoveryCode};

/// A TPM, by a device that takes one command and gives one answer.
pub struct Tpm<D> {
    device: D,
}

/// Whether the machine says that it has a TPM 2.0, also when its driver is not done yet.
#[must_use]
pub fn is_tpm_announced() -> bool {
    let devices = fs::read_dir(ACPI_DEVICES).into_iter().flatten().flatten();
    let mut names = devices.map(|it| fs::read_to_string(it.path().join("modalias")));
    names.any(|name| name.is_ok_and(|name| name.contains(ACPI_ID)))
}

impl<D: Read + Write> Tpm<D> {
    /// By a device that is open. What is loaded in the TPM stays there until it is closed.
    pub const fn of(device: D) -> Self {
        Self { device }
    }

    fn ask(&mut self, command: &[u8]) -> Result<Vec<u8>, FirmwareError> {
        let failed = FirmwareError::TpmDevice;
        self.device.write_all(command).map_err(failed)?;
        let mut answer = vec![0; ANSWER_MAX];
        let length = self.device.read(&mut answer).map_err(failed)?;
        answer.truncate(length);
        Ok(answer)
    }
}

impl<D: Read + Write> Keeper for Tpm<D> {
    fn seal(&mut self, key: &DataKey, code: &RecoveryCode) -> Result<Vec<u8>, FirmwareError> {
        let secret = Secret::new(code.bytes().to_vec());
        let (mut seal, mut command) = Seal::new(secret, entropy()?)?;
        let sealed = loop {
            match seal.answer(&self.ask(&command)?)? {
                Step::Send(next) => command = next,
                Step::Done(sealed) => break sealed,
            }
        };
        let mut blob = sealed.encode();
        blob.extend_from_slice(&code.close(key));
        Ok(blob)
    }

    fn open(&mut self, blob: &[u8]) -> Result<(DataKey, RecoveryCode), FirmwareError> {
        let (sealed, envelope) = parts(blob)?;
        let (mut open, mut command) = Open::new(sealed, entropy()?);
        let secret = loop {
            match open.answer(&self.ask(&command)?)? {
                Step::Send(next) => command = next,
                Step::Done(secret) => break secret,
            }
        };
        let code = RecoveryCode::from_bytes(secret.bytes()).ok_or(DAMAGED)?;
        let key = envelope.open(&code).ok_or(DAMAGED)?;
        Ok((key, code))
    }
}

/// Opens without the TPM what one has sealed; `None` when the code is not its code.
pub(crate) fn open_by_code(
    blob: &[u8],
    code: &RecoveryCode,
) -> Result<Option<DataKey>, FirmwareError> {
    let (_, envelope) = parts(blob)?;
    Ok(envelope.open(code))
}

/// What its code opens of a blob, to be kept without the rest.
pub(crate) fn envelope_of(blob: &[u8]) -> Option<Vec<u8>> {
    let (_, envelope) = parts(blob).ok()?;
    Some(envelope.encode())
}

fn parts(blob: &[u8]) -> Result<(Sealed, Envelope), FirmwareError> {
    let (sealed, rest) = Sealed::decode(blob).ok_or(DAMAGED)?;
    Ok((sealed, Envelope::decode(rest).ok_or(DAMAGED)?))
}

fn entropy() -> Result<Entropy, FirmwareError> {
    let mut bytes = [0; 32];
    draw(&mut bytes)?;
    Ok(Entropy::new(bytes))
}

impl From<Fault> for FirmwareError {
    fn from(fault: Fault) -> Self {
        Self::Tpm(fault)
    }
}

const DAMAGED: FirmwareError = FirmwareError::KeyLost("its sealed form is damaged");

const ACPI_DEVICES: &str = "/sys/bus/acpi/devices";
/// TCG ACPI Specification: what every TPM 2.0 is called, beside its maker's name.
const ACPI_ID: &str = "MSFT0101";
