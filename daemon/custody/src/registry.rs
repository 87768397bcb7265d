//! What there is to export: the tables, as the database itself lists them, and the class of each column
//! (CX-09). A column without a class stops an export: it neither goes out unseen nor is left out unsaid.

use std::{collections::HashMap, sync::OnceLock};

use db::{Db, Unit};
use diesel::{
    QueryableByName, RunQueryDsl, sql_query,
    sql_types::{Array, Bool, Text},
};
use kernel::Principal;

use crate::{error::CustodyError, scope::Scope};

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Id,
    CrmId,
    Time,
    Code,
    Business,
    CrmBusiness,
    CrmPersonal,
    Personal,
    PersonalSealed,
    Evidence,
    Hash,
    Secret,
}

impl Class {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "id" => Self::Id,
            "crm_id" => Self::CrmId,
            "time" => Self::Time,
            "code" => Self::Code,
            "business" => Self::Business,
            "crm_business" => Self::CrmBusiness,
            "crm_personal" => Self::CrmPersonal,
            "personal" => Self::Personal,
            "personal_sealed" => Self::PersonalSealed,
            "evidence" => Self::Evidence,
            "hash" => Self::Hash,
            "secret" => Self::Secret,
            _ => return None,
        })
    }

    /// Whether it never leaves the appliance.
    pub const fn is_withheld(self) -> bool {
        matches!(self, Self::Hash | Self::Secret)
    }
}

type Classes = HashMap<&'static str, Class>;

fn classes() -> &'static Classes {
    static CLASSES: OnceLock<Classes> = OnceLock::new();
    CLASSES.get_or_init(|| {
        include_str!("columns.txt")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once(' '))
            .filter_map(|(column, class)| Some((column, Class::parse(class)?)))
            .collect()
    })
}

/// The class of a column.
pub fn class_of(table: &str, column: &str) -> Option<Class> {
    classes().get(format!("{table}.{column}").as_str()).copied()
}

/// Every classed column, as `table.column`.
pub fn registered() -> impl Iterator<Item = &'static str> {
    classes().keys().copied()
}

/// Which database role reads a table: no role reads all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    App,
    Auth,
}

/// Which rows of a table an export takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// All of the tenant's.
    All,
    /// Those in which one of these columns names the person.
    Naming(&'static [&'static str]),
    /// The person's own, of a table that belongs to no tenant.
    Own,
    /// Those in which a search found the person.
    Found,
}

/// One file of an export.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) door: Door,
    pub(crate) rows: Rows,
    /// Columns that go out as they are.
    pub(crate) clear: Vec<String>,
    /// Columns that are opened on their way out.
    pub(crate) sealed: Vec<String>,
    pub(crate) withheld: Vec<String>,
    /// The primary key without the tenant, with the types of its columns: the order of the rows.
    pub(crate) key: Vec<(String, String)>,
}

#[derive(QueryableByName)]
struct Listed {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Bool)]
    readable: bool,
    #[diesel(sql_type = Array<Text>)]
    columns: Vec<String>,
    #[diesel(sql_type = Array<Text>)]
    key_columns: Vec<String>,
    #[diesel(sql_type = Array<Text>)]
    key_types: Vec<String>,
}

/// Each table that stands under this policy: `tenant`, as every tenant table does, or `person`.
const TABLES: &str = "SELECT c.relname::text AS name, has_table_privilege(c.oid, 'SELECT') AS readable, \
    ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum) AS columns, \
    ARRAY(SELECT a.attname::text FROM pg_index i CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY k(number, place) \
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number \
      WHERE i.indrelid = c.oid AND i.indisprimary AND a.attname <> 'tenant_id' ORDER BY k.place) AS key_columns, \
    ARRAY(SELECT format_type(a.atttypid, a.atttypmod) FROM pg_index i CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY k(number, place) \
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number \
      WHERE i.indrelid = c.oid AND i.indisprimary AND a.attname <> 'tenant_id' ORDER BY k.place) AS key_types \
    FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = $1 \
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1";

/// Columns of tenant tables by which a row is of a person with an account: what they did in the log, and
/// what the tenant holds of them. Who once changed a rule is an id in the rule, which is not theirs.
const NAMING: [(&str, &[&str]); 11] = [
    ("api_keys", &["created_by"]),
    ("audit_log", &["actor_id"]),
    ("connections", &["owner_id"]),
    ("invitations", &["accepted_by"]),
    ("memberships", &["user_id"]),
    ("oauth_clients", &["created_by"]),
    ("oauth_grants", &["user_id"]),
    ("person_cases", &["subject"]),
    ("scim_group_members", &["user_id"]),
    ("scim_users", &["user_id"]),
    ("sso_identities", &["user_id"]),
];

