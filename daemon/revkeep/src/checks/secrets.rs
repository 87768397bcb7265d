//! Whether the secrets backend answers and admits this daemon.

use vault::{Health, Vault, VaultError};

use super::Finding;

pub(super) async fn look(vault: &Result<Vault, VaultError>) -> Finding {
    let vault = match vault {
        Ok(vault) => vault,
        Err(error) => return Finding::fail("secrets", error.to_string(), "correct [secrets]"),
    };
    match vault.health().await {
        Health::Ready => Finding::pass("secrets", "the backend answers and admits this daemon"),
        Health::Sealed(why) => {
            Finding::fail("secrets", why, "unseal Vault; the daemon goes on by itself")
        }
        Health::Unreachable(why) => Finding::fail(
            "secrets",
            why,
            "check secrets.vault.address and that the server runs",
        ),
        Health::Denied(why) => Finding::fail(
            "secrets",
            why,
            "renew the AppRole's secret id, and compare its policy with config/vault/",
        ),
    }
}
