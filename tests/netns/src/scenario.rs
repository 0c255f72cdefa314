//! Scenario files with their fragments put in.

use std::path::{Path, PathBuf};

use native::NativeError;

/// What a fragment says where nothing else is given.
const DEFAULTS: [(&str, &str); 6] = [
    ("direction", "sendrecv"),
    ("headers", ""),
    ("retrans", ""),
    ("tag", ""),
    ("version", "1"),
    ("cseq", "1"),
];

/// Writes the scenario `name`, whole, into `folder`.
pub(crate) fn expand(name: &str, folder: &Path) -> Result<PathBuf, NativeError> {
    let text = read("scenarios", name)?;
    let mut whole = String::new();
    for line in text.lines() {
        match line
            .trim()
            .strip_prefix("{{")
            .and_then(|rest| rest.strip_suffix("}}"))
        {
            Some(call) => whole.push_str(&fragment(call)?),
            None => whole.push_str(&format!("{line}\n")),
        }
    }
    let path = folder.join(format!("{name}.xml"));
    std::fs::write(&path, whole).map_err(NativeError::io("write", &path))?;
    Ok(path)
}

fn fragment(call: &str) -> Result<String, NativeError> {
    let mut words = call.split_whitespace();
    let name = words.next().unwrap_or_default();
    let mut text = read("fragments", name)?;
    let given = words.filter_map(|word| word.split_once('='));
    for (key, value) in given.chain(DEFAULTS) {
        let value = match (key, value) {
            // SIPp's own attribute, only where something is to be repeated.
            ("retrans", "") => String::new(),
            ("retrans", value) => format!("retrans=\"{value}\""),
            (_, value) => value.replace('|', " ").replace('&', "\n"),
        };
        text = text.replace(&format!("{{{key}}}\n"), &line(&value));
        text = text.replace(&format!("{{{key}}}"), &value);
    }
    Ok(text)
}

/// A line of its own, or none: an empty line would end a message's header.
fn line(value: &str) -> String {
    match value {
        "" => String::new(),
        value => format!("{value}\n"),
    }
}

fn read(folder: &str, name: &str) -> Result<String, NativeError> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(folder)
        .join(format!("{name}.xml"));
    std::fs::read_to_string(&path).map_err(NativeError::io("read", &path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_takes_what_is_given_and_leaves_no_empty_header_line() {
        let text = fragment("request method=BYE cseq=3 retrans=500").expect("it is there");
        assert!(text.contains("CSeq: 3 BYE\n"), "{text}");
        assert!(text.contains("<send retrans=\"500\">"), "{text}");
        assert!(!text.contains("{"), "{text}");
        let text = fragment("invite headers=Supported:|timer&Min-SE:|90").expect("it is there");
        assert!(text.contains("Supported: timer\nMin-SE: 90\n"), "{text}");
    }
}
