//! The office that tests ask: São Paulo, two carriers, one desk that may call abroad.

use config::Site;
use ipc::Redacted;
use ipc::site::{
    Class, Destination, Extension, ExtensionSettings, Group, Member, NumberForm, Route, Source,
    Strategy, TimeCondition, Trunk, TrunkAccess, WeekRange, Weekday,
};

pub(crate) fn trunk(name: &str) -> Trunk {
    Trunk {
        name: name.to_owned(),
        access: TrunkAccess::Peer {
            server: "203.0.113.5".into(),
            networks: vec!["203.0.113.0/28".into()],
        },
        ..Trunk::default()
    }
}

pub(crate) fn extension(number: &str, change: impl FnOnce(&mut ExtensionSettings)) -> Extension {
    let mut settings = ExtensionSettings::default();
    change(&mut settings);
    Extension {
        number: number.to_owned(),
        ha1_md5: Redacted::new("0".repeat(32)),
        ha1_sha256: Redacted::new("0".repeat(64)),
        settings,
        ..Extension::default()
    }
}

pub(crate) fn route(name: &str, pattern: &str, source: Source, to: &[Destination]) -> Route {
    Route {
        name: name.to_owned(),
        sources: vec![source],
        pattern: pattern.to_owned(),
        destinations: to.to_vec(),
        ..Route::default()
    }
}

fn group(number: &str, strategy: Strategy) -> Group {
    let member = |(extension, delay_secs): (&str, u16)| Member {
        extension: extension.to_owned(),
        delay_secs,
    };
    Group {
        number: number.to_owned(),
        members: [("100", 0), ("101", 10), ("102", 20)].map(member).into(),
        strategy,
        ring_secs: 20,
        ..Group::default()
    }
}

pub(crate) fn office() -> ipc::site::Site {
    let carriers = [
        Destination::Trunk("Carrier A".into()),
        Destination::Trunk("Carrier B".into()),
    ];
    let phones = |pattern: &str, name: &str| route(name, pattern, Source::Extensions, &carriers);
    let mut site = Site::factory("ramal").to_ipc();
    site.dialling.area_code = "11".into();
    site.dialling.owned_numbers = vec!["+551130000000".into(), "+551130000001".into()];
    site.dialling.countries = vec!["351".into()];
    site.extensions = vec![
        extension("100", |_| {}),
        extension("101", |_| {}),
        extension("102", |_| {}),
        extension("103", |settings| {
            settings.classes = Class::ALL.to_vec();
            settings.caller_id = "+551130000001".into();
        }),
    ];
    let mut second = trunk("Carrier B");
    second.number_form = NumberForm::E164;
    site.trunks = vec![trunk("Carrier A"), second];
    site.groups = vec![
        group("600", Strategy::All),
        group("601", Strategy::InOrder),
        group("602", Strategy::Delayed),
    ];
    site.times = vec![TimeCondition {
        name: "office".into(),
        zone: "America/Sao_Paulo".into(),
        week: vec![WeekRange {
            days: vec![Weekday::Monday],
            from: "08:00".into(),
            to: "18:00".into(),
        }],
        ..TimeCondition::default()
    }];
    site.routes = vec![
        phones("[2-5]XXXXXXX", "local"),
        phones("9XXXXXXXX", "mobile"),
        phones("0XXXXXXXXXX", "national"),
        phones("0XXXXXXXXXXX", "national mobile"),
        phones("0900XXXXXX", "premium"),
        phones("00XXXXXXXXXXX!", "abroad"),
        route(
            "in",
            "30000000",
            Source::Trunk("Carrier A".into()),
            &[
                Destination::Group("600".into()),
                Destination::Extension("103".into()),
            ],
        ),
    ];
    site
}
