//! Sealing and opening: each one secret, one dialogue.

use sansio::Entropy;

use crate::command::{CREATE, LOAD, UNSEAL, name, sealed_object};
use crate::hello::{Channel, Hello};
use crate::session::{Draws, Way};
use crate::wire::{Reader, Writer};
use crate::{Fault, SECRET_MAX, Secret};

/// What comes next.
#[derive(Debug)]
pub enum Step<T> {
    /// Send this command, and hand the answer in.
    Send(Vec<u8>),
    /// That is what was wanted.
    Done(T),
}

/// A secret that only the TPM that sealed it opens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sealed {
    /// The part that the storage key has encrypted (`TPM2B_PRIVATE`, its content).
    private: Vec<u8>,
    /// What the object is (`TPM2B_PUBLIC`, its content).
    public: Vec<u8>,
    /// What the storage key is called: another one is not even told who asks.
    key: Vec<u8>,
}

impl Sealed {
    /// Its bytes: the three parts, each after its length as a u16, big-endian.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let parts = Writer::default().sized(&self.private).sized(&self.public);
        parts.sized(&self.key).0
    }

    /// Reads it back, and what follows it.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let mut reader = Reader(bytes);
        let mut part = || reader.sized().map(<[u8]>::to_vec);
        let sealed = Self {
            private: part()?,
            public: part()?,
            key: part()?,
        };
        Some((sealed, reader.0))
    }
}

/// Seals a secret.
pub struct Seal {
    secret: Secret,
    draws: Draws,
    stage: SealStage,
}

enum SealStage {
    Hello(Hello),
    Create(Channel),
    Over,
}

impl Seal {
    /// The dialogue, and its first command. `entropy` is for this one alone.
    ///
    /// # Errors
    /// The secret is longer than [`SECRET_MAX`].
    pub fn new(secret: Secret, entropy: Entropy) -> Result<(Self, Vec<u8>), Fault> {
        if secret.bytes().len() > SECRET_MAX {
            return Err(Fault::NotAsked);
        }
        let seal = Self {
            secret,
            draws: Draws::new(entropy),
            stage: SealStage::Hello(Hello::Key(None)),
        };
        Ok((seal, Hello::command()))
    }

    /// Takes the answer to the last command. After an error nothing more is to be sent.
    ///
    /// # Errors
    /// What the TPM does wrong, or says no to.
    pub fn answer(&mut self, answer: &[u8]) -> Result<Step<Sealed>, Fault> {
        match std::mem::replace(&mut self.stage, SealStage::Over) {
            SealStage::Hello(mut hello) => match hello.answer(answer, &mut self.draws)? {
                Step::Send(command) => {
                    self.stage = SealStage::Hello(hello);
                    Ok(Step::Send(command))
                }
                Step::Done(channel) => Ok(Step::Send(self.create(channel))),
            },
            SealStage::Create(mut channel) => {
                let way = Way::Encrypted;
                let (_, body) = channel.session.answer(CREATE, answer, false, way)?;
                let mut reader = Reader(body.bytes());
                let parts = reader.sized().zip(reader.sized());
                let (private, public) = parts.ok_or(Fault::Malformed(CREATE.name))?;
                Ok(Step::Done(Sealed {
                    private: private.to_vec(),
                    public: public.to_vec(),
                    key: channel.key.name,
                }))
            }
            SealStage::Over => Err(Fault::NotAsked),
        }
    }

    fn create(&mut self, mut channel: Channel) -> Vec<u8> {
        // An empty authorisation, then the secret.
        let sensitive = Writer::default().sized(&[]).sized(self.secret.bytes());
        let sensitive = Secret::new(sensitive.0);
        let body = Writer::default().sized(sensitive.bytes());
        // No outside information, no PCR of the time it was made.
        let body = body.sized(&sealed_object()).sized(&[]).u32(0).0;
        let command = channel.session.command(
            CREATE,
            (channel.key.handle, &channel.key.name),
            body,
            Way::Encrypted,
            &mut self.draws,
        );
        self.stage = SealStage::Create(channel);
        command
    }
}

/// Opens what was sealed.
pub struct Open {
    sealed: Sealed,
    draws: Draws,
    stage: OpenStage,
}

enum OpenStage {
    Hello(Hello),
    Load(Channel),
    Unseal(Channel),
    Over,
}

impl Open {
    /// The dialogue, and its first command. `entropy` is for this one alone.
    #[must_use]
    pub fn new(sealed: Sealed, entropy: Entropy) -> (Self, Vec<u8>) {
        let hello = Hello::Key(Some(sealed.key.clone()));
        let open = Self {
            sealed,
            draws: Draws::new(entropy),
            stage: OpenStage::Hello(hello),
        };
        (open, Hello::command())
    }

    /// Takes the answer to the last command. After an error nothing more is to be sent.
    ///
    /// # Errors
    /// What the TPM does wrong, or says no to.
    pub fn answer(&mut self, answer: &[u8]) -> Result<Step<Secret>, Fault> {
        match std::mem::replace(&mut self.stage, OpenStage::Over) {
            OpenStage::Hello(mut hello) => match hello.answer(answer, &mut self.draws)? {
                Step::Send(command) => {
                    self.stage = OpenStage::Hello(hello);
                    Ok(Step::Send(command))
                }
                Step::Done(channel) => Ok(Step::Send(self.load(channel))),
            },
            OpenStage::Load(mut channel) => {
                let (object, _) = channel.session.answer(LOAD, answer, true, Way::Open)?;
                Ok(Step::Send(self.unseal(channel, object)))
            }
            OpenStage::Unseal(mut channel) => {
                let way = Way::Decrypted;
                let (_, body) = channel.session.answer(UNSEAL, answer, false, way)?;
                let secret = Reader(body.bytes()).sized();
                let secret = secret.ok_or(Fault::Malformed(UNSEAL.name))?;
                Ok(Step::Done(Secret::new(secret.to_vec())))
            }
            OpenStage::Over => Err(Fault::NotAsked),
        }
    }

    fn load(&mut self, mut channel: Channel) -> Vec<u8> {
        let body = Writer::default().sized(&self.sealed.private);
        let body = body.sized(&self.sealed.public).0;
        let key = (channel.key.handle, &*channel.key.name);
        let session = &mut channel.session;
        let command = session.command(LOAD, key, body, Way::Open, &mut self.draws);
        self.stage = OpenStage::Load(channel);
        command
    }

    fn unseal(&mut self, mut channel: Channel, object: u32) -> Vec<u8> {
        let name = name(&self.sealed.public);
        let session = &mut channel.session;
        let way = Way::Decrypted;
        let command = session.command(UNSEAL, (object, &name), Vec::new(), way, &mut self.draws);
        self.stage = OpenStage::Unseal(channel);
        command
    }
}
