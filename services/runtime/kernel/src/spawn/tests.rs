//! Starts `/bin/sh` and asks it what it got.

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;

use super::*;
use crate::landlock::Openings;

const LIMITS: Limits = Limits {
    descriptors_max: 64,
    realtime_priority_max: 0,
    niceness: 0,
    expendability: 300,
};

/// Runs a script and returns its output and its exit code.
fn run(script: &str, descriptors: &[BorrowedFd<'_>], identity: Option<Identity>) -> (String, i32) {
    run_fenced(script, descriptors, identity, None)
}

fn run_fenced(
    script: &str,
    descriptors: &[BorrowedFd<'_>],
    identity: Option<Identity>,
    fence: Option<&Fence>,
) -> (String, i32) {
    let (mut reader, writer) = io::pipe().expect("a pipe");
    let arguments = ["sh", "-c", script];
    let program = Program {
        path: "/bin/sh",
        arguments: &arguments,
        environment: &["GREETING=hello".to_owned()],
        output: writer.as_fd(),
        descriptors,
        opened: None,
        identity,
        group: None,
        fence,
        limits: Some(LIMITS),
    };
    let pid = spawn(&program).expect("started");
    drop(writer);
    let mut text = String::new();
    reader.read_to_string(&mut text).expect("readable");
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("small"));
    let ended = rustix::process::waitpid(pid, rustix::process::WaitOptions::empty());
    let (_, status) = ended.expect("reaped").expect("ended");
    (text, status.exit_status().unwrap_or(-1))
}

#[test]
fn a_program_gets_its_environment_and_nothing_else() {
    let (text, code) = run("echo $GREETING; echo ${HOME:-none}; exit 3", &[], None);
    assert_eq!((text.as_str(), code), ("hello\nnone\n", 3));
}

#[test]
fn descriptors_arrive_in_order_whatever_their_numbers_were() {
    let file = |text: &str| {
        let path = std::env::temp_dir().join(format!("ramal-fd-{text}-{}", std::process::id()));
        let mut options = fs::OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .expect("made");
        fs::remove_file(path).expect("removed");
        writeln!(file, "{text}").expect("written");
        file.seek(SeekFrom::Start(0)).expect("rewound");
        file
    };
    let (a, b, c) = (file("a"), file("b"), file("c"));
    // Highest first: a plain loop of dup2 would overwrite one before it is copied.
    let (text, _) = run(
        "cat <&3 <&4; cat <&3; cat <&5",
        &[c.as_fd(), b.as_fd(), a.as_fd()],
        None,
    );
    assert_eq!(text, "b\nc\na\n");
}

#[test]
fn nothing_beyond_the_passed_descriptors_is_open() {
    let stray = File::open("/dev/null").expect("there");
    let (text, _) = run(
        "for fd in 0 1 2 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$fd ] && echo -n $fd; \
        done",
        &[stray.as_fd()],
        None,
    );
    assert_eq!(text, "0123");
}

/// As the device of a stick that does not answer.
#[test]
fn only_the_child_waits_for_what_does_not_open_and_keeps_nothing_of_its_parent_open() {
    let path = std::env::temp_dir().join(format!("ramal-fifo-{}", std::process::id()));
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    let made = rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0);
    made.expect("a fifo");
    let null = File::open("/dev/null").expect("a device");
    let (mut heard, of_the_parent) = io::pipe().expect("a pipe");
    let (mut reader, writer) = io::pipe().expect("a pipe");
    let started = spawn(&Program {
        path: "/bin/sh",
        arguments: &["sh", "-c", "cat <&4"],
        environment: &[],
        output: writer.as_fd(),
        descriptors: &[null.as_fd(), null.as_fd(), null.as_fd()],
        opened: Some((1, Opened::File(&path.to_string_lossy()))),
        identity: None,
        group: None,
        fence: None,
        limits: Some(LIMITS),
    });
    let pid = started.expect("forked while nobody writes there");
    drop(writer);
    drop(of_the_parent);
    let read = heard.read(&mut [0]).expect("readable");
    assert_eq!(read, 0, "the other end is closed");
    fs::write(&path, "now it opens").expect("written");
    let mut text = String::new();
    reader.read_to_string(&mut text).expect("readable");
    assert_eq!(text, "now it opens");
    fs::remove_file(&path).expect("removed");
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("small"));
    let ended = rustix::process::waitpid(pid, rustix::process::WaitOptions::empty());
    let (_, status) = ended.expect("reaped").expect("ended");
    assert_eq!(status.exit_status(), Some(0));
}

