//! Passwords: what is acceptable (LM-13), how they are hashed (CX-15), and the few threads that do it.
//!
//! bcrypt reads 72 bytes at most, so it is given base64(HMAC-SHA256(pepper, password)): every byte of
//! a long password counts, and a stolen database without the pepper cannot be searched. The pepper's
//! version stands before the hash.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
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
/// More people than this waiting for a thread are told to come back.
const MOST_WAITING: usize = 256;

/// LM-13: at least 12 characters and three of four kinds; not the address itself.
pub(crate) fn check_policy(password: &str, email: &str) -> Result<(), IdentityError> {
    let refused = |code| Err(IdentityError::input("password", code));
    if password.chars().count() < 12 {
        return refused("password_too_short");
    }
    if password.len() > 1024 {
        return refused("password_too_long");
    }
    let kinds: [fn(char) -> bool; 4] = [
        char::is_lowercase,
        char::is_uppercase,
        char::is_numeric,
        |c| !c.is_lowercase() && !c.is_uppercase() && !c.is_numeric(),
    ];
    if kinds
        .iter()
        .filter(|kind| password.chars().any(**kind))
        .count()
        < 3
    {
        return refused("password_too_simple");
    }
    if password.to_lowercase().contains(email) {
        return refused("password_is_address");
    }
    Ok(())
}

type Work = Box<dyn FnOnce() + Send>;

/// A bounded pool of threads of its own: a flood of sign-ins slows sign-ins and nothing else.
pub(crate) struct Passwords {
    pepper: Secret<Vec<u8>>,
    /// Checked for addresses that nobody has, so that they cost the same.
    decoy: String,
    work: mpsc::Sender<Work>,
    permits: Semaphore,
    waiting: AtomicUsize,
}

impl Passwords {
    /// Starts one thread per core. They end when the pool is dropped.
    pub(crate) async fn start(pepper: Secret<Vec<u8>>) -> Result<Self, IdentityError> {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
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
        };
        let mut nobody = [0_u8; 32];
        getrandom::fill(&mut nobody).map_err(|_| IdentityError::Crypto("randomness"))?;
        pool.decoy = pool.hash(&Secret::new(STANDARD.encode(nobody))).await?;
        Ok(pool)
    }

    /// A hash to store. Takes about a quarter of a second of one thread.
    pub(crate) async fn hash(&self, password: &Secret<String>) -> Result<String, IdentityError> {
        let input = self.input(password)?;
        let hash = self
            .run(move || bcrypt::hash(input.as_str(), BCRYPT_COST))
            .await?;
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
        let matches = self
            .run(move || bcrypt::verify(input.as_str(), &hash))
            .await?;
        let matches = matches.map_err(|_| IdentityError::Crypto("bcrypt"))?;
        Ok(matches && known.is_some())
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
        let _waiting = Waiting::enter(&self.waiting)?;
        let _permit = self
            .permits
            .acquire()
            .await
            .map_err(|_| IdentityError::Overloaded)?;
        let (done, result) = oneshot::channel();
        let work: Work = Box::new(move || {
            // Nobody waits any more when the request was dropped.
            let _ = done.send(work());
        });
        self.work
            .send(work)
            .map_err(|_| IdentityError::Overloaded)?;
        result.await.map_err(|_| IdentityError::Overloaded)
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
    fn enter(count: &'a AtomicUsize) -> Result<Self, IdentityError> {
        let waiting = Self(count);
        if count.fetch_add(1, Ordering::Relaxed) >= MOST_WAITING {
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
        Passwords::start(Secret::new(vec![7; 32])).await.unwrap()
    }

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn short_simple_or_telling_passwords_are_refused() {
        let code = |text: &str| match check_policy(text, "ada@example.com") {
            Err(IdentityError::Input { code, .. }) => code,
            _ => "ok",
        };
        assert_eq!(code("Short1!"), "password_too_short");
        assert_eq!(code("Elevenchar1"), "password_too_short");
        assert_eq!(code("onlysmallletters"), "password_too_simple");
        assert_eq!(code("smallletters123456"), "password_too_simple");
        assert_eq!(code("Ada@example.com1"), "password_is_address");
        assert_eq!(code(&"Aa1!".repeat(300)), "password_too_long");
        assert_eq!(code("Correct horse 7"), "ok");
        assert_eq!(code("Größenwahn-Üben-9"), "ok");
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
        let thief = Passwords::start(Secret::new(vec![8; 32])).await.unwrap();
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
        pool.waiting.store(MOST_WAITING, Ordering::Relaxed);
        let refused = pool.verify(&secret("Correct horse 7"), None).await;
        assert!(matches!(refused, Err(IdentityError::Overloaded)));
        assert_eq!(
            pool.waiting.load(Ordering::Relaxed),
            MOST_WAITING,
            "the refused one has left"
        );
    }
}
