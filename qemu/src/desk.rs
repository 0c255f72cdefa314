//! A person's desk: a real phone on the lab's network, in a namespace of its own.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use ipc::Redacted;

use crate::lab::{Lab, LabError};
use crate::lan::BOX_ADDRESS;
use crate::netns::Namespace;
use crate::phone::{Codec, Encryption, Phone, PhoneConfig, Transport};
use crate::probe::Credentials;
use crate::sound::Tone;

/// A phone and the namespace it lives in.
pub struct Desk {
    // Order matters: the phone unregisters before its network is gone.
    phone: Phone,
    seat: Namespace,
    tone: Tone,
}

/// What is different from desk to desk.
#[derive(Clone, Debug)]
pub struct DeskPlan {
    /// The extension.
    pub extension: String,
    /// Its address on the network: the last number of 10.77.0.x.
    pub host: u8,
    /// What it plays in every call.
    pub tone: Tone,
    /// What its SIP messages travel in.
    pub transport: Transport,
    /// How its media is encrypted.
    pub encryption: Encryption,
    /// Where it registers, and where the numbers that it dials go.
    pub registrar: SocketAddr,
    /// For how long it asks to be registered; zero: it does not register.
    pub expires: Duration,
}

impl DeskPlan {
    /// The first desk: extension 100, over UDP.
    pub fn first() -> Self {
        let tone = Tone {
            hertz: 440.0,
            dbfs: -12.0,
        };
        Self::plain("100", 100, tone, Transport::Udp)
    }

    /// The second desk: extension 101, over TCP, so that a call between the two crosses both.
    pub fn second() -> Self {
        let tone = Tone {
            hertz: 1000.0,
            dbfs: -18.0,
        };
        Self::plain("101", 101, tone, Transport::Tcp)
    }

    /// Extension 102, over TLS and with encrypted media.
    pub fn secure() -> Self {
        let tone = Tone {
            hertz: 700.0,
            dbfs: -15.0,
        };
        Self {
            encryption: Encryption::Required,
            registrar: SocketAddr::from((BOX_ADDRESS, SIPS_PORT)),
            ..Self::plain("102", 102, tone, Transport::Tls)
        }
    }

    /// A number somewhere else, reached over the server of a carrier; it registers nowhere.
    pub fn outside(number: &str, host: u8, server: SocketAddr) -> Self {
        let tone = Tone {
            hertz: 1400.0,
            dbfs: -15.0,
        };
        Self {
            registrar: server,
            expires: Duration::ZERO,
            ..Self::plain(number, host, tone, Transport::Udp)
        }
    }

    fn plain(extension: &str, host: u8, tone: Tone, transport: Transport) -> Self {
        Self {
            extension: extension.to_owned(),
            host,
            tone,
            transport,
            encryption: Encryption::Off,
            registrar: SocketAddr::from((BOX_ADDRESS, SIP_PORT)),
            expires: REGISTRATION,
        }
    }
}

impl Desk {
    /// Sets the desk up; the phone begins to register.
    ///
    /// # Errors
    /// No permission, or the phone does not start.
    pub fn set_up(
        lab: &Lab,
        plan: &DeskPlan,
        password: Redacted<String>,
    ) -> Result<Self, LabError> {
        let address = Ipv4Addr::new(10, 77, 0, plan.host);
        let seat = lab.lan().join(&format!("desk{}", plan.host), address)?;
        let config = PhoneConfig {
            extension: plan.extension.clone(),
            password,
            registrar: plan.registrar,
            local: SocketAddr::from((address, SIP_PORT)),
            transport: plan.transport,
            encryption: plan.encryption,
            codec: Codec::G711,
            expires: plan.expires,
            tone: plan.tone,
            folder: lab.scratch().join(format!("phone-{}", plan.extension)),
        };
        let phone = seat
            .run(move || Phone::start(config))
            .map_err(crate::lan::LanError::from)??;
        Ok(Self {
            phone,
            seat,
            tone: plan.tone,
        })
    }

    /// The phone.
    pub const fn phone(&self) -> &Phone {
        &self.phone
    }

    /// The extension with its password, to ask the box something in its name.
    pub fn credentials(&self) -> Credentials {
        let PhoneConfig {
            extension,
            password,
            ..
        } = self.phone.config();
        Credentials {
            extension: extension.clone(),
            password: password.clone(),
        }
    }

    /// What it plays.
    pub const fn tone(&self) -> Tone {
        self.tone
    }

    /// Its network, for whatever else happens at this desk.
    pub const fn seat(&self) -> &Namespace {
        &self.seat
    }
}

/// Where the box and phones listen for SIP (RFC 3261 §19.1.2).
pub const SIP_PORT: u16 = 5060;

/// Where the box listens for SIP inside TLS.
pub const SIPS_PORT: u16 = 5061;

/// As desk phones ask for.
const REGISTRATION: Duration = Duration::from_secs(3600);
