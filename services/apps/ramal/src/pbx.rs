//! `ramal pbx`: the exchange, its SIP sockets, and its ways to `store` and `media`.

use std::error::Error;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use pbx::PbxNode;
use run_loop::clock::Clock;
use run_loop::countries;
use run_loop::notify::Notify;
use run_loop::passed::Passed;
use run_loop::pbx_driver::{Kept, Places, Sockets, drive};
use sansio::Rng;

/// Command line of `ramal pbx`.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  ramal pbx --listen 127.0.0.1:5060")]
pub(crate) struct Arguments {
    /// Where to serve SIP over UDP and TCP when PID 1 passed no sockets for it; over TLS on the
    /// next port.
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:5060")]
    listen: SocketAddr,
}

/// Runs the service until PID 1 stops it.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    run_loop::log::init();
    let notify = Notify::from_env();
    let sockets = sockets(Passed::from_env(), arguments.listen)?;
    let mut seed = [0; 8];
    run_loop::fill_random(&mut seed)?;
    let rng = Rng::from_seed(u64::from_le_bytes(seed));
    let mut node = PbxNode::new(rng, run_loop::entropy()?);
    if let Some(table) = countries::read(&countries::place()) {
        node.know(table);
    }
    let calls = run_loop::run_dir().join(CALLS_FOLDER);
    let places = Places {
        store: run_loop::socket_path("store"),
        media: run_loop::socket_path("media"),
        net: run_loop::socket_path("net"),
        guard: run_loop::socket_path("guard"),
        calls: calls.is_dir().then_some(calls),
    };
    drive(node, Clock::start(), sockets, places, &notify)?;
    Ok(())
}

fn sockets(mut passed: Passed, listen: SocketAddr) -> Result<Sockets, Box<dyn Error>> {
    let ipc = passed.unix_listener("ipc")?;
    if !passed.has("sip-udp") {
        let cannot =
            |error| format!("cannot serve SIP on {listen}: {error}; choose another --listen");
        let tls = SocketAddr::new(listen.ip(), listen.port().saturating_add(1));
        return Ok(Sockets {
            udp: vec![UdpSocket::bind(listen).map_err(cannot)?],
            tcp: vec![TcpListener::bind(listen).map_err(cannot)?],
            tls: vec![TcpListener::bind(tls).map_err(cannot)?],
            ipc,
            kept: None,
        });
    }
    let mut udp = vec![passed.udp_socket("sip-udp")?];
    let mut tcp = vec![passed.tcp_listener("sip-tcp")?];
    let mut tls = Vec::new();
    if passed.has("sip-tls") {
        tls.push(passed.tcp_listener("sip-tls")?);
    }
    // A box whose kernel has no IPv6 passes none of these.
    if passed.has("sip-udp6") {
        udp.push(passed.udp_socket("sip-udp6")?);
        tcp.push(passed.tcp_listener("sip-tcp6")?);
        tls.push(passed.tcp_listener("sip-tls6")?);
    }
    let kept = if passed.has("keep-into") {
        Some(Kept {
            into: passed.socket("keep-into")?,
            out: passed.socket("keep-out")?,
        })
    } else {
        None
    };
    Ok(Sockets {
        udp,
        tcp,
        tls,
        ipc,
        kept,
    })
}

/// Where PID 1 makes us a folder for calls in progress, beside the sockets.
const CALLS_FOLDER: &str = "pbx-calls";
