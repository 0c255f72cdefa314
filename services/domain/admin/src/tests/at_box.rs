//! What somebody who stands before the box has it do.

use ipc::init::{
    self, Act, Deed, EnrolStage, InstallStage, Installation, Shutdown, StickFile, Wish,
};
use ipc::net;
use ipc::stick::Offer;
use ipc::store::Audit;
use ipc::update::{Refusal, Reply, Request as Ask};

use super::world::{OWN_PASSWORD, World, get, json as body, sign_in_from};
use crate::{FetchFault, FetchOrder, FetchState, Response, Source};

fn act(world: &mut World, act: Act) -> u16 {
    wish(world, Wish::Act(act)).status
}

fn wish(world: &mut World, wish: Wish) -> Response {
    let moment = world.moment();
    let step = world.admin.at_box(&moment, wish);
    world.run(step)
}

fn last_audit(world: &World) -> (String, String, String) {
    let Audit {
        who, from, action, ..
    } = world.audits.last().expect("an entry").clone();
    (who, from, action)
}

fn entry(action: &str) -> (String, String, String) {
    ("at the box".into(), "screen".into(), action.into())
}

#[test]
fn the_administrator_gets_a_password_that_works_once_and_his_sessions_end() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    assert_eq!(world.admin.is_claimed(), Some(true));
    assert_eq!(act(&mut world, Act::NewPassword), 204);
    assert_eq!(
        last_audit(&world),
        entry("one-time password for admin made")
    );
    assert_eq!(world.admin.is_claimed(), Some(false));
    assert_eq!(world.ask(&get("/api/status", &session)).status, 401);
    let refused = world.ask(&sign_in_from("10.0.0.5", "admin", OWN_PASSWORD));
    assert_eq!(refused.status, 401);
    assert_eq!(world.screen[0], "administrator: admin");
    let password = world.screen[1].strip_prefix("one-time password: ");
    let password = password.expect("the second line").to_owned();
    let welcome = world.ask(&sign_in_from("10.0.0.5", "admin", &password));
    assert_eq!(body(&welcome)["must_change_password"], true);
}

#[test]
fn a_password_that_cannot_be_kept_is_not_shown() {
    let mut world = World::new();
    world.store_away = true;
    assert_eq!(act(&mut world, Act::NewPassword), 503);
    assert!(world.screen.is_empty());
    assert_eq!(world.admin.is_claimed(), Some(true));
}

#[test]
fn the_box_is_started_again_with_what_was_asked_for_noted_before() {
    for (asked, noted, action) in [
        (Act::Rescue, Ask::Rescue, "rescue system started"),
        (Act::Reset, Ask::FactoryReset, "factory reset asked for"),
    ] {
        let mut world = World::new();
        world.update_answers.push_back(Reply::Done);
        assert_eq!(act(&mut world, asked), 200);
        assert_eq!(world.asked_update, [noted]);
        let restart = init::Request::Shutdown(Shutdown::Restart);
        assert_eq!(world.asked_init, [restart]);
        assert_eq!(last_audit(&world), entry(action));
    }
}

#[test]
fn what_cannot_be_noted_does_not_restart_the_box() {
    let mut world = World::new();
    world.update_answers.push_back(Reply::Refused {
        reason: Refusal::NotBegun,
        next: None,
    });
    assert!(act(&mut world, Act::Rescue) >= 400);
    assert!(world.asked_init.is_empty());
}

#[test]
fn a_restart_is_recorded() {
    let mut world = World::new();
    assert_eq!(act(&mut world, Act::Restart), 200);
    assert_eq!(last_audit(&world), entry("box restarted"));
    assert_eq!(act(&mut world, Act::PowerOff), 200);
    let off = init::Request::Shutdown(Shutdown::PowerOff);
    assert_eq!(world.asked_init.last(), Some(&off));
}

#[test]
fn an_update_is_installed_from_the_stick_and_recorded_unless_the_stick_is_gone() {
    let mut world = World::new();
    let file = StickFile {
        disk: "sdb".into(),
        offer: Offer::of("a.update", 7).expect("plain"),
    };
    let refused = wish(&mut world, Wish::Install(file.clone()));
    let said = body(&refused);
    assert_eq!(said["code"], "not-on-stick");
    assert_ne!(said["text"], said["error"], "in both languages");
    assert!(world.asked_fetch.is_empty());
    world.stick = vec![file.clone()];
    let begun = wish(&mut world, Wish::Install(file.clone()));
    assert_eq!(begun.status, 200);
    let [FetchOrder::Begin(Source::Stick(asked), ended)] = world.asked_fetch.as_slice() else {
        panic!("{:?}", world.asked_fetch);
    };
    assert_eq!((asked, ended.who.as_str()), (&file, "at the box"));
    let recorded = "firmware update fetched from USB stick sdb: a.update";
    assert_eq!(last_audit(&world), entry(recorded));
}

