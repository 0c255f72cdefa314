//! A finding, and what there are findings about.

/// A sentence or word in English and in Portuguese.
pub type Said = (&'static str, &'static str);

/// A sentence in both languages of the box.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Text {
    /// In English.
    pub english: String,
    /// In Brazilian Portuguese.
    pub portuguese: String,
}

impl Text {
    /// These two.
    pub fn new(english: impl Into<String>, portuguese: impl Into<String>) -> Self {
        Self {
            english: english.into(),
            portuguese: portuguese.into(),
        }
    }

    /// What is the same in both: a name, a number.
    pub fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self::new(text.clone(), text)
    }
}

impl From<Said> for Text {
    fn from((english, portuguese): Said) -> Self {
        Self::new(english, portuguese)
    }
}

/// What kind of finding it is, the most urgent first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verdict {
    /// To be mended now.
    Danger,
    /// To be looked at.
    Look,
    /// It could not be checked, which is not good.
    Unknown,
    /// It was checked, and is good.
    Good,
}

impl Verdict {
    /// Every one, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Danger, Self::Look, Self::Unknown, Self::Good];

    /// As programs know it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Danger => "danger",
            Self::Look => "look",
            Self::Unknown => "not-checked",
            Self::Good => "good",
        }
    }
}

/// What one rule says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// About what.
    pub subject: Subject,
    /// Of which kind.
    pub verdict: Verdict,
    /// What was found.
    pub found: Text,
    /// What to do; `None` where nothing is to be done.
    pub fix: Option<Text>,
    /// Which ones, where it is about several.
    pub details: Vec<Text>,
}

impl Finding {
    /// It was checked, and is good.
    pub(crate) fn good(subject: Subject, found: impl Into<Text>) -> Self {
        Self {
            subject,
            verdict: Verdict::Good,
            found: found.into(),
            fix: None,
            details: Vec::new(),
        }
    }

    /// To be looked at.
    pub(crate) fn look(subject: Subject, found: impl Into<Text>, fix: impl Into<Text>) -> Self {
        Self::with(subject, Verdict::Look, found.into(), fix.into())
    }

    /// To be mended now.
    pub(crate) fn danger(subject: Subject, found: impl Into<Text>, fix: impl Into<Text>) -> Self {
        Self::with(subject, Verdict::Danger, found.into(), fix.into())
    }

    /// It could not be checked.
    pub(crate) fn unknown(subject: Subject, found: impl Into<Text>, fix: impl Into<Text>) -> Self {
        Self::with(subject, Verdict::Unknown, found.into(), fix.into())
    }

    /// A service did not say what is judged here.
    pub(crate) fn silent(subject: Subject, service: &str) -> Self {
        Self::unknown(
            subject,
            Text::new(
                format!("Could not be checked: {service} did not answer."),
                format!("Não foi possível verificar: {service} não respondeu."),
            ),
            (
                "See on the state page how the service is, and open the report again.",
                "Veja na página de situação como está o serviço e abra o relatório de novo.",
            ),
        )
    }

    /// The box has not loaded what people have configured.
    pub(crate) fn unloaded(subject: Subject) -> Self {
        Self::silent(subject, "store")
    }

    /// The clock cannot be right, so no age can be told.
    pub(crate) fn timeless(subject: Subject) -> Self {
        Self::unknown(
            subject,
            (
                "Could not be checked: the clock of the box cannot be right, so nothing can be \
                 said of ages and days.",
                "Não foi possível verificar: o relógio da central não pode estar certo, então \
                 nada se pode dizer de idades e dias.",
            ),
            (
                "Set the clock in the setup of the machine, and open the report again.",
                "Acerte o relógio no setup da máquina e abra o relatório de novo.",
            ),
        )
    }

    fn with(subject: Subject, verdict: Verdict, found: Text, fix: Text) -> Self {
        Self {
            subject,
            verdict,
            found,
            fix: Some(fix),
            details: Vec::new(),
        }
    }

    /// The same, with which ones.
    pub(crate) fn naming(self, details: Vec<Text>) -> Self {
        Self { details, ..self }
    }
}

/// Declares what there are findings about: the name programs know it by, what people call it, the
/// page where it is mended, and the requirements it is about. `R` and `T` number the requirements,
/// `F` fraud controls, `H` the hardening gates; the rest names the catalogue it is from.
macro_rules! subjects {
    ($($(#[$doc:meta])* $variant:ident $name:literal $english:literal $portuguese:literal
        $place:literal [$($requirement:literal)*];)*) => {
        /// What a finding is about.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Subject { $($(#[$doc])* $variant),* }

        impl Subject {
            /// Every one there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// As programs know it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// What people call it.
            #[must_use]
            pub const fn title(self) -> Said {
                match self { $(Self::$variant => ($english, $portuguese)),* }
            }

            /// The page where it is mended; empty where none is.
            #[must_use]
            pub const fn place(self) -> &'static str {
                match self { $(Self::$variant => $place),* }
            }

            /// The requirements it is about.
            #[must_use]
            pub const fn requirements(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($requirement),*]),* }
            }
        }
    };
}

