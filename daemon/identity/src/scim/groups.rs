//! Groups that a provider keeps, and the roles that an administrator lets them give.

use std::collections::{BTreeSet, HashMap};

use audit::Entry;
use chrono::{DateTime, Utc};
use db::AuthTx;
use kernel::{Action, GroupId, Principal, Role, UserId};
use serde_json::json;
use uuid::Uuid;

use super::{
    Group, GroupInput, Outcome, Pen, Provisioner, ScimToken,
    roles::follow,
    rows::{self, GroupRow},
    token::tokens,
};
use crate::{
    acting::Acting,
    error::IdentityError,
    identity::Identity,
    membership::lock_tenant,
    refusal::Refusal,
    roles::{role_names, roles_of},
};

const MOST_GROUPS: i64 = 2_000;

/// A group as administrators see it.
#[derive(Clone, Debug)]
pub struct GroupView {
    pub id: GroupId,
    pub name: String,
    pub members: i64,
    pub roles: Vec<Role>,
}

/// Everything about provisioning that administrators see.
#[derive(Clone, Debug)]
pub struct ScimOverview {
    pub tokens: Vec<ScimToken>,
    pub users: i64,
    pub groups: Vec<GroupView>,
    pub last_request_at: Option<DateTime<Utc>>,
}

impl Identity {
    pub async fn scim_overview(&self, who: &Principal) -> Outcome<ScimOverview> {
        let acting = Acting::of(who)?;
        self.inner
            .db
            .auth(acting.scope, |tx| {
                let tokens = tokens(tx, None)?;
                Ok::<_, IdentityError>(ScimOverview {
                    last_request_at: tokens.iter().filter_map(|token| token.last_used_at).max(),
                    tokens,
                    users: rows::people_count(tx)?,
                    groups: views(tx)?,
                })
            })
            .await
    }

    /// Sets the roles that a group gives, and with them those of the people in it.
    pub async fn scim_group_map(
        &self,
        who: &Principal,
        id: GroupId,
        roles: Vec<Role>,
    ) -> Outcome<GroupView> {
        let acting = Acting::of(who)?;
        let names = if roles.is_empty() {
            Vec::new()
        } else {
            role_names(&roles)?
        };
        let pen = Pen::of(who);
        let shown = self
            .inner
            .db
            .auth(acting.scope, move |tx| {
                lock_tenant(tx)?;
                let before = rows::group(tx, id)?.ok_or(Refusal::UnknownThing)?;
                rows::group_roles(tx, id, &names)?;
                let entry = Entry::new(Action::ScimGroupMap, "scim_group", id)
                    .before(json!({ "roles": before.roles }))
                    .after(json!({ "roles": names }));
                pen.note(tx, entry)?;
                follow(tx, &pen, None)?;
                db::hint(tx, "sessions")?;
                let mut found = views(tx)?.into_iter().filter(|view| view.id == id);
                found
                    .next()
                    .ok_or_else(|| IdentityError::from(Refusal::UnknownThing))
            })
            .await?;
        self.forget_tenant(who.tenant);
        Ok(shown)
    }

    /// All groups; their members only where they are asked for.
    pub async fn scim_group_list(&self, who: &Provisioner, with: bool) -> Outcome<Vec<Group>> {
        self.inner
            .db
            .auth(who.scope(None), move |tx| {
                let found = rows::groups(tx)?;
                if with {
                    with_members(tx, found)
                } else {
                    Ok(found
                        .into_iter()
                        .map(|row| shown(row, Vec::new()))
                        .collect())
                }
            })
            .await
    }

    pub async fn scim_group_show(&self, who: &Provisioner, id: GroupId) -> Outcome<Group> {
        self.inner
            .db
            .auth(who.scope(None), move |tx| one(tx, id))
            .await
    }

