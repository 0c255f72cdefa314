//! The site's configuration, its people, and its closing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use ipc::Redacted;
use ipc::site::{Destination, Group, Member, Route, Site as RawSite, Source, Trunk, TrunkAccess};
use sansio::{Instant, Rng, Transport};

use super::{Attackers, Office};
use crate::desk::{Carrier, Desk};
use crate::network::Faults;
use crate::world::World;

/// Extensions 100 to 116.
pub(super) const EXTENSIONS: u8 = 17;
/// Extensions 100 to 102 have two devices: twenty phones.
const TWINS: u8 = 3;
/// Every fifth phone uses a TCP connection.
const STREAMS_EVERY: u8 = 5;

impl Office {
    /// The site at the start of its day: everybody begins to register.
    pub(super) fn open(seed: u64) -> Self {
        let mut rng = Rng::from_seed(seed ^ 0x0ff1_ce00);
        let mut world = World::new(seed, 0, Faults::NONE);
        world.extensions(EXTENSIONS);
        world.configure(configure);
        let mut office = Self {
            world,
            broken: Vec::new(),
            desks: Vec::new(),
            attackers: Attackers::default(),
            faults: faults(&mut rng),
            rng,
            queue: BTreeMap::new(),
            sequence: 0,
            last_on_stream: BTreeMap::new(),
            next_stream: 1,
            playing: BTreeMap::new(),
            orphans: BTreeMap::new(),
            deaf: BTreeMap::new(),
            next_tick: Instant::ORIGIN,
            sent_this_second: 0,
            media_back: None,
            carrier_calls: 0,
        };
        for place in 0..EXTENSIONS + TWINS {
            office.add_phone(place);
        }
        for place in ["carrier-1", "carrier-2"] {
            office.add_carrier(place);
        }
        let now = office.world.now() + Duration::from_millis(50);
        office.run_until(now);
        for index in 0..office.phones() {
            office.start(index);
        }
        office
    }

    fn add_phone(&mut self, place: u8) {
        let number = (100 + u32::from(place % EXTENSIONS)).to_string();
        let transport = match place % STREAMS_EVERY {
            4 => Transport::Tcp,
            _ => Transport::Udp,
        };
        let rng = Rng::from_seed(self.rng.next_u64());
        let desk = Desk::new(&number, address(place), transport, rng);
        self.desks.push(desk);
    }

    fn start(&mut self, index: usize) {
        self.connect(index);
        let now = self.world.now();
        if let Some(desk) = self.desks.get_mut(index) {
            desk.register(now);
        }
        self.flush();
    }

    fn add_carrier(&mut self, name: &str) {
        let place = u8::try_from(self.desks.len()).unwrap_or(u8::MAX);
        let rng = Rng::from_seed(self.rng.next_u64());
        let mut desk = Desk::new(name, address(place), Transport::Udp, rng);
        desk.carrier = Some(Carrier::Serves);
        self.desks.push(desk);
    }

    /// The devices that are no carriers.
    pub(super) fn phones(&self) -> usize {
        usize::from(EXTENSIONS + TWINS)
    }

    /// Everybody goes home: phones unregister, trunks are switched off.
    pub(super) fn close(&mut self) {
        let now = self.world.now();
        for desk in &mut self.desks {
            desk.leave(now);
        }
        self.flush();
        self.world.configure(|site| {
            site.routes.clear();
            site.trunks.clear();
        });
    }
}

/// The address of a device.
pub(super) fn address(place: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 2, place + 1], 5060))
}

/// Not every day is equally bad.
fn faults(rng: &mut Rng) -> Faults {
    let percent = |rng: &mut Rng, bound| u8::try_from(rng.below(bound)).unwrap_or_default();
    Faults {
        loss_percent: percent(rng, 21),
        repeat_percent: percent(rng, 8),
        delay_min: Duration::from_millis(1),
        delay_max: Duration::from_millis(1 + rng.below(250)),
    }
}

fn configure(site: &mut RawSite) {
    site.dialling.area_code = "11".into();
    site.dialling.owned_numbers = vec!["+551132345678".into()];
    let place = EXTENSIONS + TWINS;
    let (first, second) = (address(place).ip(), address(place + 1).ip());
    site.trunks = vec![
        Trunk {
            name: "first".into(),
            access: TrunkAccess::Registering {
                server: first.to_string(),
                user: "office".into(),
                auth_user: String::new(),
                password: Redacted::new("carried".to_owned()),
                realm: String::new(),
                expires_secs: 120,
                contact_user: String::new(),
            },
            qualify_secs: 30,
            ..Trunk::default()
        },
        Trunk {
            name: "second".into(),
            access: TrunkAccess::Peer {
                server: second.to_string(),
                networks: vec![format!("{second}/32")],
            },
            qualify_secs: 0,
            ..Trunk::default()
        },
    ];
    site.routes = vec![
        Route {
            name: "out".into(),
            sources: vec![Source::Extensions],
            pattern: "3XXXXXXX".into(),
            destinations: ["first", "second"]
                .map(|name| Destination::Trunk(name.into()))
                .into(),
            ..Route::default()
        },
        Route {
            name: "in".into(),
            sources: vec![Source::Trunks],
            pattern: "!".into(),
            destinations: vec![Destination::Extension("100".into())],
            ..Route::default()
        },
    ];
    let member = |number: u32| Member {
        extension: number.to_string(),
        ..Member::default()
    };
    site.groups = vec![Group {
        number: "200".into(),
        members: (103..107).map(member).collect(),
        ..Group::default()
    }];
    for extension in &mut site.extensions {
        extension.settings.pickup_group = "all".into();
        extension.settings.forward.ring_secs = 30;
    }
}
