//! A mix: each of its members hears the sum of all the others.

use rtp::Rate;
use rtp::mixer::Mix;
use rtp::resample::Resampler;
use sansio::Instant;

use super::hearing::World;
use super::leg::Leg;

/// A mix and what it needs between two ticks.
#[derive(Debug)]
pub(crate) struct Mixing {
    members: Vec<Member>,
    mix: Mix,
}

/// Somebody in a mix.
#[derive(Debug)]
struct Member {
    slot: usize,
    from: Rate,
    resampler: Resampler,
    /// What it said in this tick, at the rate of the mix.
    said: Vec<i16>,
}

impl Default for Mixing {
    fn default() -> Self {
        Self {
            members: Vec::new(),
            mix: Mix::new(MIX_RATE),
        }
    }
}

impl Mixing {
    /// Mixes one frame of everybody. `id` names the mix as a speaker.
    pub(crate) fn tick(
        &mut self,
        now: Instant,
        id: u64,
        legs: &mut [Option<Box<Leg>>],
        packet: &mut Vec<u8>,
        world: &mut impl World,
    ) {
        self.mix.clear();
        for member in &mut self.members {
            if let Some(leg) = legs.get(member.slot).and_then(Option::as_ref) {
                member.take(leg.voice.said());
                self.mix.add(&member.said);
            }
        }
        let mut heard = [0; MIX_RATE.frame()];
        for member in &self.members {
            let Some(leg) = legs.get_mut(member.slot).and_then(Option::as_mut) else {
                continue;
            };
            if leg.is_pressing() {
                continue;
            }
            self.mix.without(&member.said, &mut heard);
            leg.say(now, id, (MIX_RATE, &heard), packet, world);
        }
    }

    /// Adds somebody.
    pub(crate) fn join(&mut self, slot: usize) {
        self.members.push(Member {
            slot,
            from: MIX_RATE,
            resampler: Resampler::new(MIX_RATE, MIX_RATE),
            said: Vec::with_capacity(MIX_RATE.frame()),
        });
    }

    /// Takes somebody out; whether nobody is left.
    pub(crate) fn leave(&mut self, slot: usize) -> bool {
        self.members.retain(|member| member.slot != slot);
        self.members.is_empty()
    }
}

impl Member {
    fn take(&mut self, (rate, frame): (Rate, &[i16])) {
        if rate != self.from {
            self.from = rate;
            self.resampler = Resampler::new(rate, MIX_RATE);
        }
        self.said.clear();
        self.resampler.convert(frame, &mut self.said);
    }
}

/// The rate of every mix: what the best phone has.
const MIX_RATE: Rate = Rate::Wide;
