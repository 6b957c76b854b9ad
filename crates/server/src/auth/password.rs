//! Passwords: which are good enough, how they are hashed, and how many at the same time.
//!
//! Refuses rules of composition: length and not being guessable are all that is asked.

use argon2::Argon2;
use argon2::password_hash::{Error, PasswordHasher, PasswordVerifier};
#[cfg(feature = "oidc")]
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Characters of the shortest password: there is no second factor.
pub const SHORTEST: usize = 15;
/// Characters of the longest password.
pub const LONGEST: usize = 1024;

/// How the hashes begin that we make: Argon2id with 19 MiB, two passes, one lane.
const CURRENT: &str = "$argon2id$v=19$m=19456,t=2,p=1$";
/// A hash that no password has, for users that do not exist: refusing them takes as long.
pub(super) const NOBODY: &str = concat!(
    "$argon2id$v=19$m=19456,t=2,p=1",
    "$m1kq0m8Qq3iYc1sP0nVh5w$kq6a7Nw1b3mJt0sYp4uQ2xEoVhLcRzDgFiTjKyWnXvA"
);
/// The commonest passwords and the name of the product, one a line, the longest first: `passwords`
/// must not leave an `s`.
const GUESSED: &str = include_str!("guessed.txt");
/// How many different letters and digits a password must have beside those.
const LEAST_VARIETY: usize = 5;

/// How many may wait for a free thread.
const QUEUE: usize = 64;
/// How long they wait.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a password was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// See [`SHORTEST`].
    #[error("the password must have at least {SHORTEST} characters")]
    TooShort,
    /// See [`LONGEST`].
    #[error("the password must have at most {LONGEST} characters")]
    TooLong,
    /// It is among those that are tried first.
    #[error("the password is too easy to guess: choose one without well-known words and patterns")]
    Guessable,
    /// Too many passwords are being checked.
    #[error("too many passwords are being checked, try again")]
    Busy,
    /// The system gave no random salt, or no memory.
    #[error("the password could not be hashed")]
    Unhashable,
}

/// Hashes a password that is good enough. Takes some 30 ms of one core: not for async code, which
/// has [`Auth::hash_password`](super::Auth::hash_password).
///
/// # Errors
///
/// All of [`PasswordError`] but `Busy`.
pub fn hash(password: &SecretString) -> Result<String, PasswordError> {
    let password = password.expose_secret();
    approve(password)?;
    hash_unseen(password)
}

/// A hash of nobody's password, another one each time, for users that have none: chance made it, and
/// comparing with it takes as long as with any other.
#[cfg(feature = "oidc")]
pub(super) fn of_nobody() -> Result<String, super::MintError> {
    let (mut salt, mut hash) = ([0; 16], [0; 32]);
    for bits in [salt.as_mut_slice(), &mut hash] {
        aws_lc_rs::rand::fill(bits).map_err(|_| super::MintError::Random)?;
    }
    let [salt, hash] = [&salt[..], &hash].map(|bits| STANDARD_NO_PAD.encode(bits));
    Ok(format!("{CURRENT}{salt}${hash}"))
}

fn hash_unseen(password: &str) -> Result<String, PasswordError> {
    let hashed = Argon2::default().hash_password(password.as_bytes());
    Ok(hashed.map_err(|_| PasswordError::Unhashable)?.to_string())
}

fn approve(password: &str) -> Result<(), PasswordError> {
    let length = password.chars().count();
    if length < SHORTEST {
        Err(PasswordError::TooShort)
    } else if length > LONGEST {
        Err(PasswordError::TooLong)
    } else if is_guessable(password) {
        Err(PasswordError::Guessable)
    } else {
        Ok(())
    }
}

/// Whether little is left of a password without what is tried first.
fn is_guessable(password: &str) -> bool {
    let spelled = password.to_lowercase();
    let own = GUESSED.lines().fold(spelled, |left, word| left.replace(word, " "));
    let variety: HashSet<char> = own.chars().filter(|own| own.is_alphanumeric()).collect();
    variety.len() < LEAST_VARIETY
}

/// What came of comparing a password with a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Proof {
    pub(super) is_right: bool,
    /// It was made with other parameters than we use today.
    pub(super) is_dated: bool,
}

/// Too many passwords are being checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Busy;

/// Threads that hash: few, so that logins leave cores for everything else.
pub(super) struct Threads {
    free: Arc<Semaphore>,
    queue: Semaphore,
}

impl Threads {
    pub(super) fn new(threads: usize) -> Self {
        let threads = threads.max(1);
        Self {
            free: Arc::new(Semaphore::new(threads)),
            queue: Semaphore::new(threads.saturating_add(QUEUE)),
        }
    }

    pub(super) async fn hash(&self, password: SecretString) -> Result<String, PasswordError> {
        self.run(move || hash(&password)).await.map_err(|Busy| PasswordError::Busy)?
    }

