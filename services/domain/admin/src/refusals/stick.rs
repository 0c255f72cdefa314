//! What is wrong with a memory stick, for programs and for people.

use crate::fetch::StickFault;

/// What programs know a reason by. These names stay.
pub(super) const fn code(fault: StickFault) -> &'static str {
    match fault {
        StickFault::NotThere => "not-on-stick",
        StickFault::Gone => "stick-cannot-be-read",
        StickFault::TooShort => "too-short-on-stick",
        StickFault::Damaged => "damaged-on-stick",
    }
}

pub(super) const fn english(fault: StickFault) -> &'static str {
    match fault {
        StickFault::NotThere => {
            "there is no such file on a USB stick in the box; put the stick in, wait until \
             its files are listed, and name one of them"
        }
        StickFault::Gone => {
            "the USB stick was taken out, or cannot be read; put it in again, or use another"
        }
        StickFault::TooShort => "the file on the USB stick ends too soon; copy it there again",
        StickFault::Damaged => {
            "the file on the USB stick is damaged; copy it there again, or use another stick"
        }
    }
}

pub(super) const fn portuguese(fault: StickFault) -> &'static str {
    match fault {
        StickFault::NotThere => {
            "não há esse arquivo num pen drive na central; conecte o pen drive, \
             espere os arquivos dele aparecerem e escolha um"
        }
        StickFault::Gone => {
            "o pen drive foi retirado, ou não pode ser lido; conecte-o de novo, ou use outro"
        }
        StickFault::TooShort => {
            "o arquivo no pen drive termina cedo demais; copie-o para lá de novo"
        }
        StickFault::Damaged => {
            "o arquivo no pen drive está danificado; copie-o de novo, ou use outro pen drive"
        }
    }
}
