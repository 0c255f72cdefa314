//! Passwords, second factors and routes.

use ipc::site::{Person, Role};

use crate::facts::{Dangers, Facts, RemoteUse, Worst};
use crate::finding::{Finding, Subject, Text};
use crate::guess::guessed;
use crate::time::days;

/// No extension has a password that guessers try first (R7, R52).
pub(crate) fn extension_passwords(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::ExtensionPasswords;
    let Some(site) = &facts.site else {
        return Finding::unloaded(SUBJECT);
    };
    let weak = guessed(site);
    if !weak.is_empty() {
        let names = weak.into_iter().map(Text::same).collect();
        return Finding::danger(SUBJECT, GUESSED, ANOTHER_PASSWORD).naming(names);
    }
    let count = site.extensions.len();
    Finding::good(
        SUBJECT,
        Text::new(
            format!(
                "{count} extensions: the box draws their passwords itself (16 characters), and \
                 none is one that guessers try first."
            ),
            format!(
                "{count} ramais: a própria central sorteia as senhas (16 caracteres), e nenhuma \
                 é das que se tenta primeiro."
            ),
        ),
    )
}

/// Only those may register from outside that do (R70).
pub(crate) fn remote_extensions(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::RemoteExtensions;
    let Some(remote) = &facts.remote else {
        return Finding::unloaded(SUBJECT);
    };
    if remote.is_empty() {
        return Finding::good(SUBJECT, NONE_REMOTE);
    }
    if !facts.is_clock_believed {
        return Finding::timeless(SUBJECT);
    }
    // From its last use, or from when watching began: how long nothing was seen.
    let unused = |it: &RemoteUse| {
        let from = it.last_millis.or(it.since_millis)?;
        Some(days(from, facts.clock_millis).max(0))
    };
    let is_idle = |it: &&RemoteUse| unused(it).is_some_and(|days| days >= IDLE_DAYS);
    let idle: Vec<&RemoteUse> = remote.iter().filter(is_idle).collect();
    if !idle.is_empty() {
        let told = idle.into_iter().map(|it| last_use(it, unused(it)));
        return Finding::look(SUBJECT, IDLE, NOT_REMOTE).naming(told.collect());
    }
    let told = remote.iter().map(|it| last_use(it, unused(it))).collect();
    match remote.iter().all(|it| it.last_millis.is_some()) {
        true => Finding::good(SUBJECT, ALL_USED).naming(told),
        false => Finding::unknown(SUBJECT, WATCHED_SHORTLY, LOOK_IN_A_MONTH).naming(told),
    }
}

/// An extension with the days since its last use, or since it is watched.
fn last_use(used: &RemoteUse, days: Option<i64>) -> Text {
    let number = &used.number;
    match (used.last_millis, days) {
        (Some(_), Some(days)) => Text::new(
            format!("{number}: registered outside {days} days ago"),
            format!("{number}: registrado de fora há {days} dias"),
        ),
        (_, Some(days)) => Text::new(
            format!("{number}: not registered outside in {days} days"),
            format!("{number}: não registrado de fora em {days} dias"),
        ),
        (_, None) => Text::new(
            format!("{number}: not watched"),
            format!("{number}: não observado"),
        ),
    }
}

/// Who changes the box signs in by more than a password (R71).
pub(crate) fn second_factor(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::SecondFactor;
    let Some(site) = &facts.site else {
        return Finding::unloaded(SUBJECT);
    };
    let is_bare =
        |it: &&Person| !it.disabled && it.second_factor.is_none() && it.passkeys.is_empty();
    let bare: Vec<&Person> = site.people.iter().filter(is_bare).collect();
    if bare.is_empty() {
        return Finding::good(SUBJECT, ALL_GUARDED);
    }
    let changes = |it: &&&Person| matches!(it.role, Role::Administrator | Role::Installer);
    let changing = bare.iter().filter(changes).count();
    let count = bare.len();
    let found = Text::new(
        format!(
            "{count} people sign in by a password alone; {changing} of them may change the box."
        ),
        format!("{count} pessoas entram só com senha; {changing} delas podem mudar a central."),
    );
    let is_reached = facts
        .guard
        .as_ref()
        .is_some_and(|it| it.outsider_secs.is_some());
    let names = logins(facts, &bare);
    match changing > 0 && is_reached {
        true => Finding::danger(SUBJECT, found, ADD_FACTOR).naming(names),
        false => Finding::look(SUBJECT, found, ADD_FACTOR).naming(names),
    }
}

