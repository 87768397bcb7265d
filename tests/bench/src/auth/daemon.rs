//! The daemon under load, and a person of it without a second factor: what is measured is the password.

use anyhow::Result;
use diesel::{Connection as _, PgConnection};
use stack::{
    console::{Console, EMAIL, PASSWORD},
    daemon::{Daemon, DaemonOptions},
    postgres::Durability,
    simulator::Place,
    world::World,
};

use crate::browser::{Browser, Login};

pub(crate) const ADA: Login<'static> = Login {
    email: EMAIL,
    password: PASSWORD,
};

pub(crate) struct Bed {
    _world: World,
    pub(crate) daemon: Daemon,
    pub(crate) browser: Browser,
}

impl Bed {
    pub(crate) async fn start() -> Result<Self> {
        let world = World::start_with(Durability::Production, Place::Apart).await?;
        let daemon = world.daemon(DaemonOptions::default()).await?;
        Console::set_up(&daemon).await?;
        let mut conn = PgConnection::establish(&world.dsn("postgres"))?;
        for table in ["totp_factors", "recovery_codes"] {
            crate::routing::rows::sql(&mut conn, &format!("DELETE FROM {table}"))?;
        }
        let browser = Browser::new(daemon.client()?, &entrance(&daemon));
        Ok(Self {
            _world: world,
            daemon,
            browser,
        })
    }

    /// Somebody else's browser, at an address of its own.
    pub(crate) fn stranger(&self, number: u8) -> Result<Browser> {
        let client = self.daemon.client_at([127, 0, 1, number].into())?;
        Ok(Browser::new(client, &entrance(&self.daemon)))
    }
}

fn entrance(daemon: &Daemon) -> String {
    format!("{}/api/console/v1", daemon.url)
}
