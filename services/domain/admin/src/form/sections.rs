//! What is asked for about the parts of the site there is one of.

use super::choices::{CLASSES, DESTINATIONS, PROMPTS, TRUNKS};
use super::{Choices, Field, Form, Group, Kind, field, hinted};

pub(crate) const NETWORKS: Form = Form {
    groups: &[Group {
        title: ("Which addresses are inside", "Quais endereços são internos"),
        fields: &[hinted(
            "internal",
            ("Inside networks", "Redes internas"),
            (
                "As 192.168.0.0/24, each on a line. Empty: private addresses.",
                "Como 192.168.0.0/24, uma por linha. Vazio: endereços privados.",
            ),
            Kind::Lines,
        )],
    }],
};

pub(crate) const DIALLING: Form = Form {
    groups: &[
        Group {
            title: ("Country and numbers", "País e números"),
            fields: NUMBERS,
        },
        Group {
            title: ("Emergency", "Emergência"),
            fields: EMERGENCY,
        },
        Group {
            title: ("What phones show and people hear", "O que se vê e se ouve"),
            fields: SHOWN,
        },
    ],
};

const NUMBERS: &[Field] = &[
    field(
        "country",
        ("Country", "País"),
        Kind::One(Choices::Fixed(&[
            ("br", ("Brazil", "Brasil")),
            ("pt", ("Portugal", "Portugal")),
        ])),
    ),
    field("zone", ("Time zone", "Fuso horário"), Kind::Text),
    field("area_code", ("Area code", "DDD"), Kind::Text),
    hinted(
        "carrier",
        ("Carrier selection code", "Código da operadora (CSP)"),
        ("Empty: none.", "Vazio: nenhum."),
        Kind::Text,
    ),
    hinted(
        "owned_numbers",
        (
            "Own numbers, the main one first",
            "Números próprios, o principal primeiro",
        ),
        (
            "As +551132345678, each on a line.",
            "Como +551132345678, um por linha.",
        ),
        Kind::Lines,
    ),
    hinted(
        "countries",
        (
            "Countries that may be called",
            "Países que podem ser chamados",
        ),
        (
            "Calling codes, as 351; * is all.",
            "Códigos de país, como 351; * são todos.",
        ),
        Kind::Lines,
    ),
];

const EMERGENCY: &[Field] = &[
    field(
        "emergency_numbers",
        (
            "Numbers besides the country's own",
            "Números além dos do país",
        ),
        Kind::Lines,
    ),
    hinted(
        "emergency_trunks",
        ("Trunks, the first first", "Troncos, em ordem"),
        ("None: every one.", "Nenhum: todos."),
        Kind::Ordered(TRUNKS),
    ),
];

const SHOWN: &[Field] = &[
    field(
        "presentation",
        (
            "Callers' numbers are shown",
            "O número de quem liga é mostrado",
        ),
        Kind::One(Choices::Fixed(&[
            (
                "national",
                ("as one would dial it back", "como se discaria de volta"),
            ),
            ("e164", ("+551132345678", "+551132345678")),
            ("received", ("as it came", "como veio")),
        ])),
    ),
    field(
        "callers",
        ("Names for callers", "Nomes para quem liga"),
        Kind::Rows(CALLER),
    ),
    hinted(
        "tones",
        ("Tones of another country", "Tons de outro país"),
        (
            "As AR or US. Empty: those of the country.",
            "Como AR ou US. Vazio: os do país.",
        ),
        Kind::Text,
    ),
    hinted(
        "music",
        ("Music while somebody waits", "Música de espera"),
        (
            "A prompt, over and over: on hold, parked, during a transfer. Empty: the box's own.",
            "Um áudio, repetido: em espera, estacionado, em transferência. Vazio: a da central.",
        ),
        Kind::One(PROMPTS),
    ),
    hinted(
        "cadences",
        ("Tones of its own", "Tons próprios"),
        (
            "As 440+480/2000,0/4000: Hz, and milliseconds.",
            "Como 440+480/2000,0/4000: Hz e milissegundos.",
        ),
        Kind::Maybe(CADENCES),
    ),
];

