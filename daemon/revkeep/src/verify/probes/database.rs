//! The database, attacked as the roles that the daemon itself becomes, and compared with what this
//! version ships.

use std::collections::BTreeSet;

use db::{DbError, DbRole, Looked, ProbeTx, Side};

use crate::verify::{
    Sight,
    verdict::{Trouble, Verdict},
};

/// The release's own word: the same lists that its tests hold against a fresh database.
const CLASSES: &str = include_str!("../../../../../tests/golden/table-classes.txt");
const POLICIES: &str = include_str!("../../../../../tests/golden/policies.txt");
const GRANTS: &str = include_str!("../../../../../tests/golden/grants.txt");
const FUNCTIONS: &str = include_str!("../../../../../tests/golden/functions.txt");

const ROLES: [DbRole; 3] = [DbRole::App, DbRole::Auth, DbRole::Gateway];

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Tables with their class (CX-31).
fn classes() -> Vec<(String, &'static str)> {
    lines(CLASSES)
        .filter_map(|line| line.split_once(' '))
        .map(|(table, class)| (table.to_owned(), class))
        .collect()
}

/// Tables that are of another class than `class`. One that the release does not know is of none, so it
/// is attacked as well.
fn others(class: &str) -> Vec<String> {
    let others = classes().into_iter().filter(|(_, of)| *of != class);
    others.map(|(table, _)| table).collect()
}

pub(in crate::verify) async fn row_security_forced(sight: &Sight) -> Result<Verdict, Trouble> {
    let tables = sight.db.probe(DbRole::App, |tx| tx.tables()).await?;
    let classes = classes();
    let mut findings = Vec::new();
    for table in &tables {
        let class = classes
            .iter()
            .find(|(name, _)| *name == table.name)
            .map(|(_, class)| *class);
        match class {
            None if table.partition && !table.forced => {
                findings.push(format!("{}: a partition without row security", table.name));
            }
            None if table.partition && table.granted => {
                findings.push(format!("{}: a right on the partition itself", table.name));
            }
            None if table.partition => {}
            None => findings.push(format!(
                "{}: a table that this version does not know",
                table.name
            )),
            Some("platform") => {}
            Some(_) if table.forced => {}
            Some(_) => findings.push(format!("{}: row security is not forced", table.name)),
        }
    }
    for (name, _) in &classes {
        if !tables.iter().any(|table| table.name == *name) {
            findings.push(format!("{name}: the table is missing"));
        }
    }
    let forced = tables.iter().filter(|table| table.forced).count();
    Ok(Verdict::of(
        &findings,
        format!(
            "{forced} of {} tables and partitions force row security; the others hold no tenant's rows",
            tables.len()
        ),
    ))
}

/// What the database has and the release does not, and the other way round.
fn compared(found: Vec<String>, shipped: &str, what: &str) -> Verdict {
    let found: BTreeSet<String> = found.into_iter().collect();
    let shipped: BTreeSet<String> = lines(shipped).map(str::to_owned).collect();
    let added = found
        .difference(&shipped)
        .map(|line| format!("added: {line}"));
    let gone = shipped
        .difference(&found)
        .map(|line| format!("gone: {line}"));
    let findings: Vec<String> = added.chain(gone).collect();
    Verdict::of(
        &findings,
        format!("{} {what} are those that this version ships", shipped.len()),
    )
}

pub(in crate::verify) async fn policies_as_shipped(sight: &Sight) -> Result<Verdict, Trouble> {
    let found = sight.db.probe(DbRole::App, |tx| tx.policies()).await?;
    Ok(compared(found, POLICIES, "policies"))
}

pub(in crate::verify) async fn grants_as_shipped(sight: &Sight) -> Result<Verdict, Trouble> {
    let found = sight.db.probe(DbRole::App, |tx| tx.grants()).await?;
    Ok(compared(found, GRANTS, "grants to roles"))
}

pub(in crate::verify) async fn functions_as_shipped(sight: &Sight) -> Result<Verdict, Trouble> {
    let found = sight.db.probe(DbRole::App, |tx| tx.functions()).await?;
    Ok(compared(
        found,
        FUNCTIONS,
        "functions with more rights than their caller",
    ))
}

pub(in crate::verify) async fn roles_without_power(sight: &Sight) -> Result<Verdict, Trouble> {
    let found = sight.db.probe(DbRole::App, |tx| tx.excess_powers()).await?;
    Ok(Verdict::of(
        &found,
        "no runtime role is a superuser, bypasses row security, creates anything or is a member of another; revkeep_backup alone bypasses row security",
    ))
}

