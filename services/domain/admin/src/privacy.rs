//! What the box keeps of people, as a table (R17; LGPD art. 9 and 37): a test goes through the
//! tables of the store and fails for one that is not in it.

use ipc::site::Site;
use schemars::JsonSchema;
use serde::Serialize;

use crate::form::Said;
use crate::text::Language;

/// One thing that is kept.
pub(crate) struct Kept {
    /// The table of the store, or the folder.
    pub(crate) name: &'static str,
    /// What people call it.
    title: Said,
    what: Said,
    purpose: Said,
    basis: Said,
    /// How long somebody has said that it is kept; [`fixed`] where nobody says.
    days: fn(&Site) -> Option<u16>,
    /// The same in words, with `{days}` for those days.
    kept_for: Said,
    seen_by: Said,
}

/// What is shown of it, in one language.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "KeptData")]
pub(crate) struct KeptView {
    /// The table of the store, or the folder.
    pub(crate) name: &'static str,
    /// What people call it.
    pub(crate) title: &'static str,
    /// Which data of people.
    pub(crate) what: &'static str,
    pub(crate) purpose: &'static str,
    /// By which article of the LGPD.
    pub(crate) legal_basis: &'static str,
    /// The period in force, in words.
    pub(crate) kept_for: String,
    /// The days that are set; null where it is not a matter of days, or of days that are set.
    pub(crate) kept_days: Option<u16>,
    pub(crate) seen_by: &'static str,
}

/// All that is kept, as people read it.
pub(crate) fn inventory(site: &Site, language: Language) -> Vec<KeptView> {
    let say = |said: Said| match language {
        Language::English => said.0,
        Language::Portuguese => said.1,
    };
    let view = |kept: &Kept| {
        let kept_days = (kept.days)(site);
        let mut kept_for = say(kept.kept_for).to_owned();
        if let Some(days) = kept_days {
            kept_for = kept_for.replace(DAYS, &days.to_string());
        }
        if kept.name == "calls" {
            let days = site.retention.quality_days.to_string();
            kept_for = kept_for.replace(QUALITY_DAYS, &days);
        }
        KeptView {
            name: kept.name,
            title: say(kept.title),
            what: say(kept.what),
            purpose: say(kept.purpose),
            legal_basis: say(kept.basis),
            kept_for,
            kept_days,
            seen_by: say(kept.seen_by),
        }
    };
    INVENTORY.iter().map(view).collect()
}

/// Nobody says how long.
const fn fixed(_: &Site) -> Option<u16> {
    None
}

/// Where the days that are set stand in a text.
const DAYS: &str = "{days}";
/// Where those of the sound quality do.
const QUALITY_DAYS: &str = "{quality_days}";

const CONTRACT: Said = (
    "art. 7, V (the work or service contract) and IX (legitimate interest)",
    "art. 7º, V (contrato de trabalho ou serviço) e IX (legítimo interesse)",
);
const SECURITY: Said = (
    "art. 7, IX (legitimate interest: security) and art. 46",
    "art. 7º, IX (legítimo interesse: segurança) e art. 46",
);
const NOBODY: Said = ("nobody", "ninguém");

