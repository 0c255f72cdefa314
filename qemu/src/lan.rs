//! The lab's network: a bridge in a namespace, a router that gives addresses, and seats for others.
//!
//! ```text
//!   box (tap0) --+-- lan0 10.77.0.1/24 (DHCP) --+-- eth0 of a phone's own namespace
//! ```

use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
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
        namespace.ip(&[
            "address",
            "add",
            &format!("{ROUTER_ADDRESS}/24"),
            "dev",
            BRIDGE,
        ])?;
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
        let seat = Namespace::new(name)?;
        let (near, far) = (format!("to-{name}"), format!("at-{name}"));
        let path = seat.path();
        self.namespace
            .ip(&["link", "add", &near, "type", "veth", "peer", "name", &far])?;
        self.namespace.ip(&["link", "set", &far, "netns", &path])?;
        self.namespace
            .ip(&["link", "set", &near, "master", BRIDGE])?;
        self.namespace.ip(&["link", "set", &near, "up"])?;
        seat.ip(&["link", "set", &far, "name", "eth0"])?;
        seat.ip(&["address", "add", &format!("{address}/24"), "dev", "eth0"])?;
        seat.ip(&["link", "set", "eth0", "up"])?;
        seat.ip(&[
            "route",
            "add",
            "default",
            "via",
            &ROUTER_ADDRESS.to_string(),
        ])?;
        Ok(seat)
    }
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
