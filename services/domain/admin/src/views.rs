//! What is shown: the same values become JSON for programs and HTML for people.

use ipc::masquerade::State;
use ipc::site::Site;
use ipc::sound::RecordingFile;
use ipc::store::{
    AudioReport, AuditEntry, BackupFailure, BackupTrouble, CallRecord, Outcome, ReplacedTrail,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::calendar::rfc3339;
use crate::refusals;
use crate::text::Language;
use crate::{Away, Observation};

fn of_backups(trouble: &BackupTrouble, language: Language) -> String {
    match (trouble, language) {
        (BackupTrouble::Failed(failure), _) => {
            format!(
                "{} {}",
                language.words().backup_failed,
                refusals::backup::failed(failure, language)
            )
        }
        (BackupTrouble::Overdue, Language::English) => {
            "there was no backup that proved good for two days: have one made on the page of \
             backups, and see why it fails"
                .into()
        }
        (BackupTrouble::Overdue, Language::Portuguese) => {
            "há dois dias nenhum backup se provou bom: peça um na página de backups e veja por \
             que falha"
                .into()
        }
    }
}

/// The state of the box.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct StatusView {
    pub(crate) version: String,
    pub(crate) kernel: String,
    /// `unknown`, `not-read`, `off`, `setup-mode`, `offered`, `on-at-next-start`, `on`.
    pub(crate) secure_boot: &'static str,
    pub(crate) uptime_secs: u64,
    pub(crate) boot: Vec<StageView>,
    /// The last runs of the box, the one that is on first.
    pub(crate) runs: Vec<RunView>,
    pub(crate) services: Vec<ServiceView>,
    pub(crate) phones: Vec<PhoneView>,
    pub(crate) trunks: Vec<TrunkView>,
    pub(crate) calls: Vec<LiveCallView>,
    pub(crate) network: Vec<LinkView>,
    pub(crate) store: StoreView,
    pub(crate) machine: MachineView,
    pub(crate) config_version: u64,
    /// What cannot be told or kept just now; empty on a healthy box.
    #[schemars(with = "Vec<String>")]
    pub(crate) warnings: Vec<Warning>,
}

/// Something a person should know of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Warning {
    /// A process gave no answer.
    Silent(Away),
    /// Audit entries are held in memory until the store takes them.
    Unrecorded(usize),
    /// What an installer has laid down was not taken: the fields and the fixes.
    Provision(String),
    /// Nobody has seen the code that opens the data without the TPM.
    CodeUnseen,
    /// Nobody has the code that opens backups on another box.
    BackupCodeMissing,
    /// The last backup failed, or there was no good one for long.
    Backups(BackupTrouble),
    /// A backup was restored, and nothing is stored until the box starts anew.
    AwaitsRestart,
    /// The machine started only what is signed, and no longer does.
    SecureBootLost,
    /// The address that was set cannot be used: the field.
    NetworkUnreadable(String),
    /// This trunk is not in service: its name, and its state.
    TrunkDown(String, String),
    /// So many MiB are free on the disk.
    DiskNearlyFull(u64),
    /// The machine is so hot, degrees Celsius.
    Hot(i32),
    /// The certificate of the pages has so many days left; none when it has ended.
    CertificateEnds(Option<u32>),
    /// A block of the firmware that runs is damaged.
    FirmwareDamaged,
    /// This version of the firmware runs, and has not proved good yet.
    FirmwareOnTrial(String),
    /// The box can be reached from outside, and bans are off.
    Exposed,
    /// A router hides who comes in, or seems to.
    Hidden(State),
}

