//! How an error is classed. Each crate has its own error enum and says of each case which kind it
//! is; only `http` turns a kind into a status.

/// What an error means for whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The input is wrong; asking again without change fails again.
    Invalid,
    /// No valid session or credential.
    Unauthenticated,
    /// Known, but not permitted.
    Denied,
    /// Not there, or its existence is itself secret.
    NotFound,
    /// The state has moved on, or an idempotency key was used for something else.
    Conflict,
    /// Too many requests; try later.
    RateLimited,
    /// The secrets backend is sealed or cannot be reached; work resumes by itself.
    Sealed,
    /// A part that is needed does not answer (database, an outside system).
    Unavailable,
    /// Our fault. The answer says nothing of the cause; the log says it all.
    Internal,
}

/// An error that can cross a face of the daemon.
pub trait Classified: std::error::Error {
    fn kind(&self) -> ErrorKind;
    /// A stable code in snake_case that programs and the manual refer to.
    fn code(&self) -> &'static str;
    /// What happened, why, and what to do next, for the person who asked. No inner cause.
    fn message(&self) -> String;
    /// The input field at fault, as a JSON path in the request body, when there is one.
    fn field(&self) -> Option<String> {
        None
    }
}
