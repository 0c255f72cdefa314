//! A box in QEMU whose disk notes every write. Its network ends in QEMU itself: nothing leaves it,
//! and the host reaches the box's web page on a port of 127.0.0.1.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use qemu::accelerate::Accelerator;
use qemu::box_api::BoxApi;
use qemu::lab::ADMINISTRATOR;
use qemu::process::{Process, command};
use qemu::serial::{PASSWORD_LABEL, Serial};
use slot::Handoff;

use super::Program;
use crate::fault::Fault;

/// A running box. Dropping it pulls the plug.
pub(super) struct Powered {
    process: Process,
    serial: Serial,
    control: PathBuf,
    port: u16,
}

impl Powered {
    /// Switches it on with a disk, whose writes are noted in `log`.
    pub(super) fn start(
        program: &Program,
        handoff: &Handoff,
        disk: &Path,
        log: Option<&Path>,
        serial: &Path,
    ) -> Result<Self, Fault> {
        let control = disk.with_extension("qmp");
        let _ = std::fs::remove_file(&control);
        // Freed again here; QEMU says so should somebody else take it in between.
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let mut qemu = command("qemu-system-x86_64")?;
        let accelerator = Accelerator::probe(image::Machine::X86_64, &program.vmlinux)?;
        hardware(&mut qemu, accelerator);
        qemu.arg("-kernel").arg(&program.vmlinux);
        qemu.arg("-initrd").arg(&program.initramfs);
        qemu.args(["-append", &format!("{} {handoff}", program.command_line)]);
        block_devices(&mut qemu, disk, log);
        let user = format!("user,id=lan,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:443");
        qemu.args(["-netdev", &user]);
        let control_socket = format!(
            "socket,id=control,server=on,wait=off,path={}",
            control.display()
        );
        qemu.args([
            "-chardev",
            &control_socket,
            "-mon",
            "chardev=control,mode=control",
        ]);
        let errors = disk.with_extension("qemu-errors");
        let errors = File::create(&errors).map_err(|it| Fault::file(&errors, it))?;
        qemu.stdout(Stdio::piped()).stderr(errors);
        let mut process = Process::start(qemu)?;
        let output = process.child().stdout.take();
        let output = output.ok_or_else(|| Fault::Box("it has no serial line".to_owned()))?;
        let serial = Serial::start(output, serial, false);
        Ok(Self {
            process,
            serial: serial.map_err(|it| Fault::Box(it.to_string()))?,
            control,
            port,
        })
    }

    /// Waits for a line on its serial line.
    pub(super) fn wait(&self, line: &str, limit: Duration) -> Result<(), Fault> {
        let found = self.serial.wait_unless(0, line, Some("GIVEN UP"), limit);
        found.map(drop).map_err(|it| Fault::Box(it.to_string()))
    }

    /// Signs in with the password on the screen, and chooses another.
    pub(super) fn sign_in_first(&mut self, chosen: &str) -> Result<BoxApi, Fault> {
        self.wait(PASSWORD_LABEL, PASSWORD_MAX)?;
        let shown = self.serial.take_one_time_password();
        let shown = shown.ok_or_else(|| Fault::Box("it showed no password".to_owned()))?;
        let api = self.sign_in(&shown)?;
        let changed = api.change_password(&shown, chosen);
        changed.map_err(|it| Fault::Box(it.to_string()))?;
        self.sign_in(chosen)
    }

    /// Signs in.
    pub(super) fn sign_in(&mut self, password: &str) -> Result<BoxApi, Fault> {
        // The router in QEMU gives it an address as soon as it asks.
        self.wait("address 10.0.2.15/", PASSWORD_MAX)?;
        let mut api = BoxApi::new(self.port);
        let signed_in = api.sign_in(ADMINISTRATOR, password);
        signed_in.map_err(|it| Fault::Box(it.to_string()))?;
        Ok(api)
    }

    /// Presses the power button for a moment.
    pub(super) fn press_power_button(&self) -> Result<(), Fault> {
        let mut stream = UnixStream::connect(&self.control)?;
        let mut answers = BufReader::new(stream.try_clone()?).lines();
        for name in ["qmp_capabilities", "system_powerdown"] {
            writeln!(stream, "{{\"execute\": \"{name}\"}}")?;
            // QEMU forgets what it did not answer when the channel is closed.
            let answered = answers.by_ref().map_while(Result::ok);
            let mut answered = answered.filter(|it| it.contains("\"return\""));
            if answered.next().is_none() {
                return Err(Fault::Box(format!("QEMU did not answer {name}")));
            }
        }
        Ok(())
    }

    /// Waits until it has switched itself off.
    pub(super) fn wait_end(&mut self, limit: Duration) -> Result<(), Fault> {
        let ended = self.serial.wait_end(limit);
        ended.map_err(|it| Fault::Box(it.to_string()))?;
        self.process.wait()?;
        Ok(())
    }
}

fn hardware(qemu: &mut Command, accelerator: Accelerator) {
    // SATA and SMBus have nothing on them, and finding that out costs the kernel a CPU second.
    qemu.args([
        "-machine",
        "q35,sata=off,smbus=off",
        "-cpu",
        "max",
        "-m",
        "512",
    ]);
    qemu.args([
        "-accel",
        accelerator.name(),
        "-nodefaults",
        "-no-user-config",
        "-no-reboot",
    ]);
    qemu.args(["-display", "none", "-rtc", "base=utc"]);
    qemu.args([
        "-chardev",
        "stdio,id=console,signal=off",
        "-serial",
        "chardev:console",
    ]);
    qemu.args(["-device", "virtio-blk-pci,drive=disk"]);
    qemu.args(["-device", "virtio-net-pci,netdev=lan,romfile="]);
    qemu.args(["-device", "virtio-rng-pci"]);
}

fn block_devices(qemu: &mut Command, disk: &Path, log: Option<&Path>) {
    // QEMU doubles a comma in a file name.
    let name = |path: &Path| path.display().to_string().replace(',', ",,");
    let file =
        |node: &str, path: &Path| format!("driver=file,node-name={node},filename={}", name(path));
    let Some(log) = log else {
        qemu.args(["-blockdev", &file("disk", disk)]);
        return;
    };
    qemu.args([
        "-blockdev",
        &file("below", disk),
        "-blockdev",
        &file("log", log),
    ]);
    let noting =
        "driver=blklogwrites,node-name=disk,file=below,log=log,log-sector-size=512,log-append=off";
    qemu.args(["-blockdev", noting]);
}

/// From the start of the services on.
const PASSWORD_MAX: Duration = Duration::from_secs(120);
