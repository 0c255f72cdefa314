//! The one loop of PID 1: signals, pipes, the control socket, the power button and the clock feed
//! the supervisor; what it decides is carried out here.
//!
//! Single-threaded, and nothing in it waits but `epoll_wait`.

mod at_box;
mod child;
mod control;
mod enrol;
mod findings;
mod firmware_trial;
mod helper;
mod install;
mod lines;
mod machine_record;
mod provision;
mod questions;
mod recovery;
mod requests;
mod runs;
mod slots;
mod sticks;
mod tunnel;

use std::collections::{BTreeMap, VecDeque};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::Duration;

use firmware::RecoveryCode;
use ipc::init;
use kernel::button::PowerButton;
use kernel::cgroup::Group;
use kernel::hotplug::Hotplug;
use kernel::poller::{Interest, Poller};
use kernel::process::{self, End, Stop};
use kernel::signals::{Signal, Signals};
use kernel::{Context, SystemError, clock, network, spawn};
use sansio::{Instant, Node};
use supervise::{
    ByService, Exit, Input, Output, Report, Service, Shutdown, Signal as Kill, SupervisorNode,
};

use crate::boot::{Boot, millis_since_boot};
use crate::console::Console;
use crate::data::{BACKUPS_FOLDER, RECORDINGS_FOLDER, SOUNDS_FOLDER, STORE_FOLDER};
use crate::recovery_code;
use crate::screen::{Facts, Keys, Presence, Screen};
use crate::services::{self, Addresses, Sockets};
use crate::system;
use crate::watchdogs::Watchdogs;
use child::Pipe;
use control::Connection;
use enrol::Enrolment;
use firmware_trial::Watch;
use install::Installation;
use provision::Errand;
use questions::Question;
use runs::KeptRuns;
use sticks::Sticks;
use tunnel::TunnelWatch;

/// What may differ between the box and a bench.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the sockets lie.
    pub run_dir: PathBuf,
    /// The program all services are in.
    pub program: PathBuf,
    /// The folder of the store.
    pub data_dir: PathBuf,
    /// Where backups lie.
    pub backups_dir: PathBuf,
    /// Where calls are recorded.
    pub recordings_dir: PathBuf,
    /// What calls can be played.
    pub sounds_dir: PathBuf,
    /// What the outside world reaches us at.
    pub addresses: Addresses,
    /// Whether services run as their own users, in their own control groups, with limits of their
    /// own. Needs root.
    pub is_confined: bool,
    /// What `RAMAL_LOG` says to the services.
    pub log_level: String,
    /// How long the errand of the provisioning file may take.
    pub errand_time_max: Duration,
    /// How long the machine's firmware may take with its variables.
    pub machine_time_max: Duration,
    /// How long it may take to judge the signatures on the disk.
    pub judge_time_max: Duration,
    /// A folder in the place of the variables of the machine's firmware; `None` are those, of which
    /// only a confined box is told.
    pub variables: Option<PathBuf>,
}

impl Settings {
    /// Those of the box.
    #[must_use]
    pub fn of_the_box() -> Self {
        Self {
            run_dir: PathBuf::from(system::RUN_DIR),
            program: child::program_of_the_box().to_owned(),
            data_dir: PathBuf::from(STORE_FOLDER),
            backups_dir: PathBuf::from(BACKUPS_FOLDER),
            recordings_dir: PathBuf::from(RECORDINGS_FOLDER),
            sounds_dir: PathBuf::from(SOUNDS_FOLDER),
            addresses: Addresses::of_the_box(),
            is_confined: true,
            log_level: kernel::cmdline::value("ramal.log").unwrap_or_else(|| "info".to_owned()),
            errand_time_max: ERRAND_TIME_MAX,
            machine_time_max: MACHINE_TIME_MAX,
            judge_time_max: JUDGE_TIME_MAX,
            variables: None,
        }
    }
}

