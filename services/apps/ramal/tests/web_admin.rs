//! `ramal store` and `ramal web` as real processes, started the way PID 1 starts them: the first
//! sign-in over HTTPS, what a stranger sees, `ramal ctl`, and life without the store.
#![expect(clippy::expect_used, reason = "a test stops at what it did not expect")]

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use ipc::guard::{Measure, Offence, Protection};
use ipc::{Redacted, guard, init, store};
use kernel::process::{Stop, stop};
use kernel::spawn::{Program, spawn};
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair, PublicKeyData, SignatureAlgorithm};
use run_loop::ipc::{Answer, BlockingClient};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use web_server::Identity;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer as _;

const OWN_PASSWORD: &str = "papagaio verde come milho";

/// A box of three services and a PID 1 that only shows passwords.
struct Site {
    run: PathBuf,
    https: SocketAddr,
    client: Arc<ClientConfig>,
    screen: mpsc::Receiver<Vec<String>>,
    /// What was told to the process that keeps the bans.
    guard: mpsc::Receiver<guard::Request>,
    pids: Vec<u32>,
    store: u32,
    cookie: String,
}

impl Site {
    fn start() -> Self {
        let run = std::env::temp_dir().join(format!("ramal-web-{}", std::process::id()));
        std::fs::create_dir_all(run.join("data")).expect("a directory");
        let screen = fake_init(&run);
        let guard = fake_guard(&run);
        let ipc = listen(&run, "store");
        let store = start_store(&run, &ipc);
        let client = keep_known_certificate(&run);
        let (https, http) = (bind(), bind());
        let (ctl, web) = (listen(&run, "ctl"), listen(&run, "web"));
        let address = https.local_addr().expect("bound");
        let sockets = [
            ("https", https.as_fd()),
            ("http", http.as_fd()),
            ("ctl", ctl.as_fd()),
            ("ipc", web.as_fd()),
        ];
        let recordings = run.join("recordings");
        std::fs::create_dir(&recordings).expect("a directory");
        let recordings = recordings.to_str().expect("plain");
        let web = ["ramal", "web", "--recordings", recordings];
        let web = start(&run, &web, &sockets);
        let ipc = listen(&run, "media");
        let media = [
            "ramal",
            "media",
            "--ports",
            "14600-14619",
            "--recordings",
            recordings,
        ];
        let media = start(&run, &media, &[("ipc", ipc.as_fd())]);
        let pids = vec![web, store, media];
        Self {
            run,
            https: address,
            client,
            screen,
            guard,
            pids,
            store,
            cookie: String::new(),
        }
    }

    fn one_time_password(&self) -> String {
        let lines = self
            .screen
            .recv_timeout(Duration::from_secs(30))
            .expect("a password");
        let line = lines.get(1).expect("two lines");
        line.strip_prefix("one-time password: ")
            .expect("the second line")
            .to_owned()
    }

    /// The next thing of a kind that the process was told that keeps the bans.
    fn told<T>(&self, of: impl Fn(guard::Request) -> Option<T>) -> T {
        loop {
            let next = self.guard.recv_timeout(Duration::from_secs(30));
            if let Some(found) = of(next.expect("it is told")) {
                return found;
            }
        }
    }

    /// One request by HTTPS; keeps the cookie it is given.
    fn ask(&mut self, method: &str, target: &str, body: &Value) -> (u16, String, Value) {
        let (status, head, body) = self.exchange(method, target, "", &body.to_string());
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        (status, head, body)
    }

    /// The same, with more header lines; gives the body as it came.
    fn exchange(
        &mut self,
        method: &str,
        target: &str,
        more: &str,
        body: &str,
    ) -> (u16, String, Vec<u8>) {
        let name = ServerName::try_from("ramal.local").expect("a name");
        let tls = ClientConnection::new(Arc::clone(&self.client), name).expect("settings");
        let tcp = TcpStream::connect(self.https).expect("listening");
        let mut stream = StreamOwned::new(tls, tcp);
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: ramal.local\r\nConnection: close\r\nCookie: {}\r\n\
             Content-Type: application/json\r\n{more}Content-Length: {}\r\n\r\n{body}",
            self.cookie,
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = Vec::new();
        // The server closes TCP right after its last byte.
        let _ = stream.read_to_end(&mut answer);
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
        let body = answer.split_off(end.expect("an answer") + 4);
        let head = String::from_utf8(answer).expect("text");
        if let Some(cookie) = head
            .lines()
            .find_map(|line| line.strip_prefix("set-cookie: "))
        {
            cookie
                .split(';')
                .next()
                .unwrap_or_default()
                .clone_into(&mut self.cookie);
        }
        let status = head
            .get(9..12)
            .and_then(|code| code.parse().ok())
            .expect("a status");
        (status, head, body)
    }

