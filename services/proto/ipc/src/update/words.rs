//! Why something of the firmware is not done, in a sentence that names the fix: for the web admin,
//! the screen of the box and its rescue system alike.

use super::Refusal;

impl Refusal {
    /// In English.
    #[must_use]
    pub fn english(&self) -> String {
        english(self)
    }

    /// In Brazilian Portuguese.
    #[must_use]
    pub fn portuguese(&self) -> String {
        portuguese(self)
    }
}

fn english(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NotAnUpdate => {
            "this is no update file of this product; choose one that ends in .update".into()
        }
        Refusal::Damaged => "the update file is damaged; fetch it again".into(),
        Refusal::UnknownFormat => {
            "the update file has a format that this version does not know; ask your supplier \
             which version to install first"
                .into()
        }
        Refusal::NotSigned { trusted } => format!(
            "the update is not signed by keys this box trusts (`{trusted}`); use the file of your \
             supplier"
        ),
        Refusal::WrongHardware { offered, hardware } => format!(
            "the update is for {offered}, and this box is {hardware}; fetch the file for it"
        ),
        Refusal::TooOld {
            version,
            offered,
            floor,
        } => format!(
            "version {version} is older than what this box may run: its security number is \
             {offered}, and the box has had {floor}; use a newer version"
        ),
        Refusal::TooLarge { length, room } => format!(
            "the update has {length} bytes, and a slot only {room}; ask your supplier for another"
        ),
        Refusal::OutOfOrder { found, wanted } => {
            format!("the piece at {found} came, but the one at {wanted} is next; go on there")
        }
        Refusal::ChunkDamaged { index } => {
            format!("chunk {index} of the update was damaged on its way; it is asked for again")
        }
        Refusal::MadeWrong => {
            "the update does not hold what its signature tells of; ask your supplier for another"
                .into()
        }
        Refusal::OnTrial => "the running version has not proved good yet, and the other slot is \
             what the box would go back to; wait two minutes after the start, then try again"
            .into(),
        Refusal::RunningDamaged => "the running version is damaged on the disk and the other \
             slot's is not; restart the box, which starts that one, then offer the update again"
            .into(),
        Refusal::NoSlots => {
            "this system was not started from a firmware slot, so there is nothing to update".into()
        }
        Refusal::NothingToGoBackTo => {
            "the other slot holds no version that has proved good; install one".into()
        }
        Refusal::ReadBack { index } => format!(
            "chunk {index} of the slot does not read back as it was written; the disk is failing: \
             replace it"
        ),
        Refusal::DeviceFailed => {
            "a disk of the box does not do as it should; see the log of `update`".into()
        }
        Refusal::NotBegun => "no update is under way; begin one first".into(),
        Refusal::PieceTooLong => "the piece is too long; send it in smaller ones".into(),
    }
}

fn portuguese(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NotAnUpdate => "isto não é um arquivo de atualização deste produto; escolha um \
             que termine em .update"
            .into(),
        Refusal::Damaged => "o arquivo de atualização está danificado; baixe-o de novo".into(),
        Refusal::UnknownFormat => "o arquivo de atualização tem um formato que esta versão não \
             conhece; pergunte ao fornecedor qual versão instalar antes"
            .into(),
        Refusal::NotSigned { trusted } => format!(
            "a atualização não está assinada por chaves em que esta central confia (`{trusted}`); \
             use o arquivo do seu fornecedor"
        ),
        Refusal::WrongHardware { offered, hardware } => format!(
            "a atualização é para {offered}, e esta central é {hardware}; baixe o arquivo para ela"
        ),
        Refusal::TooOld {
            version,
            offered,
            floor,
        } => format!(
            "a versão {version} é mais antiga do que esta central pode usar: o número de \
             segurança dela é {offered}, e a central já teve {floor}; use uma versão mais nova"
        ),
        Refusal::TooLarge { length, room } => format!(
            "a atualização tem {length} bytes, e um slot só {room}; peça outra ao fornecedor"
        ),
        Refusal::OutOfOrder { found, wanted } => {
            format!("chegou a parte que começa em {found}, mas falta a de {wanted}; continue ali")
        }
        Refusal::ChunkDamaged { index } => {
            format!("o bloco {index} da atualização foi danificado no caminho; será pedido de novo")
        }
        Refusal::MadeWrong => {
            "a atualização não contém o que a assinatura dela diz; peça outra ao fornecedor".into()
        }
        Refusal::OnTrial => "a versão em uso ainda não foi aprovada, e o outro slot é para onde a \
             central voltaria; espere dois minutos depois da inicialização e tente de novo"
            .into(),
        Refusal::RunningDamaged => "a versão em uso está danificada no disco e a do outro slot \
             não; reinicie a central, que inicia aquela, e ofereça a atualização de novo"
            .into(),
        Refusal::NoSlots => "este sistema não foi iniciado de um slot de firmware, então não há o \
             que atualizar"
            .into(),
        Refusal::NothingToGoBackTo => {
            "o outro slot não tem uma versão que já foi aprovada; instale uma".into()
        }
        Refusal::ReadBack { index } => format!(
            "o bloco {index} do slot não é lido como foi gravado; o disco está falhando: troque-o"
        ),
        Refusal::DeviceFailed => {
            "um disco da central não funciona como deveria; veja o registro do `update`".into()
        }
        Refusal::NotBegun => "nenhuma atualização está em curso; comece uma primeiro".into(),
        Refusal::PieceTooLong => "a parte é grande demais; envie partes menores".into(),
    }
}
