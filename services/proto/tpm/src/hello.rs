//! What both dialogues begin with: the storage key, then a session with it.

use crate::Fault;
use crate::command::{CREATE_PRIMARY, SESSIONS, name, storage_key};
use crate::dialogue::Step;
use crate::session::{Draws, Opening, Session, StorageKey};
use crate::wire::{Reader, Writer};

/// The two commands, one after the other.
pub(crate) enum Hello {
    /// The key was asked for; its name has to be this one, when there is one.
    Key(Option<Vec<u8>>),
    /// The session was asked for.
    Session(StorageKey, Opening),
    /// Both have been answered, or something failed.
    Over,
}

/// A key and a session with it.
pub(crate) struct Channel {
    pub(crate) key: StorageKey,
    pub(crate) session: Session,
}

impl Hello {
    /// The first command. The owner hierarchy's authorisation is empty until somebody sets one.
    pub(crate) fn command() -> Vec<u8> {
        let password = Writer::default()
            .u32(RS_PASSWORD)
            .sized(&[])
            .u8(0)
            .sized(&[])
            .0;
        let no_secret = Writer::default().sized(&[]).sized(&[]).0;
        let length = u32::try_from(password.len()).unwrap_or(u32::MAX);
        let body = Writer::default().u32(RH_OWNER).u32(length).bytes(&password);
        let body = body.sized(&no_secret).sized(&storage_key());
        // No outside information, no PCR of the time it was made.
        CREATE_PRIMARY.frame(SESSIONS, &body.sized(&[]).u32(0).0)
    }

    pub(crate) fn answer(
        &mut self,
        answer: &[u8],
        draws: &mut Draws,
    ) -> Result<Step<Channel>, Fault> {
        match std::mem::replace(self, Self::Over) {
            Self::Key(wanted) => {
                let body = CREATE_PRIMARY.body(SESSIONS, answer)?;
                let key = read_key(body).ok_or(Fault::Malformed(CREATE_PRIMARY.name))?;
                if wanted.is_some_and(|wanted| wanted != key.name) {
                    return Err(Fault::OtherTpm);
                }
                let (opening, command) = Opening::with(&key, draws)?;
                *self = Self::Session(key, opening);
                Ok(Step::Send(command))
            }
            Self::Session(key, opening) => {
                let session = opening.opened(answer)?;
                Ok(Step::Done(Channel { key, session }))
            }
            Self::Over => Err(Fault::NotAsked),
        }
    }
}

fn read_key(body: &[u8]) -> Option<StorageKey> {
    let mut reader = Reader(body);
    let handle = reader.u32()?;
    let length = usize::try_from(reader.u32()?).ok()?;
    let area = Reader(reader.bytes(length)?).sized()?;
    Some(StorageKey {
        handle,
        area: area.to_vec(),
        name: name(area),
    })
}

/// `TPM_RH_OWNER` and `TPM_RS_PW`, Part 2 §7.4.
const RH_OWNER: u32 = 0x4000_0001;
const RS_PASSWORD: u32 = 0x4000_0009;