    /// Whether the client takes what is served, once something is.
    fn is_trusted(&self) -> bool {
        let name = ServerName::try_from("ramal.local").expect("a name");
        let tls = ClientConnection::new(Arc::clone(&self.client), name).expect("settings");
        let tcp = TcpStream::connect(self.https).expect("listening");
        StreamOwned::new(tls, tcp).write_all(b"GET").is_ok()
    }

    fn ctl(&self, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_ramal"))
            .arg("ctl")
            .args(arguments)
            .env("RAMAL_RUN", &self.run)
            .output()
            .expect("started");
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8(text).expect("text"),
        )
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        for pid in &self.pids {
            let _ = stop(*pid, Stop::Kill);
        }
        let _ = std::fs::remove_dir_all(&self.run);
    }
}

#[test]
fn the_first_sign_in_and_everything_behind_it() {
    let mut site = Site::start();
    let password = site.one_time_password();
    strangers_who_scan_are_told_of(&mut site);

    let (status, head, answer) = site.ask("GET", "/api/status", &Value::Null);
    assert_eq!((status, answer), (401, json!({"error": "sign in first"})));
    assert!(
        head.contains("content-security-policy: default-src 'none'"),
        "{head}"
    );
    let wrong = json!({"login": "admin", "password": "x"});
    assert_eq!(site.ask("POST", "/api/login", &wrong).0, 401);

    let credentials = json!({"login": "admin", "password": password});
    let (status, head, answer) = site.ask("POST", "/api/login", &credentials);
    assert_eq!(
        (status, answer),
        (200, json!({"must_change_password": true}))
    );
    assert!(head.contains("HttpOnly; Secure; SameSite=Strict"), "{head}");
    assert_eq!(site.ask("GET", "/api/extensions", &Value::Null).0, 403);
    let change = json!({"old": password, "new": OWN_PASSWORD});
    assert_eq!(site.ask("POST", "/api/password", &change).0, 200);

    let (status, _, created) = site.ask("POST", "/api/extensions", &json!({"number": "100"}));
    assert_eq!(
        (status, created["password"].as_str().map(str::len)),
        (201, Some(16))
    );
    let (created, text) = site.ctl(&["extensions", "create", "101", "--name", "Oficina"]);
    assert!(created && text.contains("password: "), "{text}");
    let (_, _, all) = site.ask("GET", "/api/extensions", &Value::Null);
    assert_eq!(
        (all[0]["number"].as_str(), all[1]["number"].as_str()),
        (Some("100"), Some("101"))
    );
    let (deleted, text) = site.ctl(&["extensions", "delete", "102"]);
    assert!(
        !deleted && text.contains("there is no extension 102"),
        "{text}"
    );

    let (fetched, text) = site.ctl(&["firmware", "fetch", "file:///etc/passwd"]);
    assert!(!fetched && text.contains("https://"), "{text}");

    let (_, _, trail) = site.ask("GET", "/api/audit", &Value::Null);
    let told: Vec<&str> = trail
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|e| e["action"].as_str())
        .collect();
    let newest_first = [
        "extension 101 created",
        "extension 100 created",
        "password of admin changed by themselves",
        "signed in",
        "sign-in refused",
    ];
    assert_eq!(told[..5], newest_first);

    the_guard_knows_where_an_administrator_is(&site);
    the_trail_is_checked_and_exported(&mut site);
    recordings_are_heard_and_deleted(&mut site);
    an_authority_signs_for_the_key_of_the_box(&mut site);

    // Without its store the box still shows itself, and says what is wrong.
    stop(site.store, Stop::Kill).expect("killed");
    let (status, _, answer) = site.ask("GET", "/api/status", &Value::Null);
    assert_eq!(
        (status, answer["store"]["warning"].as_str()),
        (200, Some("store does not answer"))
    );
    let (status, _, _) = site.ask("POST", "/api/extensions", &json!({"number": "102"}));
    assert_eq!(status, 503);
}

