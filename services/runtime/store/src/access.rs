//! Who may ask what, by the user id the kernel attests.

use ipc::Redacted;
use ipc::site::{Site, Tunnel};
use ipc::store::Request;

/// The user ids of the services that may ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peers {
    /// The store's own, which may ask anything: in a native run all services share it.
    pub own: u32,
    /// `net`.
    pub net: u32,
    /// `pbx`.
    pub pbx: u32,
    /// `web`.
    pub web: u32,
    /// `provision`, which PID 1 runs at a start.
    pub provision: u32,
    /// `grid`.
    pub grid: u32,
    /// `guard`.
    pub guard: u32,
}

impl Peers {
    /// Whether a process of that user id may ask this.
    #[must_use]
    pub const fn may(&self, uid: u32, request: &Request) -> bool {
        let (net, pbx, web) = (uid == self.net, uid == self.pbx, uid == self.web);
        let (grid, guard) = (uid == self.grid, uid == self.guard);
        uid == self.own
            || match request {
                Request::Provision(_) => uid == self.provision,
                Request::Config | Request::Watch => pbx || web || grid || guard,
                Request::Registrations | Request::Health => pbx || web,
                Request::PutCalls(_)
                | Request::ChangeAtPhone(_)
                | Request::InterruptOpenCalls { .. }
                | Request::PutRegistrations(_)
                | Request::PutSpent(_)
                | Request::LastWith { .. }
                | Request::Spent => pbx,
                Request::Bans { .. } | Request::ChangeBans(_) => guard,
                Request::Commit { .. }
                | Request::History { .. }
                | Request::ConfigAt(_)
                | Request::Calls { .. }
                | Request::CallCounts { .. }
                | Request::Audit(_)
                | Request::SetNetwork { .. }
                | Request::Backup(_)
                | Request::Prompt(_)
                | Request::AuditTrail { .. }
                | Request::Erase { .. }
                | Request::Erasable { .. }
                | Request::FormerAccounts
                | Request::Trail(_) => web,
                // Everybody's own ones only: the user id is part of the key.
                Request::Secret(_) | Request::PutSecret(..) => net || pbx || web || grid,
            }
    }

    /// What of the site a process of that user id is shown. Only `web` compares passwords of
    /// people; to others each account looks unclaimed. What box and hub share is for `grid`, which
    /// is shown nothing else; `guard` is shown its rules, and what the grid is.
    #[must_use]
    pub fn shown(&self, uid: u32, mut site: Site) -> Site {
        if uid != self.own && uid == self.grid {
            return Site {
                tunnel: site.tunnel,
                ..Site::default()
            };
        }
        if uid != self.own && uid == self.guard {
            return of_guard(site);
        }
        if uid != self.own && uid != self.web {
            if let Some(tunnel) = &mut site.tunnel {
                tunnel.preshared_key = Redacted::default();
            }
            for person in &mut site.people {
                person.password_hash = Redacted::default();
                person.password_one_time = true;
                person.second_factor = None;
                person.tokens.clear();
                person.passkeys.clear();
                person.passkey_codes.clear();
            }
        }
        site
    }

    /// Whether a process of that user id may ask anything at all.
    #[must_use]
    pub const fn knows(&self, uid: u32) -> bool {
        uid == self.own
            || uid == self.net
            || uid == self.pbx
            || uid == self.web
            || uid == self.provision
            || uid == self.grid
            || uid == self.guard
    }
}

fn of_guard(site: Site) -> Site {
    let tunnel = site.tunnel.map(|it| Tunnel {
        preshared_key: Redacted::default(),
        ..it
    });
    Site {
        guard: site.guard,
        tunnel,
        ..Site::default()
    }
}

#[cfg(test)]
mod tests {
    use ipc::site::Guard;

    use super::*;

