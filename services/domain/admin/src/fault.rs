//! Everything a request can be refused for, with its status and its sentence.

use std::net::IpAddr;
use std::time::Duration;

use countries::Country;
use ipc::store::{BackupFailure, BackupRefusal};
use ipc::update::Refusal;
use serde_json::{Map, Value};

use crate::admin::Caller;
use crate::certificate::CertificateFault;
use crate::fetch::FetchFault;
use crate::form::Said;
use crate::password::Weakness;
use crate::permission::Permission;
use crate::refusals;
use crate::text::Language;

mod bans;
mod certificate;
mod passkey;
mod people;
mod prompt;
mod site;

pub(crate) use bans::BansFault;
pub(crate) use passkey::PasskeyFault;
pub(crate) use people::PeopleFault;
pub(crate) use prompt::PromptFault;
pub(crate) use site::Invalid;

/// Why a request is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    SignInFirst,
    ChangePasswordFirst,
    NotAllowed,
    NoSuchPage,
    NoSuchMethod,
    OtherOrigin,
    NotJson,
    BadBody(String),
    /// Of somebody outside whose data are meant.
    NotWhole(config::NotWhole),
    WrongLoginOrPassword,
    WrongOldPassword,
    TooManyAttempts(Duration),
    Weak(Weakness),
    Starting,
    Busy,
    StoreAway,
    NotKept(String),
    InitAway,
    PbxAway,
    MediaAway,
    NetAway,
    GuardAway,
    UpdateAway,
    /// Why, and where to go on all the same.
    UpdateRefused(Refusal, Option<u64>),
    CannotFetch(FetchFault),
    /// What has to be said.
    NotConfirmed(&'static str),
    NoRecoveryCode,
    BackupRefused(BackupRefusal),
    BackupFailed(BackupFailure),
    NoSuchRecording(String),
    /// Of the audit trail, in the time that was asked for.
    NoEntries,
    /// About the certificate of the pages.
    Certificate(CertificateFault),
    /// Whoever changes what is refused would be refused himself.
    OwnCountry {
        /// His country; `None` for an address of none that is known.
        country: Option<Country>,
        /// Where he is.
        address: IpAddr,
    },
    /// Which field of it.
    NotANetwork(&'static str),
    /// About bans.
    Bans(BansFault),
    /// No address is tried, or another one.
    NoTrial,
    /// One is tried already.
    TrialOn,
    /// Nobody reaches the box by the address that is tried.
    NotReached,
    /// Which field.
    NotADay(&'static str),
    RecordingOpen(String),
    /// Nothing of it is in the range asked for; its length in bytes.
    NotInRecording(String, u64),
    Invalid(Vec<Invalid>),
    ChangedMeanwhile,
    ErasureUnderWay,
    /// What was to be changed is not as it was in this version.
    ChangedSince(u64),
    NoSuchVersion(u64),
    ExtensionExists(String),
    NoSuchExtension(String),
    NoSuchPerson(String),
    People(PeopleFault),
    Prompt(PromptFault),
    NoSuchService(String),
    NoSuchItem(Item, String),
    ItemExists(Item, String),
    Internal,
}

/// A thing of the telephony that people name themselves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Item {
    Trunk,
    Group,
    Route,
    Times,
    Prompt,
}

impl Item {
    pub(crate) const fn english(self) -> &'static str {
        match self {
            Self::Trunk => "trunk",
            Self::Group => "group",
            Self::Route => "route",
            Self::Times => "time condition",
            Self::Prompt => "prompt",
        }
    }

    const fn portuguese(self) -> &'static str {
        match self {
            Self::Trunk => "o tronco",
            Self::Group => "o grupo",
            Self::Route => "a rota",
            Self::Times => "a condição de horário",
            Self::Prompt => "o áudio",
        }
    }
}

const ERASING: (&str, &str) = (
    "somebody was erased and is not gone from all earlier versions yet: try again in some minutes",
    "alguém foi apagado e ainda não sumiu de todas as versões anteriores: tente de novo em alguns \
     minutos",
);

