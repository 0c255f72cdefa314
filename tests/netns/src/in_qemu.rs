//! The built image in QEMU, as an office sees it: entered by its web API, on a network with desks.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use ipc::Redacted;
use ipc::site::{Extension, Site};
use native::{Folder, NativeError, number};
use nix::sched::{CloneFlags, setns};
use qemu::box_api::BoxApi;
use qemu::desk::SIP_PORT;
use qemu::lab::{Lab, LabError};
use qemu::lan::{self, BOX_ADDRESS, LENT_PREFIX, LanError, OUTER_PREFIX, OWN_PREFIX, STRANGER};
use qemu::netns::Namespace;
use serde_json::Value;

use crate::Place;
use crate::phone::Line;
use crate::record::Record;
use crate::settings;
use crate::telephone::Telephone;

/// The last number of the address that is taken by who chooses none, of the address of the first
/// desk, and of the first who is outside. Nobody but the box asks the router for an address, so
/// that desks may have those that it could give.
const USUAL: u8 = 2;
const FIRST_DESK: u8 = 11;
const FIRST_OUTSIDE: u8 = 201;
/// How many are outside.
const OUTSIDE: u8 = 8;
/// Many times what a service needs to come back.
const READY_MAX: Duration = Duration::from_secs(30);

/// The turn of an office at the box. When it ends in a panic, the next office starts another box:
/// what a failed scenario has left would be that one's failure too.
pub(crate) struct InQemu {
    turn: MutexGuard<'static, Option<Running>>,
    folder: Folder,
    /// The newest call that others have left on record.
    before: Option<String>,
}

/// A box that runs, with its extensions.
struct Running {
    // Order matters: the network goes last.
    seat: Namespace,
    internet: Namespace,
    api: BoxApi,
    /// As it has been entered.
    site: Site,
    passwords: Vec<Redacted<String>>,
    lab: Lab,
}

/// The box of this process. It is not taken down: the kernel ends QEMU with the process, and the
/// next lab removes its folder.
static BOX: Mutex<Option<Running>> = Mutex::new(None);

impl InQemu {
    /// Where it serves SIP.
    pub(crate) const SIP: SocketAddr = SocketAddr::new(IpAddr::V4(BOX_ADDRESS), SIP_PORT);

    /// Where it serves SIP over IPv6.
    pub(crate) const SIP6: SocketAddr =
        SocketAddr::new(IpAddr::V6(lan::box_in(OWN_PREFIX)), SIP_PORT);

    /// Waits for a turn, starts the box if it does not run, and takes the calling thread to its
    /// network. There are so many extensions at least, no phone is registered and nothing is set
    /// then.
    pub(crate) fn enter<E: std::fmt::Display>(
        start: impl FnOnce() -> Result<Lab, E>,
        extensions: usize,
    ) -> Result<Self, NativeError> {
        let mut turn = BOX.lock().unwrap_or_else(|failed| {
            let mut turn = failed.into_inner();
            *turn = None;
            turn
        });
        BOX.clear_poison();
        let running = match turn.take() {
            Some(running) => running,
            None => Running::set_up(start().map_err(told)?).map_err(told)?,
        };
        let running = turn.insert(running);
        let namespace = running.seat.path();
        let namespace = File::open(&namespace).map_err(NativeError::io("open", &namespace))?;
        setns(namespace, CloneFlags::CLONE_NEWNET).map_err(told)?;
        running.grow(extensions).map_err(told)?;
        running.clear()?;
        let newest = running.api.calls(1).map_err(told)?;
        let before = newest.first().and_then(|call| call.get("id")?.as_str());
        let before = before.map(str::to_owned);
        Ok(Self {
            turn,
            folder: Folder::new(false)?,
            before,
        })
    }

    /// Where those are who choose no address.
    pub(crate) const fn usual() -> IpAddr {
        on_the_lan(USUAL)
    }

    /// The same over IPv6.
    pub(crate) const fn usual6() -> IpAddr {
        IpAddr::V6(lan::beside(OWN_PREFIX, ipv4(USUAL)))
    }

    /// Where the extension with this index sits.
    pub(crate) fn desk(index: usize) -> IpAddr {
        on_the_lan(desk(index))
    }

    /// Where somebody is who is not of the office, from 1 on.
    pub(crate) const fn outside(who: u8) -> IpAddr {
        on_the_lan(FIRST_OUTSIDE.saturating_add(who).saturating_sub(1))
    }

    /// A telephone at that place.
    pub(crate) fn telephone_in(&self, place: Place, line: Line) -> Result<Telephone, NativeError> {
        let running = self.turn.as_ref().ok_or_else(off)?;
        let lent = SocketAddr::new(lan::box_in(LENT_PREFIX).into(), SIP_PORT);
        let (seat, server, address) = match place {
            Place::Lent => (
                &running.seat,
                lent,
                lan::beside(LENT_PREFIX, ipv4(USUAL)).into(),
            ),
            Place::Internet => (&running.internet, Self::SIP, STRANGER.into()),
            Place::Internet6 => {
                let address = lan::beside(OUTER_PREFIX, STRANGER);
                (&running.internet, lent, address.into())
            }
        };
        let telephone = seat.run(move || Telephone::new(server, address, line));
        telephone.map_err(told)?
    }

