//! Countries as programs and pages see them.

use config::Origins;
use countries::{Country, Table};
use ipc::guard::Arrivals;
use schemars::JsonSchema;
use serde::Serialize;

use crate::calendar::rfc3339;

/// From where the box may be reached, and who came.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CountriesView {
    /// Whether anybody is refused for his country.
    pub(crate) on: bool,
    /// A router is suspected to write its own address as the sender of what comes from outside:
    /// then nobody's country can be seen, and none is refused.
    pub(crate) ineffective: bool,
    /// The countries that are let in.
    pub(crate) allowed: Vec<CountryView>,
    /// Whose data say which country an address is of; `null` where there are none, and nobody is
    /// refused.
    pub(crate) data: Option<DataView>,
    /// Strangers who came, by country, those of most first. Counted since the services started.
    pub(crate) arrivals: Vec<ArrivalsView>,
}

/// A country.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CountryView {
    /// ISO 3166-1, or `EU` or `AP`.
    pub(crate) code: String,
    /// In English.
    pub(crate) name: &'static str,
    /// In Portuguese.
    pub(crate) nome: &'static str,
}

/// Whose data say which country an address is of.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DataView {
    pub(crate) source: String,
    /// SPDX.
    pub(crate) licence: String,
    /// Where they come from.
    pub(crate) address: String,
    /// When they were made.
    pub(crate) made: String,
}

/// Strangers of one country.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ArrivalsView {
    /// Where they came from; `null` for addresses of no country that is known.
    pub(crate) country: Option<CountryView>,
    /// Whether the country is let in; where none is refused, whether it would be.
    pub(crate) allowed: bool,
    /// Connections to the pages, and by SIP over TCP and TLS.
    pub(crate) connections: u64,
    /// Datagrams of SIP; anybody can have written any sender on one.
    pub(crate) datagrams: u64,
    /// How many of both were refused for the country.
    pub(crate) refused: u64,
}

impl CountriesView {
    /// What one service and the other have counted is put together.
    pub(crate) fn new(
        origins: &Origins,
        table: Option<&Table>,
        ineffective: bool,
        counted: impl IntoIterator<Item = Arrivals>,
    ) -> Self {
        let mut arrivals: Vec<ArrivalsView> = Vec::new();
        for count in counted {
            let country = Country::parse(&count.country);
            let code = country.map(|it| it.to_string());
            let is_it = |it: &ArrivalsView| it.country.as_ref().map(|it| &it.code) == code.as_ref();
            match arrivals.iter_mut().find(|it| is_it(it)) {
                Some(known) => known.add(&count),
                None => arrivals.push(ArrivalsView {
                    allowed: country.is_some_and(|it| origins.allowed.contains(&it)),
                    country: country.map(CountryView::new),
                    connections: count.connections,
                    datagrams: count.datagrams,
                    refused: count.refused,
                }),
            }
        }
        arrivals.sort_by_key(|it| std::cmp::Reverse(it.total()));
        Self {
            on: origins.is_on,
            ineffective,
            allowed: origins
                .allowed
                .iter()
                .copied()
                .map(CountryView::new)
                .collect(),
            data: table.map(DataView::new),
            arrivals,
        }
    }
}

impl CountryView {
    pub(crate) fn new(country: Country) -> Self {
        Self {
            code: country.to_string(),
            name: country.english(),
            nome: country.portuguese(),
        }
    }
}

impl DataView {
    fn new(table: &Table) -> Self {
        let about = table.about();
        let millis = i64::try_from(about.made.saturating_mul(1_000));
        Self {
            source: about.source.clone(),
            licence: about.licence.clone(),
            address: about.address.clone(),
            made: rfc3339(millis.unwrap_or_default()),
        }
    }
}

impl ArrivalsView {
    /// Connections and datagrams.
    pub(crate) const fn total(&self) -> u64 {
        self.connections.saturating_add(self.datagrams)
    }

    const fn add(&mut self, more: &Arrivals) {
        self.connections = self.connections.saturating_add(more.connections);
        self.datagrams = self.datagrams.saturating_add(more.datagrams);
        self.refused = self.refused.saturating_add(more.refused);
    }
}
