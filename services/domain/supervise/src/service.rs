//! The services of the box, and how much each one matters.

use std::fmt;
use std::time::Duration;

/// A supervised service, in start order; the stop order is the reverse.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Service {
    /// Owns the data on disk; first in and last out, because the others write through it.
    Store,
    /// Owns the addresses of the box.
    Net,
    /// Keeps who is banned for guessing and scanning.
    Guard,
    /// Forwards the voice of the calls.
    Media,
    /// Owns the SIP sockets and the calls.
    Pbx,
    /// The tunnel into a grid.
    Grid,
    /// Owns the slot that is not running.
    Update,
    /// The pages and the API.
    Web,
}

impl Service {
    /// Every service, in start order.
    pub const ALL: [Self; 8] = [
        Self::Store,
        Self::Net,
        Self::Guard,
        Self::Media,
        Self::Pbx,
        Self::Grid,
        Self::Update,
        Self::Web,
    ];

    /// The name, as an installer reads it and as the program is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Net => "net",
            Self::Media => "media",
            Self::Pbx => "pbx",
            Self::Update => "update",
            Self::Web => "web",
            Self::Grid => "grid",
            Self::Guard => "guard",
        }
    }

    /// The service of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }

    /// The service as notes that outlive a version name it, from 1. Its place in the start order
    /// may change; a code is given here once, and never again to another.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Store => 1,
            Self::Net => 2,
            Self::Media => 3,
            Self::Pbx => 4,
            Self::Web => 5,
            Self::Update => 6,
            Self::Grid => 7,
            Self::Guard => 8,
        }
    }

    /// The service of that code; `None` for one that only another version knows.
    #[must_use]
    pub fn of_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.code() == code)
    }

    /// Whether telephony stands still without it. When a critical service can no longer even be
    /// killed, the hardware watchdog is left to restart the box.
    #[must_use]
    pub const fn is_critical(self) -> bool {
        match self {
            Self::Store | Self::Net | Self::Media | Self::Pbx => true,
            Self::Update | Self::Web | Self::Grid | Self::Guard => false,
        }
    }

    /// Whether the box is not ready without it. Without the grid everything else works, and for as
    /// long as it is away. The same of the guard: doors decide alone and keep what they were told,
    /// and whether an update is kept is not for somebody to say who attacks the box.
    #[must_use]
    pub const fn is_needed(self) -> bool {
        match self {
            Self::Store | Self::Net | Self::Media | Self::Pbx | Self::Update | Self::Web => true,
            Self::Grid | Self::Guard => false,
        }
    }

    /// How long a service that is ready may go without a sign of life. Services give one every
    /// 5 s; six times that leaves room for a machine that is emulated and overloaded.
    #[must_use]
    pub const fn silence_max(self) -> Duration {
        Duration::from_secs(30)
    }

    /// The same until it is ready for the first time: opening a large store or making a
    /// certificate happens before the main loop runs.
    #[must_use]
    pub const fn silence_max_at_start(self) -> Duration {
        Duration::from_secs(90)
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One value for each service; looking one up cannot fail.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ByService<T> {
    store: T,
    net: T,
    media: T,
    pbx: T,
    update: T,
    web: T,
    grid: T,
    guard: T,
}

impl<T> ByService<T> {
    /// Makes one value for each service, in start order.
    pub fn from_fn(mut make: impl FnMut(Service) -> T) -> Self {
        Self {
            store: make(Service::Store),
            net: make(Service::Net),
            guard: make(Service::Guard),
            media: make(Service::Media),
            pbx: make(Service::Pbx),
            update: make(Service::Update),
            web: make(Service::Web),
            grid: make(Service::Grid),
        }
    }

    /// The value of one service.
    pub const fn of(&self, service: Service) -> &T {
        match service {
            Service::Store => &self.store,
            Service::Net => &self.net,
            Service::Media => &self.media,
            Service::Pbx => &self.pbx,
            Service::Update => &self.update,
            Service::Web => &self.web,
            Service::Grid => &self.grid,
            Service::Guard => &self.guard,
        }
    }

    /// The value of one service, to change.
    pub const fn of_mut(&mut self, service: Service) -> &mut T {
        match service {
            Service::Store => &mut self.store,
            Service::Net => &mut self.net,
            Service::Media => &mut self.media,
            Service::Pbx => &mut self.pbx,
            Service::Update => &mut self.update,
            Service::Web => &mut self.web,
            Service::Grid => &mut self.grid,
            Service::Guard => &mut self.guard,
        }
    }

    /// Every service with its value, in start order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Service, &T)> {
        Service::ALL
            .into_iter()
            .map(|service| (service, self.of(service)))
    }
}

#[cfg(test)]
mod tests {
    use super::Service;

    #[test]
    fn codes_of_services_are_those_of_the_first_versions_and_lead_back_to_them() {
        let names = [1, 2, 3, 4, 5, 6, 7, 8].map(|code| Service::of_code(code).map(Service::name));
        let first = [
            "store", "net", "media", "pbx", "web", "update", "grid", "guard",
        ];
        assert_eq!(names, first.map(Some));
        for code in [0, 9, u8::MAX] {
            assert_eq!(Service::of_code(code), None);
        }
    }
}
