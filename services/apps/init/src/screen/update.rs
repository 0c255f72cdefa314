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
    let name: String = file.offer.file.chars().take(NAME_MAX).collect();
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

/// Characters of a name: a monitor has eighty columns.
const NAME_MAX: usize = 56;
