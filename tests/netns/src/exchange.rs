//! Where the box of an office is: its services in this namespace, or the image in QEMU.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use ipc::pbx::{Reply, Request};
use ipc::site::Site;
use ipc::{Redacted, store};
use native::{Installation, NativeError, PASSWORD};
use qemu::box_api::BoxApi;
use run_loop::ipc::BlockingClient;

use crate::in_qemu::InQemu;

/// The box of an office.
pub(crate) enum Exchange {
    /// Its services, built for this machine.
    Here(Installation),
    /// The built image.
    InQemu(InQemu),
}

impl Exchange {
    pub(crate) const fn server(&self) -> SocketAddr {
        match self {
            Self::Here(services) => services.sip,
            Self::InQemu(_) => InQemu::SIP,
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        match self {
            Self::Here(services) => services.folder(),
            Self::InQemu(box_) => box_.folder(),
        }
    }

    pub(crate) fn desk(&self, index: usize) -> IpAddr {
        let [high, low] = u16::try_from(index).unwrap_or_default().to_be_bytes();
        match self {
            Self::Here(_) => IpAddr::from([127, 1, high, low.saturating_add(1)]),
            Self::InQemu(_) => InQemu::desk(low),
        }
    }

    pub(crate) const fn usual(&self) -> IpAddr {
        match self {
            Self::Here(services) => services.sip.ip(),
            Self::InQemu(_) => InQemu::usual(),
        }
    }

    pub(crate) fn outside(&self, who: u8) -> IpAddr {
        match self {
            Self::Here(_) => IpAddr::from([127, 0, 2, who]),
            Self::InQemu(_) => InQemu::outside(who),
        }
    }

    pub(crate) fn password(&self, index: usize) -> Redacted<String> {
        match self {
            Self::Here(_) => Redacted::new(PASSWORD.to_owned()),
            Self::InQemu(box_) => box_.password(index),
        }
    }

    pub(crate) fn configure(&mut self, change: impl FnOnce(&mut Site)) -> Result<(), NativeError> {
        match self {
            Self::Here(services) => services.configure(change),
            Self::InQemu(box_) => box_.configure(change),
        }
    }

    pub(crate) fn crash_pbx(&mut self) -> Result<(), NativeError> {
        match self {
            Self::Here(services) => services.crash_pbx(),
            Self::InQemu(box_) => box_.crash("pbx"),
        }
    }

    pub(crate) fn registrations(&self) -> Result<usize, NativeError> {
        match self {
            Self::Here(_) => match self.store()?.call(&store::Request::Registrations)? {
                store::Reply::Registrations(rows) => Ok(rows.len()),
                _ => Err(NativeError::Store("no registrations".into())),
            },
            Self::InQemu(box_) => Ok(box_.status("phones")?.len()),
        }
    }

    pub(crate) fn is_trunk_up(&self, name: &str) -> Result<bool, NativeError> {
        match self {
            Self::Here(services) => {
                let socket = services.folder().join("pbx.sock");
                let pbx = BlockingClient::<Request, Reply>::new(socket);
                let Reply::Status(status) = pbx.call(&Request::Status)? else {
                    return Ok(false);
                };
                let mut trunks = status.trunks.iter();
                Ok(trunks.any(|trunk| trunk.name == name && trunk.up))
            }
            Self::InQemu(box_) => {
                let trunks = box_.status("trunks")?;
                let is_it = |trunk: &serde_json::Value| trunk["name"] == name;
                Ok(trunks.iter().any(|it| is_it(it) && it["up"] == true))
            }
        }
    }

    /// The services, for what only a process on this machine shows.
    pub(crate) fn here(&mut self) -> Result<&mut Installation, NativeError> {
        match self {
            Self::Here(services) => Ok(services),
            Self::InQemu(_) => Err(elsewhere()),
        }
    }

    pub(crate) fn api(&self) -> Result<&BoxApi, NativeError> {
        match self {
            Self::Here(_) => Err(NativeError::Load("no web runs here".into())),
            Self::InQemu(box_) => box_.api(),
        }
    }

    pub(crate) fn store(
        &self,
    ) -> Result<BlockingClient<store::Request, store::Reply>, NativeError> {
        match self {
            Self::Here(services) => {
                let socket = services.folder().join("store.sock");
                Ok(BlockingClient::new(socket))
            }
            Self::InQemu(_) => Err(elsewhere()),
        }
    }
}

fn elsewhere() -> NativeError {
    NativeError::Load("the services do not run on this machine".into())
}
