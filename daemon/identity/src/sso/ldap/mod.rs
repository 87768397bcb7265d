//! LDAP directories and Active Directory (RFC 4511, RFC 4513): a person types the name and password of the
//! directory here, and the directory says whether they are right. The password is passed on and not kept.
//!
//! | Module | Holds |
//! |---|---|
//! | `settings` | what an administrator sets, checked |
//! | `name`, `filter` | where a typed name goes: bind names and search filters, safe from what is typed |
//! | `directory` | the conversation: who is it, is the password right, which groups |
//! | `probe` | the same for an administrator who tests, step by step |
//! | `link`, `message`, `ber` | the protocol over one TLS connection, bounded |
//! | `entry` | from an entry to a person's id, address, name and groups |
//! | `fault` | what can go wrong, in codes |

mod ber;
mod directory;
mod entry;
mod fault;
mod filter;
mod link;
mod message;
mod name;
mod probe;
mod settings;
#[cfg(test)]
mod tests;

pub use fault::Fault;
pub use probe::{DirectoryProbe, ProbeStep, ProbedPerson};
pub use settings::{LdapInput, LdapSettings};

pub(crate) use directory::{Directory, Typed, Verdict};
pub(crate) use fault::Why;
pub(crate) use settings::{check_change, check_new};

/// What people of a directory are known by, whatever its servers are called: the provider itself.
pub(crate) fn issuer(provider: kernel::ProviderId) -> String {
    format!("ldap:{provider}")
}

/// Any bytes in the place of a directory's answer: they are read or refused, and what the reader says of
/// their length holds.
#[cfg(fuzzing)]
pub(crate) fn fuzz_answer(bytes: &[u8]) {
    if let Some((_, message::Answer::Entry(entry))) = message::answer(bytes) {
        for subject in entry::SUBJECTS {
            if let Some(text) = entry::subject(&entry, subject) {
                assert!(
                    (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
                );
            }
        }
        if let Some(normal) = name::normal(&entry.dn) {
            assert_eq!(name::normal(&normal).as_deref(), Some(normal.as_str()));
        }
    }
}
