//! How passwords are hashed (LM-14, CX-15), and the few threads that do it.
//!
//! bcrypt reads 72 bytes at most, so it is given base64(HMAC-SHA256(pepper, password)): every byte of
//! a long password counts, and a stolen database without the pepper cannot be searched. The pepper's
//! version stands before the hash.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, AtomicUsize, Ordering},
    mpsc,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use kernel::Secret;
use sha2::Sha256;
use tokio::sync::{Semaphore, oneshot};
use zeroize::Zeroizing;

use crate::error::IdentityError;

/// CX-15: 12 is the floor.
pub const BCRYPT_COST: u32 = 12;
const PEPPER: &str = "p1:";
/// More people than this waiting for each thread, some eight seconds of work, are told to come back.
const WAITING_PER_THREAD: usize = 32;

type Work = Box<dyn FnOnce() + Send>;

/// A bounded pool of threads of its own: a flood of sign-ins slows sign-ins and nothing else.
pub(crate) struct Passwords {
    pepper: Secret<Vec<u8>>,
    /// Checked for addresses that nobody has, so that they cost the same.
    decoy: String,
    work: mpsc::Sender<Work>,
    permits: Semaphore,
    waiting: AtomicUsize,
    most_waiting: usize,
    cost: u32,
    /// Hashes made and checked since start.
    worked: Arc<AtomicU64>,
}

impl Passwords {
    /// Starts a thread for every two cores: sign-ins leave the other half to everybody else. They end
    /// when the pool is dropped.
    pub(crate) async fn start(pepper: Secret<Vec<u8>>, cost: u32) -> Result<Self, IdentityError> {
        let threads = threads();
        let (work, queue) = mpsc::channel::<Work>();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..threads {
            let queue = Arc::clone(&queue);
            std::thread::Builder::new()
                .name(String::from("passwords"))
                .spawn(move || work_through(&queue))
                .map_err(|_| IdentityError::Overloaded)?;
        }
        let mut pool = Self {
            pepper,
            decoy: String::new(),
            work,
            permits: Semaphore::new(threads),
            waiting: AtomicUsize::new(0),
            most_waiting: threads.saturating_mul(WAITING_PER_THREAD),
            cost: cost.max(BCRYPT_COST),
            worked: Arc::default(),
        };
        let mut nobody = [0_u8; 32];
        getrandom::fill(&mut nobody).map_err(|_| IdentityError::Crypto("randomness"))?;
        pool.decoy = pool.hash(&Secret::new(STANDARD.encode(nobody))).await?;
        Ok(pool)
    }

    /// A hash to store. Takes about a quarter of a second of one thread.
    pub(crate) async fn hash(&self, password: &Secret<String>) -> Result<String, IdentityError> {
        let (input, cost) = (self.input(password)?, self.cost);
        let hash = self.run(move || bcrypt::hash(input.as_str(), cost)).await?;
        let hash = hash.map_err(|_| IdentityError::Crypto("bcrypt"))?;
        Ok(format!("{PEPPER}{hash}"))
    }

    /// Whether `password` is the one that was stored. Without a stored hash (nobody has the address,
    /// or the account has no password) the same work is done and the answer is no (LR-12).
    pub(crate) async fn verify(
        &self,
        password: &Secret<String>,
        stored: Option<&str>,
    ) -> Result<bool, IdentityError> {
        let input = self.input(password)?;
        let known = stored.and_then(|stored| stored.strip_prefix(PEPPER));
        let decoy = self.decoy.strip_prefix(PEPPER).unwrap_or_default();
        let hash = known.unwrap_or(decoy).to_owned();
        let target = self.cost;
        let matches = self
            .run(move || {
                let matches = bcrypt::verify(input.as_str(), &hash);
                make_up(&input, cost_of(&hash), target);
                matches
            })
            .await?;
        let matches = matches.map_err(|_| IdentityError::Crypto("bcrypt"))?;
        Ok(matches && known.is_some())
    }

    /// Whether the hash was made at a lower cost than new ones are, or cannot be read.
    pub(crate) fn is_outdated(&self, stored: &str) -> bool {
        stored
            .strip_prefix(PEPPER)
            .and_then(cost_of)
            .is_none_or(|cost| cost < self.cost)
    }

    /// How many hashes were made or checked since start: what an answer may not depend on.
    pub(crate) fn worked(&self) -> u64 {
        self.worked.load(Ordering::Relaxed)
    }

    fn input(&self, password: &Secret<String>) -> Result<Zeroizing<String>, IdentityError> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.pepper.expose())
            .map_err(|_| IdentityError::Crypto("pepper"))?;
        mac.update(password.expose().as_bytes());
        Ok(Zeroizing::new(STANDARD.encode(mac.finalize().into_bytes())))
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, IdentityError> {
        let _waiting = Waiting::enter(&self.waiting, self.most_waiting)?;
        let _permit = self
            .permits
            .acquire()
            .await
            .map_err(|_| IdentityError::Overloaded)?;
        let (done, result) = oneshot::channel();
        let worked = Arc::clone(&self.worked);
        let work: Work = Box::new(move || {
            worked.fetch_add(1, Ordering::Relaxed);
            // Nobody waits any more when the request was dropped.
            let _ = done.send(work());
        });
        self.work
            .send(work)
            .map_err(|_| IdentityError::Overloaded)?;
        result.await.map_err(|_| IdentityError::Overloaded)
    }
}

