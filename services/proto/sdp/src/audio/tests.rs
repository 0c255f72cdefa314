use super::*;
use ipc::sound::Suite;

const LOCAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

const PHONE: &str = "v=0\r\no=- 1 1 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\n\
    m=video 5000 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n\
    m=audio 4000 RTP/AVP 8 111 13 101 96\r\na=rtpmap:111 opus/48000/2\r\n\
    a=fmtp:111 useinbandfec=1\r\na=rtpmap:101 telephone-event/8000\r\n\
    a=rtpmap:96 telephone-event/48000\r\na=ptime:30\r\na=rtcp:4005\r\na=rtcp-mux\r\n";

fn read(text: &str) -> Result<Vec<Audio>, AudioFault> {
    read_audio(&Session::parse(text.as_bytes()).expect("valid"), LOCAL)
}

fn one(text: &str) -> Audio {
    read(text).expect("audio").remove(0)
}

#[test]
fn everything_about_the_sound_is_read() {
    let audio = one(PHONE);
    assert_eq!(audio.index, 1);
    assert_eq!(audio.remote, "10.0.0.2:4000".parse().ok());
    assert_eq!(audio.rtcp, "10.0.0.2:4005".parse().ok());
    assert!(audio.rtcp_mux && !audio.secure);
    assert_eq!(audio.packet_time, Some(30));
    let names: Vec<&str> = audio.codecs.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["PCMA", "OPUS", "CN"]);
    let clocks: Vec<(u8, u32)> = audio
        .events
        .iter()
        .map(|event| (event.payload_type, event.clock))
        .collect();
    assert_eq!(clocks, [(101, 8000), (96, 48000)]);
}

#[test]
fn hold_is_read_in_every_form() {
    // pbx trap 8: by attribute at either level, and by a null address.
    let check = |text: &str, direction: Direction, reachable: bool| {
        let audio = one(text);
        assert_eq!(
            (audio.direction, audio.remote.is_some()),
            (direction, reachable)
        );
    };
    check(PHONE, Direction::SendReceive, true);
    check(&format!("{PHONE}a=sendonly\r\n"), Direction::SendOnly, true);
    check(&format!("{PHONE}a=inactive\r\n"), Direction::Inactive, true);
    check(
        &PHONE.replace("t=0 0\r\n", "t=0 0\r\na=sendonly\r\n"),
        Direction::SendOnly,
        true,
    );
    let null = PHONE.replace("c=IN IP4 10.0.0.2", "c=IN IP4 0.0.0.0");
    check(&null, Direction::SendOnly, false);
    check(&format!("{null}a=inactive\r\n"), Direction::Inactive, false);
}

#[test]
fn an_rtcp_address_of_its_own_is_taken() {
    let text = PHONE.replace("a=rtcp:4005", "a=rtcp:53020 IN IP4 10.0.0.9");
    assert_eq!(one(&text).rtcp, "10.0.0.9:53020".parse().ok());
    let text = PHONE.replace("a=rtcp:4005", "a=rtcp:53020 IN IP4 224.0.0.1");
    assert_eq!(one(&text).rtcp, None);
}

#[test]
fn what_cannot_be_used_is_named() {
    let check = |text: &str, fault| assert_eq!(read(text), Err(fault), "{text}");
    check(
        &PHONE.replace("m=audio 4000", "m=audio 0"),
        AudioFault::NoAudio,
    );
    check(
        &PHONE.replace("4000 RTP/AVP", "4000 UDP/TLS/RTP/SAVPF"),
        AudioFault::NoAudio,
    );
    check(
        &PHONE.replace("10.0.0.2", "phone.example"),
        AudioFault::NoAddress,
    );
    check(
        &PHONE.replace("IP4 10.0.0.2", "IP6 fd00::2"),
        AudioFault::NoAddress,
    );
}

#[test]
fn ipv6_addresses_are_read_and_written() {
    let text = PHONE.replace("IP4 10.0.0.2", "IP6 fd00::2");
    let session = Session::parse(text.as_bytes()).expect("valid");
    let local: IpAddr = "fd00::1".parse().expect("an address");
    let audio = read_audio(&session, local).expect("audio").remove(0);
    assert_eq!(audio.remote, "[fd00::2]:4000".parse().ok());
    let text = ours().describe(local, None).to_string();
    assert!(text.contains("c=IN IP6 fd00::1\r\n"));
}

#[test]
fn encrypted_and_plain_media_beside_each_other_are_both_read() {
    let key = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
    let text = format!(
        "{PHONE}m=audio 4002 RTP/SAVP 0\r\n\
         a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:{key}\r\n\
         a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:{key}|2^31\r\n"
    );
    let both = read(&text).expect("audio");
    let secure: Vec<(usize, bool)> = both.iter().map(|one| (one.index, one.secure)).collect();
    assert_eq!(secure, [(1, false), (2, true)]);
    let crypto = &both[1].crypto;
    assert_eq!(crypto.len(), 1);
    assert_eq!(crypto[0].suite, Suite::AesCm128HmacSha1_32);
}

fn ours() -> Ours {
    let mut codecs = one(PHONE).codecs;
    codecs.truncate(2);
    Ours {
        port: 20_000,
        protocol: "RTP/AVP".to_owned(),
        codecs,
        events: vec![TelephoneEvent {
            payload_type: 101,
            clock: 8000,
        }],
        direction: Direction::SendReceive,
        rtcp_mux: true,
        crypto: Vec::new(),
    }
}

#[test]
fn a_description_of_ours_is_written_from_its_parts() {
    assert_eq!(
        ours().describe(LOCAL, None).to_string(),
        "c=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 20000 RTP/AVP 8 111 101\r\n\
         a=rtpmap:8 PCMA/8000\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 useinbandfec=1\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=rtcp-mux\r\n\
         a=sendrecv\r\n"
    );
}

#[test]
fn other_media_keep_their_lines_and_are_refused() {
    // RFC 3264 §6; pbx trap 8. Nothing of the peer's address or keys gets out.
    let offer = Session::parse(PHONE.as_bytes()).expect("valid");
    let text = ours().describe(LOCAL, Some((&offer, 1))).to_string();
    assert!(text.contains("t=0 0\r\nm=video 0 RTP/AVP 99\r\nm=audio 20000 "));
    assert!(!text.contains("10.0.0.2") && !text.contains("H264"));
}
