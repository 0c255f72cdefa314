//! What the browser says a ceremony was about (WebAuthn §5.8.1): it is the browser that knows which
//! page asked, and the authenticator signs its words.

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;

use crate::ceremony::{Expected, Refusal};

/// What of it matters here. Browsers add members, and are meant to (§5.8.1, last note).
#[derive(Deserialize)]
pub(crate) struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(rename = "crossOrigin", default)]
    is_cross_origin: bool,
    #[serde(rename = "topOrigin", default)]
    top_origin: Option<String>,
}

/// Which ceremony it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Create,
    Get,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::Create => "webauthn.create",
            Self::Get => "webauthn.get",
        }
    }
}

impl ClientData {
    pub(crate) fn parse(json: &[u8]) -> Result<Self, Refusal> {
        if json.len() > LENGTH_MAX {
            return Err(Refusal::ClientData);
        }
        // §7.1 steps 5 and 6: UTF-8 decode, then JSON.
        serde_json::from_slice(json).map_err(|_| Refusal::ClientData)
    }

    /// §7.1 steps 7 to 11, §7.2 steps 10 to 14.
    pub(crate) fn check(&self, kind: Kind, expected: &Expected<'_>) -> Result<(), Refusal> {
        if self.kind != kind.name() {
            return Err(Refusal::Kind);
        }
        if self.challenge()? != expected.challenge {
            return Err(Refusal::Challenge);
        }
        // No page of another site has ours inside, and none may ask for us.
        let is_inside = self.is_cross_origin || self.top_origin.is_some();
        if self.origin != expected.origin || is_inside {
            return Err(Refusal::Origin);
        }
        Ok(())
    }

    fn challenge(&self) -> Result<Vec<u8>, Refusal> {
        let decoded = BASE64URL_NOPAD.decode(self.challenge.as_bytes());
        decoded.map_err(|_| Refusal::ClientData)
    }
}

/// The challenge that an answer says it is to, for whoever keeps challenges to look it up. That it
/// was made for this ceremony is his to know.
///
/// # Errors
/// The client data are not what a browser makes.
pub fn challenge_of(client_data: &[u8]) -> Result<Vec<u8>, Refusal> {
    ClientData::parse(client_data)?.challenge()
}

/// Browsers make about 200 bytes.
const LENGTH_MAX: usize = 4096;
