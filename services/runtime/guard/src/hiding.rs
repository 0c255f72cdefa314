//! Whom routers hide: joins what all doors saw, and says what they are to take for outside.

use std::net::IpAddr;

use ipc::guard::{Finding, Hiding, Offence};
use ipc::masquerade::{Listener, Report, State};
use masquerade::{Around, Input, MasqueradeNode, Output, Sight};
use sansio::{Instant, Node as _};

/// What of it concerns the others.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct News {
    /// Doors take these for outside from now on.
    pub(crate) hiding: Option<Hiding>,
    /// The box can be reached from outside, as somebody came from there (T8).
    pub(crate) is_reached: bool,
}

/// Joins what all doors saw.
#[derive(Debug, Default)]
pub(crate) struct Hidden {
    node: MasqueradeNode,
    around: Around,
}

impl Hidden {
    /// The box's place.
    pub(crate) fn meet(&mut self, now: Instant, around: Around) -> News {
        if self.around == around {
            return News::default();
        }
        self.around = around.clone();
        self.feed(now, Input::Around(around))
    }

    /// A door saw something.
    pub(crate) fn seen(&mut self, now: Instant, sight: Sight) -> News {
        self.feed(now, Input::Seen(sight))
    }

    /// A door found somebody (P8).
    pub(crate) fn found(&mut self, now: Instant, finding: &Finding) -> News {
        match one(&finding.source) {
            Some(source) => self.feed(now, Input::Attack(listener(finding.offence), source)),
            None => News::default(),
        }
    }

    /// Somebody came from outside, as he is.
    pub(crate) fn outsider(&mut self, now: Instant, source: IpAddr) -> News {
        // Who is hidden says nothing of those who are not.
        if self.node.outside().contains(&source) {
            return News::default();
        }
        // By which way is not told, and it would only be asked of one that nobody came by.
        let all = Listener::ALL.map(|listener| self.feed(now, Input::Outside(listener)));
        let mut changed = all.into_iter().filter_map(|news| news.hiding);
        News {
            hiding: changed.next_back(),
            is_reached: false,
        }
    }

    /// All that was seen is forgotten, at the doors too.
    pub(crate) fn look_anew(&mut self, now: Instant) -> News {
        tracing::info!("whether a router hides who comes in is looked at anew");
        self.feed(now, Input::Forget);
        News {
            hiding: Some(Hiding {
                is_anew: true,
                ..self.hiding()
            }),
            is_reached: false,
        }
    }

    /// The deadline may have passed.
    pub(crate) fn turn(&mut self, now: Instant) -> News {
        match self.node.deadline().is_some_and(|at| at <= now) {
            true => self.feed(now, Input::Timer),
            false => News::default(),
        }
    }

    /// What doors take for outside, all of it.
    pub(crate) fn hiding(&self) -> Hiding {
        let addresses = self.node.outside().iter().map(ToString::to_string);
        Hiding {
            addresses: addresses.collect(),
            is_anew: false,
        }
    }

    /// What the pages show.
    pub(crate) fn report(&self, now: Instant) -> Report {
        self.node.report(now)
    }

    fn feed(&mut self, now: Instant, input: Input) -> News {
        self.node.handle(now, input);
        let mut news = News::default();
        while let Some(output) = self.node.poll() {
            match output {
                Output::Changed {
                    listener,
                    address,
                    before,
                    now,
                } => {
                    log(listener, address, before, now);
                    news.is_reached |= now == State::Confirmed;
                }
                Output::Outside(_) => news.hiding = Some(self.hiding()),
                Output::Verdict(verdict) => {
                    tracing::info!("a probe from outside shows: {}", verdict.name());
                }
            }
        }
        news
    }
}

fn log(listener: Listener, address: IpAddr, before: State, now: State) {
    let (at, before, now) = (listener.name(), before.name(), now.name());
    tracing::warn!("masquerade at {at} by {address}: {before} before, {now} now");
}

/// A finding of one address.
fn one(source: &str) -> Option<IpAddr> {
    let network = config::Network::parse(source)?;
    let whole = if network.is_ipv4() { 32 } else { 128 };
    (network.length() == whole).then(|| network.address())
}

/// Where it came in, as far as the offence says: SIP by whichever way counts as that by datagrams,
/// as who scans mostly sends those.
const fn listener(offence: Offence) -> Listener {
    match offence {
        Offence::SipPassword
        | Offence::SipExtension
        | Offence::SipOutside
        | Offence::SipMalformed
        | Offence::SipDecoy => Listener::SipUdp,
        Offence::WebSignIn | Offence::WebPath | Offence::WebForged => Listener::Web,
    }
}

#[cfg(test)]
mod tests {
    use ipc::guard::Measure;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn office() -> Hidden {
        let mut hidden = Hidden::default();
        let around = Around {
            on_link: config::Network::parse("10.0.0.0/24").into_iter().collect(),
            routers: [ip("10.0.0.254")].into(),
            ..Around::default()
        };
        assert_eq!(hidden.meet(Instant::ORIGIN, around), News::default());
        hidden
    }

    fn finding(source: &str) -> Finding {
        Finding {
            offence: Offence::SipPassword,
            source: source.into(),
            measure: Measure::Ban,
            is_in_force: true,
            count: 5,
            within_secs: 600,
            tried: Vec::new(),
            is_one_name: false,
        }
    }

    #[test]
    fn what_doors_find_of_a_router_makes_it_suspect_and_of_a_phone_does_not() {
        let mut hidden = office();
        let now = Instant::ORIGIN;
        for other in ["10.0.0.7/32", "203.0.113.7/32", "10.0.0.0/24", "nobody"] {
            assert_eq!(
                hidden.found(now, &finding(other)),
                News::default(),
                "{other}"
            );
        }
        let news = hidden.found(now, &finding("10.0.0.254/32"));
        assert_eq!(hidden.report(now).state(), State::Suspect);
        assert_eq!(
            news,
            News::default(),
            "it may be the router's own telephone"
        );
        let news = hidden.look_anew(now).hiding.expect("told");
        assert!(news.is_anew && news.addresses.is_empty());
    }

    #[test]
    fn who_came_from_far_shows_that_the_box_can_be_reached() {
        let mut hidden = office();
        let far = Sight {
            ttl: Some(50),
            ..Sight::of(Listener::Web, ip("10.0.0.254"))
        };
        let news = hidden.seen(Instant::ORIGIN, far);
        assert!(news.is_reached && news.hiding.is_none());
        assert_eq!(hidden.seen(Instant::ORIGIN, far), News::default());
        assert_eq!(hidden.report(Instant::ORIGIN).state(), State::Confirmed);
    }
}
