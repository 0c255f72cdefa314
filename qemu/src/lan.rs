//! The lab's network: a bridge in a namespace, a router that gives addresses, and seats for others.
//!
//! ```text
//!   box (tap0) --+-- lan0 10.77.0.1/24 (DHCP)           --+-- eth0 of a phone's own namespace
//!                         fd77::/64, 2001:db8:77::/64
//!                         (router advertisements)
//!                    wan0 203.0.113.1/24        --+-- eth0 of somebody on the Internet
//!                         2001:db8:ff::/64
//! ```
//!
//! IPv6 is as a customer's router gives it: a prefix of its own (RFC 4193), which stays, one of the
//! carrier's, which may change, and nobody asks a server for an address (RFC 4862).

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use crate::netns::{Namespace, NetnsError};
use crate::process::{Process, ProcessError, command};

/// The box's address: the router gives it to the box's hardware address.
pub const BOX_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 10);

/// The box's hardware address (locally administered, QEMU's prefix).
pub const BOX_MAC: &str = "52:54:00:77:00:0a";
/// Hardware address of the router.
const ROUTER_MAC: &str = "52:54:00:77:00:01";

/// The router's address.
pub const ROUTER_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

/// The IPv6 prefix of 64 bits that is the network's own (RFC 4193).
pub const OWN_PREFIX: Ipv6Addr = Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 0);

/// The one that the carrier has lent to the customer: addresses in it are the Internet's (here
/// RFC 3849's).
pub const LENT_PREFIX: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x77, 0, 0, 0, 0, 0);

/// Somebody's address on the Internet (RFC 5737).
pub const STRANGER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 9);

/// The router's address there.
const ROUTER_OUTSIDE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);

/// The IPv6 prefix there.
pub const OUTER_PREFIX: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xff, 0, 0, 0, 0, 0);

/// The box's address in one of the two: the box makes it of [`BOX_MAC`] (RFC 4291 appendix A).
#[must_use]
pub const fn box_in(prefix: Ipv6Addr) -> Ipv6Addr {
    Ipv6Addr::from_bits(prefix.to_bits() | 0x5054_00ff_fe77_000a)
}

/// The address in one of the three of whoever has this IPv4 address.
#[must_use]
pub const fn beside(prefix: Ipv6Addr, address: Ipv4Addr) -> Ipv6Addr {
    Ipv6Addr::from_bits(prefix.to_bits() | address.to_bits() as u128)
}

/// A carrier's domain, which the router knows: calls go to the server that its SRV record names
/// (RFC 3263 §4.2).
pub const CARRIER_NAME: &str = "carrier.example";

/// That server.
const CARRIER_SERVER: &str = "proxy.carrier.example";

/// Where a test may put that server.
pub const CARRIER_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 200);

/// The tap device QEMU uses.
pub const TAP: &str = "tap0";

/// Why there is no network.
#[derive(Debug, thiserror::Error)]
pub enum LanError {
    /// A namespace.
    #[error(transparent)]
    Netns(#[from] NetnsError),
    /// The router.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The router ended at once.
    #[error("the lab's router (dnsmasq) does not run: {}", .0.join("; "))]
    Router(Vec<String>),
}

/// The network. Dropping it removes everything on it.
pub struct Lan {
    // Order matters: the router ends before its namespace does.
    _router: Process,
    namespace: Arc<Namespace>,
}

impl Lan {
    /// Makes it; the router keeps its leases in `scratch`.
    ///
    /// # Errors
    /// No permission, or a program is missing.
    pub fn start(scratch: &Path) -> Result<Self, LanError> {
        let namespace = Arc::new(Namespace::new("lan")?);
        // A bridge without an address of its own takes the lowest of its ports: a seat that joined
        // could change the router's under the box, which then sent to nobody for some seconds.
        namespace.ip(&[
            "link",
            "add",
            BRIDGE,
            "address",
            ROUTER_MAC,
            "type",
            "bridge",
            "mcast_snooping",
            "0",
        ])?;
        let here = [OWN_PREFIX, LENT_PREFIX];
        add_addresses(&namespace, BRIDGE, ROUTER_ADDRESS, &here)?;
        namespace.ip(&["tuntap", "add", TAP, "mode", "tap"])?;
        namespace.ip(&["link", "set", TAP, "master", BRIDGE])?;
        namespace.ip(&["link", "set", TAP, "up"])?;
        namespace.ip(&["link", "set", BRIDGE, "up"])?;
        let mut router = namespace.spawn(router_command(scratch)?)?;
        wait_for_router(&mut router)?;
        Ok(Self {
            _router: router,
            namespace,
        })
    }

    /// The router's namespace.
    pub const fn namespace(&self) -> &Arc<Namespace> {
        &self.namespace
    }

    /// A new namespace on this network with one interface, `eth0`. The name is at most ten letters.
    ///
    /// # Errors
    /// The name is taken, or no permission.
    pub fn join(&self, name: &str, address: Ipv4Addr) -> Result<Namespace, LanError> {
        let (seat, near) = self.plug(name)?;
        let bridge = ["link", "set", &near, "master", BRIDGE];
        self.namespace.ip(&bridge)?;
        self.namespace.ip(&["link", "set", &near, "up"])?;
        let here = [OWN_PREFIX, LENT_PREFIX];
        settle(&seat, address, &here, (ROUTER_ADDRESS, LENT_PREFIX))?;
        Ok(seat)
    }