impl Warning {
    /// The page where something can be done about it.
    pub(crate) const fn place(&self) -> Option<&'static str> {
        match self {
            Self::CodeUnseen
            | Self::SecureBootLost
            | Self::FirmwareDamaged
            | Self::FirmwareOnTrial(_) => Some("/firmware"),
            Self::TrunkDown(..) => Some("/trunks"),
            Self::BackupCodeMissing | Self::Backups(_) => Some("/backups"),
            Self::CertificateEnds(_) => Some("/certificate"),
            Self::Exposed => Some("/bans"),
            Self::Hidden(_) => Some("/masquerade"),
            Self::Silent(_)
            | Self::AwaitsRestart
            | Self::Unrecorded(_)
            | Self::Provision(_)
            | Self::DiskNearlyFull(_)
            | Self::Hot(_)
            | Self::NetworkUnreadable(_) => None,
        }
    }

    /// Whether something does not work; else it is only to be known.
    pub(crate) const fn is_grave(&self) -> bool {
        !matches!(
            self,
            Self::FirmwareOnTrial(_)
                | Self::CertificateEnds(Some(_))
                | Self::Hidden(State::Suspect)
        )
    }

    pub(crate) fn text(&self, language: Language) -> String {
        match (self, language) {
            (Self::TrunkDown(..) | Self::DiskNearlyFull(_) | Self::Hot(_), _)
            | (Self::FirmwareDamaged | Self::FirmwareOnTrial(_) | Self::CertificateEnds(_), _) => {
                self.of_health(language)
            }
            (Self::Backups(trouble), _) => of_backups(trouble, language),
            (Self::AwaitsRestart, _) => {
                refusals::backup::failed(&BackupFailure::AwaitsRestart, language)
            }
            (Self::Silent(away), Language::English) => away.to_string(),
            (Self::Silent(Away::Silent(service)), Language::Portuguese) => {
                format!("{service} não responde")
            }
            (Self::Silent(Away::Busy), Language::Portuguese) => "ocupado".into(),
            (Self::Provision(reasons), Language::English) => {
                format!("provision.toml was refused, nothing was changed: {reasons}")
            }
            (Self::Provision(reasons), Language::Portuguese) => {
                format!("provision.toml foi recusado, nada foi mudado: {reasons}")
            }
            (Self::Exposed, _) => language.said(EXPOSED).to_owned(),
            (Self::Hidden(state), _) => language.said(hidden(*state)).to_owned(),
            (Self::CodeUnseen, Language::English) => {
                "nobody has seen the recovery code of the data yet: without it, everything that \
                 is stored is lost when the TPM or the mainboard is replaced or cleared"
                    .into()
            }
            (Self::CodeUnseen, Language::Portuguese) => {
                "ninguém viu o código de recuperação dos dados ainda: sem ele, tudo o que está \
                 guardado se perde quando o TPM ou a placa-mãe são trocados ou apagados"
                    .into()
            }
            (Self::BackupCodeMissing, Language::English) => {
                "nobody has the backup code yet: without it, no other box can take the place of \
                 this one when it is lost"
                    .into()
            }
            (Self::BackupCodeMissing, Language::Portuguese) => {
                "ninguém tem o código de backup ainda: sem ele, nenhuma outra central pode tomar o \
                 lugar desta quando ela se perder"
                    .into()
            }
            (Self::SecureBootLost, Language::English) => {
                "Secure Boot was on at an earlier start and is off: the machine starts anything. \
                 If nobody of yours has changed its setup, find out who did. Then switch it on \
                 there, or have the box give it its keys again by the menu at the box"
                    .into()
            }
            (Self::SecureBootLost, Language::Portuguese) => {
                "o Secure Boot estava ligado numa inicialização anterior e está desligado: a \
                 máquina inicia qualquer coisa. Se ninguém da sua equipe mudou o setup dela, \
                 descubra quem foi. Depois ligue-o lá, ou peça pelo menu na própria central que \
                 ela dê as chaves de novo"
                    .into()
            }
            (Self::NetworkUnreadable(field), Language::English) => format!(
                "the address that was set cannot be used: {field} is not right, and the box asks \
                 DHCP; set it again by the menu at the box"
            ),
            (Self::NetworkUnreadable(field), Language::Portuguese) => format!(
                "o endereço configurado não pode ser usado: {field} não está certo, e a central \
                 pede um por DHCP; configure-o de novo pelo menu na própria central"
            ),
            (Self::Unrecorded(count), Language::English) => {
                format!("{count} audit entries wait for the store")
            }
            (Self::Unrecorded(count), Language::Portuguese) => {
                format!("{count} registros de auditoria aguardam o armazenamento")
            }
        }
    }
}

const EXPOSED: (&str, &str) = (
    "the box can be reached from outside and bans are off: whoever guesses passwords may go on for \
     ever; close the way in, or switch bans on",
    "a central pode ser alcançada de fora e os bloqueios estão desligados: quem adivinha senhas \
     pode continuar para sempre; feche o caminho de entrada, ou ligue os bloqueios",
);

const fn hidden(state: State) -> (&'static str, &'static str) {
    match state {
        State::Confirmed => HIDDEN,
        State::Suspect | State::None => SEEMS_HIDDEN,
    }
}