    /// The files of the office.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder.path
    }

    /// The password of the extension with this index; of one that there is not, none.
    pub(crate) fn password(&self, index: usize) -> Redacted<String> {
        let running = self.turn.as_ref();
        let password = running.and_then(|running| running.passwords.get(index));
        password.cloned().unwrap_or_default()
    }

    /// Enters what `change` makes different.
    pub(crate) fn configure(&mut self, change: impl FnOnce(&mut Site)) -> Result<(), NativeError> {
        self.running_mut()?.configure(change)
    }

    /// Kills a service as a crash would; back when it serves again.
    pub(crate) fn crash(&mut self, service: &str) -> Result<(), NativeError> {
        let running = self.running_mut()?;
        let serial = running.lab.machine().map_err(told)?.serial().clone();
        let mark = serial.mark();
        running.api.restart_service(service, true).map_err(told)?;
        let killed = format!("service {service} ended (signal 9 (killed)); starting it again");
        serial.wait(mark, &killed, READY_MAX).map_err(told)?;
        let ready = format!("service {service} ready after ");
        serial.wait(mark, &ready, READY_MAX).map_err(told)?;
        Ok(())
    }

    /// A list on the status page.
    pub(crate) fn status(&self, list: &str) -> Result<Vec<Value>, NativeError> {
        listed(self.api()?, list)
    }

    /// The newest calls of this office on record, so many at most.
    pub(crate) fn records(&self, limit: u32) -> Result<Vec<Record>, NativeError> {
        let calls = self.api()?.calls(limit).map_err(told)?;
        let before = self.before.as_deref();
        let is_before = |call: &&Value| before.is_some() && call["id"].as_str() == before;
        let ours = calls.iter().take_while(|call| !is_before(call));
        ours.map(Record::read).collect()
    }

    /// The session of the administrator.
    pub(crate) fn api(&self) -> Result<&BoxApi, NativeError> {
        self.turn
            .as_ref()
            .map(|running| &running.api)
            .ok_or_else(off)
    }

    fn running_mut(&mut self) -> Result<&mut Running, NativeError> {
        self.turn.as_mut().ok_or_else(off)
    }
}

impl Running {
    /// Does what an installer does on a box that has just been switched on, and lays its network.
    fn set_up(mut lab: Lab) -> Result<Self, LabError> {
        let machine = lab.machine()?;
        machine.wait_ready()?;
        machine.wait_line(&format!("address {}/64", InQemu::SIP6.ip()), READY_MAX)?;
        machine.wait_line(
            &format!("besides private addresses: [{LENT_PREFIX}/64]"),
            READY_MAX,
        )?;
        let (api, _) = lab.first_sign_in()?;
        Ok(Self {
            seat: lay(&lab)?,
            internet: lab.lan().join_internet()?,
            api: api.from_the_lan(),
            site: Site::default(),
            passwords: Vec::new(),
            lab,
        })
    }

    /// Creates what is missing of so many extensions, each with a desk.
    fn grow(&mut self, extensions: usize) -> Result<(), LabError> {
        for index in self.passwords.len()..extensions {
            give(&self.seat, desk(index))?;
            let number = number(index);
            let password = self.api.create_extension(&number, "")?;
            self.passwords.push(Redacted::new(password));
            self.site.extensions.push(Extension {
                number,
                ..Extension::default()
            });
        }
        Ok(())
    }

    /// Takes away what the office before has left: settings and registrations.
    fn clear(&mut self) -> Result<(), NativeError> {
        self.configure(|site| {
            let extensions = site.extensions.iter().map(|extension| Extension {
                number: extension.number.clone(),
                ..Extension::default()
            });
            *site = Site {
                extensions: extensions.collect(),
                ..Site::default()
            };
        })?;
        for phone in listed(&self.api, "phones")? {
            let extension = phone.get("extension").and_then(Value::as_str);
            let extension = extension.unwrap_or_default();
            let passwords = self.passwords.iter().enumerate();
            for (index, password) in passwords.filter(|(index, _)| number(*index) == extension) {
                let line = Line {
                    number: extension.to_owned(),
                    password: password.clone(),
                };
                Telephone::new(InQemu::SIP, InQemu::desk(index), line)?.leave()?;
            }
        }
        Ok(())
    }

    fn configure(&mut self, change: impl FnOnce(&mut Site)) -> Result<(), NativeError> {
        let mut wished = self.site.clone();
        change(&mut wished);
        settings::enter(&self.api, &self.site, &wished).map_err(told)?;
        self.site = wished;
        // The exchange is asked for its part of this, and has heard of the change by then.
        self.api.status().map(drop).map_err(told)
    }
}

/// A place on the lab's network with the addresses of all who speak to the box and have no desk.
fn lay(lab: &Lab) -> Result<Namespace, LanError> {
    let seat = lab.lan().join("office", ipv4(USUAL))?;
    for host in FIRST_OUTSIDE..FIRST_OUTSIDE + OUTSIDE {
        give(&seat, host)?;
    }
    Ok(seat)
}

/// Gives this place one more address.
fn give(seat: &Namespace, host: u8) -> Result<(), LanError> {
    let address = format!("{}/24", ipv4(host));
    Ok(seat.ip(&["address", "add", &address, "dev", "eth0"])?)
}

/// The last number of a desk's address. There are none for more than there are below those outside,
/// and the kernel says so when such a one is taken twice.
fn desk(index: usize) -> u8 {
    let index = u8::try_from(index).unwrap_or(u8::MAX);
    FIRST_DESK.saturating_add(index)
}

fn listed(api: &BoxApi, list: &str) -> Result<Vec<Value>, NativeError> {
    let status = api.status().map_err(told)?;
    let list = status.get(list).and_then(Value::as_array);
    Ok(list.cloned().unwrap_or_default())
}

const fn on_the_lan(host: u8) -> IpAddr {
    IpAddr::V4(ipv4(host))
}

const fn ipv4(host: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, host)
}

fn told(why: impl std::fmt::Display) -> NativeError {
    NativeError::Load(why.to_string())
}

fn off() -> NativeError {
    NativeError::Load("the box is off".into())
}
