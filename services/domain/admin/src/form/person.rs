//! What is asked for about a person's account.

use super::choices::{EXTENSIONS, WHOSE_CALLS};
use super::{Choices, Field, Form, Group, Kind, field, hinted};

pub(crate) const PERSON: Form = Form {
    groups: &[Group {
        title: ("Account", "Conta"),
        fields: ACCOUNT,
    }],
};

/// Roles, and what people call them.
pub(crate) const ROLES: Choices = Choices::Fixed(&[
    ("administrator", ("administrator", "administrador")),
    ("installer", ("installer", "instalador")),
    ("supervisor", ("supervisor", "supervisor")),
    ("operator", ("operator", "operador")),
    ("user", ("user", "usuário")),
    ("auditor", ("auditor", "auditor")),
]);

const ACCOUNT: &[Field] = &[
    hinted(
        "role",
        ("Role", "Perfil"),
        (
            "What they may do. Administrators and auditors see everybody's calls.",
            "O que podem fazer. Administradores e auditores veem as ligações de todos.",
        ),
        Kind::One(ROLES),
    ),
    hinted(
        "extensions",
        ("Their extensions", "Os ramais da pessoa"),
        (
            "They see the calls of these, and hear them where the role allows.",
            "A pessoa vê as ligações destes, e as ouve se o perfil permitir.",
        ),
        Kind::Ordered(EXTENSIONS),
    ),
    hinted(
        "calls_of",
        ("May see the calls of", "Pode ver as ligações de"),
        (
            "Others' calls are personal data: only where the work needs it. The audit trail says \
             who allowed it, and who looked.",
            "Ligações de outros são dados pessoais: só se o trabalho exigir. A auditoria diz quem \
             permitiu e quem olhou.",
        ),
        Kind::Ordered(WHOSE_CALLS),
    ),
    hinted(
        "earlier_calls",
        ("With earlier calls", "Com ligações anteriores"),
        (
            "What you add here covers calls from before too, also those of whoever had the number \
             then. Without it, calls from now on.",
            "O que você acrescentar aqui vale também para ligações de antes, mesmo as de quem \
             usava o número. Sem isso, para ligações a partir de agora.",
        ),
        Kind::Flag,
    ),
    hinted(
        "whole_numbers",
        ("Sees whole numbers", "Vê números inteiros"),
        (
            "In calls of others, numbers of people outside are masked for everybody but \
             administrators, unless this is on. Whoever sees them whole is in the audit trail.",
            "Nas ligações de outros, números de pessoas de fora aparecem mascarados, a não ser \
             para administradores, ou se isto estiver ligado. Quem os vê inteiros fica na \
             auditoria.",
        ),
        Kind::Flag,
    ),
    field(
        "disabled",
        ("May not sign in", "Não pode entrar"),
        Kind::Flag,
    ),
];
