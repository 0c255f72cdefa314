//! What is asked for about countries.

use super::{Field, Form, Group, Kind, field, hinted};

pub(crate) const COUNTRIES: Form = Form {
    groups: &[
        Group {
            title: ("Countries that are let in", "Países que podem entrar"),
            fields: LET_IN,
        },
        Group {
            title: ("Where the country is asked", "Onde o país é conferido"),
            fields: WAYS,
        },
    ],
};

const LET_IN: &[Field] = &[
    hinted(
        "on",
        (
            "Refuse whoever comes from another country",
            "Recusar quem vem de outro país",
        ),
        (
            "He gets no answer at all. Heard from anywhere, whatever is set here: your own \
             networks, the grid, providers, calls in progress, and the networks that are never \
             banned. Off: it is counted all the same who came from where.",
            "Ele não recebe resposta nenhuma. Ouvidos de qualquer lugar, seja o que for definido \
             aqui: suas redes, o grid, as operadoras, ligações em andamento e as redes que nunca \
             são bloqueadas. Desligado: conta-se do mesmo jeito quem veio de onde.",
        ),
        Kind::Flag,
    ),
    hinted(
        "allowed",
        ("Countries", "Países"),
        (
            "Their codes, as BR, each on a line; EU and AP for addresses of which no more is \
             known. The page of countries has all codes with their names.",
            "Seus códigos, como BR, um por linha; EU e AP para endereços de que não se sabe mais. \
             A página de países tem todos os códigos com os nomes.",
        ),
        Kind::Lines,
    ),
];

const WAYS: &[Field] = &[
    field(
        "web",
        ("The pages and the API", "As páginas e a API"),
        Kind::Flag,
    ),
    field(
        "sip",
        ("SIP by TCP and TLS", "SIP por TCP e TLS"),
        Kind::Flag,
    ),
    hinted(
        "sip_udp",
        ("SIP by UDP", "SIP por UDP"),
        (
            "The sender of a datagram can be forged: this keeps simple scanners out, and nobody \
             who means it.",
            "O remetente de um datagrama pode ser forjado: isto segura varreduras simples, não \
             quem está decidido.",
        ),
        Kind::Flag,
    ),
];
