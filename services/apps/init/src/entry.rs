//! Which of its two lives this process is in, and the way from the first into the second.

use std::fs::{File, OpenOptions};

use supervise::Shutdown;

use crate::boot::Boot;
use crate::console::Console;
use crate::pid1::{Settings, Supervision};
use crate::watchdogs::Watchdogs;
use crate::{clock_floor, seed, stage1, system, tpm_relay};

/// Everything the first process does, and what it starts this program for. Returns only when it is
/// not the first process, or when the kernel refuses even to end the system.
pub fn main_of_pid_1() {
    if std::process::id() != 1 {
        tpm_relay::serve_when_asked();
        return;
    }
    let errors = if stage1::is_stage_1() {
        system::first_mounts()
    } else {
        Vec::new()
    };
    open_standard_streams();
    let mut console = Console::of_the_box();
    for error in errors {
        console.line(&format!("ramal: {error}"));
    }
    let variable = |name: &str| std::env::var(name).ok();
    let (boot, watchdogs) = if stage1::is_stage_1() {
        stage1::run(&mut console)
    } else {
        let watchdogs = Watchdogs::taken_over(variable, &mut console);
        (Boot::from_environment(variable), watchdogs)
    };
    serve(boot, watchdogs, console);
}

fn serve(mut boot: Boot, watchdogs: Watchdogs, mut console: Console) {
    // A disk that hangs must not hang whoever is to say so, and to end who waits for it.
    if let Err(error) = kernel::process::stay_in_memory() {
        console.line(&format!("ramal: {error}"));
    }
    system::prepare(&mut console);
    clock_floor::apply(&mut console);
    let data_is_mounted = boot.maintenance.is_none();
    if data_is_mounted {
        seed::use_once(&mut console);
    }
    #[cfg(feature = "debug-shell")]
    crate::debug_shell::start(&mut console);
    boot.reached("init", &mut console);
    let (how, mut console) = match Supervision::new(Settings::of_the_box(), boot, console) {
        Ok(supervision) => {
            let supervision = supervision.watched_by(watchdogs);
            match data_is_mounted {
                true => supervision.with_runs().run(),
                false => supervision.run(),
            }
        }
        Err((error, mut console)) => {
            // Without its sockets the box is of no use to anybody: try once more from the start.
            console.line(&format!("ramal: {error}; restarting the box"));
            (Shutdown::Restart, console)
        }
    };
    if data_is_mounted {
        seed::renew(&mut console);
    }
    system::end(how, data_is_mounted, &mut console);
}

/// Descriptors 0 to 2 may be closed at this point. They must be taken before anything else is
/// opened, or a file would get the number that somebody's error message goes to.
fn open_standard_streams() {
    let open = |path| OpenOptions::new().read(true).write(true).open(path);
    let stream: Option<File> = open("/dev/console").or_else(|_| open("/dev/null")).ok();
    if let Some(stream) = stream {
        // Refused only when a limit is broken; the screen then stays dark and the box works.
        let _ = kernel::process::set_standard_streams(&stream);
        // When it is itself one of the three it must stay open.
        if std::os::fd::AsRawFd::as_raw_fd(&stream) <= 2 {
            std::mem::forget(stream);
        }
    }
}
