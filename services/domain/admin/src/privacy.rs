//! What the box keeps of people, as a table (R17; LGPD art. 9 and 37): a test goes through the
//! tables of the store and fails for one that is not in it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::form::Said;
use crate::text::Language;

/// One thing that is kept.
pub(crate) struct Kept {
    /// The table of the store, or the folder.
    pub(crate) name: &'static str,
    what: Said,
    purpose: Said,
    basis: Said,
    kept_for: Said,
    seen_by: Said,
}

/// What is shown of it, in one language.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "KeptData")]
pub(crate) struct KeptView {
    /// The table of the store, or the folder.
    pub(crate) name: &'static str,
    /// Which data of people.
    pub(crate) what: &'static str,
    pub(crate) purpose: &'static str,
    /// By which article of the LGPD.
    pub(crate) legal_basis: &'static str,
    pub(crate) kept_for: &'static str,
    pub(crate) seen_by: &'static str,
}

/// All that is kept, as people read it.
pub(crate) fn inventory(language: Language) -> Vec<KeptView> {
    let say = |said: Said| match language {
        Language::English => said.0,
        Language::Portuguese => said.1,
    };
    let view = |kept: &Kept| KeptView {
        name: kept.name,
        what: say(kept.what),
        purpose: say(kept.purpose),
        legal_basis: say(kept.basis),
        kept_for: say(kept.kept_for),
        seen_by: say(kept.seen_by),
    };
    INVENTORY.iter().map(view).collect()
}

const CONTRACT: Said = (
    "art. 7, V (the work or service contract) and IX (legitimate interest)",
    "art. 7º, V (contrato de trabalho ou serviço) e IX (legítimo interesse)",
);
const SECURITY: Said = (
    "art. 7, IX (legitimate interest: security) and art. 46",
    "art. 7º, IX (legítimo interesse: segurança) e art. 46",
);
const NONE: Said = ("none: no data of people", "nenhuma: sem dados de pessoas");
const NOBODY: Said = ("nobody", "ninguém");

/// Everything that is kept, in the order in which it matters to people.
pub(crate) const INVENTORY: &[Kept] = &[
    Kept {
        name: "calls",
        what: (
            "call records: numbers, extensions, times, how a call ended, addresses of phones; \
             nothing of what was said",
            "registros de ligações: números, ramais, horários, como terminou, endereços dos \
             telefones; nada do que foi dito",
        ),
        purpose: (
            "showing people their calls, finding faults, limiting what is spent",
            "mostrar as ligações às pessoas, achar falhas, limitar os gastos",
        ),
        basis: CONTRACT,
        kept_for: (
            "until newer ones need the room. Numbers of people outside are encrypted, which is \
             pseudonymisation: the box reads them with its key. What a version before that wrote \
             stays in unused parts of the disk until they are used again",
            "até que registros mais novos precisem do espaço. Números de pessoas de fora ficam \
             cifrados, o que é pseudonimização: a central os lê com sua chave. O que uma versão \
             anterior gravou fica em partes livres do disco até que sejam usadas de novo",
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
        what: (
            "which calls a number or an extension is in, under names that only the box's key makes",
            "em que ligações está um número ou ramal, sob nomes que só a chave da central forma",
        ),
        purpose: ("finding calls", "achar ligações"),
        basis: CONTRACT,
        kept_for: (
            "as long as the call record",
            "enquanto durar o registro da ligação",
        ),
        seen_by: NOBODY,
    },
    Kept {
        name: "open-calls",
        what: (
            "which calls are in progress",
            "quais ligações estão em curso",
        ),
        purpose: (
            "closing their records after a power cut",
            "fechar os registros depois de uma queda de energia",
        ),
        basis: CONTRACT,
        kept_for: ("until the call ends", "até o fim da ligação"),
        seen_by: NOBODY,
    },
    Kept {
        name: "recordings",
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
        kept_for: (
            "the days and the room set for recordings",
            "os dias e o espaço definidos para gravações",
        ),
        seen_by: (
            "whoever was in the call, where the role allows; supervisors by a grant; \
             administrators",
            "quem estava na ligação, se o perfil permitir; supervisores por concessão; \
             administradores",
        ),
    },
    Kept {
        name: "registrations",
        what: (
            "which phones use an extension: address, kind of phone, when",
            "que telefones usam um ramal: endereço, modelo, quando",
        ),
        purpose: ("reaching the phones", "alcançar os telefones"),
        basis: CONTRACT,
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
        name: "config",
        what: (
            "names at extensions; sign-in names, roles, grants and hashes of passwords of people",
            "nomes nos ramais; nomes de acesso, perfis, concessões e hashes de senhas das pessoas",
        ),
        purpose: (
            "operating the exchange, and saying who changed what",
            "operar a central e dizer quem mudou o quê",
        ),
        basis: CONTRACT,
        kept_for: ("the last 1,000 versions", "as últimas 1.000 versões"),
        seen_by: (
            "whoever reads the configuration; accounts: administrators and auditors; hashes: \
             nobody",
            "quem lê a configuração; contas: administradores e auditores; hashes: ninguém",
        ),
    },
    Kept {
        name: "audit",
        what: (
            "who did what, from which address, and who looked at calls of others",
            "quem fez o quê, de que endereço, e quem olhou ligações de outros",
        ),
        purpose: ("proving what was done", "provar o que foi feito"),
        basis: SECURITY,
        kept_for: ("the last 100,000 entries", "os últimos 100.000 registros"),
        seen_by: ("administrators and auditors", "administradores e auditores"),
    },
    Kept {
        name: "secrets",
        what: (
            "keys and certificates of the box; no data of people",
            "chaves e certificados da central; sem dados de pessoas",
        ),
        purpose: ("encryption", "criptografia"),
        basis: NONE,
        kept_for: ("as long as they are used", "enquanto são usados"),
        seen_by: NOBODY,
    },
    Kept {
        name: "meta",
        what: (
            "minutes and money spent by extension, this month",
            "minutos e gastos por ramal, neste mês",
        ),
        purpose: ("limits against fraud", "limites contra fraude"),
        basis: SECURITY,
        kept_for: ("until the month ends", "até o fim do mês"),
        seen_by: ("administrators and auditors", "administradores e auditores"),
    },
    Kept {
        name: "snapshot",
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
        kept_for: (
            "until the next but one, minutes later",
            "até a segunda seguinte, minutos depois",
        ),
        seen_by: NOBODY,
    },
    Kept {
        name: "backups",
        what: (
            "all of this but recordings, encrypted under the backup code",
            "tudo isto menos as gravações, cifrado sob o código de backup",
        ),
        purpose: ("restoring what is lost", "recuperar o que se perdeu"),
        basis: SECURITY,
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
            ["backups", "recordings", "snapshot"],
            "a table that is gone"
        );
    }

    #[test]
    fn nothing_is_left_unsaid_in_either_language() {
        let english = inventory(Language::English);
        let portuguese = inventory(Language::Portuguese);
        for (one, other) in english.iter().zip(&portuguese) {
            let said = |it: &KeptView| {
                [it.what, it.purpose, it.legal_basis, it.kept_for, it.seen_by].map(str::to_owned)
            };
            for (english, portuguese) in said(one).into_iter().zip(said(other)) {
                assert!(!english.is_empty() && english != portuguese, "{}", one.name);
            }
        }
    }
}