const CALLER: &[Field] = &[
    field("prefix", ("Number begins", "O número começa"), Kind::Text),
    field("name", ("Name", "Nome"), Kind::Text),
];

const CADENCES: &[Field] = &[
    field("ringback", ("It rings", "Chamando"), Kind::Text),
    field("busy", ("Busy", "Ocupado"), Kind::Text),
    field(
        "congestion",
        ("It cannot be called", "Não pode ser chamado"),
        Kind::Text,
    ),
];

pub(crate) const LIMITS: Form = Form {
    groups: &[
        Group {
            title: ("Calls out of the whole box", "Ligações de saída da central"),
            fields: &[
                field(
                    "outbound_percent",
                    (
                        "At one time (percent of the channels)",
                        "Ao mesmo tempo (por cento dos canais)",
                    ),
                    Kind::Number,
                ),
                field(
                    "per_country",
                    ("At one time to one country", "Ao mesmo tempo para um país"),
                    Kind::Number,
                ),
                hinted(
                    "office_hours",
                    (
                        "Calls abroad only while this holds",
                        "Ligações ao exterior só enquanto vale",
                    ),
                    (
                        "A time condition; * is always; empty is Monday to Friday, 8:00 to 18:00.",
                        "Uma condição de horário; * é sempre; vazio é segunda a sexta, 8:00 às \
                         18:00.",
                    ),
                    Kind::Text,
                ),
                field(
                    "minutes_a_day",
                    ("Minutes a day", "Minutos por dia"),
                    Kind::Rows(MINUTES),
                ),
            ],
        },
        Group {
            title: ("Money", "Dinheiro"),
            fields: &[
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
                field(
                    "tariffs",
                    ("What calls cost", "Quanto custam as ligações"),
                    Kind::Rows(TARIFF),
                ),
            ],
        },
    ],
};

const MINUTES: &[Field] = &[
    field("class", ("Calls", "Ligações"), Kind::One(CLASSES)),
    field("minutes", ("Minutes", "Minutos"), Kind::Number),
];

const TARIFF: &[Field] = &[
    field("class", ("Calls", "Ligações"), Kind::One(CLASSES)),
    field("prefix", ("Number begins", "O número começa"), Kind::Text),
    field(
        "cents",
        ("Cents a minute", "Centavos por minuto"),
        Kind::Number,
    ),
    field("setup_cents", ("Each call", "Cada ligação"), Kind::Number),
    field(
        "minimum_secs",
        ("At least (s)", "No mínimo (s)"),
        Kind::Number,
    ),
    field(
        "increment_secs",
        ("In steps of (s)", "Em passos de (s)"),
        Kind::Number,
    ),
];

pub(crate) const FEATURES: Form = Form {
    groups: &[Group {
        title: (
            "Codes people dial; an empty one is off",
            "Códigos discados; um vazio fica desligado",
        ),
        fields: &[
            field(
                "pickup",
                ("Pick up a call of the group", "Capturar do grupo"),
                Kind::Text,
            ),
            field(
                "pickup_of",
                ("Pick up of an extension", "Capturar de um ramal"),
                Kind::Text,
            ),
            field("park", ("Park", "Estacionar"), Kind::Text),
            field("three_way", ("Three-way", "Conferência a três"), Kind::Text),
            field(
                "do_not_disturb",
                ("Do not disturb", "Não perturbe"),
                Kind::Text,
            ),
            field(
                "do_not_disturb_off",
                ("… no more", "… desligar"),
                Kind::Text,
            ),
            field(
                "forward_always",
                ("Forward always", "Desviar sempre"),
                Kind::Text,
            ),
            field(
                "forward_always_off",
                ("… no more", "… desligar"),
                Kind::Text,
            ),
            field(
                "forward_busy",
                ("Forward when busy", "Desviar se ocupado"),
                Kind::Text,
            ),
            field("forward_busy_off", ("… no more", "… desligar"), Kind::Text),
            field(
                "forward_no_answer",
                ("Forward when nobody answers", "Desviar se não atender"),
                Kind::Text,
            ),
            field(
                "forward_no_answer_off",
                ("… no more", "… desligar"),
                Kind::Text,
            ),
            field(
                "withhold",
                ("Hide the own number", "Ocultar o próprio número"),
                Kind::Text,
            ),
            field("record", ("Record", "Gravar"), Kind::Text),
            field(
                "record_prompt",
                ("Speak a prompt", "Gravar um áudio"),
                Kind::Text,
            ),
        ],
    }],
};

