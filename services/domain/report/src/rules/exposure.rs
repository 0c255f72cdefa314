//! Who reaches the box, and what shuts guessers out.

use config::Network;

use crate::facts::{Facts, Masquerade};
use crate::finding::{Finding, Subject, Text};
use crate::time::{DAY_SECS, rough};

/// Whether somebody outside reaches the box (R80, T8).
pub(crate) fn outside(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::Outside;
    let Some(guard) = &facts.guard else {
        return Finding::silent(SUBJECT, "guard");
    };
    if let Some(secs) = guard.outsider_secs {
        let ago = rough(secs);
        let found = Text::new(
            format!(
                "The box is reached from outside the internal networks; first heard {} ago.",
                ago.english
            ),
            format!(
                "A central é alcançada de fora das redes internas; ouvido primeiro há {}.",
                ago.portuguese
            ),
        );
        return match guard.is_on {
            true => Finding::look(SUBJECT, found, CLOSE),
            false => Finding::danger(SUBJECT, found, CLOSE),
        };
    }
    match facts.init.as_ref().map(|it| it.uptime_secs) {
        Some(secs) if secs >= DAY_SECS => {
            let since = rough(secs);
            Finding::good(
                SUBJECT,
                Text::new(
                    format!(
                        "Nobody outside was heard in the {} since the last start.",
                        since.english
                    ),
                    format!(
                        "Ninguém de fora foi ouvido em {} desde a última inicialização.",
                        since.portuguese
                    ),
                ),
            )
        }
        _ => Finding::unknown(SUBJECT, TOO_SOON, LOOK_AGAIN),
    }
}

/// Bans are off as the box comes, and have to be on where it is exposed (R69).
pub(crate) fn bans(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::Bans;
    let Some(guard) = &facts.guard else {
        return Finding::silent(SUBJECT, "guard");
    };
    if guard.is_on {
        let count = guard.banned_count;
        return Finding::good(
            SUBJECT,
            Text::new(
                format!("Bans are on; {count} banned now."),
                format!("Os bloqueios estão ligados; {count} bloqueados agora."),
            ),
        );
    }
    match guard.outsider_secs {
        Some(_) => Finding::danger(SUBJECT, BANS_OFF_EXPOSED, SWITCH_ON),
        None => Finding::good(SUBJECT, BANS_OFF),
    }
}

/// Whether the router lets the box see who comes (R67).
pub(crate) fn masquerade(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::Masquerade;
    match facts.masquerade {
        Masquerade::NotTested => Finding::unknown(SUBJECT, NOT_TESTED, TEST_IT),
        Masquerade::Absent => Finding::good(SUBJECT, NO_MASQUERADE),
        Masquerade::Suspected => Finding::look(SUBJECT, SUSPECTED, NO_NAT),
        Masquerade::Confirmed => Finding::danger(SUBJECT, CONFIRMED, NO_NAT),
    }
}

/// What counts as inside: there extensions that are for the inside register (R51).
pub(crate) fn internal_networks(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::InternalNetworks;
    let Some(site) = &facts.site else {
        return Finding::unloaded(SUBJECT);
    };
    let listed = &site.networks.internal;
    if listed.is_empty() {
        return Finding::good(SUBJECT, PRIVATE_ONLY);
    }
    let read = |text: &String| Network::parse(text).filter(|it| !is_private(it));
    let public: Vec<Network> = listed.iter().filter_map(read).collect();
    if public.is_empty() {
        let names = listed.join(", ");
        return Finding::good(
            SUBJECT,
            Text::new(
                format!("Inside are private networks alone: {names}."),
                format!("Dentro estão só redes privadas: {names}."),
            ),
        );
    }
    let is_wide = |it: &Network| it.length() < if it.is_ipv4() { 24 } else { 48 };
    let names = public.iter().map(|it| Text::same(it.to_string())).collect();
    match public.iter().any(is_wide) {
        true => Finding::danger(SUBJECT, WIDE_INSIDE, NARROW_INSIDE).naming(names),
        false => Finding::look(SUBJECT, PUBLIC_INSIDE, NARROW_INSIDE).naming(names),
    }
}

/// On how many networks the pages answer (R80).
pub(crate) fn web_reach(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::WebReach;
    let Some(net) = &facts.net else {
        return Finding::silent(SUBJECT, "net");
    };
    let links = net.links.iter().filter(|it| !it.address.is_empty());
    let mut networks: Vec<Text> = links
        .map(|it| Text::same(format!("{}: {}", it.name, it.address)))
        .collect();
    let is_reached = facts
        .guard
        .as_ref()
        .is_some_and(|it| it.outsider_secs.is_some());
    if facts.site.as_ref().is_some_and(|it| it.tunnel.is_some()) {
        networks.push(Text::new("the grid", "o grid"));
    }
    if is_reached {
        networks.push(Text::new(
            "outside, as it was reached",
            "de fora, pois foi alcançada",
        ));
    }
    if networks.len() > 1 {
        return Finding::look(SUBJECT, MANY_NETWORKS, ONE_NETWORK).naming(networks);
    }
    match &facts.guard {
        None => Finding::silent(SUBJECT, "guard"),
        Some(_) if facts.site.is_none() => Finding::unloaded(SUBJECT),
        Some(_) => Finding::good(SUBJECT, ONE_KNOWN).naming(networks),
    }
}