/// Passwords that the box has made are changed by whom they are for.
pub(crate) fn one_time_passwords(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::OneTimePasswords;
    let Some(site) = &facts.site else {
        return Finding::unloaded(SUBJECT);
    };
    let is_unclaimed = |it: &&Person| {
        !it.disabled && (it.password_one_time || it.password_hash.reveal().is_empty())
    };
    let unclaimed: Vec<&Person> = site.people.iter().filter(is_unclaimed).collect();
    if unclaimed.is_empty() {
        return Finding::good(SUBJECT, ALL_CLAIMED);
    }
    let count = unclaimed.len();
    let found = Text::new(
        format!("{count} accounts still have the password that the box has made."),
        format!("{count} contas ainda têm a senha que a central fez."),
    );
    Finding::look(SUBJECT, found, CLAIM).naming(logins(facts, &unclaimed))
}

/// Routes are the last barrier after a stolen extension (R64-R66).
pub(crate) fn routes(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::Routes;
    let Some(Dangers { found, .. }) = &facts.dangers else {
        return Finding::unloaded(SUBJECT);
    };
    let texts = |helps: bool| {
        let those = found.iter().filter(move |it| it.helps_thieves == helps);
        those.map(|it| it.text.clone())
    };
    let details: Vec<Text> = texts(true).chain(texts(false)).collect();
    if details.is_empty() {
        return Finding::good(SUBJECT, NARROW_ROUTES);
    }
    match texts(true).next() {
        Some(_) => Finding::danger(SUBJECT, HELPS_THIEVES, NARROW).naming(details),
        None => Finding::look(SUBJECT, TO_LOOK_AT, LOOK_AT_ROUTES).naming(details),
    }
}

/// What a thief of an extension costs in a day (F16).
pub(crate) fn blast_radius(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::BlastRadius;
    let Some(Dangers { worst, .. }) = &facts.dangers else {
        return Finding::unloaded(SUBJECT);
    };
    let costly: Vec<&Worst> = worst.iter().filter(|it| it.lost_cents > 0).collect();
    if costly.is_empty() {
        return Finding::good(SUBJECT, COSTS_NOTHING);
    }
    let most = costly.iter().take(SHOWN).map(|it| it.text.clone());
    let details: Vec<Text> = most.collect();
    if costly.iter().any(|it| it.is_generic) {
        return Finding::danger(SUBJECT, BY_GENERIC_ROUTE, NARROW).naming(details);
    }
    match costly.iter().all(|it| it.has_cap) {
        true => Finding::good(SUBJECT, CAPPED).naming(details),
        false => Finding::look(SUBJECT, UNCAPPED, CAP).naming(details),
    }
}

/// By name for whoever may know who signs in.
fn logins(facts: &Facts, people: &[&Person]) -> Vec<Text> {
    let named = people.iter().filter(|_| facts.may_name_people);
    named
        .map(|it| {
            let (english, portuguese) = role(it.role);
            Text::new(
                format!("{} ({english})", it.login),
                format!("{} ({portuguese})", it.login),
            )
        })
        .collect()
}

const fn role(role: Role) -> (&'static str, &'static str) {
    match role {
        Role::Administrator => ("administrator", "administrador"),
        Role::Installer => ("installer", "instalador"),
        Role::Supervisor => ("supervisor", "supervisor"),
        Role::Operator => ("operator", "operador"),
        Role::User => ("user", "usuário"),
        Role::Auditor => ("auditor", "auditor"),
    }
}

/// Extensions shown with what they can cost.
const SHOWN: usize = 5;

/// Unused for so long, an extension need not be remote.
const IDLE_DAYS: i64 = 30;

