//! Backups, the key of the data, and the certificate.

use ipc::update::{DataKey, RecoveryCode};

use crate::facts::Facts;
use crate::finding::{Finding, Subject, Text};
use crate::time::{DAY_SECS, days};

/// There is a backup of these days that was restored on trial (R21, R28, T10).
pub(crate) fn backup(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::Backup;
    let Some(backups) = &facts.backups else {
        return Finding::silent(SUBJECT, "store");
    };
    let proved = backups.files.iter().filter(|it| it.is_proved);
    let Some(newest) = proved.map(|it| it.taken_millis).max() else {
        let is_new = facts
            .init
            .as_ref()
            .is_some_and(|it| it.uptime_secs < DAY_SECS);
        return match is_new && backups.files.is_empty() && backups.failed.is_none() {
            true => Finding::look(SUBJECT, NONE_YET, HAVE_ONE_MADE),
            false => Finding::danger(SUBJECT, NONE_PROVED, HAVE_ONE_MADE),
        };
    };
    if !facts.is_clock_believed {
        return Finding::timeless(SUBJECT);
    }
    let age = days(newest, facts.clock_millis);
    let count = backups.files.len();
    let found = Text::new(
        format!(
            "{count} backups on the box; the newest that a trial restore proved is {age} days old."
        ),
        format!(
            "{count} backups na central; o mais novo provado por restauração de teste tem {age} \
             dias."
        ),
    );
    // One that is dated ahead tells nothing of its age.
    match age {
        ..0 => Finding::look(SUBJECT, found, CLOCK_WAS_WRONG),
        0..=AGE_MAX_DAYS if backups.failed.is_none() => Finding::good(SUBJECT, found),
        0..=AGE_MAX_DAYS => Finding::look(SUBJECT, found, LAST_FAILED),
        _ => Finding::danger(SUBJECT, found, HAVE_ONE_MADE),
    }
}

/// Whether one lies elsewhere no box can know (R22).
pub(crate) fn copy(_: &Facts) -> Finding {
    Finding::unknown(Subject::BackupCopy, COPY_UNKNOWN, TAKE_ONE_AWAY)
}

/// Somebody has the code: without it no other box can take the place of this one (R60).
pub(crate) fn code(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::BackupCode;
    match &facts.backups {
        None => Finding::silent(SUBJECT, "store"),
        Some(backups) if backups.has_code => Finding::good(SUBJECT, CODE_KNOWN),
        Some(_) => Finding::danger(SUBJECT, CODE_MISSING, MAKE_CODE),
    }
}

/// Who takes the disk away reads nothing.
pub(crate) fn key(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::DataKey;
    let Some(update) = &facts.update else {
        return Finding::silent(SUBJECT, "update");
    };
    match update.data_key {
        None => Finding::unknown(SUBJECT, NO_KEY, SEE_LOG),
        Some(DataKey::OnDisk) => Finding::look(SUBJECT, KEY_ON_DISK, USE_TPM),
        Some(DataKey::Sealed(RecoveryCode::Unseen)) => {
            Finding::look(SUBJECT, SEALED_UNSEEN, SEE_CODE)
        }
        Some(DataKey::Sealed(RecoveryCode::Shown | RecoveryCode::Renewed)) => {
            Finding::good(SUBJECT, SEALED)
        }
    }
}

/// Browsers can tell the box from somebody who pretends to be it (R1).
pub(crate) fn certificate(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::Certificate;
    let Some(certificate) = &facts.certificate else {
        return Finding::silent(SUBJECT, "web");
    };
    if !facts.is_clock_believed {
        return Finding::timeless(SUBJECT);
    }
    let left = days(facts.clock_millis, certificate.until_millis);
    let kind = match certificate.is_self_signed {
        true => ("Signed by the box itself", "Assinado pela própria central"),
        false => ("Signed by an authority", "Assinado por uma autoridade"),
    };
    let found = Text::new(
        format!("{}; {left} days left.", kind.0),
        format!("{}; faltam {left} dias.", kind.1),
    );
    match (left, certificate.is_self_signed) {
        (..0, _) => Finding::danger(SUBJECT, found, RENEW),
        (_, true) => Finding::look(SUBJECT, found, HAVE_SIGNED),
        (0..RENEW_DAYS, false) => Finding::look(SUBJECT, found, RENEW),
        (_, false) => Finding::good(SUBJECT, found),
    }
}

