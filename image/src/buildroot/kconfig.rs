//! Reads what both Buildroot and the kernel configure themselves with: Kconfig.
//!
//! Kconfig drops a setting whose dependency is unmet without a word. Nothing else tells: whoever
//! wants a line must look for it in the result.
//!
//! Source: Linux Documentation/kbuild/kconfig-language.rst.

use std::collections::BTreeMap;

/// One line of a configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setting {
    /// With its prefix, `CONFIG_` or `BR2_`.
    pub symbol: String,
    /// As written after the `=`; `None` for `is not set`.
    pub value: Option<String>,
}

impl Setting {
    /// The line as Kconfig writes it.
    pub fn line(&self) -> String {
        self.value.as_ref().map_or_else(
            || format!("# {} is not set", self.symbol),
            |value| format!("{}={value}", self.symbol),
        )
    }
}

/// The settings of a configuration or a fragment, in its order. Comments are skipped.
pub fn settings(text: &str) -> Vec<Setting> {
    text.lines().filter_map(setting).collect()
}

fn setting(line: &str) -> Option<Setting> {
    let line = line.trim_end();
    if let Some(comment) = line.strip_prefix("# ") {
        let symbol = comment.strip_suffix(" is not set")?.to_owned();
        return (!symbol.contains(' ')).then_some(Setting {
            symbol,
            value: None,
        });
    }
    let (symbol, value) = line.split_once('=')?;
    (!symbol.is_empty() && !symbol.starts_with('#')).then(|| Setting {
        symbol: symbol.to_owned(),
        value: Some(value.to_owned()),
    })
}

/// The wanted lines that the final configuration does not have as written.
///
/// A symbol that is wanted unset may be missing there: Kconfig leaves out what cannot be chosen.
pub fn lost(wanted: &[Setting], outcome: &str) -> Vec<String> {
    let found: BTreeMap<String, Option<String>> = settings(outcome)
        .into_iter()
        .map(|setting| (setting.symbol, setting.value))
        .collect();
    wanted
        .iter()
        .filter(
            |setting| match (&setting.value, found.get(&setting.symbol)) {
                (None, None | Some(None)) => false,
                (Some(wanted), Some(Some(found))) => wanted != found,
                _ => true,
            },
        )
        .map(Setting::line)
        .collect()
}

/// The symbols that a Kconfig file defines, each with its type.
pub(crate) fn definitions(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open: Option<String> = None;
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else { continue };
        match (first, words.next()) {
            ("config" | "menuconfig", Some(name)) => open = Some(name.to_owned()),
            ("menu" | "choice" | "comment" | "endmenu" | "endchoice" | "source" | "help", _) => {
                open = None;
            }
            _ => {
                let (Some(name), Some(kind)) = (&open, kind(first)) else {
                    continue;
                };
                found.entry(name.clone()).or_insert_with(|| kind.to_owned());
            }
        }
    }
    found
}

fn kind(word: &str) -> Option<&str> {
    match word {
        "def_bool" => Some("bool"),
        "def_tristate" => Some("tristate"),
        "bool" | "tristate" | "string" | "int" | "hex" => Some(word),
        _ => None,
    }
}

/// Whether a value can be given to a symbol of that type. `m` never can: nothing is a module.
pub fn fits(kind: &str, value: Option<&str>) -> bool {
    let Some(value) = value else {
        return matches!(kind, "bool" | "tristate");
    };
    match kind {
        "bool" | "tristate" => value == "y",
        "string" => value.len() >= 2 && value.starts_with('"') && value.ends_with('"'),
        "int" => value.parse::<i64>().is_ok(),
        "hex" => value.strip_prefix("0x").is_some_and(|digits| {
            !digits.is_empty() && digits.chars().all(|digit| digit.is_ascii_hexdigit())
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wanted: &str, outcome: &str, expected: &[&str]) {
        assert_eq!(lost(&settings(wanted), outcome), expected, "{wanted}");
    }

    #[test]
    fn a_line_that_survives_is_not_reported() {
        check("CONFIG_NET=y", "CONFIG_NET=y\nCONFIG_INET=y\n", &[]);
        check("CONFIG_NAME=\"a b=c\"", "CONFIG_NAME=\"a b=c\"", &[]);
        check(
            "# CONFIG_KEXEC is not set",
            "# CONFIG_KEXEC is not set",
            &[],
        );
        check("# CONFIG_KEXEC is not set", "CONFIG_NET=y", &[]);
        check("# only words\n\n#CONFIG_X=y", "", &[]);
    }

    #[test]
    fn a_line_that_was_dropped_or_changed_is_reported_as_it_was_wanted() {
        check("CONFIG_DM_VERITY=y", "", &["CONFIG_DM_VERITY=y"]);
        check(
            "CONFIG_EXT4_FS=y",
            "CONFIG_EXT4_FS=m",
            &["CONFIG_EXT4_FS=y"],
        );
        check("CONFIG_HZ=1000", "CONFIG_HZ=250", &["CONFIG_HZ=1000"]);
        check("CONFIG_NET=y", "# CONFIG_NET is not set", &["CONFIG_NET=y"]);
        check(
            "# CONFIG_IO_URING is not set",
            "CONFIG_IO_URING=y",
            &["# CONFIG_IO_URING is not set"],
        );
    }

    #[test]
    fn a_name_that_begins_like_another_is_not_taken_for_it() {
        check("CONFIG_USB=y", "CONFIG_USB_SUPPORT=y", &["CONFIG_USB=y"]);
    }

    #[test]
    fn definitions_are_read_with_their_types() {
        let text = "menu \"Net\"\nconfig NET\n\tbool \"Networking\"\n\thelp\n\t  bool is a word\n\n\
                    menuconfig NAME\n\tstring\n\nconfig HID\n\tdefault y\n\tdef_tristate USB\n";
        let found = definitions(text);
        let found: Vec<_> = found
            .iter()
            .map(|(name, kind)| (name.as_str(), kind.as_str()))
            .collect();
        assert_eq!(
            found,
            [("HID", "tristate"), ("NAME", "string"), ("NET", "bool")]
        );
    }

    #[test]
    fn a_value_must_be_of_the_symbol_s_type() {
        assert!(fits("bool", Some("y")) && fits("tristate", None));
        assert!(!fits("tristate", Some("m")), "nothing may be a module");
        assert!(fits("string", Some("\"\"")) && !fits("string", Some("y")));
        assert!(fits("int", Some("-1")) && !fits("int", Some("0x1")) && !fits("int", None));
        assert!(fits("hex", Some("0x1f")) && !fits("hex", Some("0x")));
    }
}