/// The loop and everything it holds.
pub struct Supervision {
    settings: Settings,
    node: SupervisorNode,
    inbox: VecDeque<Input>,
    sockets: Sockets,
    groups: ByService<Option<Group>>,
    boot: Boot,
    /// What opens the data where the TPM is gone, until an administrator has seen it.
    recovery_code: Option<RecoveryCode>,
    console: Console,
    is_console_watched: bool,
    screen: Screen,
    /// What services have said for the status page.
    presence: Presence,
    /// The connection of whoever carries out what people at the box ask for.
    attendant: Option<u64>,
    /// What nobody has been there to record.
    unrecorded: VecDeque<init::Deed>,
    /// The errand of the provisioning file.
    errand: Errand,
    /// The installation on another disk that goes on.
    installation: Option<Installation>,
    /// Secure Boot of the machine.
    enrolment: Enrolment,
    /// Memory sticks with update files.
    sticks: Sticks,
    log: lines::LogRing,
    poller: Poller,
    signals: Signals,
    control: UnixListener,
    sources: BTreeMap<u64, Source>,
    next_token: u64,
    watchdogs: Watchdogs,
    watch: Watch,
    /// How the last runs ended; none where the data are not mounted.
    runs: Option<KeptRuns>,
    tunnel: TunnelWatch,
    finished: Option<Shutdown>,
}

/// What can wake the loop, besides signals, the control socket and the screen.
enum Source {
    Output(Service, u32, Pipe),
    Notices(Service, u32, Pipe),
    Connection(Connection),
    Button(PowerButton),
    Keys(Keys),
    ErrandOutput(u32, Pipe),
    ErrandNews(u32, Pipe),
    InstallOutput(u32, Pipe),
    InstallReports(u32, Pipe),
    MachineOutput(&'static str, u32, Pipe),
    MachineReports(u32, Pipe),
    StickOutput(u32, Pipe),
    StickOffers(u32, Pipe),
    Hotplug(Hotplug),
    Question(Question),
}

impl Supervision {
    /// Opens all sockets and gets ready to start the services.
    ///
    /// # Errors
    /// When a socket cannot be had, with the screen, so that the reason can be shown on it.
    pub fn new(
        settings: Settings,
        boot: Boot,
        mut console: Console,
    ) -> Result<Self, (SystemError, Console)> {
        match Parts::open(&settings, &mut console) {
            Ok(parts) => Ok(Self::from_parts(settings, boot, console, parts)),
            Err(error) => Err((error, console)),
        }
    }

    fn from_parts(settings: Settings, boot: Boot, console: Console, parts: Parts) -> Self {
        Self {
            settings,
            node: SupervisorNode::new(),
            inbox: VecDeque::new(),
            sockets: parts.sockets,
            groups: ByService::default(),
            boot,
            recovery_code: recovery_code::take(),
            console,
            is_console_watched: false,
            screen: Screen::default(),
            presence: Presence::default(),
            attendant: None,
            unrecorded: VecDeque::new(),
            errand: Errand::default(),
            installation: None,
            enrolment: Enrolment::default(),
            sticks: Sticks::default(),
            log: lines::LogRing::default(),
            poller: parts.poller,
            signals: parts.signals,
            control: parts.control,
            sources: BTreeMap::new(),
            next_token: FIRST_SOURCE,
            watchdogs: Watchdogs::default(),
            watch: Watch::default(),
            runs: None,
            tunnel: TunnelWatch::default(),
            finished: None,
        }
    }

    /// The same with the watchdogs that are open.
    #[must_use]
    pub fn watched_by(mut self, watchdogs: Watchdogs) -> Self {
        self.watchdogs = watchdogs;
        self
    }

