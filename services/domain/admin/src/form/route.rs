//! What is asked for about a route.

use super::choices::{DESTINATIONS, SOURCES, TIME_CONDITIONS};
use super::{Form, Group, Kind, field, hinted};

pub(crate) const ROUTE: Form = Form {
    groups: &[
        Group {
            title: ("Which calls it takes", "Quais ligações ela recebe"),
            fields: &[
                field("enabled", ("In use", "Em uso"), Kind::Flag),
                hinted(
                    "sources",
                    ("From", "De"),
                    (
                        "Nobody named: anybody, which is warned about.",
                        "Ninguém indicado: qualquer origem, o que gera aviso.",
                    ),
                    Kind::Ordered(SOURCES),
                ),
                hinted(
                    "pattern",
                    ("Numbers", "Números"),
                    (
                        "Digits; X is 0-9, Z 1-9, N 2-9, [1-5]; . at the end is one or more of \
                         anything, ! nothing or more.",
                        "Dígitos; X é 0-9, Z 1-9, N 2-9, [1-5]; . no fim é um ou mais de \
                         qualquer, ! nenhum ou mais.",
                    ),
                    Kind::Text,
                ),
                hinted(
                    "times",
                    ("When", "Quando"),
                    ("Empty: always.", "Vazio: sempre."),
                    Kind::One(TIME_CONDITIONS),
                ),
            ],
        },
        Group {
            title: ("Where they go", "Para onde vão"),
            fields: &[
                field(
                    "rewrite.strip",
                    ("Digits taken away in front", "Dígitos retirados do início"),
                    Kind::Number,
                ),
                field(
                    "rewrite.prefix",
                    ("Digits put in front", "Dígitos postos no início"),
                    Kind::Text,
                ),
                hinted(
                    "rewrite.caller_id",
                    ("Number shown instead", "Número mostrado no lugar"),
                    (
                        "As +551132345678. Empty: as the caller's settings say.",
                        "Como +551132345678. Vazio: conforme quem liga.",
                    ),
                    Kind::Text,
                ),
                hinted(
                    "destinations",
                    (
                        "To, the next when one fails",
                        "Para, o próximo se um falhar",
                    ),
                    ("", ""),
                    Kind::Ordered(DESTINATIONS),
                ),
                field(
                    "pin",
                    (
                        "The caller enters his PIN first",
                        "Quem liga digita seu PIN antes",
                    ),
                    Kind::Flag,
                ),
                field(
                    "record",
                    ("Every call is recorded", "Toda ligação é gravada"),
                    Kind::Flag,
                ),
            ],
        },
        Group {
            title: ("Who calls back", "Quem retorna uma ligação"),
            fields: &[
                hinted(
                    "call_back.enabled",
                    (
                        "Calls back go to the extension that called",
                        "Retornos vão para o ramal que ligou",
                    ),
                    (
                        "Who calls from outside reaches the extension first that last called his \
                         number, or answered him. If it does not answer, the call goes on as it \
                         would otherwise.",
                        "Quem liga de fora fala primeiro com o ramal que por último ligou para o \
                         número dele, ou o atendeu. Se ele não atender, a ligação segue como \
                         seguiria.",
                    ),
                    Kind::Flag,
                ),
                field(
                    "call_back.hours",
                    (
                        "How far back calls count, hours",
                        "Até quantas horas atrás uma ligação conta",
                    ),
                    Kind::Number,
                ),
                field(
                    "call_back.ring_secs",
                    (
                        "How long that extension rings, seconds",
                        "Quanto tempo esse ramal toca, segundos",
                    ),
                    Kind::Number,
                ),
            ],
        },
    ],
};
