//! Why a site is refused, in Portuguese; the English sentences are those of `config`. Nobody is
//! named to whoever may not see people.

use config::{
    DIALLED_LENGTH_MAX, DISPLAY_NAME_LENGTH_MAX, EXTENSIONS_MAX, Fault, LOGIN_LENGTH_MAX, Meaning,
    NAME_LENGTH_MAX, NUMBER_LENGTH_MAX, NUMBER_LENGTH_MIN, NumberFault, PEOPLE_MAX, PatternFault,
    REALM_LENGTH_MAX, Wrong,
};
use ipc::site::TONES;

use crate::form::{self, Form, Said};
use crate::text::Language;

/// One thing wrong with a site, for somebody's eyes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Invalid {
    /// As `config` found it.
    Site(Fault),
    /// As the store said it, which had a site of another moment.
    Said(String),
    /// Something about somebody's account.
    Account(Option<Wrong>),
}

impl Invalid {
    /// What whoever may not see people is told of it.
    pub(super) fn without_people(&self) -> Self {
        let missing = |wrong: &Wrong| matches!(wrong, Wrong::NoSuch { .. }).then(|| wrong.clone());
        match self {
            Self::Site(Fault::Setting { of, wrong, .. }) if of.starts_with(PERSON) => {
                Self::Account(missing(wrong))
            }
            Self::Site(Fault::Login(_) | Fault::DuplicateLogin(_) | Fault::PasswordHash(_)) => {
                Self::Account(None)
            }
            Self::Said(text) if text.starts_with(PERSON) => Self::Account(None),
            Self::Site(_) | Self::Said(_) | Self::Account(_) => self.clone(),
        }
    }

    pub(super) fn text(&self, language: Language) -> String {
        match (self, language) {
            (Self::Site(fault), Language::English) => fault.to_string(),
            (Self::Site(fault), Language::Portuguese) => portuguese(fault),
            (Self::Said(text), _) => text.clone(),
            (Self::Account(None), _) => language.said(ACCOUNT).to_owned(),
            (Self::Account(Some(wrong)), Language::English) => {
                format!("{} ({wrong})", language.said(ACCOUNT_USES))
            }
            (Self::Account(Some(wrong)), Language::Portuguese) => {
                format!("{} ({})", language.said(ACCOUNT_USES), wrongness(wrong))
            }
        }
    }
}

impl From<Fault> for Invalid {
    fn from(fault: Fault) -> Self {
        Self::Site(fault)
    }
}

/// How what is about somebody begins.
const PERSON: &str = "person ";

const ACCOUNT: Said = (
    "with this, somebody's account would not be valid; ask an administrator",
    "com isto a conta de alguém ficaria inválida; peça a um administrador",
);

const ACCOUNT_USES: Said = (
    "somebody uses this or may see its calls; ask an administrator to take it from them first",
    "alguém usa isto ou pode ver suas ligações; peça antes a um administrador que o retire",
);

fn portuguese(fault: &Fault) -> String {
    match fault {
        Fault::Realm => format!(
            "realm: use de 1 a {REALM_LENGTH_MAX} caracteres ASCII imprimíveis, sem aspas, barra \
             invertida ou dois-pontos"
        ),
        Fault::TooManyExtensions(count) => too_many("ramais", *count, EXTENSIONS_MAX),
        Fault::TooManyPeople(count) => too_many("pessoas", *count, PEOPLE_MAX),
        Fault::TooMany { what, count, max } => too_many(translated(what), *count, *max),
        Fault::Setting { of, field, wrong } => {
            format!("{}: {}: {}", thing(of), label(of, field), wrongness(wrong))
        }
        Fault::Number { number, fault } => {
            format!("ramal {number:?}: número: {}", number_fault(*fault))
        }
        Fault::DuplicateNumber(number) => {
            format!("ramal {number}: o número aparece duas vezes; remova um ou mude o número")
        }
        Fault::DisplayName(number) => format!(
            "ramal {number}: nome: use no máximo {DISPLAY_NAME_LENGTH_MAX} caracteres, sem \
             caracteres de controle"
        ),
        Fault::Ha1 {
            number,
            field,
            length,
        } => format!(
            "ramal {number}: {field}: precisa ter {length} dígitos hexadecimais minúsculos; dê ao \
             ramal uma nova senha"
        ),
        Fault::Login(login) => format!(
            "pessoa {login:?}: login: use de 1 a {LOGIN_LENGTH_MAX} caracteres de a-z, 0-9, ponto, \
             hífen e sublinhado, começando por letra"
        ),
        Fault::DuplicateLogin(login) => {
            format!("pessoa {login}: o login aparece duas vezes; remova um ou mude o login")
        }
        Fault::PasswordHash(login) => format!(
            "pessoa {login}: hash da senha: precisa ser argon2id no formato PHC; defina uma nova \
             senha"
        ),
        Fault::NoAdministrator => {
            "pessoas: não sobraria nenhum administrador; mantenha ao menos um".into()
        }
    }
}

