//! What is asked for about a ring group.

use super::choices::{DESTINATIONS, EXTENSIONS};
use super::{Choices, Field, Form, Group, Kind, field, hinted};

pub(crate) const GROUP: Form = Form {
    groups: &[Group {
        title: ("Group", "Grupo"),
        fields: &[
            field("name", ("Name", "Nome"), Kind::Text),
            field(
                "strategy",
                ("Who rings", "Quem toca"),
                Kind::One(Choices::Fixed(&[
                    ("all", ("all at once", "todos ao mesmo tempo")),
                    ("in-order", ("one after the other", "um depois do outro")),
                    (
                        "delayed",
                        ("each after its delay", "cada um após seu atraso"),
                    ),
                ])),
            ),
            field(
                "ring_secs",
                ("Rings for (seconds)", "Toca por (segundos)"),
                Kind::Number,
            ),
            field("members", ("Members", "Membros"), Kind::Rows(MEMBER)),
            hinted(
                "otherwise",
                ("When nobody answers", "Se ninguém atender"),
                ("Empty: the call ends.", "Vazio: a ligação termina."),
                Kind::One(DESTINATIONS),
            ),
        ],
    }],
};

const MEMBER: &[Field] = &[
    field("extension", ("Extension", "Ramal"), Kind::One(EXTENSIONS)),
    field(
        "delay_secs",
        ("Delay (seconds)", "Atraso (segundos)"),
        Kind::Number,
    ),
];
