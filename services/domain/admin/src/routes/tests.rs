use super::*;

#[test]
fn a_pattern_takes_exactly_one_segment() {
    let check = |path, expected: Option<&str>| {
        assert_eq!(matches("/a/{}/b", path).as_deref(), expected, "{path}");
    };
    check("/a/x/b", Some("x"));
    check("/a//b", None);
    check("/a/x/y/b", None);
    check("/a/b", None);
    check("/a/x/b/", None);
}

#[test]
fn no_two_routes_are_the_same() {
    for (index, one) in ROUTES.iter().enumerate() {
        for other in &ROUTES[index + 1..] {
            assert!(
                one.method != other.method || one.path != other.path,
                "{}",
                one.path
            );
        }
    }
}
