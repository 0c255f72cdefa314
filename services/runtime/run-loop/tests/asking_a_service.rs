//! Questions and answers between processes, over real Unix sockets.

#![expect(clippy::expect_used, reason = "a test may panic to fail")]

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use ipc::frame::{Decoder, encode};
use run_loop::ipc::{Answer, BlockingClient, CallError, Client, Subscription, serve};

/// A socket path of this test's own, gone when the test ends.
struct Socket(PathBuf);

impl Socket {
    fn new(name: &str) -> Self {
        let mut bytes = [0; 8];
        run_loop::fill_random(&mut bytes).expect("the kernel has a generator");
        let unique = u64::from_le_bytes(bytes);
        Self(std::env::temp_dir().join(format!("ramal-{name}-{unique:x}.sock")))
    }

    /// Serves doubling: 0 closes the connection, 7 counts to three as a watch would.
    fn double(&self) {
        let listener = UnixListener::bind(&self.0).expect("the temporary folder is writable");
        std::thread::spawn(move || {
            serve(
                &listener,
                |_| false,
                |connection, number: u32| match number {
                    0 => Answer::Done,
                    7 => {
                        for count in 1..=3_u32 {
                            connection.push(&count).expect("the subscriber listens");
                        }
                        Answer::Done
                    }
                    _ => Answer::Reply(number * 2),
                },
            )
        });
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn on_tokio<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}

#[test]
fn a_blocking_client_gets_its_answer() {
    let socket = Socket::new("blocking");
    socket.double();
    let client = BlockingClient::<u32, u32>::new(&socket.0);
    assert_eq!(client.call(&21).expect("served"), 42);
}

#[test]
fn a_client_asks_again_on_a_new_connection_when_the_old_one_died() {
    let socket = Socket::new("reconnect");
    socket.double();
    let client = Client::<u32, u32>::new(&socket.0);
    on_tokio(async {
        assert_eq!(client.call(&1).await.expect("served"), 2);
        assert!(matches!(
            client.call(&0).await,
            Err(CallError::Closed { .. })
        ));
        assert_eq!(client.call(&2).await.expect("served again"), 4);
    });
}

#[test]
fn a_service_that_may_take_long_is_waited_for_as_long_as_that() {
    let socket = Socket::new("patient");
    // Connections wait in its queue, and nobody answers.
    let _listener = UnixListener::bind(&socket.0).expect("the temporary folder is writable");
    for (client, expected) in [
        (Client::<u32, u32>::new(&socket.0), 5),
        (Client::within(&socket.0, 120), 120),
    ] {
        let waited = on_tokio(async {
            tokio::time::pause();
            let begin = tokio::time::Instant::now();
            let answer = client.call(&1).await;
            assert!(matches!(
                answer,
                Err(CallError::TimedOut { seconds, .. }) if seconds == expected
            ));
            begin.elapsed()
        });
        assert_eq!(waited.as_secs(), expected);
    }
}

#[test]
fn a_subscription_yields_every_push_and_then_says_it_ended() {
    let socket = Socket::new("subscription");
    socket.double();
    on_tokio(async {
        let mut subscription = Subscription::<u32>::open(&socket.0, &7_u32)
            .await
            .expect("reachable");
        for expected in 1..=3 {
            assert_eq!(subscription.next().await.expect("pushed"), expected);
        }
        assert!(matches!(
            subscription.next().await,
            Err(CallError::Closed { .. })
        ));
    });
}

#[test]
fn a_service_that_is_not_there_is_named_in_the_error() {
    let socket = Socket::new("absent");
    let error = BlockingClient::<u32, u32>::new(&socket.0)
        .call(&1)
        .expect_err("nobody listens");
    assert!(error.to_string().contains("ramal-absent"), "{error}");
}

#[test]
fn what_was_answered_before_the_connection_ended_counts_and_nothing_is_asked_twice() {
    let socket = Socket::new("together");
    socket.double();
    let client = Client::<u32, u32>::new(&socket.0);
    on_tokio(async {
        let answers = client.call_all(&[1, 2]).await;
        assert_eq!(answers.replies, [2, 4]);
        assert!(answers.missing.is_none());
        let answers = client.call_all(&[3, 0, 4]).await;
        assert_eq!(answers.replies, [6]);
        let missing = answers.missing.expect("the connection ended");
        assert!(matches!(missing.error, CallError::Closed { .. }));
        assert!(missing.was_seen);
        let answers = client.call_all(&[5]).await;
        assert_eq!(answers.replies, [10]);
    });
}

/// Takes a connection, answers one question and ends it.
fn double_once(listener: &UnixListener) {
    let (mut stream, _) = listener.accept().expect("somebody asks");
    let mut decoder = Decoder::default();
    let question: u32 = loop {
        if let Some(question) = decoder.pop().expect("a question") {
            break question;
        }
        let mut buffer = [0; 64];
        let count = stream.read(&mut buffer).expect("a question");
        decoder.push(buffer.get(..count).expect("it was read"));
    };
    let answer = encode(&(question * 2)).expect("it is short");
    stream.write_all(&answer).expect("it is awaited");
}

/// Such as digits to dial: whoever may not repeat them may still ask.
#[test]
fn what_finds_the_connection_dead_is_asked_on_a_new_one() {
    let socket = Socket::new("dead");
    let listener = UnixListener::bind(&socket.0).expect("the temporary folder is writable");
    let (ended, ends) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for _ in 0..2 {
            double_once(&listener);
            ended.send(()).expect("the test waits");
        }
    });
    let client = Client::<u32, u32>::new(&socket.0);
    on_tokio(async {
        for question in 1..=2 {
            let answers = client.call_all(&[question]).await;
            assert_eq!(answers.replies, [question * 2], "{:?}", answers.missing);
            ends.recv().expect("the connection ends");
        }
    });
}

#[test]
fn what_nobody_was_there_to_be_asked_was_not_seen() {
    let client = Client::<u32, u32>::new("/nonexistent.sock");
    let answers = on_tokio(client.call_all(&[1]));
    let missing = answers.missing.expect("nobody is there");
    assert!(!missing.was_seen && answers.replies.is_empty());
}