const HIDDEN: (&str, &str) = (
    "a router writes its own address as the sender of who comes in from outside (masquerade): \
     attackers cannot be banned, and extensions for inside only are refused from its address; \
     have it redirect ports without masquerade",
    "um roteador escreve o próprio endereço como remetente de quem chega de fora (masquerade): \
     atacantes não podem ser bloqueados, e ramais só internos são recusados a partir do endereço \
     dele; faça-o redirecionar portas sem masquerade",
);
const SEEMS_HIDDEN: (&str, &str) = (
    "a router seems to write its own address as the sender of who comes in from outside; look at \
     its redirect of ports",
    "um roteador parece escrever o próprio endereço como remetente de quem chega de fora; confira \
     o redirecionamento de portas nele",
);

impl Warning {
    /// What is said of trunks, disk, heat and firmware.
    fn of_health(&self, language: Language) -> String {
        let said = |english: String, portuguese: String| match language {
            Language::English => english,
            Language::Portuguese => portuguese,
        };
        match self {
            Self::TrunkDown(name, state) => said(
                format!(
                    "trunk {name:?} is not in service ({state}): no call goes out or comes in by \
                     it; check its server, user and password, and the way to the internet"
                ),
                format!(
                    "o tronco {name:?} não está em serviço ({}): nenhuma ligação sai ou entra por \
                     ele; confira servidor, usuário e senha, e o acesso à internet",
                    Language::Portuguese.trunk_state(state)
                ),
            ),
            Self::DiskNearlyFull(mib) => said(
                format!(
                    "only {mib} MiB are free on the disk: delete recordings, or keep them for \
                     less time"
                ),
                format!(
                    "só há {mib} MiB livres no disco: exclua gravações, ou guarde-as por menos \
                     tempo"
                ),
            ),
            Self::Hot(degrees) => said(
                format!("the box is {degrees} °C hot: give it air, and clean its fan"),
                format!("a central está a {degrees} °C: dê ventilação a ela e limpe o ventilador"),
            ),
            Self::CertificateEnds(None) => said(
                "the certificate of these pages has ended, and browsers do not take it any more: \
                 have the request signed again, and set what comes back"
                    .into(),
                "o certificado destas páginas terminou, e os navegadores não o aceitam mais: peça \
                 nova assinatura do pedido, e ponha o que voltar"
                    .into(),
            ),
            Self::CertificateEnds(Some(days)) => said(
                format!(
                    "the certificate of these pages ends in {days} days: have the request signed \
                     again, and set what comes back"
                ),
                format!(
                    "o certificado destas páginas termina em {days} dias: peça nova assinatura do \
                     pedido, e ponha o que voltar"
                ),
            ),
            Self::FirmwareDamaged => said(
                "the firmware that runs is damaged on the disk, and parts of it may fail: see what \
                 to do"
                    .into(),
                "o firmware em uso está danificado no disco, e partes dele podem falhar: veja o \
                 que fazer"
                    .into(),
            ),
            Self::FirmwareOnTrial(version) => said(
                format!(
                    "firmware {version} runs on trial: some minutes after its start it has proved \
                     good, and until then a restart goes back to the one before"
                ),
                format!(
                    "o firmware {version} está em teste: alguns minutos depois de iniciar ele está \
                     aprovado, e até lá um reinício volta ao anterior"
                ),
            ),
            other => other.text(language),
        }
    }
}

impl Serialize for Warning {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text(Language::English))
    }
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct StageView {
    pub(crate) stage: String,
    pub(crate) millis: u64,
}