fn too_many(what: &str, count: usize, max: usize) -> String {
    format!("{what}: {count} são mais que {max}; remova alguns")
}

const fn number_fault(fault: NumberFault) -> &'static str {
    match fault {
        NumberFault::Length => "use de 2 a 10 dígitos",
        NumberFault::NotADigit => "use apenas dígitos",
    }
}

// The sentence above has them as they are.
const _: () = assert!(NUMBER_LENGTH_MIN == 2 && NUMBER_LENGTH_MAX == 10);

fn pattern(fault: PatternFault) -> String {
    match fault {
        PatternFault::Empty => {
            "está vazio; escreva o número, ou dígitos e X, Z, N, [1-5], com . ou ! no fim".into()
        }
        PatternFault::TooLong => format!("tem mais de {DIALLED_LENGTH_MAX} posições; encurte"),
        PatternFault::Sign(sign) => format!(
            "contém {sign:?}, que não significa nada; use 0-9 * # + X Z N [1-5] e . ou ! no fim"
        ),
        PatternFault::TailInside => "tem . ou ! antes do fim; remova o que vem depois".into(),
        PatternFault::Set => {
            "tem um [...] que não são dígitos ou faixas como 1-5 com colchete fechado; corrija"
                .into()
        }
    }
}

fn meaning(of: &Meaning) -> String {
    match of {
        Meaning::Extension => "um ramal".into(),
        Meaning::Group => "um grupo".into(),
        Meaning::Slot => "uma vaga de estacionamento".into(),
        Meaning::Code(code, feature) => {
            format!(
                "tomado pelo código {code} de {}",
                label("feature codes", feature.name())
            )
        }
    }
}

