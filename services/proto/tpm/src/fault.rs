//! What a TPM can do wrong.

/// Why a secret could not be sealed or opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// The answer is not one, or not to this command.
    #[error("the TPM's answer to {0} cannot be read")]
    Malformed(&'static str),
    /// The TPM says no.
    #[error("the TPM refuses {command} (code {code:#05x})")]
    Refused {
        /// The command.
        command: &'static str,
        /// TPM_RC, Part 2 §6.6.
        code: u32,
    },
    /// Its storage key is not the one the secret was sealed with.
    #[error("it was sealed by another TPM, or this one was cleared since")]
    OtherTpm,
    /// An answer was changed on its way, or comes from something else.
    #[error("the answer to {0} does not come from the TPM that was greeted")]
    NotAuthentic(&'static str),
    /// There is nothing more to answer, or the secret is too long.
    #[error("nothing was asked of the TPM")]
    NotAsked,
}