/// The account of the daemon becomes neither the owner of the schema nor the role for backups.
pub(in crate::verify) async fn owner_out_of_reach(sight: &Sight) -> Result<Verdict, Trouble> {
    let config = sight.config.database.clone();
    let reached = tokio::task::spawn_blocking(move || {
        let roles = ["revkeep_owner", "revkeep_backup", "postgres"];
        roles
            .into_iter()
            .filter(|role| db::reachable(&config, role))
            .map(|role| format!("the daemon's account can become {role}"))
            .collect::<Vec<_>>()
    })
    .await?;
    Ok(Verdict::of(
        &reached,
        "signing in as revkeep_owner, revkeep_backup and postgres was refused",
    ))
}

/// The same attack as each role of the daemon, with the findings of all.
async fn as_each(
    sight: &Sight,
    roles: &[DbRole],
    attack: impl Fn(&mut ProbeTx<'_>) -> Result<Looked, DbError> + Clone + Send + 'static,
) -> Result<Looked, Trouble> {
    let mut all = Looked::default();
    for role in roles {
        let found = sight.db.probe(*role, attack.clone()).await?;
        all.tried += found.tried;
        all.witnessed += found.witnessed;
        let named = found
            .findings
            .into_iter()
            .map(|finding| format!("{} as {}", finding, role.name()));
        all.findings.extend(named);
    }
    Ok(all)
}

fn apart(looked: &Looked, whose: &str) -> Verdict {
    if looked.witnessed == 0 && looked.findings.is_empty() {
        return Verdict::Unknown("no row could be made to be looked for".to_owned());
    }
    Verdict::of(
        &looked.findings,
        format!(
            "another {whose}'s rows were neither read, changed, deleted nor written in {} tables by each role; in {} of them rows of a scratch {whose} stood there to be found",
            looked.tried, looked.witnessed
        ),
    )
}

pub(in crate::verify) async fn tenants_apart(sight: &Sight) -> Result<Verdict, Trouble> {
    let skip = others("tenant");
    let looked = as_each(sight, &ROLES, move |tx| tx.sides_apart(Side::Tenant, &skip)).await?;
    Ok(apart(&looked, "tenant"))
}

pub(in crate::verify) async fn persons_apart(sight: &Sight) -> Result<Verdict, Trouble> {
    let skip = others("person");
    let looked = as_each(sight, &[DbRole::Auth], move |tx| {
        tx.sides_apart(Side::Person, &skip)
    })
    .await?;
    Ok(apart(&looked, "person"))
}

pub(in crate::verify) async fn contexts_not_forged(sight: &Sight) -> Result<Verdict, Trouble> {
    let looked = as_each(sight, &[DbRole::App], |tx| tx.forged_contexts()).await?;
    Ok(Verdict::of(
        &looked.findings,
        format!("{} forged contexts opened nothing", looked.tried),
    ))
}

pub(in crate::verify) async fn worker_functions_closed(sight: &Sight) -> Result<Verdict, Trouble> {
    let looked = as_each(sight, &[DbRole::App], |tx| tx.worker_functions()).await?;
    Ok(Verdict::of(
        &looked.findings,
        format!(
            "{} functions across tenants answered nothing inside a tenant",
            looked.tried
        ),
    ))
}

pub(in crate::verify) async fn schema_fixed(sight: &Sight) -> Result<Verdict, Trouble> {
    let looked = as_each(sight, &ROLES, |tx| tx.schema_changes()).await?;
    Ok(Verdict::of(
        &looked.findings,
        format!(
            "{} changes of schema, rights and role were refused",
            looked.tried
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_and_what_is_gone_are_both_named() {
        let found = vec!["a x".to_owned(), "c z".to_owned()];
        let told = compared(found, "# note\na x\nb y\n", "lines");
        assert_eq!(told, Verdict::Fails("added: c z; gone: b y".to_owned()));
        let same = compared(vec!["a x".to_owned()], "a x\n", "lines");
        assert_eq!(same.word(), "holds");
    }

    #[test]
    fn a_wall_without_anybody_behind_it_proves_nothing() {
        let looked = Looked {
            tried: 4,
            ..Looked::default()
        };
        assert_eq!(apart(&looked, "tenant").word(), "unknown");
    }

    #[test]
    fn each_class_has_tables() {
        for class in ["tenant", "person", "platform"] {
            assert!(classes().iter().any(|(_, of)| *of == class), "{class}");
        }
        assert!(others("tenant").contains(&"users".to_owned()));
        assert!(!others("tenant").contains(&"rules".to_owned()));
    }
}