/// From a start of the box to its end, as [`ipc::init::Run`].
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RunView {
    pub(crate) began: String,
    pub(crate) end: String,
    pub(crate) why: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ServiceView {
    pub(crate) name: String,
    pub(crate) state: String,
    pub(crate) pid: u32,
    pub(crate) restarts: u32,
    pub(crate) last_exit: String,
    pub(crate) resident_kib: u64,
    pub(crate) cpu_millis: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PhoneView {
    pub(crate) extension: String,
    pub(crate) address: String,
    pub(crate) transport: String,
    pub(crate) expires_secs: u32,
    pub(crate) user_agent: String,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TrunkView {
    pub(crate) name: String,
    pub(crate) up: bool,
    pub(crate) state: String,
    pub(crate) calls: u32,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct LiveCallView {
    pub(crate) id: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) state: String,
    pub(crate) seconds: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct LinkView {
    pub(crate) name: String,
    pub(crate) mac: String,
    pub(crate) up: bool,
    pub(crate) address: String,
    pub(crate) ipv6: Vec<String>,
    pub(crate) gateway: String,
    pub(crate) conflict_with: String,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct MachineView {
    pub(crate) memory_kib: u64,
    pub(crate) available_kib: u64,
    pub(crate) load_1_minute: f64,
    /// Whole degrees Celsius; none where nothing measures it.
    pub(crate) temperature: Option<i32>,
}

#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct StoreView {
    pub(crate) file_bytes: u64,
    pub(crate) free_bytes: u64,
    pub(crate) warning: String,
}

impl StatusView {
    /// What the services said, and a warning for each that said nothing.
    pub(crate) fn new(seen: Observation, config_version: u64, version: &str) -> Self {
        let mut view = Self {
            config_version,
            version: version.to_owned(),
            machine: MachineView {
                memory_kib: seen.machine.memory_kib,
                available_kib: seen.machine.available_kib,
                load_1_minute: seen.machine.load_1_minute,
                temperature: seen.machine.temperature,
            },
            ..Self::default()
        };
        let heat = seen.machine.temperature.filter(|it| *it >= HOT_DEGREES);
        view.warnings.extend(heat.map(Warning::Hot));
        match seen.init {
            Ok(status) => view.take_init(status),
            Err(away) => view.warnings.push(Warning::Silent(away)),
        }
        match seen.pbx {
            Ok(status) => view.take_pbx(status),
            Err(away) => view.warnings.push(Warning::Silent(away)),
        }
        match seen.net {
            Ok(status) => view.take_net(status),
            Err(away) => view.warnings.push(Warning::Silent(away)),
        }
        match seen.store {
            Ok(health) => {
                view.store = StoreView {
                    file_bytes: health.file_bytes,
                    free_bytes: health.free_bytes,
                    warning: health.warning,
                };
                let mib = health.free_bytes / (1024 * 1024);
                // Nothing at all is what the store says itself.
                if (1..FREE_MIB_MIN).contains(&mib) {
                    view.warnings.push(Warning::DiskNearlyFull(mib));
                }
                if health.is_backup_code_missing {
                    view.warnings.push(Warning::BackupCodeMissing);
                }
                view.warnings.extend(health.backups.map(Warning::Backups));
                if health.needs_restart {
                    view.warnings.push(Warning::AwaitsRestart);
                }
            }
            Err(away) => {
                view.store.warning = away.to_string();
            }
        }
        // Where the updater gives no answer, the services say so.
        if let Ok(status) = seen.update {
            view.take_update(status);
        }
        view
    }

    fn take_update(&mut self, status: ipc::update::Status) {
        let Some(slot) = status.slots.into_iter().find(|slot| slot.is_running) else {
            return;
        };
        if slot.is_damaged {
            self.warnings.push(Warning::FirmwareDamaged);
        }
        if matches!(slot.condition, ipc::update::Condition::OnTrial { .. }) {
            self.warnings.push(Warning::FirmwareOnTrial(slot.version));
        }
    }

    fn take_init(&mut self, status: ipc::init::Status) {
        self.version = status.version;
        self.kernel = status.kernel;
        self.secure_boot = status.secure_boot.name();
        self.uptime_secs = status.uptime_secs;
        let stage = |(stage, millis)| StageView { stage, millis };
        self.boot = status.boot.into_iter().map(stage).collect();
        let run = |run: ipc::init::Run| RunView {
            began: rfc3339(run.began.saturating_mul(1000)),
            end: run.end,
            why: run.why,
        };
        self.runs = status.runs.into_iter().rev().map(run).collect();
        let service = |service: ipc::init::Service| ServiceView {
            name: service.name,
            state: service.state,
            pid: service.pid,
            restarts: service.restarts,
            last_exit: service.last_exit,
            resident_kib: service.resident_kib,
            cpu_millis: service.cpu_millis,
        };
        self.services = status.services.into_iter().map(service).collect();
        if !status.provision_refusal.is_empty() {
            self.warnings
                .push(Warning::Provision(status.provision_refusal));
        }
        if status.is_code_unseen {
            self.warnings.push(Warning::CodeUnseen);
        }
        if status.is_secure_boot_lost {
            self.warnings.push(Warning::SecureBootLost);
        }
    }

    fn take_pbx(&mut self, status: ipc::pbx::Status) {
        let phone = |phone: ipc::pbx::Phone| PhoneView {
            extension: phone.extension,
            address: phone.address,
            transport: phone.transport,
            expires_secs: phone.expires_secs,
            user_agent: phone.user_agent,
        };
        self.phones = status.phones.into_iter().map(phone).collect();
        let trunk = |trunk: ipc::pbx::Trunk| TrunkView {
            name: trunk.name,
            up: trunk.up,
            state: trunk.state,
            calls: trunk.calls,
        };
        self.trunks = status.trunks.into_iter().map(trunk).collect();
        let fails = |it: &&TrunkView| !it.up && it.state != "not enabled";
        let down = self.trunks.iter().filter(fails);
        let down = down.map(|it| Warning::TrunkDown(it.name.clone(), it.state.clone()));
        self.warnings.extend(down);
        let call = |call: ipc::pbx::Call| LiveCallView {
            id: call.id,
            from: call.from,
            to: call.to,
            state: call.state,
            seconds: call.seconds,
        };
        self.calls = status.calls.into_iter().map(call).collect();
    }

    fn take_net(&mut self, status: ipc::net::Status) {
        if !status.unreadable.is_empty() {
            let warning = Warning::NetworkUnreadable(status.unreadable);
            self.warnings.push(warning);
        }
        self.network = status.links.into_iter().map(LinkView::new).collect();
    }
}

impl LinkView {
    pub(crate) fn new(link: ipc::net::Link) -> Self {
        Self {
            name: link.name,
            mac: link.mac,
            up: link.up,
            address: link.address,
            ipv6: link.ipv6,
            gateway: link.gateway,
            conflict_with: link.conflict_with,
        }
    }
}

/// From here on a machine is too hot; parts of most begin to slow down some degrees above.
const HOT_DEGREES: i32 = 85;
/// With less room than this, recordings and records soon have none.
const FREE_MIB_MIN: u64 = 512;

/// An extension, without its secrets.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct ExtensionView {
    pub(crate) number: String,
    pub(crate) display_name: String,
    pub(crate) remote: bool,
}

impl ExtensionView {
    /// Every extension, by number.
    pub(crate) fn all(site: &Site) -> Vec<Self> {
        let mut all: Vec<Self> = site.extensions.iter().map(Self::new).collect();
        all.sort_by(|a, b| a.number.cmp(&b.number));
        all
    }

    pub(crate) fn new(extension: &ipc::site::Extension) -> Self {
        Self {
            number: extension.number.clone(),
            display_name: extension.display_name.clone(),
            remote: extension.remote,
        }
    }

    /// The state as the audit trail keeps it.
    pub(crate) fn for_audit(&self) -> String {
        format!(
            "display name {:?}, remote {}",
            self.display_name, self.remote
        )
    }
}

/// A call on record.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CallView {
    pub(crate) id: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) source: String,
    pub(crate) started: String,
    pub(crate) answered: Option<String>,
    pub(crate) ended: Option<String>,
    pub(crate) outcome: &'static str,
    pub(crate) status: u16,
    /// Whole seconds from answer to end; 0 when not answered or not ended.
    pub(crate) duration_secs: i64,
    pub(crate) dtmf_digits: u32,
    pub(crate) packets_to_callee: u64,
    pub(crate) packets_to_caller: u64,
    /// The trunk it came or went by; empty for none.
    pub(crate) trunk: String,
    /// What came from the caller.
    pub(crate) caller_audio: AudioView,
    /// What came from the callee.
    pub(crate) callee_audio: AudioView,
    /// File names of its recordings, in order.
    pub(crate) recordings: Vec<String>,
    /// Why it is not recorded, or not to its end; empty otherwise.
    pub(crate) recording_fault: String,
    /// The extension it was for first, as that had last to do with the caller's number; empty for
    /// none.
    pub(crate) called_back: String,
}

impl From<CallRecord> for CallView {
    fn from(call: CallRecord) -> Self {
        let talked = match (call.answered_millis, call.ended_millis) {
            (Some(answered), Some(ended)) => ended.saturating_sub(answered).max(0) / 1000,
            _ => 0,
        };
        Self {
            id: call.id,
            from: call.from,
            to: call.to,
            source: call.source,
            started: rfc3339(call.started_millis),
            answered: call.answered_millis.map(rfc3339),
            ended: call.ended_millis.map(rfc3339),
            outcome: outcome_name(call.outcome),
            status: call.status,
            duration_secs: talked,
            dtmf_digits: call.dtmf_digits,
            packets_to_callee: call.packets_to_callee,
            packets_to_caller: call.packets_to_caller,
            trunk: call.trunk,
            caller_audio: AudioView::from(call.caller_audio),
            callee_audio: AudioView::from(call.callee_audio),
            recordings: call.recordings,
            recording_fault: call.recording_fault,
            called_back: call.called_back,
        }
    }
}

/// How the sound of one side arrived at the box.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct AudioView {
    /// Format last sent; empty when nothing came.
    pub(crate) codec: String,
    /// Packets that came, and that never did.
    pub(crate) received: u64,
    pub(crate) lost: u64,
    /// Milliseconds by which they came unevenly.
    pub(crate) jitter_millis: f64,
    /// Estimated quality, 1 (bad) to 4.5 (as good as it gets); none while unknown.
    pub(crate) mos: Option<f64>,
}

