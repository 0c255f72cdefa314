//! What may be done, and which role may what.
//!
//! A role is a fixed set of permissions: what a person may do is told by one word, and whose calls
//! they see by their extensions and grants. Nobody but administrators and auditors sees calls of
//! others by the role alone (R5, R6).

use ipc::site::{Person, Role};

use crate::form::Said;

/// Something that may be done. Each address names the one it asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Permission {
    /// See the state of the box: services, phones, trunks, calls in progress of whoever one may
    /// see the calls of.
    SeeStatus,
    /// Read the configuration and its history.
    SeeConfiguration,
    /// Change it.
    ChangeConfiguration,
    /// Read the audit trail.
    SeeAudit,
    /// Read who may sign in, and as what.
    SeePeople,
    /// Add, change and remove people, and give them leave to see others' calls.
    ManagePeople,
    /// Updates, restarts, and the services.
    ManageBox,
    /// What opens or ends what is stored: backups, the recovery code, the factory reset, how long
    /// data of people is kept.
    ManageData,
    /// Look after one's own account: its second factor and tokens.
    OwnAccount,
    /// See calls: one's own and those one was granted.
    SeeCalls,
    /// See everybody's calls, and what was spent.
    SeeEveryCall,
    /// Hear the recordings of the calls one may see.
    HearRecordings,
    /// Delete recordings, also by keeping them for less time or in less room.
    DeleteRecordings,
    /// See whole numbers of people outside in calls of others. By the role administrators alone;
    /// others may be given it.
    SeeWholeNumbers,
    /// Read what the services of the box say.
    SeeLog,
    /// Trace SIP messages, whoever's they are.
    TraceCalls,
    /// Capture packets of the network card: who sends what to whom.
    CapturePackets,
    /// Capture them whole, with what is said.
    CaptureVoices,
}

/// A set of permissions.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Permissions(u32);

impl Permissions {
    /// All there are.
    pub(crate) const ALL: Self = Self(u32::MAX);

    const fn set(all: &[Permission]) -> Self {
        let mut set = 0;
        let mut left = all;
        while let [first, rest @ ..] = left {
            set |= first.bit();
            left = rest;
        }
        Self(set)
    }

    /// What a role may do.
    pub(crate) const fn of_role(role: Role) -> Self {
        use Permission::{
            CapturePackets, ChangeConfiguration, HearRecordings, ManageBox, OwnAccount, SeeAudit,
            SeeCalls, SeeConfiguration, SeeEveryCall, SeeLog, SeePeople, SeeStatus, TraceCalls,
        };
        match role {
            Role::Administrator => Self::ALL,
            Role::Installer => Self::set(&[
                SeeStatus,
                SeeConfiguration,
                ChangeConfiguration,
                ManageBox,
                OwnAccount,
                SeeCalls,
                SeeLog,
                TraceCalls,
                CapturePackets,
            ]),
            Role::Supervisor => Self::set(&[SeeStatus, OwnAccount, SeeCalls, HearRecordings]),
            Role::Operator => Self::set(&[SeeStatus, OwnAccount, SeeCalls]),
            Role::User => Self::set(&[OwnAccount, SeeCalls, HearRecordings]),
            Role::Auditor => Self::set(&[
                SeeStatus,
                SeeConfiguration,
                SeeAudit,
                SeePeople,
                OwnAccount,
                SeeCalls,
                SeeEveryCall,
            ]),
        }
    }

    /// What somebody may do: what his role says, and what he was given besides.
    pub(crate) fn of(person: &Person) -> Self {
        let of_role = Self::of_role(person.role);
        match person.whole_numbers {
            true => Self(of_role.0 | Permission::SeeWholeNumbers.bit()),
            false => of_role,
        }
    }

    /// Those of these that are in it.
    pub(crate) fn only(self, given: impl IntoIterator<Item = Permission>) -> Self {
        let bits = given.into_iter().fold(0, |set, it| set | it.bit());
        Self(self.0 & bits)
    }

    /// Whether all of the others are in it.
    pub(crate) const fn covers(self, others: Self) -> bool {
        others.0 & !self.0 == 0
    }

    /// Whether this may be done.
    pub(crate) const fn has(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }
}

impl std::fmt::Debug for Permissions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Permissions({:#b})", self.0)
    }
}

