use config::{Class, Countries, Country, Dialling, Site};
use ipc::site::{NumberReading, NumberRule, NumberingPlan as RawPlan};

use super::*;

fn dialling(area: &str, carrier: &str) -> Dialling {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Dialling {
        area_code: some(area),
        carrier: some(carrier),
        countries: Countries::All,
        ..Site::factory("ramal").dialling
    }
}

fn check(dialled: &str, kind: Kind, e164: &str) {
    let number = read(&dialling("11", ""), dialled);
    let expected = (!e164.is_empty()).then_some(e164);
    assert_eq!(
        (number.kind, number.e164.as_deref()),
        (kind, expected),
        "{dialled}"
    );
}

#[test]
fn brazilian_numbers_are_read() {
    for emergency in [
        "190", "191", "192", "193", "194", "197", "198", "199", "0190", "0193",
    ] {
        check(emergency, Kind::Emergency, "");
    }
    for service in [
        "100", "112", "128", "180", "181", "188", "195", "102", "911", "10315",
    ] {
        check(service, Kind::Service, "");
    }
    check("32345678", Kind::Local, "+551132345678");
    check("40041234", Kind::Local, "+551140041234");
    check("987654321", Kind::Mobile, "+5511987654321");
    check("0800123456", Kind::TollFree, "");
    check("08001234567", Kind::TollFree, "");
    for premium in [
        "0300123456",
        "03001234567",
        "0500123456",
        "09001234567",
        "03031234567",
    ] {
        check(premium, Kind::Premium, "");
    }
    check(
        "90902345 6789".replace(' ', "").as_str(),
        Kind::Collect,
        "+551123456789",
    );
    check("9090987654321", Kind::Collect, "+5511987654321");
    check("90152123456789", Kind::Collect, "+552123456789");
    check("901521987654321", Kind::Collect, "+5521987654321");
}

#[test]
fn long_distance_is_read_with_and_without_a_carrier() {
    check("02132345678", Kind::National, "+552132345678");
    check("0152132345678", Kind::National, "+552132345678");
    check("2132345678", Kind::National, "+552132345678");
    check("021987654321", Kind::Mobile, "+5521987654321");
    check("01521987654321", Kind::Mobile, "+5521987654321");
    check("21987654321", Kind::Mobile, "+5521987654321");
    // The own area dialled in full is a local call.
    check("0151132345678", Kind::Local, "+551132345678");
    check("01132345678", Kind::Local, "+551132345678");
    check("+551132345678", Kind::Local, "+551132345678");
    check("+552132345678", Kind::National, "+552132345678");
    check("+5521987654321", Kind::Mobile, "+5521987654321");
    // 20, 23 and 25 are no area codes.
    for none in ["02032345678", "0152332345678", "+552532345678"] {
        assert_eq!(
            read(&dialling("11", ""), none).kind,
            Kind::Unknown,
            "{none}"
        );
    }
}

#[test]
fn numbers_abroad_know_their_country() {
    let check = |carrier: &str, dialled: &str, e164: &str, country: &str| {
        let number = read(&dialling("11", carrier), dialled);
        assert_eq!(number.kind, Kind::International, "{dialled}");
        assert_eq!(number.e164.as_deref(), Some(e164), "{dialled}");
        assert_eq!(number.country.as_deref(), Some(country), "{dialled}");
    };
    check("15", "0021351212345678", "+351212345678", "351");
    check("", "00351212345678", "+351212345678", "351");
    check("", "+442071234567", "+442071234567", "44");
    check("", "0012125551234", "+12125551234", "1");
    check("", "0018765551234", "+18765551234", "1876");
    check("", "+79161234567", "+79161234567", "7");
    check("", "0037255512345", "+37255512345", "372");
}

#[test]
fn a_national_number_dialled_as_if_abroad_is_national() {
    check("00552132345678", Kind::National, "+552132345678");
    check("005521987654321", Kind::Mobile, "+5521987654321");
}

#[test]
fn what_is_in_no_plan_is_treated_as_the_dearest_unless_it_is_short() {
    check("4001", Kind::Private, "");
    check("600", Kind::Private, "");
    check("1234567", Kind::Unknown, "");
    check("0081", Kind::Unknown, "");
    check("+0123456789", Kind::Unknown, "");
    assert_eq!(Kind::Unknown.class(), Some(Class::International));
    assert_eq!(Kind::Private.class(), Some(Class::Internal));
}

