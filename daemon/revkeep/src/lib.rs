//! Joins each crate's configuration, composes the daemon, and is the command line. The only crate that
//! names the sealed ones.

mod admin;
mod backup;
mod bundle;
mod certificate;
mod checks;
mod commands;
mod config;
mod controls;
mod logging;
#[cfg(test)]
mod reference;
mod serve;
mod setup;
mod unlock;
mod verify;

/// Runs the program with the arguments of the process.
pub fn run() -> std::process::ExitCode {
    // rustls, the HTTP client and the Vault client share this one provider; it is there before the
    // first of them is made.
    let _ = rustls::crypto::ring::default_provider().install_default();
    commands::run()
}
