//! What an answer means for the question it was given to.

use sansio::Instant;

use super::AwayNode;
use super::events::{Answer, Command, Digest};
use super::memory::Trouble;
use super::node::LOOK_AGAIN;
use super::steps::There;

impl AwayNode {
    /// What was asked, and what is said to it. What is no answer to it makes no sense.
    pub(super) fn judge(
        &mut self,
        now: Instant,
        command: Command,
        answer: Answer,
    ) -> Result<(), Trouble> {
        match (command, answer) {
            (_, Answer::Invalid) => return Err(Trouble::Invalid),
            (_, Answer::Failed) => return Err(Trouble::Away),
            (Command::Put { .. } | Command::Finish { .. }, Answer::Full) => {
                return self.make_room(now);
            }
            (_, Answer::Full) => return Err(Trouble::Full),
            (Command::CheckCredential, Answer::Valid) => {
                self.memory.is_better(Trouble::Invalid);
            }
            (Command::List, Answer::Listed { whole, begun }) => {
                let listed = There::read(whole, begun).ok_or(Trouble::NoSense)?;
                self.listed(now, listed);
            }
            (Command::Put { archive, .. } | Command::Finish { archive, .. }, Answer::Gone) => {
                let here = self.here.get_or_insert_default();
                here.retain(|it| it.kept.name != archive);
            }
            (
                Command::Put {
                    archive,
                    part,
                    digest,
                    ..
                },
                Answer::Put(said),
            ) => {
                if said != digest {
                    return self.differs(now, &archive, Some(part));
                }
                self.differed.part_is_right(&archive, part);
                self.there()?.put(&archive, part, digest);
            }
            (
                Command::Finish {
                    archive,
                    bytes,
                    parts,
                },
                Answer::Finished {
                    bytes: said,
                    digest,
                },
            ) => {
                if said != bytes || digest != Digest::of_parts(&parts) {
                    return self.differs(now, &archive, None);
                }
                self.differed.is_right(&archive);
                self.there()?.finished(&archive, bytes, digest);
                self.memory.copied(archive, bytes, digest);
                self.got_there(now);
            }
            (Command::Abandon { archive }, Answer::Done) => self.there()?.abandoned(&archive),
            (Command::Delete { archive }, Answer::Done) => {
                self.there()?.deleted(&archive);
                let mut here = self.here.iter().flatten();
                let is_here = here.any(|it| it.kept.name == archive);
                self.memory.deleted(archive, is_here);
            }
            _ => return Err(Trouble::NoSense),
        }
        Ok(())
    }

    /// What a round knows of the place; its list comes before all that changes it.
    fn there(&mut self) -> Result<&mut There, Trouble> {
        self.there.as_mut().ok_or(Trouble::NoSense)
    }

    fn listed(&mut self, now: Instant, listed: There) {
        let here = self.here.as_deref().unwrap_or_default();
        self.memory.compare(&listed, here);
        let parts = listed.progress(&self.plan(self.now_millis(now)));
        self.came_to(parts);
        self.there = Some(listed);
    }

    /// No room ends the round where nothing there is too much; else that goes first.
    fn make_room(&mut self, now: Instant) -> Result<(), Trouble> {
        let Some(mut there) = self.there.take() else {
            return Err(Trouble::Full);
        };
        let can = there.make_room(&self.plan(self.now_millis(now)));
        self.there = Some(there);
        can.then_some(()).ok_or(Trouble::Full)
    }

    /// It has something else than was sent. Once ends the round; what does so again rests for a
    /// day, and the others go on.
    fn differs(&mut self, now: Instant, archive: &str, part: Option<u32>) -> Result<(), Trouble> {
        let rests = self.differed.note(archive, part, now + LOOK_AGAIN);
        if !rests {
            return Err(Trouble::Differs);
        }
        self.memory.failed(Trouble::Differs);
        if part.is_none() {
            // What it has by that name now is no copy.
            let there = self.there()?;
            there.abandoned(archive);
            there.deleted(archive);
            self.memory.forget(archive);
        }
        Ok(())
    }
}