    /// Runs until the system is to end; every service has stopped then.
    pub fn run(mut self) -> (Shutdown, Console) {
        self.prepare();
        match self.boot.maintenance.clone() {
            None => {
                let standing = self.standing();
                self.recall_tunnel(standing);
                self.feed(Input::Start(standing));
            }
            Some(reason) => {
                self.tell(&format!("MAINTENANCE: {reason}"));
                let standing = self.standing();
                self.feed(Input::Maintain(standing));
            }
        }
        while self.finished.is_none() {
            let now = self.now();
            let deadlines = [
                self.node.deadline(),
                self.screen.deadline(),
                self.errand.deadline(),
                self.enrolment.deadline(),
                self.sticks.deadline(),
            ];
            let timeout = deadlines.into_iter().flatten().min();
            let timeout = timeout.map(|deadline| deadline - now);
            let timeout = timeout.map_or(LOOP_MAX, |timeout| timeout.min(LOOP_MAX));
            match self.poller.wait(Some(timeout)) {
                Ok(tokens) => tokens.into_iter().for_each(|token| self.wake(token)),
                Err(error) => self.tell(&error.to_string()),
            }
            if self
                .node
                .deadline()
                .is_some_and(|deadline| deadline <= self.now())
            {
                self.feed(Input::Timer);
            }
            self.limit_errand();
            self.limit_machine_work();
            self.watch_sticks();
            self.watch_firmware();
            self.work_off();
            self.show_page();
            self.watch_console();
        }
        self.note_findings();
        self.keep_tunnel();
        self.leave_errand();
        self.leave_machine_work();
        self.cancel_installation();
        self.leave_sticks();
        self.screen.leave();
        // They stay armed on the way down: a hanging unmount must not be the end.
        self.have_watchdogs_wait(WATCHDOG_AT_END);
        std::mem::take(&mut self.watchdogs).leave_armed();
        self.tell("services stopped");
        (self.finished.unwrap_or(Shutdown::Restart), self.console)
    }

    /// Buttons, control groups and the watchdogs; a box without them works all the same.
    fn prepare(&mut self) {
        for button in PowerButton::find_all() {
            self.add(Source::Button(button));
        }
        if !self.settings.is_confined {
            return;
        }
        let mut missing = Vec::new();
        self.screen = Screen::of_the_box(|error| missing.push(error.to_string()));
        missing.iter().for_each(|error| self.tell(error));
        for keys in Keys::of_the_box() {
            self.add(Source::Keys(keys));
        }
        for service in Service::ALL {
            match Group::make(service.name(), services::group_limits(service)) {
                Ok(group) => *self.groups.of_mut(service) = Some(group),
                Err(error) => self.tell(&error.to_string()),
            }
        }
        let waits = self.have_watchdogs_wait(WATCHDOG_TIMEOUT);
        self.node.pet_within(waits);
    }

    /// How long the first of them to bite waits from now on.
    fn have_watchdogs_wait(&mut self, wanted: Duration) -> Duration {
        let (waits, said) = self.watchdogs.set_timeout(wanted);
        said.iter().for_each(|text| self.tell(text));
        waits
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(u64::try_from(clock::since_boot().as_nanos()).unwrap_or(u64::MAX))
    }

    /// A line of our own, on the screen and in the log.
    fn tell(&mut self, text: &str) {
        self.log.push("init", millis_since_boot(), text);
        self.console.line(&format!("ramal: {text}"));
    }

    /// Hands the supervisor one cause and carries out all that follows from it.
    fn feed(&mut self, input: Input) {
        self.inbox.push_back(input);
        self.work_off();
    }

    fn work_off(&mut self) {
        while let Some(input) = self.inbox.pop_front() {
            self.node.handle(self.now(), input);
            while let Some(output) = self.node.poll() {
                self.carry_out(output);
            }
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Spawn(service) => self.spawn(service),
            Output::Kill(_, pid, signal) => {
                let how = match signal {
                    Kill::Terminate => Stop::Terminate,
                    Kill::Kill => Stop::Kill,
                };
                if let Err(error) = process::stop(pid, how) {
                    self.tell(&error.to_string());
                }
            }
            Output::Report(report) => self.report(&report),
            Output::AllReady => {
                let millis = millis_since_boot();
                self.boot.stages.push(("ready".to_owned(), millis));
                self.tell(&format!("ready {millis}"));
                self.tell_spent();
                self.begin_sticks();
                self.ask_machine();
            }
            Output::Ask(service) => self.ask(service),
            Output::FirmwareProved => self.firmware_proved(),
            Output::FirmwareFailed(failure) => self.firmware_failed(failure),
            Output::PetWatchdog => self.watchdogs.pet(),
            Output::Finish(how) => self.finished = Some(how),
        }
    }

    /// What the start has cost.
    fn tell_spent(&mut self) {
        if let Some(spent) = kernel::processor::spent() {
            let (programs, kernel) = (spent.programs.as_millis(), spent.kernel.as_millis());
            self.tell(&format!(
                "the start took {programs} ms of the processor in our programs, \
                 {kernel} in the kernel"
            ));
        }
    }