/// Everything that an export of this scope holds, by name. The members of a tenant come as a table of their
/// own, with the names and addresses that they see of each other.
pub(crate) async fn tables(
    db: &Db,
    who: &Principal,
    scope: Scope,
) -> Result<Vec<Table>, CustodyError> {
    let listed = db.run_unsealed(who, |tx| list(tx, "tenant")).await?;
    let mut tables = listed
        .into_iter()
        .map(Table::new)
        .collect::<Result<Vec<_>, _>>()?;
    tables.push(people());
    match scope {
        Scope::Tenant => {}
        Scope::Account(_) => {
            tables.retain_mut(Table::narrow);
            let own = db.run_unsealed(who, |tx| list(tx, "person")).await?;
            for listed in own {
                let table = Table::new(listed)?;
                tables.push(Table {
                    rows: Rows::Own,
                    door: Door::Auth,
                    ..table
                });
            }
        }
        Scope::Person(_) => {
            tables.retain(|table| searched(&table.name));
            for table in &mut tables {
                table.rows = Rows::Found;
            }
        }
    }
    tables.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tables)
}

/// Whether a search looks into a table. The log, the requests of keys and the queue name people by ids alone (CX-32), values by
/// which a record is found or was decided about go with the record, and the rest is of exports and searches themselves.
pub(crate) fn searched(table: &str) -> bool {
    !matches!(
        table,
        "api_rates"
            | "api_requests"
            | "audit_log"
            | "audit_leaves"
            | "audit_keys"
            | "decision_inputs"
            | "jobs"
            | "layer_values"
            | "tenant_exports"
            | "person_cases"
            | "person_finds"
            | "verify_runs"
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "the catalogue is asked which tables there are"
)]
fn list<U: Unit>(tx: &mut U, policy: &str) -> Result<Vec<Listed>, CustodyError> {
    Ok(sql_query(TABLES).bind::<Text, _>(policy).load(tx.conn())?)
}

impl Table {
    fn new(listed: Listed) -> Result<Self, CustodyError> {
        let mut table = Self {
            door: if listed.readable {
                Door::App
            } else {
                Door::Auth
            },
            key: listed
                .key_columns
                .into_iter()
                .zip(listed.key_types)
                .collect(),
            rows: Rows::All,
            name: listed.name,
            clear: Vec::new(),
            sealed: Vec::new(),
            withheld: Vec::new(),
        };
        for column in listed.columns {
            let class = class_of(&table.name, &column)
                .ok_or_else(|| CustodyError::Unclassed(format!("{}.{column}", table.name)))?;
            let list = match class {
                Class::PersonalSealed => &mut table.sealed,
                class if class.is_withheld() => &mut table.withheld,
                _ => &mut table.clear,
            };
            list.push(column);
        }
        Ok(table)
    }

    /// Leaves the rows of one person; `false` when the table has none.
    fn narrow(&mut self) -> bool {
        let found = NAMING.iter().find(|(name, _)| *name == self.name);
        if let Some((_, columns)) = found {
            self.rows = Rows::Naming(columns);
        }
        found.is_some()
    }
}

/// The view of the members, of which the table `memberships` holds ids alone.
fn people() -> Table {
    let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Table {
        name: "people".to_owned(),
        door: Door::App,
        rows: Rows::All,
        clear: own(&["user_id", "name", "roles", "owner", "state"]),
        sealed: own(&["email_sealed"]),
        withheld: Vec::new(),
        key: vec![("user_id".to_owned(), "uuid".to_owned())],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_list_has_a_known_class_and_stands_once() {
        let lines: Vec<&str> = include_str!("columns.txt")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .collect();
        for line in &lines {
            let (column, class) = line.split_once(' ').unwrap();
            assert!(Class::parse(class).is_some(), "{line}");
            assert!(column.contains('.'), "{line}");
        }
        assert_eq!(lines.len(), classes().len(), "a column stands twice");
    }

    #[test]
    fn a_column_that_nobody_classed_stops_the_export() {
        let listed = |columns: &[&str]| Listed {
            name: "reps".to_owned(),
            readable: true,
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            key_columns: Vec::new(),
            key_types: Vec::new(),
        };
        assert!(Table::new(listed(&["tenant_id", "name"])).is_ok());
        let refused = Table::new(listed(&["tenant_id", "shoe_size"]));
        assert!(matches!(refused, Err(CustodyError::Unclassed(name)) if name == "reps.shoe_size"));
    }
}
