//! What Salesforce's error codes mean: one table for whole requests, one for single records. The
//! code decides, not the status or the text (both differ between versions).

use connections::BrokenCode;

/// What an error of a whole request means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestFault {
    /// The access token is not accepted any more: renew it once.
    Session,
    /// The organisation's requests are used up: wait.
    Limit,
    /// The connection works no more until a person mends it.
    Broken(BrokenCode),
    /// The query does not fit the organisation: a field is gone or hidden. A person mends the router.
    Query,
    /// The page's locator has expired: begin the query anew.
    LocatorGone,
    /// Salesforce is not well: try later.
    Unavailable,
    /// Anything else: tell, and try later.
    Other,
}

/// The meaning of `errorCode`, with the status where no code was given.
pub(crate) fn of_request(status: u16, code: &str) -> RequestFault {
    match code {
        "INVALID_SESSION_ID" | "INVALID_AUTH_HEADER" => RequestFault::Session,
        "REQUEST_LIMIT_EXCEEDED" | "CONCURRENT_REQUESTS_LIMIT_EXCEEDED" => RequestFault::Limit,
        "API_DISABLED_FOR_ORG" | "API_CURRENTLY_DISABLED" => {
            RequestFault::Broken(BrokenCode::ApiDisabled)
        }
        "INACTIVE_ORG" | "ORG_LOCKED" => RequestFault::Broken(BrokenCode::OrganisationInactive),
        "MALFORMED_QUERY" | "INVALID_FIELD" | "INVALID_TYPE" | "INVALID_QUERY_FILTER_OPERATOR" => {
            RequestFault::Query
        }
        "INVALID_QUERY_LOCATOR" => RequestFault::LocatorGone,
        "SERVER_UNAVAILABLE" | "QUERY_TIMEOUT" | "UNKNOWN_EXCEPTION" => RequestFault::Unavailable,
        _ => match status {
            401 => RequestFault::Session,
            429 => RequestFault::Limit,
            500.. => RequestFault::Unavailable,
            _ => RequestFault::Other,
        },
    }
}

/// Why the owner of one record was not written: the reason code that `routing` explains. A code
/// that has no reason of its own keeps its name in lower case.
pub(crate) fn of_record(code: &str) -> String {
    let reason = match code {
        "UNABLE_TO_LOCK_ROW" => "row_locked",
        "ENTITY_IS_DELETED" | "NOT_FOUND" => "record_gone",
        "CANNOT_UPDATE_CONVERTED_LEAD" => "record_converted",
        "ENTITY_IS_LOCKED" => "record_locked_for_approval",
        "FIELD_CUSTOM_VALIDATION_EXCEPTION" => "validation_rule",
        "INVALID_FIELD_FOR_INSERT_UPDATE" | "INSUFFICIENT_ACCESS_OR_READONLY" => "access_denied",
        // Each of these is about the owner that was decided on, so the next attempt decides anew.
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"
        | "INVALID_CROSS_REFERENCE_KEY"
        | "INACTIVE_OWNER_OR_USER"
        | "OP_WITH_INVALID_USER_TYPE_EXCEPTION" => routing::OWNER_REFUSED,
        other => return plain(other),
    };
    reason.to_owned()
}

/// A code from outside in lower case, without anything that is not of a code.
pub(crate) fn plain(code: &str) -> String {
    let plain: String = code
        .chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
        .take(80)
        .map(|letter| letter.to_ascii_lowercase())
        .collect();
    if plain.is_empty() {
        "salesforce_refused".to_owned()
    } else {
        plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The codes of the protocol reference, each with its meaning here.
    #[test]
    fn every_known_code_has_a_meaning() {
        use RequestFault as R;
        for (status, code, expected) in [
            (401, "INVALID_SESSION_ID", R::Session),
            (401, "INVALID_AUTH_HEADER", R::Session),
            (400, "MALFORMED_QUERY", R::Query),
            (400, "INVALID_FIELD", R::Query),
            (400, "INVALID_TYPE", R::Query),
            (403, "REQUEST_LIMIT_EXCEEDED", R::Limit),
            (429, "", R::Limit),
            (400, "INVALID_QUERY_LOCATOR", R::LocatorGone),
            (404, "INVALID_QUERY_LOCATOR", R::LocatorGone),
            (503, "SERVER_UNAVAILABLE", R::Unavailable),
            (400, "QUERY_TIMEOUT", R::Unavailable),
            (502, "", R::Unavailable),
            (
                403,
                "API_DISABLED_FOR_ORG",
                R::Broken(BrokenCode::ApiDisabled),
            ),
            (404, "NOT_FOUND", R::Other),
            (403, "", R::Other),
        ] {
            assert_eq!(of_request(status, code), expected, "{status} {code}");
        }
        for (code, reason) in [
            ("UNABLE_TO_LOCK_ROW", "row_locked"),
            ("ENTITY_IS_DELETED", "record_gone"),
            ("NOT_FOUND", "record_gone"),
            ("CANNOT_UPDATE_CONVERTED_LEAD", "record_converted"),
            ("ENTITY_IS_LOCKED", "record_locked_for_approval"),
            ("FIELD_CUSTOM_VALIDATION_EXCEPTION", "validation_rule"),
            ("REQUIRED_FIELD_MISSING", "required_field_missing"),
            ("INVALID_FIELD_FOR_INSERT_UPDATE", "access_denied"),
            ("INSUFFICIENT_ACCESS_OR_READONLY", "access_denied"),
            (
                "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
                "owner_refused",
            ),
            ("INVALID_CROSS_REFERENCE_KEY", "owner_refused"),
            ("INACTIVE_OWNER_OR_USER", "owner_refused"),
            ("DUPLICATES_DETECTED", "duplicates_detected"),
            ("STRING_TOO_LONG", "string_too_long"),
            (
                "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                "invalid_or_null_for_restricted_picklist",
            ),
            (
                "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
                "cannot_insert_update_activate_entity",
            ),
            ("SOMETHING_<b>NEW</b>", "something_bnewb"),
            ("", "salesforce_refused"),
        ] {
            assert_eq!(of_record(code), reason, "{code}");
        }
    }
}