    /// A new namespace on the Internet, with one interface, `eth0`, and [`STRANGER`]'s addresses.
    /// From then on the router lets everything through both ways, as one whose owner has opened it.
    /// There is one at a time.
    ///
    /// # Errors
    /// No permission.
    pub fn join_internet(&self) -> Result<Namespace, LanError> {
        let (stranger, near) = self.plug("internet")?;
        let outside = ["link", "set", &near, "name", OUTSIDE];
        self.namespace.ip(&outside)?;
        add_addresses(&self.namespace, OUTSIDE, ROUTER_OUTSIDE, &[OUTER_PREFIX])?;
        self.namespace.ip(&["link", "set", OUTSIDE, "up"])?;
        for version in ["ipv4", "ipv6"] {
            let setting = format!("net/{version}/conf/all/forwarding");
            self.namespace.sysctl(&setting, "1")?;
        }
        let outer = (ROUTER_OUTSIDE, OUTER_PREFIX);
        settle(&stranger, STRANGER, &[OUTER_PREFIX], outer)?;
        Ok(stranger)
    }

    /// A new namespace with one end of a cable, `eth0`, and the name of the end that lies here.
    fn plug(&self, name: &str) -> Result<(Namespace, String), LanError> {
        let seat = Namespace::new(name)?;
        let (near, far) = (format!("to-{name}"), format!("at-{name}"));
        let path = seat.path();
        self.namespace
            .ip(&["link", "add", &near, "type", "veth", "peer", "name", &far])?;
        self.namespace.ip(&["link", "set", &far, "netns", &path])?;
        seat.ip(&["link", "set", &far, "name", "eth0"])?;
        Ok((seat, near))
    }
}

/// Gives the place at the end of a cable its addresses and its router: those that tests know it by,
/// and no others.
fn settle(
    place: &Namespace,
    address: Ipv4Addr,
    prefixes: &[Ipv6Addr],
    (router, beside_it): (Ipv4Addr, Ipv6Addr),
) -> Result<(), NetnsError> {
    place.sysctl("net/ipv6/conf/eth0/accept_ra", "0")?;
    add_addresses(place, "eth0", address, prefixes)?;
    place.ip(&["link", "set", "eth0", "up"])?;
    let router6 = beside(beside_it, router);
    for (version, router) in [("-4", router.to_string()), ("-6", router6.to_string())] {
        place.ip(&[version, "route", "add", "default", "via", &router])?;
    }
    Ok(())
}

/// An IPv4 address, and beside it one in each of the prefixes, usable at once: nobody else has
/// them, and on a bridge that has no box yet the kernel would never find that out (RFC 4862 §5.4).
fn add_addresses(
    place: &Namespace,
    link: &str,
    address: Ipv4Addr,
    prefixes: &[Ipv6Addr],
) -> Result<(), NetnsError> {
    place.ip(&["address", "add", &format!("{address}/24"), "dev", link])?;
    for prefix in prefixes {
        let address = format!("{}/64", beside(*prefix, address));
        place.ip(&["address", "add", &address, "dev", link, "nodad"])?;
    }
    Ok(())
}

fn router_command(scratch: &Path) -> Result<std::process::Command, ProcessError> {
    let mut dnsmasq = command("dnsmasq")?;
    // In this mode it keeps our identity: an ordinary user who is root of the lab only may not
    // change it (user_namespaces(7), setgroups).
    dnsmasq.args(["--no-daemon", "--conf-file=/dev/null", "--pid-file="]);
    dnsmasq.args(["--no-ping", "--dhcp-authoritative"]);
    // The names of the lab, and no others: nobody is asked.
    dnsmasq.args(["--no-resolv", "--no-hosts", "--local=/example/"]);
    dnsmasq.arg(format!("--host-record={CARRIER_SERVER},{CARRIER_ADDRESS}"));
    dnsmasq.arg(format!(
        "--srv-host=_sip._udp.{CARRIER_NAME},{CARRIER_SERVER},5060"
    ));
    dnsmasq.stderr(Stdio::piped());
    dnsmasq.args([
        format!("--interface={BRIDGE}"),
        "--bind-interfaces".to_owned(),
    ]);
    dnsmasq.arg("--dhcp-range=10.77.0.10,10.77.0.99,255.255.255.0,12h");
    dnsmasq.arg("--enable-ra");
    for prefix in [OWN_PREFIX, LENT_PREFIX] {
        dnsmasq.arg(format!("--dhcp-range={prefix},ra-only,64,12h"));
    }
    dnsmasq.arg(format!("--dhcp-host={BOX_MAC},{BOX_ADDRESS}"));
    dnsmasq.arg(format!("--dhcp-option=option:router,{ROUTER_ADDRESS}"));
    dnsmasq.arg(format!(
        "--dhcp-leasefile={}",
        scratch.join("leases").display()
    ));
    Ok(dnsmasq)
}

/// Waits until it says what addresses it gives, or why it cannot.
fn wait_for_router(router: &mut Process) -> Result<(), LanError> {
    let mut said = Vec::new();
    let Some(output) = router.child().stderr.take() else {
        return Err(LanError::Router(said));
    };
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    for line in lines.by_ref() {
        let serves = line.contains("DHCP, IP range");
        said.push(line);
        if serves {
            // It goes on talking, and must not stop because nobody listens.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(());
        }
    }
    Err(LanError::Router(said))
}

const BRIDGE: &str = "lan0";

/// Where the router leads outside.
const OUTSIDE: &str = "wan0";
