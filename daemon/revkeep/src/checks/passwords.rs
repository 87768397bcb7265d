//! Which rules for passwords run (CX-16), and whether the list of breached ones can be searched (CX-17).

use super::Finding;

pub(super) fn look(config: &identity::Config) -> Finding {
    if let Some(path) = &config.breach.hash_file
        && let Err(why) = identity::breach_list_check(path)
    {
        return Finding::fail(
            "passwords",
            format!("{}: {why}", path.display()),
            "put the SHA-1 list ordered by hash there, or remove identity.breach.hash_file: no password can be set meanwhile",
        );
    }
    let breaches = match (&config.breach.hash_file, &config.breach.mirror) {
        (None, None) => "the built-in list of common ones",
        (Some(_), None) => "the hash file",
        (None, Some(_)) => "the mirror",
        (Some(_), Some(_)) => "the hash file and the mirror",
    };
    Finding::pass(
        "passwords",
        format!(
            "profile {}, bcrypt cost {}, breaches from {breaches}",
            config.password_profile.name(),
            config.bcrypt_cost
        ),
    )
}
