//! What is asked for about a prompt.

use super::{Form, Group, Kind, hinted};

pub(crate) const PROMPT: Form = Form {
    groups: &[Group {
        title: ("What the box says", "O que a central diz"),
        fields: &[hinted(
            "says",
            ("Text", "Texto"),
            (
                "For people to read: what is heard comes from the sound that is sent.",
                "Para leitura: o que se ouve vem do som que é enviado.",
            ),
            Kind::LongText,
        )],
    }],
};