/// R54: as bans are off, nothing follows.
fn strangers_who_scan_are_told_of(site: &mut Site) {
    for turn in 0..30 {
        let (status, ..) = site.ask("GET", &format!("/old/{turn}"), &Value::Null);
        assert_eq!(status, 303, "bans are off");
    }
    let found = site.told(|request| match request {
        guard::Request::Found(found) => Some(found),
        _ => None,
    });
    assert_eq!(
        (found.offence, found.measure, found.is_in_force),
        (Offence::WebPath, Measure::Ban, false)
    );
    assert_eq!((found.source.as_str(), found.count), ("127.0.0.1/32", 30));
}

/// E9; and what `ctl` asks goes the whole way.
fn the_guard_knows_where_an_administrator_is(site: &Site) {
    let guests = site.told(|request| match request {
        guard::Request::Protect(_, guests) => Some(guests).filter(|it| !it.is_empty()),
        _ => None,
    });
    let told = guests.first().map(|it| (it.why, it.network.as_str()));
    assert_eq!(told, Some((Protection::Administrator, "127.0.0.1/32")));
    let (shown, text) = site.ctl(&["guard"]);
    assert!(shown && text.contains("bans are off"), "{text}");
    let (lifted, text) = site.ctl(&["guard", "unban", "203.0.113.7"]);
    assert!(
        lifted && text.contains("203.0.113.7/32 is banned no more"),
        "{text}"
    );
    let network = site.told(|request| match request {
        guard::Request::Unban(network) => Some(network),
        _ => None,
    });
    assert_eq!(network, "203.0.113.7/32");
    let (_, text) = site.ctl(&["audit"]);
    assert!(text.contains("unban 203.0.113.7/32"), "{text}");
}

/// The trail leaves the box as a file that anybody can check, and that shows what was changed.
fn the_trail_is_checked_and_exported(site: &mut Site) {
    let (good, text) = site.ctl(&["audit", "verify"]);
    assert!(good && text.contains("signed_by"), "{text}");
    let (status, _, checked) = site.ask("GET", "/api/audit/verify", &Value::Null);
    assert_eq!(
        (status, checked.get("whole")),
        (200, Some(&json!(true))),
        "{checked}"
    );
    let key = checked
        .get("signed_by")
        .and_then(Value::as_str)
        .expect("a key");
    let (status, head, body) = site.exchange("GET", "/api/audit/export", "", "");
    assert_eq!(status, 200, "{head}");
    let text = String::from_utf8(without_chunks(&body)).expect("text");
    assert!(text.contains("audit trail exported"), "{text}");
    let file = site.run.join("trail.jsonl");
    let verify = |content: &str, more: &[&str]| {
        std::fs::write(&file, content).expect("written");
        let output = Command::new(env!("CARGO_BIN_EXE_ramal"))
            .arg("audit-verify")
            .arg(&file)
            .args(more)
            .output()
            .expect("started");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).expect("text"))
    };
    let (code, said) = verify(&text, &["--key", key]);
    assert!(code == Some(0) && said.starts_with("good: "), "{said}");
    assert!(said.contains("exported 20"), "{said}");
    let (code, said) = verify(&text, &[]);
    assert!(code == Some(3) && said.starts_with("unchanged: "), "{said}");
    let (code, said) = verify(
        &text.replacen("extension 101 created", "nothing done", 1),
        &[],
    );
    assert!(code == Some(1) && said.contains("does not fit"), "{said}");
    let (code, said) = verify(&text, &["--key", &"0".repeat(64)]);
    assert!(code == Some(1) && said.contains("line 1: box "), "{said}");
    let (code, said) = verify(&text, &["--earlier", "/does/not/exist"]);
    assert_eq!(code, Some(2), "{said}");
}

/// A body in chunks (RFC 9112 §7.1) as it was before; all of it must be there.
fn without_chunks(body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    let mut rest = body;
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n");
        let (length, behind) = rest.split_at(end.expect("a length"));
        let length = str::from_utf8(length).expect("text");
        let length = usize::from_str_radix(length, 16).expect("a number");
        let (chunk, behind) = behind.get(2..).expect("a chunk").split_at(length);
        whole.extend_from_slice(chunk);
        rest = behind.strip_prefix(b"\r\n").expect("its end");
        if length == 0 {
            return whole;
        }
    }
}