#[expect(clippy::too_many_lines, reason = "a sentence for each, in one list")]
fn wrongness(wrong: &Wrong) -> String {
    match wrong {
        Wrong::Missing => "precisa ser informado".into(),
        Wrong::NotAPhone(text) => {
            format!("{text:?} não é um número em formato internacional; escreva +551132345678")
        }
        Wrong::NotOwned(number) => format!(
            "{number} não é um dos números próprios; acrescente-o a eles ou escolha um deles"
        ),
        Wrong::NotDialled(text) => {
            format!("{text:?} não pode ser discado; use de 1 a {DIALLED_LENGTH_MAX} de 0-9 * # +")
        }
        Wrong::NotANumber(text) => {
            format!("{text:?} não pode ser um ramal; use de 2 a 10 dígitos")
        }
        Wrong::NotANetwork(text) => format!(
            "{text:?} não é uma rede; escreva como 192.168.0.0/24, sem bits depois do comprimento"
        ),
        Wrong::SparesAll(network, narrowest) => format!(
            "{network} é larga demais: ninguém nela seria bloqueado; use /{narrowest} no mínimo"
        ),
        Wrong::NotAHost(text) => format!(
            "{text:?} não é um servidor; escreva um nome ou endereço, com :porta se preciso"
        ),
        Wrong::Pattern { text, fault } => format!("{text:?} {}", pattern(*fault)),
        Wrong::Range { value, from, to } => {
            format!("{value} está fora da faixa; use de {from} a {to}")
        }
        Wrong::AuditDays(value) => format!(
            "{value} está fora da faixa; use de 180 a 3650: a trilha precisa dizer, por seis meses \
             no mínimo, quem fez o quê com os dados das pessoas (LGPD, art. 37)"
        ),
        Wrong::Text(max) => {
            format!("use no máximo {max} caracteres, sem caracteres de controle")
        }
        Wrong::NotAName(text) => format!(
            "{text:?} não é um nome; use de 1 a {NAME_LENGTH_MAX} letras, dígitos, espaços, \
             pontos, hífens e sublinhados, sem espaço nas pontas"
        ),
        Wrong::NotAPrompt(text) => format!(
            "{text:?} não serve de nome para um áudio; use de 1 a 40 letras sem acento, dígitos, \
             hífens e sublinhados, como horario-fechado"
        ),
        Wrong::Twice(text) => format!("{text:?} aparece duas vezes; remova um ou mude"),
        Wrong::NoSuch { what, name } => {
            format!(
                "não existe {} {name:?}; crie antes ou escolha outro",
                a(what)
            )
        }
        Wrong::TooMany(max) => format!("mais de {max} é demais; remova alguns"),
        Wrong::NotAZone(text) => {
            format!("{text:?} não é um fuso horário; escreva como America/Sao_Paulo")
        }
        Wrong::NotATime(text) => {
            format!("{text:?} não é uma hora do dia; escreva como 08:00, até 24:00")
        }
        Wrong::NotADate(text) => {
            format!("{text:?} não é uma data; escreva como 2026-12-24, ou 12-24 para todo ano")
        }
        Wrong::Backwards => {
            "termina antes de começar, ou só uma ponta tem ano; troque ou complete as pontas".into()
        }
        Wrong::GroupForInstaller => {
            "um instalador diz quem está num grupo; permita ramais avulsos em vez disso".into()
        }
        Wrong::NotASecret => {
            "precisa ter 32 caracteres de A-Z e 2-7; configure o segundo fator de novo".into()
        }
        Wrong::NotAHash(length) => {
            format!("precisa ter {length} dígitos hexadecimais minúsculos; defina de novo")
        }
        Wrong::NotBytes(longest) => {
            format!("precisa ter de 1 a {longest} bytes em base64url; cadastre de novo")
        }
        Wrong::Clash { number, other } => {
            format!("{number:?} também é {}; mude um dos dois", meaning(other))
        }
        Wrong::NotACode(text) => {
            format!("{text:?} não é um código; use de 1 a 6 de 0-9 * #, ou nada para desativá-lo")
        }
        Wrong::NotAStatus(status) => {
            format!("{status} não é um status que encerra a ligação; use de 400 a 699")
        }
        Wrong::RouteOnly => {
            "um tronco, ou um número vazio, só serve em rotas; informe o número a chamar".into()
        }
        Wrong::FromOutsideOnly => {
            "vale para ligações de fora; indique um tronco entre as origens ou desligue".into()
        }
        Wrong::NotACertificate => {
            "não são um ou mais certificados PEM; cole de BEGIN até END CERTIFICATE".into()
        }
        Wrong::NotAFingerprint(text) => format!(
            "{text:?} não é uma impressão SHA-256; escreva os 64 dígitos hexadecimais, com ou sem \
             dois-pontos"
        ),
        Wrong::NoTones(text) => {
            let known = TONES.join(" ");
            format!("os tons de {text:?} não são conhecidos; use um de {known}")
        }
        Wrong::EmergencyRule(text) => format!(
            "de {text:?} é emergência; liste cada número desses em plan.emergency e remova a regra"
        ),
        Wrong::UnknownRule(text) => {
            format!("de {text:?} não diz nada; diga o que são esses números ou remova a regra")
        }
        Wrong::NoAreas(text) => format!(
            "fazem falta à regra {text:?}; liste os códigos de área ou escreva dígitos no lugar \
             do A"
        ),
        Wrong::KeepsPrefix(text) => format!(
            "deixa o prefixo de longa distância na forma internacional de {text:?}; retire-o"
        ),
        Wrong::NotACadence(text) => format!(
            "{text:?} não é um sinal; escreva como 440+480/2000,0/4000: tons de 100 a 3400 Hz, / e \
             de 10 a 60000 milissegundos, 0 para silêncio"
        ),
        Wrong::NotAKey => {
            "não é uma chave WireGuard; escreva seus 44 caracteres, como `wg pubkey` os mostra"
                .into()
        }
        Wrong::NotAHostIp(text) => format!(
            "{text:?} não é o endereço de uma máquina numa rede grid; escreva-o só, como 10.200.0.5"
        ),
        Wrong::OneOfEach => {
            "são dois da mesma versão de IP; informe um, ou um de cada versão".into()
        }
        Wrong::OtherIpVersion => {
            "não contém rede da versão de IP do endereço da central; acrescente uma".into()
        }
        Wrong::TooWide(network, narrowest) => format!(
            "{network} é larga demais: tudo o que a central envia sairia pelo túnel; use ao menos \
             /{narrowest}"
        ),
        Wrong::NoGrid(network, place) => format!(
            "{network} contém endereços de {place}, onde nenhuma rede grid pode estar; escolha \
             outra"
        ),
        Wrong::Within(network) => {
            format!("fica em {network}, que se alcança por ele; deixe-o fora das redes permitidas")
        }
        Wrong::Overlap {
            network,
            other,
            what,
        } => format!(
            "{network} tem endereços em comum com {other}, {}; escolha outra",
            translated(what)
        ),
        Wrong::NotACountry(text) => {
            format!("{text:?} não é um país; escreva as duas letras da ISO 3166-1, como BR")
        }
        Wrong::NoCountry => "está vazio, o que deixaria de fora todos que vêm de fora; indique um \
                             país ou desligue"
            .into(),
        Wrong::NotACallingCode(text) => {
            format!("{text:?} não é o código de um país; escreva como 351, ou * para todos")
        }
    }
}

