//! What is asked for about a trunk.

use super::choices::{CODECS, DTMF, ENCRYPTION};
use super::{Choices, Field, Form, Group, Inner, Kind, Shape, field, hinted};

pub(crate) const TRUNK: Form = Form {
    groups: &[
        Group {
            title: ("Line", "Linha"),
            fields: LINE,
        },
        Group {
            title: ("How SIP travels", "Como o SIP viaja"),
            fields: TRANSPORT,
        },
        Group {
            title: ("Calls out", "Ligações de saída"),
            fields: OUTBOUND,
        },
        Group {
            title: ("Calls in", "Ligações de entrada"),
            fields: INBOUND,
        },
        Group {
            title: ("Sound", "Som"),
            fields: SOUND,
        },
    ],
};

const LINE: &[Field] = &[
    field("enabled", ("In use", "Em uso"), Kind::Flag),
    field(
        "access",
        (
            "How the two ends know each other",
            "Como os dois lados se conhecem",
        ),
        Kind::Shape(&[
            Shape {
                tag: "registering",
                label: ("The box registers there", "A central se registra lá"),
                inner: Inner::Fields(ACCOUNT),
            },
            Shape {
                tag: "peer",
                label: ("By their addresses", "Pelos endereços"),
                inner: Inner::Fields(PEER),
            },
        ]),
    ),
    field(
        "channels_max",
        ("Calls at one time", "Ligações ao mesmo tempo"),
        Kind::Number,
    ),
];

const ACCOUNT: &[Field] = &[
    hinted(
        "server",
        ("Server", "Servidor"),
        (
            "Name or address, with :port if need be.",
            "Nome ou endereço, com :porta se preciso.",
        ),
        Kind::Text,
    ),
    field("user", ("User", "Usuário"), Kind::Text),
    hinted(
        "password",
        ("Password", "Senha"),
        ("Empty: as it is.", "Vazio: como está."),
        Kind::Secret,
    ),
    hinted(
        "auth_user",
        ("Name for authentication", "Nome para autenticação"),
        ("Empty: the user.", "Vazio: o usuário."),
        Kind::Text,
    ),
    hinted(
        "realm",
        ("Realm", "Realm"),
        ("Empty: the server's name.", "Vazio: o nome do servidor."),
        Kind::Text,
    ),
    hinted(
        "contact_user",
        ("User of the Contact", "Usuário do Contact"),
        ("Empty: the user.", "Vazio: o usuário."),
        Kind::Text,
    ),
    field(
        "expires_secs",
        ("Renewed within (seconds)", "Renovado em (segundos)"),
        Kind::Number,
    ),
];

const PEER: &[Field] = &[
    field("server", ("Server", "Servidor"), Kind::Text),
    hinted(
        "networks",
        ("Calls come from", "As ligações vêm de"),
        (
            "As 203.0.113.0/28, each on a line.",
            "Como 203.0.113.0/28, uma por linha.",
        ),
        Kind::Lines,
    ),
];

const TRANSPORT: &[Field] = &[
    field(
        "transport",
        ("Transport", "Transporte"),
        Kind::One(Choices::Fixed(&[
            ("auto", ("as DNS says", "conforme o DNS")),
            ("udp", ("UDP", "UDP")),
            ("tcp", ("TCP", "TCP")),
            ("tls", ("TLS", "TLS")),
        ])),
    ),
    field(
        "trust",
        (
            "Certificate of a TLS server",
            "Certificado de um servidor TLS",
        ),
        Kind::Shape(&[
            Shape {
                tag: "public",
                label: ("from a public authority", "de uma autoridade pública"),
                inner: Inner::Nothing,
            },
            Shape {
                tag: "authority",
                label: ("from this authority (PEM)", "desta autoridade (PEM)"),
                inner: Inner::Value(Kind::LongText),
            },
            Shape {
                tag: "fingerprint",
                label: ("with this SHA-256", "com este SHA-256"),
                inner: Inner::Value(Kind::Text),
            },
        ]),
    ),
    field(
        "outbound_proxy",
        ("Through the proxy", "Pelo proxy"),
        Kind::Text,
    ),
    hinted(
        "qualify_secs",
        (
            "Asked whether it is there every (seconds)",
            "Perguntado se está lá a cada (segundos)",
        ),
        ("0: never.", "0: nunca."),
        Kind::Number,
    ),
    hinted(
        "source_port",
        (
            "Its requests come from port",
            "Os pedidos dele vêm da porta",
        ),
        ("0: any.", "0: qualquer."),
        Kind::Number,
    ),
    field(
        "session_timers.mode",
        ("Session timers", "Temporizadores de sessão"),
        Kind::One(Choices::Fixed(&[
            ("off", ("off", "desligados")),
            (
                "accept",
                ("when the other end asks", "se o outro lado pedir"),
            ),
            ("require", ("always", "sempre")),
        ])),
    ),
    field(
        "session_timers.secs",
        ("of (seconds)", "de (segundos)"),
        Kind::Number,
    ),
    field(
        "prack",
        (
            "Reliable provisional responses",
            "Respostas provisórias confiáveis",
        ),
        Kind::One(Choices::Fixed(&[
            ("off", ("off", "desligadas")),
            ("supported", ("offered", "oferecidas")),
            ("required", ("demanded", "exigidas")),
        ])),
    ),
];

