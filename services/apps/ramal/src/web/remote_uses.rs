//! Which remote extensions are used outside: looked at once a minute, kept once a day.

use std::sync::Arc;
use std::time::Duration;

use admin::REMOTE_USES;

use super::driver::Driver;

/// Looks at the registered phones, for ever.
pub(super) async fn look(driver: Arc<Driver>) {
    let kept = loop {
        match driver.secret(REMOTE_USES).await {
            Ok(kept) => break kept,
            Err(_) => tokio::time::sleep(LOOK_PAUSE).await,
        }
    };
    driver.admin().take_remote_uses(kept.as_deref());
    loop {
        if let Ok(status) = driver.look_at_pbx().await {
            let wall = driver.wall();
            let changed = driver.admin().notice_phones(wall, &status.phones);
            // What was not kept is given out again the next time.
            if let Some(uses) = changed
                && driver.keep_secret(REMOTE_USES, uses).await
            {
                driver.admin().remote_uses_are_kept();
            }
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    }
}

/// Between two looks: shorter than any registration lasts.
const LOOK_PAUSE: Duration = Duration::from_secs(60);