pub(crate) const PARKING: Form = Form {
    groups: &[Group {
        title: ("Parked calls", "Ligações estacionadas"),
        fields: &[
            hinted(
                "first",
                ("First slot", "Primeira vaga"),
                ("0: there is no parking.", "0: não há estacionamento."),
                Kind::Number,
            ),
            field("last", ("Last slot", "Última vaga"), Kind::Number),
            field(
                "timeout_secs",
                ("Given back after (seconds)", "Devolvida após (segundos)"),
                Kind::Number,
            ),
            field(
                "to_parker",
                ("To whoever parked it", "A quem estacionou"),
                Kind::Flag,
            ),
            field(
                "otherwise",
                ("Otherwise to", "Senão para"),
                Kind::One(DESTINATIONS),
            ),
        ],
    }],
};

pub(crate) const RECORDING: Form = Form {
    groups: &[Group {
        title: ("Recordings", "Gravações"),
        fields: &[
            field(
                "keep_days",
                ("Kept for (days)", "Guardadas por (dias)"),
                Kind::Number,
            ),
            field(
                "max_mib",
                ("All together at most (MiB)", "Todas juntas no máximo (MiB)"),
                Kind::Number,
            ),
            field(
                "notice",
                ("A beep when one begins", "Um bipe quando começa"),
                Kind::Flag,
            ),
        ],
    }],
};

pub(crate) const RETENTION: Form = Form {
    groups: &[Group {
        title: (
            "Deleted after so many days, also from what the next backups hold",
            "Excluídos após tantos dias, também do que os próximos backups guardam",
        ),
        fields: &[
            field(
                "calls_days",
                ("Call records (days)", "Registros de ligações (dias)"),
                Kind::Number,
            ),
            hinted(
                "quality_days",
                (
                    "Sound quality and addresses of phones, in call records (days)",
                    "Qualidade do som e endereços dos telefones, nos registros (dias)",
                ),
                (
                    "The record itself stays as long as call records do.",
                    "O registro em si fica pelo prazo dos registros de ligações.",
                ),
                Kind::Number,
            ),
            hinted(
                "audit_days",
                ("Audit trail (days)", "Trilha de auditoria (dias)"),
                (
                    "180 at least: it answers who did what with the data of people.",
                    "180 no mínimo: ela responde quem fez o quê com os dados das pessoas.",
                ),
                Kind::Number,
            ),
            hinted(
                "versions_days",
                (
                    "Earlier versions of the configuration (days)",
                    "Versões anteriores da configuração (dias)",
                ),
                (
                    "From when they were replaced. The one in force always stays.",
                    "Desde que foram substituídas. A que está em vigor sempre fica.",
                ),
                Kind::Number,
            ),
        ],
    }],
};

pub(crate) const SIGN_IN: Form = Form {
    groups: &[Group {
        title: ("Administrators", "Administradores"),
        fields: &[hinted(
            "administrators_second_factor",
            ("Must have a second factor", "Precisam ter um segundo fator"),
            (
                "One without it can do nothing after signing in but set it up. Tokens of programs \
                 go on. Whoever switches this on needs one first.",
                "Quem não o tem só pode configurá-lo depois de entrar. Tokens de programas \
                 continuam valendo. Quem liga isto precisa ter um antes.",
            ),
            Kind::Flag,
        )],
    }],
};

/// Fields that these forms do not ask for: set by the API.
#[cfg(test)]
pub(super) const BY_API_ONLY: &[&str] = &["plan"];

#[cfg(test)]
pub(super) const SECTIONS: [(&str, &Form); 10] = [
    ("networks", &NETWORKS),
    ("dialling", &DIALLING),
    ("limits", &LIMITS),
    ("features", &FEATURES),
    ("parking", &PARKING),
    ("recording", &RECORDING),
    ("retention", &RETENTION),
    ("guard", &super::GUARD),
    ("countries", &super::COUNTRIES),
    ("sign_in", &SIGN_IN),
];
