//! Firmware, machine and services.

use ipc::init::SecureBoot;
use ipc::update::Condition;

use crate::facts::Facts;
use crate::finding::{Finding, Subject, Text};
use crate::time::days;

/// How old the firmware is, and by which way a newer one comes (R57).
pub(crate) fn firmware_age(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::FirmwareAge;
    let Some(built) = facts.built_secs.filter(|it| *it > 0) else {
        return Finding::unknown(SUBJECT, NO_DATE, RUN_AN_IMAGE);
    };
    if !facts.is_clock_believed {
        return Finding::timeless(SUBJECT);
    }
    let built = i64::try_from(built)
        .unwrap_or(i64::MAX)
        .saturating_mul(1_000);
    let age = days(built, facts.clock_millis).max(0);
    let version = &facts.version;
    let found = Text::new(
        format!(
            "Firmware {version} is {age} days old. The box looks for no update by itself: \
             updates come by the page, an address or a USB stick."
        ),
        format!(
            "O firmware {version} tem {age} dias. A central não procura atualizações sozinha: \
             elas vêm pela página, por um endereço ou por um pendrive."
        ),
    );
    match age {
        OLD_DAYS.. => Finding::danger(SUBJECT, found, UPDATE),
        RENEW_DAYS..OLD_DAYS => Finding::look(SUBJECT, found, UPDATE),
        ..RENEW_DAYS => Finding::good(SUBJECT, found),
    }
}

/// Whose signature the box takes updates by.
pub(crate) fn firmware_keys(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::FirmwareKeys;
    match &facts.update {
        None => Finding::silent(SUBJECT, "update"),
        Some(update) if update.slots.is_empty() => {
            Finding::unknown(SUBJECT, NO_SLOTS, RUN_AN_IMAGE)
        }
        Some(update) if update.is_development => Finding::danger(SUBJECT, DEVELOPMENT, RELEASED),
        Some(update) => Finding::good(
            SUBJECT,
            Text::new(
                format!("Only updates signed by {} are taken.", update.keys),
                format!("Só atualizações assinadas por {} são aceitas.", update.keys),
            ),
        ),
    }
}

/// Whether the running slot is whole, and has proved good.
pub(crate) fn firmware_state(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::FirmwareState;
    let Some(update) = &facts.update else {
        return Finding::silent(SUBJECT, "update");
    };
    let Some(running) = update.slots.iter().find(|it| it.is_running) else {
        return Finding::unknown(SUBJECT, NO_SLOTS, RUN_AN_IMAGE);
    };
    match running.condition {
        _ if running.is_damaged => Finding::danger(SUBJECT, DAMAGED, INSTALL_AGAIN),
        Condition::Good => Finding::good(SUBJECT, WHOLE),
        Condition::OnTrial { .. } => Finding::look(SUBJECT, ON_TRIAL, WAIT),
        Condition::Bad | Condition::Empty => Finding::danger(SUBJECT, NOT_GOOD, INSTALL_AGAIN),
    }
}

/// The machine starts only what is signed.
pub(crate) fn secure_boot(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::SecureBoot;
    let Some(init) = &facts.init else {
        return Finding::silent(SUBJECT, "init");
    };
    if init.is_secure_boot_lost {
        return Finding::danger(SUBJECT, BOOT_LOST, WHO_CHANGED);
    }
    match init.secure_boot {
        SecureBoot::On => Finding::good(SUBJECT, BOOT_ON),
        SecureBoot::AtNextStart => Finding::look(SUBJECT, BOOT_NEXT, RESTART),
        SecureBoot::Off | SecureBoot::Setup | SecureBoot::Offered => {
            Finding::look(SUBJECT, BOOT_OFF, SWITCH_BOOT_ON)
        }
        SecureBoot::Unknown | SecureBoot::NotRead => {
            Finding::unknown(SUBJECT, BOOT_UNKNOWN, SEE_SETUP)
        }
    }
}

/// Ages, logs and call records are only as right as the clock.
pub(crate) fn clock(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::Clock;
    match facts.is_clock_believed {
        false => Finding::danger(SUBJECT, CLOCK_WRONG, SET_CLOCK),
        true => Finding::unknown(SUBJECT, CLOCK_UNPROVED, COMPARE_CLOCK),
    }
}

/// Room on the disk, and what the store says of it.
pub(crate) fn disk(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::Disk;
    let Some(store) = &facts.store else {
        return Finding::silent(SUBJECT, "store");
    };
    if !store.warning.is_empty() {
        return Finding::danger(SUBJECT, STORE_WARNS, MEND_DISK)
            .naming(vec![Text::same(store.warning.clone())]);
    }
    let mib = store.free_bytes / 1_048_576;
    let found = Text::new(
        format!("{mib} MiB are free. How worn the disk is, the box does not read."),
        format!("Há {mib} MiB livres. O desgaste do disco a central não lê."),
    );
    match mib {
        ..FREE_MIB_MIN => Finding::danger(SUBJECT, found, MAKE_ROOM),
        FREE_MIB_MIN..FREE_MIB_LOW => Finding::look(SUBJECT, found, MAKE_ROOM),
        FREE_MIB_LOW.. => Finding::good(SUBJECT, found),
    }
}

