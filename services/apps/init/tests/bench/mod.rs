//! What the programs here set PID 1 up with.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use init::pid1::Settings;
use init::services::Addresses;

/// Every folder is this one, every socket is at a port of its own on loopback, and every service is
/// this program.
pub(crate) fn settings(folder: &Path, program: &Path) -> Settings {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let any6 = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    Settings {
        run_dir: folder.to_owned(),
        program: program.to_owned(),
        data_dir: folder.to_owned(),
        backups_dir: folder.to_owned(),
        recordings_dir: folder.to_owned(),
        sounds_dir: folder.to_owned(),
        addresses: Addresses {
            sip: any,
            sips: any,
            sip6: any6,
            sips6: any6,
            https: any,
            http: any,
            https6: any6,
            http6: any6,
        },
        is_confined: false,
        log_level: "info".to_owned(),
        errand_time_max: Duration::from_secs(2),
        machine_time_max: Duration::from_secs(2),
        judge_time_max: Duration::from_secs(2),
        variables: None,
    }
}
