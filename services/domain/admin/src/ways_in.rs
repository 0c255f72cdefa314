//! Which addresses are about ways in: there a passkey is no answer to who it is (decision 0047).

use crate::permission::Permission::OwnAccount;
use crate::routes::Access::{May, Sure};
use crate::routes::Action::{Backups, Passkeys, People, SecondFactor, Site};
use crate::routes::{OnBackups, OnPasskeys, OnPeople, OnSecondFactor, OnSite, Route, Section};

impl Route {
    /// Whether it is about what somebody signs in with, or programs in his name, or about what
    /// opens the accounts of others: a phone that was found must not make itself another way in.
    /// There a passkey is no answer to who it is. Whoever is made an administrator is seen in the
    /// change itself.
    pub(crate) const fn makes_ways_in(&self) -> bool {
        let is_own = matches!(self.access, May(OwnAccount) | Sure(OwnAccount));
        is_own
            || matches!(
                self.action,
                People(OnPeople::OneTimePassword)
                    | SecondFactor(OnSecondFactor::RemoveOf)
                    | Passkeys(OnPasskeys::RemoveAllOf)
                    | Backups(OnBackups::Restore)
                    | Site(OnSite::ChangeSection(Section::SignIn))
            )
    }

    /// Whether it leads to a second factor of one's own: all that there is for an administrator
    /// who has to have one and has none.
    pub(crate) const fn is_enrolment(&self) -> bool {
        matches!(
            self.action,
            SecondFactor(OnSecondFactor::Show | OnSecondFactor::Offer | OnSecondFactor::Keep)
                | Passkeys(OnPasskeys::List | OnPasskeys::Offer | OnPasskeys::Keep)
        )
    }
}