#[test]
fn a_parent_may_have_more_open_than_its_child_may() {
    let null = File::open("/dev/null").expect("a device");
    let copy = |_| null.try_clone().expect("a descriptor");
    let _many: Vec<File> = (0..LIMITS.descriptors_max).map(copy).collect();
    let (mut reader, writer) = io::pipe().expect("a pipe");
    let started = spawn(&Program {
        path: "/bin/sh",
        arguments: &["sh", "-c", "ulimit -n; cat <&3"],
        environment: &[],
        output: writer.as_fd(),
        descriptors: &[null.as_fd(), null.as_fd()],
        opened: Some((0, Opened::File("/proc/self/comm"))),
        identity: None,
        group: None,
        fence: None,
        limits: Some(LIMITS),
    });
    let pid = started.expect("forked");
    drop(writer);
    let mut text = String::new();
    reader.read_to_string(&mut text).expect("readable");
    let limit = LIMITS.descriptors_max.to_string();
    assert_eq!(text.lines().next(), Some(limit.as_str()), "{text}");
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("small"));
    let ended = rustix::process::waitpid(pid, rustix::process::WaitOptions::empty());
    let (_, status) = ended.expect("reaped").expect("ended");
    assert_eq!(status.exit_status(), Some(0), "{text}");
}

#[test]
fn a_program_that_is_not_there_says_so_in_the_log() {
    let (mut reader, writer) = io::pipe().expect("a pipe");
    let program = Program {
        path: "/nowhere",
        arguments: &["nowhere"],
        environment: &[],
        output: writer.as_fd(),
        descriptors: &[],
        opened: None,
        identity: None,
        group: None,
        fence: None,
        limits: Some(LIMITS),
    };
    let pid = spawn(&program).expect("forked");
    drop(writer);
    let mut text = String::new();
    reader.read_to_string(&mut text).expect("readable");
    assert_eq!(text, "cannot run the program: error 0002\n");
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("small"));
    let ended = rustix::process::waitpid(pid, rustix::process::WaitOptions::empty());
    let (_, status) = ended.expect("reaped").expect("ended");
    assert_eq!(status.exit_status(), Some(EXIT_NOT_STARTED));
}

#[test]
fn a_service_runs_as_its_own_user_with_only_the_rights_it_needs() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can start a program as another user");
        return;
    }
    let script =
        "grep -E '^(Uid|Groups|CapEff|CapBnd|CapAmb|NoNewPrivs):' /proc/self/status; umask";
    let facts = |rights| {
        let (text, code) = run(script, &[], Some(Identity { id: 104, rights }));
        assert_eq!(code, 0, "{text}");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        facts(Rights::None),
        "Uid: 104 104 104 104 Groups: CapEff: 0000000000000000 CapBnd: 0000000000000000 \
         CapAmb: 0000000000000000 NoNewPrivs: 1 0077"
    );
    // CAP_NET_BIND_SERVICE 10, BROADCAST 11, ADMIN 12, RAW 13.
    assert_eq!(
        facts(Rights::Network),
        "Uid: 104 104 104 104 Groups: CapEff: 0000000000003c00 CapBnd: 0000000000003c00 \
         CapAmb: 0000000000003c00 NoNewPrivs: 1 0077"
    );
}

