//! Whether a router hides who comes in: how sure it is, why, what the box does about it, and what
//! is to be set at the router (R67, R68, T7).

use ipc::masquerade::State;
use maud::{Markup, html};

use super::layout::{Place, page};
use super::router_guide::FIXES;
use crate::admin::Caller;
use crate::form::Said;
use crate::http::{Event, Response};
use crate::masquerade_view::{CaseView, EvidenceView, MasqueradeView};
use crate::permission::Permission;
use crate::text::Language;

/// The page.
pub(crate) fn masquerade(caller: &Caller, view: &MasqueradeView) -> Response {
    let words = caller.language.words();
    let body = html! {
        h1 { (words.masquerade) }
        (state(caller, view))
        (evidence(caller.language, view))
        (guide(caller.language))
    };
    page(200, caller, Place::Masquerade, words.masquerade, &body)
}

/// What changes of it, for a page that is open.
pub(crate) fn masquerade_parts(caller: &Caller, view: &MasqueradeView) -> Response {
    let event = |name, data: Markup| Event {
        name,
        data: data.into_string(),
    };
    Response::events(vec![
        event(STATE, state(caller, view)),
        event(EVIDENCE, evidence(caller.language, view)),
    ])
}

fn state(caller: &Caller, view: &MasqueradeView) -> Markup {
    let language = caller.language;
    let (tone, headline, what) = match view.worst() {
        State::None => ("card", NONE, NONE_WHAT),
        State::Suspect => ("card headline busy", SUSPECT, SUSPECT_WHAT),
        State::Confirmed => ("card headline bad", CONFIRMED, CONFIRMED_WHAT),
    };
    html! {
        section class=(tone) id=(STATE) data-live {
            h2 { (language.said(headline)) }
            p { (language.said(what)) }
            @if view.worst() != State::None {
                h3 { (language.said(DOES)) }
                ul {
                    @if !view.outside.is_empty() {
                        li { (language.said(IS_OUTSIDE)) " " strong { (view.outside.join(", ")) } }
                    }
                    li { (language.said(NOT_BANNED)) }
                    @if view.defeats_countries { li { (language.said(NO_COUNTRIES)) } }
                }
                p { a href="#router" { (language.said(GUIDE)) } }
            }
            @if caller.may(Permission::ManageBox) {
                form method="post" action="/masquerade/again" {
                    p { button type="submit" { (language.said(AGAIN)) } }
                }
                p.hint { (language.said(AGAIN_WHAT)) }
            }
        }
    }
}

fn evidence(language: Language, view: &MasqueradeView) -> Markup {
    html! {
        section.card id=(EVIDENCE) data-live {
            h2 { (language.said(SEEN)) }
            @if view.cases.is_empty() { p.hint { (language.said(NOTHING)) } } @else {
                table {
                    thead { tr {
                        th { (language.words().address) } th { (language.said(BY)) }
                        th { (language.said(HOW_SURE)) } th { (language.said(WHY)) }
                    } }
                    tbody { @for case in &view.cases { (row(language, case)) } }
                }
                p.hint { (language.said(FORGOTTEN)) }
            }
        }
    }
}

fn row(language: Language, case: &CaseView) -> Markup {
    let (tone, sure) = match case.state {
        "confirmed" => ("badge bad", SURE),
        "suspect" => ("badge busy", LIKELY),
        _ => ("badge", NOTHING_IN_IT),
    };
    html! {
        tr {
            td.strong { (case.address) }
            td { (language.said(listener(case.listener))) }
            td { span class=(tone) { (language.said(sure)) } }
            td { ul { @for one in &case.evidence { li { (said(language, one)) } } } }
        }
    }
}

fn said(language: Language, evidence: &EvidenceView) -> Markup {
    let values: Vec<_> = evidence.values.iter().map(ToString::to_string).collect();
    html! {
        (language.said(signal(evidence.signal)))
        @if !values.is_empty() { " " code { (values.join(", ")) } }
        span.hint {
            " (" (evidence.count) " ×, " (language.said(LAST)) " "
            (evidence.last_secs.div_ceil(60)) " min)"
        }
    }
}

fn guide(language: Language) -> Markup {
    html! {
        section.card id="router" {
            h2 { (language.said(GUIDE)) }
            p { (language.said(GUIDE_WHAT)) }
            @for (make, fix) in FIXES {
                details {
                    summary { (language.said(make)) }
                    p { (language.said(fix)) }
                }
            }
            p.hint { (language.said(OLD_FLOWS)) }
        }
    }
}

fn listener(name: &str) -> Said {
    match name {
        "sip-udp" => ("SIP (UDP)", "SIP (UDP)"),
        "sip-tcp" => ("SIP (TCP, TLS)", "SIP (TCP, TLS)"),
        _ => ("these pages", "estas páginas"),
    }
}

