//! What an error of the Vault client means. Bodies that it carries are never printed: an answer
//! that does not parse may hold a key.

use rustify::errors::ClientError as RestError;
use vaultrs::error::ClientError;

use crate::error::VaultError;

/// The HTTP status of an answer that was an error.
pub(super) const fn status(error: &ClientError) -> Option<u16> {
    match error {
        ClientError::APIError { code, .. }
        | ClientError::RestClientError {
            source: RestError::ServerResponseError { code, .. },
        } => Some(*code),
        _ => None,
    }
}

/// Whether the server's own words contain `phrase`.
pub(super) fn says(error: &ClientError, phrase: &str) -> bool {
    matches!(error, ClientError::APIError { errors, .. } if errors.iter().any(|e| e.contains(phrase)))
}

pub(super) fn fault(error: &ClientError) -> VaultError {
    let words = match error {
        ClientError::APIError { code, errors } => {
            format!(
                "status {code}: {}",
                errors.join("; ").replace(['\n', '\t'], " ")
            )
        }
        ClientError::RestClientError { source } => rest_words(source),
        other => other.to_string(),
    };
    match (status(error), error) {
        (Some(503), _) => VaultError::Sealed(words),
        (Some(403), _) => VaultError::Denied(words),
        (Some(429 | 500 | 502 | 504), _)
        | (
            None,
            ClientError::RestClientError {
                source: RestError::RequestError { .. } | RestError::ResponseError { .. },
            },
        ) => VaultError::Unreachable(words),
        _ => VaultError::Backend(words),
    }
}

fn rest_words(error: &RestError) -> String {
    match error {
        RestError::RequestError { source, .. } | RestError::ResponseError { source } => source
            .chain()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(": "),
        RestError::ServerResponseError { code, .. } => format!("status {code}"),
        other => other.to_string(),
    }
}
