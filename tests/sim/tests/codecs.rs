//! Phones with different codecs (decision 0013): what each is told, and that the two end up with
//! something that goes together.

#![expect(
    clippy::indexing_slicing,
    reason = "a test's helpers may fail the test"
)]

use ipc::site::{Dtmf, Encryption, ExtensionSettings};
use ipc::sound::Clip;
use sim::{Floor, Hears, checks};

const OPUS: &str = "a=rtpmap:96 opus/48000/2\r\n";

/// The codec that is sent to a line.
fn sent(floor: &Floor, index: usize, line: usize) -> String {
    let id = floor.sets[index]
        .hears(&floor.world, line)
        .map(|(id, _)| id);
    let endpoint = id.and_then(|id| floor.world.media.open.get(&id));
    let agreed = endpoint.and_then(|endpoint| endpoint.agreed.as_ref());
    let first = agreed.and_then(|agreed| agreed.send.first());
    first.map(|codec| codec.name.clone()).unwrap_or_default()
}

#[test]
fn two_phones_without_a_common_codec_talk() {
    let mut floor = Floor::new(2);
    floor.sets[0].formats = ("0", "");
    floor.sets[1].formats = ("8", "");
    let (caller, callee) = floor.connect(0, 1);
    assert!(floor.talk((0, caller), (1, callee)));
    assert_eq!(sent(&floor, 0, caller), "PCMU");
    assert_eq!(sent(&floor, 1, callee), "PCMA");
}

#[test]
fn a_common_codec_is_preferred_to_conversion() {
    let mut floor = Floor::new(2);
    floor.sets[0].formats = ("0 8", "");
    floor.sets[1].formats = ("8", "");
    let (caller, callee) = floor.connect(0, 1);
    assert_eq!(sent(&floor, 0, caller), "PCMA");
    assert_eq!(sent(&floor, 1, callee), "PCMA");
}

/// A phone may send any format agreed on, so one that would not arrive is not agreed on.
#[test]
fn a_caller_is_not_left_with_a_codec_that_goes_nowhere() {
    let mut floor = Floor::new(2);
    floor.sets[0].formats = ("96 8", OPUS);
    floor.sets[1].formats = ("8", "");
    let (caller, callee) = floor.connect(0, 1);
    floor.run_secs(2);
    assert!(floor.talk((0, caller), (1, callee)));
    assert_eq!(sent(&floor, 0, caller), "PCMA");
}

/// Opus is converted for a phone that has nothing else, whoever calls.
#[test]
fn a_phone_with_opus_alone_talks_with_one_that_has_none() {
    for (caller, callee) in [(0, 1), (1, 0)] {
        // Its settings say so, or it would not be offered what its caller does not have.
        let mut floor = Floor::with(2, |site| {
            site.extensions[0].settings.codecs = vec![ipc::site::Codec::Opus];
        });
        floor.sets[0].formats = ("96", OPUS);
        floor.sets[1].formats = ("8", "");
        let (one, other) = floor.connect(caller, callee);
        floor.run_secs(2);
        assert!(floor.talk((caller, one), (callee, other)));
        let (opus, plain) = if caller == 0 {
            (one, other)
        } else {
            (other, one)
        };
        assert_eq!(sent(&floor, 0, opus), "OPUS");
        assert_eq!(sent(&floor, 1, plain), "PCMA");
        floor.act(caller, |set, world| set.hang_up(world, one));
        assert_eq!(checks::settled(&floor.world), Ok(()));
    }
}

/// What `media` plays it can encode for that phone.
#[test]
fn a_phone_with_opus_alone_that_is_held_hears_music() {
    let mut floor = Floor::new(2);
    for set in &mut floor.sets {
        set.formats = ("96", OPUS);
    }
    let (caller, callee) = floor.connect(0, 1);
    floor.act(1, |set, world| set.hold(world, callee));
    assert_eq!(floor.hears(0, caller), Hears::Plays(Clip::MusicOnHold));
    assert_eq!(sent(&floor, 0, caller), "OPUS");
}

#[test]
fn what_both_have_passes_through() {
    let mut floor = Floor::new(2);
    floor.sets[0].formats = ("96 8", OPUS);
    floor.sets[1].formats = ("96 8", OPUS);
    let (caller, callee) = floor.connect(0, 1);
    assert_eq!(sent(&floor, 0, caller), "OPUS");
    assert_eq!(sent(&floor, 1, callee), "OPUS");
}

#[test]
fn a_party_is_renegotiated_when_it_is_transferred_to_a_phone_with_less() {
    let mut floor = Floor::new(3);
    floor.sets[0].formats = ("96 8", OPUS);
    floor.sets[1].formats = ("96 8", OPUS);
    floor.sets[2].formats = ("8", "");
    let (caller, callee) = floor.connect(0, 1);
    floor.act(1, |set, world| set.transfer(world, callee, "102"));
    floor.act(2, |set, world| set.answer(world, 0));
    assert!(floor.talk((0, caller), (2, 0)));
    assert_eq!(sent(&floor, 2, 0), "PCMA");
    // Its phone answers the offer with all it can do.
    floor.run_secs(2);
    assert_eq!(sent(&floor, 0, caller), "PCMA");
}

/// What the phone of an extension with these settings is offered.
fn offered(settings: fn(&mut ExtensionSettings)) -> String {
    let mut floor = Floor::with(2, |site| settings(&mut site.extensions[1].settings));
    floor.call(0, "101");
    String::from_utf8_lossy(&floor.sets[1].lines[0].invite.body).into_owned()
}

/// How an extension's digits travel and whether its audio is encrypted is said to its phone.
#[test]
fn a_phone_is_offered_what_its_settings_say() {
    let check = |settings, has: [&str; 2], has_not: &str| {
        let text = offered(settings);
        assert!(has.iter().all(|one| text.contains(one)), "{text}");
        assert!(!text.contains(has_not), "{text}");
    };
    let (plain, secret) = (" RTP/AVP ", " RTP/SAVP ");
    check(|_| {}, [plain, "a=crypto:"], secret);
    check(
        |it| it.encryption = Encryption::Off,
        [plain, "telephone-event"],
        "crypto",
    );
    check(
        |it| it.encryption = Encryption::Required,
        [secret, "a=crypto:"],
        plain,
    );
    check(
        |it| it.dtmf = Dtmf::Info,
        [plain, "PCMA"],
        "telephone-event",
    );
    check(
        |it| it.dtmf = Dtmf::Inband,
        [plain, "PCMA"],
        "telephone-event",
    );
    check(
        |it| it.dtmf = Dtmf::Rfc4733,
        [plain, "telephone-event"],
        secret,
    );
}
