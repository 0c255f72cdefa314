//! SRTP of one endpoint: contexts that outlive the negotiations that made them.
//!
//! A re-INVITE may bring new keys for one direction, go over to plain RTP, or come back to keys of
//! before. A context that began anew under a key it has used would cover two packets with one key
//! stream (RFC 3711 §9.1) and forget the roll-over counters (pbx trap 21), so those not in use are
//! kept.

use ipc::Redacted;
use ipc::sound::{Crypto, MasterKey, Suite};
use rtp::srtp::{self, Master, Receiver, Refused, Sender};

/// The keys of an endpoint.
#[derive(Debug, Default)]
pub(crate) struct Secrecy {
    is_on: bool,
    /// The one in use first.
    senders: Vec<(Suite, Redacted<Vec<u8>>, Sender)>,
    /// The one in use first.
    receivers: Vec<Receiving>,
}

/// What receives under a set of keys.
#[derive(Debug)]
struct Receiving {
    agreed: (Suite, Vec<MasterKey>, u8),
    /// All keys its streams came under, latest first, for a peer that comes back to one of them.
    had: Vec<Redacted<Vec<u8>>>,
    receiver: Receiver,
}

impl Secrecy {
    /// Takes what was agreed. `is_joining`: the peer has been sending for an unknown while.
    ///
    /// # Errors
    /// Keys that do not fit their suite; nothing has changed then.
    pub(crate) fn set(&mut self, crypto: Option<&Crypto>, is_joining: bool) -> Result<(), String> {
        let Some(crypto) = crypto else {
            self.is_on = false;
            return Ok(());
        };
        let suite = crypto.suite;
        let is_sender =
            |it: &(Suite, Redacted<Vec<u8>>, Sender)| (it.0, &it.1) == (suite, &crypto.send);
        let sender = match self.senders.iter().position(is_sender) {
            Some(known) => Ok(known),
            // Our SSRC is new in every process, so its counter begins at zero rightly.
            None => Err(Sender::new(&master(suite, &crypto.send)?)),
        };
        let receiver = self.receiving(crypto, is_joining)?;
        to_front(
            &mut self.senders,
            sender.map_err(|new| (suite, crypto.send.clone(), new)),
        );
        if let Some(receiver) = receiver {
            self.receivers.retain(|it| !it.shares_a_key_with(crypto));
            to_front(&mut self.receivers, Err(receiver));
        }
        self.is_on = true;
        Ok(())
    }

    /// What is to receive from now on; `None` when what receives already may go on as it is. What
    /// came under one of the keys before stays received: the indices of a stream are the same under
    /// each key (RFC 3711 §3.2.1).
    fn receiving(&self, crypto: &Crypto, is_joining: bool) -> Result<Option<Receiving>, String> {
        let agreed = (crypto.suite, crypto.receive.clone(), crypto.mki_length);
        if self.receivers.first().is_some_and(|it| it.agreed == agreed) {
            return Ok(None);
        }
        let mut had: Vec<_> = crypto.receive.iter().map(|it| it.key.clone()).collect();
        let mut receiver = receiver(crypto, is_joining)?;
        let kin = self.receivers.iter();
        // The latest in use last, so that its word on a stream is the one that counts.
        for former in kin.rev().filter(|it| it.shares_a_key_with(crypto)) {
            receiver = receiver.after(&former.receiver);
            had.extend(former.had.iter().cloned());
        }
        had.truncate(KEYS_MAX.max(crypto.receive.len()));
        Ok(Some(Receiving {
            agreed,
            had,
            receiver,
        }))
    }

    /// Whether packets are encrypted.
    pub(crate) const fn is_on(&self) -> bool {
        self.is_on
    }

    /// Encrypts an RTP packet, when they are.
    pub(crate) fn protect_rtp(&mut self, packet: &mut Vec<u8>) -> Result<(), Refused> {
        self.sender()
            .map_or(Ok(()), |sender| sender.protect_rtp(packet))
    }

    /// Encrypts an RTCP packet, when they are.
    pub(crate) fn protect_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), Refused> {
        self.sender()
            .map_or(Ok(()), |sender| sender.protect_rtcp(packet))
    }

    /// Decrypts an RTP packet, when they are.
    pub(crate) fn unprotect_rtp(&mut self, packet: &mut Vec<u8>) -> Result<(), Refused> {
        self.receiver()
            .map_or(Ok(()), |receiver| receiver.unprotect_rtp(packet))
    }

    /// Decrypts an RTCP packet, when they are.
    pub(crate) fn unprotect_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), Refused> {
        self.receiver()
            .map_or(Ok(()), |receiver| receiver.unprotect_rtcp(packet))
    }

    /// Roll-over counters (sent, received).
    pub(crate) fn rollovers(&self) -> (u32, u32) {
        if !self.is_on {
            return (0, 0);
        }
        let latest = |position: srtp::Position| position.rollovers;
        let sent = self
            .senders
            .first()
            .map(|(_, _, sender)| sender.positions().map(latest).max());
        let received = self.receivers.first();
        let received = received.map(|it| it.receiver.positions().next().map(latest));
        (sent.flatten().unwrap_or(0), received.flatten().unwrap_or(0))
    }

    fn sender(&mut self) -> Option<&mut Sender> {
        let first = self.senders.first_mut().filter(|_| self.is_on);
        first.map(|(_, _, sender)| sender)
    }

    fn receiver(&mut self) -> Option<&mut Receiver> {
        let first = self.receivers.first_mut().filter(|_| self.is_on);
        first.map(|it| &mut it.receiver)
    }
}

impl Receiving {
    fn shares_a_key_with(&self, crypto: &Crypto) -> bool {
        let mut wanted = crypto.receive.iter();
        self.agreed.0 == crypto.suite && wanted.any(|it| self.had.contains(&it.key))
    }
}

/// Puts a known context, by its place, or a new one before all others.
fn to_front<T>(contexts: &mut Vec<T>, context: Result<usize, T>) {
    match context {
        Ok(known) => {
            if let Some(up_to_it) = contexts.get_mut(..=known) {
                up_to_it.rotate_right(1);
            }
        }
        Err(new) => {
            contexts.truncate(CONTEXTS_MAX - 1);
            contexts.insert(0, new);
        }
    }
}

fn receiver(crypto: &Crypto, is_joining: bool) -> Result<Receiver, String> {
    let one = |key: &MasterKey| Ok::<_, String>((key.mki, master(crypto.suite, &key.key)?));
    let masters = crypto
        .receive
        .iter()
        .map(one)
        .collect::<Result<Vec<_>, _>>()?;
    let receiver = Receiver::with_keys(&masters, usize::from(crypto.mki_length));
    let receiver = receiver.ok_or("the peer has no key")?;
    Ok(if is_joining {
        receiver.joining()
    } else {
        receiver
    })
}

fn master(suite: Suite, key: &Redacted<Vec<u8>>) -> Result<Master, String> {
    let suite = match suite {
        Suite::AesCm128HmacSha1_80 => srtp::Suite::AesCm128HmacSha1_80,
        Suite::AesCm128HmacSha1_32 => srtp::Suite::AesCm128HmacSha1_32,
        Suite::AeadAes128Gcm => srtp::Suite::AeadAes128Gcm,
    };
    Master::new(suite, key.reveal()).map_err(|error| error.to_string())
}

/// Contexts kept each way. `pbx` has one key a suite for a call; a peer that takes new ones all the
/// time does not come back to them.
const CONTEXTS_MAX: usize = 4;
/// Keys a receiver is known by; those of the last few negotiations.
const KEYS_MAX: usize = 16;
