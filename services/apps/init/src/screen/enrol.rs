//! Secure Boot with the keys of the box, as the menu tells of it.

pub(crate) const NAME: &str =
    "Secure Boot: esta máquina só inicia este aparelho / this machine starts this box alone";
pub(crate) const CONSEQUENCES: [&str; 3] = [
    "Outros sistemas nesta máquina não iniciam mais, nem pen drives de outros / \
     Other systems on this machine do not start any more, nor sticks of others",
    "Placas com programa assinado só pela Microsoft ficam sem ele; com placa de vídeo, a tela e o \
     setup podem sumir / Cards whose program only Microsoft has signed go without it; with a \
     graphics card, the picture and the setup may be gone",
    "Só o setup da máquina desfaz isto / Only the setup of the machine undoes it",
];
/// What means it.
pub(crate) const WORDS: [&str; 2] = ["ATIVAR", "ENROL"];

pub(crate) const JUDGING: &str =
    "conferindo as assinaturas no disco / checking the signatures on the disk";
pub(crate) const DONE: &str = "Secure Boot: as chaves estão na máquina; reinicie pelo menu / \
                               the machine has the keys; restart by the menu";
pub(crate) const REFUSED: &str = "Secure Boot: nada foi gravado, pois isto não iniciaria mais / \
     nothing was written, as this would not start any more";
pub(crate) const FAILED: &str =
    "Secure Boot: não deu certo, veja o registro / it did not work, see the log";
pub(crate) const NOT_NOW: &str =
    "Secure Boot: a máquina não espera chaves agora / the machine waits for no keys now";
pub(crate) const JUDGED_TOO_LONG: &str = "Secure Boot: nada foi gravado, o disco não respondeu \
     a tempo / nothing was written, the disk did not answer in time";
pub(crate) const NO_ANSWER: &str = "Secure Boot: a máquina não respondeu; desligue-a e ligue-a \
     de novo / the machine did not answer; switch it off and on again";
