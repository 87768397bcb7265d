//! The configuration as a bundle shows it: numbers, and words that the configuration's own types know.
//! A setting that names a host, a path, a person or an address is told as being there.

use serde::Serialize;

use crate::config::{Config, Level, LogTarget};

#[derive(Debug, Serialize)]
pub(crate) struct Settings {
    version: &'static str,
    server: Server,
    database: Database,
    secrets: Secrets,
    egress: Outbound,
    identity: Identity,
    salesforce: Salesforce,
    mail: Mail,
    worker: Worker,
    keeping: Keeping,
    log: &'static str,
    log_level: &'static str,
}

#[derive(Debug, Serialize)]
struct Server {
    port: u16,
    listens_on_loopback_alone: bool,
    metrics: bool,
    trusted_proxies: usize,
    workers: usize,
    connections_per_worker: usize,
    client_timeout_seconds: u64,
    request_timeout_seconds: u64,
    shutdown_seconds: u64,
    sign_ins_per_minute: u32,
    requests_per_minute: u32,
    security_contact: bool,
}

#[derive(Debug, Serialize)]
struct Database {
    by: &'static str,
    port: u16,
    app_connections: u32,
    auth_connections: u32,
    gateway_connections: u32,
}

#[derive(Debug, Serialize)]
struct Secrets {
    backend: &'static str,
    vault_namespace: bool,
    vault_timeout_seconds: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Outbound {
    private_endpoints: usize,
    own_authorities: bool,
    connect_timeout_seconds: u64,
    request_timeout_seconds: u64,
}

#[derive(Debug, Serialize)]
struct Identity {
    password_profile: &'static str,
    bcrypt_cost: u32,
    signing_algorithm: &'static str,
    inactivity_minutes: u32,
    failures_per_address: u32,
    failures_per_account: u32,
    resets_per_address: u32,
    breach_hash_file: bool,
    breach_mirror: bool,
    signup_enabled: bool,
}

#[derive(Debug, Serialize)]
struct Salesforce {
    declared_hosts: usize,
    budget_percent: u8,
    write_timeout_seconds: u32,
    page_size: u16,
}

#[derive(Debug, Serialize)]
struct Mail {
    server: bool,
    security: &'static str,
    signs_in: bool,
}

#[derive(Debug, Serialize)]
struct Worker {
    parallel: usize,
    poll_milliseconds: u64,
}

#[derive(Debug, Serialize)]
struct Keeping {
    audit_seal_seconds: u32,
    audit_keep_months: u32,
    export_keep_days: u32,
    erasure_cooling_off_days: u32,
    erasure_backups_kept_days: u32,
    siem_file_megabytes: u64,
    siem_files_kept: u32,
}

impl Settings {
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            server: server(config),
            database: database(&config.database),
            secrets: secrets(&config.secrets),
            egress: Outbound {
                private_endpoints: config.egress.private_endpoints.len(),
                own_authorities: config.egress.ca_file.is_some(),
                connect_timeout_seconds: config.egress.connect_timeout_seconds,
                request_timeout_seconds: config.egress.request_timeout_seconds,
            },
            identity: identity(&config.identity),
            salesforce: Salesforce {
                declared_hosts: config.salesforce.declared_hosts.len(),
                budget_percent: config.salesforce.budget_percent,
                write_timeout_seconds: config.salesforce.write_timeout_seconds,
                page_size: config.salesforce.page_size,
            },
            mail: Mail {
                server: config.mail.server.is_some(),
                security: match config.mail.security {
                    delivery::Security::Starttls => "starttls",
                    delivery::Security::Tls => "tls",
                    delivery::Security::None => "none",
                },
                signs_in: config.mail.user.is_some(),
            },
            worker: Worker {
                parallel: config.worker.parallel,
                poll_milliseconds: config.worker.poll_milliseconds,
            },
            keeping: keeping(config),
            log: match config.log.target {
                LogTarget::Journal => "journal",
                LogTarget::Terminal => "terminal",
                LogTarget::Auto => "auto",
            },
            log_level: match config.log.level {
                Level::Error => "error",
                Level::Warn => "warn",
                Level::Info => "info",
                Level::Debug => "debug",
            },
        }
    }
}

fn server(config: &Config) -> Server {
    let server = &config.server;
    Server {
        port: server.listen.port(),
        listens_on_loopback_alone: server.listen.ip().is_loopback(),
        metrics: server.metrics_listen.is_some(),
        trusted_proxies: server.trusted_proxies.len(),
        workers: server.workers,
        connections_per_worker: server.connections_per_worker,
        client_timeout_seconds: server.client_timeout_seconds,
        request_timeout_seconds: server.request_timeout_seconds,
        shutdown_seconds: server.shutdown_seconds,
        sign_ins_per_minute: server.sign_ins_per_minute,
        requests_per_minute: server.requests_per_minute,
        security_contact: config.site.security_contact.is_some(),
    }
}

fn database(config: &db::DbConfig) -> Database {
    Database {
        by: if config.host.starts_with('/') {
            "a socket of this machine"
        } else {
            "TLS"
        },
        port: config.port,
        app_connections: config.app_connections,
        auth_connections: config.auth_connections,
        gateway_connections: config.gateway_connections,
    }
}

fn secrets(config: &vault::Config) -> Secrets {
    let vault = config.vault.as_ref();
    Secrets {
        backend: match config.backend {
            vault::Choice::Vault => "vault",
            vault::Choice::Local => "local",
        },
        vault_namespace: vault.is_some_and(|vault| vault.namespace.is_some()),
        vault_timeout_seconds: vault.map(|vault| vault.timeout_seconds),
    }
}

fn identity(config: &identity::Config) -> Identity {
    Identity {
        password_profile: config.password_profile.name(),
        bcrypt_cost: config.bcrypt_cost,
        signing_algorithm: config.signing_algorithm.name(),
        inactivity_minutes: config.inactivity_minutes,
        failures_per_address: config.failures_per_address,
        failures_per_account: config.failures_per_account,
        resets_per_address: config.resets_per_address,
        breach_hash_file: config.breach.hash_file.is_some(),
        breach_mirror: config.breach.mirror.is_some(),
        signup_enabled: config.signup_enabled,
    }
}

fn keeping(config: &Config) -> Keeping {
    Keeping {
        audit_seal_seconds: config.audit.seal_seconds,
        audit_keep_months: config.audit.keep_months,
        export_keep_days: config.export.keep_days,
        erasure_cooling_off_days: config.erasure.cooling_off_days,
        erasure_backups_kept_days: config.erasure.backups_kept_days,
        siem_file_megabytes: config.siem.file_megabytes,
        siem_files_kept: config.siem.files_kept,
    }
}
