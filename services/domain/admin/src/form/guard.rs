//! What is asked for about bans.

use super::{Choices, Field, Form, Group, Kind, field, hinted};

pub(crate) const GUARD: Form = Form {
    groups: &[
        Group {
            title: ("Bans", "Bloqueios"),
            fields: BANS,
        },
        Group {
            title: (
                "Who is never banned, and who at once",
                "Quem nunca é bloqueado, e quem na hora",
            ),
            fields: APART,
        },
        Group {
            title: ("What counts", "O que conta"),
            fields: &[hinted(
                "rules",
                ("How often is too often", "Quantas vezes são demais"),
                (
                    "Only where it is not to be as it comes, which stands in brackets. A number \
                     left empty is that one.",
                    "Só onde não deve ser como vem, o que está entre parênteses. Um número vazio \
                     fica como vem.",
                ),
                Kind::Rows(RULE),
            )],
        },
    ],
};

const BANS: &[Field] = &[
    hinted(
        "on",
        (
            "Ban whoever guesses and scans",
            "Bloquear quem tenta adivinhar e vasculha",
        ),
        (
            "The box then answers nothing to that address for some time. Off: it counts all the \
             same, and tells what it would have done. Switching it off ends every ban, and asks \
             for the password.",
            "A central então não responde nada a esse endereço por um tempo. Desligado: ela conta \
             do mesmo jeito e diz o que teria feito. Desligar encerra todos os bloqueios e pede a \
             senha.",
        ),
        Kind::Flag,
    ),
    hinted(
        "first_minutes",
        (
            "First ban of an address (minutes)",
            "Primeiro bloqueio de um endereço (minutos)",
        ),
        (
            "Each further one lasts twice as long; not where one single extension was tried, as a \
             phone with a wrong password does.",
            "Cada novo bloqueio dura o dobro; não quando um só ramal foi tentado, como faz um \
             telefone com senha errada.",
        ),
        Kind::Number,
    ),
    field(
        "longest_hours",
        (
            "A ban lasts at most (hours)",
            "Um bloqueio dura no máximo (horas)",
        ),
        Kind::Number,
    ),
];

const APART: &[Field] = &[
    hinted(
        "never",
        (
            "Networks that are never banned",
            "Redes que nunca são bloqueadas",
        ),
        (
            "As 203.0.113.0/24, each on a line. Never banned in any case: the box, its router, \
             where names and time come from, the grid, providers, calls in progress, and from \
             where an administrator is signed in.",
            "Como 203.0.113.0/24, uma por linha. Nunca bloqueados de todo modo: a central, seu \
             roteador, de onde vêm nomes e hora, o grid, as operadoras, ligações em andamento e \
             de onde um administrador entrou.",
        ),
        Kind::Lines,
    ),
    hinted(
        "decoys",
        ("Decoys", "Iscas"),
        (
            "Numbers that nobody has, as 1000, each on a line. No phone uses them: whoever tries \
             one as an extension is guessing, and is banned at once.",
            "Números que ninguém tem, como 1000, um por linha. Nenhum telefone os usa: quem tenta \
             um deles como ramal está adivinhando, e é bloqueado na hora.",
        ),
        Kind::Lines,
    ),
];

const RULE: &[Field] = &[
    field("offence", ("What", "O quê"), Kind::One(OFFENCES)),
    field("count", ("Times", "Vezes"), Kind::Number),
    field("within_secs", ("Within (s)", "Em (s)"), Kind::Number),
    field(
        "only_report",
        ("Only told, nobody is banned", "Só avisar, sem bloquear"),
        Kind::Flag,
    ),
];

/// Each with how often is too often as the box comes.
const OFFENCES: Choices = Choices::Fixed(&[
    (
        "sip-password",
        (
            "wrong password of an extension (5 in 600 s)",
            "senha errada de um ramal (5 em 600 s)",
        ),
    ),
    (
        "sip-extension",
        (
            "extension that does not exist (5 in 600 s)",
            "ramal que não existe (5 em 600 s)",
        ),
    ),
    (
        "sip-outside",
        (
            "extension used from where it may not be (5 in 600 s)",
            "ramal usado de onde não pode ser (5 em 600 s)",
        ),
    ),
    (
        "sip-malformed",
        (
            "SIP that cannot be read (20 in 60 s)",
            "SIP que não se consegue ler (20 em 60 s)",
        ),
    ),
    (
        "sip-decoy",
        ("decoy tried (1 in 600 s)", "isca tentada (1 em 600 s)"),
    ),
    (
        "web-sign-in",
        (
            "wrong password of a person (10 in 600 s)",
            "senha errada de uma pessoa (10 em 600 s)",
        ),
    ),
    (
        "web-path",
        (
            "page that does not exist (30 in 60 s)",
            "página que não existe (30 em 60 s)",
        ),
    ),
    (
        "web-forged",
        (
            "form that is not of the box's pages (10 in 600 s)",
            "formulário que não é das páginas da central (10 em 600 s)",
        ),
    ),
]);

#[cfg(test)]
mod tests {
    use ipc::guard::Offence;

    use super::*;
    use crate::text::Language;

    #[test]
    fn every_offence_can_be_chosen_and_says_how_often_is_too_often_as_it_comes() {
        let site = ipc::site::Site::default();
        for (language, within) in [(Language::English, "in"), (Language::Portuguese, "em")] {
            let offered = OFFENCES.all(&site, language);
            assert_eq!(offered.len(), Offence::ALL.len());
            for (offence, (key, label)) in Offence::ALL.into_iter().zip(offered) {
                let usual = config::GuardRule::usual(offence);
                let (count, secs) = (usual.count, usual.within.as_secs());
                assert_eq!(key, offence.name());
                let told = format!("({count} {within} {secs} s)");
                assert!(label.ends_with(&told), "{label}");
            }
        }
    }
}
