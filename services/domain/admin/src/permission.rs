//! What may be done, and which role may what.
//!
//! A role is a fixed set of permissions: what a person may do is told by one word, and whose calls
//! they see by their extensions and grants. Nobody but administrators and auditors sees calls of
//! others by the role alone (R5, R6).

use ipc::site::Role;

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
    /// What opens or ends all that is stored: the recovery code and the factory reset.
    ManageData,
    /// Look after one's own account: its second factor.
    OwnAccount,
    /// See calls: one's own and those one was granted.
    SeeCalls,
    /// See everybody's calls, and what was spent.
    SeeEveryCall,
    /// Hear the recordings of the calls one may see.
    HearRecordings,
    /// Delete recordings.
    DeleteRecordings,
}

/// A set of permissions.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Permissions(u16);

impl Permissions {
    /// All there are.
    pub(crate) const ALL: Self = Self(u16::MAX);

    const fn of(all: &[Permission]) -> Self {
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
            ChangeConfiguration, HearRecordings, ManageBox, OwnAccount, SeeAudit, SeeCalls,
            SeeConfiguration, SeeEveryCall, SeePeople, SeeStatus,
        };
        match role {
            Role::Administrator => Self::ALL,
            Role::Installer => Self::of(&[
                SeeStatus,
                SeeConfiguration,
                ChangeConfiguration,
                ManageBox,
                OwnAccount,
                SeeCalls,
            ]),
            Role::Supervisor => Self::of(&[SeeStatus, OwnAccount, SeeCalls, HearRecordings]),
            Role::Operator => Self::of(&[SeeStatus, OwnAccount, SeeCalls]),
            Role::User => Self::of(&[OwnAccount, SeeCalls, HearRecordings]),
            Role::Auditor => Self::of(&[
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
    const fn bit(self) -> u16 {
        1 << self as u16
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