/// Older, something is wrong: one is made each day.
const AGE_MAX_DAYS: i64 = 2;
/// So many days before its end a certificate is renewed.
const RENEW_DAYS: i64 = 30;

const NONE_YET: (&str, &str) = (
    "There is no backup yet; the box makes one each day, and was started less than a day ago.",
    "Ainda não há backup; a central faz um por dia, e foi ligada há menos de um dia.",
);
const NONE_PROVED: (&str, &str) = (
    "There is no backup that a trial restore has proved.",
    "Não há backup provado por uma restauração de teste.",
);
const HAVE_ONE_MADE: (&str, &str) = (
    "Have one made on the page of backups, and see there why it fails if it does.",
    "Peça um na página de backups, e veja lá por que falha, se falhar.",
);
const CLOCK_WAS_WRONG: (&str, &str) = (
    "It is dated ahead: the clock was wrong when it was made, or is now. Set the clock, and have \
     a backup made.",
    "A data está no futuro: o relógio estava errado quando foi feito, ou está agora. Acerte o \
     relógio e peça um backup.",
);
const LAST_FAILED: (&str, &str) = (
    "The last one failed: the page of backups says why.",
    "O último falhou: a página de backups diz por quê.",
);
const COPY_UNKNOWN: (&str, &str) = (
    "Could not be checked: whether a backup lies anywhere but on this box, which may burn or be \
     stolen.",
    "Não foi possível verificar: se há um backup em outro lugar que não esta central, que pode \
     queimar ou ser roubada.",
);
const TAKE_ONE_AWAY: (&str, &str) = (
    "Download one on the page of backups, and keep it and the backup code in two places away \
     from the box.",
    "Baixe um na página de backups, e guarde-o e o código de backup em dois lugares longe da \
     central.",
);
const CODE_KNOWN: (&str, &str) = (
    "Somebody was given the code that opens backups on another box.",
    "Alguém recebeu o código que abre backups em outra central.",
);
const CODE_MISSING: (&str, &str) = (
    "Nobody has the code that opens backups: no other box can take the place of this one.",
    "Ninguém tem o código que abre backups: nenhuma outra central pode tomar o lugar desta.",
);
const MAKE_CODE: (&str, &str) = (
    "Have an administrator make the code on the page of backups, and keep it on paper.",
    "Que um administrador faça o código na página de backups, e o guarde em papel.",
);
const NO_KEY: (&str, &str) = (
    "Could not be checked: the box does not say where the key of its data is.",
    "Não foi possível verificar: a central não diz onde está a chave dos dados.",
);
const SEE_LOG: (&str, &str) = (
    "See the page of the firmware and the log, and start the box anew.",
    "Veja a página de firmware e o log, e reinicie a central.",
);
const KEY_ON_DISK: (&str, &str) = (
    "Data are encrypted, but the key lies on the same disk: whoever takes the disk reads them.",
    "Os dados são cifrados, mas a chave está no mesmo disco: quem levar o disco os lê.",
);
const USE_TPM: (&str, &str) = (
    "Use a machine with a TPM 2.0 switched on in its setup; until then keep the box behind a \
     lock.",
    "Use uma máquina com TPM 2.0 ligado no setup; até lá, mantenha a central trancada.",
);
const SEALED_UNSEEN: (&str, &str) = (
    "The TPM keeps the key of the data, and nobody has seen the recovery code: a broken \
     mainboard loses everything.",
    "O TPM guarda a chave dos dados, e ninguém viu o código de recuperação: uma placa-mãe \
     queimada perde tudo.",
);
const SEE_CODE: (&str, &str) = (
    "Have an administrator read the recovery code on the page of the firmware, and keep it on \
     paper.",
    "Que um administrador leia o código de recuperação na página de firmware, e o guarde em \
     papel.",
);
const SEALED: (&str, &str) = (
    "Data are encrypted, the TPM keeps the key, and the recovery code was given out.",
    "Os dados são cifrados, o TPM guarda a chave, e o código de recuperação foi entregue.",
);
const RENEW: (&str, &str) = (
    "Have the request signed again, and set what comes back, on the page of the certificate.",
    "Peça nova assinatura do pedido, e ponha o que voltar, na página do certificado.",
);
const HAVE_SIGNED: (&str, &str) = (
    "Have an authority sign the request of the page of the certificate; until then compare the \
     fingerprint with that on the box's screen.",
    "Peça a uma autoridade que assine o pedido da página do certificado; até lá, compare a \
     impressão digital com a da tela da central.",
);
