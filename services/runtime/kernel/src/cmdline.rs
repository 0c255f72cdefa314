//! The kernel's command line.

/// The value of `name=value` on the kernel command line, when it is there.
#[must_use]
pub fn value(name: &str) -> Option<String> {
    let line = std::fs::read_to_string("/proc/cmdline").ok()?;
    find(&line, name).map(str::to_owned)
}

fn find<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let value = |word: &'a str| word.strip_prefix(name)?.strip_prefix('=');
    line.split_whitespace().filter_map(value).next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_exactly_that_name_counts() {
        let line = "quiet ramal.root=vda ramal.rooted=x console=ttyS0 ramal.root=vdb\n";
        assert_eq!(find(line, "ramal.root"), Some("vdb"));
        assert_eq!(find(line, "ramal.data"), None);
        assert_eq!(find(line, "quiet"), None);
    }
}