impl Fault {
    pub(crate) const fn status(&self) -> u16 {
        match self {
            Self::BadBody(_)
            | Self::NotWhole(_)
            | Self::Weak(_)
            | Self::WrongOldPassword
            | Self::NotConfirmed(_)
            | Self::CannotFetch(_)
            | Self::NotADay(_)
            | Self::NotANetwork(_)
            | Self::Invalid(_) => 400,
            Self::BackupRefused(BackupRefusal::Missing) => 404,
            Self::SignInFirst | Self::WrongLoginOrPassword => 401,
            Self::ChangePasswordFirst | Self::NotAllowed | Self::OtherOrigin => 403,
            Self::NoSuchPage
            | Self::NoSuchExtension(_)
            | Self::NoSuchPerson(_)
            | Self::NoSuchService(_)
            | Self::NoSuchRecording(_)
            | Self::NoEntries
            | Self::NoSuchVersion(_)
            | Self::NoSuchItem(..) => 404,
            Self::NoSuchMethod => 405,
            Self::People(fault) => fault.status(),
            Self::Certificate(fault) => fault.status(),
            Self::Prompt(fault) => fault.status(),
            Self::ChangedMeanwhile
            | Self::ErasureUnderWay
            | Self::ExtensionExists(_)
            | Self::RecordingOpen(_)
            | Self::UpdateRefused(..)
            | Self::NoRecoveryCode
            | Self::NoTrial
            | Self::TrialOn
            | Self::NotReached
            | Self::OwnCountry { .. }
            | Self::BackupRefused(_)
            | Self::ItemExists(..) => 409,
            Self::ChangedSince(_) => 412,
            Self::NotJson => 415,
            Self::NotInRecording(..) => 416,
            Self::TooManyAttempts(_) => 429,
            Self::Bans(fault) => fault.status(),
            Self::Internal => 500,
            Self::Starting
            | Self::Busy
            | Self::StoreAway
            | Self::NotKept(_)
            | Self::BackupFailed(_)
            | Self::InitAway
            | Self::PbxAway
            | Self::UpdateAway
            | Self::NetAway
            | Self::GuardAway
            | Self::MediaAway => 503,
        }
    }

    /// Seconds after which asking again makes sense.
    pub(crate) fn retry_after_secs(&self) -> Option<u64> {
        match self {
            Self::TooManyAttempts(wait) => Some(wait.as_secs() + 1),
            Self::Certificate(CertificateFault::Away)
            | Self::Starting
            | Self::Busy
            | Self::StoreAway
            | Self::InitAway
            | Self::PbxAway
            | Self::UpdateAway
            | Self::NetAway
            | Self::GuardAway
            | Self::MediaAway => Some(2),
            Self::SignInFirst
            | Self::ChangePasswordFirst
            | Self::NotAllowed
            | Self::NoSuchPage
            | Self::NoSuchMethod
            | Self::OtherOrigin
            | Self::NotJson
            | Self::BadBody(_)
            | Self::NotWhole(_)
            | Self::WrongLoginOrPassword
            | Self::WrongOldPassword
            | Self::Weak(_)
            | Self::NotKept(_)
            | Self::Invalid(_)
            | Self::ChangedMeanwhile
            | Self::ErasureUnderWay
            | Self::ChangedSince(_)
            | Self::NoSuchVersion(_)
            | Self::ExtensionExists(_)
            | Self::NoSuchExtension(_)
            | Self::NoSuchPerson(_)
            | Self::People(_)
            | Self::Prompt(_)
            | Self::NoSuchService(_)
            | Self::NoSuchItem(..)
            | Self::ItemExists(..)
            | Self::NoSuchRecording(_)
            | Self::NoEntries
            | Self::NotADay(_)
            | Self::NotANetwork(_)
            | Self::Bans(_)
            | Self::OwnCountry { .. }
            | Self::Certificate(_)
            | Self::NoTrial
            | Self::TrialOn
            | Self::NotReached
            | Self::RecordingOpen(_)
            | Self::NotInRecording(..)
            | Self::UpdateRefused(..)
            | Self::CannotFetch(_)
            | Self::NotConfirmed(_)
            | Self::NoRecoveryCode
            | Self::BackupRefused(_)
            | Self::BackupFailed(_)
            | Self::Internal => None,
        }
    }

