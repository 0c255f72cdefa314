//! The box by name on its own network: `ramal.local` (RFC 6762), and its pages (RFC 6763).

use mdns_sd::{ServiceDaemon, ServiceInfo};

/// The name, as long as this lives. The library answers on a thread of its own, follows addresses
/// as they come and go, and takes another name when somebody else has this one already.
pub struct Name {
    daemon: ServiceDaemon,
}

/// Why the box cannot be found by name. It is found by its address all the same.
#[derive(Debug, thiserror::Error)]
#[error("the box cannot be found by its name: {0}")]
pub struct NameError(#[from] mdns_sd::Error);

impl Name {
    /// Begins to answer for `<host>.local`.
    ///
    /// # Errors
    /// The sockets cannot be had.
    pub fn announce(host: &str) -> Result<Self, NameError> {
        let daemon = ServiceDaemon::new()?;
        // Of the address in a grid nobody here is told, and nobody there asks by multicast.
        daemon.disable_interface(ipc::grid::INTERFACE)?;
        let host = format!("{host}.local.");
        let pages = ServiceInfo::new(SERVICE, INSTANCE, &host, "", HTTPS, None)?;
        daemon.register(pages.enable_addr_auto())?;
        Ok(Self { daemon })
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        // Says good-bye, so that nobody looks for a box that is off.
        let _ = self.daemon.shutdown();
    }
}

const SERVICE: &str = "_https._tcp.local.";
const INSTANCE: &str = "Ramal";
const HTTPS: u16 = 443;