#[test]
fn a_fenced_program_writes_only_where_it_may() {
    use std::path::Path;

    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can start a program as another user");
        return;
    }
    let folder = std::env::temp_dir().join(format!("ramal-fence-{}", std::process::id()));
    let (inside, outside) = (folder.join("inside"), folder.join("outside"));
    for path in [&inside, &outside] {
        fs::create_dir_all(path).expect("made");
        std::os::unix::fs::chown(path, Some(104), Some(104)).expect("given away");
    }
    // The host's shell is no single static program as the box's is: it may run anything.
    let openings = Openings {
        program: Path::new("/"),
        writable: &[Path::new("/dev/null"), &inside],
        tcp: false,
    };
    let Some(fence) = Fence::plan(openings).expect("planned") else {
        println!("skipped: this kernel has no Landlock");
        return;
    };
    let script = format!(
        "echo 1 > {}/file && echo in; echo 2 > {}/file || echo out; echo 3 > /dev/null; echo $?",
        inside.display(),
        outside.display()
    );
    let identity = Identity {
        id: 104,
        rights: Rights::None,
    };
    let (text, _) = run_fenced(&script, &[], Some(identity), Some(&fence));
    fs::remove_dir_all(folder).expect("removed");
    let words: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains("denied"))
        .collect();
    assert_eq!(words, ["in", "out", "0"], "{text}");
}

#[test]
fn a_fenced_program_reaches_no_process_beyond_the_fence() {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixListener};
    use std::path::Path;

    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can put up a fence without changing its user");
        return;
    }
    let openings = Openings {
        program: Path::new("/"),
        writable: &[Path::new("/dev/null")],
        tcp: false,
    };
    let Some(fence) = Fence::plan(openings).expect("planned") else {
        println!("skipped: this kernel has no Landlock");
        return;
    };
    if !fence.is_scoped() {
        println!("skipped: this kernel's Landlock is older than version 6");
        return;
    }
    let name = format!("ramal-beyond-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).expect("short");
    let _listener = UnixListener::bind_addr(&address).expect("free");
    // As root, so that nothing but the fence is in the way.
    let script = format!(
        "kill -0 $PPID 2>/dev/null && echo signalled; perl -MSocket -e 'socket(S, AF_UNIX, \
         SOCK_STREAM, 0); print connect(S, pack_sockaddr_un(\"\\0{name}\")) ? 1 : 0'"
    );
    assert_eq!(run_fenced(&script, &[], None, None).0, "signalled\n1");
    assert_eq!(run_fenced(&script, &[], None, Some(&fence)).0, "0");
    // What is made inside the fence is reached from inside, as `web` does.
    let own = "perl -MSocket -e '$at = pack_sockaddr_un(\"\\0ramal-within-$$\"); \
               for (L, C) { socket($_, AF_UNIX, SOCK_STREAM, 0) } bind(L, $at); listen(L, 1); \
               print connect(C, $at) ? 1 : 0'";
    assert_eq!(run_fenced(own, &[], None, Some(&fence)).0, "1");
}

/// As the variables of the machine's firmware.
#[test]
fn a_file_system_that_a_program_is_given_is_written_to_only_when_it_may() {
    use std::path::Path;

    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can mount");
        return;
    }
    let openings = Openings {
        program: Path::new("/"),
        writable: &[Path::new("/dev/null")],
        tcp: false,
    };
    let fence = Fence::plan(openings).expect("planned");
    let null = File::open("/dev/null").expect("a device");
    let given = |is_writable| {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let script = "cd /proc/self/fd/3 && { echo 1 > made; cat made; stat -c %u .; }";
        let started = spawn(&Program {
            path: "/bin/sh",
            arguments: &["sh", "-c", script],
            environment: &[],
            output: writer.as_fd(),
            descriptors: &[null.as_fd()],
            opened: Some((
                0,
                Opened::FileSystem {
                    kind: "tmpfs",
                    owner: 112,
                    is_writable,
                },
            )),
            identity: Some(Identity {
                id: 112,
                rights: Rights::Protected,
            }),
            group: None,
            fence: fence.as_ref(),
            limits: Some(LIMITS),
        });
        let pid = started.expect("forked");
        drop(writer);
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("readable");
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("small"));
        rustix::process::waitpid(pid, rustix::process::WaitOptions::empty()).expect("reaped");
        text
    };
    let text = given(true);
    if text.contains("cannot open what it is to read: error 0001") {
        println!("skipped: this root may not mount");
        return;
    }
    assert_eq!(text, "1\n112\n");
    let text = given(false);
    assert!(text.contains("ead-only"), "{text}");
    assert!(text.ends_with("112\n"), "{text}");
}
