//! Plays jobs beside each other, as many as there are lanes.
//!
//! An emulated box has one processor, so a single one leaves the host's other idle. What measures
//! sound or waits for a protocol's timer never runs twice, and everything else yields to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use image::progress;

use super::counts::Counts;
use super::jobs::{Job, Pace};
use crate::process::{Process, ProcessError, command};

/// One emulated box and what it talks to fill a processor each.
const LANES: usize = 2;

/// What every job is told by its environment, and the folder of the images of each lane.
pub(super) struct Surroundings {
    /// Variables and their values.
    pub(super) variables: Vec<(&'static str, PathBuf)>,
    /// The variable that names the folder of the images, and the folder to put those of lanes in.
    pub(super) images: (&'static str, PathBuf),
}

/// What is waited for, and what runs.
struct Queue {
    waiting: Vec<Job>,
    is_timely_running: bool,
    is_image_built: bool,
}

/// What a lane does next.
enum Next {
    Play(Box<Job>),
    /// All that is left waits for something that goes on in another lane.
    Wait,
    Done,
}

/// Plays all of them while the image is built, and says what they came to.
pub(super) fn play(
    jobs: Vec<Job>,
    surroundings: &Surroundings,
    build_image: impl FnOnce() -> Result<(), String> + Send,
) -> Counts {
    let queue = Mutex::new(Queue {
        waiting: jobs,
        is_timely_running: false,
        is_image_built: false,
    });
    let (changed, counts) = (Condvar::new(), Mutex::new(Counts::default()));
    thread::scope(|scope| {
        scope.spawn(|| {
            yield_to_others();
            // Whoever needs it says so too when it cannot be built.
            if let Err(error) = build_image() {
                lock(&counts).failed.push(format!("the image: {error}"));
            }
            lock(&queue).is_image_built = true;
            changed.notify_all();
        });
        for lane in 0..LANES {
            let (queue, changed, counts) = (&queue, &changed, &counts);
            scope.spawn(move || {
                while let Some(job) = take(queue, changed) {
                    let outcome = play_one(&job, lane, surroundings);
                    lock(counts).add(outcome);
                    lock(queue).over(&job);
                    changed.notify_all();
                }
            });
        }
    });
    counts.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// The next job for a lane, once there is one that may begin.
fn take(queue: &Mutex<Queue>, changed: &Condvar) -> Option<Job> {
    let mut queue = lock(queue);
    loop {
        match queue.next() {
            Next::Play(job) => return Some(*job),
            Next::Done => return None,
            Next::Wait => queue = changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
        }
    }
}

impl Queue {
    fn next(&mut self) -> Next {
        if self.waiting.is_empty() {
            return Next::Done;
        }
        let is_ready = |job: &Job| self.is_image_built || !job.needs_image;
        let first = |pace| {
            let mut places = self.waiting.iter().enumerate();
            places.find(|(_, job)| job.pace == pace && is_ready(job))
        };
        let timely = first(Pace::Timely).filter(|_| !self.is_timely_running);
        match timely.or_else(|| first(Pace::Patient)).map(|(at, _)| at) {
            Some(at) => {
                let job = self.waiting.remove(at);
                self.is_timely_running |= job.pace == Pace::Timely;
                Next::Play(Box::new(job))
            }
            None => Next::Wait,
        }
    }

    fn over(&mut self, job: &Job) {
        if job.pace == Pace::Timely {
            self.is_timely_running = false;
        }
    }
}

/// Plays a job to its end. What cannot be run has failed.
fn play_one(job: &Job, lane: usize, surroundings: &Surroundings) -> Counts {
    // A thread for each: how much it yields is its own, and stays with what it starts.
    let played = thread::scope(|scope| {
        let work = || {
            if job.pace == Pace::Patient {
                yield_to_others();
            }
            let what = format!("Testing: {}", job.label);
            progress::timed(&what, || run(job, lane, surroundings))
        };
        scope.spawn(work).join()
    });
    match played {
        Ok(Ok(counts)) => counts,
        Ok(Err(error)) => failure(format!("{}: {error}", job.label)),
        Err(_panic) => failure(format!("{}: playing it panicked", job.label)),
    }
}

fn run(job: &Job, lane: usize, surroundings: &Surroundings) -> Result<Counts, ProcessError> {
    let mut program = command(&job.program.path.to_string_lossy())?;
    image::cargo::forget_package(&mut program);
    let folder = image::build::workspace().join(&job.program.package);
    program.current_dir(folder).args(job.arguments);
    program.envs(
        surroundings
            .variables
            .iter()
            .map(|(name, value)| (name, value)),
    );
    let (variable, images) = &surroundings.images;
    program.env(variable, images.join(format!("lane-{lane}")));
    program.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Process::start(program)?;
    let mut counts = Counts::default();
    let (output, errors) = (process.child().stdout.take(), process.child().stderr.take());
    thread::scope(|scope| {
        scope.spawn(|| show(errors, &job.label, |_line| {}));
        show(output, &job.label, |line| counts.read(&job.label, line));
    });
    counts.close(&job.label, process.wait()?.success(), job.has_tests);
    Ok(counts)
}

/// Shows each line with the name of who wrote it, as others write too.
fn show(stream: Option<impl Read>, label: &str, mut also: impl FnMut(&str)) {
    let Some(stream) = stream else {
        return;
    };
    let mut lines = BufReader::new(stream).split(b'\n');
    while let Some(Ok(line)) = lines.next() {
        let line = String::from_utf8_lossy(&line);
        if !line.trim().is_empty() {
            // The terminal may be gone; the counting goes on.
            let _shown = writeln!(std::io::stdout(), "{label} | {line}");
        }
        also(&line);
    }
}

/// This thread and what it starts leave the processor to others that want it.
fn yield_to_others() {
    // Where it may not, it only takes longer.
    let _yielded = rustix::process::nice(PATIENCE);
}

/// Weighs a tenth of what usual threads do. Source: sched(7), "The nice value".
const PATIENCE: i32 = 10;

fn failure(what: String) -> Counts {
    Counts {
        failed: vec![what],
        ..Counts::default()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::jobs::jobs;
    use super::super::programs::Program;
    use super::*;

    fn queue(names: &[(&str, &str)]) -> Queue {
        let program = |(package, name): &(&str, &str)| Program {
            package: package.into(),
            name: (*name).into(),
            is_test_file: true,
            path: "/bin/false".into(),
        };
        Queue {
            waiting: jobs(names.iter().map(program).collect()),
            is_timely_running: false,
            is_image_built: false,
        }
    }

    fn begun(next: Next) -> Job {
        match next {
            Next::Play(job) => *job,
            Next::Wait => panic!("waits"),
            Next::Done => panic!("done"),
        }
    }

    #[test]
    fn of_what_measures_time_one_runs_and_boxes_wait_for_their_image() {
        let mut queue = queue(&[
            ("tests/e2e", "office"),
            ("tests/e2e", "power"),
            ("tests/netns", "timers"),
            ("services/proto/sip", "sip"),
        ]);
        let timers = begun(queue.next());
        assert_eq!(timers.label, "netns/timers");
        assert_eq!(begun(queue.next()).label, "sip");
        assert!(matches!(queue.next(), Next::Wait), "there is no image");
        queue.is_image_built = true;
        assert_eq!(begun(queue.next()).label, "e2e/power");
        assert!(matches!(queue.next(), Next::Wait), "timers are still on");
        queue.over(&timers);
        assert_eq!(begun(queue.next()).label, "e2e/office");
        assert!(matches!(queue.next(), Next::Done));
    }

    #[test]
    fn what_fails_without_a_word_and_an_image_that_is_not_built_are_failures() {
        let jobs = queue(&[("tests/e2e", "office"), ("services/proto/sip", "sip")]).waiting;
        let surroundings = Surroundings {
            variables: Vec::new(),
            images: ("RAMAL_UNUSED", "/nowhere".into()),
        };
        let mut failed = play(jobs, &surroundings, || Err("no compiler".to_owned())).failed;
        failed.sort();
        assert_eq!(failed, ["e2e/office", "sip", "the image: no compiler"]);
    }
}
