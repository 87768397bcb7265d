//! What the migrations that a database lacks will lock, and for about how long. The locks are not guessed
//! from the SQL: `sql/migration-locks.txt` has what each migration held at its end, and a test measures it
//! anew against `pg_locks`.

use diesel::{
    RunQueryDsl,
    migration::{Migration, MigrationSource},
    pg::Pg,
    sql_query,
};
use diesel_migrations::MigrationHarness;

use crate::{
    error::DbError,
    setup::{MIGRATIONS, Setup},
    upkeep::{TABLE_SIZES, TableSize},
};

const LOCKS: &str = include_str!("../sql/migration-locks.txt");
/// What a disk reads and what it writes anew, in bytes a second, told low.
const READ: u64 = 100_000_000;
const WRITTEN: u64 = 30_000_000;

/// What happens to a table's contents under a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Nothing: only the catalogue changes.
    Brief,
    /// All of it is read.
    Scan,
    /// All of it is written anew.
    Rewrite,
}

/// A lock on a table that is there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableLock {
    pub table: String,
    /// PostgreSQL's name for it, such as `AccessExclusiveLock`.
    pub mode: String,
    pub work: Work,
    pub bytes: i64,
}

impl TableLock {
    /// Who waits meanwhile.
    pub fn keeps_out(&self) -> &'static str {
        match self.mode.as_str() {
            "AccessExclusiveLock" => "nobody reads or writes it",
            "ExclusiveLock" | "ShareRowExclusiveLock" | "ShareLock" => "nobody writes it",
            _ => "everybody goes on",
        }
    }

    /// For how long, told high; what is brief is over within a second.
    pub fn seconds(&self) -> u64 {
        let bytes = u64::try_from(self.bytes).unwrap_or(0);
        match self.work {
            Work::Brief => 1,
            Work::Scan => bytes / READ + 1,
            Work::Rewrite => bytes / WRITTEN + 1,
        }
    }
}

/// A migration that is still to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    pub name: String,
    pub locks: Vec<TableLock>,
}

/// The versions of the migrations that this program brings, oldest first.
pub fn schema_versions() -> Vec<String> {
    let all = MigrationSource::<Pg>::migrations(&MIGRATIONS).unwrap_or_default();
    let mut versions: Vec<String> = all
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect();
    versions.sort();
    versions
}

#[expect(
    clippy::disallowed_methods,
    reason = "the list of migrations and the sizes of tables have no place in the schema"
)]
impl Setup {
    /// The migrations that the database lacks, in order, with what each locks. Changes nothing; as `revkeep_owner`.
    pub fn plan(&mut self) -> Result<Vec<Planned>, DbError> {
        self.refuse_newer()?;
        let sizes: Vec<TableSize> = sql_query(TABLE_SIZES).load(&mut self.conn)?;
        let pending: Vec<Box<dyn Migration<Pg>>> = self
            .conn
            .pending_migrations(MIGRATIONS)
            .map_err(|error| DbError::Setup(error.to_string()))?;
        Ok(pending
            .iter()
            .map(|migration| {
                let name = migration.name().to_string();
                Planned {
                    locks: locks(&migration.name().version().to_string(), &sizes),
                    name,
                }
            })
            .collect())
    }

    /// A program that is older than the database would say that there is nothing to do.
    pub(crate) fn refuse_newer(&mut self) -> Result<(), DbError> {
        let run = self
            .conn
            .applied_migrations()
            .map_err(|error| DbError::Setup(error.to_string()))?;
        let brought = schema_versions();
        let mut unknown: Vec<String> = run
            .iter()
            .map(ToString::to_string)
            .filter(|version| !brought.contains(version))
            .collect();
        unknown.sort();
        if unknown.is_empty() {
            return Ok(());
        }
        Err(DbError::Setup(format!(
            "this program brings the schema {}, and the database has had migrations of a newer one: {}. Nothing was changed. Next step: install the version of Revkeep that migrated it, or a newer one",
            brought.last().map_or("none", String::as_str),
            unknown.join(", ")
        )))
    }
}

fn locks(version: &str, sizes: &[TableSize]) -> Vec<TableLock> {
    LOCKS
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            let lock = (
                fields.next()?,
                fields.next()?,
                fields.next()?,
                fields.next()?,
            );
            (lock.0 == version).then_some(lock)
        })
        .map(|(_, table, mode, work)| TableLock {
            table: table.to_owned(),
            mode: mode.to_owned(),
            work: match work {
                "rewrite" => Work::Rewrite,
                "scan" => Work::Scan,
                _ => Work::Brief,
            },
            bytes: sizes
                .iter()
                .find(|size| size.name == table)
                .map_or(0, |size| size.bytes),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_table_takes_longer_only_where_its_rows_are_touched() {
        let lock = |work| TableLock {
            table: "assignments".to_owned(),
            mode: "AccessExclusiveLock".to_owned(),
            work,
            bytes: 3_000_000_000,
        };
        assert_eq!(lock(Work::Brief).seconds(), 1);
        assert_eq!(lock(Work::Scan).seconds(), 31);
        assert_eq!(lock(Work::Rewrite).seconds(), 101);
    }
}