    /// What the API answers: the sentence in English; in the language of the person too, where the
    /// asker said which that is; for the firmware what programs know the reason by.
    pub(crate) fn body(&self, language: Option<Language>) -> Value {
        let mut body = Map::new();
        let mut say = |name: &str, value: Value| body.insert(name.to_owned(), value);
        say("error", self.text(Language::English).into());
        if let Some(language) = language {
            say("text", self.text(language).into());
        }
        if let Self::UpdateRefused(reason, next) = self {
            say("code", refusals::code(reason).into());
            say("parameters", refusals::parameters(reason));
            if let Some(next) = next {
                say("next", (*next).into());
            }
        }
        if let Self::CannotFetch(fault) = self {
            say("code", refusals::fetch::code(fault).into());
            say("parameters", refusals::fetch::parameters(fault));
        }
        if let Self::BackupRefused(refusal) = self {
            say("code", refusal.code().into());
        }
        if let Self::BackupFailed(failure) = self {
            say("code", failure.code().into());
        }
        Value::Object(body)
    }

    /// The same, without anybody's name for whoever may not see people.
    pub(crate) fn for_eyes_of(self, caller: &Caller) -> Self {
        match self {
            Self::Invalid(faults) if !caller.may(Permission::SeePeople) => {
                let mut told: Vec<Invalid> = faults.iter().map(Invalid::without_people).collect();
                told.dedup();
                Self::Invalid(told)
            }
            fault => fault,
        }
    }

    /// One sentence that names the fix.
    pub(crate) fn text(&self, language: Language) -> String {
        match language {
            Language::English => self.english(),
            Language::Portuguese => self.portuguese(),
        }
    }

