//! Offer and answer of one dialog (RFC 3264): what we wrote, what the peer wrote, what came of it.
//!
//! One offer at a time. A refused or unanswered offer leaves what was agreed before in force
//! (RFC 3261 §14.1).

use std::net::{IpAddr, SocketAddr};

use ipc::Redacted;
use ipc::sound::{Agreed, Codec, Crypto, Dtmf, EndpointId, Request as SoundRequest, Suite, Tones};
use sdp::{
    Audio, AudioFault, Author, CryptoLine, Direction, Ours, SUITES, Session, TelephoneEvent,
};

use super::{Agreement, DtmfMode, Encryption, Profile};
use crate::secrets::Secrets;

/// The state of RFC 3264 for one dialog.
#[derive(Clone, Debug)]
pub(super) struct Talk {
    pub(super) author: Author,
    /// Where the audio is among the media of our descriptions.
    pub(super) index: usize,
    /// Our description in force.
    pub(super) ours: Option<Ours>,
    /// An offer of ours that has no answer yet.
    pub(super) offer: Option<Ours>,
    /// What is in force.
    pub(super) agreed: Option<Agreed>,
    /// What the call wants to be agreed, in order; empty is what `media` can convert.
    pub(super) prefer: Vec<Codec>,
    /// Our keys, one a suite: a peer that is told a known key need not start anew.
    pub(super) keys: Vec<(Suite, Redacted<Vec<u8>>)>,
}

/// Who and where we are, for a description.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) profile: &'a Profile,
    pub(super) address: IpAddr,
    pub(super) port: u16,
    /// Offer to share the RTP port with RTCP.
    pub(super) mux: bool,
}

/// A peer's offer: all of it, and the audio in it that is answered.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    pub(super) session: Session,
    pub(super) audio: Audio,
}

impl Offer {
    /// Reads an offer and chooses the audio to answer: the first that profile and codecs allow,
    /// encrypted ones first when we encrypt at all.
    pub(super) fn choose(
        profile: &Profile,
        family: IpAddr,
        session: Session,
    ) -> Result<Self, AudioFault> {
        let mut found = sdp::read_audio(&session, family)?;
        found.sort_by_key(|audio| match profile.srtp {
            Encryption::Off => audio.secure,
            Encryption::Optional | Encryption::Required => audio.crypto.is_empty(),
        });
        let mut fault = AudioFault::NoCodec;
        for mut audio in found {
            audio.codecs.retain(|codec| allows(profile, codec));
            if audio.codecs.iter().all(sdp::is_noise) {
                continue;
            }
            match key_line(profile, &audio) {
                Ok(_) => return Ok(Self { session, audio }),
                Err(reason) => fault = reason,
            }
        }
        Err(fault)
    }
}

impl Talk {
    pub(super) const fn new(id: u64) -> Self {
        Self {
            author: Author::new(id),
            index: 0,
            ours: None,
            offer: None,
            agreed: None,
            prefer: Vec::new(),
            keys: Vec::new(),
        }
    }

    /// An offer of ours waits for its answer.
    pub(super) const fn is_offering(&self) -> bool {
        self.offer.is_some()
    }

    /// For the call.
    pub(super) fn agreement(&self) -> Agreement {
        let Some(agreed) = &self.agreed else {
            return Agreement::default();
        };
        Agreement {
            codecs: agreed.send.clone(),
            held_by_peer: !agreed.hears,
        }
    }