#[test]
fn a_number_is_written_as_the_trunk_wants_it() {
    let check = |carrier: &str, dialled: &str, form, expected: &str| {
        let dialling = dialling("11", carrier);
        let number = read(&dialling, dialled);
        assert_eq!(written(&dialling, &number, form), expected, "{dialled}");
    };
    check("15", "0152132345678", NumberForm::Dialled, "0152132345678");
    check("15", "0412132345678", NumberForm::National, "0152132345678");
    check("", "0152132345678", NumberForm::National, "02132345678");
    check("", "32345678", NumberForm::National, "32345678");
    check("", "32345678", NumberForm::E164, "+551132345678");
    check("", "987654321", NumberForm::E164Digits, "5511987654321");
    check(
        "15",
        "0015351212345678",
        NumberForm::National,
        "0015351212345678",
    );
    check(
        "15",
        "0021351212345678",
        NumberForm::National,
        "0015351212345678",
    );
    check("", "0190", NumberForm::E164, "190");
    check("", "08001234567", NumberForm::E164, "08001234567");
}

#[test]
fn another_country_is_another_table() {
    let portugal = Dialling {
        country: Country::Portugal,
        ..dialling("", "")
    };
    let check = |dialled: &str, kind: Kind, e164: &str| {
        let number = read(&portugal, dialled);
        let expected = (!e164.is_empty()).then_some(e164);
        assert_eq!(
            (number.kind, number.e164.as_deref()),
            (kind, expected),
            "{dialled}"
        );
    };
    check("112", Kind::Emergency, "");
    check("212345678", Kind::Local, "+351212345678");
    check("912345678", Kind::Mobile, "+351912345678");
    check("800123456", Kind::TollFree, "+351800123456");
    check("760123456", Kind::Premium, "+351760123456");
    check("+351912345678", Kind::Mobile, "+351912345678");
    check("005511987654321", Kind::International, "+5511987654321");
    check("190", Kind::Private, "");
    assert_eq!(dialled_from(&portugal, "+351212345678"), "212345678");
    assert_eq!(dialled_from(&portugal, "+551132345678"), "00551132345678");
}

/// What a site in North America brings along.
fn north_america() -> RawPlan {
    let rule = |pattern: &str, kind, form, strip| NumberRule {
        pattern: pattern.to_owned(),
        kind,
        form,
        strip,
    };
    RawPlan {
        currency: "$".into(),
        calling_code: "1".into(),
        trunk_prefix: "1".into(),
        international_prefix: "011".into(),
        line: "9".into(),
        emergency: vec!["911".into()],
        services: vec!["988".into()],
        rules: vec![
            rule("N11", Kind::Service, NumberReading::None, 0),
            rule("1900NXXXXXX", Kind::Premium, NumberReading::National, 1),
            rule("1800NXXXXXX", Kind::TollFree, NumberReading::National, 1),
            rule(
                "1876NXXXXXX",
                Kind::International,
                NumberReading::National,
                1,
            ),
            rule("1NXXNXXXXXX", Kind::National, NumberReading::National, 1),
            rule("NXXXXXX", Kind::Local, NumberReading::Subscriber, 0),
        ],
        ..RawPlan::default()
    }
}

#[test]
fn a_site_brings_the_plan_of_its_country_along() {
    let mut raw = Site::factory("ramal").to_ipc();
    raw.dialling.plan = Some(north_america());
    raw.dialling.area_code = "212".into();
    let site = Site::parse(&raw).expect("a valid site");
    assert_eq!(site.to_ipc(), raw);
    let there = &site.dialling;
    let check = |dialled: &str, kind: Kind, e164: &str, country: Option<&str>| {
        let number = read(there, dialled);
        let expected = (!e164.is_empty()).then_some(e164);
        assert_eq!(
            (
                number.kind,
                number.e164.as_deref(),
                number.country.as_deref()
            ),
            (kind, expected, country),
            "{dialled}"
        );
    };
    check("911", Kind::Emergency, "", None);
    check("9911", Kind::Emergency, "", None);
    check("411", Kind::Service, "", None);
    check("5550100", Kind::Local, "+12125550100", None);
    check("12125550100", Kind::Local, "+12125550100", None);
    check("13105550100", Kind::National, "+13105550100", None);
    check("+13105550100", Kind::National, "+13105550100", None);
    check("19005550100", Kind::Premium, "+19005550100", None);
    let island = Some("1876");
    check("18765550100", Kind::International, "+18765550100", island);
    check("+18765550100", Kind::International, "+18765550100", island);
    check(
        "011551132345678",
        Kind::International,
        "+551132345678",
        Some("55"),
    );
    check("0911", Kind::Private, "", None);
    check("190", Kind::Private, "", None);
    assert_eq!(dialled_from(there, "+12125550100"), "5550100");
    assert_eq!(dialled_from(there, "+13105550100"), "13105550100");
    assert_eq!(dialled_from(there, "+551132345678"), "011551132345678");
}
