//! Makes the box's web page reachable from the host: a TCP forwarder on loopback.

use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::netns::Namespace;

/// A forwarder from `127.0.0.1:<port>` to an address only a namespace reaches.
pub struct Forwarder {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Forwarder {
    /// Starts it. Port 0 takes a free one.
    ///
    /// # Errors
    /// The port is taken.
    pub fn start(port: u16, inside: Arc<Namespace>, to: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let address = listener.local_addr()?;
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        let thread = std::thread::Builder::new()
            .name("forwarder".to_owned())
            .spawn(move || accept(&listener, &inside, to, &stop))?;
        Ok(Self {
            address,
            stopping,
            thread: Some(thread),
        })
    }

    /// The port on the host.
    pub const fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for Forwarder {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        // A last connection wakes the thread, which then sees that it is over.
        let _woken = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

fn accept(listener: &TcpListener, inside: &Namespace, to: SocketAddr, stop: &AtomicBool) {
    let open = Arc::new(AtomicUsize::new(0));
    for client in listener.incoming().map_while(Result::ok) {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        if open.load(Ordering::Relaxed) >= CONNECTIONS_MAX {
            continue;
        }
        let server = inside.run(move || TcpStream::connect_timeout(&to, CONNECT_MAX));
        // The client sees its connection closed, as it would when the box refuses.
        let Ok(Ok(server)) = server else { continue };
        let open = Arc::clone(&open);
        open.fetch_add(1, Ordering::Relaxed);
        std::thread::spawn(move || {
            let _either_end_closed = join(client, server);
            open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

fn join(client: TcpStream, server: TcpStream) -> io::Result<()> {
    let (mut from_client, mut to_client) = (client.try_clone()?, client);
    let (mut from_server, mut to_server) = (server.try_clone()?, server);
    let up = std::thread::spawn(move || {
        let _closed = io::copy(&mut from_client, &mut to_server);
        to_server.shutdown(Shutdown::Write)
    });
    let _closed = io::copy(&mut from_server, &mut to_client);
    let _client_gone = to_client.shutdown(Shutdown::Both);
    let _server_gone = up.join();
    Ok(())
}

/// The box answers at once or is off.
const CONNECT_MAX: Duration = Duration::from_secs(3);

/// A browser opens six; a curious one more.
const CONNECTIONS_MAX: usize = 64;
