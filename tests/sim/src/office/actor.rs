//! What people do all day, and what goes wrong meanwhile, at random.

use std::time::Duration;

use pbx::Input;
use sansio::UnixTime;
use sip::StatusCode;

use super::Office;
use super::setting::EXTENSIONS;
use crate::desk::{Carrier, Stand};

impl Office {
    /// People work while things go wrong.
    pub(super) fn work(&mut self, span: Duration) {
        let end = self.world.now() + span;
        // Phones register first.
        self.rest(Duration::from_secs(5));
        while self.world.now() < end {
            let wait = Duration::from_millis(50 + self.draw(900));
            self.rest(wait);
            match self.draw(20) {
                0 => self.misfortune(),
                1 | 2 => self.attack(),
                3 => self.carrier_acts(),
                _ => self.somebody_acts(),
            }
            self.flush();
        }
    }

    fn somebody_acts(&mut self) {
        let phones = self.phones();
        let index = self.pick(phones);
        let number = self.any_number();
        let (choice, late) = (self.draw(12), self.draw(6) == 0);
        let wait = Duration::from_millis(500 + self.draw(20_000));
        let now = self.world.now();
        let Some(desk) = self.desks.get_mut(index) else {
            return;
        };
        let (ringing, calling) = (desk.lines(Stand::Ringing), desk.lines(Stand::Calling));
        let talking = desk.lines(Stand::Talking);
        match (
            ringing.first(),
            calling.first(),
            talking.first(),
            talking.get(1),
        ) {
            (Some(line), ..) => match choice {
                0..=5 => desk.answer(now, *line),
                6 => desk.refuse(now, *line, StatusCode::DECLINE),
                7 => desk.refuse(now, *line, StatusCode::TEMPORARILY_UNAVAILABLE),
                _ => desk.hang_up_after(now, wait, *line),
            },
            (None, Some(line), ..) => match choice {
                0..=5 => desk.hang_up(now, *line),
                _ => desk.hang_up_after(now, wait, *line),
            },
            (None, None, Some(line), Some(other)) => match choice {
                0..=4 => desk.join(now, *line, *other),
                5 => desk.join(now, *other, *line),
                6 => desk.transfer(now, *other, &number),
                7 => desk.change(now, *other),
                _ => desk.hang_up(now, *other),
            },
            (None, None, Some(line), None) => match choice {
                0..=2 => desk.change(now, *line),
                3 => desk.hang_up(now, *line),
                4 => desk.press(now, *line),
                5 => desk.transfer(now, *line, "700"),
                6 | 7 => desk.transfer(now, *line, &number),
                8 => desk.hang_up_after(now, wait, *line),
                _ => desk.call(now, &number, late),
            },
            (None, None, None, _) => match choice {
                0 => desk.watch(now, &number),
                1 => desk.register(now),
                2 if late => desk.leave(now),
                _ => desk.call(now, &number, late),
            },
        }
    }

    /// A number somebody might dial.
    fn any_number(&mut self) -> String {
        let extension = 100 + self.draw(u64::from(EXTENSIONS));
        match self.draw(20) {
            0 | 1 => "200".into(),
            2 => "*8".into(),
            3 => format!("**{extension}"),
            4 => (701 + self.draw(3)).to_string(),
            5 => "700".into(),
            6 => "150".into(),
            7 => format!("*72{extension}"),
            8 => ["*73", "*78", "*79"]
                .get(self.pick(3))
                .map_or_else(String::new, |code| (*code).to_owned()),
            9..=12 => format!("3333{}", 1000 + self.draw(9000)),
            _ => extension.to_string(),
        }
    }

    fn carrier_acts(&mut self) {
        let index = self.phones() + self.pick(2);
        let choice = self.draw(10);
        let now = self.world.now();
        let Some(desk) = self.desks.get_mut(index) else {
            return;
        };
        let talking = desk.lines(Stand::Talking).first().copied();
        match (choice, talking) {
            (0..=4, _) => {
                self.carrier_calls = self.carrier_calls.saturating_add(1);
                desk.call(now, "+551132345678", false);
            }
            (5, Some(line)) => desk.change(now, line),
            (6, Some(line)) => desk.hang_up(now, line),
            (7, _) => desk.carrier = Some(Carrier::Overloaded),
            (8, _) => desk.carrier = Some(Carrier::Refuses),
            _ => desk.carrier = Some(Carrier::Serves),
        }
    }

    fn misfortune(&mut self) {
        let now = self.world.now();
        let (phones, away) = (self.phones(), Duration::from_secs(1 + self.draw(20)));
        let anybody = self.pick(phones);
        let carrier = phones + self.pick(2);
        match self.draw(10) {
            0 | 1 => {
                self.world.kill_pbx();
                self.flush();
            }
            2 => {
                self.world.media.broken = true;
                self.media_back = Some(now + Duration::from_millis(300 + self.draw(1500)));
            }
            3 => self.world.crash_store(Duration::ZERO, away),
            4 => {
                // Years forwards or backwards, as when the battery of the clock is empty.
                let jump = 1_000_000_000_000 + self.draw(1_000_000_000_000);
                let jump = i64::try_from(jump).unwrap_or_default();
                self.world
                    .input(Input::WallClock(UnixTime::from_millis(jump)));
            }
            5 => self.pull_cable(carrier, away * 2),
            6 | 7 => self.pull_cable(anybody, away),
            8 => self.connect(anybody),
            _ => {
                // Off and on again.
                self.pull_cable(anybody, Duration::from_secs(2));
                if let Some(desk) = self.desks.get_mut(anybody) {
                    desk.restart(now + Duration::from_secs(2));
                }
                self.connect(anybody);
            }
        }
    }

    fn pull_cable(&mut self, index: usize, away: Duration) {
        let until = self.world.now() + away;
        if let Some(desk) = self.desks.get_mut(index) {
            desk.silent_until = Some(until);
            desk.disturbed = true;
        }
    }

    /// Everybody hangs up, and again what was still on its way.
    pub(super) fn hang_up_everything(&mut self) {
        for _ in 0..2 {
            let now = self.world.now();
            for desk in &mut self.desks {
                for (line, _) in desk.all_lines() {
                    desk.hang_up(now, line);
                }
            }
            self.flush();
            self.rest(Duration::from_secs(3));
        }
    }
}
