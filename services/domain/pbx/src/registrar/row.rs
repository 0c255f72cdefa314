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

/// A contact as a row. Its time is counted from when it was last registered, in whole seconds: a
/// row that says the same at each write is written once, which flash feels.
pub(super) fn row(
    extension: &str,
    binding: &Binding,
    now: Instant,
    wall: UnixTime,
) -> Registration {
    let transport = binding.flow.transport.to_string().to_ascii_lowercase();
    let left = binding.expires - now;
    let age = binding.lifetime.saturating_sub(left);
    let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    let registered = wall.as_millis().saturating_sub(age);
    let path: Vec<String> = binding.path.iter().map(ToString::to_string).collect();
    Registration {
        extension: extension.to_owned(),
        contact: binding.uri.to_string(),
        source: format!("{transport} {}", binding.flow.remote),
        local: binding.flow.local.to_string(),
        expires_secs: seconds(binding.lifetime),
        kept_millis: nearest_second(registered),
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
    let lifetime = Duration::from_secs(row.expires_secs.into());
    let away = Duration::from_millis(u64::try_from(away).unwrap_or_default());
    let left = lifetime.checked_sub(away).filter(|left| !left.is_zero())?;
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
        expires: now + left,
        lifetime,
        user_agent: row.user_agent.clone(),
    })
}

/// The two clocks do not keep step to the millisecond.
fn nearest_second(millis: i64) -> i64 {
    millis
        .saturating_add(500)
        .div_euclid(1000)
        .saturating_mul(1000)
}

fn path(text: &str) -> Option<Vec<NameAddr>> {
    let mut headers = Headers::new();
    if !text.is_empty() {
        headers.push(HeaderName::Path, text);
    }
    headers.path().ok()
}
