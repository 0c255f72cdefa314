//! A box that the tests of one file share, one after the other.
//!
//! Booting an emulated box costs more than most proofs. libtest has no end of a file, so the stand
//! is told how many tests there are and takes the box down after the last; when a filter leaves
//! some out, the kernel ends QEMU with the process and the next lab removes its folder.

use std::sync::{Condvar, Mutex, PoisonError};

use crate::Failure;

/// What the tests of a file share.
pub struct Stand<T> {
    state: Mutex<State<T>>,
}

struct State<T> {
    stock: Stock<T>,
    tests_left: usize,
}

enum Stock<T> {
    None,
    Standing(T),
    /// Setting it up failed once; it would fail for each test.
    Impossible(String),
}

impl<T> Stand<T> {
    /// For a file with this many tests.
    pub const fn new(tests: usize) -> Self {
        let state = State {
            stock: Stock::None,
            tests_left: tests,
        };
        Self {
            state: Mutex::new(state),
        }
    }

    /// Runs a test, after setting up what it needs if that does not stand yet. Tests run one at a
    /// time. What a failed test leaves behind is taken down, so that the next one starts anew.
    ///
    /// # Errors
    /// That of the set-up or of the test.
    pub fn run(
        &self,
        set_up: impl FnOnce() -> Result<T, Failure>,
        test: impl FnOnce(&mut T) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.tests_left = state.tests_left.saturating_sub(1);
        let mut standing = match std::mem::replace(&mut state.stock, Stock::None) {
            Stock::Standing(standing) => standing,
            Stock::None => match set_up() {
                Ok(standing) => standing,
                Err(failure) => {
                    state.stock = Stock::Impossible(failure.to_string());
                    return Err(failure);
                }
            },
            Stock::Impossible(reason) => {
                let failure = Failure::new(reason.clone());
                state.stock = Stock::Impossible(reason);
                return Err(failure);
            }
        };
        test(&mut standing)?;
        if state.tests_left > 0 {
            state.stock = Stock::Standing(standing);
        }
        Ok(())
    }
}

/// Held by a test while a box of its own starts or works: one at a time, as two emulated ones would
/// starve.
pub struct Turn(());

/// The next turn that nobody wants who has to wait for his box later.
pub fn alone() -> Turn {
    let mut turns = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
    while turns.is_taken || turns.early > 0 {
        turns = OVER.wait(turns).unwrap_or_else(PoisonError::into_inner);
    }
    turns.is_taken = true;
    Turn(())
}

/// The next turn before everybody else: for a test that gives it away while its box only waits, for
/// minutes. What others do meanwhile costs no time then.
pub fn alone_early() -> Turn {
    let mut turns = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
    turns.early += 1;
    while turns.is_taken {
        turns = OVER.wait(turns).unwrap_or_else(PoisonError::into_inner);
    }
    turns.early -= 1;
    turns.is_taken = true;
    Turn(())
}

impl Drop for Turn {
    fn drop(&mut self) {
        TURNS
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_taken = false;
        OVER.notify_all();
    }
}

struct Turns {
    is_taken: bool,
    /// Who waits and goes before others.
    early: usize,
}

static TURNS: Mutex<Turns> = Mutex::new(Turns {
    is_taken: false,
    early: 0,
});
static OVER: Condvar = Condvar::new();

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn whoever_has_to_wait_later_goes_first() {
        let (sender, order) = mpsc::channel();
        let turn = alone();
        let start = |name: &'static str, take: fn() -> Turn| {
            let sender = sender.clone();
            thread::spawn(move || {
                let _turn = take();
                sender.send(name).expect("heard");
            })
        };
        let usual = start("usual", alone);
        let early = start("early", alone_early);
        while TURNS.lock().expect("sound").early == 0 {
            thread::yield_now();
        }
        drop(turn);
        assert_eq!(order.recv(), Ok("early"));
        assert_eq!(order.recv(), Ok("usual"));
        usual.join().expect("ended");
        early.join().expect("ended");
    }
}