/// What an authority makes of the box's request is served at once, and so is the box's own again.
fn an_authority_signs_for_the_key_of_the_box(site: &mut Site) {
    let (made, csr) = site.ctl(&["certificate", "request", "--name", "pbx.example.com"]);
    assert!(made, "{csr}");
    let der = CertificateSigningRequestDer::from_pem_slice(csr.as_bytes()).expect("PEM");
    let (_, parsed) = X509CertificationRequest::from_der(&der).expect("PKCS #10");
    let public = &parsed
        .certification_request_info
        .subject_pki
        .subject_public_key;
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
    let mut authority = CertificateParams::default();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, key).expect("an authority");
    let names = ["pbx.example.com".to_owned(), "ramal.local".to_owned()];
    let leaf = CertificateParams::new(names).expect("names");
    let leaf = leaf.signed_by(&Public(public.data.to_vec()), &authority);
    let chain = leaf.expect("signed").pem() + &authority.pem();

    let (status, _, refused) = site.ask(
        "POST",
        "/api/certificate",
        &json!({ "chain": authority.pem() }),
    );
    assert_eq!(status, 400, "{refused}");
    let file = site.run.join("chain.pem");
    std::fs::write(&file, chain).expect("written");
    let (set, text) = site.ctl(&["certificate", "set", file.to_str().expect("plain")]);
    assert!(set && text.contains("pbx.example.com"), "{text}");

    // Whoever trusts the authority gets in now, by the name that it has signed.
    let before = std::mem::replace(&mut site.client, trusting(authority.der().to_vec()));
    let (status, _, shown) = site.ask("GET", "/api/certificate", &Value::Null);
    assert_eq!(
        (status, shown.get("self_signed")),
        (200, Some(&json!(false))),
        "{shown}"
    );
    let (back, text) = site.ctl(&["certificate", "self-signed"]);
    assert!(back && text.contains("self-signed"), "{text}");
    site.client = before;
    let (_, _, shown) = site.ask("GET", "/api/certificate", &Value::Null);
    assert_eq!(shown.get("self_signed"), Some(&json!(true)), "{shown}");
}

#[test]
fn what_others_have_signed_is_served_once_a_late_store_says_so() {
    let run = std::env::temp_dir().join(format!("ramal-late-{}", std::process::id()));
    std::fs::create_dir_all(run.join("data")).expect("a directory");
    let shown = screen_of_fingerprints(&run);
    let ipc = listen(&run, "store");
    let store = start_store(&run, &ipc);
    let (client, leaf) = keep_signed_certificate(&run);
    stop(store, Stop::Kill).expect("killed");

    let (https, http) = (bind(), bind());
    let (ctl, web) = (listen(&run, "ctl"), listen(&run, "web"));
    let sockets = [
        ("https", https.as_fd()),
        ("http", http.as_fd()),
        ("ctl", ctl.as_fd()),
        ("ipc", web.as_fd()),
    ];
    let web = start(&run, &["ramal", "web"], &sockets);
    let mut site = Site {
        https: https.local_addr().expect("bound"),
        client,
        screen: mpsc::channel().1,
        guard: mpsc::channel().1,
        pids: vec![web],
        store,
        cookie: String::new(),
        run,
    };
    // It does not wait for ever, and replaces nothing that it does not know.
    assert!(!site.is_trusted(), "served without the store");
    let (done, text) = site.ctl(&["certificate", "self-signed"]);
    assert!(!done && text.contains("store does not answer"), "{text}");

    let store = start_store(&site.run, &ipc);
    site.pids.push(store);
    let wanted: [u8; 32] = Sha256::digest(&leaf).into();
    let shown = || shown.recv_timeout(Duration::from_secs(30)).expect("shown");
    while shown() != Some(wanted) {}
    let (status, _, _) = site.ask("GET", "/api/certificate", &Value::Null);
    assert_eq!(status, 401, "whoever trusts the authority gets in");
}