impl Permission {
    /// Every one there is.
    pub(crate) const ALL: [Self; 18] = [
        Self::SeeStatus,
        Self::SeeConfiguration,
        Self::ChangeConfiguration,
        Self::SeeAudit,
        Self::SeePeople,
        Self::ManagePeople,
        Self::ManageBox,
        Self::ManageData,
        Self::OwnAccount,
        Self::SeeCalls,
        Self::SeeEveryCall,
        Self::HearRecordings,
        Self::DeleteRecordings,
        Self::SeeWholeNumbers,
        Self::SeeLog,
        Self::TraceCalls,
        Self::CapturePackets,
        Self::CaptureVoices,
    ];

    /// The permission of that name; `None` for one that only a newer firmware knows.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// The name it has in the API and in a token.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::SeeStatus => "see-status",
            Self::SeeConfiguration => "see-configuration",
            Self::ChangeConfiguration => "change-configuration",
            Self::SeeAudit => "see-audit",
            Self::SeePeople => "see-people",
            Self::ManagePeople => "manage-people",
            Self::ManageBox => "manage-box",
            Self::ManageData => "manage-data",
            Self::OwnAccount => "own-account",
            Self::SeeCalls => "see-calls",
            Self::SeeEveryCall => "see-every-call",
            Self::HearRecordings => "hear-recordings",
            Self::DeleteRecordings => "delete-recordings",
            Self::SeeWholeNumbers => "see-whole-numbers",
            Self::SeeLog => "see-log",
            Self::TraceCalls => "trace-calls",
            Self::CapturePackets => "capture-packets",
            Self::CaptureVoices => "capture-voices",
        }
    }

    /// What people call it.
    pub(crate) const fn said(self) -> Said {
        match self {
            Self::SeeStatus => ("see the state of the box", "ver a situação da central"),
            Self::SeeConfiguration => ("read the configuration", "ler a configuração"),
            Self::ChangeConfiguration => ("change the configuration", "mudar a configuração"),
            Self::SeeAudit => ("read the audit trail", "ler a auditoria"),
            Self::SeePeople => ("read who may sign in", "ler quem pode entrar"),
            Self::ManagePeople => ("manage people", "gerir pessoas"),
            Self::ManageBox => (
                "update and restart the box",
                "atualizar e reiniciar a central",
            ),
            Self::ManageData => (
                "recovery code, restore and factory reset",
                "código de recuperação, restauração e reset de fábrica",
            ),
            Self::OwnAccount => ("look after one's own account", "cuidar da própria conta"),
            Self::SeeCalls => (
                "see the calls you may see",
                "ver as ligações que você pode ver",
            ),
            Self::SeeEveryCall => (
                "see everybody's calls and what was spent",
                "ver as ligações de todos e os gastos",
            ),
            Self::HearRecordings => (
                "hear recordings of these calls",
                "ouvir as gravações dessas ligações",
            ),
            Self::DeleteRecordings => ("delete recordings", "excluir gravações"),
            Self::SeeWholeNumbers => (
                "see whole numbers in calls of others",
                "ver números inteiros nas ligações de outros",
            ),
            Self::SeeLog => ("read the log of the box", "ler o log da central"),
            Self::TraceCalls => ("trace SIP messages", "rastrear mensagens SIP"),
            Self::CapturePackets => ("capture packets", "capturar pacotes"),
            Self::CaptureVoices => (
                "capture whole packets, with voices",
                "capturar pacotes inteiros, com as vozes",
            ),
        }
    }

    /// Whether a program may have it in somebody's name: not what gives rights, or opens or ends
    /// what is stored.
    pub(crate) const fn is_for_tokens(self) -> bool {
        match self {
            Self::ManagePeople
            | Self::ManageData
            | Self::OwnAccount
            | Self::DeleteRecordings
            | Self::TraceCalls
            | Self::CapturePackets
            | Self::CaptureVoices => false,
            Self::SeeStatus
            | Self::SeeConfiguration
            | Self::ChangeConfiguration
            | Self::SeeAudit
            | Self::SeePeople
            | Self::ManageBox
            | Self::SeeCalls
            | Self::SeeEveryCall
            | Self::HearRecordings
            | Self::SeeWholeNumbers
            | Self::SeeLog => true,
        }
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_administrator_may_do_everything_and_nobody_else_may_manage_people() {
        for role in Role::ALL {
            let may = Permissions::of_role(role);
            let administers = role == Role::Administrator;
            for permission in [Permission::ManagePeople, Permission::ManageData] {
                assert_eq!(may.has(permission), administers, "{role:?} {permission:?}");
            }
            assert!(may.has(Permission::SeeCalls), "their own: {role:?}");
            assert!(may.has(Permission::OwnAccount), "{role:?}");
        }
        let nobody = Permissions::default();
        assert!(!nobody.has(Permission::SeeStatus) && !nobody.has(Permission::DeleteRecordings));
    }
}
