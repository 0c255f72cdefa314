//! Every rule of the supervisor, in virtual time.

use std::time::Duration;

use sansio::{Instant, Node};

use crate::{
    Exit, Failure, Input, Output, Report, Service, Shutdown, Signal, Standing, SupervisorNode,
};

/// The node, a clock, and processes that do as they are told.
struct Bench {
    node: SupervisorNode,
    now: Instant,
    next_pid: u32,
    /// Outputs other than spawns, oldest first.
    seen: Vec<Output>,
    spawned: Vec<(Service, u32, Instant)>,
}

impl Bench {
    fn new() -> Self {
        Self {
            node: SupervisorNode::new(),
            now: Instant::ORIGIN,
            next_pid: 100,
            seen: Vec::new(),
            spawned: Vec::new(),
        }
    }

    /// All services started and ready.
    fn ready() -> Self {
        Self::ready_with(Standing::Unknown)
    }

    /// The same with firmware of which so much is known.
    fn ready_with(standing: Standing) -> Self {
        let mut bench = Self::new();
        bench.feed(Input::Start(standing));
        for service in Service::ALL {
            bench.feed(Input::ChildReady(service, bench.pid(service)));
        }
        bench.seen.clear();
        bench
    }

    fn feed(&mut self, input: Input) {
        self.node.handle(self.now, input);
        while let Some(output) = self.node.poll() {
            if let Output::Spawn(service) = output {
                self.next_pid += 1;
                self.spawned.push((service, self.next_pid, self.now));
                self.node
                    .handle(self.now, Input::ChildStarted(service, self.next_pid));
            } else {
                self.seen.push(output);
            }
        }
    }

