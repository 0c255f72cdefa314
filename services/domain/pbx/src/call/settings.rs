//! Settings that people change at their phones: a code, and a tone that says it is done.

use ipc::sound::{Clip, Source};
use ipc::store::PhoneChange;

use super::{CONFIRM_TIME, Calls, Tools};
use crate::interface::Output;
use crate::leg::LegId;

impl Calls {
    /// Changes a setting: the store changes the site, and the new one comes back from there.
    pub(super) fn change_setting(
        &mut self,
        tools: &mut Tools<'_>,
        leg: LegId,
        record: &str,
        change: PhoneChange,
    ) {
        tools.core.emit(Output::Change(change));
        self.accept(tools, leg, record);
        self.leave(tools, leg, Source::Clip(Clip::Confirm), CONFIRM_TIME);
    }
}