    /// An offer with these codecs, as the body of a message; `None` when the profile allows none
    /// of them.
    pub(super) fn offer(
        &mut self,
        secrets: &mut Secrets,
        place: Place<'_>,
        codecs: &[Codec],
    ) -> Option<Vec<u8>> {
        let allowed = |codec: &&Codec| allows(place.profile, codec);
        let mut wanted: Vec<Codec> = codecs.iter().filter(allowed).cloned().collect();
        let first = self.ours.is_none() && codecs.iter().any(sdp::is_decoded);
        if first && wanted.iter().all(sdp::is_noise) {
            // Its settings may leave a phone nothing but Opus, which `media` converts.
            let rest = sdp::convertible().into_iter().chain([sdp::opus()]);
            wanted.extend(rest.filter(|codec| allows(place.profile, codec)));
        }
        if wanted.iter().all(sdp::is_noise) {
            return None;
        }
        let with_events = match place.profile.dtmf {
            DtmfMode::Automatic | DtmfMode::Events => true,
            DtmfMode::Info | DtmfMode::InBand => false,
        };
        let (codecs, events) = sdp::offered(wanted, self.ours.as_ref(), with_events);
        let crypto = match place.profile.srtp {
            Encryption::Off => Vec::new(),
            // Two lines keep the INVITE short enough for a datagram.
            Encryption::Optional => self.key_lines(secrets, 2),
            Encryption::Required => self.key_lines(secrets, SUITES.len()),
        };
        let secure = place.profile.srtp == Encryption::Required || self.is_secure();
        let ours = Ours {
            port: place.port,
            protocol: if secure { "RTP/SAVP" } else { "RTP/AVP" }.to_owned(),
            codecs,
            events,
            direction: Direction::SendReceive,
            rtcp_mux: place.mux,
            crypto,
        };
        let body = self.write(&ours, place.address);
        self.offer = Some(ours);
        Some(body)
    }

    /// The text of the offer that waits, for a request that is made anew.
    pub(super) fn offer_text(&mut self, address: IpAddr) -> Option<Vec<u8>> {
        let offer = self.offer.take()?;
        let body = self.write(&offer, address);
        self.offer = Some(offer);
        Some(body)
    }

    /// The description in force as an offer that changes nothing (RFC 4028 §7.4).
    pub(super) fn offer_again(&mut self, address: IpAddr) -> Option<Vec<u8>> {
        let ours = self.ours.clone()?;
        let body = self.write(&ours, address);
        self.offer = Some(ours);
        Some(body)
    }

    /// The description in force, word for word.
    pub(super) fn repeat(&mut self, address: IpAddr) -> Option<Vec<u8>> {
        let ours = self.ours.take()?;
        let body = self.write(&ours, address);
        self.ours = Some(ours);
        Some(body)
    }

    /// The offer of ours has no answer and will have none.
    pub(super) fn withdraw(&mut self) {
        self.offer = None;
    }

    /// Answers an offer. What is in force comes first, so that a peer that offers more than it
    /// uses changes nothing for the other party.
    pub(super) fn answer(
        &mut self,
        secrets: &mut Secrets,
        place: Place<'_>,
        offer: &Offer,
    ) -> Result<Vec<u8>, AudioFault> {
        let Offer { session, audio } = offer;
        let codecs = self.choose(&audio.codecs);
        let Some(first) = codecs.first() else {
            return Err(AudioFault::NoCodec);
        };
        let dtmf = dtmf(place.profile, &audio.events, &audio.events, first);
        let line = key_line(place.profile, audio)?;
        let crypto = line.map(|line| self.take_key(secrets, line));
        let protocol = session.media.get(audio.index);
        let ours = Ours {
            port: place.port,
            protocol: protocol.map_or_else(String::new, |media| media.protocol.clone()),
            events: match dtmf {
                Dtmf::Events { receive, clock, .. } => vec![TelephoneEvent {
                    payload_type: receive,
                    clock,
                }],
                Dtmf::InBand | Dtmf::Elsewhere => Vec::new(),
            },
            codecs,
            direction: audio.direction.reversed(),
            rtcp_mux: audio.rtcp_mux,
            crypto: crypto.iter().map(|(line, _)| line.clone()).collect(),
        };
        self.index = audio.index;
        let described = ours.describe(place.address, Some((session, audio.index)));
        let body = self.author.write(described, place.address).into_bytes();
        let formats = of_offer(&ours.codecs, &audio.codecs);
        let crypto = crypto.map(|(_, agreed)| agreed);
        self.agreed = Some(agreed(audio, formats, dtmf, ours.rtcp_mux, crypto));
        self.ours = Some(ours);
        Ok(body)
    }

