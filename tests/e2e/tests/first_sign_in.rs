//! The first minutes of a new box: nobody gets in without the password on its screen, and that
//! password has to be changed before anything else.

use std::io::{Read as _, Write as _};
use std::net::Ipv4Addr;
use std::time::Duration;

use admin::{Access, Face, Method, ROUTES};
use e2e::{Failure, Proof, Stand, connect, is_found_at, switched_on, wait_until};
use qemu::box_api::BoxApi;
use qemu::lab::{ADMINISTRATOR, Lab};
use qemu::lan::{BOX_ADDRESS, OWN_PREFIX, box_in};
use qemu::serial::PASSWORD_LABEL;
use serde_json::json;

static STAND: Stand<NewBox> = Stand::new(4);

/// A box that nobody has signed in to, and the password on its screen.
struct NewBox {
    lab: Lab,
    password: String,
}

fn run(test: impl FnOnce(&mut NewBox) -> Proof) -> Proof {
    let set_up = || {
        let mut lab = switched_on("first-sign-in")?;
        let machine = lab.machine()?;
        machine.wait_ready()?;
        machine.wait_line(PASSWORD_LABEL, SCREEN_MAX)?;
        let password = machine.serial().take_one_time_password();
        let password = password.ok_or_else(|| Failure::new("no password on the screen"))?;
        Ok(NewBox { lab, password })
    };
    STAND.run(set_up, test)
}

#[test]
fn every_address_refuses_whoever_is_not_signed_in() -> Proof {
    run(|new| {
        let stranger = new.lab.api();
        let mut refused = 0;
        for route in ROUTES
            .iter()
            .filter(|route| route.access != Access::Anybody)
        {
            let (status, location) = ask(&stranger, route.method, route.path)?;
            let path = route.path;
            match route.face {
                Face::Api => assert_eq!(status, 401, "{path}"),
                Face::Page => assert_eq!((status, location.as_str()), (303, "/login"), "{path}"),
                Face::Asset => panic!("{path} is no secret"),
            }
            refused += 1;
        }
        assert!(refused > 10, "only {refused} addresses were tried");
        Ok(())
    })
}

#[test]
fn an_installer_finds_the_box_by_its_name() -> Proof {
    run(|new| {
        let installer = new.lab.lan().join("installer", INSTALLER)?;
        for address in [BOX_ADDRESS.into(), box_in(OWN_PREFIX).into()] {
            wait_until("an answer for ramal.local", NAME_MAX, || {
                let found = installer.run(move || is_found_at(INSTALLER, "ramal", address))??;
                Ok(found.then_some(()))
            })?;
        }
        Ok(())
    })
}

#[test]
fn only_the_password_on_the_screen_signs_in_and_it_must_be_changed_first() -> Proof {
    run(|new| {
        for wrong in ["", "admin", "0000-0000-0000"] {
            let body = json!({ "login": ADMINISTRATOR, "password": wrong });
            let answer = new.lab.api().send("POST", "/api/login", Some(&body))?;
            assert_eq!(answer.status(), 401, "{wrong:?}");
            assert!(answer.headers().get("set-cookie").is_none(), "{wrong:?}");
        }
        let mut api = new.lab.api();
        assert!(
            api.sign_in(ADMINISTRATOR, &new.password)?,
            "no change is asked for"
        );
        for route in ROUTES
            .iter()
            .filter(|route| matches!(route.access, Access::May(_) | Access::Sure(_)))
        {
            let (status, location) = ask(&api, route.method, route.path)?;
            let path = route.path;
            match route.face {
                Face::Api => assert_eq!(status, 403, "{path}"),
                Face::Page => assert_eq!((status, location.as_str()), (303, "/password"), "{path}"),
                Face::Asset => panic!("{path} is no secret"),
            }
        }
        let short = api.change_password(&new.password, "short");
        assert!(short.is_err_and(|error| error.to_string().contains("answered 400")));
        api.change_password(&new.password, CHOSEN)?;
        let again = new.lab.api().sign_in(ADMINISTRATOR, &new.password);
        assert!(again.is_err_and(|error| error.to_string().contains("answered 401")));
        assert!(
            !api.sign_in(ADMINISTRATOR, CHOSEN)?,
            "another change is asked for"
        );
        api.status()?;
        // For the other tests of this file, in whatever order they run.
        CHOSEN.clone_into(&mut new.password);
        Ok(())
    })
}

#[test]
fn port_80_sends_everybody_to_https_and_serves_nothing() -> Proof {
    run(|new| {
        for request in [
            "GET / HTTP/1.1",
            "GET /api/status HTTP/1.1",
            "POST /api/login HTTP/1.1",
        ] {
            let mut stream = connect(&new.lab, HTTP_PORT)?;
            stream.set_read_timeout(Some(SCREEN_MAX))?;
            write!(
                stream,
                "{request}\r\nHost: box.example\r\nContent-Length: 0\r\n\r\n"
            )?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
            let path = request.split(' ').nth(1).unwrap_or_default();
            let head = head.to_ascii_lowercase();
            assert!(head.starts_with("http/1.1 308 "), "{request}: {answer}");
            assert!(
                head.contains(&format!("location: https://box.example{path}\r")),
                "{answer}"
            );
            assert!(
                !head.contains("set-cookie") && body.is_empty(),
                "{request}: {answer}"
            );
        }
        Ok(())
    })
}

/// Asks for an address; the status, and where it sends us.
fn ask(api: &BoxApi, method: Method, path: &str) -> Result<(u16, String), Failure> {
    let path = path.replace("{}", "100");
    let body = json!({});
    let (method, body) = match method {
        Method::Get => ("GET", None),
        Method::Post => ("POST", Some(&body)),
        Method::Delete => ("DELETE", None),
    };
    let answer = api.send(method, &path, body)?;
    let location = answer.headers().get("location");
    let location = location
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    Ok((answer.status().as_u16(), location.to_owned()))
}

const CHOSEN: &str = "a password of the installer";

const HTTP_PORT: u16 = 80;

/// Whoever sets the box up.
const INSTALLER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 150);

/// The name is looked for by others first, before it is taken.
const NAME_MAX: Duration = Duration::from_secs(60);

/// The box hashes the password before it shows it, which takes an emulated one a second.
const SCREEN_MAX: Duration = Duration::from_secs(30);
