//! Where the box of an office is: its services in this namespace, or the image in QEMU.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::Path;

use ipc::pbx::{Reply, Request};
use ipc::site::Site;
use ipc::{Redacted, store};
use native::{Installation, NativeError, PASSWORD};
use qemu::box_api::BoxApi;
use run_loop::ipc::BlockingClient;

use crate::Place;
use crate::in_qemu::InQemu;
use crate::phone::Line;
use crate::record::Record;
use crate::telephone::Telephone;

/// More than an office has, and as many as the web API gives at once.
const RECORDS_MAX: u32 = 1000;

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

    pub(crate) const fn server6(&self) -> SocketAddr {
        match self {
            Self::Here(services) => {
                SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), services.sip.port())
            }
            Self::InQemu(_) => InQemu::SIP6,
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
            Self::InQemu(_) => InQemu::desk(index),
        }
    }

    pub(crate) const fn usual(&self) -> IpAddr {
        match self {
            Self::Here(services) => services.sip.ip(),
            Self::InQemu(_) => InQemu::usual(),
        }
    }

    pub(crate) const fn usual6(&self) -> IpAddr {
        match self {
            Self::Here(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
            Self::InQemu(_) => InQemu::usual6(),
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

    pub(crate) fn crash_media(&mut self) -> Result<(), NativeError> {
        match self {
            Self::Here(services) => services.crash_media(),
            Self::InQemu(box_) => box_.crash("media"),
        }
    }

    /// Newest first.
    pub(crate) fn records(&self) -> Result<Vec<Record>, NativeError> {
        let asked = store::Request::Calls {
            limit: RECORDS_MAX,
            before: None,
            only: store::CallFilter::default(),
        };
        match self {
            Self::Here(services) => match store(services).call(&asked)? {
                store::Reply::Calls(records) => Ok(records.into_iter().map(Record::from).collect()),
                _ => Err(NativeError::Store("no records".into())),
            },
            Self::InQemu(box_) => box_.records(RECORDS_MAX),
        }
    }

    pub(crate) fn registrations(&self) -> Result<usize, NativeError> {
        match self {
            Self::Here(services) => match store(services).call(&store::Request::Registrations)? {
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

    pub(crate) fn api(&self) -> Result<&BoxApi, NativeError> {
        match self {
            Self::Here(_) => Err(NativeError::Load("no web runs here".into())),
            Self::InQemu(box_) => box_.api(),
        }
    }

    pub(crate) fn telephone_in(&self, place: Place, line: Line) -> Result<Telephone, NativeError> {
        match self {
            Self::Here(_) => Err(NativeError::Load("there is no router here".into())),
            Self::InQemu(box_) => box_.telephone_in(place, line),
        }
    }
}

fn store(services: &Installation) -> BlockingClient<store::Request, store::Reply> {
    BlockingClient::new(services.folder().join("store.sock"))
}
