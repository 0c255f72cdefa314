//! Whether phones and their sound are encrypted.

use std::net::SocketAddr;

use config::{Networks, Site as CheckedSite, neighbours};
use ipc::pbx::Phone;
use ipc::site::{Encryption, Extension};

use crate::facts::Facts;
use crate::finding::{Finding, Subject, Text};

/// Registrations by UDP and TCP are read by whoever is on their way.
pub(crate) fn signalling(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::PhoneSignalling;
    let Some(pbx) = &facts.pbx else {
        return Finding::silent(SUBJECT, "pbx");
    };
    let Some(networks) = inside(facts) else {
        return Finding::unloaded(SUBJECT);
    };
    let Some(net) = &facts.net else {
        return Finding::silent(SUBJECT, "net");
    };
    let near: Vec<_> = net
        .links
        .iter()
        .flat_map(|it| neighbours(it.ipv4(), it.ipv6_networks()))
        .collect();
    let is_plain = |it: &&Phone| !it.transport.eq_ignore_ascii_case("TLS");
    let is_outside = |it: &&Phone| {
        let address: Option<SocketAddr> = it.address.parse().ok();
        address.is_none_or(|it| !networks.is_internal(it.ip(), &near))
    };
    let plain: Vec<&Phone> = pbx.phones.iter().filter(is_plain).collect();
    let outside: Vec<&Phone> = plain.iter().copied().filter(|it| is_outside(it)).collect();
    if !outside.is_empty() {
        return Finding::danger(SUBJECT, PLAIN_OUTSIDE, BY_TLS).naming(shown(&outside));
    }
    if !plain.is_empty() {
        return Finding::look(SUBJECT, PLAIN_INSIDE, BY_TLS).naming(shown(&plain));
    }
    match pbx.phones.is_empty() {
        true => Finding::unknown(SUBJECT, NO_PHONES, CONNECT_PHONES),
        false => Finding::good(SUBJECT, ALL_TLS),
    }
}

/// Sound is encrypted where it leaves the house (SRTP).
pub(crate) fn media(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::MediaEncryption;
    let Some(site) = &facts.site else {
        return Finding::unloaded(SUBJECT);
    };
    let is_open = |it: &&Extension| match it.settings.encryption {
        Encryption::Off => true,
        Encryption::Optional => it.remote,
        Encryption::Required => false,
    };
    let open: Vec<&Extension> = site.extensions.iter().filter(is_open).collect();
    if open.is_empty() {
        return Finding::good(SUBJECT, ENCRYPTED);
    }
    let names = open.iter().map(|it| {
        let (english, portuguese) = match (it.settings.encryption, it.remote) {
            (Encryption::Off, true) => ("off, remote", "desligada, remoto"),
            (Encryption::Off, false) => ("off", "desligada"),
            (Encryption::Optional | Encryption::Required, _) => {
                ("optional, remote", "opcional, remoto")
            }
        };
        Text::new(
            format!("{} ({english})", it.number),
            format!("{} ({portuguese})", it.number),
        )
    });
    Finding::look(SUBJECT, OPEN_SOUND, REQUIRE).naming(names.collect())
}

fn inside(facts: &Facts) -> Option<Networks> {
    let site = facts.site.as_ref()?;
    CheckedSite::parse(site).ok().map(|it| it.networks)
}

fn shown(phones: &[&Phone]) -> Vec<Text> {
    let text = |it: &&Phone| {
        Text::same(format!(
            "{} ({}, {})",
            it.extension, it.address, it.transport
        ))
    };
    phones.iter().map(text).collect()
}

const PLAIN_OUTSIDE: (&str, &str) = (
    "Phones outside are registered without encryption: everybody on the way reads who calls whom.",
    "Telefones de fora estão registrados sem criptografia: todos no caminho leem quem liga para \
     quem.",
);
const PLAIN_INSIDE: (&str, &str) = (
    "Phones of the inside are registered without encryption; whoever is on the same network \
     reads who calls whom.",
    "Telefones de dentro estão registrados sem criptografia; quem está na mesma rede lê quem liga \
     para quem.",
);
const BY_TLS: (&str, &str) = (
    "Set the phones to TLS, port 5061, where they can; let phones outside come by the customer's \
     VPN; give phones a network (VLAN) of their own.",
    "Configure os telefones para TLS, porta 5061, onde puderem; que os de fora venham pela VPN do \
     cliente; dê aos telefones uma rede (VLAN) própria.",
);
const NO_PHONES: (&str, &str) = (
    "Could not be checked: no phone is registered.",
    "Não foi possível verificar: nenhum telefone está registrado.",
);
const CONNECT_PHONES: (&str, &str) = (
    "Connect the phones, and open the report again.",
    "Conecte os telefones e abra o relatório de novo.",
);
const ALL_TLS: (&str, &str) = (
    "Every phone that is registered uses TLS.",
    "Todo telefone registrado usa TLS.",
);
const ENCRYPTED: (&str, &str) = (
    "Sound is encrypted with every phone that can, and remote extensions take no call without.",
    "O áudio é cifrado com todo telefone que pode, e ramais remotos não aceitam ligação sem isso.",
);
const OPEN_SOUND: (&str, &str) = (
    "The sound of these extensions may travel open:",
    "O áudio destes ramais pode trafegar aberto:",
);
const REQUIRE: (&str, &str) = (
    "Set encryption of each to optional inside, and to required for remote ones, where the phone \
     can SRTP.",
    "Ponha a criptografia de cada um em opcional dentro, e em exigida nos remotos, onde o \
     telefone tem SRTP.",
);