/// Whether all of it is for networks of customers (RFC 1918, RFC 4193, link-local, loopback).
fn is_private(network: &Network) -> bool {
    let blocks = PRIVATE.iter().filter_map(|it| Network::parse(it));
    let mut holding =
        blocks.filter(|block| block.overlaps(network) && block.length() <= network.length());
    holding.next().is_some()
}

const PRIVATE: [&str; 8] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
    "::1/128",
];

const CLOSE: (&str, &str) = (
    "Take the redirect of ports out of the router unless phones outside need it; let them come by \
     the customer's VPN. What stays open needs bans on and remote extensions few.",
    "Tire do roteador o redirecionamento de portas, a menos que telefones de fora precisem dele; \
     que venham pela VPN do cliente. O que ficar aberto exige bloqueios ligados e poucos ramais \
     remotos.",
);
const TOO_SOON: (&str, &str) = (
    "Nobody outside was heard yet, but the box runs for less than a day: that proves nothing.",
    "Ninguém de fora foi ouvido ainda, mas a central está ligada há menos de um dia: isso não \
     prova nada.",
);
const LOOK_AGAIN: (&str, &str) = (
    "Try from outside (a mobile phone without Wi-Fi) that the customer's public address opens no \
     page, and open the report again after a day.",
    "Teste de fora (um celular sem Wi-Fi) que o endereço público do cliente não abre página \
     nenhuma, e abra o relatório de novo depois de um dia.",
);
const BANS_OFF_EXPOSED: (&str, &str) = (
    "Bans are off, and the box is reached from outside: whoever guesses passwords may go on for \
     ever.",
    "Os bloqueios estão desligados, e a central é alcançada de fora: quem adivinha senhas pode \
     continuar para sempre.",
);
const SWITCH_ON: (&str, &str) = (
    "Switch bans on, on the page Bans.",
    "Ligue os bloqueios, na página Bloqueios.",
);
const BANS_OFF: (&str, &str) = (
    "Bans are off, as the box comes; nobody outside was heard, so they need not be on.",
    "Os bloqueios estão desligados, como a central vem; ninguém de fora foi ouvido, então não \
     precisam estar ligados.",
);
const NOT_TESTED: (&str, &str) = (
    "Not tested yet: nobody outside was heard, so it did not show whether the router lets the box \
     see who comes, or hides them behind its own address.",
    "Ainda não testado: ninguém de fora foi ouvido, então não se viu se o roteador mostra à \
     central quem vem, ou o esconde atrás do próprio endereço.",
);
const TEST_IT: (&str, &str) = (
    "Where ports are redirected to the box, open its public address from outside (a mobile phone \
     without Wi-Fi) and open the report again; the page Redirected ports says what was seen.",
    "Onde há portas redirecionadas para a central, abra o endereço público dela de fora (um \
     celular sem Wi-Fi) e abra o relatório de novo; a página Portas redirecionadas diz o que foi \
     visto.",
);
const NO_MASQUERADE: (&str, &str) = (
    "Somebody outside was heard with an address of his own, and nothing speaks for a masquerade.",
    "Alguém de fora foi ouvido com endereço próprio, e nada indica masquerade.",
);
const SUSPECTED: (&str, &str) = (
    "Something looks as if the router hides who comes from outside behind its own address.",
    "Algo parece indicar que o roteador esconde quem vem de fora atrás do próprio endereço.",
);
const CONFIRMED: (&str, &str) = (
    "The router hides who comes from outside behind its own address: an attacker looks like a \
     phone of the LAN, and no ban can tell him apart.",
    "O roteador esconde quem vem de fora atrás do próprio endereço: um atacante parece um \
     telefone da LAN, e nenhum bloqueio o distingue.",
);
const NO_NAT: (&str, &str) = (
    "Change the rule of the router so that it redirects without masquerade (masquerade only \
     towards the Internet), clear its connections, and test again.",
    "Mude a regra do roteador para redirecionar sem masquerade (masquerade só em direção à \
     Internet), limpe as conexões dele e teste de novo.",
);
const PRIVATE_ONLY: (&str, &str) = (
    "Inside are the private networks and those of the box's own links: none is listed.",
    "Dentro estão as redes privadas e as dos próprios enlaces da central: nenhuma está listada.",
);
const WIDE_INSIDE: (&str, &str) = (
    "Wide networks of the Internet count as inside: from there every extension may register.",
    "Redes amplas da Internet contam como internas: de lá qualquer ramal pode se registrar.",
);
const PUBLIC_INSIDE: (&str, &str) = (
    "Public addresses count as inside: from there every extension may register.",
    "Endereços públicos contam como internos: de lá qualquer ramal pode se registrar.",
);
const NARROW_INSIDE: (&str, &str) = (
    "Leave only the customer's own networks in the list, and mark the extensions that are used \
     elsewhere as remote.",
    "Deixe na lista só as redes do próprio cliente, e marque como remotos os ramais usados fora.",
);
const MANY_NETWORKS: (&str, &str) = (
    "The pages and the API answer on more than one network: passwords guard them, no filter does.",
    "As páginas e a API respondem em mais de uma rede: senhas as protegem, nenhum filtro.",
);
const ONE_NETWORK: (&str, &str) = (
    "Let only the network from which the box is looked after reach port 443, in the switch or \
     router.",
    "Deixe só a rede de onde se cuida da central alcançar a porta 443, no switch ou roteador.",
);
const ONE_KNOWN: (&str, &str) = (
    "The pages answer on the customer's network alone.",
    "As páginas respondem só na rede do cliente.",
);
