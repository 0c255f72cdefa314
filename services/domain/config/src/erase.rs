//! Taking a person out of a site (LGPD art. 18, VI).

use ipc::site::Site;

/// Takes somebody out: the account, and the name at the extensions that are theirs alone. Who gave
/// others leave to see calls stays said: somebody has to answer for it.
pub fn erase_person(site: &mut Site, login: &str) {
    let Some(at) = site.people.iter().position(|it| it.login == login) else {
        return;
    };
    let gone = site.people.remove(at);
    for extension in &mut site.extensions {
        let has = |own: &[String]| own.contains(&extension.number);
        let is_anothers = site.people.iter().any(|it| has(&it.extensions));
        if has(&gone.extensions) && !is_anothers {
            extension.display_name.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use ipc::site::{Extension, Person};

    use super::*;

    #[test]
    fn the_account_goes_and_the_name_where_nobody_else_has_the_extension() {
        let person = |login: &str, extensions: &[&str]| Person {
            login: login.into(),
            extensions: extensions.iter().map(|it| (*it).into()).collect(),
            ..Person::default()
        };
        let extension = |number: &str| Extension {
            number: number.into(),
            display_name: "Ana".into(),
            ..Extension::default()
        };
        let mut site = Site {
            people: vec![person("ana", &["100", "101"]), person("rui", &["101"])],
            extensions: ["100", "101", "102"].map(extension).into(),
            ..Site::default()
        };
        let before = site.clone();
        erase_person(&mut site, "nobody");
        assert_eq!(site, before);
        erase_person(&mut site, "ana");
        assert_eq!(site.people, before.people[1..]);
        let names = site.extensions.iter().map(|it| it.display_name.as_str());
        assert_eq!(names.collect::<Vec<_>>(), ["", "Ana", "Ana"]);
    }
}