/// Half the cores, and one at least.
fn threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (cores / 2).max(1)
}

/// The cost in a hash's own text, `$2b$12$...`.
fn cost_of(hash: &str) -> Option<u32> {
    hash.split('$').nth(2)?.parse().ok()
}

/// A hash of an older, lower cost is checked sooner than one of today's, which would tell an old
/// account from an unknown address: 2^c + (2^c + ... + 2^(t-1)) = 2^t makes up for it.
fn make_up(input: &str, cost: Option<u32>, target: u32) {
    for step in cost.unwrap_or(target)..target {
        // Its result is of no interest, its duration is.
        drop(bcrypt::hash(input, step));
    }
}

fn work_through(queue: &Mutex<mpsc::Receiver<Work>>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(work) => work(),
            Err(mpsc::RecvError) => return,
        }
    }
}

/// One request among those that wait or work; leaves when dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize, most: usize) -> Result<Self, IdentityError> {
        let waiting = Self(count);
        if count.fetch_add(1, Ordering::Relaxed) >= most {
            return Err(IdentityError::Overloaded);
        }
        Ok(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn pool() -> Passwords {
        Passwords::start(Secret::new(vec![7; 32]), BCRYPT_COST)
            .await
            .unwrap()
    }

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_verifies_and_every_other_does_not() {
        let pool = pool().await;
        let stored = pool.hash(&secret("Correct horse 7")).await.unwrap();
        assert!(
            stored.starts_with("p1:$2b$12$"),
            "cost 12 and the pepper's version: {stored}"
        );
        assert!(
            pool.verify(&secret("Correct horse 7"), Some(&stored))
                .await
                .unwrap()
        );
        assert!(
            !pool
                .verify(&secret("Correct horse 8"), Some(&stored))
                .await
                .unwrap()
        );
        assert!(!pool.verify(&secret(""), Some(&stored)).await.unwrap());
    }

    /// bcrypt alone would call these equal: it reads no more than 72 bytes.
    #[tokio::test]
    async fn the_eightieth_byte_counts() {
        let pool = pool().await;
        let long = format!("{}A", "x".repeat(80));
        let stored = pool.hash(&secret(&long)).await.unwrap();
        let other = format!("{}B", "x".repeat(80));
        assert!(!pool.verify(&secret(&other), Some(&stored)).await.unwrap());
        assert!(pool.verify(&secret(&long), Some(&stored)).await.unwrap());
    }

    #[tokio::test]
    async fn a_stolen_hash_is_worthless_under_another_pepper() {
        let stored = pool().await.hash(&secret("Correct horse 7")).await.unwrap();
        let thief = Passwords::start(Secret::new(vec![8; 32]), BCRYPT_COST)
            .await
            .unwrap();
        assert!(
            !thief
                .verify(&secret("Correct horse 7"), Some(&stored))
                .await
                .unwrap()
        );
    }

    #[tokio::test]
    async fn no_stored_hash_never_verifies_and_costs_a_whole_check() {
        let pool = pool().await;
        let decoy = pool.decoy.clone();
        assert!(
            decoy.starts_with("p1:$2b$12$"),
            "the decoy costs what a real hash costs"
        );
        for stored in [
            None,
            Some(""),
            Some("$2b$12$nopepper"),
            Some("p9:$2b$12$future"),
        ] {
            assert!(
                !pool
                    .verify(&secret("Correct horse 7"), stored)
                    .await
                    .unwrap()
            );
        }
    }

    #[tokio::test]
    async fn a_flood_is_told_to_come_back() {
        let pool = pool().await;
        let most = pool.most_waiting;
        pool.waiting.store(most, Ordering::Relaxed);
        let refused = pool.verify(&secret("Correct horse 7"), None).await;
        assert!(matches!(refused, Err(IdentityError::Overloaded)));
        assert_eq!(
            pool.waiting.load(Ordering::Relaxed),
            most,
            "the refused one has left"
        );
    }

    #[test]
    fn the_floor_of_the_cost_is_twelve_whatever_is_asked_for() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let pool = runtime.block_on(Passwords::start(Secret::new(vec![7; 32]), 4));
        assert_eq!(pool.unwrap().cost, BCRYPT_COST);
    }

    /// LM-14: known by its own text, and made up for in time while it lasts.
    #[tokio::test]
    async fn a_hash_of_a_lower_cost_is_outdated_and_still_right() {
        let pool = pool().await;
        let input = pool.input(&secret("Correct horse 7")).unwrap();
        let old = format!("{PEPPER}{}", bcrypt::hash(input.as_str(), 10).unwrap());
        assert!(pool.is_outdated(&old));
        assert!(
            pool.verify(&secret("Correct horse 7"), Some(&old))
                .await
                .unwrap()
        );
        let new = pool.hash(&secret("Correct horse 7")).await.unwrap();
        assert!(!pool.is_outdated(&new));
        assert!(pool.is_outdated("p1:nonsense"));
    }
}
