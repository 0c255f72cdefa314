//! What the box runs, and the licences of what that is made of.

use maud::{Markup, html};

use super::layout::{Place, page};
use super::records::moment;
use crate::about_view::{AboutView, PartView};
use crate::admin::Caller;
use crate::form::Said;
use crate::http::Response;
use crate::text::Language;

/// Product, version, parts. Texts are asked for one by one: all of them are a megabyte.
pub(crate) fn about(caller: &Caller, view: &AboutView) -> Response {
    let language = caller.language;
    let words = language.words();
    let body = html! {
        h1 { (words.about) }
        section.card { (facts(language, view)) }
        @if view.parts.is_empty() {
            section.card { p.hint { (language.said(NO_IMAGE)) } }
        } @else {
            section.card {
                h2 { (language.said(LICENCES)) }
                p { (language.said(OFFER)) }
                p {
                    a.button href="/about/sbom" download { (language.said(BILL)) } " "
                    a.button.quiet href="/about/licences" download { (language.said(ALL_TEXTS)) }
                }
            }
            section.card tabindex="0" { (parts(language, &view.parts)) }
        }
    };
    page(200, caller, Place::About, words.about, &body)
}

fn facts(language: Language, view: &AboutView) -> Markup {
    let built = view.built.as_deref().map(moment);
    let facts = [
        (PRODUCT, Some(view.product.to_owned())),
        (VERSION, Some(view.version.clone())),
        (BASE, Some(view.base.clone())),
        (KERNEL, Some(view.kernel.clone())),
        (BUILD, Some(view.build.clone())),
        (COMMIT, Some(view.commit.clone())),
        (BUILT, built),
    ];
    let known = facts.into_iter();
    let known = known.filter_map(|(name, it)| Some((name, it.filter(|it| !it.is_empty())?)));
    html! {
        dl { @for (name, value) in known {
            dt { (language.said(name)) } dd { code { (value) } }
        } }
    }
}

fn parts(language: Language, parts: &[PartView]) -> Markup {
    html! {
        table {
            thead { tr {
                th { (language.said(PART)) } th { (language.said(LICENCE)) }
                th { (language.said(TEXTS)) }
            } }
            tbody { @for part in parts { tr {
                td {
                    @if part.source.is_empty() { (part.name) } @else {
                        a href=(part.source) rel="noreferrer" { (part.name) }
                    }
                    " " (part.version)
                }
                td { (part.licence) }
                td { @for text in &part.texts {
                    a href={ "/about/licences/" (text.text) } { (text.name) } " "
                } }
            } } }
        }
    }
}

const PRODUCT: Said = ("Product", "Produto");
const VERSION: Said = ("Version", "Versão");
const BASE: Said = ("Base", "Base");
const KERNEL: Said = ("Kernel that runs", "Kernel em execução");
const BUILD: Said = ("Image", "Imagem");
const COMMIT: Said = ("Source", "Fonte");
const BUILT: Said = ("Source of", "Fonte de");
const LICENCES: Said = ("Software of others", "Software de terceiros");
const OFFER: Said = (
    "Ramal is made with the software below; each part has its own licence. The sources of what \
     is under the GPL or LGPL are had where its name leads to, in the version that is named; for \
     three years, whoever supplied this box gives them to you on request.",
    "O Ramal é feito com o software abaixo; cada parte tem sua própria licença. O código-fonte do \
     que está sob GPL ou LGPL se obtém onde o nome leva, na versão indicada; durante três anos, \
     quem forneceu esta central o entrega a quem pedir.",
);
const BILL: Said = (
    "Download the bill of materials (SBOM)",
    "Baixar a lista de componentes (SBOM)",
);
const ALL_TEXTS: Said = ("All licence texts", "Todos os textos de licença");
const PART: Said = ("Part", "Parte");
const LICENCE: Said = ("Licence", "Licença");
const TEXTS: Said = ("Texts", "Textos");
const NO_IMAGE: Said = (
    "These programs do not run from an image, so there is no list of its parts.",
    "Estes programas não rodam de uma imagem, por isso não há lista das partes dela.",
);