    /// Takes the answer to the offer of ours.
    pub(super) fn answered(
        &mut self,
        profile: &Profile,
        family: IpAddr,
        session: &Session,
    ) -> Result<(), AudioFault> {
        let ours = self.offer.take().ok_or(AudioFault::NoAudio)?;
        let audio = sdp::read_audio(session, family)?;
        let theirs = audio.iter().find(|audio| audio.index == self.index);
        let theirs = theirs.ok_or(AudioFault::NoAudio)?;
        let (send, receive) = sdp::taken(&ours, theirs);
        let first = send.iter().find(|codec| !sdp::is_noise(codec));
        let first = first.ok_or(AudioFault::NoCodec)?;
        let dtmf = dtmf(profile, &ours.events, &theirs.events, first);
        let crypto = ours.crypto.iter().find_map(|own| {
            let same = |line: &&CryptoLine| line.tag == own.tag && line.suite == own.suite;
            let line = theirs.crypto.iter().find(same)?;
            Some(crypto_of(own.key()?.clone(), line))
        });
        let must = profile.srtp == Encryption::Required || theirs.secure;
        if crypto.is_none() && must {
            return Err(AudioFault::NotEncrypted);
        }
        let mux = ours.rtcp_mux && theirs.rtcp_mux;
        self.agreed = Some(agreed(theirs, (send, receive), dtmf, mux, crypto));
        self.ours = Some(ours);
        Ok(())
    }

    /// What `media` is told.
    pub(super) fn set(
        &self,
        endpoint: EndpointId,
        signalling: SocketAddr,
        relatch: bool,
        rollover: (u32, u32),
        tones: Tones,
    ) -> Option<SoundRequest> {
        let agreed = Agreed {
            signalling: Some(signalling),
            relatch,
            rollover,
            tones,
            ..self.agreed.clone()?
        };
        Some(SoundRequest::Set(endpoint, Box::new(agreed)))
    }

    fn is_secure(&self) -> bool {
        let protocol = self.ours.as_ref().map(|ours| ours.protocol.as_str());
        matches!(protocol, Some("RTP/SAVP" | "RTP/SAVPF"))
    }

    /// Our text; other media of an earlier description of ours keep their lines.
    fn write(&mut self, ours: &Ours, address: IpAddr) -> Vec<u8> {
        let before = self.author.last().map(|last| (last, self.index));
        let described = ours.describe(address, before);
        self.author.write(described, address).into_bytes()
    }

    fn choose(&self, offered: &[Codec]) -> Vec<Codec> {
        let in_force = self.ours.as_ref().filter(|_| self.agreed.is_some());
        let in_force = in_force.map_or(&[][..], |ours| &ours.codecs);
        if in_force.is_empty() {
            return sdp::choose(offered, &self.prefer);
        }
        let new = |wanted: &&Codec| !in_force.iter().any(|have| sdp::same_encoding(have, wanted));
        let mut prefer = in_force.to_vec();
        prefer.extend(self.prefer.iter().filter(new).cloned());
        sdp::choose(offered, &prefer)
    }

    fn key(&mut self, secrets: &mut Secrets, suite: Suite) -> Redacted<Vec<u8>> {
        if let Some((_, key)) = self.keys.iter().find(|(known, _)| *known == suite) {
            return key.clone();
        }
        let mut bytes = secrets.bytes().to_vec();
        bytes.truncate(sdp::key_length(suite));
        let key = Redacted::new(bytes);
        self.keys.push((suite, key.clone()));
        key
    }

