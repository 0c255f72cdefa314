//! The provisioning file that an installer has put on the EFI system partition: read when PID 1
//! starts, handed to the store once that is ready, and wiped once the store has it on the disk.
//!
//! The store knows the file by its hash, so that a power cut between the two leads to nothing but
//! the wipe. A file with a mistake is named on the screen, changes nothing and is kept.

use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use config::{PROVISION_LENGTH_MAX, Provision};
use firmware::{FirmwareError, ProvisionFile};
use ipc::Redacted;
use ipc::frame::{self, Decoder};
use ipc::init::Presence as Said;
use ipc::store::{Provisioned, Reply, Request};
use kernel::network;
use sha2::{Digest as _, Sha256};
use supervise::{Input, Service, Signal};

use super::{Source, Supervision};
use crate::services;

/// A file that is right and waits to be kept.
pub(super) struct Waiting {
    laid_down: Provisioned,
    partition: PathBuf,
}

/// The question to the store, and its answer as it comes.
pub(super) struct Errand {
    stream: UnixStream,
    decoder: Decoder,
}

impl AsFd for Errand {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Supervision {
    /// Looks for a file.
    pub(super) fn look_for_provision(&mut self) {
        // Stage-1 found it: on a first start the disk has another name by now than the loader gave.
        let firmware = self.boot.firmware.as_ref();
        let Some(partition) = firmware.and_then(|it| it.esp.clone()) else {
            return;
        };
        match find(&partition) {
            Ok(None) => {}
            Ok(Some(bytes)) => match laid_down(&bytes) {
                Ok(laid_down) => {
                    self.provision = Some(Waiting {
                        laid_down,
                        partition,
                    });
                }
                Err(reasons) => {
                    for reason in reasons {
                        self.refuse_provision(&reason);
                    }
                }
            },
            Err(error) => self.tell(&format!("the provisioning file cannot be read: {error}")),
        }
    }

    fn refuse_provision(&mut self, reason: &str) {
        let text = format!("provision.toml refused, nothing was changed: {reason}");
        self.tell(&text);
        self.presence.take(Said::Notice(text));
    }

    /// The store is ready: hands the file to it.
    pub(super) fn send_provision(&mut self) {
        let Some(waiting) = &self.provision else {
            return;
        };
        let path = self.settings.run_dir.join("store.sock");
        let request = Request::Provision(waiting.laid_down.clone());
        let sent = network::connect_unix_at_once(&path).and_then(|mut stream| {
            let frame = frame::encode(&request).map_err(std::io::Error::other)?;
            stream.write_all(&frame)?;
            Ok(stream)
        });
        match sent {
            Ok(stream) => self.add(Source::Errand(Errand {
                stream,
                decoder: Decoder::default(),
            })),
            Err(error) => self.tell(&format!("the store cannot be reached: {error}")),
        }
    }

    /// Hears the store; whether its answer is still to come. Without one it is asked again when it
    /// is ready the next time.
    pub(super) fn hear_errand(&mut self, errand: &mut Errand) -> bool {
        let mut bytes = [0; 1024];
        match errand.stream.read(&mut bytes) {
            Ok(0) | Err(_) => return false,
            Ok(count) => errand.decoder.push(bytes.get(..count).unwrap_or_default()),
        }
        match errand.decoder.pop() {
            Ok(None) => return true,
            Ok(Some(Reply::Stored)) => self.provision_is_kept(),
            Ok(Some(Reply::Invalid { faults })) => self.refuse_provision(&faults.join("; ")),
            Ok(Some(Reply::Failed { reason })) => {
                self.tell(&format!("provision.toml could not be kept: {reason}"));
            }
            Ok(Some(_)) | Err(_) => self.tell("the store did not understand provision.toml"),
        }
        false
    }

