//! What people who stand before the box ask for, carried out, and what its screen says of it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use admin::{Body, FetchOrder, Response};
use config::StaticNetwork;
use ipc::{init, update};

use super::Driver;

impl Driver {
    /// Does what somebody at the box asks for, and says on its screen what there is to say of it:
    /// why not when it cannot.
    pub(in crate::web) async fn at_box(self: &Arc<Self>, wish: init::Wish) {
        let is_update = matches!(wish, init::Wish::Install(_));
        let is_away = self.moves_the_box(&wish).await;
        let step = self.resume(|admin, moment| admin.at_box(&moment, wish));
        let (response, _) = self.run(step).await;
        let is_done = response.status < 300;
        if let Some(said) = said_at_box(&response) {
            self.present(&init::Presence::Notice(said)).await;
        }
        if is_done && is_update {
            let driver = Arc::clone(self);
            tokio::spawn(async move { driver.show_update().await });
        }
        if is_done && is_away {
            self.renew_certificates().await;
        }
    }

    /// Whether it gives the box an address that it does not have.
    async fn moves_the_box(&self, wish: &init::Wish) -> bool {
        let init::Wish::Network(Some(network)) = wish else {
            return false;
        };
        let Some(network) = StaticNetwork::from_text(network) else {
            return false;
        };
        is_elsewhere(&self.addresses().await, IpAddr::V4(network.address))
    }

    /// Has both services that serve TLS started again: they make a certificate that names the
    /// address that was set. Who was connected was so at the other address.
    async fn renew_certificates(&self) {
        // This one last: it is the end of us.
        for name in ["pbx", "web"] {
            let restart = init::Request::Restart {
                name: name.to_owned(),
                kill: false,
            };
            if let Err(error) = self.init.call(&restart).await {
                tracing::warn!("{name} is not started again with another certificate: {error}");
            }
        }
    }

    /// Shows on the screen of the box how the update goes that somebody asked for there.
    async fn show_update(&self) {
        let mut told = None;
        loop {
            let said = self.fetches.obey(FetchOrder::Look).at_box();
            if !said.is_empty() {
                self.present(&init::Presence::Notice(said)).await;
                return;
            }
            let tenths = self.update_tenths().await;
            if tenths > told {
                told = tenths;
                let percent = tenths.unwrap_or_default().saturating_mul(10);
                let said = format!("atualização / update: {percent} %");
                self.present(&init::Presence::Notice(said)).await;
            }
            tokio::time::sleep(UPDATE_LOOK).await;
        }
    }

    /// Tenths of the update that are there; `None` before its head was read.
    async fn update_tenths(&self) -> Option<u64> {
        let Ok(update::Reply::Status(status)) = self.update.call(&update::Request::Status).await
        else {
            return None;
        };
        let progress = status.progress.filter(|it| it.length > 0)?;
        Some(progress.received.saturating_mul(10) / progress.length)
    }
}

/// Whether the box is reached, and not at this address. While `net` has never said where it is,
/// nobody is started again for it: certificates that lack a name are no reason to cut connections.
fn is_elsewhere(reached: &[IpAddr], address: IpAddr) -> bool {
    !reached.is_empty() && !reached.contains(&address)
}

/// What the screen of the box is to say of a wish that was made there, in both its languages;
/// nothing where all is well and shows by itself.
fn said_at_box(response: &Response) -> Option<String> {
    let said: serde_json::Value = match &response.body {
        Body::Bytes(bytes) => serde_json::from_slice(bytes).unwrap_or_default(),
        Body::Opened { .. } | Body::Trail { .. } | Body::Events(_) => serde_json::Value::Null,
    };
    let text = |name: &str| said.get(name).and_then(serde_json::Value::as_str);
    match (text("text"), text("error")) {
        (Some(portuguese), Some(english)) => Some(format!("{portuguese} / {english}")),
        _ if response.status < 300 => None,
        _ => Some("tente de novo / try again".to_owned()),
    }
}

/// Between two looks at an update that somebody at the box waits for.
const UPDATE_LOOK: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_started_again_while_it_is_not_known_where_the_box_is() {
        let address = IpAddr::from([192, 168, 0, 7]);
        assert!(!is_elsewhere(&[], address));
        assert!(!is_elsewhere(&[address], address));
        assert!(is_elsewhere(&[IpAddr::from([10, 0, 0, 5])], address));
    }
}
