//! Why the sound of a prompt is refused.

use ipc::sound::PROMPT_NAME_MAX;
use ipc::store::PromptRefusal;
use rtp::wav::{Refused, Song};

use super::Fault;
use crate::text::Language;

/// Why the sound of a prompt is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum PromptFault {
    /// The file cannot be made into one.
    Sound(Refused),
    /// The store does not take it, or has none.
    Kept(PromptRefusal),
    /// Nothing of it is in the range asked for; its length in bytes.
    NotInSound(u64),
}

impl From<PromptFault> for Fault {
    fn from(fault: PromptFault) -> Self {
        Self::Prompt(fault)
    }
}

impl PromptFault {
    pub(super) const fn status(&self) -> u16 {
        match self {
            Self::Sound(_) | Self::Kept(PromptRefusal::Name) => 400,
            Self::Kept(PromptRefusal::Missing) => 404,
            Self::Kept(_) => 409,
            Self::NotInSound(_) => 416,
        }
    }

    pub(super) fn text(&self, language: Language) -> String {
        match (self, language) {
            (Self::Sound(refused), Language::English) => sound_english(*refused),
            (Self::Sound(refused), Language::Portuguese) => sound_portuguese(*refused),
            (Self::Kept(refusal), Language::English) => kept_english(refusal),
            (Self::Kept(refusal), Language::Portuguese) => kept_portuguese(refusal),
            (Self::NotInSound(length), Language::English) => {
                format!("the sound has {length} bytes; ask for some of them")
            }
            (Self::NotInSound(length), Language::Portuguese) => {
                format!("o som tem {length} bytes; peça alguns deles")
            }
        }
    }
}

const fn song(song: Song) -> &'static str {
    match song {
        Song::Mp3 => "MP3",
        Song::Ogg => "Ogg",
        Song::Flac => "FLAC",
        Song::Mp4 => "M4A",
    }
}

fn sound_english(refused: Refused) -> String {
    match refused {
        Refused::NotWav(Some(kind)) => {
            let kind = song(kind);
            format!("this is a file of the kind {kind}: save it as WAV and send that")
        }
        Refused::NotWav(None) => "this is no WAV file: save it as WAV and send that".into(),
        Refused::Format(code, bits) => format!(
            "its samples have another format (code {code}, {bits} bits): save it as PCM with 8, \
             16, 24 or 32 bits, A-law or mu-law"
        ),
        Refused::Channels(count) => {
            format!("it has {count} channels: save it as mono or stereo")
        }
        Refused::Rate(hertz) => {
            format!("its sampling rate is {hertz} Hz: save it with 8000 to 48000 Hz")
        }
        Refused::TooLong(seconds) => {
            format!("it lasts longer than {seconds} seconds: cut it into several prompts")
        }
        Refused::Empty => "there is no sound in it: send another file".into(),
    }
}

fn sound_portuguese(refused: Refused) -> String {
    match refused {
        Refused::NotWav(Some(kind)) => {
            let kind = song(kind);
            format!("este arquivo é do tipo {kind}: salve-o como WAV e envie o WAV")
        }
        Refused::NotWav(None) => "este arquivo não é WAV: salve-o como WAV e envie o WAV".into(),
        Refused::Format(code, bits) => format!(
            "as amostras dele têm outro formato (código {code}, {bits} bits): salve-o como PCM de \
             8, 16, 24 ou 32 bits, lei A ou lei µ"
        ),
        Refused::Channels(count) => {
            format!("ele tem {count} canais: salve-o como mono ou estéreo")
        }
        Refused::Rate(hertz) => {
            format!("a taxa de amostragem dele é {hertz} Hz: salve-o com 8000 a 48000 Hz")
        }
        Refused::TooLong(seconds) => {
            format!("ele dura mais de {seconds} segundos: divida-o em vários áudios")
        }
        Refused::Empty => "não há som nele: envie outro arquivo".into(),
    }
}

fn kept_english(refusal: &PromptRefusal) -> String {
    match refusal {
        PromptRefusal::Missing => "there is no sound for this prompt: send one".into(),
        PromptRefusal::Name => format!(
            "no prompt has such a name: use 1 to {PROMPT_NAME_MAX} letters without accents, \
             digits, dashes and underscores"
        ),
        PromptRefusal::OutOfOrder => {
            "somebody else sends a sound at the same time, or it broke off: send it again".into()
        }
        PromptRefusal::TooMuch(mib) => format!(
            "there are as many sounds as are kept, or all together would take more than {mib} \
             MiB: delete one that nobody needs"
        ),
        PromptRefusal::NoRoom => "the data disk has no room for it: make some".into(),
    }
}

fn kept_portuguese(refusal: &PromptRefusal) -> String {
    match refusal {
        PromptRefusal::Missing => "não há som para este áudio: envie um".into(),
        PromptRefusal::Name => format!(
            "nenhum áudio tem esse nome: use de 1 a {PROMPT_NAME_MAX} letras sem acento, dígitos, \
             hífens e sublinhados"
        ),
        PromptRefusal::OutOfOrder => {
            "outra pessoa envia um som ao mesmo tempo, ou o envio parou: envie de novo".into()
        }
        PromptRefusal::TooMuch(mib) => format!(
            "já há tantos sons quantos se guardam, ou todos juntos passariam de {mib} MiB: apague \
             um de que ninguém precisa"
        ),
        PromptRefusal::NoRoom => "o disco de dados não tem espaço para ele: libere espaço".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_names_the_fix_in_both_languages() {
        let sounds = [
            Refused::NotWav(None),
            Refused::NotWav(Some(Song::Mp3)),
            Refused::Format(85, 0),
            Refused::Channels(6),
            Refused::Rate(96_000),
            Refused::TooLong(300),
            Refused::Empty,
        ];
        let kept = [
            PromptRefusal::Missing,
            PromptRefusal::Name,
            PromptRefusal::OutOfOrder,
            PromptRefusal::TooMuch(64),
            PromptRefusal::NoRoom,
        ];
        let sounds = sounds.into_iter().map(PromptFault::Sound);
        let all: Vec<_> = sounds.chain(kept.map(PromptFault::Kept)).collect();
        for fault in all {
            let english = fault.text(Language::English);
            let portuguese = fault.text(Language::Portuguese);
            assert_ne!(english, portuguese);
            assert!(english.contains(": "), "{english}");
            assert!(portuguese.contains(": "), "{portuguese}");
        }
        let mp3 = PromptFault::Sound(Refused::NotWav(Some(Song::Mp3)));
        assert!(
            mp3.text(Language::Portuguese)
                .contains("tipo MP3: salve-o como WAV")
        );
    }
}
