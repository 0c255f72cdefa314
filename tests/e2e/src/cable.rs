//! Bytes to the box that no phone would send.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use qemu::lab::Lab;
use qemu::lan::{BOX_ADDRESS, LanError};

use crate::Failure;

/// Runs something on the office network, outside the box.
///
/// # Errors
/// That of the job.
pub fn on_the_lan<T, E>(
    lab: &Lab,
    job: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, Failure>
where
    T: Send + 'static,
    E: Send + 'static,
    Failure: From<E>,
{
    let done = lab.lan().namespace().run(job).map_err(LanError::from)?;
    Ok(done?)
}

/// A TCP connection to the box from the office network.
///
/// # Errors
/// The box does not take it.
pub fn connect(lab: &Lab, port: u16) -> Result<TcpStream, Failure> {
    let to = SocketAddr::from((BOX_ADDRESS, port));
    on_the_lan(lab, move || TcpStream::connect_timeout(&to, CONNECT_MAX))
}

/// The kernel of the box answers, however busy its services are.
const CONNECT_MAX: Duration = Duration::from_secs(10);