    fn english(&self) -> String {
        match self {
            Self::People(fault) => fault.text(Language::English),
            Self::Certificate(fault) => fault.text(Language::English),
            Self::Prompt(fault) => fault.text(Language::English),
            Self::SignInFirst => "sign in first".into(),
            Self::ChangePasswordFirst => "change your password first".into(),
            Self::NotAllowed => NOT_ALLOWED.0.into(),
            Self::NoSuchPage => "there is nothing at this address".into(),
            Self::NoSuchMethod => "this address does not answer to this method".into(),
            Self::OtherOrigin => "the request comes from another site".into(),
            Self::NotJson => "send JSON with Content-Type: application/json".into(),
            Self::BadBody(detail) => format!("the request cannot be read: {detail}"),
            Self::NotWhole(why) => refusals::number::text(*why).0.into(),
            Self::WrongLoginOrPassword => "wrong login or password".into(),
            Self::WrongOldPassword => "the present password is wrong".into(),
            Self::TooManyAttempts(wait) => too_many(*wait, Language::English),
            Self::Weak(weakness) => weakness.english(),
            Self::Starting => "the box is still starting; try again in a few seconds".into(),
            Self::Busy => "too many sign-ins at once; try again in a few seconds".into(),
            Self::StoreAway => STORE_AWAY.0.into(),
            Self::NotKept(reason) => format!("nothing was changed: {reason}"),
            Self::InitAway => "init does not answer; try again in a few seconds".into(),
            Self::PbxAway => "pbx does not answer; try again in a few seconds".into(),
            Self::NetAway => NET_AWAY.0.into(),
            Self::GuardAway => GUARD_AWAY.0.into(),
            Self::MediaAway => "media does not answer; try again in a few seconds".into(),
            Self::UpdateAway => "update does not answer; try again in a few seconds".into(),
            Self::UpdateRefused(reason, _) => refusals::text(reason, Language::English),
            Self::CannotFetch(fault) => refusals::fetch::text(fault, Language::English),
            Self::NotConfirmed(words) => format!("to confirm, send \"confirm\": {words:?}"),
            Self::NoRecoveryCode => NO_RECOVERY_CODE.0.into(),
            Self::BackupRefused(refusal) => refusal.english(),
            Self::BackupFailed(failure) => failure.english(),
            Self::NoSuchRecording(name) => format!("there is no recording {name}"),
            Self::NoEntries => NO_ENTRIES.0.into(),
            Self::NotADay(field) => format!("{field}: write a day as 2026-11-22"),
            Self::NotANetwork(field) => not_a_network(field).0.into(),
            Self::Bans(fault) => fault.said().0.into(),
            Self::OwnCountry { country, address } => own_country(*country, *address).0,
            Self::NoTrial => NO_TRIAL.0.into(),
            Self::TrialOn => TRIAL_ON.0.into(),
            Self::NotReached => NOT_REACHED.0.into(),
            Self::RecordingOpen(name) => {
                format!("{name} is being recorded; hang up, then repeat")
            }
            Self::NotInRecording(name, length) => {
                format!("{name} has {length} bytes; ask for some of them")
            }
            Self::Invalid(faults) => invalid(faults, Language::English),
            Self::ErasureUnderWay => ERASING.0.into(),
            Self::ChangedMeanwhile => {
                "somebody else changed the configuration meanwhile; look again and repeat".into()
            }
            Self::ChangedSince(version) => changed_since(*version, Language::English),
            Self::NoSuchVersion(version) => no_version(*version, Language::English),
            Self::ExtensionExists(number) => {
                format!("extension {number} exists already; choose another number")
            }
            Self::NoSuchExtension(number) => format!("there is no extension {number}"),
            Self::NoSuchPerson(login) => format!("there is nobody called {login}"),
            Self::NoSuchService(name) => format!("there is no service {name}"),
            Self::NoSuchItem(item, name) => format!("there is no {} {name:?}", item.english()),
            Self::ItemExists(item, name) => {
                format!(
                    "{} {name:?} exists already; choose another name",
                    item.english()
                )
            }
            Self::Internal => "a fault inside the box; see its log".into(),
        }
    }

