//! Three-way: somebody with two calls joins them.

use sim::{Floor, Hears, Stand, checks};

/// 100 holds 101 and 102: its lines and theirs.
fn two_held() -> (Floor, [usize; 2]) {
    let mut floor = Floor::new(3);
    let (first, _) = floor.connect(0, 1);
    floor.act(0, |set, world| set.hold(world, first));
    let (second, _) = floor.connect(0, 2);
    (floor, [first, second])
}

#[test]
fn two_held_calls_are_joined_by_dialling_the_code() {
    let (mut floor, [first, second]) = two_held();
    floor.act(0, |set, world| set.hold(world, second));
    let third = floor.call(0, "*3");
    for (index, line) in [(0, third), (1, 0), (2, 0)] {
        assert_eq!(floor.hears(index, line), Hears::Mix, "{index}");
    }
    assert_eq!(floor.stand(0, first), Stand::Over(200));
    assert_eq!(floor.stand(0, second), Stand::Over(200));
    // Whoever joined them leaves, and the others go on.
    floor.act(0, |set, world| set.hang_up(world, third));
    assert!(floor.talk((1, 0), (2, 0)));
    floor.act(1, |set, world| set.hang_up(world, 0));
    assert_eq!(floor.stand(2, 0), Stand::Over(200));
    let pairs: Vec<(String, String)> = floor
        .records()
        .into_iter()
        .map(|record| (record.from, record.to))
        .collect();
    let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    assert_eq!(
        pairs,
        [
            pair("100", "101"),
            pair("100", "102"),
            pair("100", "*3"),
            pair("101", "102"),
        ]
    );
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn a_held_call_joins_by_pressing_the_code_in_the_other() {
    let (mut floor, [first, second]) = two_held();
    assert!(floor.talk((0, second), (2, 0)));
    for key in ['*', '3'] {
        floor.act(0, |set, world| set.press(world, second, key));
    }
    for (index, line) in [(0, second), (1, 0), (2, 0)] {
        assert_eq!(floor.hears(index, line), Hears::Mix, "{index}");
    }
    assert_eq!(floor.stand(0, first), Stand::Over(200));
    // One of three holds: the other two go on, and it hears nothing of them.
    floor.act(1, |set, world| set.hold(world, 0));
    assert_eq!(floor.hears(1, 0), Hears::Nothing);
    assert_eq!(floor.hears(2, 0), Hears::Mix);
    floor.act(1, |set, world| set.resume(world, 0));
    assert_eq!(floor.hears(1, 0), Hears::Mix);
    floor.act(2, |set, world| set.hang_up(world, 0));
    assert!(floor.talk((0, second), (1, 0)));
    floor.act(0, |set, world| set.hang_up(world, second));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn a_three_way_conversation_outlives_the_exchange() {
    let (mut floor, [_, second]) = two_held();
    floor.act(0, |set, world| set.hold(world, second));
    let third = floor.call(0, "*3");
    floor.world.kill_pbx();
    floor.run_secs(1);
    assert_eq!(floor.hears(1, 0), Hears::Mix);
    floor.act(0, |set, world| set.hang_up(world, third));
    assert!(floor.talk((1, 0), (2, 0)));
    floor.act(2, |set, world| set.hang_up(world, 0));
    assert_eq!(checks::settled(&floor.world), Ok(()));
}

#[test]
fn without_two_calls_there_is_nothing_to_join() {
    let mut floor = Floor::new(3);
    let (first, _) = floor.connect(0, 1);
    floor.act(0, |set, world| set.hold(world, first));
    let third = floor.call(0, "*3");
    assert_eq!(floor.stand(0, third), Stand::Over(404));
    assert_eq!(floor.stand(0, first), Stand::Talking);
}
