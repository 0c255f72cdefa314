//! The box's JSON API as the lab uses it: a browser without a screen.
//!
//! The certificate is not verified: the box signs its own, and the lab's only way to it is a
//! network that it made itself. Each request opens its own connection, so a restart of the box or
//! of `web` is never mistaken for a fault of the next request.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::{Request, Response};
use ureq::tls::{TlsConfig, TlsProvider};

use crate::lan::BOX_ADDRESS;

/// Why the box did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No answer.
    #[error("{method} {path}: {reason}")]
    NoAnswer {
        /// The method.
        method: String,
        /// The path.
        path: String,
        /// Why.
        reason: String,
    },
    /// Another answer than the wanted one.
    #[error("{method} {path} answered {status}: {reason}")]
    Refused {
        /// The method.
        method: String,
        /// The path.
        path: String,
        /// The HTTP status.
        status: u16,
        /// The `error` field of the answer.
        reason: String,
    },
    /// A field is not there.
    #[error("the answer to {path} has no {field}")]
    Field {
        /// The path.
        path: String,
        /// The field.
        field: String,
    },
}

/// A signed-in (or not yet signed-in) session.
#[derive(Clone)]
pub struct BoxApi {
    agent: Agent,
    base: String,
    /// The session cookie. The box gives another one when the password is said in it.
    cookie: Arc<Mutex<Option<String>>>,
}

impl BoxApi {
    /// Talks to `https://127.0.0.1:<port>`.
    pub fn new(port: u16) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(provider)
            .disable_verification(true)
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_idle_connections(0)
            .timeout_global(Some(ANSWER_MAX))
            .build();
        Self {
            agent: config.new_agent(),
            base: format!("https://127.0.0.1:{port}"),
            cookie: Arc::default(),
        }
    }

    /// The same session, used on the lab's network itself and not by the way in from the host.
    #[must_use]
    pub fn from_the_lan(self) -> Self {
        self.at(SocketAddr::from((BOX_ADDRESS, 443)))
    }

    /// The same session at another address.
    #[must_use]
    pub fn at(self, address: SocketAddr) -> Self {
        Self {
            base: format!("https://{address}"),
            ..self
        }
    }

    /// Signs in. `true` when the password has to be changed before anything else.
    ///
    /// # Errors
    /// Wrong password, throttled, or no answer.
    pub fn sign_in(&mut self, login: &str, password: &str) -> Result<bool, ApiError> {
        let path = "/api/login";
        let body = json!({ "login": login, "password": password });
        // A session of its own: a clone keeps the one of before.
        let fresh = Self {
            cookie: Arc::default(),
            ..self.clone()
        };
        let answer = fresh.post(path, &body)?;
        *self = fresh;
        field(path, &answer, "must_change_password")?
            .as_bool()
            .ok_or_else(|| ApiError::Field {
                path: path.to_owned(),
                field: "must_change_password".to_owned(),
            })
    }

    /// Changes one's own password.
    ///
    /// # Errors
    /// The new one is too weak, or no answer.
    pub fn change_password(&self, old: &str, new: &str) -> Result<(), ApiError> {
        self.post("/api/password", &json!({ "old": old, "new": new }))
            .map(drop)
    }

    /// Creates an extension and gives its SIP password, which the box shows this once.
    ///
    /// # Errors
    /// It exists, or no answer.
    pub fn create_extension(&self, number: &str, name: &str) -> Result<String, ApiError> {
        let body = json!({ "number": number, "display_name": name });
        text(
            &self.post("/api/extensions", &body)?,
            "/api/extensions",
            "password",
        )
    }

    /// Ends a service so that it is started again, `kill` without asking it.
    ///
    /// # Errors
    /// No such service, or no answer.
    pub fn restart_service(&self, name: &str, kill: bool) -> Result<(), ApiError> {
        self.post(
            &format!("/api/services/{name}/restart"),
            &json!({ "kill": kill }),
        )
        .map(drop)
    }

    /// What the status page shows.
    ///
    /// # Errors
    /// Not signed in, or no answer.
    pub fn status(&self) -> Result<Value, ApiError> {
        self.get("/api/status")
    }

    /// One service of [`Self::status`].
    ///
    /// # Errors
    /// No such service, or no answer.
    pub fn service(&self, name: &str) -> Result<Value, ApiError> {
        let status = self.status()?;
        let services = field("/api/status", &status, "services")?
            .as_array()
            .cloned();
        let mut services = services.unwrap_or_default().into_iter();
        let found = services.find(|service| service.get("name") == Some(&json!(name)));
        found.ok_or_else(|| ApiError::Field {
            path: "/api/status".to_owned(),
            field: format!("service {name}"),
        })
    }

    /// The newest call records, newest first.
    ///
    /// # Errors
    /// Not signed in, or no answer.
    pub fn calls(&self, limit: u32) -> Result<Vec<Value>, ApiError> {
        let answer = self.get(&format!("/api/calls?limit={limit}"))?;
        Ok(answer.as_array().cloned().unwrap_or_default())
    }

    /// A GET that must succeed.
    ///
    /// # Errors
    /// Another status than 2xx, or no answer.
    pub fn get(&self, path: &str) -> Result<Value, ApiError> {
        accept("GET", path, self.send("GET", path, None)?)
    }

    /// The bytes of a file that the box gives.
    ///
    /// # Errors
    /// Another status than 2xx, or no answer.
    pub fn download(&self, path: &str) -> Result<Vec<u8>, ApiError> {
        let response = self.send("GET", path, None)?;
        let response = match response.status().is_success() {
            true => response,
            false => return accept("GET", path, response).map(|_| Vec::new()),
        };
        let mut body = response.into_body();
        let read = body.with_config().limit(FILE_BYTES_MAX).read_to_vec();
        read.map_err(|error| ApiError::NoAnswer {
            method: "GET".to_owned(),
            path: path.to_owned(),
            reason: error.to_string(),
        })
    }

    /// A POST that must succeed.
    ///
    /// # Errors
    /// Another status than 2xx, or no answer.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, ApiError> {
        accept("POST", path, self.send("POST", path, Some(body))?)
    }

    /// A DELETE that must succeed.
    ///
    /// # Errors
    /// Another status than 2xx, or no answer.
    pub fn delete(&self, path: &str) -> Result<(), ApiError> {
        accept("DELETE", path, self.send("DELETE", path, None)?).map(drop)
    }

    /// Sends the piece of an update file that begins at `offset`; what the box wants next, `None`
    /// when it has all and has installed it.
    ///
    /// # Errors
    /// It refused the piece, or no answer.
    pub fn send_piece(&self, offset: u64, piece: &[u8]) -> Result<Option<u64>, ApiError> {
        let path = format!("/api/firmware/update/{offset}");
        let kind = "application/octet-stream";
        let response = self.send_bytes("POST", &path, Some((kind, piece)))?;
        let answer = accept("POST", &path, response)?;
        Ok(answer.get("next").and_then(Value::as_u64))
    }

    /// Brings a backup, piece by piece.
    ///
    /// # Errors
    /// A piece was refused, or no answer.
    pub fn bring_backup(&self, backup: &[u8]) -> Result<(), ApiError> {
        let kind = "application/octet-stream";
        let mut next = 0;
        for piece in backup.chunks(BACKUP_PIECE) {
            let path = format!("/api/backups/upload/{next}");
            let response = self.send_bytes("POST", &path, Some((kind, piece)))?;
            accept("POST", &path, response)?;
            next += piece.len();
        }
        Ok(())
    }

    /// Any request; the answer as it came.
    ///
    /// # Errors
    /// No answer.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Response<ureq::Body>, ApiError> {
        let text = body.map(Value::to_string);
        let body = text.as_ref().map(|it| ("application/json", it.as_bytes()));
        self.send_bytes(method, path, body)
    }

    /// The same with a body of this type.
    fn send_bytes(
        &self,
        method: &str,
        path: &str,
        body: Option<(&str, &[u8])>,
    ) -> Result<Response<ureq::Body>, ApiError> {
        let no_answer = |reason: String| ApiError::NoAnswer {
            method: method.to_owned(),
            path: path.to_owned(),
            reason,
        };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        let cookie = || self.cookie.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cookie) = cookie().as_ref() {
            request = request.header("cookie", cookie);
        }
        let result = match body {
            Some((kind, body)) => {
                let request = request.header("content-type", kind);
                let request = request.body(body);
                self.agent
                    .run(request.map_err(|error| no_answer(error.to_string()))?)
            }
            None => self.agent.run(
                request
                    .body(())
                    .map_err(|error| no_answer(error.to_string()))?,
            ),
        };
        let response = result.map_err(|error| no_answer(error.to_string()))?;
        let given = response.headers().get("set-cookie");
        let given = given.and_then(|value| value.to_str().ok());
        if let Some(given) = given.and_then(|value| value.split(';').next()) {
            *cookie() = Some(given.to_owned());
        }
        Ok(response)
    }
}

