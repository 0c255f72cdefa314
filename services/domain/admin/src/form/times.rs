//! What is asked for about a time condition.

use super::{Choices, Field, Form, Group, Kind, field, hinted};

pub(crate) const TIMES: Form = Form {
    groups: &[Group {
        title: ("When it holds", "Quando vale"),
        fields: &[
            hinted(
                "zone",
                ("Time zone", "Fuso horário"),
                ("As America/Sao_Paulo.", "Como America/Sao_Paulo."),
                Kind::Text,
            ),
            hinted(
                "week",
                ("Hours", "Horários"),
                (
                    "None: at any time of the week.",
                    "Nenhum: a qualquer hora da semana.",
                ),
                Kind::Rows(WEEK),
            ),
            hinted(
                "holidays",
                ("Dates on which it does not hold", "Datas em que não vale"),
                (
                    "As 2026-12-24, or 12-24 for every year; the second for more than a day.",
                    "Como 2026-12-24, ou 12-24 para todo ano; a segunda para mais de um dia.",
                ),
                Kind::Rows(DATES),
            ),
            field(
                "negated",
                ("The other way round", "Ao contrário"),
                Kind::Flag,
            ),
        ],
    }],
};

const WEEK: &[Field] = &[
    field(
        "days",
        ("Days", "Dias"),
        Kind::Any(Choices::Fixed(&[
            ("monday", ("Mon", "seg")),
            ("tuesday", ("Tue", "ter")),
            ("wednesday", ("Wed", "qua")),
            ("thursday", ("Thu", "qui")),
            ("friday", ("Fri", "sex")),
            ("saturday", ("Sat", "sáb")),
            ("sunday", ("Sun", "dom")),
        ])),
    ),
    field("from", ("From (08:00)", "Das (08:00)"), Kind::Text),
    field("to", ("To (18:00)", "Às (18:00)"), Kind::Text),
];

const DATES: &[Field] = &[
    field("from", ("From", "De"), Kind::Text),
    field("to", ("To", "Até"), Kind::Text),
];
