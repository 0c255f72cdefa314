//! A change of the site: made on the newest version, committed together with its audit entry, and
//! made again when somebody else was faster.

use ipc::site::{Person, Retention, Role, Site};
use ipc::store;

use super::countries;
use super::patch::differences;
use crate::admin::{Admin, Caller};
use crate::fault::{Fault, Invalid, PeopleFault};
use crate::passkeys::is_guarded;
use crate::permission::Permission;
use crate::step::{Away, Moment, Step};

type Edit = Box<dyn Fn(&mut Site) -> Result<(), Fault> + Send>;
type Done = Box<dyn FnOnce(&mut Admin, Moment) -> Step + Send>;

/// What to change, and what to do once it is durable.
pub(crate) struct Change {
    pub(crate) caller: Caller,
    pub(crate) audit: store::Audit,
    /// Makes the change; an error leaves everything as it is.
    pub(crate) edit: Edit,
    /// Answers.
    pub(crate) done: Done,
}

impl Change {
    /// Commits.
    pub(crate) fn commit(self, admin: &Admin) -> Step {
        self.attempt(admin, TRIES_MAX, false)
    }

    /// Commits; the audit entry tells what it changed of the site it was made on.
    pub(crate) fn commit_telling(self, admin: &Admin) -> Step {
        self.attempt(admin, TRIES_MAX, true)
    }

    fn attempt(mut self, admin: &Admin, tries: u8, is_told: bool) -> Step {
        let Some((base, present)) = &admin.site else {
            return self.caller.refuse(&Fault::Starting);
        };
        let (base, mut site) = (*base, present.clone());
        // Whoever was switched off, or lost the role or the token, while this waited.
        if !admin.is_still_there(&self.caller) {
            return self.caller.refuse(&Fault::SignInFirst);
        }
        let made = (self.edit)(&mut site).and_then(|()| {
            may_have(&self.caller, present, &site)?;
            countries::may_refuse(admin, &self.caller, present, &site)?;
            // The store looks too; here somebody is told in his language.
            config::Site::parse(&site)?;
            if is_told {
                self.audit.after = differences(present, &site)?.join("; ");
            }
            Ok(())
        });
        if let Err(fault) = made {
            // Where one was used and is no answer, it is not asked for again.
            self.caller.confirms_by_passkey &= !self.caller.is_sure;
            return self.caller.refuse(&fault);
        }
        let request = store::Request::Commit {
            base,
            audit: self.audit.clone(),
            site: site.clone(),
        };
        Step::Store(
            request,
            Box::new(move |admin, moment, reply| match reply {
                Ok(store::Reply::Committed { version }) => {
                    admin.configure(version, site);
                    (self.done)(admin, moment)
                }
                Ok(store::Reply::Conflict { .. }) if tries > 1 => self.refetch(tries - 1, is_told),
                other => self.caller.refuse(&unkept(other)),
            }),
        )
    }

    fn refetch(self, tries: u8, is_told: bool) -> Step {
        Step::Store(
            store::Request::Config,
            Box::new(move |admin, _, reply| match reply {
                Ok(store::Reply::Config { version, site }) => {
                    admin.configure(version, site);
                    self.attempt(admin, tries, is_told)
                }
                other => self.caller.refuse(&unkept(other)),
            }),
        )
    }
}

/// Whether a caller may have things so, by whatever way it comes about. Less time or room deletes
/// some of what is kept: that is for whoever may delete them. That, what is asked at a sign-in, and
/// the end of all bans want the password: guesses go on where they were stopped (R69).
fn may_have(caller: &Caller, before: &Site, after: &Site) -> Result<(), Fault> {
    let recordings = (&before.recording, &after.recording);
    let loses_recordings = recordings.1.keep_days < recordings.0.keep_days
        || recordings.1.max_mib < recordings.0.max_mib;
    let loses_data = is_any_shorter(before.retention, after.retention);
    if loses_recordings && !caller.may(Permission::DeleteRecordings) {
        return Err(PeopleFault::KeepsLess.into());
    }
    if loses_data && !caller.may(Permission::ManageData) {
        return Err(PeopleFault::DeletesSooner.into());
    }
    let asks_otherwise = before.sign_in != after.sign_in;
    if asks_otherwise {
        may_ask_otherwise(caller, before, after)?;
    }
    let ends_bans = before.guard.on && !after.guard.on;
    let is_sure = caller.is_sure || !(loses_recordings || loses_data || ends_bans);
    // A found phone must not open the box to whoever has found it.
    let opens = asks_otherwise || makes_administrator(before, after);
    match is_sure && (caller.has_said_password || !opens) {
        true => Ok(()),
        false => Err(PeopleFault::ConfirmFirst.into()),
    }
}

/// Whether somebody is an administrator who was none.
fn makes_administrator(before: &Site, after: &Site) -> bool {
    let is_one = |it: &&Person| it.role == Role::Administrator && !it.disabled;
    let was_one = |login: &str| {
        before
            .people
            .iter()
            .filter(is_one)
            .any(|it| it.login == login)
    };
    after
        .people
        .iter()
        .filter(is_one)
        .any(|it| !was_one(&it.login))
}

/// Whether a caller may have something else asked of people at a sign-in, by whatever way it comes
/// about. Who asks a second factor of administrators has one himself, and the clock can be right:
/// with one that is wrong nobody could set up an app, and all of them would be locked out. That he
/// has one proves no clock: it may be a passkey, or an app of before.
fn may_ask_otherwise(caller: &Caller, before: &Site, after: &Site) -> Result<(), Fault> {
    if !caller.may(Permission::ManagePeople) {
        return Err(Fault::NotAllowed);
    }
    let (before, asks) = (before.sign_in, after.sign_in);
    let is_new = asks.administrators_second_factor && !before.administrators_second_factor;
    let own = after.people.iter().find(|it| it.login == caller.login);
    if is_new && own.is_some_and(|it| !is_guarded(it)) {
        return Err(PeopleFault::OwnFactorFirst.into());
    }
    match is_new && !caller.has_clock {
        true => Err(PeopleFault::ClockFirst.into()),
        false => Ok(()),
    }
}

/// Every field is named here: with one that is added this does not compile.
const fn is_any_shorter(before: Retention, after: Retention) -> bool {
    let Retention {
        calls_days,
        quality_days,
        audit_days,
        versions_days,
    } = before;
    after.calls_days < calls_days
        || after.quality_days < quality_days
        || after.audit_days < audit_days
        || after.versions_days < versions_days
}

/// Why the store did not do as asked.
pub(crate) fn unkept(reply: Result<store::Reply, Away>) -> Fault {
    match reply {
        Ok(store::Reply::Conflict { .. }) => Fault::ChangedMeanwhile,
        Ok(store::Reply::Invalid { faults }) => {
            Fault::Invalid(faults.into_iter().map(Invalid::Said).collect())
        }
        Ok(store::Reply::Failed { reason }) => Fault::NotKept(reason),
        Ok(_) => Fault::Internal,
        Err(_) => Fault::StoreAway,
    }
}

/// Two administrators at once are ordinary; losing this often in a row is not.
const TRIES_MAX: u8 = 4;
