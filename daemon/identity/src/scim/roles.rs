//! What groups give. As long as no group of the tenant gives a role, roles stay as administrators set
//! them. Once one does, every provisioned person holds what their groups give together, a member's at
//! least; the owner's roles are the owner's own affair.

use std::collections::{BTreeMap, BTreeSet};

use audit::Entry;
use db::AuthTx;
use kernel::{Action, Role, UserId};
use serde_json::json;
use uuid::Uuid;

use super::{Outcome, Pen, rows};
use crate::membership::{Change, keep_one_admin, membership, set};

/// One person's roles, as they are and as they ought to be.
#[derive(Debug, PartialEq, Eq)]
struct Turn {
    user: Uuid,
    held: Vec<String>,
    due: Vec<String>,
}

/// Brings roles in line with groups, of everybody or of `only` these people.
pub(super) fn follow(tx: &mut AuthTx<'_>, pen: &Pen, only: Option<&BTreeSet<Uuid>>) -> Outcome<()> {
    if rows::groups(tx)?.iter().all(|group| group.roles.is_empty()) {
        return Ok(());
    }
    let (held, given) = (rows::roles_held(tx)?, rows::roles_given(tx)?);
    for turn in turns(held, given) {
        if only.is_none_or(|only| only.contains(&turn.user)) {
            take(tx, pen, turn)?;
        }
    }
    Ok(())
}

/// Whose roles are not what their groups give. Those who become administrators come first, so that no
/// order of names leaves a tenant without one halfway.
fn turns(held: Vec<(Uuid, Vec<String>)>, given: Vec<(Uuid, Vec<String>)>) -> Vec<Turn> {
    let mut due: BTreeMap<Uuid, BTreeSet<String>> = BTreeMap::new();
    for (user, roles) in given {
        due.entry(user).or_default().extend(roles);
    }
    let mut turns: Vec<Turn> = held
        .into_iter()
        .filter_map(|(user, held)| {
            let mut due: Vec<String> = due.remove(&user).unwrap_or_default().into_iter().collect();
            if due.is_empty() {
                due.push(Role::Member.name().to_owned());
            }
            let now: BTreeSet<&String> = held.iter().collect();
            let same = now == due.iter().collect();
            (!same).then_some(Turn { user, held, due })
        })
        .collect();
    turns.sort_by_key(|turn| !is_admin(&turn.due));
    turns
}

fn is_admin(roles: &[String]) -> bool {
    roles.iter().any(|role| role == Role::Admin.name())
}

fn take(tx: &mut AuthTx<'_>, pen: &Pen, turn: Turn) -> Outcome<()> {
    let user = UserId::from_uuid(turn.user);
    let Some(member) = membership(tx, user)? else {
        return Ok(());
    };
    if member.state == "active" && is_admin(&turn.held) && !is_admin(&turn.due) {
        keep_one_admin(tx, user)?;
    }
    let change = Change {
        roles: Some(turn.due.clone()),
        ..Change::default()
    };
    set(tx, user, &member, change)?;
    let entry = Entry::new(Action::MemberRolesMap, "user", user)
        .before(json!({ "roles": turn.held }))
        .after(json!({ "roles": turn.due }));
    pen.note(tx, entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(roles: &[&str]) -> Vec<String> {
        roles.iter().map(|role| (*role).to_owned()).collect()
    }

    #[test]
    fn groups_add_up_and_who_is_in_none_is_a_member() {
        let [ada, bob, carl] = [1, 2, 3].map(Uuid::from_u128);
        let held = vec![
            (ada, texts(&["member"])),
            (bob, texts(&["admin"])),
            (carl, texts(&["reviewer", "member"])),
        ];
        let given = vec![
            (ada, texts(&["reviewer"])),
            (ada, texts(&["admin"])),
            (carl, texts(&["member", "reviewer"])),
            (Uuid::from_u128(9), texts(&["admin"])),
        ];
        let found = turns(held, given);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(
            (found[0].user, &found[0].due),
            (ada, &texts(&["admin", "reviewer"]))
        );
        assert_eq!((found[1].user, &found[1].due), (bob, &texts(&["member"])));
    }

    #[test]
    fn whoever_becomes_an_administrator_comes_first() {
        let [ada, bob] = [1, 2].map(Uuid::from_u128);
        let held = vec![(ada, texts(&["admin"])), (bob, texts(&["member"]))];
        let found = turns(held, vec![(bob, texts(&["admin"]))]);
        assert_eq!(
            found.iter().map(|turn| turn.user).collect::<Vec<_>>(),
            [bob, ada]
        );
    }
}