subjects! {
    /// Somebody outside reaches the box.
    Outside "outside" "Reached from outside" "Alcançada de fora" "/bans"
        ["R80" "T8" "H1"];
    /// Bans, and whether they have to be on.
    Bans "bans" "Bans" "Bloqueios" "/bans" ["R55" "R69" "T8"];
    /// The router hides who comes.
    Masquerade "masquerade" "Masquerade in the router" "Masquerade no roteador"
        "/masquerade" ["R67" "R68" "T7"];
    /// What counts as inside.
    InternalNetworks "internal-networks" "Internal networks" "Redes internas"
        "/settings/networks" ["R51" "R68"];
    /// From where the pages are opened.
    WebReach "web-reach" "Who reaches these pages" "Quem alcança estas páginas" "/network"
        ["R80" "Ato 77 5.1.2"];
    /// Phones that are registered without encryption.
    PhoneSignalling "phone-signalling" "Encrypted registration (TLS)"
        "Registro cifrado (TLS)" "/extensions" ["R51" "ASVS 17.2"];
    /// Sound that is not encrypted.
    MediaEncryption "media-encryption" "Encrypted sound (SRTP)" "Áudio cifrado (SRTP)"
        "/extensions" ["ASVS 17.2" "Ato 77 5.1.6"];
    /// Passwords of extensions.
    ExtensionPasswords "extension-passwords" "Passwords of extensions" "Senhas dos ramais"
        "/extensions" ["R7" "R52"];
    /// Extensions that may register from outside and do not.
    RemoteExtensions "remote-extensions" "Remote extensions" "Ramais remotos" "/extensions"
        ["R51" "R70"];
    /// People who sign in with a password alone.
    SecondFactor "second-factor" "Second factor" "Segundo fator" "/people"
        ["R71" "ASVS 6.3.3"];
    /// Accounts nobody has taken.
    OneTimePasswords "one-time-passwords" "Accounts nobody has taken"
        "Contas que ninguém assumiu" "/people" ["R3" "H3" "Ato 77 5.1.4"];
    /// Routes that are too wide.
    Routes "routes" "Routes" "Rotas" "/routes" ["R64" "R65" "R66"];
    /// What a stolen extension costs.
    BlastRadius "blast-radius" "What a stolen extension can cost"
        "Quanto um ramal roubado pode custar" "/extensions" ["R66" "F5" "F16"];
    /// How trunks are protected on their way.
    TrunkEncryption "trunk-encryption" "Encryption towards carriers"
        "Criptografia com as operadoras" "/trunks" ["ASVS 17.2"];
    /// How the box knows carriers.
    TrunkAuthentication "trunk-authentication" "How carriers are recognized"
        "Como as operadoras são reconhecidas" "/trunks" ["R66" "F11"];
    /// Trunks that are down.
    TrunkService "trunk-service" "Trunks in service" "Troncos em serviço" "/trunks" ["R12"];
    /// Backups on the box.
    Backup "backup" "Backups" "Backups" "/backups" ["R21" "R28" "R56" "T10"];
    /// Backups elsewhere.
    BackupCopy "backup-copy" "A backup away from the box" "Um backup fora da central"
        "/backups" ["R22" "R60" "H13"];
    /// The code that opens them.
    BackupCode "backup-code" "Backup code" "Código de backup" "/backups" ["R60" "H13"];
    /// Where the key of the data is.
    DataKey "data-key" "Data at rest" "Dados em repouso" "/firmware"
        ["R19" "Ato 77 5.1.6" "H12"];
    /// The certificate of the pages.
    Certificate "certificate" "Certificate of the pages" "Certificado das páginas"
        "/certificate" ["R1" "ASVS 12.1"];
    /// How old the firmware is, and how it is renewed.
    FirmwareAge "firmware-age" "Age of the firmware" "Idade do firmware" "/firmware"
        ["R57" "Ato 77 5.1.1" "Ato 77 6.1"];
    /// Whose signature it takes.
    FirmwareKeys "firmware-keys" "Who signs updates" "Quem assina atualizações" "/firmware"
        ["R57" "Ato 77 5.1.1"];
    /// Whether it is whole.
    FirmwareState "firmware-state" "State of the firmware" "Estado do firmware" "/firmware"
        ["H4" "Ato 77 5.1.3"];
    /// Whether the machine starts only what is signed.
    SecureBoot "secure-boot" "Secure Boot" "Secure Boot" "/firmware" ["H4" "Ato 77 5.1.3"];
    /// The clock.
    Clock "clock" "Clock" "Relógio" "/" ["R35" "R40"];
    /// The disk.
    Disk "disk" "Disk" "Disco" "/" ["R19"];
    /// Services that do not run.
    Services "services" "Services" "Serviços" "/" ["R12" "R58"];
    /// Power cuts.
    Power "power" "Power and restarts" "Energia e reinícios" "/" ["R58"];
    /// Heat and memory.
    Machine "machine" "Heat and memory" "Temperatura e memória" "/" ["R58"];
    /// The box's own address.
    Address "address" "Address of the box" "Endereço da central" "/network" ["R61"];
}
