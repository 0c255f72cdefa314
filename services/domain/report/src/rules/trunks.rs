//! Lines to carriers.

use config::Network;
use ipc::site::{Encryption, Trunk, TrunkAccess, TrunkTransport};

use crate::facts::Facts;
use crate::finding::{Finding, Subject, Text};

/// Signalling by TLS and sound by SRTP, where the carrier has them.
pub(crate) fn encryption(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::TrunkEncryption;
    let Some(trunks) = enabled(facts) else {
        return Finding::unloaded(SUBJECT);
    };
    let is_open =
        |it: &&&Trunk| it.transport != TrunkTransport::Tls || it.encryption != Encryption::Required;
    let open: Vec<Text> = trunks.iter().filter(is_open).map(|it| way(it)).collect();
    if !open.is_empty() {
        return Finding::look(SUBJECT, OPEN, ASK_CARRIER).naming(open);
    }
    match trunks.is_empty() {
        true => Finding::good(SUBJECT, NO_TRUNK),
        false => Finding::good(SUBJECT, ENCRYPTED),
    }
}

/// A trunk that is known by its address alone is whoever can write that address.
pub(crate) fn authentication(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::TrunkAuthentication;
    let Some(trunks) = enabled(facts) else {
        return Finding::unloaded(SUBJECT);
    };
    let mut is_wide = false;
    let mut known = Vec::new();
    for trunk in &trunks {
        if let TrunkAccess::Peer { networks, .. } = &trunk.access {
            is_wide |= networks
                .iter()
                .filter_map(|it| Network::parse(it))
                .any(wide);
            known.push(Text::same(format!(
                "{}: {}",
                trunk.name,
                networks.join(", ")
            )));
        }
    }
    if is_wide {
        return Finding::danger(SUBJECT, WIDE_PEER, LIST_SERVERS).naming(known);
    }
    match (known.is_empty(), trunks.is_empty()) {
        (false, _) => Finding::look(SUBJECT, BY_ADDRESS, REGISTER).naming(known),
        (true, true) => Finding::good(SUBJECT, NO_TRUNK),
        (true, false) => Finding::good(SUBJECT, BY_ACCOUNT),
    }
}

/// Every trunk that is on is in service.
pub(crate) fn service(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::TrunkService;
    let Some(trunks) = enabled(facts) else {
        return Finding::unloaded(SUBJECT);
    };
    let Some(pbx) = &facts.pbx else {
        return Finding::silent(SUBJECT, "pbx");
    };
    let state = |trunk: &&&Trunk| {
        let found = pbx.trunks.iter().find(|it| it.name == trunk.name);
        !found.is_some_and(|it| it.up)
    };
    let down: Vec<Text> = trunks
        .iter()
        .filter(state)
        .map(|it| Text::same(it.name.clone()))
        .collect();
    if !down.is_empty() {
        return Finding::danger(SUBJECT, DOWN, SEE_TRUNK).naming(down);
    }
    match trunks.is_empty() {
        true => Finding::good(SUBJECT, NO_TRUNK),
        false => Finding::good(SUBJECT, ALL_UP),
    }
}

fn enabled(facts: &Facts) -> Option<Vec<&Trunk>> {
    let site = facts.site.as_ref()?;
    Some(site.trunks.iter().filter(|it| it.enabled).collect())
}

/// More addresses than a carrier's servers have.
fn wide(network: Network) -> bool {
    network.length() < if network.is_ipv4() { 24 } else { 48 }
}

/// How a trunk travels.
fn way(trunk: &Trunk) -> Text {
    let by = match trunk.transport {
        TrunkTransport::Auto => ("as DNS says, else UDP", "como o DNS diz, senão UDP"),
        TrunkTransport::Udp => ("UDP", "UDP"),
        TrunkTransport::Tcp => ("TCP", "TCP"),
        TrunkTransport::Tls => ("TLS", "TLS"),
    };
    let sound = match trunk.encryption {
        Encryption::Off => ("sound open", "áudio aberto"),
        Encryption::Optional => ("SRTP where taken", "SRTP se aceito"),
        Encryption::Required => ("SRTP", "SRTP"),
    };
    let name = &trunk.name;
    Text::new(
        format!("{name}: {}, {}", by.0, sound.0),
        format!("{name}: {}, {}", by.1, sound.1),
    )
}

const NO_TRUNK: (&str, &str) = ("There is no trunk that is on.", "Não há tronco ligado.");
const OPEN: (&str, &str) = (
    "Calls by these trunks can be read or heard on their way:",
    "Ligações por estes troncos podem ser lidas ou ouvidas no caminho:",
);
const ASK_CARRIER: (&str, &str) = (
    "Ask the carrier for TLS and SRTP, and set both at the trunk; without them, use a line or \
     VPN of the carrier's own.",
    "Peça TLS e SRTP à operadora, e configure ambos no tronco; sem eles, use um link ou VPN da \
     própria operadora.",
);
const ENCRYPTED: (&str, &str) = (
    "Every trunk uses TLS, and takes no call without SRTP.",
    "Todo tronco usa TLS, e não aceita ligação sem SRTP.",
);
const WIDE_PEER: (&str, &str) = (
    "A trunk takes calls from more addresses than a carrier's servers have, without a password:",
    "Um tronco aceita ligações de mais endereços que os servidores de uma operadora, sem senha:",
);
const LIST_SERVERS: (&str, &str) = (
    "List the carrier's servers alone, as the carrier names them.",
    "Liste só os servidores da operadora, como ela informa.",
);
const BY_ADDRESS: (&str, &str) = (
    "These trunks are known by their address alone, without a password:",
    "Estes troncos são reconhecidos só pelo endereço, sem senha:",
);
const REGISTER: (&str, &str) = (
    "Where the carrier has accounts with a password, use one; else keep the list short, and \
     routes for calls from outside leading inside alone.",
    "Onde a operadora tem contas com senha, use uma; senão, mantenha a lista curta, e as rotas de \
     chamadas de fora levando só para dentro.",
);
const BY_ACCOUNT: (&str, &str) = (
    "Every trunk proves an account to its carrier by a password.",
    "Todo tronco prova uma conta à operadora com senha.",
);
const DOWN: (&str, &str) = (
    "These trunks are not in service; no call goes out or comes in by them:",
    "Estes troncos não estão em serviço; nenhuma ligação sai ou entra por eles:",
);
const SEE_TRUNK: (&str, &str) = (
    "The state page says beside each what to do; switch off those that are not needed.",
    "A página de situação diz ao lado de cada um o que fazer; desligue os desnecessários.",
);
const ALL_UP: (&str, &str) = (
    "Every trunk that is on is in service.",
    "Todo tronco ligado está em serviço.",
);
