//! Writes what was answered into `conf.d/50-setup.toml`; the commented main file stays as it came, and
//! files of a later name win over this one.

use std::path::PathBuf;

use toml::{Table, Value};

use super::{
    Ground, Made, SetupError,
    answers::{Answers, Certificate, Secrets},
    system::{self, ROOT},
};

/// Certificate and key in one file, so that both change at once; in a folder that the daemon may write.
const RENEWED: &str = "/var/lib/revkeep/server.pem";

pub(super) fn look(ground: &Ground) -> Result<Option<String>, SetupError> {
    let path = file(ground);
    let right = system::holds(&path, text(&ground.answers).as_bytes());
    Ok((!right).then(|| format!("write {}", path.display())))
}

pub(super) fn apply(ground: &Ground, _: &mut Made) -> Result<(), SetupError> {
    let owner = system::Account {
        group: system::account("revkeep")?.group,
        ..ROOT
    };
    let text = text(&ground.answers);
    system::write(&file(ground), text.as_bytes(), 0o640, owner)?;
    // A setting that cannot be used is told now, before anything was built on it.
    ground.config().map(|_| ())
}

fn file(ground: &Ground) -> PathBuf {
    ground.beside("conf.d").join("50-setup.toml")
}

fn text(answers: &Answers) -> String {
    let mut root = Table::new();
    let mut set = |section: &str, key: &str, value: Value| {
        let table = root
            .entry(section)
            .or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(table) = table {
            table.insert(key.to_owned(), value);
        }
    };
    let address = format!("https://{}", answers.host_name);
    set("site", "public_url", address.into());
    if let Certificate::Acme { directory, contact } = &answers.certificate {
        set("server", "certificate", RENEWED.into());
        set("server", "private_key", RENEWED.into());
        set("acme", "directory", directory.clone().into());
        if let Some(contact) = contact {
            set("acme", "contact", contact.clone().into());
        }
    }
    let endpoints = answers.network.private_endpoints.clone();
    set("egress", "private_endpoints", endpoints.into());
    if let Some(mail) = &answers.mail {
        set("mail", "server", mail.server.clone().into());
        set("mail", "security", mail.security.clone().into());
        set("mail", "from", mail.from.clone().into());
        set("mail", "own_name", answers.host_name.clone().into());
        if let Some(user) = &mail.user {
            set("mail", "user", user.clone().into());
        }
    }
    match &answers.secrets {
        Secrets::Local => set("secrets", "backend", "local".into()),
        Secrets::Vault {
            address,
            ca_file,
            role_id,
            ..
        } => {
            let mut vault = Table::new();
            vault.insert("address".to_owned(), address.clone().into());
            vault.insert("role_id".to_owned(), role_id.clone().into());
            if let Some(file) = ca_file {
                let file = file.to_string_lossy().into_owned();
                vault.insert("ca_file".to_owned(), file.into());
            }
            let mut secret_id = Table::new();
            let place = "/run/credentials/revkeep.service/vault-secret-id";
            secret_id.insert("credential".to_owned(), place.into());
            vault.insert("secret_id".to_owned(), secret_id.into());
            set("secrets", "backend", "vault".into());
            set("secrets", "vault", vault.into());
        }
    }
    format!("# Written by `revkeep setup`, which writes it anew when it is run again.\n\n{root}")
}