const OUTBOUND: &[Field] = &[
    field(
        "number_form",
        ("Number called is written", "O número chamado é escrito"),
        Kind::One(Choices::Fixed(&[
            ("dialled", ("as the route says", "como a rota diz")),
            ("e164", ("+551132345678", "+551132345678")),
            ("e164-digits", ("551132345678", "551132345678")),
            (
                "national",
                ("as dialled in the country", "como se disca no país"),
            ),
        ])),
    ),
    field(
        "identity.from_user",
        ("From is", "O From é"),
        Kind::One(Choices::Fixed(&[
            ("caller", ("the caller's number", "o número de quem liga")),
            ("account", ("the account's user", "o usuário da conta")),
        ])),
    ),
    field(
        "identity.asserted",
        ("Send P-Asserted-Identity", "Enviar P-Asserted-Identity"),
        Kind::Flag,
    ),
    field(
        "identity.remote_party",
        ("Send Remote-Party-ID", "Enviar Remote-Party-ID"),
        Kind::Flag,
    ),
    field(
        "identity.diversion",
        ("Send Diversion", "Enviar Diversion"),
        Kind::Flag,
    ),
    field(
        "identity.privacy",
        ("Callers who hide their number", "Quem oculta o número"),
        Kind::One(Choices::Fixed(&[
            ("header", ("Privacy: id", "Privacy: id")),
            ("withheld", ("no identity at all", "nenhuma identidade")),
        ])),
    ),
    hinted(
        "failover_statuses",
        (
            "The next trunk is tried on",
            "O próximo tronco é tentado com",
        ),
        ("SIP statuses: 503 504.", "Respostas SIP: 503 504."),
        Kind::Numbers,
    ),
    hinted(
        "spend.day_cents",
        ("Spending a day (cents)", "Gasto por dia (centavos)"),
        ("0: no cap.", "0: sem limite."),
        Kind::Number,
    ),
    field(
        "spend.week_cents",
        ("Spending a week (cents)", "Gasto por semana (centavos)"),
        Kind::Number,
    ),
    field(
        "spend.month_cents",
        ("Spending a month (cents)", "Gasto por mês (centavos)"),
        Kind::Number,
    ),
];

const INBOUND: &[Field] = &[
    field(
        "inbound_number",
        ("Number called stands in", "O número chamado está em"),
        Kind::One(Choices::Fixed(&[
            ("auto", ("found out", "descoberto")),
            ("request-uri", ("the Request-URI", "o Request-URI")),
            ("to", ("To", "To")),
        ])),
    ),
    field(
        "inbound_rewrites",
        ("It is changed", "Ele é mudado"),
        Kind::Rows(REWRITE),
    ),
    field(
        "identity.trusted",
        (
            "Believe who it says is calling",
            "Acreditar em quem diz que liga",
        ),
        Kind::Flag,
    ),
    hinted(
        "inbound_per_minute",
        ("Calls in a minute", "Ligações por minuto"),
        ("0: as many as come.", "0: quantas vierem."),
        Kind::Number,
    ),
];

const REWRITE: &[Field] = &[
    field("pattern", ("Numbers", "Números"), Kind::Text),
    field(
        "strip",
        ("Digits taken away", "Dígitos retirados"),
        Kind::Number,
    ),
    field(
        "prefix",
        ("Digits put in front", "Dígitos postos"),
        Kind::Text,
    ),
];

const SOUND: &[Field] = &[
    hinted(
        "codecs",
        ("Codecs, preferred first", "Codecs, preferidos primeiro"),
        ("None: all.", "Nenhum: todos."),
        Kind::Ordered(CODECS),
    ),
    field("dtmf", ("Digits", "Dígitos"), Kind::One(DTMF)),
    field(
        "encryption",
        ("Encryption (SRTP)", "Criptografia (SRTP)"),
        Kind::One(ENCRYPTION),
    ),
];
