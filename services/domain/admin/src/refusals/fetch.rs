//! Why a fetch failed, for programs and for people.

use serde_json::{Value, json};

use super::stick;
use crate::fetch::{FetchFault, FetchState};
use crate::text::Language;

/// What programs know a reason by. These names stay.
pub(crate) const fn code(fault: &FetchFault) -> &'static str {
    match fault {
        FetchFault::BadAddress => "bad-address",
        FetchFault::BadFingerprint => "bad-fingerprint",
        FetchFault::Damaged => "damaged-on-server",
        FetchFault::Downgrade => "redirect-without-tls",
        FetchFault::TooManyRedirects => "too-many-redirects",
        FetchFault::NoName(_) => "name-not-found",
        FetchFault::OwnAddress(_) => "own-address",
        FetchFault::Unreachable(_) => "unreachable",
        FetchFault::NotTrusted(_) => "certificate-not-trusted",
        FetchFault::WrongTime(_) => "certificate-not-valid-now",
        FetchFault::NoTls(_) => "no-tls",
        FetchFault::Status(_) => "server-refuses",
        FetchFault::NoRanges => "no-ranges",
        FetchFault::WrongPart => "wrong-part",
        FetchFault::TooShort => "too-short",
        FetchFault::CutShort => "cut-short",
        FetchFault::Stalled => "stalled",
        FetchFault::Changed => "changed-on-server",
        FetchFault::Stick(fault) => stick::code(*fault),
        FetchFault::Refused(refusal) => super::code(refusal),
        FetchFault::UpdateAway => "update-away",
    }
}

/// What it is about, by name.
pub(crate) fn parameters(fault: &FetchFault) -> Value {
    match fault {
        FetchFault::NoName(host)
        | FetchFault::OwnAddress(host)
        | FetchFault::Unreachable(host)
        | FetchFault::NotTrusted(host)
        | FetchFault::WrongTime(host)
        | FetchFault::NoTls(host) => json!({ "host": host }),
        FetchFault::Status(status) => json!({ "status": status }),
        FetchFault::Refused(refusal) => super::parameters(refusal),
        FetchFault::BadAddress
        | FetchFault::BadFingerprint
        | FetchFault::Damaged
        | FetchFault::Downgrade
        | FetchFault::TooManyRedirects
        | FetchFault::NoRanges
        | FetchFault::WrongPart
        | FetchFault::TooShort
        | FetchFault::CutShort
        | FetchFault::Stalled
        | FetchFault::Changed
        | FetchFault::Stick(_)
        | FetchFault::UpdateAway => json!({}),
    }
}

/// For people.
pub(crate) fn text(fault: &FetchFault, language: Language) -> String {
    match language {
        Language::English => english(fault),
        Language::Portuguese => portuguese(fault),
    }
}

/// How a fetch stands, for the screen of the box, which speaks both languages at once; empty while
/// there is nothing new.
pub(crate) fn at_box(state: &FetchState) -> String {
    match state {
        FetchState::Running { .. } => String::new(),
        FetchState::Failed { fault, .. } => {
            format!("{} / {}", portuguese(fault), english(fault))
        }
        FetchState::Installed { version } => format!(
            "a versão {version} está instalada; reinicie pelo menu / version {version} is \
             installed; restart by the menu"
        ),
        FetchState::None => {
            "a instalação foi interrompida / the installation was given up".to_owned()
        }
    }
}

