//! The control socket: who may ask, and that nothing reaches `admin` around its front.
#![expect(
    clippy::expect_used,
    reason = "a test that cannot be set up has failed"
)]

use std::io::{Read as _, Write as _};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use admin::{Peer, Request, Response};
use tokio::sync::Notify;
use web_server::control::{self, CallError};
use web_server::{Answer, Handler};

struct Echo;

impl Handler for Echo {
    async fn handle(&self, request: Request) -> Answer {
        assert_eq!(request.peer, Peer::Local);
        let body = String::from_utf8(request.body).expect("text");
        let text = format!(
            "{:?} {}?{} {body}",
            request.method, request.path, request.query
        );
        Response::new(201, "text/plain", text).into()
    }
}

/// Begins, and waits to be told.
#[derive(Default)]
struct Patient {
    begun: Notify,
    go_on: Notify,
}

impl Handler for Patient {
    async fn handle(&self, _: Request) -> Answer {
        self.begun.notify_one();
        self.go_on.notified().await;
        Response::new(202, "text/plain", "done").into()
    }
}

/// A served socket, its directory removed at the end.
struct Socket(PathBuf);

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some(directory) = self.0.parent() {
            let _ = std::fs::remove_dir_all(directory);
        }
    }
}

/// A socket in a directory of its own.
fn bind(name: &str) -> (Socket, UnixListener) {
    let directory = std::env::temp_dir().join(format!("ramal-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let path = directory.join("ctl.sock");
    let listener = UnixListener::bind(&path).expect("a socket");
    (Socket(path), listener)
}

/// Serves on a thread that lives as long as the tests.
fn serve(name: &str, allowed: bool) -> Socket {
    let (socket, listener) = bind(name);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let never = std::future::pending();
        runtime.block_on(control::serve(
            listener,
            move |_| allowed,
            Arc::new(Echo),
            never,
        ))
    });
    socket
}

#[test]
fn a_request_and_its_answer_come_through_whole() {
    let socket = serve("whole", true);
    let call = |method, body: &[u8]| control::call(&socket.0, method, "/api/x?y=1", body, "");
    let (status, answer) = call("POST", b"{\"a\":1}").expect("answered");
    assert_eq!(
        (status, answer.as_slice()),
        (201, &b"Post /api/x?y=1 {\"a\":1}"[..])
    );
    let (_, answer) = call("DELETE", b"").expect("answered");
    assert_eq!(answer, b"Delete /api/x?y=1 ");
    let long = vec![b'x'; 60_000];
    let (_, answer) = call("POST", &long).expect("answered");
    assert_eq!(
        answer.len(),
        60_000 + "Post /api/x?y=1 ".len(),
        "not in chunks"
    );
    assert_eq!(call("POST", &vec![b'x'; 70_000]).expect("answered").0, 413);
}

#[tokio::test]
async fn what_was_asked_before_a_stop_is_answered() {
    let (socket, listener) = bind("stop");
    let (patient, stop) = (Arc::new(Patient::default()), Arc::new(Notify::new()));
    let (handler, stopped) = (Arc::clone(&patient), Arc::clone(&stop));
    let serving = tokio::spawn(control::serve(listener, |_| true, handler, async move {
        stopped.notified().await
    }));
    let path = socket.0.clone();
    let asking = tokio::task::spawn_blocking(move || {
        control::call(&path, "POST", "/api/firmware/reset", b"{}", "")
    });
    patient.begun.notified().await;
    stop.notify_one();
    tokio::task::yield_now().await;
    assert!(!serving.is_finished(), "it ends before it has answered");
    patient.go_on.notify_one();
    let (status, answer) = asking.await.expect("no panic").expect("answered");
    assert_eq!((status, answer.as_slice()), (202, &b"done"[..]));
    serving.await.expect("no panic").expect("served");
}

#[test]
fn a_user_that_may_not_ask_gets_no_answer() {
    let socket = serve("refused", false);
    let refused = control::call(&socket.0, "GET", "/api/status", b"", "");
    assert!(
        matches!(
            refused,
            Err(CallError::Incomplete { .. } | CallError::Broken { .. })
        ),
        "{refused:?}"
    );
}

#[test]
fn the_way_around_the_front_is_closed() {
    let socket = serve("around", true);
    control::call(&socket.0, "GET", "/", b"", "").expect("served");
    let sockets = std::fs::read_to_string("/proc/net/unix").expect("readable");
    let inner: Vec<_> = sockets
        .lines()
        .filter_map(|line| {
            line.split_once("@ramal-ctl-")
                .map(|(_, name)| name.to_owned())
        })
        .collect();
    assert!(!inner.is_empty(), "other programs can see the address");
    for name in inner {
        let address = SocketAddr::from_abstract_name(format!("ramal-ctl-{name}")).expect("a name");
        // Those of tests that have ended meanwhile refuse the connection.
        let Ok(mut stream) = UnixStream::connect_addr(&address) else {
            continue;
        };
        let head = b"GET / HTTP/1.1\r\nHost: a\r\nx-front-proof: 00\r\nConnection: close\r\n\r\n";
        stream.write_all(head).expect("sent");
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        assert!(!answer.contains(" 201 "), "{answer}");
    }
}

#[test]
fn a_missing_socket_names_the_fix() {
    let error =
        control::call(Path::new("/nowhere/ctl.sock"), "GET", "/", b"", "").expect_err("none");
    assert!(error.to_string().contains("is the box running?"), "{error}");
}