    /// From here on a power cut loses nothing.
    fn provision_is_kept(&mut self) {
        let Some(waiting) = self.provision.take() else {
            return;
        };
        self.tell("provision.toml applied");
        let wiped = ProvisionFile::open(&waiting.partition).and_then(|file| {
            let device = |source| FirmwareError::Device {
                path: waiting.partition.clone(),
                source,
            };
            file.wipe().map_err(device)
        });
        match wiped {
            Ok(()) => self.tell("provision.toml wiped"),
            // It is tried again at the next start.
            Err(error) => self.tell(&format!("provision.toml cannot be wiped: {error}")),
        }
        for service in [Service::Net, Service::Web] {
            self.feed(Input::RestartRequested(service, Signal::Terminate));
        }
    }
}

fn find(partition: &Path) -> Result<Option<Vec<u8>>, FirmwareError> {
    // One byte more than may be, so that too long a file is seen to be one.
    let read = ProvisionFile::open(partition)?.read(PROVISION_LENGTH_MAX + 1);
    read.map_err(|source| FirmwareError::Device {
        path: partition.to_owned(),
        source,
    })
}

/// What the store is to keep of a file, each for whoever uses it.
fn laid_down(bytes: &[u8]) -> Result<Provisioned, Vec<String>> {
    let not_text = |_| vec!["it is not UTF-8".to_owned()];
    let text = std::str::from_utf8(bytes).map_err(not_text)?;
    let faults = |faults: Vec<config::ProvisionFault>| {
        faults.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let provision = Provision::parse(text).map_err(faults)?;
    let (net, web) = (services::uid(Service::Net), services::uid(Service::Web));
    let mut secrets = Vec::new();
    let mut keep = |uid: u32, name: &str, value: Option<Vec<u8>>| {
        let secret = value.map(|it| (uid, name.to_owned(), Redacted::new(it)));
        secrets.extend(secret);
    };
    let network = provision.network.map(|it| it.to_text().into_bytes());
    keep(net, "network", network);
    keep(
        net,
        "host-name",
        provision.host_name.map(String::into_bytes),
    );
    let administrator = provision.administrator;
    let login_key = administrator.login_key_sha256.map(|it| it.to_vec());
    keep(web, "login-key", login_key);
    // For the support console and the grid, which are not there yet.
    let ssh_keys = administrator.ssh_keys;
    let ssh_keys = (!ssh_keys.is_empty()).then(|| ssh_keys.join("\n").into_bytes());
    keep(ROOT, "ssh-keys", ssh_keys);
    let code = provision
        .grid_code
        .map(|it| it.reveal().as_bytes().to_vec());
    keep(ROOT, "grid-code", code);
    Ok(Provisioned {
        id: Sha256::digest(bytes).into(),
        time_zone: provision.time_zone.unwrap_or_default(),
        secrets,
    })
}

const ROOT: u32 = 0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_kept_for_whoever_uses_it_and_nothing_secret_is_printed() {
        let digest = "e3".repeat(32);
        let text = format!(
            "version = 1\n[network]\nmethod = \"static\"\naddress = \"10.77.0.9/24\"\n\
             [site]\nhost_name = \"matriz\"\ntime_zone = \"America/Manaus\"\n\
             [administrator]\nlogin_key_sha256 = \"{digest}\"\n\
             [grid]\ncode = \"K7QF-9M2X-TRWA-03BD\"\n"
        );
        let laid_down = laid_down(text.as_bytes()).expect("right");
        assert_eq!(laid_down.time_zone, "America/Manaus");
        let names: Vec<_> = laid_down
            .secrets
            .iter()
            .map(|(uid, name, _)| (*uid, name.as_str()))
            .collect();
        let wanted = [
            (102, "network"),
            (102, "host-name"),
            (105, "login-key"),
            (0, "grid-code"),
        ];
        assert_eq!(names, wanted);
        let shown = format!("{laid_down:?}");
        assert!(
            !shown.contains("K7QF") && !shown.contains("e3e3"),
            "{shown}"
        );
    }

    #[test]
    fn a_mistake_is_named_by_its_field() {
        let text = b"version = 1\n[site]\nhost_name = \"No Name\"\n";
        let faults = laid_down(text).expect_err("wrong");
        assert!(faults[0].starts_with("site.host_name: use"), "{faults:?}");
        assert!(laid_down(&[0xff, 0xfe]).is_err());
    }
}