    fn report(&mut self, report: &Report) {
        if let Report::Ready(service, _) = report {
            if *service == Service::Store {
                self.begin_errand();
            }
            let stage = format!("service {service} ready");
            if !self.boot.stages.iter().any(|(name, _)| *name == stage) {
                self.boot.reached(&stage, &mut self.console);
                return;
            }
        }
        self.tell(&report.to_string());
    }

    fn spawn(&mut self, service: Service) {
        let group = self.groups.of(service).as_ref();
        let firmware = self.boot.firmware.as_ref();
        let input = match child::start(service, &self.settings, &self.sockets, group, firmware) {
            Ok(started) => {
                self.add(Source::Output(service, started.pid, started.output));
                self.add(Source::Notices(service, started.pid, started.notices));
                Input::ChildStarted(service, started.pid)
            }
            Err(error) => {
                self.look_at_root();
                Input::SpawnFailed(service, error.to_string())
            }
        };
        self.inbox.push_back(input);
    }

    /// Asks a service as its users do. Questions that were not answered are dropped first.
    fn ask(&mut self, service: Service) {
        let is_old = |source: &Source| match source {
            Source::Question(question) => question.service() == service,
            Source::Output(..)
            | Source::Notices(..)
            | Source::Connection(_)
            | Source::Keys(_)
            | Source::ErrandOutput(..)
            | Source::ErrandNews(..)
            | Source::InstallOutput(..)
            | Source::InstallReports(..)
            | Source::MachineOutput(..)
            | Source::MachineReports(..)
            | Source::StickOutput(..)
            | Source::StickOffers(..)
            | Source::Hotplug(_)
            | Source::Button(_) => false,
        };
        self.sources.retain(|_, source| !is_old(source));
        match Question::ask(service, &self.settings.addresses, self.next_token) {
            Some(Ok(question)) => self.add(Source::Question(question)),
            Some(Err(error)) => self.tell(&format!("service {service} cannot be asked: {error}")),
            None => {}
        }
    }

    fn add(&mut self, source: Source) {
        let token = self.next_token;
        self.next_token = token.saturating_add(1);
        let added = match &source {
            Source::Output(_, _, pipe)
            | Source::Notices(_, _, pipe)
            | Source::ErrandOutput(_, pipe)
            | Source::ErrandNews(_, pipe)
            | Source::InstallOutput(_, pipe)
            | Source::InstallReports(_, pipe)
            | Source::MachineOutput(_, _, pipe)
            | Source::MachineReports(_, pipe)
            | Source::StickOutput(_, pipe)
            | Source::StickOffers(_, pipe) => self.poller.add(&pipe.file, token, Interest::Read),
            Source::Hotplug(hotplug) => self.poller.add(hotplug, token, Interest::Read),
            Source::Connection(connection) => {
                self.poller.add(&connection.stream, token, Interest::Read)
            }
            Source::Button(button) => self.poller.add(button, token, Interest::Read),
            Source::Keys(keys) => self.poller.add(keys, token, Interest::Read),
            Source::Question(question) => self.poller.add(question, token, Interest::Read),
        };
        match added {
            Ok(()) => drop(self.sources.insert(token, source)),
            Err(error) => self.tell(&error.to_string()),
        }
    }

    fn wake(&mut self, token: u64) {
        match token {
            SIGNALS => self.take_signals(),
            CONTROL => self.accept(),
            SCREEN => self.console.flush(),
            token => {
                // Taken out while it is worked on; put back unless it is over.
                let Some(mut source) = self.sources.remove(&token) else {
                    return;
                };
                let goes_on = match &mut source {
                    Source::Output(service, _, pipe) => self.hear_output(*service, pipe),
                    Source::Notices(service, pid, pipe) => self.hear_notices(*service, *pid, pipe),
                    Source::Connection(connection) => self.serve(token, connection),
                    Source::Button(button) => {
                        if button.was_pressed() {
                            self.shut_down(Shutdown::PowerOff, "the power button was pressed");
                        }
                        true
                    }
                    Source::Keys(keys) => self.hear_keys(keys),
                    Source::ErrandOutput(_, pipe) => self.hear_errand_output(pipe),
                    Source::ErrandNews(_, pipe) => self.hear_errand_news(pipe),
                    Source::InstallOutput(_, pipe) => self.hear_install_output(pipe),
                    Source::InstallReports(_, pipe) => self.hear_install_reports(pipe),
                    Source::MachineOutput(name, _, pipe) => self.hear_helper(name, pipe),
                    Source::MachineReports(pid, pipe) => self.hear_machine_reports(*pid, pipe),
                    Source::StickOutput(_, pipe) => self.hear_stick_output(pipe),
                    Source::StickOffers(pid, pipe) => self.hear_stick_offers(*pid, pipe),
                    Source::Hotplug(hotplug) => {
                        self.hear_hotplug(hotplug);
                        true
                    }
                    Source::Question(question) => {
                        if let Some(service) = question.answer() {
                            self.feed(Input::Answered(service));
                        }
                        false
                    }
                };
                if goes_on {
                    self.sources.insert(token, source);
                }
            }
        }
    }

