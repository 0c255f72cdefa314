use std::net::IpAddr;

use proptest::prelude::*;

use super::*;

fn country(code: &str) -> Option<Country> {
    Some(Country::parse(code).unwrap_or_else(|| panic!("{code} is a country")))
}

fn about() -> About {
    About {
        made: 1_782_361_999,
        source: "Somebody".into(),
        licence: "CC-BY-SA-4.0".into(),
        address: "https://example.org/".into(),
    }
}

const fn range(first: u64, last: u64, country: Option<Country>) -> Range {
    Range {
        first,
        last,
        country,
    }
}

fn table(ipv4: &[Range], ipv6: &[Range]) -> Table {
    let bytes = pack(&about(), ipv4, ipv6).expect("packed");
    Table::parse(bytes).expect("read")
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn countries_are_read_by_their_codes_and_have_a_name_in_both_languages() {
    let brazil = Country::parse("br").expect("Brazil");
    assert_eq!((brazil.code(), brazil.portuguese()), ("BR", "Brasil"));
    assert_eq!(Country::parse("UK"), Country::parse("GB"));
    for wrong in ["", "B", "BRA", "ZZ", "??", "é", "A1"] {
        assert_eq!(Country::parse(wrong), None, "{wrong}");
    }
    let all: Vec<_> = Country::all().collect();
    assert!(all.is_sorted() && all.len() < COUNTRIES_MAX);
    // ISO 3166-1 has 249; registries say two more.
    assert_eq!(all.len(), 251);
    for country in all {
        assert_eq!(Country::parse(country.code()), Some(country));
        for name in [country.english(), country.portuguese()] {
            assert!(!name.is_empty(), "{country}");
        }
    }
}

#[test]
fn an_address_has_the_country_of_its_range_at_both_ends_and_none_beside_it() {
    let ipv4 = [
        range(0x0102_0300, 0x0102_03ff, country("BR")),
        range(0x0102_0400, 0x0102_04ff, country("PT")),
        range(0xffff_ff00, 0xffff_ffff, country("US")),
    ];
    let ipv6 = [
        range(0x2001_0db8_0000_0000, 0x2001_0db8_ffff_ffff, country("DE")),
        range(u64::MAX, u64::MAX, country("FR")),
    ];
    let table = table(&ipv4, &ipv6);
    let check = |address: &str, code: &str| {
        let found = table.country(ip(address));
        assert_eq!(
            found.map_or_else(String::new, |it| it.to_string()),
            code,
            "{address}"
        );
    };
    check("1.2.2.255", "");
    check("1.2.3.0", "BR");
    check("1.2.3.255", "BR");
    check("::ffff:1.2.3.255", "BR");
    check("1.2.4.0", "PT");
    check("1.2.5.0", "");
    check("255.255.255.255", "US");
    check("2001:db7:ffff:ffff:ffff::", "");
    check("2001:db8::", "DE");
    check("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "DE");
    check("2001:db9::", "");
    check("ffff:ffff:ffff:ffff::1", "FR");
    assert_eq!(*table.about(), about());
}

#[test]
fn a_table_of_nobody_knows_nobody() {
    let table = table(&[], &[]);
    assert_eq!(table.country(ip("8.8.8.8")), None);
    assert_eq!(table.country(ip("::")), None);
}

#[test]
fn ranges_that_are_not_in_order_are_not_packed() {
    let check = |ranges: &[Range], at| {
        let refused = pack(&about(), ranges, &[]).map(drop);
        assert_eq!(refused, Err(PackFault::Order(at)));
    };
    check(&[range(5, 4, country("BR"))], 5);
    check(
        &[range(0, 9, country("BR")), range(9, 10, country("PT"))],
        9,
    );
    check(
        &[
            range(0, IPV4_LAST, country("BR")),
            range(3, 4, country("PT")),
        ],
        3,
    );
    let long = About {
        licence: "x".repeat(256),
        ..about()
    };
    assert_eq!(pack(&long, &[], &[]), Err(PackFault::Text));
}

/// Some hundreds of ranges, so that there is more than one block.
fn many() -> Vec<Range> {
    let codes = ["BR", "PT", "US", "DE"].map(country);
    let one = |place: u64| {
        let first = place * 1_000;
        let country = codes[usize::try_from(place).expect("small") % codes.len()];
        range(first, first + 200 + place, country)
    };
    (1..150).map(one).collect()
}

#[test]
fn every_byte_that_is_missing_is_noticed_and_no_byte_that_is_wrong_ends_in_a_panic() {
    let bytes = pack(&about(), &many(), &many()).expect("packed");
    assert!(Table::parse(bytes.clone()).is_ok());
    for length in 0..bytes.len() {
        assert!(Table::parse(bytes[..length].to_vec()).is_err(), "{length}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(Table::parse(longer), Err(Damage::Length));
    for place in 0..bytes.len() {
        for value in [0, 0x7f, 0x80, 0xff] {
            let mut wrong = bytes.clone();
            wrong[place] = value;
            if let Ok(table) = Table::parse(wrong) {
                let _any = table.country(ip("0.0.99.77"));
            }
        }
    }
}

#[test]
fn a_table_that_is_too_large_or_counts_more_than_it_has_is_not_read() {
    assert_eq!(Table::parse(vec![0; TABLE_MAX + 1]), Err(Damage::Large));
    assert_eq!(Table::parse(b"RmlCtry2".to_vec()), Err(Damage::Form));
    let mut bytes = pack(&about(), &[], &[]).expect("packed");
    let counts = bytes.len() - 16;
    bytes[counts..counts + 8].fill(0xff);
    assert_eq!(Table::parse(bytes), Err(Damage::Length));
}

#[test]
fn a_table_of_ipv4_has_no_address_beyond_it() {
    let beyond = [range(1 << 32, (1 << 33) - 1, country("BR"))];
    let refused = pack(&about(), &beyond, &[]);
    assert_eq!(refused, Err(PackFault::Order(1 << 32)));
    // Of IPv4 there is nothing: the two IP versions change places.
    let mut bytes = pack(&about(), &[], &beyond).expect("packed");
    let ipv6 = bytes.len() - (8 + 12 + 1 + 3);
    let ipv4 = ipv6 - 8;
    bytes[ipv4..].rotate_left(ipv6 - ipv4);
    assert_eq!(Table::parse(bytes), Err(Damage::Entries));
}

/// Ranges as a list of lengths, each of a country or of nobody.
fn ranges() -> impl Strategy<Value = Vec<Range>> {
    let one = (1_u64..1 << 24, 0_u64..1 << 20, 0_usize..5);
    proptest::collection::vec(one, 0..150).prop_map(|parts| {
        let codes = ["BR", "PT", "US", "DE"].map(country);
        let mut next = 0;
        let each = |(length, gap, code): (u64, u64, usize)| {
            let first = next + gap;
            next = first + length;
            range(first, next - 1, codes.get(code).copied().flatten())
        };
        let all = parts.into_iter().map(each).collect::<Vec<_>>();
        let fits = all.into_iter().take_while(|it| it.last <= u32::MAX.into());
        fits.collect()
    })
}

proptest! {
    #[test]
    fn the_table_answers_as_the_ranges_do(ranges in ranges(), key in any::<u32>()) {
        let table = table(&ranges, &ranges);
        let ends = |it: &Range| [it.first.saturating_sub(1), it.first, it.last, it.last + 1];
        let near = ranges.iter().flat_map(ends);
        for key in near.chain([key.into()]).filter(|key| *key <= u32::MAX.into()) {
            let holds = |it: &&Range| (it.first..=it.last).contains(&key);
            let expected = ranges.iter().find(holds).and_then(|it| it.country);
            let ipv4 = IpAddr::from(u32::try_from(key).expect("filtered").to_be_bytes());
            prop_assert_eq!(table.country(ipv4), expected);
            let ipv6 = IpAddr::from((u128::from(key) << 64).to_be_bytes());
            prop_assert_eq!(table.country(ipv6), expected);
        }
    }

    #[test]
    fn any_bytes_are_a_table_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let whole = [&MAGIC[..], &bytes].concat();
        if let Ok(table) = Table::parse(whole) {
            let _any = table.country(ip("203.0.113.7"));
        }
    }
}
