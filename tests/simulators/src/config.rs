//! What a simulator is started with.

use std::net::{Ipv4Addr, SocketAddr};

use crate::wire::{Client, Login, Settings};

/// The organisation, unless another is asked for.
pub const ORGANISATION: &str = "00Dxx0000001gPLEAY";
/// The application that is registered from the start.
pub const CLIENT_ID: &str = "3MVG9simulatedconsumerkey";
pub const CLIENT_SECRET: &str = "simulated-consumer-secret";
/// Who can sign in from the start.
pub const USERNAME: &str = "integration@acme.example";
pub const PASSWORD: &str = "open-sesame-1";

#[derive(Clone)]
pub struct Config {
    /// Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The certificate chain and its key, PEM.
    pub certificate: Vec<u8>,
    pub key: Vec<u8>,
    /// The address that clients use, also given out as `instance_url`. Port 0 stands for the port
    /// that was taken. `https://` and the listening address when absent.
    pub public_url: Option<String>,
    /// Bearer token of `/_sim/`.
    pub admin_token: String,
    /// Makes tokens and generated records.
    pub seed: u64,
    pub organisation: String,
    pub clients: Vec<Client>,
    pub logins: Vec<Login>,
    pub settings: Settings,
}

impl Config {
    /// A free port on the loopback, one application, one integration user.
    pub fn new(certificate: Vec<u8>, key: Vec<u8>, admin_token: &str) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            certificate,
            key,
            public_url: None,
            admin_token: admin_token.to_owned(),
            seed: 1,
            organisation: ORGANISATION.to_owned(),
            clients: vec![Client {
                id: CLIENT_ID.to_owned(),
                secret: CLIENT_SECRET.to_owned(),
                redirect_uris: Vec::new(),
            }],
            logins: vec![Login {
                username: USERNAME.to_owned(),
                password: PASSWORD.to_owned(),
                first_name: "Iris".to_owned(),
                last_name: "Integration".to_owned(),
                email: USERNAME.to_owned(),
            }],
            settings: Settings::default(),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rotation: true,
            page_size: 2_000,
            access_token_uses: None,
            access_token_seconds: None,
            refresh_hold_ms: 50,
            daily_limit: 1_000_000,
            require_secret: true,
            require_pkce: true,
        }
    }
}
