//! Asterisk beside ours: the same extensions, the same calls.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::{Processes, options, packages, wait_until_answered};
use crate::{NativeError, PASSWORD, number};

/// What it needs of its modules: PJSIP, the dial plan and Dial, G.711. Everything else costs memory
/// and would only make it look worse.
const MODULES: &str = "[modules]\nautoload=yes\n\
    noload => chan_iax2.so\nnoload => chan_dahdi.so\nnoload => chan_ooh323.so\n\
    noload => pbx_ael.so\nnoload => pbx_lua.so\nnoload => pbx_dundi.so\n\
    noload => cdr_radius.so\nnoload => cel_radius.so\nnoload => res_config_ldap.so\n\
    noload => res_hep.so\nnoload => res_hep_pjsip.so\nnoload => res_hep_rtcp.so\n";

/// A running Asterisk; dropping it kills it.
#[derive(Debug)]
pub struct Asterisk {
    processes: Processes,
    /// Where it serves SIP.
    pub sip: SocketAddr,
    /// As it says itself.
    pub version: String,
}

impl Asterisk {
    /// Starts it on this address with as many extensions.
    ///
    /// # Errors
    /// It cannot be had, or does not start.
    pub fn start(
        folder: &Path,
        sip: SocketAddr,
        extensions: usize,
        ports: (u16, u16),
    ) -> Result<Self, NativeError> {
        let root = packages::root_with("asterisk")?;
        configure(&root, sip, extensions, ports)?;
        let shown = chroot(&root).arg("-V").output();
        let shown = shown.map_err(NativeError::io("run", "asterisk"))?;
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        let version = shown.split(['+', ' ']).nth(1).unwrap_or("?").to_owned();
        let ready = || wait_until_answered(sip, options(sip));
        let processes =
            Processes::start(chroot(&root).args(["-f", "-n"]), "asterisk", folder, ready)?;
        Ok(Self {
            processes,
            sip,
            version,
        })
    }

    /// Processor time so far, milliseconds.
    #[must_use]
    pub fn cpu_millis(&self) -> u64 {
        self.processes.cpu_millis()
    }
}

fn chroot(root: &Path) -> Command {
    let mut command = Command::new("chroot");
    command.arg(root).arg("/usr/sbin/asterisk");
    command
}

fn configure(
    root: &Path,
    sip: SocketAddr,
    extensions: usize,
    (first, last): (u16, u16),
) -> Result<(), NativeError> {
    let folder = root.join("etc/asterisk");
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(NativeError::io("write", &path))
    };
    for name in [
        "run/asterisk",
        "var/lib/asterisk",
        "var/log/asterisk",
        "var/spool/asterisk",
    ] {
        let path = root.join(name);
        std::fs::create_dir_all(&path).map_err(NativeError::io("make", &path))?;
    }
    let mut phones = format!(
        "[transport]\ntype=transport\nprotocol=udp\nbind={sip}\n\n\
         [phone](!)\ntype=endpoint\ncontext=office\ndisallow=all\nallow=alaw,ulaw\n\
         direct_media=no\nrtp_symmetric=yes\nforce_rport=yes\n\n"
    );
    for name in (0..extensions).map(number) {
        phones.push_str(&format!(
            "[{name}](phone)\nauth={name}\naors={name}\n\n\
             [{name}]\ntype=auth\nauth_type=userpass\nusername={name}\npassword={PASSWORD}\n\n\
             [{name}]\ntype=aor\nmax_contacts=1\nremove_existing=yes\n\n"
        ));
    }
    write("pjsip.conf", &phones)?;
    write(
        "extensions.conf",
        "[office]\nexten => _1XXX,1,Dial(PJSIP/${EXTEN})\n same => n,Hangup()\n",
    )?;
    write(
        "rtp.conf",
        &format!("[general]\nrtpstart={first}\nrtpend={last}\n"),
    )?;
    write("modules.conf", MODULES)?;
    write("logger.conf", "[general]\n[logfiles]\nconsole => error\n")
}