    pub async fn scim_group_create(&self, who: &Provisioner, input: GroupInput) -> Outcome<Group> {
        who.check_writes()?;
        input.check()?;
        let inner = &self.inner;
        let (id, now) = (GroupId::generate(inner.clock.as_ref()), inner.clock.now());
        let row = GroupRow {
            tenant_id: who.tenant.uuid(),
            group_id: id.uuid(),
            name: input.name,
            external_id: input.external_id,
            roles: Vec::new(),
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let (pen, members) = (who.pen(), input.members);
        let made = inner
            .db
            .auth(who.scope(None), move |tx| {
                lock_tenant(tx)?;
                if rows::groups_count(tx)? >= MOST_GROUPS {
                    return Err(Refusal::ScimTooManyGroups.into());
                }
                rows::group_insert(tx, &row)?;
                let entry = Entry::new(Action::ScimGroupCreate, "scim_group", id)
                    .after(json!({ "members": members.len() }));
                pen.note(tx, entry)?;
                fill(tx, &pen, id, &members)?;
                one(tx, id)
            })
            .await?;
        self.forget_tenant(who.tenant);
        Ok(made)
    }

    /// Name and members anew, from what the caller has seen.
    pub async fn scim_group_replace(
        &self,
        who: &Provisioner,
        seen: &Group,
        input: GroupInput,
    ) -> Outcome<Group> {
        who.check_writes()?;
        input.check()?;
        let (pen, id) = (who.pen(), seen.id);
        let version: i64 = seen.version.parse().unwrap_or_default();
        let changed = self
            .inner
            .db
            .auth(who.scope(None), move |tx| {
                lock_tenant(tx)?;
                rows::group(tx, id)?.ok_or(Refusal::UnknownThing)?;
                let texts = (input.name.as_str(), input.external_id.as_deref());
                if !rows::group_update(tx, (id, version), texts)? {
                    return Err(Refusal::VersionConflict.into());
                }
                let entry = Entry::new(Action::ScimGroupUpdate, "scim_group", id)
                    .after(json!({ "members": input.members.len() }));
                pen.note(tx, entry)?;
                fill(tx, &pen, id, &input.members)?;
                one(tx, id)
            })
            .await?;
        self.forget_tenant(who.tenant);
        Ok(changed)
    }

    pub async fn scim_group_delete(&self, who: &Provisioner, seen: &Group) -> Outcome<()> {
        who.check_writes()?;
        let (pen, id) = (who.pen(), seen.id);
        self.inner
            .db
            .auth(who.scope(None), move |tx| {
                lock_tenant(tx)?;
                rows::group(tx, id)?.ok_or(Refusal::UnknownThing)?;
                // Out of the group first, so that nobody keeps what it gave.
                fill(tx, &pen, id, &[])?;
                rows::group_delete(tx, id)?;
                pen.note(tx, Entry::new(Action::ScimGroupDelete, "scim_group", id))
            })
            .await?;
        self.forget_tenant(who.tenant);
        Ok(())
    }
}

/// Sets the members, and with them the roles of everybody who comes or goes. Only provisioned people can
/// be in a group.
fn fill(tx: &mut AuthTx<'_>, pen: &Pen, id: GroupId, members: &[UserId]) -> Outcome<()> {
    let wanted: BTreeSet<Uuid> = members.iter().map(|user| user.uuid()).collect();
    let before: BTreeSet<Uuid> = rows::members(tx, &[id.uuid()])?
        .into_iter()
        .map(|(_, user)| user)
        .collect();
    let coming: Vec<Uuid> = wanted.difference(&before).copied().collect();
    let going: Vec<Uuid> = before.difference(&wanted).copied().collect();
    if rows::known(tx, &coming)?.len() != coming.len() {
        return Err(Refusal::ScimMember.into());
    }
    rows::members_add(tx, id, &coming)?;
    rows::members_remove(tx, id, &going)?;
    let changed: BTreeSet<Uuid> = coming.into_iter().chain(going).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let listed: Vec<Uuid> = changed.iter().copied().collect();
    rows::people_touch(tx, &listed)?;
    follow(tx, pen, Some(&changed))?;
    Ok(db::hint(tx, "sessions")?)
}

fn one(tx: &mut AuthTx<'_>, id: GroupId) -> Outcome<Group> {
    let row = rows::group(tx, id)?.ok_or(Refusal::UnknownThing)?;
    with_members(tx, vec![row])?
        .pop()
        .ok_or_else(|| Refusal::UnknownThing.into())
}

fn with_members(tx: &mut AuthTx<'_>, found: Vec<GroupRow>) -> Outcome<Vec<Group>> {
    let ids: Vec<Uuid> = found.iter().map(|row| row.group_id).collect();
    let mut members: HashMap<Uuid, Vec<UserId>> = HashMap::new();
    for (group, user) in rows::members(tx, &ids)? {
        let own = members.entry(group).or_default();
        own.push(UserId::from_uuid(user));
    }
    Ok(found
        .into_iter()
        .map(|row| {
            let own = members.remove(&row.group_id).unwrap_or_default();
            shown(row, own)
        })
        .collect())
}

fn shown(row: GroupRow, members: Vec<UserId>) -> Group {
    Group {
        id: GroupId::from_uuid(row.group_id),
        members,
        name: row.name,
        external_id: row.external_id,
        version: row.version.to_string(),
        created_at: row.created_at,
        updated_at: row.updated_at,
    }
}

/// By name.
fn views(tx: &mut AuthTx<'_>) -> Outcome<Vec<GroupView>> {
    let counts: HashMap<Uuid, i64> = rows::members_counted(tx)?.into_iter().collect();
    let mut views: Vec<GroupView> = rows::groups(tx)?
        .into_iter()
        .map(|row| GroupView {
            id: GroupId::from_uuid(row.group_id),
            members: counts.get(&row.group_id).copied().unwrap_or_default(),
            roles: roles_of(&row.roles),
            name: row.name,
        })
        .collect();
    views.sort_by(|one, other| (&one.name, one.id).cmp(&(&other.name, other.id)));
    Ok(views)
}
