//! A backup on the memory stick, brought to the store as if somebody sent it: what it is, the store
//! judges when it is to be restored.

use admin::{FetchFault, StickFault};
use ipc::stick::{Offer, PART_MAX};
use ipc::store::{BackupRequest, Reply, Request};
use web_server::fetch::UpdateFile as _;

use super::fetching::OnStick;
use super::store_links::StoreLinks;

/// Brings all of it; the store's answer to the last piece, or to the one that it does not take.
pub(super) async fn bring(store: &StoreLinks, file: &Offer) -> Result<Reply, StickFault> {
    let mut stick = OnStick::new(&file.file);
    let mut offset = 0;
    while offset < file.bytes {
        let mut bytes = Vec::new();
        let length = (file.bytes - offset).min(u64::from(PART_MAX));
        let read = stick.read(offset, length, &mut bytes).await;
        read.map_err(|fault| match fault {
            FetchFault::Stick(fault) => fault,
            _ => StickFault::Gone,
        })?;
        let request = Request::Backup(BackupRequest::Upload { offset, bytes });
        match store.call(&request).await {
            Ok(Reply::Uploaded { next }) if next > offset => offset = next,
            Ok(other) => return Ok(other),
            Err(away) => {
                let reason = away.to_string();
                return Ok(Reply::Failed { reason });
            }
        }
    }
    match offset {
        0 => Err(StickFault::TooShort),
        next => Ok(Reply::Uploaded { next }),
    }
}