/// Every service is ready, and stays so.
pub(crate) fn services(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::Services;
    let Some(init) = facts.init.as_ref().filter(|it| !it.services.is_empty()) else {
        return Finding::silent(SUBJECT, "init");
    };
    let list = |wanted: &dyn Fn(&ipc::init::Service) -> bool| -> Vec<Text> {
        let found = init.services.iter().filter(|it| wanted(it));
        found
            .map(|it| Text::same(format!("{}: {}, {}×", it.name, it.state, it.restarts)))
            .collect()
    };
    let away = list(&|it| it.state != "ready");
    if !away.is_empty() {
        return Finding::danger(SUBJECT, NOT_READY, SEE_STATE).naming(away);
    }
    let restless = list(&|it| it.restarts >= RESTARTS_MANY);
    match restless.is_empty() {
        true => Finding::good(SUBJECT, ALL_READY),
        false => Finding::look(SUBJECT, RESTLESS, SEE_LOGS).naming(restless),
    }
}

/// Runs that nobody has ended.
pub(crate) fn power(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::Power;
    let Some(init) = facts.init.as_ref().filter(|it| !it.runs.is_empty()) else {
        return Finding::unknown(SUBJECT, NO_RUNS, LOOK_LATER);
    };
    let count = |end: &str| init.runs.iter().filter(|it| it.end == end).count();
    let (hung, cut) = (count("watchdog"), count("unexpected"));
    let all = init.runs.len();
    let found = Text::new(
        format!("Of the last {all} runs, {cut} ended without notice (power), {hung} hung."),
        format!(
            "Das últimas {all} execuções, {cut} acabaram sem aviso (energia), {hung} travaram."
        ),
    );
    match (hung, cut) {
        (0, 0) => Finding::good(SUBJECT, found),
        (0, _) => Finding::look(SUBJECT, found, UPS),
        _ => Finding::danger(SUBJECT, found, TELL_SUPPORT),
    }
}

/// What wears a machine out, and what makes it slow.
pub(crate) fn heat_and_memory(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::Machine;
    let Some(machine) = facts.machine.filter(|it| it.memory_kib > 0) else {
        return Finding::unknown(SUBJECT, NO_MACHINE, LOOK_LATER);
    };
    let percent = machine.available_kib.saturating_mul(100) / machine.memory_kib.max(1);
    if percent < MEMORY_PERCENT_MIN {
        let found = Text::new(
            format!("Only {percent} % of the memory can be had."),
            format!("Só {percent} % da memória está disponível."),
        );
        return Finding::look(SUBJECT, found, MORE_MEMORY);
    }
    let Some(degrees) = machine.temperature else {
        return Finding::unknown(SUBJECT, NO_SENSOR, FEEL_IT);
    };
    let found = Text::new(
        format!("{degrees} °C at its hottest part; {percent} % of the memory can be had."),
        format!("{degrees} °C na parte mais quente; {percent} % da memória disponível."),
    );
    match degrees {
        ..HOT_DEGREES => Finding::good(SUBJECT, found),
        _ => Finding::danger(SUBJECT, found, GIVE_AIR),
    }
}

/// Phones find the box at an address that stays.
pub(crate) fn address(facts: &Facts) -> Finding {
    const SUBJECT: Subject = Subject::Address;
    let Some(net) = &facts.net else {
        return Finding::silent(SUBJECT, "net");
    };
    if !net.unreadable.is_empty() {
        return Finding::danger(SUBJECT, UNREADABLE, SET_ADDRESS);
    }
    if net.links.iter().any(|it| !it.conflict_with.is_empty()) {
        return Finding::danger(SUBJECT, CONFLICT, FREE_ADDRESS);
    }
    if net.addresses().next().is_none() {
        return Finding::danger(SUBJECT, NO_ADDRESS, SET_ADDRESS);
    }
    match net.set {
        Some(_) => Finding::good(SUBJECT, FIXED),
        None => Finding::look(SUBJECT, BY_DHCP, RESERVE),
    }
}

/// Firmware is renewed at least so often.
const RENEW_DAYS: i64 = 180;
/// Older, it lacks a year of corrections.
const OLD_DAYS: i64 = 365;
const FREE_MIB_MIN: u64 = 512;
const FREE_MIB_LOW: u64 = 2_048;
/// Restarts of one service since the start that are more than bad luck.
const RESTARTS_MANY: u32 = 3;
const MEMORY_PERCENT_MIN: u64 = 10;
const HOT_DEGREES: i32 = 85;