const NONE_REMOTE: (&str, &str) = (
    "No extension may register from outside the internal networks.",
    "Nenhum ramal pode se registrar de fora das redes internas.",
);
const IDLE: (&str, &str) = (
    "These extensions may register from outside, and did not for 30 days or more:",
    "Estes ramais podem se registrar de fora, e não o fizeram há 30 dias ou mais:",
);
const NOT_REMOTE: (&str, &str) = (
    "Take Remote away at each that is not used outside.",
    "Desligue Remoto em cada um que não é usado fora.",
);
const ALL_USED: (&str, &str) = (
    "Every extension that may register from outside did so within 30 days.",
    "Todo ramal que pode se registrar de fora o fez nos últimos 30 dias.",
);
const WATCHED_SHORTLY: (&str, &str) = (
    "Could not be checked yet: some extensions are watched for less than 30 days, and were not \
     registered outside in that time.",
    "Ainda não foi possível verificar: alguns ramais são observados há menos de 30 dias, e não se \
     registraram de fora nesse tempo.",
);
const LOOK_IN_A_MONTH: (&str, &str) = (
    "Ask whether they are used outside, or open the report again in a month.",
    "Pergunte se são usados fora, ou abra o relatório de novo em um mês.",
);
const GUESSED: (&str, &str) = (
    "These extensions have a password that guessers try first:",
    "Estes ramais têm uma senha das que se tenta primeiro:",
);
const ANOTHER_PASSWORD: (&str, &str) = (
    "Have the box draw another one, on the card of the extension, and enter it in the phone.",
    "Peça outra à central, no cartão do ramal, e informe-a no telefone.",
);
const ALL_GUARDED: (&str, &str) = (
    "Everybody who may sign in has a second factor or a passkey.",
    "Todos que podem entrar têm um segundo fator ou uma chave de acesso.",
);
const ADD_FACTOR: (&str, &str) = (
    "Have them set up an app or a passkey; Settings, Signing in makes administrators do so.",
    "Que configurem um app ou uma chave de acesso; Configurações, Entrada obriga os \
     administradores.",
);
const ALL_CLAIMED: (&str, &str) = (
    "Everybody has chosen a password of their own.",
    "Todos escolheram uma senha própria.",
);
const CLAIM: (&str, &str) = (
    "Have them sign in and choose their own, or delete accounts that nobody needs.",
    "Que entrem e escolham a própria, ou exclua contas de que ninguém precisa.",
);
const NARROW_ROUTES: (&str, &str) = (
    "No route takes any number or any caller, and nothing else about them is warned of.",
    "Nenhuma rota aceita qualquer número ou qualquer origem, e não há outro aviso sobre elas.",
);
const HELPS_THIEVES: (&str, &str) = (
    "A thief of an extension profits from these:",
    "Quem rouba um ramal se aproveita destas:",
);
const NARROW: (&str, &str) = (
    "Say in each route who may use it and which numbers it takes, as narrowly as the customer \
     calls.",
    "Diga em cada rota quem pode usá-la e quais números ela aceita, tão estreito quanto o \
     cliente liga.",
);
const TO_LOOK_AT: (&str, &str) = ("Warned of is:", "Há estes avisos:");
const LOOK_AT_ROUTES: (&str, &str) = (
    "Do what each warning says; the page of routes answers where a number would lead.",
    "Faça o que cada aviso diz; a página de rotas responde para onde vai um número.",
);
const COSTS_NOTHING: (&str, &str) = (
    "No stolen extension can spend money: none reaches a carrier that costs.",
    "Nenhum ramal roubado pode gastar: nenhum alcança uma operadora que cobra.",
);
const BY_GENERIC_ROUTE: (&str, &str) = (
    "A route that is too wide is open to a stolen extension; the dearest in a day:",
    "Uma rota ampla demais está aberta a um ramal roubado; os mais caros em um dia:",
);
const CAPPED: (&str, &str) = (
    "Each stolen extension ends at a cap of money; the dearest in a day:",
    "Cada ramal roubado para num limite de gasto; os mais caros em um dia:",
);
const UNCAPPED: (&str, &str) = (
    "No cap of money ends what a stolen extension spends; the dearest in a day:",
    "Nenhum limite de gasto para o que um ramal roubado gasta; os mais caros em um dia:",
);
const CAP: (&str, &str) = (
    "Set a cap for the day at each extension, or for the whole box in Settings, Limits.",
    "Ponha um limite por dia em cada ramal, ou para a central toda em Configurações, Limites.",
);
