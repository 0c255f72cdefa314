//! What a phone tells.

/// What happened at a phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It is registered (again).
    Registered,
    /// The registrar refused it or did not answer.
    RegisterFailed {
        /// `403 Forbidden`, or the system's words.
        reason: String,
    },
    /// Somebody calls.
    Incoming {
        /// The URI of the caller.
        from: String,
    },
    /// The phone that was called rings.
    Ringing,
    /// Something can be heard before the call is answered (183).
    Progress,
    /// The call was answered.
    Established {
        /// The URI of the other side.
        peer: String,
    },
    /// The call ended or was refused.
    Closed {
        /// `404 Not Found`, `Connection reset by peer` for a BYE, or the system's words.
        reason: String,
    },
    /// The sound could not be played or recorded.
    SoundFailed {
        /// baresip's words.
        reason: String,
    },
}
