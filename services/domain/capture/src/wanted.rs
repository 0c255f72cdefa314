//! Whether a packet is one of those that are wanted.

use std::net::IpAddr;

use ipc::capture::{What, Wish};

use crate::frame::{Carried, ICMP, ICMP6, Ip, TCP, UDP, carried};

/// Whether a frame is to be kept. In user space, and not by a program in the kernel: each is looked
/// at once, by a thread that everything else goes before.
#[must_use]
pub fn is_wanted(wish: &Wish, frame: &[u8]) -> bool {
    match carried(frame) {
        Carried::Ip(ip) => {
            let ends = [ip.source, ip.destination];
            wish.host.is_none_or(|host| ends.contains(&host)) && is_kind(wish.what, &ip)
        }
        Carried::Arp(sender, target) => {
            let ends = [sender, target].map(IpAddr::V4);
            let is_host = wish.host.is_none_or(|host| ends.contains(&host));
            is_host && wish.what == What::All
        }
        Carried::Other(_) => wish.host.is_none() && wish.what == What::All,
    }
}

fn is_kind(what: What, ip: &Ip) -> bool {
    let has = |wanted: &dyn Fn(u16) -> bool| {
        ip.ports
            .is_some_and(|(from, to)| wanted(from) || wanted(to))
    };
    // Long requests come in parts, of which the later have no ports: of which port, nobody knows.
    let is_later = ip.protocol == UDP && ip.is_later_part;
    match what {
        What::All => true,
        What::Port(port) => is_later || has(&|it| it == port),
        What::Telephony => match ip.protocol {
            UDP => is_later || has(&|it| is_signalling(it) || is_sound(it)),
            TCP => has(&is_signalling),
            ICMP | ICMP6 => true,
            _ => false,
        },
    }
}

/// Whether SIP is what is said on a port.
pub(crate) const fn is_signalling(port: u16) -> bool {
    matches!(port, 5060 | 5061)
}

/// Whether sound may pass by a port: ours are these.
pub(crate) const fn is_sound(port: u16) -> bool {
    matches!(port, 16_384..=32_767)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::tests::{four, six, udp};

    fn check(wish: &Wish, wanted: &[&[u8]], unwanted: &[&[u8]]) {
        for frame in wanted {
            assert!(is_wanted(wish, frame), "{wish:?} {frame:02x?}");
        }
        for frame in unwanted {
            assert!(!is_wanted(wish, frame), "{wish:?} {frame:02x?}");
        }
    }

    fn arp(sender: u8, target: u8) -> Vec<u8> {
        let body = [0, 1, 8, 0, 6, 4, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, sender];
        let target = [0, 0, 0, 0, 0, 0, 10, 0, 0, target];
        [&[0; 12][..], &[8, 6], &body, &target].concat()
    }

    #[test]
    fn a_capture_keeps_what_its_host_and_its_kind_say_and_later_parts_of_udp() {
        let sip = four(UDP, &udp(5060, 49_152, b"OPTIONS"));
        let sound = six(UDP, &udp(4000, 16_384, &[0x80]));
        let dns = four(UDP, &udp(40_000, 53, b"?"));
        let unreachable = four(ICMP, &[3, 3]);
        let mut later = four(UDP, b"rest of an INVITE");
        later[21] = 1;
        let web = four(TCP, &udp(443, 50_000, b""));
        let tls = four(TCP, &udp(5061, 50_000, b""));
        let lldp = [&[0; 12][..], &[0x88, 0xcc], b"switch"].concat();
        let mut wish = Wish::default();
        let others: [&[u8]; 4] = [&dns, &web, &arp(1, 2), &lldp];
        check(&wish, &[&sip, &sound, &unreachable, &later, &tls], &others);
        wish.what = What::All;
        check(
            &wish,
            &[&sip, &sound, &dns, &web, &arp(1, 2), &lldp, &later],
            &[],
        );
        wish.what = What::Port(53);
        check(
            &wish,
            &[&dns, &later],
            &[&sip, &sound, &unreachable, &arp(1, 2)],
        );
        wish = Wish {
            host: "10.0.0.2".parse().ok(),
            what: What::All,
            ..wish
        };
        check(
            &wish,
            &[&sip, &dns, &arp(1, 2), &arp(2, 9)],
            &[&sound, &arp(1, 3), &lldp],
        );
        wish.host = "fd00::1".parse().ok();
        check(&wish, &[&sound], &[&sip]);
    }
}
