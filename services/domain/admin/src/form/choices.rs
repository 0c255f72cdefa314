//! What there is to choose from in more than one form.

use ipc::site::Site;

use super::{Choices, Said};
use crate::text::Language;

pub(super) const CLASSES: Choices = Choices::Fixed(&[
    ("internal", ("internal", "internas")),
    ("local", ("local", "locais")),
    ("national", ("national", "interurbanas")),
    ("mobile", ("mobile", "celulares")),
    ("premium", ("premium", "especiais (0300, 0900)")),
    ("international", ("international", "internacionais")),
]);

pub(super) const CODECS: Choices = Choices::Fixed(&[
    ("opus", ("Opus", "Opus")),
    ("g722", ("G.722", "G.722")),
    ("pcma", ("G.711 A-law", "G.711 lei A")),
    ("pcmu", ("G.711 µ-law", "G.711 lei µ")),
    ("g729", ("G.729", "G.729")),
]);

pub(super) const DTMF: Choices = Choices::Fixed(&[
    ("auto", ("as offered", "conforme oferecido")),
    ("rfc4733", ("RFC 4733 only", "só RFC 4733")),
    ("info", ("SIP INFO only", "só SIP INFO")),
    ("inband", ("tones in the voice", "tons na voz")),
]);

pub(super) const ENCRYPTION: Choices = Choices::Fixed(&[
    ("off", ("never", "nunca")),
    (
        "optional",
        ("where the other end takes it", "se o outro lado aceitar"),
    ),
    ("required", ("always", "sempre")),
]);

/// Where a call may go.
pub(super) const DESTINATIONS: Choices = Choices::Of(destinations);
/// Who a call may come from.
pub(super) const SOURCES: Choices = Choices::Of(sources);
pub(super) const TIME_CONDITIONS: Choices = Choices::Of(times);
pub(super) const EXTENSIONS: Choices = Choices::Of(extensions);
/// Whose calls somebody may see.
pub(super) const WHOSE_CALLS: Choices = Choices::Of(whose_calls);
pub(super) const PROMPTS: Choices = Choices::Of(prompts);
pub(super) const TRUNKS: Choices = Choices::Of(trunks);

const TRUNK: Said = ("trunk", "tronco");
const GROUP: Said = ("group", "grupo");
const PROMPT: Said = ("play", "tocar");
const EXTENSION: Said = ("extension", "ramal");
const OTHERS: [(&str, Said); 6] = [
    (
        "number:",
        (
            "the number, looked up again",
            "o número, consultado de novo",
        ),
    ),
    ("park", ("parking", "estacionamento")),
    (
        "hang-up:404",
        ("refuse: no such number", "recusar: número inexistente"),
    ),
    ("hang-up:480", ("refuse: nobody there", "recusar: ninguém")),
    ("hang-up:486", ("refuse: busy", "recusar: ocupado")),
    ("hang-up:603", ("refuse: declined", "recusar: rejeitada")),
];

fn destinations(site: &Site, language: Language) -> Vec<(String, String)> {
    let others = OTHERS.iter();
    let others = others.map(|(key, said)| ((*key).to_owned(), language.said(*said).to_owned()));
    let prompts = site.prompts.iter().map(|it| {
        let label = format!("{} {}", language.said(PROMPT), it.name);
        (format!("announcement:{}", it.name), label)
    });
    let mut all: Vec<_> = named(site, language).chain(prompts).collect();
    all.extend(others);
    all
}

fn sources(site: &Site, language: Language) -> Vec<(String, String)> {
    let kinds = [
        ("extensions", ("every extension", "todos os ramais")),
        ("trunks", ("every trunk", "todos os troncos")),
    ];
    let kinds = kinds.into_iter();
    let kinds = kinds.map(|(key, said)| (key.to_owned(), language.said(said).to_owned()));
    kinds.chain(named(site, language)).collect()
}

/// Trunks, groups and extensions by name.
fn named(site: &Site, language: Language) -> impl Iterator<Item = (String, String)> {
    let say = move |tag: &str, said: Said, key: &str, name: &str| {
        let label = format!("{} {key} {name}", language.said(said));
        (format!("{tag}:{key}"), label.trim_end().to_owned())
    };
    let trunks = site
        .trunks
        .iter()
        .map(move |it| say("trunk", TRUNK, &it.name, ""));
    let groups = site
        .groups
        .iter()
        .map(move |it| say("group", GROUP, &it.number, &it.name));
    let extensions = site.extensions.iter();
    let extensions =
        extensions.map(move |it| say("extension", EXTENSION, &it.number, &it.display_name));
    trunks.chain(groups).chain(extensions)
}

fn whose_calls(site: &Site, language: Language) -> Vec<(String, String)> {
    let is_trunk = |key: &str| key.starts_with("trunk:");
    named(site, language)
        .filter(|(key, _)| !is_trunk(key))
        .collect()
}

fn times(site: &Site, _: Language) -> Vec<(String, String)> {
    site.times
        .iter()
        .map(|it| (it.name.clone(), it.name.clone()))
        .collect()
}

fn prompts(site: &Site, _: Language) -> Vec<(String, String)> {
    site.prompts
        .iter()
        .map(|it| (it.name.clone(), it.name.clone()))
        .collect()
}

fn trunks(site: &Site, _: Language) -> Vec<(String, String)> {
    site.trunks
        .iter()
        .map(|it| (it.name.clone(), it.name.clone()))
        .collect()
}

fn extensions(site: &Site, _: Language) -> Vec<(String, String)> {
    let label = |number: &str, name: &str| format!("{number} {name}").trim_end().to_owned();
    let extensions = site.extensions.iter();
    extensions
        .map(|it| (it.number.clone(), label(&it.number, &it.display_name)))
        .collect()
}