    /// Runs all timers up to `span` from now; every service but `silent` gives signs of life.
    fn pass(&mut self, span: Duration, silent: Option<Service>) {
        let end = self.now + span;
        while let Some(deadline) = self.node.deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            for service in Service::ALL.into_iter().filter(|it| Some(*it) != silent) {
                self.feed(Input::Watchdog(service, self.pid(service)));
            }
            self.feed(Input::Timer);
        }
        self.now = end;
    }

    fn pid(&self, service: Service) -> u32 {
        self.spawned
            .iter()
            .rev()
            .find(|it| it.0 == service)
            .map_or(0, |it| it.1)
    }

    fn exit(&mut self, service: Service) {
        self.feed(Input::ChildExited(
            service,
            self.pid(service),
            Exit::Signal(9),
        ));
    }

    fn state(&self, service: Service) -> &'static str {
        let status = self.node.status();
        status
            .iter()
            .find(|it| it.service == service)
            .map_or("", |it| it.state)
    }

    fn take(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.seen)
    }

    fn reports(&mut self) -> Vec<Report> {
        let report = |output| match output {
            Output::Report(report) => Some(report),
            _ => None,
        };
        self.take().into_iter().filter_map(report).collect()
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// Firmware on trial that is well but for its tunnel, which was up lately.
fn without_tunnel() -> Bench {
    let mut bench = Bench::new();
    bench.feed(Input::TunnelExpected);
    bench.feed(Input::Start(Standing::OnTrial));
    for service in Service::ALL {
        bench.feed(Input::ChildReady(service, bench.pid(service)));
    }
    bench.pass(SECOND, None);
    bench.feed(Input::Answered(Service::Pbx));
    bench.feed(Input::Answered(Service::Web));
    bench
}

#[test]
fn firmware_whose_tunnel_does_not_come_up_though_it_was_up_lately_is_left() {
    let mut bench = without_tunnel();
    bench.pass(SECOND * 598, None);
    let failed = Output::FirmwareFailed(Failure::TunnelDown);
    assert!(!bench.seen.contains(&Output::FirmwareProved) && !bench.seen.contains(&failed));
    bench.pass(SECOND * 2, None);
    assert!(bench.seen.contains(&failed));
    assert_eq!(Failure::TunnelDown.service(), Some(Service::Grid));
}

#[test]
fn firmware_is_good_when_the_tunnel_that_was_up_lately_has_been_up_for_five_minutes() {
    let mut bench = without_tunnel();
    bench.pass(SECOND * 100, None);
    bench.feed(Input::Tunnel { is_up: true });
    bench.pass(SECOND * 60, None);
    bench.feed(Input::Tunnel { is_up: false });
    bench.pass(SECOND * 100, None);
    bench.feed(Input::Tunnel { is_up: true });
    bench.pass(SECOND * 299, None);
    assert!(!bench.seen.contains(&Output::FirmwareProved));
    bench.pass(SECOND, None);
    assert!(bench.seen.contains(&Output::FirmwareProved));
}

#[test]
fn one_handshake_with_silence_after_it_is_no_tunnel() {
    let mut bench = without_tunnel();
    bench.feed(Input::Tunnel { is_up: true });
    bench.pass(SECOND * 180, None);
    bench.feed(Input::Tunnel { is_up: false });
    bench.pass(SECOND * 420, None);
    let failed = Output::FirmwareFailed(Failure::TunnelDown);
    assert!(!bench.seen.contains(&Output::FirmwareProved));
    assert!(bench.seen.contains(&failed));
}

#[test]
fn firmware_that_gives_grid_up_is_left_where_the_tunnel_was_up_lately() {
    let mut bench = without_tunnel();
    bench.feed(Input::Tunnel { is_up: true });
    for _ in 0..5 {
        bench.exit(Service::Grid);
        bench.pass(SECOND * 5, None);
    }
    assert!(
        bench
            .seen
            .contains(&Output::FirmwareFailed(Failure::TunnelDown))
    );
}

#[test]
fn firmware_that_has_proved_good_before_waits_for_no_tunnel() {
    let mut bench = Bench::new();
    bench.feed(Input::TunnelExpected);
    bench.feed(Input::Start(Standing::Proven));
    for service in Service::ALL {
        bench.feed(Input::ChildReady(service, bench.pid(service)));
    }
    bench.pass(SECOND, None);
    bench.feed(Input::Answered(Service::Pbx));
    bench.feed(Input::Answered(Service::Web));
    bench.pass(SECOND * 120, None);
    assert!(bench.seen.contains(&Output::FirmwareProved));
}

#[test]
fn the_box_is_ready_without_the_grid_and_firmware_is_good_without_it() {
    let mut bench = Bench::new();
    bench.feed(Input::Start(Standing::OnTrial));
    for service in Service::ALL.into_iter().filter(|it| it.is_needed()) {
        bench.feed(Input::ChildReady(service, bench.pid(service)));
    }
    assert!(bench.seen.contains(&Output::AllReady));
    bench.pass(SECOND, None);
    bench.feed(Input::Answered(Service::Pbx));
    bench.feed(Input::Answered(Service::Web));
    for _ in 0..4 {
        bench.exit(Service::Grid);
        bench.pass(SECOND * 10, None);
    }
    bench.pass(SECOND * 120, None);
    assert!(bench.seen.contains(&Output::FirmwareProved));
    for _ in 0..5 {
        bench.exit(Service::Grid);
        bench.pass(SECOND * 5, None);
    }
    assert_eq!(bench.state(Service::Grid), "given-up");
    let failed = |it: &Output| matches!(it, Output::FirmwareFailed(_));
    assert!(!bench.seen.iter().any(failed));
}

#[test]
fn all_services_start_at_once_in_order() {
    let mut bench = Bench::new();
    bench.feed(Input::Start(Standing::Unknown));
    let order: Vec<Service> = bench.spawned.iter().map(|it| it.0).collect();
    assert_eq!(order, Service::ALL);
    assert!(
        Service::ALL
            .iter()
            .all(|service| bench.state(*service) == "starting")
    );
}

#[test]
fn the_box_is_ready_when_the_last_service_is_and_only_once() {
    let mut bench = Bench::new();
    bench.feed(Input::Start(Standing::Unknown));
    for service in Service::ALL {
        assert!(!bench.seen.contains(&Output::AllReady));
        bench.feed(Input::ChildReady(service, bench.pid(service)));
    }
    assert_eq!(
        bench
            .take()
            .iter()
            .filter(|it| **it == Output::AllReady)
            .count(),
        1
    );
    bench.exit(Service::Web);
    bench.pass(SECOND, None);
    bench.feed(Input::ChildReady(Service::Web, bench.pid(Service::Web)));
    assert!(!bench.take().contains(&Output::AllReady));
}

#[test]
fn a_killed_service_is_started_again_within_a_tenth_of_a_second() {
    for service in Service::ALL {
        let mut bench = Bench::ready();
        bench.pass(SECOND * 100, None);
        let (killed, old) = (bench.now, bench.pid(service));
        bench.exit(service);
        assert_eq!(bench.state(service), "waiting");
        bench.pass(Duration::from_millis(100), None);
        let (started, pid, when) = *bench.spawned.last().expect("a new process");
        assert_eq!(started, service);
        assert_ne!(pid, old);
        assert!(when - killed <= Duration::from_millis(100));
        let status = bench.node.status();
        let status = status
            .iter()
            .find(|it| it.service == service)
            .expect("listed");
        assert_eq!(
            (status.restarts, status.last_exit.as_str()),
            (1, "signal 9 (killed)")
        );
    }
}

#[test]
fn a_crash_loop_is_given_up_loudly_and_the_others_stay() {
    let mut bench = Bench::ready();
    for _ in 0..5 {
        bench.exit(Service::Web);
        bench.pass(SECOND * 5, None);
    }
    assert_eq!(bench.state(Service::Web), "given-up");
    let reports = bench.reports();
    assert_eq!(
        reports.last(),
        Some(&Report::GivenUp(Service::Web, Exit::Signal(9)))
    );
    assert!(
        reports
            .last()
            .expect("one")
            .to_string()
            .contains("GIVEN UP")
    );
    let spawned = bench.spawned.len();
    bench.pass(SECOND * 3600, None);
    assert_eq!(bench.spawned.len(), spawned, "not restarted for ever");
    assert_eq!(bench.state(Service::Pbx), "ready");
}

#[test]
fn a_given_up_service_comes_back_when_asked_for() {
    let mut bench = Bench::ready();
    for _ in 0..5 {
        bench.exit(Service::Media);
        bench.pass(SECOND * 5, None);
    }
    assert_eq!(bench.state(Service::Media), "given-up");
    bench.feed(Input::RestartRequested(Service::Media, Signal::Terminate));
    assert_eq!(bench.state(Service::Media), "starting");
    bench.exit(Service::Media);
    assert_eq!(
        bench.state(Service::Media),
        "waiting",
        "counting begins anew"
    );
}

#[test]
fn a_stable_minute_makes_the_next_restart_immediate_again() {
    let mut bench = Bench::ready();
    for _ in 0..3 {
        bench.exit(Service::Store);
        bench.pass(SECOND, None);
    }
    bench.pass(SECOND * 61, None);
    bench.take();
    bench.exit(Service::Store);
    let delay = crate::backoff::FIRST_DELAY;
    let expected = Report::Restarting(Service::Store, Exit::Signal(9), delay);
    assert_eq!(bench.reports(), [expected]);
}

#[test]
fn a_service_that_cannot_be_started_backs_off_like_one_that_crashes() {
    let mut node = SupervisorNode::new();
    node.handle(Instant::ORIGIN, Input::Start(Standing::Unknown));
    let mut now = Instant::ORIGIN;
    for _ in 0..5 {
        while node.poll().is_some() {}
        node.handle(now, Input::SpawnFailed(Service::Net, "no memory".into()));
        now = now + SECOND * 4;
        node.handle(now, Input::Timer);
    }
    let status = node.status();
    let net = status
        .iter()
        .find(|it| it.service == Service::Net)
        .expect("listed");
    assert_eq!(net.state, "given-up");
    assert_eq!(net.last_exit, "could not be started: no memory");
}

#[test]
fn a_silent_service_is_killed_and_started_again() {
    let mut bench = Bench::ready();
    let pid = bench.pid(Service::Pbx);
    bench.pass(Duration::from_secs(29), Some(Service::Pbx));
    assert_eq!(bench.reports(), []);
    bench.pass(SECOND, Some(Service::Pbx));
    let seen = bench.take();
    let silence = Duration::from_secs(30);
    assert!(seen.contains(&Output::Report(Report::Silent(Service::Pbx, silence))));
    assert!(seen.contains(&Output::Kill(Service::Pbx, pid, Signal::Kill)));
    bench.exit(Service::Pbx);
    bench.pass(SECOND, None);
    assert_ne!(bench.pid(Service::Pbx), pid);
}

#[test]
fn signs_of_life_from_an_earlier_process_count_for_nothing() {
    let mut bench = Bench::ready();
    let old = bench.pid(Service::Web);
    bench.exit(Service::Web);
    bench.pass(SECOND, None);
    bench.feed(Input::ChildReady(Service::Web, old));
    bench.feed(Input::ChildExited(Service::Web, old, Exit::Code(0)));
    assert_eq!(bench.state(Service::Web), "starting");
}

#[test]
fn the_hardware_watchdog_is_petted_while_critical_services_can_be_killed() {
    let mut bench = Bench::ready();
    bench.pass(SECOND * 20, None);
    assert_eq!(bench.take(), vec![Output::PetWatchdog; 4]);
    // The store hangs in the kernel: SIGKILL does not end it.
    bench.pass(SECOND * 45, Some(Service::Store));
    bench.take();
    bench.pass(SECOND * 60, Some(Service::Store));
    assert!(!bench.take().contains(&Output::PetWatchdog));
}

#[test]
fn a_hardware_watchdog_that_cannot_wait_long_is_petted_more_often() {
    let mut bench = Bench::ready();
    bench.node.pet_within(SECOND * 6);
    bench.pass(SECOND * 5, None);
    bench.take();
    bench.pass(SECOND * 6, None);
    assert_eq!(bench.take(), vec![Output::PetWatchdog; 3]);
    // One that waits longer than it needs to is not petted less.
    bench.node.pet_within(SECOND * 600);
    bench.pass(SECOND * 2, None);
    bench.take();
    bench.pass(SECOND * 10, None);
    assert_eq!(bench.take(), vec![Output::PetWatchdog; 2]);
}

#[test]
fn a_hanging_web_service_does_not_restart_the_box() {
    let mut bench = Bench::ready();
    bench.pass(SECOND * 60, Some(Service::Web));
    bench.take();
    bench.pass(SECOND * 10, Some(Service::Web));
    assert_eq!(bench.take(), vec![Output::PetWatchdog; 2]);
}

#[test]
fn a_service_given_up_leaves_the_box_running() {
    let mut bench = Bench::ready();
    for _ in 0..5 {
        bench.exit(Service::Pbx);
        bench.pass(SECOND * 5, None);
    }
    bench.take();
    bench.pass(SECOND * 10, None);
    assert_eq!(bench.take(), vec![Output::PetWatchdog; 2]);
}

#[test]
fn shutdown_stops_the_services_one_by_one_in_reverse_order() {
    let mut bench = Bench::ready();
    bench.feed(Input::ShutdownRequested(Shutdown::PowerOff));
    let mut order = Vec::new();
    for _ in Service::ALL {
        let Some(Output::Kill(service, pid, Signal::Terminate)) = bench.seen.last().cloned() else {
            panic!("expected a SIGTERM, saw {:?}", bench.seen);
        };
        order.push(service.name());
        bench.feed(Input::ChildExited(service, pid, Exit::Code(0)));
    }
    assert_eq!(
        order,
        [
            "web", "update", "grid", "pbx", "media", "guard", "net", "store"
        ]
    );
    assert_eq!(bench.seen.last(), Some(&Output::Finish(Shutdown::PowerOff)));
    assert_eq!(bench.node.deadline(), None);
}

#[test]
fn a_service_that_will_not_stop_is_killed_after_five_seconds() {
    let mut bench = Bench::ready();
    bench.feed(Input::ShutdownRequested(Shutdown::Restart));
    let web = bench.pid(Service::Web);
    bench.pass(Duration::from_millis(4999), None);
    assert!(
        !bench
            .seen
            .contains(&Output::Kill(Service::Web, web, Signal::Kill))
    );
    bench.pass(Duration::from_millis(1), None);
    assert!(
        bench
            .seen
            .contains(&Output::Kill(Service::Web, web, Signal::Kill))
    );
    bench.exit(Service::Web);
    let update = bench.pid(Service::Update);
    assert_eq!(
        bench.seen.last(),
        Some(&Output::Kill(Service::Update, update, Signal::Terminate))
    );
}

#[test]
fn shutdown_does_not_wait_for_ever_on_a_process_that_cannot_be_killed() {
    let mut bench = Bench::ready();
    bench.feed(Input::ShutdownRequested(Shutdown::PowerOff));
    bench.pass(SECOND * 125, None);
    assert_eq!(bench.seen.last(), Some(&Output::Finish(Shutdown::PowerOff)));
    assert!(
        bench
            .seen
            .contains(&Output::Report(Report::Unkillable(Service::Web)))
    );
}

#[test]
fn shutdown_restarts_nothing_and_the_first_kind_asked_for_holds() {
    let mut bench = Bench::ready();
    bench.exit(Service::Store);
    bench.feed(Input::ShutdownRequested(Shutdown::Restart));
    bench.feed(Input::ShutdownRequested(Shutdown::PowerOff));
    let spawned = bench.spawned.len();
    for service in [
        Service::Web,
        Service::Update,
        Service::Grid,
        Service::Pbx,
        Service::Media,
        Service::Guard,
        Service::Net,
    ] {
        bench.exit(service);
        bench.pass(Duration::from_millis(100), None);
    }
    assert_eq!(bench.spawned.len(), spawned);
    let finishes: Vec<Output> = bench
        .take()
        .into_iter()
        .filter(|it| matches!(it, Output::Finish(_)))
        .collect();
    assert_eq!(finishes, [Output::Finish(Shutdown::Restart)]);
}

#[test]
fn shutdown_before_anything_runs_ends_at_once() {
    let mut bench = Bench::new();
    bench.feed(Input::ShutdownRequested(Shutdown::PowerOff));
    assert_eq!(bench.take(), [Output::Finish(Shutdown::PowerOff)]);
}

#[test]
fn maintenance_starts_nothing_and_keeps_the_box_alive() {
    let mut bench = Bench::new();
    bench.feed(Input::Maintain(Standing::Unknown));
    bench.pass(SECOND * 10, None);
    assert_eq!(bench.take(), vec![Output::PetWatchdog; 3]);
    assert_eq!(bench.spawned, []);
    assert!(
        Service::ALL
            .iter()
            .all(|service| bench.state(*service) == "stopped")
    );
    bench.feed(Input::ShutdownRequested(Shutdown::PowerOff));
    assert_eq!(bench.take(), [Output::Finish(Shutdown::PowerOff)]);
}

#[test]
fn new_firmware_that_cannot_use_the_data_is_left_and_proven_firmware_says_why() {
    let failed = Output::FirmwareFailed(Failure::Maintenance);
    let check = |standing, seconds, is_left| {
        let mut bench = Bench::new();
        bench.feed(Input::Maintain(standing));
        bench.pass(SECOND * seconds, None);
        let seen = bench.take();
        let left = seen.iter().filter(|it| **it == failed).count();
        assert_eq!(left, usize::from(is_left), "{standing:?}, {seconds} s");
    };
    check(Standing::OnTrial, 1, true);
    // Nobody knows which firmware it is: somebody may read why, then the loader goes on counting.
    check(Standing::Lost, 599, false);
    check(Standing::Lost, 3600, true);
    check(Standing::Proven, 3600, false);
    check(Standing::Unknown, 3600, false);
}

#[test]
fn an_administrator_may_restart_a_service_as_often_as_it_takes() {
    let mut bench = Bench::ready();
    for _ in 0..10 {
        let pid = bench.pid(Service::Pbx);
        bench.feed(Input::RestartRequested(Service::Pbx, Signal::Terminate));
        assert_eq!(
            bench.seen.last(),
            Some(&Output::Kill(Service::Pbx, pid, Signal::Terminate))
        );
        assert_eq!(bench.state(Service::Pbx), "stopping");
        bench.exit(Service::Pbx);
        bench.pass(Duration::from_millis(100), None);
        assert_ne!(bench.pid(Service::Pbx), pid);
    }
    assert_eq!(bench.state(Service::Pbx), "starting");
}

#[test]
fn a_rehearsed_crash_counts_as_one() {
    let mut bench = Bench::ready();
    for _ in 0..5 {
        let pid = bench.pid(Service::Net);
        bench.feed(Input::RestartRequested(Service::Net, Signal::Kill));
        assert_eq!(
            bench.seen.last(),
            Some(&Output::Kill(Service::Net, pid, Signal::Kill))
        );
        bench.exit(Service::Net);
        bench.pass(SECOND * 2, None);
    }
    assert_eq!(bench.state(Service::Net), "given-up");
}

/// Lets every service that is asked answer.
fn answer_all(bench: &mut Bench) {
    bench.feed(Input::Timer);
    for output in bench.take() {
        if let Output::Ask(service) = output {
            bench.feed(Input::Answered(service));
        }
    }
}

#[test]
fn firmware_is_good_after_two_minutes_of_all_services_well_and_answering() {
    for standing in [Standing::OnTrial, Standing::Proven] {
        let mut bench = Bench::ready_with(standing);
        answer_all(&mut bench);
        bench.pass(119 * SECOND, None);
        assert!(!bench.take().contains(&Output::FirmwareProved));
        bench.pass(2 * SECOND, None);
        bench.pass(3600 * SECOND, None);
        let proved = bench.take();
        let proved = proved.iter().filter(|it| **it == Output::FirmwareProved);
        assert_eq!(proved.count(), 1, "{standing:?}");
    }
}

#[test]
fn firmware_that_did_not_come_from_a_slot_is_not_judged() {
    let mut bench = Bench::ready();
    answer_all(&mut bench);
    bench.pass(3600 * SECOND, None);
    let seen = bench.take();
    let of_firmware = |it: &&Output| {
        matches!(
            it,
            Output::FirmwareProved | Output::FirmwareFailed(_) | Output::Ask(_)
        )
    };
    assert_eq!(seen.iter().filter(of_firmware).count(), 0);
}

#[test]
fn a_service_that_ends_begins_the_proof_anew() {
    let mut bench = Bench::ready_with(Standing::OnTrial);
    answer_all(&mut bench);
    bench.pass(100 * SECOND, None);
    bench.exit(Service::Media);
    bench.pass(SECOND, None);
    bench.feed(Input::ChildReady(Service::Media, bench.pid(Service::Media)));
    answer_all(&mut bench);
    bench.pass(110 * SECOND, None);
    assert!(!bench.take().contains(&Output::FirmwareProved));
    bench.pass(15 * SECOND, None);
    assert!(bench.take().contains(&Output::FirmwareProved));
}

#[test]
fn firmware_on_trial_whose_sip_does_not_answer_is_left_after_ten_minutes() {
    let mut bench = Bench::ready_with(Standing::OnTrial);
    bench.feed(Input::Answered(Service::Web));
    bench.pass(599 * SECOND, None);
    let seen = bench.take();
    let asked = seen.iter().filter(|it| **it == Output::Ask(Service::Pbx));
    assert!(asked.count() > 50);
    assert!(!seen.contains(&Output::FirmwareProved));
    bench.pass(2 * SECOND, None);
    let failed = Output::FirmwareFailed(Failure::NotWell(Service::Pbx));
    assert!(bench.take().contains(&failed));
}

#[test]
fn firmware_on_trial_is_left_as_soon_as_a_service_is_given_up_and_proven_firmware_is_kept() {
    let failed = Output::FirmwareFailed(Failure::GivenUp(Service::Web));
    for (standing, is_left) in [(Standing::OnTrial, true), (Standing::Proven, false)] {
        let mut bench = Bench::ready_with(standing);
        for _ in 0..5 {
            bench.exit(Service::Web);
            bench.pass(5 * SECOND, None);
        }
        assert_eq!(bench.state(Service::Web), "given-up");
        assert_eq!(bench.take().contains(&failed), is_left, "{standing:?}");
    }
}

/// Has a service end until it is given up.
fn give_up(bench: &mut Bench, service: Service) {
    for _ in 0..5 {
        bench.exit(service);
        bench.pass(5 * SECOND, None);
    }
    assert_eq!(bench.state(service), "given-up");
}

const LEFT_AS_DAMAGED: Output = Output::FirmwareFailed(Failure::RootDamaged);

#[test]
fn firmware_on_trial_whose_root_is_damaged_is_left_at_once() {
    let mut bench = Bench::ready_with(Standing::OnTrial);
    bench.feed(Input::RootDamaged { has_other: false });
    bench.feed(Input::RootDamaged { has_other: true });
    let seen = bench.take();
    let left = seen.iter().filter(|it| **it == LEFT_AS_DAMAGED);
    assert_eq!(left.count(), 1);
}

#[test]
fn proven_firmware_whose_root_is_damaged_goes_on_until_a_service_is_given_up() {
    for (has_other, is_left) in [(true, true), (false, false)] {
        let mut bench = Bench::ready_with(Standing::Proven);
        answer_all(&mut bench);
        bench.pass(130 * SECOND, None);
        assert!(bench.take().contains(&Output::FirmwareProved));
        bench.feed(Input::RootDamaged { has_other });
        bench.exit(Service::Web);
        bench.pass(70 * SECOND, None);
        assert!(!bench.take().contains(&LEFT_AS_DAMAGED));
        give_up(&mut bench, Service::Web);
        assert_eq!(bench.take().contains(&LEFT_AS_DAMAGED), is_left);
    }
}

#[test]
fn damage_that_is_found_after_a_service_was_given_up_counts_too() {
    let mut bench = Bench::ready_with(Standing::Proven);
    give_up(&mut bench, Service::Pbx);
    assert!(!bench.take().contains(&LEFT_AS_DAMAGED));
    bench.feed(Input::RootDamaged { has_other: true });
    assert!(bench.take().contains(&LEFT_AS_DAMAGED));
}
