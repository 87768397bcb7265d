//! Reads a table in pages, in the order of its key, as JSON lines. Names of tables and columns come from the
//! catalogue of the database; whose rows they are is row security's to decide, besides the condition.

use db::{AuthScope, Db, Unit};
use diesel::{
    QueryableByName, RunQueryDsl, sql_query,
    sql_types::{Array, BigInt, Bytea, Nullable, Text, Uuid as SqlUuid},
};
use kernel::Principal;
use uuid::Uuid;

use crate::{
    error::CustodyError,
    registry::{Door, Rows, Table},
    scope::Scope,
};

/// Rows of one page.
const PAGE: i64 = 500;

/// One row: what goes out as it is, its place in the order, and what is still to be opened.
#[derive(QueryableByName)]
pub(crate) struct Row {
    #[diesel(sql_type = Text)]
    pub(crate) line: String,
    #[diesel(sql_type = Array<Text>)]
    pub(crate) place: Vec<String>,
    #[diesel(sql_type = Array<Nullable<Bytea>>)]
    pub(crate) sealed: Vec<Option<Vec<u8>>>,
}

/// Some rows, and whether there may be more.
pub(crate) struct Page {
    pub(crate) rows: Vec<Row>,
    pub(crate) more: bool,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// The page that follows the row at `after`.
pub(crate) async fn page(
    db: &Db,
    who: &Principal,
    scope: Scope,
    table: &Table,
    after: Option<Vec<String>>,
) -> Result<Page, CustodyError> {
    let asked = Asked {
        statement: statement(table, after.is_some()),
        after: after.unwrap_or_default(),
        subject: scope.subject(),
        text: text(scope, table),
    };
    let rows = match table.door {
        Door::App => db.run_unsealed(who, move |tx| rows(tx, &asked)).await?,
        Door::Auth => {
            db.auth(seen_by(who, scope), move |tx| rows(tx, &asked))
                .await?
        }
    };
    let full = i64::try_from(rows.len()).is_ok_and(|read| read == PAGE);
    Ok(Page {
        rows,
        more: full && !table.key.is_empty(),
    })
}

/// How many rows of the scope there are in it.
pub(crate) async fn count(
    db: &Db,
    who: &Principal,
    scope: Scope,
    table: &Table,
) -> Result<i64, CustodyError> {
    let asked = Asked {
        statement: format!(
            "SELECT count(*) AS n FROM public.{} WHERE {} AND $2::text[] IS NOT NULL",
            quoted(&table.name),
            condition(table)
        ),
        after: Vec::new(),
        subject: scope.subject(),
        text: text(scope, table),
    };
    match table.door {
        Door::App => db.run_unsealed(who, move |tx| counted(tx, &asked)).await,
        Door::Auth => {
            db.auth(seen_by(who, scope), move |tx| counted(tx, &asked))
                .await
        }
    }
}

/// A statement and its values: `$1` the tenant, `$2` a place, `$3` and `$4` whom or what it is about.
struct Asked {
    statement: String,
    after: Vec<String>,
    subject: Option<Uuid>,
    text: String,
}

const fn seen_by(who: &Principal, scope: Scope) -> AuthScope {
    AuthScope {
        tenant: Some(who.tenant),
        user: scope.user(),
    }
}

/// A person as the log names them; or the table in which a search found something.
fn text(scope: Scope, table: &Table) -> String {
    match scope {
        Scope::Account(user) => user.to_string(),
        Scope::Tenant | Scope::Person(_) => table.name.clone(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a table that is known by the catalogue alone"
)]
fn counted<U: Unit>(tx: &mut U, asked: &Asked) -> Result<i64, CustodyError> {
    let tenant = tx.tenant().uuid();
    let count: Count = sql_query(&asked.statement)
        .bind::<SqlUuid, _>(tenant)
        .bind::<Array<Text>, _>(&asked.after)
        .bind::<Nullable<SqlUuid>, _>(asked.subject)
        .bind::<Text, _>(&asked.text)
        .get_result(tx.conn())?;
    Ok(count.n)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a table that is known by the catalogue alone"
)]
fn rows<U: Unit>(tx: &mut U, asked: &Asked) -> Result<Vec<Row>, CustodyError> {
    let tenant = tx.tenant().uuid();
    Ok(sql_query(&asked.statement)
        .bind::<SqlUuid, _>(tenant)
        .bind::<Array<Text>, _>(&asked.after)
        .bind::<Nullable<SqlUuid>, _>(asked.subject)
        .bind::<Text, _>(&asked.text)
        .load(tx.conn())?)
}

/// Which rows of the table; besides, row security shows those of the tenant or of the person alone.
fn condition(table: &Table) -> String {
    match &table.rows {
        Rows::All => "tenant_id = $1".to_owned(),
        Rows::Own => "user_id = $3".to_owned(),
        Rows::Naming(columns) => {
            let named: Vec<String> = columns
                .iter()
                .map(|column| match *column {
                    // The log names every kind of actor, so as text.
                    "actor_id" => "actor_id = $4".to_owned(),
                    column => format!("{} = $3", quoted(column)),
                })
                .collect();
            format!("tenant_id = $1 AND ({})", named.join(" OR "))
        }
        Rows::Found => {
            let key: Vec<String> = table
                .key
                .iter()
                .map(|(name, _)| format!("{}::text", quoted(name)))
                .collect();
            format!(
                "tenant_id = $1 AND ARRAY[{}]::text[] IN (SELECT f.row_key FROM public.person_finds f \
                 WHERE f.tenant_id = $1 AND f.case_id = $3 AND f.place = $4)",
                key.join(", ")
            )
        }
    }
}

/// The columns that are needed, in the order of the key, after the place in `$2`.
fn statement(table: &Table, goes_on: bool) -> String {
    let keys: Vec<String> = table.key.iter().map(|(name, _)| quoted(name)).collect();
    let mut needed: Vec<String> = table.clear.iter().map(|name| quoted(name)).collect();
    needed.extend(table.sealed.iter().map(|name| quoted(name)));
    needed.extend(keys.iter().cloned());
    needed.sort_unstable();
    needed.dedup();
    let clear: Vec<String> = table.clear.iter().map(|name| of_row(name)).collect();
    let sealed: Vec<String> = table.sealed.iter().map(|name| of_row(name)).collect();
    let place: Vec<String> = table
        .key
        .iter()
        .map(|(name, _)| format!("{}::text", of_row(name)))
        .collect();
    let (order, after) = if keys.is_empty() {
        (String::new(), String::new())
    } else {
        let bounds = table.key.iter().enumerate();
        let bounds: Vec<String> = bounds
            .map(|(at, (_, kind))| format!("($2::text[])[{}]::{kind}", at + 1))
            .collect();
        (
            format!(" ORDER BY {}", keys.join(", ")),
            format!(" AND ({}) > ({})", keys.join(", "), bounds.join(", ")),
        )
    };
    let after = if goes_on {
        after
    } else {
        " AND $2::text[] IS NOT NULL".to_owned()
    };
    format!(
        "SELECT row_to_json(r)::text AS line, ARRAY[{}]::text[] AS place, ARRAY[{}]::bytea[] AS sealed \
         FROM (SELECT {} FROM public.{} WHERE {}{after}{order} LIMIT {PAGE}) x, LATERAL (SELECT {}) r",
        place.join(", "),
        sealed.join(", "),
        needed.join(", "),
        quoted(&table.name),
        condition(table),
        clear.join(", "),
    )
}

fn of_row(name: &str) -> String {
    format!("x.{}", quoted(name))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