impl From<AudioReport> for AudioView {
    fn from(audio: AudioReport) -> Self {
        let mos = (audio.mos_hundredths > 0).then(|| f64::from(audio.mos_hundredths) / 100.0);
        Self {
            codec: audio.codec,
            received: audio.received,
            lost: audio.lost,
            jitter_millis: f64::from(audio.jitter_micros) / 1000.0,
            mos,
        }
    }
}

/// A recording.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RecordingView {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    /// When it was last written to.
    pub(crate) modified: String,
    /// It is being written.
    pub(crate) open: bool,
}

impl From<RecordingFile> for RecordingView {
    fn from(file: RecordingFile) -> Self {
        Self {
            name: file.name,
            bytes: file.bytes,
            modified: rfc3339(file.modified_millis),
            open: file.is_open,
        }
    }
}

const fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ongoing => "ongoing",
        Outcome::EndedByCaller => "ended-by-caller",
        Outcome::EndedByCallee => "ended-by-callee",
        Outcome::EndedByBox => "ended-by-box",
        Outcome::Cancelled => "cancelled",
        Outcome::Refused => "refused",
        Outcome::NoAnswer => "no-answer",
        Outcome::NotFound => "not-found",
        Outcome::Unreachable => "unreachable",
        Outcome::Rejected => "rejected",
        Outcome::Interrupted => "interrupted",
        Outcome::Transferred => "transferred",
    }
}