    fn hear_output(&mut self, service: Service, pipe: &mut Pipe) -> bool {
        let heard = pipe.hear();
        for line in heard.lines {
            self.log.push(service.name(), millis_since_boot(), &line);
            self.console.line(&format!("{service}: {line}"));
        }
        !heard.ended
    }

    fn hear_notices(&mut self, service: Service, pid: u32, pipe: &mut Pipe) -> bool {
        let heard = pipe.hear();
        for line in heard.lines {
            match line.as_str() {
                "READY=1" => self.feed(Input::ChildReady(service, pid)),
                "WATCHDOG=1" => self.feed(Input::Watchdog(service, pid)),
                other if service == Service::Grid && other.starts_with(TUNNEL) => {
                    self.hear_tunnel(other.strip_prefix(TUNNEL).unwrap_or_default());
                }
                other => {
                    if let Some(status) = other.strip_prefix("STATUS=") {
                        self.log.push(service.name(), millis_since_boot(), status);
                    }
                }
            }
        }
        !heard.ended
    }

    fn take_signals(&mut self) {
        while let Some(signal) = self.signals.take() {
            match signal {
                Signal::Child => self.reap(),
                Signal::CtrlAltDel => self.shut_down(Shutdown::Restart, "Ctrl-Alt-Del was pressed"),
                Signal::Terminate => self.shut_down(Shutdown::PowerOff, "asked by SIGTERM"),
                Signal::PowerFail => {
                    self.shut_down(Shutdown::PowerOff, "the power supply says it will fail");
                }
            }
        }
    }

    fn reap(&mut self) {
        while let Some((pid, end)) = process::reap() {
            let of_child = |(token, source): (&u64, &Source)| match source {
                Source::Output(_, owner, _)
                | Source::Notices(_, owner, _)
                | Source::ErrandOutput(owner, _)
                | Source::ErrandNews(owner, _)
                | Source::InstallOutput(owner, _)
                | Source::InstallReports(owner, _)
                | Source::MachineOutput(_, owner, _)
                | Source::MachineReports(owner, _)
                | Source::StickOutput(owner, _)
                | Source::StickOffers(owner, _) => (*owner == pid).then_some(*token),
                Source::Connection(_)
                | Source::Hotplug(_)
                | Source::Button(_)
                | Source::Keys(_)
                | Source::Question(_) => None,
            };
            let pipes: Vec<_> = self.sources.iter().filter_map(of_child).collect();
            // Its last words belong before the news of its end.
            for token in pipes {
                self.wake(token);
            }
            if self.errand_ended(pid, end)
                || self.installation_ended(pid, end)
                || self.machine_work_ended(pid, end)
                || self.stick_ended(pid, end)
            {
                continue;
            }
            let status = self.node.status();
            let service = status
                .iter()
                .find(|it| it.pid == Some(pid))
                .map(|it| it.service);
            // A stranger: some process whose parent ended before it.
            let Some(service) = service else { continue };
            let exit = match end {
                End::Code(spawn::EXIT_NOT_STARTED) => {
                    Exit::NotStarted("see its last log line".to_owned())
                }
                End::Code(code) => Exit::Code(code),
                End::Signal(signal) => Exit::Signal(signal),
            };
            self.tell_memory(service, end);
            self.clear_group(service);
            self.look_at_root();
            if service == Service::Grid {
                self.leave_tunnel();
            }
            self.feed(Input::ChildExited(service, pid, exit));
        }
    }