    fn key_lines(&mut self, secrets: &mut Secrets, count: usize) -> Vec<CryptoLine> {
        (1_u32..)
            .zip(SUITES.into_iter().take(count))
            .map(|(tag, suite)| CryptoLine::ours(tag, suite, self.key(secrets, suite)))
            .collect()
    }

    /// Our line for theirs, with the same tag (RFC 4568 §5.1.2), and the keys for `media`.
    fn take_key(&mut self, secrets: &mut Secrets, line: &CryptoLine) -> (CryptoLine, Crypto) {
        let key = self.key(secrets, line.suite);
        let ours = CryptoLine::ours(line.tag, line.suite, key.clone());
        (ours, crypto_of(key, line))
    }
}

/// The keys for `media`: ours, and those of the peer's line.
fn crypto_of(send: Redacted<Vec<u8>>, theirs: &CryptoLine) -> Crypto {
    Crypto {
        suite: theirs.suite,
        send,
        receive: theirs.keys.clone(),
        mki_length: theirs.mki_length,
    }
}

/// Whether a profile allows a codec; noise comes along with any.
pub(super) fn allows(profile: &Profile, codec: &Codec) -> bool {
    profile.codecs.is_empty() || sdp::is_noise(codec) || profile.codecs.contains(&codec.name)
}

/// The line of an offer to take: the first we know (RFC 4568 §5.1.2), one without an MKI before one
/// with it, which costs bytes in every packet. `None` for plain RTP.
fn key_line<'a>(profile: &Profile, audio: &'a Audio) -> Result<Option<&'a CryptoLine>, AudioFault> {
    let wanted = match profile.srtp {
        Encryption::Off => audio.secure,
        Encryption::Optional | Encryption::Required => true,
    };
    let must = audio.secure || profile.srtp == Encryption::Required;
    let bare = audio.crypto.iter().find(|line| line.mki_length == 0);
    match bare.or_else(|| audio.crypto.first()).filter(|_| wanted) {
        None if must => Err(AudioFault::NotEncrypted),
        line => Ok(line),
    }
}

/// Our formats as they are sent: the numbers are the same both ways, the parameters each side's
/// own.
fn of_offer(ours: &[Codec], theirs: &[Codec]) -> (Vec<Codec>, Vec<Codec>) {
    let send = ours.iter().map(|own| {
        let known = theirs.iter().find(|known| sdp::same_encoding(known, own));
        known.unwrap_or(own).clone()
    });
    (send.collect(), ours.to_vec())
}

fn dtmf(
    profile: &Profile,
    ours: &[TelephoneEvent],
    theirs: &[TelephoneEvent],
    codec: &Codec,
) -> Dtmf {
    let events = || sdp::events(ours, theirs, codec);
    match profile.dtmf {
        DtmfMode::Events => events().unwrap_or(Dtmf::Elsewhere),
        // A peer without events sends tones, or INFO, which is always taken.
        DtmfMode::Automatic => events().unwrap_or_else(|| match sdp::is_convertible(codec) {
            true => Dtmf::InBand,
            false => Dtmf::Elsewhere,
        }),
        DtmfMode::InBand if sdp::is_convertible(codec) => Dtmf::InBand,
        DtmfMode::InBand | DtmfMode::Info => Dtmf::Elsewhere,
    }
}

fn agreed(
    theirs: &Audio,
    (send, receive): (Vec<Codec>, Vec<Codec>),
    dtmf: Dtmf,
    rtcp_mux: bool,
    crypto: Option<Crypto>,
) -> Agreed {
    Agreed {
        remote: theirs.remote,
        remote_rtcp: theirs.rtcp,
        rtcp_mux,
        send,
        receive,
        dtmf,
        hears: theirs.direction.receives() && theirs.remote.is_some(),
        speaks: theirs.direction.sends(),
        crypto,
        packet_time: theirs.packet_time.unwrap_or(0),
        ..Agreed::default()
    }
}