    fn portuguese(&self) -> String {
        match self {
            Self::People(fault) => fault.text(Language::Portuguese),
            Self::Certificate(fault) => fault.text(Language::Portuguese),
            Self::Prompt(fault) => fault.text(Language::Portuguese),
            Self::SignInFirst => "entre primeiro".into(),
            Self::ChangePasswordFirst => "troque sua senha primeiro".into(),
            Self::NotAllowed => NOT_ALLOWED.1.into(),
            Self::NoSuchPage => "não há nada neste endereço".into(),
            Self::NoSuchMethod => "este endereço não aceita este método".into(),
            Self::OtherOrigin => "o pedido vem de outro site".into(),
            Self::NotJson => "envie JSON com Content-Type: application/json".into(),
            Self::BadBody(detail) => format!("não foi possível ler o pedido: {detail}"),
            Self::NotWhole(why) => refusals::number::text(*why).1.into(),
            Self::WrongLoginOrPassword => "login ou senha incorretos".into(),
            Self::WrongOldPassword => "a senha atual está incorreta".into(),
            Self::TooManyAttempts(wait) => too_many(*wait, Language::Portuguese),
            Self::Weak(weakness) => weakness.portuguese(),
            Self::Starting => "a central ainda está iniciando; tente em alguns segundos".into(),
            Self::Busy => "muitas entradas ao mesmo tempo; tente em alguns segundos".into(),
            Self::StoreAway => STORE_AWAY.1.into(),
            Self::NotKept(reason) => format!("nada foi alterado: {reason}"),
            Self::InitAway => "o init não responde; tente em alguns segundos".into(),
            Self::PbxAway => "o pbx não responde; tente em alguns segundos".into(),
            Self::NetAway => NET_AWAY.1.into(),
            Self::GuardAway => GUARD_AWAY.1.into(),
            Self::MediaAway => "o media não responde; tente em alguns segundos".into(),
            Self::UpdateAway => "o update não responde; tente em alguns segundos".into(),
            Self::UpdateRefused(reason, _) => refusals::text(reason, Language::Portuguese),
            Self::CannotFetch(fault) => refusals::fetch::text(fault, Language::Portuguese),
            Self::NotConfirmed(words) => format!("para confirmar, envie \"confirm\": {words:?}"),
            Self::NoRecoveryCode => NO_RECOVERY_CODE.1.into(),
            Self::BackupRefused(refusal) => refusal.portuguese(),
            Self::BackupFailed(failure) => failure.portuguese(),
            Self::NoSuchRecording(name) => format!("não existe a gravação {name}"),
            Self::NoEntries => NO_ENTRIES.1.into(),
            Self::NotADay(field) => format!("{field}: escreva um dia como 2026-11-22"),
            Self::NotANetwork(field) => not_a_network(field).1.into(),
            Self::Bans(fault) => fault.said().1.into(),
            Self::OwnCountry { country, address } => own_country(*country, *address).1,
            Self::NoTrial => NO_TRIAL.1.into(),
            Self::TrialOn => TRIAL_ON.1.into(),
            Self::NotReached => NOT_REACHED.1.into(),
            Self::RecordingOpen(name) => {
                format!("{name} está sendo gravada; desligue e repita")
            }
            Self::NotInRecording(name, length) => {
                format!("{name} tem {length} bytes; peça uma parte deles")
            }
            Self::Invalid(faults) => invalid(faults, Language::Portuguese),
            Self::ErasureUnderWay => ERASING.1.into(),
            Self::ChangedMeanwhile => {
                "outra pessoa alterou a configuração neste meio tempo; confira e repita".into()
            }
            Self::ChangedSince(version) => changed_since(*version, Language::Portuguese),
            Self::NoSuchVersion(version) => no_version(*version, Language::Portuguese),
            Self::ExtensionExists(number) => {
                format!("o ramal {number} já existe; escolha outro número")
            }
            Self::NoSuchExtension(number) => format!("não existe o ramal {number}"),
            Self::NoSuchPerson(login) => format!("não existe o login {login}"),
            Self::NoSuchService(name) => format!("não existe o serviço {name}"),
            Self::NoSuchItem(item, name) => format!("não existe {} {name:?}", item.portuguese()),
            Self::ItemExists(item, name) => {
                format!(
                    "{} {name:?} já existe; escolha outro nome",
                    item.portuguese()
                )
            }
            Self::Internal => "uma falha interna da central; veja o registro".into(),
        }
    }
}

impl From<Vec<config::Fault>> for Fault {
    fn from(faults: Vec<config::Fault>) -> Self {
        Self::Invalid(faults.into_iter().map(Invalid::from).collect())
    }
}

fn invalid(faults: &[Invalid], language: Language) -> String {
    let each: Vec<String> = faults.iter().map(|it| it.text(language)).collect();
    each.join("; ")
}

fn too_many(wait: Duration, language: Language) -> String {
    let secs = wait.as_secs() + 1;
    match language {
        Language::English => format!("too many failed attempts; try again in {secs} s"),
        Language::Portuguese => {
            format!("muitas tentativas sem sucesso; tente de novo em {secs} s")
        }
    }
}

fn changed_since(version: u64, language: Language) -> String {
    match language {
        Language::English => {
            format!("somebody else changed this since version {version}; look again and repeat")
        }
        Language::Portuguese => {
            format!("outra pessoa mudou isto desde a versão {version}; confira e repita")
        }
    }
}

fn no_version(version: u64, language: Language) -> String {
    match language {
        Language::English => {
            format!("there is no version {version}, or it is not kept any more")
        }
        Language::Portuguese => format!("não há versão {version}, ou ela não é mais guardada"),
    }
}

