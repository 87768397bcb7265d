//! Why a bucket did not do what it was asked.

use std::io;

use egress::EgressError;

#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// The address, name or region cannot be one.
    #[error("this is no bucket's address: {0}")]
    Place(String),
    /// It answered, and said no. `code` is its own word for it, such as `AccessDenied` or `NoSuchBucket`.
    #[error("the bucket refused: {code} (HTTP {status})")]
    Refused { status: u16, code: String },
    #[error("the bucket's answer cannot be read: {0}")]
    Unreadable(String),
    #[error("what should be sent or kept here: {0}")]
    Here(#[from] io::Error),
}

impl ObjectError {
    /// What a later attempt may mend: nobody there, no answer in time, a server in trouble, "slow down".
    pub(crate) const fn may_pass(&self) -> bool {
        match self {
            Self::Egress(error) => !matches!(
                error,
                EgressError::Invalid(_)
                    | EgressError::Refused { .. }
                    | EgressError::Tls { .. }
                    | EgressError::Redirected { .. }
                    | EgressError::TooLarge { .. }
            ),
            Self::Refused { status, .. } => matches!(status, 429 | 500..=599),
            Self::Place(_) | Self::Unreadable(_) | Self::Here(_) => false,
        }
    }
}

/// The `Code` of an answer that refuses ("Error Responses" of the API reference): letters and digits, or nothing.
pub(crate) fn code(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let found = text
        .split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once("</Code>"))
        .map_or("", |(code, _)| code);
    let plain = !found.is_empty()
        && found.len() <= 64
        && found.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if plain { found } else { "without a reason" }.to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_refusal_is_told_in_the_buckets_own_word() {
        let answer =
            b"<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><Message>m</Message></Error>";
        assert_eq!(code(answer), "NoSuchBucket");
        assert_eq!(code(b"<Code>\x1b[31mred</Code>"), "without a reason");
        assert_eq!(code(b""), "without a reason");
    }

    #[test]
    fn what_a_second_attempt_cannot_mend_is_not_tried_again() {
        let refused = |status| ObjectError::Refused {
            status,
            code: String::new(),
        };
        assert!(refused(503).may_pass() && refused(429).may_pass());
        assert!(!refused(403).may_pass() && !refused(404).may_pass());
    }

    proptest! {
        #[test]
        fn whatever_a_server_answers_is_one_plain_word(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let told = code(&body);
            prop_assert!(told.chars().all(|one| one.is_ascii_alphanumeric() || one == ' '));
        }
    }
}
