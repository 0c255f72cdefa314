//! The files baresip reads: settings, an empty list of accounts, and the tone it plays.
//!
//! The account with its password is not among them: it goes over the control connection.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Codec, PhoneConfig, PhoneError};

/// Makes the folder of a phone and fills it.
pub(super) fn write(config: &PhoneConfig, control: SocketAddr) -> Result<(), PhoneError> {
    let folder = &config.folder;
    let file = |source| PhoneError::File {
        path: folder.clone(),
        source,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(file)?;
    for stale in dumps(folder)? {
        fs::remove_file(&stale).map_err(|source| PhoneError::File {
            path: stale,
            source,
        })?;
    }
    write_private(&folder.join("config"), &settings(config, control))?;
    write_private(&folder.join("accounts"), ACCOUNTS)?;
    // baresip plays a file only at the rate of the codec.
    let rate = match config.codec {
        Codec::G711 => SAMPLES_A_SECOND,
        Codec::G722 => 2 * SAMPLES_A_SECOND,
        Codec::Opus => 6 * SAMPLES_A_SECOND,
    };
    let sound = config.tone.sound(rate, TONE_LENGTH);
    Ok(sound.write(&folder.join(TONE_FILE))?)
}

/// The recordings in the folder, oldest first: baresip puts the time of the call into their names.
pub(super) fn dumps(folder: &Path) -> Result<Vec<PathBuf>, PhoneError> {
    let file = |source| PhoneError::File {
        path: folder.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(file)? {
        let path = entry.map_err(file)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("dump-") && name.ends_with(".wav") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The newest recording of what this phone heard.
pub(super) fn newest_heard(folder: &Path) -> Result<Option<PathBuf>, PhoneError> {
    let heard = |path: &PathBuf| path.to_string_lossy().ends_with("-dec.wav");
    Ok(dumps(folder)?.into_iter().rfind(heard))
}

/// How many bytes a recording of this length has at least.
pub(super) fn recorded_bytes(length: Duration) -> u64 {
    let a_millisecond = u64::from(SAMPLES_A_SECOND) * 2 / 1000;
    u64::try_from(length.as_millis())
        .unwrap_or(u64::MAX)
        .saturating_mul(a_millisecond)
}

/// How long a recording of this many bytes is at least.
pub(super) fn recorded_length(bytes: u64) -> Duration {
    Duration::from_millis(bytes * 1000 / (u64::from(SAMPLES_A_SECOND) * 2))
}

fn write_private(path: &Path, text: &str) -> Result<(), PhoneError> {
    let open = || -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options.open(path)?.write_all(text.as_bytes())
    };
    open().map_err(|source| PhoneError::File {
        path: path.to_owned(),
        source,
    })
}

fn settings(config: &PhoneConfig, control: SocketAddr) -> String {
    let PhoneConfig { local, .. } = config;
    format!(
        "sip_listen {local}\n\
         net_interface {address}\n\
         dns_server 127.0.0.1:53\n\
         audio_source aufile,{TONE_FILE}\n\
         audio_player aubridge,nowhere\n\
         audio_alert aubridge,nowhere\n\
         jitter_buffer_delay 5-10\n\
         module_path {MODULES}\n\
         module g711.so\n\
         module g722.so\n\
         module opus.so\n\
         ausrc_channels 1\n\
         module srtp.so\n\
         module aufile.so\n\
         module aubridge.so\n\
         module sndfile.so\n\
         module vumeter.so\n\
         module_app account.so\n\
         module_app ctrl_tcp.so\n\
         module_app menu.so\n\
         ctrl_tcp_listen {control}\n\
         snd_path .\n\
         menu_bell no\n\
         ringback_disabled yes\n\
         statmode_default off\n",
        address = local.ip(),
    )
}

/// Without this file baresip writes one with its examples.
const ACCOUNTS: &str = "# The account is added over the control connection.\n";
/// Where Debian puts the modules.
const MODULES: &str = "/usr/lib/baresip/modules";
/// In the folder of the phone, which is its working directory.
const TONE_FILE: &str = "tone.wav";
/// G.711 is the only codec loaded, and the tone is played as it is.
const SAMPLES_A_SECOND: u32 = 8_000;
/// baresip 1.0.0 ends the call when the file it plays ends: longer than any call of the lab.
const TONE_LENGTH: Duration = Duration::from_secs(300);
