//! Contacts as the store keeps them, so that a restart loses none that can still be reached.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use ipc::store::Registration;
use sansio::{Instant, Transport, UnixTime};
use sip::transaction::Flow;
use sip::{HeaderName, Headers, NameAddr, Uri};

use super::binding::{Binding, instance};
use super::seconds;
use crate::interface::StreamId;

/// A contact as a row.
pub(super) fn row(
    extension: &str,
    binding: &Binding,
    now: Instant,
    wall: UnixTime,
) -> Registration {
    let transport = binding.flow.transport.to_string().to_ascii_lowercase();
    let path: Vec<String> = binding.path.iter().map(ToString::to_string).collect();
    Registration {
        extension: extension.to_owned(),
        contact: binding.uri.to_string(),
        source: format!("{transport} {}", binding.flow.remote),
        local: binding.flow.local.to_string(),
        expires_secs: seconds(binding.expires - now),
        kept_millis: wall.as_millis(),
        call_id: binding.call_id.clone(),
        cseq: binding.cseq,
        user_agent: binding.user_agent.clone(),
        params: binding.params.to_string(),
        path: path.join(", "),
        reg_id: binding.reg_id.unwrap_or(0),
    }
}

/// A row as a contact; `None` when it is over or illegible. `open` has the connections that did not
/// end with the process, by the addresses of both ends; a contact that was only reached by one that
/// did cannot be reached.
pub(super) fn binding(
    now: Instant,
    wall: UnixTime,
    row: &Registration,
    open: &BTreeMap<(SocketAddr, SocketAddr), StreamId>,
) -> Option<Binding> {
    let (transport, remote) = row.source.split_once(' ')?;
    let transport = match transport {
        "udp" => Transport::Udp,
        "tcp" => Transport::Tcp,
        "tls" => Transport::Tls,
        _ => return None,
    };
    // A clock that went backwards or was not set yet tells nothing about the time that passed.
    let away = wall.as_millis().saturating_sub(row.kept_millis).max(0);
    let left = i64::from(row.expires_secs)
        .saturating_mul(1000)
        .saturating_sub(away);
    let left = u64::try_from(left).ok().filter(|left| *left > 0)?;
    let (local, remote) = (row.local.parse().ok()?, remote.parse().ok()?);
    let stream = match transport {
        Transport::Udp => None,
        Transport::Tcp | Transport::Tls => open.get(&(remote, local)).copied(),
    };
    let uri = Uri::parse(row.contact.as_bytes()).ok()?;
    let contact = NameAddr::parse(format!("<{uri}>{}", row.params).as_bytes());
    let contact = contact.unwrap_or_else(|| NameAddr::new(uri));
    Some(Binding {
        instance: instance(&contact),
        uri: contact.uri,
        params: contact.params,
        reg_id: (row.reg_id > 0).then_some(row.reg_id),
        path: path(&row.path)?,
        flow: Flow {
            transport,
            local,
            remote,
            stream,
        },
        call_id: row.call_id.clone(),
        cseq: row.cseq,
        expires: now + Duration::from_millis(left),
        user_agent: row.user_agent.clone(),
    })
}

fn path(text: &str) -> Option<Vec<NameAddr>> {
    let mut headers = Headers::new();
    if !text.is_empty() {
        headers.push(HeaderName::Path, text);
    }
    headers.path().ok()
}