/// What was seen.
fn signal(name: &str) -> Said {
    match name {
        "far" => (
            "a sender with this address is several routers away; TTL",
            "um remetente com este endereço está a vários roteadores de distância; TTL",
        ),
        "distances" => (
            "senders with this address are at different distances, several routers away; TTLs",
            "remetentes com este endereço estão a distâncias diferentes, a vários roteadores; TTLs",
        ),
        "hairpin" => (
            "phones in the office come back through the router, which is no harm",
            "telefones do escritório voltam pelo roteador, o que não é problema",
        ),
        "foreign" => (
            "SIP from this address names another network as its own",
            "SIP deste endereço diz ser de outra rede",
        ),
        "hosts" => (
            "several programs speak from this one address; how many",
            "vários programas falam deste único endereço; quantos",
        ),
        "short" => (
            "packets are shorter than on a local network, as on a line of a carrier; bytes",
            "pacotes são menores que numa rede local, como em linha de operadora; bytes",
        ),
        "attack" => (
            "somebody guesses passwords or scans from this address",
            "alguém tenta adivinhar senhas ou faz varreduras deste endereço",
        ),
        "never-outside" => (
            "the router leads the port to the box, and in a day nobody came from the internet",
            "o roteador leva a porta à central, e em um dia ninguém veio da internet",
        ),
        "probed" => (
            "a test from outside arrived with this address",
            "um teste de fora chegou com este endereço",
        ),
        // Of a newer firmware.
        _ => ("something else", "outra coisa"),
    }
}

const STATE: &str = "masquerade-state";
const EVIDENCE: &str = "masquerade-evidence";
const NONE: Said = (
    "No router hides who comes in",
    "Nenhum roteador esconde quem chega",
);
const NONE_WHAT: Said = (
    "The box looks at each packet from your routers. If one writes its own address as the sender \
     of what comes from outside, it is said here and on the first page.",
    "A central observa cada pacote dos seus roteadores. Se um deles escrever o próprio endereço \
     como remetente do que vem de fora, isso aparece aqui e na primeira página.",
);
const SUSPECT: Said = (
    "A router seems to hide who comes in",
    "Um roteador parece esconder quem chega",
);
const SUSPECT_WHAT: Said = (
    "What comes from your router looks as if it came from others. Look at the redirect of ports at \
     the router.",
    "O que vem do seu roteador parece vir de outros. Confira o redirecionamento de portas no \
     roteador.",
);
const CONFIRMED: Said = (
    "A router hides who comes in from outside",
    "Um roteador esconde quem chega de fora",
);
const CONFIRMED_WHAT: Said = (
    "It redirects ports to the box and writes its own address as the sender (masquerade). So \
     everybody on the internet looks like one machine of your network: whoever guesses passwords \
     cannot be banned alone, and his country is not known. Have the router redirect without \
     masquerade.",
    "Ele redireciona portas para a central e escreve o próprio endereço como remetente \
     (masquerade). Assim, todos na internet parecem uma máquina da sua rede: quem adivinha senhas \
     não pode ser bloqueado sozinho, e o país dele não é conhecido. Faça o roteador redirecionar \
     sem masquerade.",
);
const DOES: Said = ("What the box does", "O que a central faz");
const IS_OUTSIDE: Said = (
    "Extensions that are for inside only cannot be used from this address:",
    "Ramais só de uso interno não podem ser usados deste endereço:",
);
const NOT_BANNED: Said = (
    "The address is not banned, as your own phones may have it too; where bans are on, each \
     extension that is guessed at is locked there by itself.",
    "O endereço não é bloqueado, pois seus telefones podem tê-lo também; com os bloqueios ligados, \
     cada ramal atacado é travado ali por si.",
);
const NO_COUNTRIES: Said = (
    "What is closed to countries is open to who comes in this way: his country is not known.",
    "O que está fechado para países fica aberto a quem chega assim: o país não é conhecido.",
);
const AGAIN: Said = ("Test again", "Testar de novo");
const AGAIN_WHAT: Said = (
    "Forgets what was seen. The next packet from outside shows how it is now.",
    "Esquece o que foi visto. O próximo pacote de fora mostra como está agora.",
);
const SEEN: Said = ("What was seen", "O que foi visto");
const NOTHING: Said = ("Nothing.", "Nada.");
const BY: Said = ("Came in by", "Chegou por");
const HOW_SURE: Said = ("How sure", "Certeza");
const SURE: Said = ("sure", "certo");
const LIKELY: Said = ("likely", "provável");
const NOTHING_IN_IT: Said = ("no masquerade", "sem masquerade");
const WHY: Said = ("Why", "Por quê");
const LAST: Said = ("last ago", "último há");
const FORGOTTEN: Said = (
    "What is not seen for a day is forgotten.",
    "O que não é visto por um dia é esquecido.",
);
const GUIDE: Said = ("What to set at the router", "O que configurar no roteador");
const GUIDE_WHAT: Said = (
    "The redirect must change the destination only, never the sender.",
    "O redirecionamento deve trocar só o destino, nunca o remetente.",
);
const OLD_FLOWS: Said = (
    "Connections that were there before keep the old way: clear the router's NAT sessions or \
     restart it, and test again.",
    "Conexões que já existiam seguem do jeito antigo: limpe as sessões de NAT do roteador ou \
     reinicie-o, e teste de novo.",
);