/// An entry of the audit trail.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct AuditView {
    pub(crate) sequence: u64,
    pub(crate) at: String,
    pub(crate) who: String,
    pub(crate) from: String,
    pub(crate) action: String,
    pub(crate) before: String,
    pub(crate) after: String,
    pub(crate) hash: String,
}

/// What a check of the whole audit trail found.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TrailView {
    /// Every entry fits the one before.
    pub(crate) whole: bool,
    pub(crate) entries: u64,
    pub(crate) first: Option<u64>,
    pub(crate) last: Option<u64>,
    /// Hash of the last entry.
    pub(crate) head: String,
    /// The first that does not fit.
    pub(crate) broken: Option<u64>,
    /// The public key that exported trails are signed by.
    pub(crate) signed_by: String,
    /// The trails that restores have replaced, newest first.
    pub(crate) replaced: Vec<ReplacedView>,
}

/// An audit trail that a restore has replaced.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ReplacedView {
    pub(crate) name: String,
    /// When it was replaced.
    pub(crate) at: String,
    pub(crate) bytes: u64,
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// Hash of the last entry.
    pub(crate) head: String,
    /// The box has written it so; none where that was not checked.
    pub(crate) whole: Option<bool>,
}

impl From<ReplacedTrail> for ReplacedView {
    fn from(from: ReplacedTrail) -> Self {
        Self {
            name: from.name,
            at: rfc3339(from.at_millis),
            bytes: from.bytes,
            first: from.first,
            last: from.last,
            head: from.head,
            whole: from.is_whole,
        }
    }
}

impl From<AuditEntry> for AuditView {
    fn from(entry: AuditEntry) -> Self {
        Self {
            sequence: entry.sequence,
            at: rfc3339(entry.at_millis),
            who: entry.audit.who,
            from: entry.audit.from,
            action: entry.audit.action,
            before: entry.audit.before,
            after: entry.audit.after,
            hash: entry.hash,
        }
    }
}