/// PID 1 likewise: fingerprints of what is served come out of the channel.
fn screen_of_fingerprints(run: &Path) -> mpsc::Receiver<Option<[u8; 32]>> {
    let listener = listen(run, "init");
    let (shown, screen) = mpsc::channel();
    std::thread::spawn(move || {
        run_loop::ipc::serve(
            &listener,
            |_| true,
            move |_, request| {
                if let init::Request::Present(init::Presence::Pages { certificate, .. }) = request {
                    let _ = shown.send(certificate);
                    return Answer::Reply(init::Reply::Done);
                }
                Answer::Reply(init::Reply::Status(init::Status::default()))
            },
        )
    });
    screen
}

/// Keeps what an authority has signed, in a row as it was before it had a name.
fn keep_signed_certificate(run: &Path) -> (Arc<ClientConfig>, Vec<u8>) {
    let key = || KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
    let mut authority = CertificateParams::default();
    let name = &mut authority.distinguished_name;
    name.push(rcgen::DnType::CommonName, "Office CA");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, key()).expect("an authority");
    let own = key();
    let leaf = CertificateParams::new(["ramal.local".to_owned()]).expect("a name");
    let leaf = leaf.signed_by(&own, &authority).expect("signed");
    let hex = |bytes: &[u8]| -> String { bytes.iter().map(|it| format!("{it:02x}")).collect() };
    let row = json!({
        "key": hex(&own.serialize_der()),
        "chain": [hex(leaf.der()), hex(authority.der())],
    });
    let row = Redacted::new(row.to_string().into_bytes());
    let client = BlockingClient::<store::Request, store::Reply>::new(run.join("store.sock"));
    let kept = client.call(&store::Request::PutSecret("tls.signed".into(), row));
    assert_eq!(kept.expect("answered"), store::Reply::Stored);
    (trusting(authority.der().to_vec()), leaf.der().to_vec())
}

/// A public key, as an authority knows it.
struct Public(Vec<u8>);

impl PublicKeyData for Public {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

/// A recording goes from the disk to whoever signed in, whole or in part, and away when asked.
fn recordings_are_heard_and_deleted(site: &mut Site) {
    let name = "1795351503000-0000002a.wav";
    let target = format!("/api/recordings/{name}");
    let samples = (0..750_000_u32).flat_map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes());
    let sound: Vec<u8> = samples.collect();
    let folder = site.run.join("recordings");
    std::fs::write(folder.join(name), &sound).expect("written");
    std::fs::write(site.run.join("secret.wav"), b"x").expect("written");
    let link = folder.join("link.wav");
    std::os::unix::fs::symlink(site.run.join("secret.wav"), link).expect("a link");

    let (status, _, listed) = site.ask("GET", "/api/recordings", &Value::Null);
    assert_eq!(status, 200, "{listed}");
    let listed: Vec<_> = listed.as_array().into_iter().flatten().collect();
    assert_eq!(listed.len(), 1, "a link is no recording: {listed:?}");
    let bytes = listed.first().and_then(|file| file.get("bytes")?.as_u64());
    assert_eq!(bytes, Some(3_000_000));
    let (listed, text) = site.ctl(&["recordings"]);
    assert!(listed && text.contains(name), "{text}");

    let (status, head, heard) = site.exchange("GET", &target, "", "");
    assert_eq!(status, 200, "{head}");
    assert!(head.contains("content-length: 3000000"), "{head}");
    assert!(head.contains("content-type: audio/wav"), "{head}");
    assert!(heard == sound, "{} bytes", heard.len());
    let range = "Range: bytes=2000000-2999998\r\n";
    let (status, head, heard) = site.exchange("GET", &target, range, "");
    assert_eq!(status, 206, "{head}");
    let part = sound.get(2_000_000..2_999_999);
    assert!(Some(heard.as_slice()) == part, "{} bytes", heard.len());
    for nothing in ["link.wav", "..%2Fsecret.wav", "..", "no.wav"] {
        let target = format!("/api/recordings/{nothing}");
        assert_eq!(site.exchange("GET", &target, "", "").0, 404, "{nothing}");
    }
    let cookie = std::mem::take(&mut site.cookie);
    assert_eq!(site.exchange("GET", &target, "", "").0, 401);
    site.cookie = cookie;

    let (deleted, text) = site.ctl(&["recordings", "delete", name]);
    assert!(deleted, "{text}");
    assert!(!folder.join(name).exists());
    let (deleted, text) = site.ctl(&["recordings", "delete", name]);
    assert!(!deleted && text.contains("there is no recording"), "{text}");
    let (_, trail) = site.ctl(&["audit", "--limit", "3"]);
    for action in ["deleted", "downloaded"] {
        assert!(
            trail.contains(&format!("recording {name} {action}")),
            "{trail}"
        );
    }
}