const NO_DATE: (&str, &str) = (
    "Could not be checked: the programs do not run from an image that says when it was made.",
    "Não foi possível verificar: os programas não rodam de uma imagem que diga quando foi feita.",
);
const RUN_AN_IMAGE: (&str, &str) = ("Install a released image.", "Instale uma imagem lançada.");
const UPDATE: (&str, &str) = (
    "Fetch the newest release, and install it on the page of the firmware; a version that does \
     not prove good is taken back by itself.",
    "Obtenha a versão mais nova e instale-a na página de firmware; uma versão que não se provar \
     boa é desfeita sozinha.",
);
const NO_SLOTS: (&str, &str) = (
    "Could not be checked: the box was not started from a firmware slot.",
    "Não foi possível verificar: a central não foi iniciada de um slot de firmware.",
);
const DEVELOPMENT: (&str, &str) = (
    "The box takes updates signed by development keys, which many people have.",
    "A central aceita atualizações assinadas por chaves de desenvolvimento, que muita gente tem.",
);
const RELEASED: (&str, &str) = (
    "Install a released image on this box before it is a customer's.",
    "Instale uma imagem lançada nesta central antes de ela ser de um cliente.",
);
const DAMAGED: (&str, &str) = (
    "The firmware that runs is damaged on the disk.",
    "O firmware em uso está danificado no disco.",
);
const INSTALL_AGAIN: (&str, &str) = (
    "Install an update, or go back to the version before, on the page of the firmware; when it \
     comes back, change the disk.",
    "Instale uma atualização, ou volte à versão anterior, na página de firmware; se voltar a \
     acontecer, troque o disco.",
);
const WHOLE: (&str, &str) = (
    "The firmware that runs has proved good, and every block read of it is the one that was \
     signed.",
    "O firmware em uso está aprovado, e todo bloco lido dele é o que foi assinado.",
);
const ON_TRIAL: (&str, &str) = (
    "The firmware runs on trial: a restart now goes back to the one before.",
    "O firmware está em teste: um reinício agora volta ao anterior.",
);
const WAIT: (&str, &str) = (
    "Wait some minutes, and open the report again.",
    "Espere alguns minutos e abra o relatório de novo.",
);
const NOT_GOOD: (&str, &str) = (
    "The firmware that runs has not proved good.",
    "O firmware em uso não se provou bom.",
);
const BOOT_LOST: (&str, &str) = (
    "Secure Boot was on at an earlier start and is off: the machine starts anything.",
    "O Secure Boot estava ligado numa inicialização anterior e está desligado: a máquina inicia \
     qualquer coisa.",
);
const WHO_CHANGED: (&str, &str) = (
    "If nobody of yours has changed the setup of the machine, find out who did; then switch it \
     on again.",
    "Se ninguém da sua equipe mudou o setup da máquina, descubra quem foi; depois ligue-o de \
     novo.",
);
const BOOT_ON: (&str, &str) = (
    "The machine starts only what is signed.",
    "A máquina só inicia o que está assinado.",
);
const BOOT_NEXT: (&str, &str) = (
    "The machine has the keys of the box, and heeds them from its next start on.",
    "A máquina tem as chaves da central, e as respeita a partir da próxima inicialização.",
);
const RESTART: (&str, &str) = ("Restart the box.", "Reinicie a central.");
const BOOT_OFF: (&str, &str) = (
    "The machine starts anything: whoever stands before it can start another system.",
    "A máquina inicia qualquer coisa: quem estiver diante dela pode iniciar outro sistema.",
);
const SWITCH_BOOT_ON: (&str, &str) = (
    "Put the firmware of the machine into setup mode, and give it the keys by the menu at the \
     box; set a password for its setup.",
    "Ponha o firmware da máquina em modo de setup, e dê-lhe as chaves pelo menu na própria \
     central; ponha senha no setup.",
);
const BOOT_UNKNOWN: (&str, &str) = (
    "Could not be checked: the machine does not say whether it starts only what is signed.",
    "Não foi possível verificar: a máquina não diz se só inicia o que está assinado.",
);
const SEE_SETUP: (&str, &str) = (
    "See in the setup of the machine whether it has Secure Boot.",
    "Veja no setup da máquina se ela tem Secure Boot.",
);
const CLOCK_WRONG: (&str, &str) = (
    "The clock shows a time before the firmware was made: call records, logs and the audit trail \
     are dated wrong.",
    "O relógio mostra uma hora anterior ao firmware: registros de ligações, logs e auditoria têm \
     datas erradas.",
);
const SET_CLOCK: (&str, &str) = (
    "Set the clock in the setup of the machine, and change its battery when it forgets it.",
    "Acerte o relógio no setup da máquina, e troque a bateria se ele esquecer a hora.",
);
const CLOCK_UNPROVED: (&str, &str) = (
    "The clock can be right, but how far it is off could not be checked: the box asks no time \
     server.",
    "O relógio pode estar certo, mas não foi possível verificar quanto está desviado: a central \
     não consulta servidor de hora.",
);
const COMPARE_CLOCK: (&str, &str) = (
    "Compare the time at the top of this report with that of a telephone when you open it.",
    "Compare a hora no alto deste relatório com a de um celular ao abri-lo.",
);
const STORE_WARNS: (&str, &str) = (
    "What is stored is in danger:",
    "O que está guardado corre perigo:",
);
const MEND_DISK: (&str, &str) = (
    "Do what it says; download a backup, and have another disk at hand.",
    "Faça o que diz; baixe um backup, e tenha outro disco à mão.",
);
const MAKE_ROOM: (&str, &str) = (
    "Delete recordings, or keep them for less time.",
    "Exclua gravações, ou guarde-as por menos tempo.",
);
const NOT_READY: (&str, &str) = (
    "These services are not ready:",
    "Estes serviços não estão prontos:",
);
const SEE_STATE: (&str, &str) = (
    "See why on the state page; restart the box when one stays so.",
    "Veja por quê na página de situação; reinicie a central se algum continuar assim.",
);
const ALL_READY: (&str, &str) = (
    "Every service is ready.",
    "Todos os serviços estão prontos.",
);
const RESTLESS: (&str, &str) = (
    "These services were restarted often since the start:",
    "Estes serviços foram reiniciados muitas vezes desde a inicialização:",
);
const SEE_LOGS: (&str, &str) = (
    "Send their lines of the page Log to support.",
    "Envie as linhas deles da página Log ao suporte.",
);
const NO_RUNS: (&str, &str) = (
    "Could not be checked: the box has no list of its runs.",
    "Não foi possível verificar: a central não tem a lista das suas execuções.",
);
const LOOK_LATER: (&str, &str) = (
    "Open the report again later.",
    "Abra o relatório de novo mais tarde.",
);
const UPS: (&str, &str) = (
    "Put box, router and switch on a UPS.",
    "Ponha central, roteador e switch num nobreak.",
);
const TELL_SUPPORT: (&str, &str) = (
    "Tell support, with the page Log; test the memory of the machine.",
    "Avise o suporte, com a página Log; teste a memória da máquina.",
);
const NO_MACHINE: (&str, &str) = (
    "Could not be checked: the machine does not say how much memory it has.",
    "Não foi possível verificar: a máquina não diz quanta memória tem.",
);
const MORE_MEMORY: (&str, &str) = (
    "See on the state page which service takes it; restart that service, and tell support.",
    "Veja na página de situação qual serviço a ocupa; reinicie-o e avise o suporte.",
);
const NO_SENSOR: (&str, &str) = (
    "Could not be checked: nothing in the machine measures its heat.",
    "Não foi possível verificar: nada na máquina mede a temperatura.",
);
const FEEL_IT: (&str, &str) = (
    "See that it has air on all sides and that its fan turns.",
    "Veja que ela tem ar de todos os lados e que o ventilador gira.",
);
const GIVE_AIR: (&str, &str) = (
    "Give it air, and clean its fan.",
    "Dê ventilação a ela e limpe o ventilador.",
);
const UNREADABLE: (&str, &str) = (
    "The address that was set cannot be used, and the box asks DHCP.",
    "O endereço configurado não pode ser usado, e a central pede um por DHCP.",
);
const SET_ADDRESS: (&str, &str) = (
    "Set the address on the page Network or by the menu at the box, and see that the cable is in.",
    "Configure o endereço na página Rede ou pelo menu na própria central, e veja se o cabo está \
     ligado.",
);
const CONFLICT: (&str, &str) = (
    "Another machine uses the address of the box: phones reach now the one, now the other.",
    "Outra máquina usa o endereço da central: os telefones alcançam ora uma, ora outra.",
);
const FREE_ADDRESS: (&str, &str) = (
    "Give one of the two another address; the state page has the hardware address of the other.",
    "Dê outro endereço a uma das duas; a página de situação mostra o endereço físico da outra.",
);
const NO_ADDRESS: (&str, &str) = ("The box has no address.", "A central não tem endereço.");
const FIXED: (&str, &str) = (
    "The address of the box is fixed.",
    "O endereço da central é fixo.",
);
const BY_DHCP: (&str, &str) = (
    "The address of the box comes from DHCP: phones that were set to it lose the box when it \
     changes.",
    "O endereço da central vem por DHCP: telefones configurados com ele perdem a central quando \
     ele muda.",
);
const RESERVE: (&str, &str) = (
    "Reserve the address for the box in the router, or set a fixed one on the page Network.",
    "Reserve o endereço para a central no roteador, ou configure um fixo na página Rede.",
);