    fn tell_memory(&mut self, service: Service, end: End) {
        let kills = self
            .groups
            .of(service)
            .as_ref()
            .map_or(0, Group::out_of_memory_kills);
        if end == End::Signal(9) && kills > 0 {
            let limit = services::group_limits(service).memory_max >> 20;
            self.tell(&format!(
                "service {service} was killed for want of memory; it may use {limit} MiB"
            ));
        }
    }

    /// Ends what a service left behind: a process that hides from its parent's end would keep the
    /// service's sockets and rights.
    fn clear_group(&mut self, service: Service) {
        if let Some(Err(error)) = self.groups.of(service).as_ref().map(Group::kill_all) {
            self.tell(&error.to_string());
        }
    }

    fn shut_down(&mut self, how: Shutdown, why: &str) {
        self.tell(&format!("shutting down: {why}"));
        self.feed(Input::ShutdownRequested(how));
        self.note_end(why);
    }

    /// The status page, where and when it says something new.
    fn show_page(&mut self) {
        let firmware = self.boot.firmware.as_ref();
        let facts = Facts {
            host: system::HOST_NAME,
            version: env!("CARGO_PKG_VERSION"),
            presence: &self.presence,
            services: &self.node.status(),
            maintenance: self.boot.maintenance.as_ref().map(|it| it.0.as_str()),
            firmware: firmware.map(|it| (it.slot.name(), it.key)),
            is_code_unseen: self.recovery_code.is_some(),
            files: self.sticks.files(),
            secure_boot: self.enrolment.state(),
            is_secure_boot_lost: self.enrolment.is_lost(),
        };
        let lines = self.screen.turn(&facts, self.now());
        self.write_on_serial(&lines);
    }

    /// Waits for room on the screen only while there is something to write to it.
    fn watch_console(&mut self) {
        let pending = self.console.is_pending();
        if pending == self.is_console_watched {
            return;
        }
        let Some(screen) = self.console.waiting() else {
            return;
        };
        let changed = if pending {
            self.poller.add(screen, SCREEN, Interest::Write).is_ok()
        } else {
            self.poller.remove(screen);
            true
        };
        if changed {
            self.is_console_watched = pending;
        }
    }
}

/// What can fail before the loop runs.
struct Parts {
    sockets: Sockets,
    poller: Poller,
    signals: Signals,
    control: UnixListener,
}

impl Parts {
    fn open(settings: &Settings, console: &mut Console) -> Result<Self, SystemError> {
        let signals = Signals::collect()?;
        let poller = Poller::new()?;
        let control = network::unix_listener(&settings.run_dir.join("init.sock"))?;
        control
            .set_nonblocking(true)
            .context("listen on", "init.sock")?;
        poller.add(&signals, SIGNALS, Interest::Read)?;
        poller.add(&control, CONTROL, Interest::Read)?;
        let tell = |error| console.line(&format!("ramal: no IPv6 there: {error}"));
        let sockets = Sockets::open(settings.addresses, &settings.run_dir, tell)?;
        services::make_run_folders(&settings.run_dir, settings.is_confined)?;
        Ok(Self {
            sockets,
            poller,
            signals,
            control,
        })
    }
}

/// What `grid` says of its tunnel.
const TUNNEL: &str = "TUNNEL=";
const SIGNALS: u64 = 0;
const CONTROL: u64 = 1;
const SCREEN: u64 = 2;
const FIRST_SOURCE: u64 = 16;
/// Many times what it takes on a slow disk, and less than people wait for.
const ERRAND_TIME_MAX: Duration = Duration::from_secs(60);
/// Firmware that writes to a slow chip takes a second for a variable.
const MACHINE_TIME_MAX: Duration = Duration::from_secs(60);
/// Everything the box starts by is read and hashed: some hundred megabytes, from a slow stick too.
const JUDGE_TIME_MAX: Duration = Duration::from_secs(300);
/// The loop turns at least this often, whatever it waits for.
const LOOP_MAX: Duration = Duration::from_secs(5);
/// The hardware restarts the box when the loop has stood still this long.
const WATCHDOG_TIMEOUT: Duration = Duration::from_secs(60);
/// Unmounting a disk that retries its errors takes long.
const WATCHDOG_AT_END: Duration = Duration::from_secs(120);