const NO_ENTRIES: Said = (
    "the audit trail has no entries of these days; choose others",
    "a auditoria não tem registros desses dias; escolha outros",
);

const STORE_AWAY: Said = (
    "the store does not answer, so nothing can be kept; try again in a few seconds",
    "o armazenamento não responde e nada pode ser gravado; tente em alguns segundos",
);

const NO_TRIAL: Said = (
    "this address is not being tried any more; look at Network, and set it again",
    "este endereço não está mais em teste; olhe em Rede, e configure-o de novo",
);

const TRIAL_ON: Said = (
    "an address is being tried already; keep it or go back first",
    "um endereço já está em teste; mantenha-o ou volte ao de antes primeiro",
);

const NOT_REACHED: Said = (
    "the box was not reached by the address that is tried; open this page there, and keep it then \
     (by DHCP, half a minute after it began)",
    "a central não foi alcançada pelo endereço em teste; abra esta página nele, e então o mantenha \
     (com DHCP, meio minuto após o início)",
);

/// What to write in a field of the network instead.
const GUARD_AWAY: Said = (
    "guard does not answer; try again in a few seconds",
    "o guard não responde; tente em alguns segundos",
);

/// What to do instead.
fn own_country(country: Option<Country>, address: IpAddr) -> (String, String) {
    match country {
        Some(country) => (
            format!(
                "you come from {address}, which is of {} ({country}), and would be kept out \
                 yourself; add {country} to the countries, {address} to the networks that are \
                 never banned, or do this from inside",
                country.english()
            ),
            format!(
                "você vem de {address}, que é de {} ({country}), e ficaria de fora; acrescente \
                 {country} aos países, {address} às redes que nunca são bloqueadas, ou faça isto \
                 de dentro",
                country.portuguese()
            ),
        ),
        None => (
            format!(
                "you come from {address}, whose country is not known, and would be kept out \
                 yourself; add {address} to the networks that are never banned, or do this from \
                 inside"
            ),
            format!(
                "você vem de {address}, de país desconhecido, e ficaria de fora; acrescente \
                 {address} às redes que nunca são bloqueadas, ou faça isto de dentro"
            ),
        ),
    }
}

fn not_a_network(field: &str) -> Said {
    match field {
        "network" => (
            "network: write an address or a network, as 192.0.2.7 or 192.0.2.0/24",
            "network: escreva um endereço ou uma rede, como 192.0.2.7 ou 192.0.2.0/24",
        ),
        "gateway" => (
            "gateway: write another IPv4 address of the same network, or nothing",
            "gateway: escreva outro endereço IPv4 da mesma rede, ou nada",
        ),
        "dns" => (
            "dns: write at most three IPv4 or IPv6 addresses, not names",
            "dns: escreva no máximo três endereços IPv4 ou IPv6, não nomes",
        ),
        _ => (
            "address: write an IPv4 address of the box's own with the network's length, as \
             192.168.10.5/24",
            "address: escreva um endereço IPv4 próprio da central com o tamanho da rede, como \
             192.168.10.5/24",
        ),
    }
}

const NET_AWAY: Said = (
    "net does not say which networks the box is in, and the tunnel must lead to none \
     of them; try again in a few seconds",
    "o net não diz em quais redes a central está, e o túnel não pode levar a nenhuma \
     delas; tente em alguns segundos",
);

const NO_RECOVERY_CODE: Said = (
    "there is no recovery code to show: no TPM keeps the key of the data, or somebody \
     has seen the code; have a new one made",
    "não há código de recuperação a mostrar: nenhum TPM guarda a chave dos dados, ou \
     alguém já viu o código; peça um novo",
);

const NOT_ALLOWED: Said = (
    "your role does not allow this; ask an administrator to do it or to give you \
     another role",
    "seu perfil não permite isto; peça a um administrador que o faça ou que lhe dê \
     outro perfil",
);