fn english(fault: &FetchFault) -> String {
    match fault {
        FetchFault::BadAddress => "this is no address to fetch from; give one that begins with \
             https:// or http://, without a password in it"
            .into(),
        FetchFault::BadFingerprint => {
            "this is no SHA-256 of a certificate; give its 64 hexadecimal digits".into()
        }
        FetchFault::Damaged => {
            "the file on the server is damaged; copy it there again, then fetch again".into()
        }
        FetchFault::Downgrade => {
            "the server leads from https to http; give the address it leads to".into()
        }
        FetchFault::TooManyRedirects => {
            "the server leads on and on; give the address of the file itself".into()
        }
        FetchFault::NoName(host) => {
            format!("no address is found for {host}; check the name and the box's network")
        }
        FetchFault::OwnAddress(host) => {
            format!("{host} is no server on a network; give the address of one")
        }
        FetchFault::Unreachable(host) => {
            format!("{host} does not answer; check the address and the box's network")
        }
        FetchFault::NotTrusted(host) => format!(
            "nobody vouches for the certificate of {host}; check the name, or give the SHA-256 of \
             its certificate"
        ),
        FetchFault::WrongTime(host) => format!(
            "the certificate of {host} is not valid at the time of the box's clock; check the clock"
        ),
        FetchFault::NoTls(host) => {
            format!("{host} and the box have no TLS in common; try http:// on your own network")
        }
        FetchFault::Status(status) => {
            format!("the server refuses the file (status {status}); check the address")
        }
        FetchFault::NoRanges => "the server cannot send parts of a file; put the file on another \
             server, or choose it on the firmware page"
            .into(),
        FetchFault::WrongPart => {
            "the server sends other parts than it was asked for; put the file on another server"
                .into()
        }
        FetchFault::TooShort => {
            "the file on the server ends too soon; copy it there again, then fetch again".into()
        }
        FetchFault::CutShort => {
            "the connection broke off; fetch again: what came already is kept".into()
        }
        FetchFault::Stalled => {
            "the server sends nothing any more; fetch again: what came already is kept".into()
        }
        FetchFault::Changed => {
            "the file on the server changed meanwhile; fetch again: what fits is kept".into()
        }
        FetchFault::Stick(fault) => stick::english(*fault).into(),
        FetchFault::Refused(refusal) => refusal.english(),
        FetchFault::UpdateAway => "update does not answer; fetch again in a few seconds".into(),
    }
}

fn portuguese(fault: &FetchFault) -> String {
    match fault {
        FetchFault::BadAddress => "este não é um endereço de onde baixar; dê um que comece com \
             https:// ou http://, sem senha nele"
            .into(),
        FetchFault::BadFingerprint => {
            "isto não é o SHA-256 de um certificado; dê os 64 dígitos hexadecimais dele".into()
        }
        FetchFault::Damaged => {
            "o arquivo no servidor está danificado; copie-o para lá e baixe de novo".into()
        }
        FetchFault::Downgrade => {
            "o servidor leva de https para http; dê o endereço para onde ele leva".into()
        }
        FetchFault::TooManyRedirects => {
            "o servidor redireciona sem parar; dê o endereço do próprio arquivo".into()
        }
        FetchFault::NoName(host) => {
            format!("nenhum endereço encontrado para {host}; confira o nome e a rede da central")
        }
        FetchFault::OwnAddress(host) => {
            format!("{host} não é um servidor da rede; dê o endereço de um")
        }
        FetchFault::Unreachable(host) => {
            format!("{host} não responde; confira o endereço e a rede da central")
        }
        FetchFault::NotTrusted(host) => format!(
            "ninguém garante o certificado de {host}; confira o nome, ou dê o SHA-256 do \
             certificado dele"
        ),
        FetchFault::WrongTime(host) => format!(
            "o certificado de {host} não vale na hora do relógio da central; confira o relógio"
        ),
        FetchFault::NoTls(host) => {
            format!("{host} e a central não têm TLS em comum; tente http:// na sua própria rede")
        }
        FetchFault::Status(status) => {
            format!("o servidor recusa o arquivo (código {status}); confira o endereço")
        }
        FetchFault::NoRanges => "o servidor não envia partes de um arquivo; ponha o arquivo em \
             outro servidor, ou escolha-o na página do firmware"
            .into(),
        FetchFault::WrongPart => "o servidor envia partes diferentes das pedidas; ponha o arquivo \
             em outro servidor"
            .into(),
        FetchFault::TooShort => {
            "o arquivo no servidor termina cedo demais; copie-o para lá e baixe de novo".into()
        }
        FetchFault::CutShort => {
            "a conexão caiu; baixe de novo: o que já chegou fica guardado".into()
        }
        FetchFault::Stalled => {
            "o servidor parou de enviar; baixe de novo: o que já chegou fica guardado".into()
        }
        FetchFault::Changed => {
            "o arquivo no servidor mudou no meio; baixe de novo: o que serve fica guardado".into()
        }
        FetchFault::Stick(fault) => stick::portuguese(*fault).into(),
        FetchFault::Refused(refusal) => refusal.portuguese(),
        FetchFault::UpdateAway => "o update não responde; baixe de novo em alguns segundos".into(),
    }
}
