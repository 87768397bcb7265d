//! Proof key for code exchange (RFC 7636), as the real service has it: a challenge without a
//! method means S256, plain does not exist, and a verifier may be longer than 128 characters.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Proof {
    Holds,
    Missing,
    Wrong,
}

pub(super) fn check(challenge: Option<&str>, verifier: Option<&str>) -> Proof {
    match (challenge, verifier) {
        (None, _) => Proof::Holds,
        (Some(_), None) => Proof::Missing,
        (Some(challenge), Some(verifier)) => {
            let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
            if hash == challenge.trim_end_matches('=') {
                Proof::Holds
            } else {
                Proof::Wrong
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Proof, check};

    /// RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn only_the_verifier_of_the_challenge_proves_it() {
        assert_eq!(check(Some(CHALLENGE), Some(VERIFIER)), Proof::Holds);
        assert_eq!(check(Some(CHALLENGE), Some(CHALLENGE)), Proof::Wrong);
        assert_eq!(check(Some(CHALLENGE), None), Proof::Missing);
        assert_eq!(check(None, None), Proof::Holds);
    }
}