/// Starts a service with the sockets PID 1 would pass.
fn start(run: &Path, arguments: &[&str], sockets: &[(&str, BorrowedFd<'_>)]) -> u32 {
    let names: Vec<&str> = sockets.iter().map(|(name, _)| *name).collect();
    let descriptors: Vec<BorrowedFd<'_>> = sockets.iter().map(|(_, socket)| *socket).collect();
    let environment = [
        format!("RAMAL_RUN={}", run.display()),
        format!("LISTEN_FDS={}", sockets.len()),
        format!("LISTEN_FDNAMES={}", names.join(":")),
    ];
    let output = File::create(run.join("log")).expect("a file");
    spawn(&Program {
        path: env!("CARGO_BIN_EXE_ramal"),
        arguments,
        environment: &environment,
        output: output.as_fd(),
        descriptors: &descriptors,
        opened: None,
        identity: None,
        group: None,
        fence: None,
        limits: None,
    })
    .expect("started")
}

/// Keeps a certificate in the store before `web` starts, so that the client can know it.
fn keep_known_certificate(run: &Path) -> Arc<ClientConfig> {
    let identity = Identity::make("ramal", &[]).expect("a certificate");
    let client = BlockingClient::<store::Request, store::Reply>::new(run.join("store.sock"));
    for (name, secret) in [
        ("tls.key", identity.key),
        ("tls.cert", identity.certificate.clone()),
    ] {
        let kept = client.call(&store::Request::PutSecret(
            name.into(),
            Redacted::new(secret),
        ));
        assert_eq!(kept.expect("answered"), store::Reply::Stored);
    }
    trusting(identity.certificate)
}

/// A client that takes nothing but what this certificate vouches for.
fn trusting(certificate: Vec<u8>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from(certificate))
        .expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// PID 1 as far as `web` knows it: what it is to show comes out of the channel.
fn fake_init(run: &Path) -> mpsc::Receiver<Vec<String>> {
    let listener = listen(run, "init");
    let (shown, screen) = mpsc::channel();
    std::thread::spawn(move || {
        run_loop::ipc::serve(
            &listener,
            |_| true,
            move |_, request| match request {
                init::Request::Screen(lines) => {
                    let _ = shown.send(lines.reveal().clone());
                    Answer::Reply(init::Reply::Done)
                }
                _ => Answer::Reply(init::Reply::Status(init::Status::default())),
            },
        )
    });
    screen
}

/// Bans are off, and it passes on what it is told.
fn fake_guard(run: &Path) -> mpsc::Receiver<guard::Request> {
    let listener = listen(run, "guard");
    let (telling, told) = mpsc::channel();
    std::thread::spawn(move || {
        run_loop::ipc::serve(
            &listener,
            |_| true,
            move |_, request: guard::Request| {
                let reply = match &request {
                    guard::Request::Watch => guard::Reply::Bans(guard::Bans {
                        is_whole: true,
                        ..guard::Bans::default()
                    }),
                    guard::Request::Status => guard::Reply::Status(guard::Status::default()),
                    guard::Request::Unban(network) => guard::Reply::Unbanned {
                        lifted: vec![network.clone()],
                        is_kept: true,
                    },
                    guard::Request::Found(_)
                    | guard::Request::Protect(..)
                    | guard::Request::Outsider(_)
                    | guard::Request::Seen(_)
                    | guard::Request::LookAnew => guard::Reply::Taken,
                };
                let _ = telling.send(request);
                Answer::Reply(reply)
            },
        )
    });
    told
}

/// On a socket that outlives it, as PID 1 keeps them.
fn start_store(run: &Path, ipc: &UnixListener) -> u32 {
    let (data, backups) = (run.join("data"), run.join("backups"));
    let data = data.to_str().expect("plain");
    let backups = backups.to_str().expect("plain");
    let arguments = ["ramal", "store", "--data", data, "--backups", backups];
    start(run, &arguments, &[("ipc", ipc.as_fd())])
}

fn listen(run: &Path, service: &str) -> UnixListener {
    UnixListener::bind(run.join(format!("{service}.sock"))).expect("a socket")
}

fn bind() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a port")
}