/// Everything that is kept, in the order in which it matters to people.
pub(crate) const INVENTORY: &[Kept] = &[
    Kept {
        name: "calls",
        title: ("Call records", "Registros de ligações"),
        what: (
            "call records: numbers, extensions, times, how a call ended, addresses of phones; \
             nothing of what was said",
            "registros de ligações: números, ramais, horários, como terminou, endereços dos \
             telefones; nada do que foi dito",
        ),
        purpose: (
            "showing people their calls, finding faults, limiting what is spent; where a route \
             says so, putting whoever calls through to the extension that last called his number \
             or answered him",
            "mostrar as ligações às pessoas, achar falhas, limitar os gastos; onde uma rota assim \
             diz, passar quem liga ao ramal que ligou por último para o número dele ou o atendeu",
        ),
        basis: CONTRACT,
        days: |site| Some(site.retention.calls_days),
        kept_for: (
            "{days} days, or until newer ones need the room (200,000 are kept); the sound quality \
             and the addresses in them {quality_days} days. Numbers of people outside are \
             encrypted, which is pseudonymisation: the box reads them with its key. What a version \
             before that wrote stays in unused parts of the disk until they are used again",
            "{days} dias, ou até que registros mais novos precisem do espaço (cabem 200.000); a \
             qualidade do som e os endereços neles, {quality_days} dias. Números de pessoas de \
             fora ficam cifrados, o que é pseudonimização: a central os lê com sua chave. O que \
             uma versão anterior gravou fica em partes livres do disco até que sejam usadas de \
             novo",
        ),
        seen_by: (
            "whoever was in the call; by a grant, whoever was given those of an extension or \
             group; administrators and auditors all. Numbers of people outside are masked in \
             calls of others, unless somebody was allowed them",
            "quem estava na ligação; por concessão, quem recebeu as de um ramal ou grupo; \
             administradores e auditores, todas. Números de fora aparecem mascarados nas ligações \
             de outros, a não ser para quem foi autorizado",
        ),
    },
    Kept {
        name: "call-index",
        title: ("Index of call records", "Índice dos registros de ligações"),
        what: (
            "which calls a number or an extension is in, under names that only the box's key makes",
            "em que ligações está um número ou ramal, sob nomes que só a chave da central forma",
        ),
        purpose: (
            "finding calls, and the extension that a call back is for",
            "achar ligações, e o ramal a que se destina um retorno",
        ),
        basis: CONTRACT,
        days: |site| Some(site.retention.calls_days),
        kept_for: (
            "as long as the call record: {days} days",
            "enquanto durar o registro da ligação: {days} dias",
        ),
        seen_by: NOBODY,
    },
    Kept {
        name: "open-calls",
        title: ("Calls in progress", "Ligações em curso"),
        what: (
            "which calls are in progress",
            "quais ligações estão em curso",
        ),
        purpose: (
            "closing their records after a power cut",
            "fechar os registros depois de uma queda de energia",
        ),
        basis: CONTRACT,
        days: fixed,
        kept_for: ("until the call ends", "até o fim da ligação"),
        seen_by: NOBODY,
    },
    Kept {
        name: "recordings",
        title: ("Recordings of calls", "Gravações de ligações"),
        what: (
            "the sound of calls, where recording was switched on",
            "o som das ligações, onde a gravação foi ligada",
        ),
        purpose: (
            "what the site records for",
            "aquilo para que a empresa grava",
        ),
        basis: (
            "chosen by whoever switches recording on; everybody hears a beep",
            "escolhida por quem liga a gravação; todos ouvem um bipe",
        ),
        days: |site| Some(site.recording.keep_days),
        kept_for: (
            "{days} days, or until newer ones need the room that is set for recordings",
            "{days} dias, ou até que as mais novas precisem do espaço definido para gravações",
        ),
        seen_by: (
            "whoever was in the call, where the role allows; supervisors by a grant; \
             administrators",
            "quem estava na ligação, se o perfil permitir; supervisores por concessão; \
             administradores",
        ),
    },
    Kept {
        name: "prompts",
        title: ("Prompts", "Áudios"),
        what: (
            "the voices of those who speak what callers hear",
            "as vozes de quem fala o que ouvem os que ligam",
        ),
        purpose: (
            "telling callers what they have to know",
            "dizer a quem liga o que precisa saber",
        ),
        basis: CONTRACT,
        days: fixed,
        kept_for: (
            "until somebody deletes or replaces them; in backups as long as those",
            "até que alguém os apague ou substitua; nos backups, enquanto estes durarem",
        ),
        seen_by: (
            "callers, and whoever reads the configuration",
            "quem liga, e quem lê a configuração",
        ),
    },
    Kept {
        name: "takes",
        title: ("Spoken into a phone", "Gravados pelo telefone"),
        what: (
            "the voice of whoever dials the code for speaking a prompt, the extension and the time",
            "a voz de quem disca o código para gravar um áudio, o ramal e o horário",
        ),
        purpose: (
            "making prompts without a computer",
            "fazer áudios sem computador",
        ),
        basis: CONTRACT,
        days: |site| Some(site.recording.keep_days),
        kept_for: (
            "{days} days, or until somebody deletes them or newer ones come: the last 20 are kept, \
             128 MiB at most",
            "{days} dias, ou até que alguém os apague ou cheguem mais novos: ficam os últimos 20, \
             128 MiB no máximo",
        ),
        seen_by: (
            "whoever may change the configuration",
            "quem pode mudar a configuração",
        ),
    },
    Kept {
        name: "registrations",
        title: ("Phones that are registered", "Telefones registrados"),
        what: (
            "which phones use an extension: address, kind of phone, when",
            "que telefones usam um ramal: endereço, modelo, quando",
        ),
        purpose: ("reaching the phones", "alcançar os telefones"),
        basis: CONTRACT,
        days: fixed,
        kept_for: (
            "until the registration ends, minutes to hours",
            "até o fim do registro, de minutos a horas",
        ),
        seen_by: (
            "whoever sees the state of the box",
            "quem vê a situação da central",
        ),
    },
    Kept {
        name: "bans",
        title: ("Bans", "Bloqueios"),
        what: (
            "network addresses of whoever guessed passwords or searched the box for ways in, when, \
             how often, and what was tried: extensions, sign-in names, paths; never a password",
            "endereços de rede de quem tentou adivinhar senhas ou procurou brechas na central, \
             quando, quantas vezes e o que tentou: ramais, nomes de acesso, caminhos; nunca uma \
             senha",
        ),
        purpose: (
            "keeping attackers out, longer each time",
            "manter atacantes fora, cada vez por mais tempo",
        ),
        basis: SECURITY,
        days: fixed,
        kept_for: (
            "until the ban has ended, 7 days at most unless set otherwise, and then a day for each \
             time it was banned, without what was tried; 120,000 at most. In no backup. Erasing a \
             person does not touch them: a sign-in name or an extension among what was tried stays \
             until the ban has ended",
            "até o fim do bloqueio, 7 dias no máximo se nada mais for definido, e depois um dia \
             para cada vez que houve bloqueio, sem o que foi tentado; 120.000 no máximo. Em nenhum \
             backup. Apagar uma pessoa não mexe neles: um nome de acesso ou ramal entre o que foi \
             tentado fica até o fim do bloqueio",
        ),
        seen_by: ("whoever reads the configuration", "quem lê a configuração"),
    },
    Kept {
        name: "config",
        title: (
            "Configuration, accounts and earlier versions",
            "Configuração, contas e versões anteriores",
        ),
        what: (
            "names at extensions; sign-in names, roles, grants, hashes of passwords and public \
             keys of passkeys of people",
            "nomes nos ramais; nomes de acesso, perfis, concessões, hashes de senhas e chaves \
             públicas das chaves de acesso das pessoas",
        ),
        purpose: (
            "operating the exchange, and saying who changed what",
            "operar a central e dizer quem mudou o quê",
        ),
        basis: CONTRACT,
        days: |site| Some(site.retention.versions_days),
        kept_for: (
            "what is in force as long as it is; earlier versions {days} days after they were \
             replaced, the last 1,000 at most",
            "o que está em vigor, enquanto estiver; versões anteriores, {days} dias depois de \
             substituídas, as últimas 1.000 no máximo",
        ),
        seen_by: (
            "whoever reads the configuration; accounts: administrators and auditors; hashes: \
             nobody",
            "quem lê a configuração; contas: administradores e auditores; hashes: ninguém",
        ),
    },
    Kept {
        name: "audit",
        title: ("Audit trail", "Trilha de auditoria"),
        what: (
            "who did what, from which address, and who looked at calls of others",
            "quem fez o quê, de que endereço, e quem olhou ligações de outros",
        ),
        purpose: ("proving what was done", "provar o que foi feito"),
        basis: SECURITY,
        days: |site| Some(site.retention.audit_days),
        kept_for: (
            "{days} days, the last 100,000 entries at most",
            "{days} dias, os últimos 100.000 registros no máximo",
        ),
        seen_by: ("administrators and auditors", "administradores e auditores"),
    },
    Kept {
        name: "replaced-trails",
        title: (
            "Audit trails that a restore replaced",
            "Auditorias que uma restauração substituiu",
        ),
        what: (
            "who did what on the box before a backup of another one took its place",
            "quem fez o quê na central antes de um backup de outra tomar o lugar",
        ),
        purpose: ("proving what was done", "provar o que foi feito"),
        basis: SECURITY,
        days: fixed,
        kept_for: (
            "the last eight, until the disk is erased",
            "as últimas oito, até o disco ser apagado",
        ),
        seen_by: ("administrators and auditors", "administradores e auditores"),
    },
    Kept {
        name: "sessions",
        title: ("Who is signed in", "Quem está conectado"),
        what: (
            "who is signed in, from which address, since when; in memory only",
            "quem está conectado, de que endereço, desde quando; só na memória",
        ),
        purpose: (
            "letting in whoever signed in",
            "deixar entrar quem se identificou",
        ),
        basis: SECURITY,
        days: fixed,
        kept_for: (
            "until signing out, 15 minutes without use, or 12 hours",
            "até sair, 15 minutos sem uso ou 12 horas",
        ),
        seen_by: NOBODY,
    },
    Kept {
        name: "secrets",
        title: ("Keys and certificates", "Chaves e certificados"),
        what: (
            "keys and certificates of the box; who was erased, under names that only a key beside \
             them makes",
            "chaves e certificados da central; quem foi apagado, sob nomes que só uma chave junto \
             deles forma",
        ),
        purpose: (
            "encryption; that a restored backup brings nobody back who was erased",
            "criptografia; que um backup restaurado não traga de volta quem foi apagado",
        ),
        basis: SECURITY,
        days: fixed,
        kept_for: (
            "as long as they are used; who was erased, ten years",
            "enquanto são usados; quem foi apagado, dez anos",
        ),
        seen_by: NOBODY,
    },
    Kept {
        name: "meta",
        title: ("Minutes and money spent", "Minutos e gastos"),
        what: (
            "minutes and money spent by extension, this month",
            "minutos e gastos por ramal, neste mês",
        ),
        purpose: ("limits against fraud", "limites contra fraude"),
        basis: SECURITY,
        days: fixed,
        kept_for: ("until the month ends", "até o fim do mês"),
        seen_by: ("administrators and auditors", "administradores e auditores"),
    },
    Kept {
        name: "snapshot",
        title: (
            "Copy for the day the database is damaged",
            "Cópia para o dia em que o banco de dados se danificar",
        ),
        what: (
            "a copy of the configuration, the keys, the registrations, and the newest 500 call \
             records and audit entries",
            "uma cópia da configuração, das chaves, dos registros de telefones e dos 500 registros \
             mais novos de ligações e da auditoria",
        ),
        purpose: (
            "starting again when the database is damaged",
            "voltar a funcionar se o banco de dados se danificar",
        ),
        basis: SECURITY,
        days: fixed,
        kept_for: (
            "until the next but one, minutes later",
            "até a segunda seguinte, minutos depois",
        ),
        seen_by: NOBODY,
    },
    Kept {
        name: "log",
        title: ("Log of the box", "Log da central"),
        what: (
            "what the services say: who registers from where, which calls begin and end; numbers \
             of people outside masked",
            "o que os serviços dizem: quem se registra e de onde, que ligações começam e terminam; \
             números de pessoas de fora mascarados",
        ),
        purpose: ("finding faults", "achar falhas"),
        basis: SECURITY,
        days: fixed,
        kept_for: (
            "in memory alone, about a megabyte, until the box is restarted",
            "só na memória, cerca de um megabyte, até a central reiniciar",
        ),
        seen_by: (
            "administrators and installers; who looked is in the audit trail",
            "administradores e instaladores; quem olhou fica na auditoria",
        ),
    },
    Kept {
        name: "trace",
        title: ("SIP trace", "Rastreio SIP"),
        what: (
            "while somebody has it on: the messages by which calls are set up, with numbers, names \
             and addresses; neither passwords nor what is said",
            "enquanto alguém o deixa ligado: as mensagens que estabelecem ligações, com números, \
             nomes e endereços; nem senhas nem o que se fala",
        ),
        purpose: ("finding faults", "achar falhas"),
        basis: SECURITY,
        days: fixed,
        kept_for: (
            "in memory alone, 4 MiB at most, until an hour after its end",
            "só na memória, até 4 MiB, até uma hora depois do fim",
        ),
        seen_by: (
            "administrators, and installers with numbers of people outside masked; who began it \
             and who looked is in the audit trail",
            "administradores, e instaladores com números de fora mascarados; quem o ligou e quem \
             olhou fica na auditoria",
        ),
    },
    Kept {
        name: "capture",
        title: ("Packet capture", "Captura de pacotes"),
        what: (
            "while somebody has it on: which addresses send packets to each other, when and how \
             long; where an administrator takes whole packets, also what is said",
            "enquanto alguém a deixa ligada: que endereços trocam pacotes, quando e de que \
             tamanho; quando um administrador pega pacotes inteiros, também o que se fala",
        ),
        purpose: ("finding faults", "achar falhas"),
        basis: SECURITY,
        days: fixed,
        kept_for: (
            "in memory alone, 12 MiB at most, until a quarter of an hour after its end",
            "só na memória, até 12 MiB, até um quarto de hora depois do fim",
        ),
        seen_by: (
            "administrators, and installers without what is said; who began it and who took it is \
             in the audit trail",
            "administradores, e instaladores sem o que se fala; quem a ligou e quem a baixou fica \
             na auditoria",
        ),
    },
    Kept {
        name: "backups",
        title: ("Backups", "Backups"),
        what: (
            "all of this but recordings and what was spoken into a phone, encrypted under the \
             backup code",
            "tudo isto menos as gravações e o que foi gravado pelo telefone, cifrado sob o código \
             de backup",
        ),
        purpose: ("restoring what is lost", "recuperar o que se perdeu"),
        basis: SECURITY,
        days: fixed,
        kept_for: (
            "three days on the box, and the last three that proved good; elsewhere whoever \
             downloaded one decides",
            "três dias na central, e os três últimos que se mostraram bons; fora dela, decide \
             quem o baixou",
        ),
        seen_by: (
            "whoever has the file and the code",
            "quem tem o arquivo e o código",
        ),
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_table_of_the_store_is_in_the_inventory() {
        let tables = include_str!("../../../runtime/store/src/tables.rs");
        let made = tables.split("Definition::new(\"").skip(1);
        let made: BTreeSet<&str> = made.filter_map(|it| it.split('"').next()).collect();
        assert!(made.len() > 6, "{made:?}");
        let said: BTreeSet<&str> = INVENTORY.iter().map(|it| it.name).collect();
        let missing: Vec<_> = made.difference(&said).collect();
        assert!(missing.is_empty(), "say what is kept in {missing:?}");
        assert_eq!(said.len(), INVENTORY.len(), "each once");
        let elsewhere: Vec<_> = said.difference(&made).copied().collect();
        assert_eq!(
            elsewhere,
            [
                "backups",
                "capture",
                "log",
                "prompts",
                "recordings",
                "replaced-trails",
                "sessions",
                "snapshot",
                "takes",
                "trace"
            ],
            "a table that is gone"
        );
    }

    #[test]
    fn nothing_is_left_unsaid_in_either_language() {
        let site = Site::default();
        let english = inventory(&site, Language::English);
        let portuguese = inventory(&site, Language::Portuguese);
        for (one, other) in english.iter().zip(&portuguese) {
            let said = |it: &KeptView| {
                let kept_for = it.kept_for.as_str();
                [it.what, it.purpose, it.legal_basis, kept_for, it.seen_by].map(str::to_owned)
            };
            for (english, portuguese) in said(one).into_iter().zip(said(other)) {
                assert!(!english.is_empty() && english != portuguese, "{}", one.name);
                assert!(
                    !english.contains('{') && !portuguese.contains('{'),
                    "{english}"
                );
            }
            assert!(
                !one.title.is_empty() && !other.title.is_empty(),
                "{}",
                one.name
            );
            assert_ne!(one.title, one.name, "words for people");
        }
    }

    #[test]
    fn the_period_in_force_is_said() {
        let mut site = Site::default();
        site.retention.calls_days = 41;
        site.retention.quality_days = 42;
        site.retention.audit_days = 543;
        site.retention.versions_days = 44;
        site.recording.keep_days = 45;
        let all = inventory(&site, Language::English);
        for (name, days) in [
            ("calls", 41),
            ("call-index", 41),
            ("audit", 543),
            ("config", 44),
            ("recordings", 45),
            ("takes", 45),
        ] {
            let kept = all.iter().find(|it| it.name == name).expect("it is there");
            assert_eq!(kept.kept_days, Some(days), "{name}");
            assert!(kept.kept_for.contains(&format!("{days} days")), "{name}");
        }
        let calls = all
            .iter()
            .find(|it| it.name == "calls")
            .expect("it is there");
        assert!(calls.kept_for.contains("42 days"), "{}", calls.kept_for);
    }
}