    /// Hashes again a password that was approved once.
    pub(super) async fn rehash(&self, password: SecretString) -> Result<String, PasswordError> {
        let work = move || hash_unseen(password.expose_secret());
        self.run(work).await.map_err(|Busy| PasswordError::Busy)?
    }

    pub(super) async fn verify(&self, hash: String, password: SecretString) -> Result<Proof, Busy> {
        self.run(move || verify(&hash, password.expose_secret())).await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let _place = self.queue.try_acquire().map_err(|_| Busy)?;
        let thread = Arc::clone(&self.free).acquire_owned();
        let thread = tokio::time::timeout(PATIENCE, thread).await;
        let thread = thread.map_err(|_| Busy)?.map_err(|_| Busy)?;
        let working = tokio::task::spawn_blocking(move || {
            let done = work();
            // Held by the work: a caller that has left must not make room for another thread.
            drop(thread);
            done
        });
        working.await.map_err(|_| Busy)
    }
}

fn verify(hash: &str, password: &str) -> Proof {
    let is_right = match Argon2::default().verify_password(password.as_bytes(), hash) {
        Ok(()) => true,
        Err(Error::PasswordInvalid) => false,
        Err(error) => {
            tracing::error!(%error, "a stored password hash cannot be read");
            false
        }
    };
    Proof { is_right, is_dated: !hash.starts_with(CURRENT) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "seven green kettles";

    fn secret(text: &str) -> SecretString {
        text.into()
    }

    #[test]
    fn a_hash_is_argon2id_with_19_mib_and_a_salt_of_its_own() {
        let (one, other) = (hash(&secret(GOOD)).unwrap(), hash(&secret(GOOD)).unwrap());
        assert!(one.starts_with(CURRENT));
        assert_ne!(one, other);
        assert_eq!(verify(&one, GOOD), Proof { is_right: true, is_dated: false });
        assert!(!verify(&one, "seven green kettle").is_right);
    }

    #[test]
    fn nobody_has_a_readable_hash_that_costs_as_much_as_a_real_one() {
        assert!(NOBODY.starts_with(CURRENT));
        let parsed = argon2::password_hash::phc::PasswordHash::new(NOBODY).unwrap();
        assert_eq!(parsed.hash.unwrap().len(), 32);
        assert_eq!(parsed.salt.unwrap().len(), 16);
        assert!(!verify(NOBODY, "").is_right);
    }

    #[test]
    fn a_hash_with_other_parameters_is_dated() {
        let params = argon2::Params::new(8192, 1, 1, None).unwrap();
        let cheap = Argon2::from(params).hash_password(GOOD.as_bytes()).unwrap().to_string();
        assert_eq!(verify(&cheap, GOOD), Proof { is_right: true, is_dated: true });
    }

    #[test]
    fn only_length_is_asked_and_nothing_is_cut_off() {
        assert_eq!(approve("fourteen chars"), Err(PasswordError::TooShort));
        assert_eq!(approve(GOOD), Ok(()));
        // 1024 characters, not bytes.
        let long = "schöne Grüße! ".repeat(74).chars().take(LONGEST).collect::<String>();
        assert_eq!(approve(&long), Ok(()));
        assert_eq!(approve(&format!("{long}x")), Err(PasswordError::TooLong));
        let (hashed, cut) =
            (hash(&secret(&long)).unwrap(), long.chars().skip(1).collect::<String>());
        assert!(verify(&hashed, &long).is_right && !verify(&hashed, &cut).is_right);
    }

    #[test]
    fn the_commonest_passwords_and_their_decorations_are_refused() {
        for password in [
            "passwordpassword",
            "Password123456789!",
            "FleetWire-2026!!",
            "fleetwirefleetwire",
            "qwertyuiopasdfgh",
            "1234567890123456",
            "aaaaaaaaaaaaaaaaaa",
            "abababababababab",
            "letmeinletmein12",
            "administrator123",
        ] {
            assert_eq!(approve(password), Err(PasswordError::Guessable), "{password}");
        }
    }

    #[test]
    fn a_guessed_word_among_others_is_no_reason_to_refuse() {
        for password in [
            "correct horse battery staple",
            "my dragon eats passwords daily",
            "p7Kq-x92m-Lw4t-Zr8v",
            "b3f9c2d1e8a70f6154cd9be2",
            "4839-2017-5820-3941",
        ] {
            assert_eq!(approve(password), Ok(()), "{password}");
        }
    }

    #[tokio::test]
    async fn no_more_passwords_wait_than_there_is_room_for() {
        let threads = Threads::new(1);
        let taken = Arc::clone(&threads.free).acquire_owned().await.unwrap();
        let places = threads.queue.try_acquire_many(65).unwrap();
        assert_eq!(threads.run(|| ()).await, Err(Busy));
        drop((taken, places));
        assert_eq!(threads.run(|| 1).await, Ok(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_for_a_thread_ends() {
        let threads = Threads::new(1);
        let _taken = Arc::clone(&threads.free).acquire_owned().await.unwrap();
        assert_eq!(threads.run(|| ()).await, Err(Busy));
    }
}
