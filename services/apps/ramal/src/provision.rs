//! `ramal provision`: the provisioning file on the EFI system partition, read, kept by the store,
//! and wiped.
//!
//! PID 1 runs it once at each start and hears from it what became of the file. It is a process of
//! its own because whatever an installer's disk holds goes through two libraries that may panic: a
//! FAT that is damaged, and a text. PID 1 passes it the partition, open, and it may reach nothing
//! else but the store.
//! What it must never do: tell a secret, keep half a file, or wipe one that the store may not have.

use std::error::Error;
use std::fs::File;
use std::io::{self, Seek as _, SeekFrom};
use std::time::Duration;

use config::{PROVISION_LENGTH_MAX, PROVISION_PATH, Provision};
use firmware::{Found, ProvisionFile};
use ipc::Redacted;
use ipc::provision::News;
use ipc::store::{Provisioned, Reply, Request};
use run_loop::ipc::{BlockingClient, CallError};
use run_loop::notify::Notify;
use run_loop::passed::Passed;
use run_loop::socket_path;
use sha2::{Digest as _, Sha256};

/// Command line of `ramal provision`.
#[derive(clap::Args)]
#[command(
    after_help = "PID 1 passes it the EFI system partition as a descriptor.

Example (as PID 1 starts it):
  ramal provision"
)]
pub(crate) struct Arguments {}

/// Does the errand.
pub(crate) fn run() -> Result<(), Box<dyn Error>> {
    run_loop::log::hide_panic_messages();
    run_loop::log::init();
    let notify = Notify::from_env();
    let partition = Passed::from_env().file("esp")?;
    let store = BlockingClient::<Request, Reply>::new(socket_path("store"));
    let ask = |request: &Request| patiently(|| store.call(request));
    if let Err(error) = errand(&partition, ask, |news| notify.news(&news)) {
        let reason = format!("the EFI system partition: {error}");
        notify.news(&News::Failed(reason));
    }
    Ok(())
}

/// A store on a slow disk is asked again: the same file is kept once, however often.
fn patiently(ask: impl Fn() -> Result<Reply, CallError>) -> Result<Reply, CallError> {
    for _ in 1..ASKS_MAX {
        if let Ok(reply) = ask() {
            return Ok(reply);
        }
        std::thread::sleep(ASK_PAUSE);
    }
    ask()
}

/// Reads the file, has it kept, and wipes it; nothing is wiped before it is kept.
///
/// # Errors
/// The partition cannot be read or written.
fn errand(
    partition: &File,
    ask: impl Fn(&Request) -> Result<Reply, CallError>,
    mut tell: impl FnMut(News),
) -> io::Result<()> {
    // One byte more than may be, so that too long a file is seen to be one.
    let bytes = match open(partition)?.read(PROVISION_LENGTH_MAX + 1)? {
        Found::Nothing => return Ok(()),
        Found::Remains => {
            open(partition)?.wipe()?;
            tell(News::Wiped);
            return Ok(());
        }
        Found::Content(bytes) => bytes,
    };
    let provisioned = match provisioned(&bytes) {
        Ok(provisioned) => provisioned,
        Err(reasons) => {
            tell(News::Refused(reasons.join("; ")));
            return Ok(());
        }
    };
    match ask(&Request::Provision(provisioned)) {
        Ok(Reply::Stored) => tell(News::Applied),
        // Nobody can make it right but by writing the disk anew, and a factory reset must not bring
        // it back to life.
        Ok(Reply::Administered) => tell(News::Refused(ADMINISTERED.to_owned())),
        Ok(Reply::Invalid { faults }) => {
            tell(News::Refused(faults.join("; ")));
            return Ok(());
        }
        Ok(Reply::Failed { reason }) => {
            tell(News::Failed(reason));
            return Ok(());
        }
        Ok(other) => {
            tell(News::Failed(format!("the store answers {other:?}")));
            return Ok(());
        }
        Err(error) => {
            tell(News::Failed(error.to_string()));
            return Ok(());
        }
    }
    open(partition)?.wipe()?;
    tell(News::Wiped);
    Ok(())
}

fn open(partition: &File) -> io::Result<ProvisionFile<File>> {
    let mut partition = partition.try_clone()?;
    let length = partition.seek(SeekFrom::End(0))?;
    ProvisionFile::open(partition, length, PROVISION_PATH)
}

/// What the store is to keep of a file, or all that is wrong with it.
fn provisioned(bytes: &[u8]) -> Result<Provisioned, Vec<String>> {
    let text = std::str::from_utf8(bytes).map_err(|_| vec![NOT_TEXT.to_owned()])?;
    // Windows puts a mark before a text (U+FEFF).
    let read = Provision::parse(text.strip_prefix('\u{feff}').unwrap_or(text));
    let said = |faults: Vec<config::ProvisionFault>| {
        faults.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let provision = read.map_err(said)?;
    let network = provision.network;
    let code = provision.grid_code;
    Ok(Provisioned {
        id: Sha256::digest(bytes).into(),
        time_zone: provision.time_zone,
        address: network.as_ref().map(|it| it.address),
        network: network.map(|it| it.to_text()),
        host_name: provision.host_name,
        login_key_sha256: provision.administrator.login_key_sha256.map(Redacted::new),
        ssh_keys: provision.administrator.ssh_keys,
        grid_code: code.map(|it| Redacted::new(it.reveal().to_owned())),
        tunnel: provision.tunnel.map(|it| it.to_ipc()),
    })
}

/// Together with the time of each, less than PID 1 gives the errand.
const ASKS_MAX: u32 = 9;
const ASK_PAUSE: Duration = Duration::from_millis(500);
const NOT_TEXT: &str = "it is not UTF-8; save it as UTF-8 text";
const ADMINISTERED: &str = "administrator, grid: somebody administers this box already; leave both \
                            sections out, or reset the box to its factory state first";

#[cfg(test)]
mod tests;
