//! What is asked for about an extension.

use super::choices::{CLASSES, CODECS, DTMF, ENCRYPTION};
use super::{Choices, Field, Form, Group, Kind, field, hinted};

pub(crate) const EXTENSION: Form = Form {
    groups: &[
        Group {
            title: ("Phone", "Telefone"),
            fields: PHONE,
        },
        Group {
            title: ("Its calls", "As ligações dele"),
            fields: CALLS,
        },
        Group {
            title: ("What it may call", "O que pode ligar"),
            fields: ALLOWED,
        },
        Group {
            title: ("Limits against abuse", "Limites contra abuso"),
            fields: LIMITS,
        },
        Group {
            title: ("Sound", "Som"),
            fields: SOUND,
        },
    ],
};

const PHONE: &[Field] = &[
    field("display_name", ("Name shown", "Nome exibido"), Kind::Text),
    hinted(
        "remote",
        ("May register from outside", "Pode registrar de fora"),
        (
            "Only where it is needed: its password is then all that keeps strangers out.",
            "Só onde for preciso: a senha passa a ser tudo o que barra estranhos.",
        ),
        Kind::Flag,
    ),
    field(
        "settings.contacts_max",
        ("Phones at one time", "Telefones ao mesmo tempo"),
        Kind::Number,
    ),
    hinted(
        "settings.networks",
        ("Only from these networks", "Só destas redes"),
        (
            "As 192.168.0.0/24, each on a line. Empty: no further limit.",
            "Como 192.168.0.0/24, uma por linha. Vazio: sem outro limite.",
        ),
        Kind::Lines,
    ),
    field(
        "settings.watchers",
        ("Who may watch its lamp", "Quem pode ver a lâmpada dele"),
        Kind::One(Choices::Fixed(&[
            ("everybody", ("every extension", "todos os ramais")),
            (
                "pickup-group",
                ("its pickup group", "o grupo de captura dele"),
            ),
            ("nobody", ("nobody", "ninguém")),
        ])),
    ),
];

const CALLS: &[Field] = &[
    field(
        "settings.do_not_disturb",
        ("Do not disturb", "Não perturbe"),
        Kind::Flag,
    ),
    field(
        "settings.call_waiting",
        ("Call waiting", "Chamada em espera"),
        Kind::Flag,
    ),
    field(
        "settings.forward.always",
        ("Forward every call to", "Desviar sempre para"),
        Kind::Text,
    ),
    field(
        "settings.forward.busy",
        ("Forward when busy to", "Desviar se ocupado para"),
        Kind::Text,
    ),
    field(
        "settings.forward.no_answer",
        (
            "Forward when nobody answers to",
            "Desviar se ninguém atender para",
        ),
        Kind::Text,
    ),
    field(
        "settings.forward.ring_secs",
        ("Rings for (seconds)", "Toca por (segundos)"),
        Kind::Number,
    ),
    field(
        "settings.pickup_group",
        ("Pickup group", "Grupo de captura"),
        Kind::Text,
    ),
    field(
        "settings.recording",
        ("Recording", "Gravação"),
        Kind::One(Choices::Fixed(&[
            ("never", ("never", "nunca")),
            (
                "on-demand",
                ("when its phone asks", "quando o telefone pedir"),
            ),
            ("always", ("every call", "todas as ligações")),
        ])),
    ),
];

const ALLOWED: &[Field] = &[
    field(
        "settings.classes",
        ("Kinds of calls", "Tipos de ligação"),
        Kind::Any(CLASSES),
    ),
    hinted(
        "settings.caller_id",
        ("Number shown outside", "Número mostrado fora"),
        (
            "One of the site's own, as +551132345678. Empty: the main one.",
            "Um dos números próprios, como +551132345678. Vazio: o principal.",
        ),
        Kind::Text,
    ),
    field(
        "settings.off_hours",
        (
            "May call abroad outside office hours",
            "Pode ligar ao exterior fora do expediente",
        ),
        Kind::Flag,
    ),
    hinted(
        "pin",
        ("PIN for routes that ask one", "PIN para rotas que pedem um"),
        (
            "4 to 12 digits. Empty: as it is.",
            "4 a 12 dígitos. Vazio: como está.",
        ),
        Kind::Secret,
    ),
];

const LIMITS: &[Field] = &[
    field(
        "settings.limits.concurrent",
        ("Calls at one time", "Ligações ao mesmo tempo"),
        Kind::Number,
    ),
    field(
        "settings.limits.per_second",
        ("Calls a second", "Ligações por segundo"),
        Kind::Number,
    ),
    field(
        "settings.limits.per_minute",
        ("Calls a minute", "Ligações por minuto"),
        Kind::Number,
    ),
    field(
        "settings.limits.per_hour",
        ("Calls an hour", "Ligações por hora"),
        Kind::Number,
    ),
    field(
        "settings.duration_max_secs",
        ("Longest call (seconds)", "Ligação mais longa (segundos)"),
        Kind::Number,
    ),
    hinted(
        "settings.spend.day_cents",
        ("Spending a day (cents)", "Gasto por dia (centavos)"),
        ("0: no cap.", "0: sem limite."),
        Kind::Number,
    ),
    field(
        "settings.spend.week_cents",
        ("Spending a week (cents)", "Gasto por semana (centavos)"),
        Kind::Number,
    ),
    field(
        "settings.spend.month_cents",
        ("Spending a month (cents)", "Gasto por mês (centavos)"),
        Kind::Number,
    ),
];

const SOUND: &[Field] = &[
    hinted(
        "settings.codecs",
        ("Codecs, preferred first", "Codecs, preferidos primeiro"),
        ("None: all.", "Nenhum: todos."),
        Kind::Ordered(CODECS),
    ),
    field("settings.dtmf", ("Digits", "Dígitos"), Kind::One(DTMF)),
    field(
        "settings.encryption",
        ("Encryption (SRTP)", "Criptografia (SRTP)"),
        Kind::One(ENCRYPTION),
    ),
];
