//! `ramal pbx`: the exchange, its SIP sockets, and its ways to `store` and `media`.

use std::error::Error;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use pbx::PbxNode;
use run_loop::clock::Clock;
use run_loop::notify::Notify;
use run_loop::passed::Passed;
use run_loop::pbx_driver::{Peers, Sockets, drive};
use sansio::Rng;

/// Command line of `ramal pbx`.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  ramal pbx --listen 127.0.0.1:5060")]
pub(crate) struct Arguments {
    /// Where to serve SIP over UDP and TCP when PID 1 passed no sockets for it.
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
    let node = PbxNode::new(rng, run_loop::entropy()?);
    let peers = Peers {
        store: run_loop::socket_path("store"),
        media: run_loop::socket_path("media"),
    };
    drive(node, Clock::start(), sockets, peers, &notify)?;
    Ok(())
}

fn sockets(mut passed: Passed, listen: SocketAddr) -> Result<Sockets, Box<dyn Error>> {
    let ipc = passed.unix_listener("ipc")?;
    if passed.has("sip-udp") {
        let sip_udp = passed.udp_socket("sip-udp")?;
        let sip_tcp = passed.tcp_listener("sip-tcp")?;
        return Ok(Sockets {
            sip_udp,
            sip_tcp,
            ipc,
        });
    }
    let cannot = |error| format!("cannot serve SIP on {listen}: {error}; choose another --listen");
    let sip_udp = UdpSocket::bind(listen).map_err(cannot)?;
    let sip_tcp = TcpListener::bind(listen).map_err(cannot)?;
    Ok(Sockets {
        sip_udp,
        sip_tcp,
        ipc,
    })
}