#[test]
fn how_an_update_ended_is_said_at_the_box_in_both_languages() {
    let failed = FetchState::Failed {
        from: String::new(),
        fault: FetchFault::Refused(Refusal::NotAnUpdate),
    };
    let said = failed.at_box();
    assert!(
        said.contains("isto não é") && said.contains("this is no"),
        "{said}"
    );
    let running = FetchState::Running {
        from: String::new(),
        fetched: 7,
    };
    assert_eq!(running.at_box(), "");
}

#[test]
fn a_networks_setting_is_kept_and_recorded_then_taken_up_and_told_in_both_languages() {
    let mut world = World::new();
    let fixed = "10.0.0.5/24 10.0.0.1 -".to_owned();
    let done = wish(&mut world, Wish::Network(Some(fixed.clone())));
    assert_eq!(done.status, 200);
    assert_eq!(world.network, Some(fixed));
    assert_eq!(last_audit(&world), entry("network set to 10.0.0.5/24"));
    assert_eq!(world.asked_net, [net::Request::TakeUp]);
    let said = body(&done);
    assert_eq!(said["text"], "rede 10.0.0.5/24: gravada");
    assert_eq!(said["error"], "network 10.0.0.5/24: kept");
    // The network service is away: it asks the store when it is back.
    world.net_away = true;
    let done = wish(&mut world, Wish::Network(None));
    assert_eq!((done.status, &world.network), (200, &None));
    assert_eq!(last_audit(&world), entry("network set to DHCP"));
    let said = body(&done)["error"].to_string();
    assert!(said.contains("when the network service is back"), "{said}");
}

#[test]
fn a_networks_setting_of_which_the_store_says_nothing_may_be_kept_and_that_is_said() {
    let mut world = World::new();
    world.store_away = true;
    let unknown = wish(&mut world, Wish::Network(None));
    assert_eq!(unknown.status, 202);
    let said = body(&unknown)["error"].to_string();
    assert!(said.contains("not known whether it was kept"), "{said}");
    assert_eq!(
        world.asked_net,
        [net::Request::TakeUp],
        "it moves at once, or never"
    );
}

#[test]
fn a_networks_setting_that_is_not_kept_is_not_taken_up() {
    let mut world = World::new();
    for wrong in ["10.0.0.0/24 - -", "", "10.0.0.5/24 10.9.9.9 -"] {
        let refused = wish(&mut world, Wish::Network(Some(wrong.into())));
        assert_eq!(refused.status, 400, "{wrong}");
    }
    assert!(world.asked_net.is_empty() && world.audits.is_empty());
}

#[test]
fn an_installation_on_another_disk_is_recorded_with_the_disk_and_how_it_ended() {
    let mut world = World::new();
    for (stage, action) in [
        (InstallStage::Begun, "installation on another disk begun"),
        (
            InstallStage::Made("1.4.2".into()),
            "firmware 1.4.2 installed on another disk",
        ),
        (
            InstallStage::Failed("disk-lies".into()),
            "installation on another disk failed: disk-lies",
        ),
        (
            InstallStage::Cancelled,
            "installation on another disk cancelled",
        ),
    ] {
        let installation = Installation {
            disk: "nvme0n1".into(),
            model: "Acme SSD".into(),
            serial: "S4EV".into(),
            bytes: 16_008_609_792,
            stage,
        };
        // Where the store is away it waits.
        world.store_away = true;
        let done = wish(&mut world, Wish::Record(Deed::Installation(installation)));
        assert_eq!(done.status, 204);
        world.store_away = false;
        let step = world.admin.overdue().expect("it waits");
        world.run(step);
        assert_eq!(last_audit(&world), entry(action));
        let disk = &world.audits.last().expect("an entry").after;
        assert_eq!(
            disk,
            "nvme0n1, 16.0 GB, model \"Acme SSD\", serial number \"S4EV\""
        );
    }
}

#[test]
fn that_the_machine_was_given_keys_is_recorded() {
    for (stage, action, after) in [
        (
            EnrolStage::Asked,
            "Secure Boot with this box's keys asked for",
            "",
        ),
        (
            EnrolStage::Done,
            "Secure Boot: the machine has this box's keys",
            "",
        ),
        (
            EnrolStage::Failed("the rescue system: not signed".into()),
            "Secure Boot: the machine has not got the keys",
            "the rescue system: not signed",
        ),
    ] {
        let mut world = World::new();
        let done = wish(&mut world, Wish::Record(Deed::Enrolment(stage)));
        assert_eq!(done.status, 204);
        let audit = world.audits.last().expect("an entry");
        assert_eq!(
            (audit.action.as_str(), audit.after.as_str()),
            (action, after)
        );
        assert_eq!(audit.who, "at the box");
    }
}

#[test]
fn that_secure_boot_was_found_another_is_recorded_as_the_boxs_own_finding() {
    for (is_on, action) in [
        (true, "Secure Boot found on"),
        (false, "Secure Boot found off, and was on"),
    ] {
        let mut world = World::new();
        let done = wish(&mut world, Wish::Record(Deed::SecureBoot { is_on }));
        assert_eq!(done.status, 204);
        let audit = world.audits.last().expect("an entry");
        assert_eq!(
            (audit.who.as_str(), audit.action.as_str()),
            ("the box", action)
        );
    }
}
