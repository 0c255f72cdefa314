//! Update files on a memory stick, as the menu shows them.

use ipc::init::StickFile;

/// The files to choose from, with their numbers.
pub(super) fn choices(files: &[StickFile]) -> Vec<String> {
    let lines = (1..).zip(files);
    let lines = lines.map(|(number, file)| format!("  {number}  {}", description(file)));
    lines.collect()
}

/// The file with this number.
pub(super) fn chosen(files: &[StickFile], number: usize) -> Option<&StickFile> {
    files.get(number.checked_sub(1)?)
}

/// As people know it: its name, how large it is, and the stick.
pub(super) fn description(file: &StickFile) -> String {
    let name = shortened(&file.offer.file);
    let tenths = file.offer.bytes / 100_000;
    format!(
        "{name}  {}.{} MB  ({})",
        tenths / 10,
        tenths % 10,
        file.disk
    )
}

pub(super) const NAME: &str =
    "Instalar atualização do pen drive / Install an update from the USB stick";
pub(super) const CHOOSE: &str =
    "Escolha o arquivo e tecle Enter / Choose the file and press Enter:";
pub(super) const CONSEQUENCE: &str = "As chamadas continuam; a versão nova inicia ao reiniciar / \
     Calls go on; the new version starts at the next restart";

/// A name that leaves room for a heading: of a long one the beginning and the end.
fn shortened(name: &str) -> String {
    let count = name.chars().count();
    if count <= NAME_MAX {
        return name.to_owned();
    }
    let half = (NAME_MAX - GAP.len()) / 2;
    let begin = name.chars().take(half);
    let end = name.chars().skip(count - half);
    begin.chain(GAP.chars()).chain(end).collect()
}

/// Characters of a name: a monitor has eighty columns, and a heading takes a third of them.
const NAME_MAX: usize = 30;
const GAP: &str = "..";

#[cfg(test)]
mod tests {
    use ipc::stick::Offer;

    use super::*;

    #[test]
    fn a_long_name_is_shown_by_its_ends() {
        let shown = |name: &str| {
            let offer = Offer::of(name, 1_234_567_890).expect("plain");
            let disk = "sdb".to_owned();
            description(&StickFile { disk, offer })
        };
        assert_eq!(
            shown("ramal-1.5.0.update"),
            "ramal-1.5.0.update  1234.5 MB  (sdb)"
        );
        let long = format!("ramal-{}-1.5.0.update", "x".repeat(90));
        assert_eq!(
            shown(&long),
            "ramal-xxxxxxxx..x-1.5.0.update  1234.5 MB  (sdb)"
        );
        let accents = "\u{e9}".repeat(80);
        assert_eq!(shown(&accents).chars().count(), NAME_MAX + 18);
    }
}
