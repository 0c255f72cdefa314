//! The process is killed in the middle of writes.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use super::*;

/// Set in the child; holds the directory to use.
const CHILD: &str = "RAMAL_STORE_KILLED";

/// Kills a push; each after another number of acknowledged records.
const ROUNDS: u32 = 5;

#[test]
fn kill_9_during_writes_loses_nothing_acknowledged() {
    if let Some(directory) = std::env::var_os(CHILD) {
        return write_until_killed(Path::new(&directory));
    }
    let scratch = Scratch::new();
    let mut expected = 0;
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().expect("we run"))
            .args([
                "--exact",
                "--nocapture",
                "tests::killed::kill_9_during_writes_loses_nothing_acknowledged",
            ])
            .env(CHILD, scratch.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the test binary starts");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut acknowledged = expected;
        for line in output.lines().map_while(Result::ok) {
            let Some(number) = line.strip_prefix("acknowledged ") else {
                continue;
            };
            acknowledged = number.parse().expect("a number");
            if acknowledged >= expected + 20 + 7 * round {
                break;
            }
        }
        child.kill().expect("it runs");
        child.wait().expect("it ran");
        let store = scratch.store();
        assert_eq!(health(&store).warning, "", "round {round}");
        let found = calls(&store, 1000, None);
        assert!(
            found.len() as u32 >= acknowledged,
            "{} of {acknowledged}",
            found.len()
        );
        for number in 1..=acknowledged {
            assert!(
                found.contains(&call(number, Outcome::Cancelled)),
                "call {number} is lost"
            );
        }
        expected = found.len() as u32;
    }
}

fn write_until_killed(directory: &Path) {
    let store = store(Box::new(DataDisk::new(directory)), directory);
    let first = calls(&store, 1000, None).len() as u32 + 1;
    for number in first..1000 {
        let put = Request::PutCalls(vec![call(number, Outcome::Cancelled)]);
        assert_eq!(store.ask(PBX, put), Reply::Stored);
        println!("acknowledged {number}");
    }
}