fn accept(method: &str, path: &str, response: Response<ureq::Body>) -> Result<Value, ApiError> {
    let status = response.status().as_u16();
    let body = response.into_body().read_to_string().unwrap_or_default();
    let value: Value = serde_json::from_str(&body).unwrap_or(Value::Null);
    if (200..300).contains(&status) {
        return Ok(value);
    }
    let reason = value
        .get("error")
        .and_then(Value::as_str)
        .unwrap_or("no reason given");
    let (method, path) = (method.to_owned(), path.to_owned());
    Err(ApiError::Refused {
        method,
        path,
        status,
        reason: reason.to_owned(),
    })
}

fn field<'a>(path: &str, value: &'a Value, name: &str) -> Result<&'a Value, ApiError> {
    value.get(name).ok_or_else(|| ApiError::Field {
        path: path.to_owned(),
        field: name.to_owned(),
    })
}

fn text(value: &Value, path: &str, name: &str) -> Result<String, ApiError> {
    let missing = || ApiError::Field {
        path: path.to_owned(),
        field: name.to_owned(),
    };
    field(path, value, name)?
        .as_str()
        .map(str::to_owned)
        .ok_or_else(missing)
}

/// Bytes of a backup that are brought at once.
const BACKUP_PIECE: usize = 48 * 1024;

/// More than a test records.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// An emulated box needs seconds to hash a password, and most of a minute to apply a patch.
const ANSWER_MAX: Duration = Duration::from_secs(120);
