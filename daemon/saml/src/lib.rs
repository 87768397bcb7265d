//! Reads what a SAML 2.0 identity provider sends (OB-11), in a process of its own: one JSON question on
//! standard input, one JSON answer on standard output, no network, no file, no credential, 64 MB, 2 s.
//!
//! What counts is read from the bytes that a trusted certificate's signature covers, and from nothing
//! else. Nothing here reaches into another crate of the house; `identity` knows the [`protocol`] alone.
//!
//! | Module | Holds |
//! |---|---|
//! | `protocol` | question and answer |
//! | `child` | the process: its limits, reading, answering |
//! | `sandbox` | what the kernel lets the process do |
//! | `xml` | parsing, and what XML may hold |
//! | `signature` | the one form of XML signature that is accepted |
//! | `response`, `assertion` | the checks of a response, in their order |
//! | `metadata` | what a provider publishes about itself |

mod assertion;
mod child;
mod keys;
mod metadata;
pub mod protocol;
mod response;
mod sandbox;
mod signature;
#[cfg(test)]
mod tests;
mod xml;

pub use child::run;
pub use keys::Certificate;

use protocol::{Answer, Question, Refusal};

fn answer(question: &Question) -> Answer {
    let done = match question {
        Question::Response(asked) => response::read(asked).map(Answer::Claims),
        Question::Metadata { xml } => metadata::read(xml).map(Answer::Metadata),
    };
    done.unwrap_or_else(|code| Answer::Refused { code })
}

/// Answers a question as it comes over the pipe. For the child and for tests: whoever has a response in
/// hand asks the child.
pub fn answer_bytes(question: &[u8]) -> Answer {
    match serde_json::from_slice(question) {
        Ok(question) => answer(&question),
        Err(_) => Answer::Refused {
            code: Refusal::Question,
        },
    }
}
