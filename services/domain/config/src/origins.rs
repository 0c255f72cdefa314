//! From which countries the box may be reached (R48, R49).

use std::collections::BTreeSet;

use countries::Country;
use ipc::site::Countries as RawOrigins;

use crate::wrong::{Report, Wrong};

/// From which countries the box may be reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origins {
    /// Whether anybody is refused for his country.
    pub is_on: bool,
    /// The countries that are let in; not empty where it is on.
    pub allowed: BTreeSet<Country>,
    /// The pages and the API ask for the country.
    pub web: bool,
    /// SIP by TCP and TLS does.
    pub sip: bool,
    /// SIP by UDP does.
    pub sip_udp: bool,
}

/// By which way somebody comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// The pages and the API.
    Web,
    /// SIP by TCP or TLS.
    Sip,
    /// SIP by UDP.
    SipUdp,
}

impl Default for Origins {
    fn default() -> Self {
        let RawOrigins {
            on,
            allowed: _,
            web,
            sip,
            sip_udp,
        } = RawOrigins::default();
        Self {
            is_on: on,
            allowed: BTreeSet::new(),
            web,
            sip,
            sip_udp,
        }
    }
}

impl Origins {
    /// Whether somebody from that country may come by that way; `None` is of no country that is
    /// known.
    #[must_use]
    pub fn lets_in(&self, way: Way, country: Option<Country>) -> bool {
        let is_asked = match way {
            Way::Web => self.web,
            Way::Sip => self.sip,
            Way::SipUdp => self.sip_udp,
        };
        !self.is_on || !is_asked || country.is_some_and(|it| self.allowed.contains(&it))
    }

    pub(crate) fn parse(raw: &RawOrigins, report: &mut Report<'_>) -> Self {
        let (max, parse) = (Country::all().count(), Country::parse);
        let mut allowed = BTreeSet::new();
        for country in report.take_all("allowed", &raw.allowed, max, parse, Wrong::NotACountry) {
            if !allowed.insert(country) {
                report.wrong("allowed", Wrong::Twice(country.to_string()));
            }
        }
        if raw.on && raw.allowed.is_empty() {
            report.wrong("allowed", Wrong::NoCountry);
        }
        Self {
            is_on: raw.on,
            allowed,
            web: raw.web,
            sip: raw.sip,
            sip_udp: raw.sip_udp,
        }
    }

    pub(crate) fn to_ipc(&self) -> RawOrigins {
        RawOrigins {
            on: self.is_on,
            allowed: self.allowed.iter().map(ToString::to_string).collect(),
            web: self.web,
            sip: self.sip,
            sip_udp: self.sip_udp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Fault;
    use crate::site::Site;
    use crate::site::tests::{check, site};

    fn fault(wrong: Wrong) -> Fault {
        Fault::Setting {
            of: "countries".to_owned(),
            field: "allowed",
            wrong,
        }
    }

    fn raw(on: bool, allowed: &[&str]) -> RawOrigins {
        RawOrigins {
            on,
            allowed: allowed.iter().map(|it| (*it).to_owned()).collect(),
            ..RawOrigins::default()
        }
    }

    #[test]
    fn as_the_box_comes_nobody_is_refused_for_his_country() {
        for site in [
            Site::factory("ramal"),
            Site::parse(&site(|_| {})).expect("valid"),
        ] {
            assert_eq!(site.countries, Origins::default());
            assert_eq!(site.to_ipc().countries, RawOrigins::default());
            assert!(site.countries.lets_in(Way::Web, None));
        }
    }

    #[test]
    fn what_is_let_in_is_a_list_and_only_where_it_is_asked() {
        let with = site(|it| it.countries = raw(true, &["br", "PT"]));
        let site = Site::parse(&with).expect("valid");
        assert_eq!(site.to_ipc().countries, raw(true, &["BR", "PT"]));
        let check = |way, code: &str, expected| {
            let country = Country::parse(code);
            assert_eq!(
                site.countries.lets_in(way, country),
                expected,
                "{way:?} {code}"
            );
        };
        for way in [Way::Web, Way::Sip] {
            check(way, "BR", true);
            check(way, "DE", false);
            // Of no country that is known.
            check(way, "", false);
        }
        // T4: SIP by UDP only where somebody says so.
        check(Way::SipUdp, "DE", true);
    }

    #[test]
    fn countries_that_are_none_are_refused_with_the_fix() {
        check(
            |it| it.countries = raw(false, &["Brasil"]),
            &[fault(Wrong::NotACountry("Brasil".into()))],
        );
        check(
            |it| it.countries = raw(false, &["BR", "br"]),
            &[fault(Wrong::Twice("BR".into()))],
        );
        check(
            |it| it.countries = raw(true, &[]),
            &[fault(Wrong::NoCountry)],
        );
        check(
            |it| it.countries = raw(false, &["BR"; 252]),
            &[fault(Wrong::TooMany(251))],
        );
    }
}
