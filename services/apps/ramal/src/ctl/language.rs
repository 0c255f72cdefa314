//! Which language whoever sits at the terminal reads.

/// As a language tag: what the locale of the environment says; English when it says nothing, as
/// programs that read the output expect.
pub(super) fn of_the_terminal() -> &'static str {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    // In the order of POSIX (Base Definitions, 8.2).
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set);
    of_locale(&locale.unwrap_or_default())
}

fn of_locale(locale: &str) -> &'static str {
    match locale.split(['_', '.', '@', '-']).next() {
        Some("pt") => "pt-BR",
        _ => "en",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_says_the_language() {
        for (locale, expected) in [
            ("pt_BR.UTF-8", "pt-BR"),
            ("pt", "pt-BR"),
            ("en_GB", "en"),
            ("C.UTF-8", "en"),
            ("ptx", "en"),
            ("", "en"),
        ] {
            assert_eq!(of_locale(locale), expected, "{locale:?}");
        }
    }
}
