//! Passwords, hashed with Argon2id (RFC 9106) at the cost that OWASP names for it: 19 MiB, two passes. Two at once at most: a
//! crowd that signs in takes neither the memory nor both processors from those who work.

use std::sync::Arc;

use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::app::Error;
use crate::store::StoreError;

const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const AT_ONCE: usize = 2;
/// Those who wait for their turn; more are told to come back.
const WAITING: usize = 64;

/// NIST SP 800-63B asks for 15 where a password is all there is, and 8 at least; no rules about kinds of characters.
pub const CHARACTERS: usize = 12;
pub const BYTES: usize = 512;

/// Looked at in place of the password of somebody who doesn't exist, so that both take as long. Nobody knows what it is of:
/// its hash is all zeros.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2t5ZnVsLXNreWZ1bC1zaw$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

pub struct Passwords {
    turns: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: Arc::new(Semaphore::new(WAITING)),
        }
    }
}

/// Whether it may be a password of somebody.
pub fn check(password: &str, email: &str) -> Result<(), Error> {
    let wrong = if password.chars().count() < CHARACTERS {
        format!("a password has at least {CHARACTERS} characters")
    } else if password.len() > BYTES {
        format!("a password has at most {BYTES} bytes")
    } else if password.to_lowercase() == email {
        "a password isn't the e-mail address".into()
    } else {
        return Ok(());
    };
    let wrong = Error::invalid(wrong).at("/password");
    Err(wrong.hint("a few words that nobody else puts together, or what a password manager makes"))
}

impl Passwords {
    pub async fn hash(&self, password: String) -> Result<String, Error> {
        self.work(move |argon2| argon2.hash_password(password.as_bytes()))
            .await?
            .map(|hash| hash.to_string())
            .map_err(|error| StoreError(format!("a password can't be hashed: {error}")).into())
    }

    /// Whether it is the one that is kept. None is kept of a stranger, which takes as long to find out.
    pub async fn fits(&self, password: String, kept: Option<String>) -> Result<bool, Error> {
        let known = kept.is_some();
        let kept = kept.unwrap_or_else(|| NOBODY.to_owned());
        // What is longer than any password is compared all the same: as long as the longest.
        let fits = self
            .work(move |argon2| {
                let end = password.floor_char_boundary(BYTES + 1);
                argon2
                    .verify_password(&password.as_bytes()[..end], kept.as_str())
                    .is_ok()
            })
            .await?;
        Ok(known && fits)
    }

    /// Goes on when nobody waits for it any more: it counts as one until it ends.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'_>) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let Ok(place) = Arc::clone(&self.waiting).try_acquire_owned() else {
            return Err(Error::TooMany { wait_secs: 5 });
        };
        let broken = || StoreError("a password was not looked at".into());
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|_| broken())?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work(&argon2());
            drop((turn, place));
            done
        });
        done.await.map_err(|_| broken().into())
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let passwords = Passwords::default();
        let kept = passwords.hash("a long way to go".into()).await.unwrap();
        assert!(
            kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{kept}"
        );
        let again = passwords.hash("a long way to go".into()).await.unwrap();
        assert_ne!(kept, again, "each has a salt of its own");
        for (password, wanted) in [("a long way to go", true), ("a long way to g", false)] {
            let fits = passwords.fits(password.into(), Some(kept.clone())).await;
            assert_eq!(fits.unwrap(), wanted, "{password}");
        }
        assert!(
            !passwords
                .fits("a long way to go".into(), None)
                .await
                .unwrap()
        );
    }

    #[test]
    fn strangers_cost_as_much_as_people_do() {
        // An error of any other kind would mean that nothing was computed.
        let told = argon2().verify_password(b"anything", NOBODY);
        assert!(
            matches!(told, Err(argon2::password_hash::Error::PasswordInvalid)),
            "{told:?}"
        );
    }

    #[tokio::test]
    async fn a_crowd_is_told_to_come_back() {
        let passwords = Passwords::default();
        let all = Arc::clone(&passwords.waiting)
            .try_acquire_many_owned(WAITING as u32)
            .unwrap();
        let told = passwords.fits("anything".into(), None).await;
        assert!(matches!(told, Err(Error::TooMany { .. })), "{told:?}");
        drop(all);
        assert!(!passwords.fits("anything".into(), None).await.unwrap());
    }

    #[test]
    fn short_and_obvious_passwords_are_refused() {
        for (password, fits) in [
            ("elf zeichen", false),
            ("zwölf zeiche", true),
            ("ada@example.com", false),
            ("Ada@Example.com", false),
        ] {
            let told = check(password, "ada@example.com");
            assert_eq!(told.is_ok(), fits, "{password}");
        }
        assert!(check(&"a".repeat(513), "ada@example.com").is_err());
    }
}
