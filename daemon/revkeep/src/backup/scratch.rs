//! A database beside the appliance's own, filled from an archive. It is gone when this is, unless it took
//! the name.

use std::path::Path;

use db::{DbConfig, setup::Setup};

use super::{BackupError, Keys, check, error::database, load::Load, reader};

/// Becomes every other role of the database, by the map that set-up wrote.
const SUPERUSER: &str = "postgres";
const OWNER: &str = "revkeep_owner";

pub(super) struct Scratch {
    config: DbConfig,
    /// To the server itself, and the only one that makes this database.
    admin: Setup,
    stays: bool,
}

impl Scratch {
    /// Made anew; what an earlier command left is taken away.
    pub(super) fn make(config: DbConfig) -> Result<Self, BackupError> {
        let mut admin = Setup::open(&config, SUPERUSER, SUPERUSER).map_err(database)?;
        if !admin.only_one(&config.name).map_err(database)? {
            return Err(BackupError::Restoring);
        }
        let name = &config.name;
        admin.drop_database(name).map_err(database)?;
        admin.make_database(name, None).map_err(database)?;
        let scratch = Self {
            config,
            admin,
            stays: false,
        };
        scratch.granted()
    }

    fn granted(mut self) -> Result<Self, BackupError> {
        let name = self.config.name.clone();
        self.admin.grant_database(&name).map_err(database)?;
        Ok(self)
    }

    pub(super) const fn config(&self) -> &DbConfig {
        &self.config
    }

    pub(super) const fn admin(&mut self) -> &mut Setup {
        &mut self.admin
    }

    /// libpq's connection string of the superuser.
    pub(super) fn dsn(&self) -> Result<String, BackupError> {
        self.config.dsn_for(SUPERUSER).map_err(database)
    }

    pub(super) fn owner(&self) -> Result<Setup, BackupError> {
        Setup::open(&self.config, OWNER, &self.config.name).map_err(database)
    }

    /// Restores the dump of an archive that was looked at; `told` hears how much of it was read.
    pub(super) fn fill(
        &self,
        archive: &Path,
        keys: &Keys,
        told: &dyn Fn(u64),
    ) -> Result<(), BackupError> {
        let mut load = Load::begin(&self.dsn()?)?;
        reader::read(check::counted(archive, told)?, keys, &mut load)?;
        load.end()?;
        self.owner()?.make_context_keys().map_err(database)
    }

    pub(super) fn analyze(&self) -> Result<(), BackupError> {
        Setup::open(&self.config, SUPERUSER, &self.config.name)
            .and_then(|mut inside| inside.analyze())
            .map_err(database)
    }

    /// Takes the name of `config`'s database, which is called `kept` from then on.
    pub(super) fn take_name(
        mut self,
        config: &DbConfig,
        kept: Option<&str>,
    ) -> Result<(), BackupError> {
        let new = self.config.name.clone();
        self.admin
            .take_name(&new, &config.name, kept)
            .map_err(database)?;
        self.stays = true;
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.stays {
            return;
        }
        if let Err(error) = self.admin.drop_database(&self.config.name) {
            log::warn!("the database {} stays: {error}", self.config.name);
        }
    }
}