/// What a thing is called that `config` names in English: `trunk "Oi"`.
fn thing(of: &str) -> String {
    for (english, portuguese) in THINGS {
        match of.strip_prefix(english) {
            Some("") => return portuguese.to_owned(),
            Some(name) if name.starts_with(' ') => return format!("{portuguese}{name}"),
            Some(_) | None => {}
        }
    }
    of.to_owned()
}

/// A kind of thing with its article.
fn a(what: &str) -> String {
    match what {
        "route" | "time condition" | "parking slot" => format!("a {}", thing(what)),
        _ => format!("o {}", thing(what)),
    }
}

const THINGS: [(&str, &str); 21] = [
    ("extension", "ramal"),
    ("group", "grupo"),
    ("trunk", "tronco"),
    ("route", "rota"),
    ("time condition", "condição de horário"),
    ("person", "pessoa"),
    ("prompt", "áudio"),
    ("parking slot", "vaga de estacionamento"),
    ("parking", "estacionamento"),
    ("dialling", "discagem"),
    ("plan", "plano de numeração"),
    ("feature codes", "códigos de serviço"),
    ("limits", "limites"),
    ("recording", "gravação"),
    ("retention", "prazos de guarda"),
    ("guard", "bloqueios"),
    ("countries", "países"),
    ("sign_in", "entrada"),
    ("networks", "redes"),
    ("tunnel", "túnel"),
    ("times", "horários"),
];

/// Words that `config` fills into a sentence.
fn translated(what: &str) -> &str {
    let found = WORDS.iter().find(|(english, _)| *english == what);
    found.map_or(what, |(_, portuguese)| portuguese)
}

const WORDS: [Said; 8] = [
    ("trunks", "troncos"),
    ("groups", "grupos"),
    ("routes", "rotas"),
    ("time conditions", "condições de horário"),
    ("prompts", "áudios"),
    ("which counts as inside", "que conta como interna"),
    ("the box's own network", "a rede da própria central"),
    ("a network the box is in", "uma rede em que a central está"),
];

/// What the form of a thing calls a field; where none does, its name in the file and the API.
fn label<'a>(of: &str, field: &'a str) -> &'a str {
    let form = FORMS.iter().find(|(name, _)| {
        let rest = of.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    });
    let path = match (of.starts_with(PERSON), field) {
        (true, "grants") => "calls_of",
        _ => field,
    };
    let found = form.and_then(|(_, form)| {
        let first = path.split('.').next().unwrap_or_default();
        form.label(path).or_else(|| form.label(first))
    });
    found.map_or(field, |(_, portuguese)| portuguese)
}

const FORMS: [(&str, &Form); 16] = [
    ("extension", &form::EXTENSION),
    ("group", &form::GROUP),
    ("trunk", &form::TRUNK),
    ("route", &form::ROUTE),
    ("time condition", &form::TIMES),
    ("prompt", &form::PROMPT),
    ("person", &form::PERSON),
    ("parking", &form::PARKING),
    ("dialling", &form::DIALLING),
    ("feature codes", &form::FEATURES),
    ("limits", &form::LIMITS),
    ("recording", &form::RECORDING),
    ("retention", &form::RETENTION),
    ("guard", &form::GUARD),
    ("countries", &form::COUNTRIES),
    ("sign_in", &form::SIGN_IN),
];

#[cfg(test)]
mod tests;
