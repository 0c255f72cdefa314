//! Guessers and scanners, with the programs that real ones use (R53, R55; research on security §4).

use ipc::site::Site;
use netns::Office;

use crate::office;

/// Guesses with the right password as the last of so many: whether it was found.
fn is_found(office: &Office, who: u8, guesses: usize) -> bool {
    let line = office.line(0);
    let wrong: Vec<String> = (1..guesses).map(|it| format!("wrong-{it}")).collect();
    let right = line.password.reveal().clone();
    let words: Vec<&str> = wrong.iter().chain([&right]).map(String::as_str).collect();
    let attacker = office.attacker(office.outside(who));
    let found = attacker
        .crack(&line.number, &words)
        .expect("it is installed");
    found.is_some_and(|it| it == right)
}

fn guarded(site: &mut Site) {
    site.guard.on = true;
}

/// E1: svcrack sends some hundred guesses a second and does not wait for answers.
#[test]
fn a_cracker_has_as_many_passwords_looked_at_as_the_rule_says() {
    let office = office(guarded);
    assert!(is_found(&office, 1, 5), "the fifth is looked at");
    assert!(!is_found(&office, 2, 6), "the sixth is not");
    assert!(!is_found(&office, 3, 200), "nor any later one");
}

/// R69: and the program can do what it is for.
#[test]
fn with_bans_off_a_cracker_goes_on() {
    let office = office(|_| {});
    assert!(is_found(&office, 4, 60));
}

/// E7: every extension is asked for its password alike, also one that nobody has.
#[test]
fn a_scanner_finds_no_extension() {
    let office = office(|_| {});
    let number: u16 = office.line(0).number.parse().expect("a number");
    let attacker = office.attacker(office.outside(5));
    let found = attacker.enumerate(number - 3, number + 3);
    assert_eq!(found.expect("it is installed"), Vec::<String>::new());
}