    #[test]
    fn each_service_may_ask_what_it_needs_and_nothing_else() {
        let peers = Peers {
            own: 1,
            net: 2,
            pbx: 3,
            web: 5,
            provision: 6,
            grid: 7,
            guard: 4,
        };
        let check = |request: Request, allowed: &[u32]| {
            for uid in 0..9 {
                assert_eq!(
                    peers.may(uid, &request),
                    allowed.contains(&uid),
                    "{uid} {request:?}"
                );
            }
        };
        check(Request::Config, &[1, 3, 4, 5, 7]);
        check(Request::Watch, &[1, 3, 4, 5, 7]);
        let after = String::new();
        check(Request::Bans { after }, &[1, 4]);
        let changes = ipc::store::BanChanges::default();
        check(Request::ChangeBans(changes), &[1, 4]);
        check(Request::Health, &[1, 3, 5]);
        check(Request::PutCalls(Vec::new()), &[1, 3]);
        check(Request::InterruptOpenCalls { except: Vec::new() }, &[1, 3]);
        check(Request::PutRegistrations(Vec::new()), &[1, 3]);
        let last_with = Request::LastWith {
            number: Redacted::new("+5548999990021".into()),
            since_millis: 0,
        };
        assert!(!format!("{last_with:?}").contains("99990021"));
        check(last_with, &[1, 3]);
        let change = ipc::store::PhoneChange {
            extension: "100".into(),
            setting: ipc::store::PhoneSetting::DoNotDisturb(true),
        };
        check(Request::ChangeAtPhone(change), &[1, 3]);
        let calls = Request::Calls {
            limit: 1,
            before: None,
            only: ipc::store::CallFilter::default(),
        };
        check(calls, &[1, 5]);
        check(Request::AuditTrail { limit: 1 }, &[1, 5]);
        let lines = ipc::store::TrailRequest::Lines { first: 1, last: 1 };
        check(Request::Trail(lines), &[1, 5]);
        let set_network = Request::SetNetwork {
            network: None,
            audit: ipc::store::Audit::default(),
        };
        check(set_network, &[1, 5]);
        check(Request::ConfigAt(1), &[1, 5]);
        let login = String::new();
        check(Request::Erasable { login }, &[1, 5]);
        check(Request::FormerAccounts, &[1, 5]);
        let erase = Request::Erase {
            whose: ipc::erasure::Whose::Login("ana".into()),
            audit: ipc::store::Audit::default(),
        };
        check(erase, &[1, 5]);
        check(Request::Backup(ipc::store::BackupRequest::List), &[1, 5]);
        check(Request::Prompt(ipc::store::PromptRequest::List), &[1, 5]);
        check(Request::Secret("tls".into()), &[1, 2, 3, 5, 7]);
        let provisioned = ipc::store::Provisioned::default();
        check(Request::Provision(provisioned), &[1, 6]);
        assert!(!peers.knows(8) && peers.knows(3) && peers.knows(4) && peers.knows(7));
    }

    #[test]
    fn the_tunnel_is_all_that_grid_is_shown_and_its_secret_is_for_no_other() {
        let peers = Peers {
            own: 1,
            net: 2,
            pbx: 3,
            web: 5,
            provision: 6,
            grid: 7,
            guard: 4,
        };
        let tunnel = Tunnel {
            preshared_key: Redacted::new("shared".into()),
            ..Tunnel::default()
        };
        let site = Site {
            realm: "ramal".into(),
            guard: Guard {
                on: true,
                ..Guard::default()
            },
            tunnel: Some(tunnel.clone()),
            ..Site::default()
        };
        let alone = Site {
            tunnel: Some(tunnel),
            ..Site::default()
        };
        assert_eq!(peers.shown(7, site.clone()), alone);
        let to_guard = peers.shown(4, site.clone());
        assert!(to_guard.guard.on && to_guard.realm.is_empty());
        let tunnel = to_guard.tunnel.expect("there is one");
        assert_eq!(tunnel.preshared_key.reveal(), "");
        assert_eq!(peers.shown(5, site.clone()), site);
        let to_pbx = peers.shown(3, site).tunnel.expect("there is one");
        assert_eq!(to_pbx.preshared_key.reveal(), "");
    }
}
