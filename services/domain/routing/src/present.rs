//! How a caller from outside is shown to the phones.

use config::{Presentation, Site};

use crate::numbering;

/// A caller as a phone shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shown {
    /// The number.
    pub number: String,
    /// A name, where a rule gives one.
    pub name: Option<String>,
}

/// How a caller from outside is shown: the number in the form the site chose, and the name of the
/// longest beginning that fits.
#[must_use]
pub fn show_caller(site: &Site, received: &str) -> Shown {
    let dialling = &site.dialling;
    let e164 = international(site, received);
    let fits = |(prefix, _): &(&String, &String)| {
        let whole = e164.as_deref().unwrap_or(received);
        whole.starts_with(prefix.as_str())
    };
    let rules = dialling.callers.iter().filter(fits);
    let name = rules.max_by_key(|(prefix, _)| prefix.len());
    let number = match (dialling.presentation, &e164) {
        (Presentation::Received, _) | (_, None) => received.to_owned(),
        (Presentation::E164, Some(e164)) => e164.clone(),
        (Presentation::National, Some(e164)) => numbering::dialled_from(dialling, e164),
    };
    Shown {
        number,
        name: name.map(|(_, name)| name.clone()),
    }
}

/// A received number in international form. Carriers leave the plus away, so a number that is none
/// as dialled here, but is one with a plus, is taken for that.
fn international(site: &Site, received: &str) -> Option<String> {
    let dialling = &site.dialling;
    let code = dialling.plan().calling_code();
    let read = numbering::read(dialling, received);
    if read.e164.is_some() {
        return read.e164;
    }
    let with_plus = format!("+{received}");
    let again = numbering::read(dialling, &with_plus);
    again
        .e164
        .filter(|_| received.starts_with(code) && again.kind != numbering::Kind::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_are_shown_as_the_site_chose() {
        let mut site = Site::factory("ramal");
        site.dialling.area_code = Some("11".into());
        site.dialling.callers = [("+5521", "Rio"), ("+552133", "Rio office")]
            .map(|(prefix, name)| (prefix.to_owned(), name.to_owned()))
            .into();
        let mut check = |presentation, received: &str, number: &str, name: Option<&str>| {
            site.dialling.presentation = presentation;
            let shown = show_caller(&site, received);
            assert_eq!(
                (shown.number.as_str(), shown.name.as_deref()),
                (number, name)
            );
        };
        use Presentation::{E164, National, Received};
        check(National, "+552132345678", "02132345678", Some("Rio"));
        check(National, "552133345678", "02133345678", Some("Rio office"));
        check(National, "1132345678", "32345678", None);
        check(E164, "2132345678", "+552132345678", Some("Rio"));
        check(Received, "02132345678", "02132345678", Some("Rio"));
        check(E164, "anonymous", "anonymous", None);
        check(National, "100", "100", None);
    }
}
