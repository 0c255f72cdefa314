//! argon2id on threads of its own, two at once: each takes 19 MiB and tens of milliseconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use admin::{Away, Check};
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use ipc::Redacted;
use tokio::sync::Semaphore;

/// Hashes and compares passwords, few at a time.
pub(crate) struct Hasher {
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Hasher {
    pub(crate) fn new() -> Self {
        Self {
            slots: Arc::new(Semaphore::new(THREADS)),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Whether the password matches. An unknown person costs the same work.
    pub(crate) async fn verify(&self, check: Check) -> Result<bool, Away> {
        let verify = move || {
            let known = check.hash.is_some();
            let hash = check
                .hash
                .unwrap_or_else(|| Redacted::new(DUMMY_HASH.to_owned()));
            let password = check.password.reveal().as_bytes();
            let matches = argon2id()
                .verify_password(password, hash.reveal().as_str())
                .is_ok();
            Some(matches && known)
        };
        self.work(verify).await
    }

    /// The PHC string of a password with a new salt.
    pub(crate) async fn hash(&self, password: Redacted<String>) -> Result<Redacted<String>, Away> {
        let hash = move || {
            let mut salt = [0; SALT_LENGTH];
            run_loop::fill_random(&mut salt).ok()?;
            let hash = argon2id().hash_password_with_salt(password.reveal().as_bytes(), &salt);
            Some(Redacted::new(hash.ok()?.to_string()))
        };
        self.work(hash).await
    }

    async fn work<T: Send + 'static>(
        &self,
        task: impl FnOnce() -> Option<T> + Send + 'static,
    ) -> Result<T, Away> {
        let queue = Queue::join(&self.waiting).ok_or(Away::Busy)?;
        let slot = Arc::clone(&self.slots)
            .acquire_owned()
            .await
            .map_err(|_| Away::Busy)?;
        drop(queue);
        let done = tokio::task::spawn_blocking(move || {
            let outcome = task();
            drop(slot);
            outcome
        });
        done.await.ok().flatten().ok_or(Away::Busy)
    }
}

/// A place in the queue, given up when dropped.
struct Queue<'a>(&'a AtomicUsize);

impl<'a> Queue<'a> {
    fn join(waiting: &'a AtomicUsize) -> Option<Self> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let place = Self(waiting);
        (before < QUEUE_MAX).then_some(place)
    }
}

impl Drop for Queue<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// OWASP's first choice for argon2id: 19 MiB, two passes, one lane.
fn argon2id() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Hashes at once.
pub(crate) const THREADS: usize = 2;
/// Sign-ins that may wait: at 100 ms each, the last waits under a second.
const QUEUE_MAX: usize = 16;
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Bytes; RFC 9106 §3.1 recommends 16.
const SALT_LENGTH: usize = 16;
/// Nobody's: what an unknown person's password is compared with, at the same cost.
const DUMMY_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA\
     $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[cfg(test)]
mod tests {
    use super::*;

    fn run<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime")
            .block_on(work)
    }

    #[test]
    fn a_hash_matches_its_password_only() {
        run(async {
            let hasher = Hasher::new();
            let password = Redacted::new("papagaio verde".to_owned());
            let hash = hasher.hash(password.clone()).await.expect("hashed");
            assert!(hash.reveal().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
            let right = Check {
                password,
                hash: Some(hash.clone()),
            };
            assert_eq!(hasher.verify(right).await, Ok(true));
            let wrong = Redacted::new("papagaio azul".to_owned());
            let wrong = Check {
                password: wrong,
                hash: Some(hash),
            };
            assert_eq!(hasher.verify(wrong).await, Ok(false));
        });
    }

    #[test]
    fn nobody_matches_nothing_at_full_cost() {
        let parameters = DUMMY_HASH
            .parse::<argon2::PasswordHash>()
            .expect("well-formed");
        assert_eq!(
            Params::try_from(&parameters).expect("parameters").m_cost(),
            MEMORY_KIB
        );
        run(async {
            let password = Redacted::new(String::new());
            assert_eq!(
                Hasher::new()
                    .verify(Check {
                        password,
                        hash: None
                    })
                    .await,
                Ok(false)
            );
        });
    }

    #[test]
    fn the_queue_is_bounded_and_emptied() {
        let waiting = AtomicUsize::new(0);
        let places: Vec<_> = (0..QUEUE_MAX)
            .filter_map(|_| Queue::join(&waiting))
            .collect();
        assert_eq!(places.len(), QUEUE_MAX);
        assert!(Queue::join(&waiting).is_none());
        drop(places);
        assert_eq!(waiting.load(Ordering::Relaxed), 0);
    }
}
