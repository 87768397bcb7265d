//! People that a provider makes, changes and shuts out.

use std::collections::BTreeSet;

use audit::Entry;
use db::AuthTx;
use kernel::{Action, TenantId, UserId};
use serde_json::json;

use super::{
    Outcome, Pen, Person, PersonInput, Profile, Provisioner,
    profiles::{version_of, with_groups},
    reach::{reach, readdress, whom},
    roles::follow,
    rows::{self, Found as Row, PersonChange, PersonRow, PersonStanding},
};
use crate::{
    error::IdentityError,
    identity::{Identity, Inner},
    membership::{Change, Membership, deactivate, lock_tenant, membership, reactivate, set},
    refusal::Refusal,
    sso::{
        person::{Address, Found},
        store,
    },
    store::NewUser,
};

/// More people than this are found by a key only.
const MOST_OPENED: i64 = 2_000;

/// By what a person is found without everybody's profile being opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PersonKey {
    /// In any case.
    UserName(String),
    ExternalId(String),
    Id(UserId),
}

/// Another address for an account: hashed, and sealed as accounts have it.
struct NewAddress {
    address: Address,
    sealed: Vec<u8>,
}

impl Identity {
    /// How many there are, and those from `start` (which counts from one) on.
    pub async fn scim_people_page(
        &self,
        who: &Provisioner,
        start: usize,
        most: usize,
    ) -> Outcome<(usize, Vec<Person>)> {
        let skip = i64::try_from(start.saturating_sub(1)).unwrap_or(i64::MAX);
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let pen = who.pen();
        let (total, found) = self
            .inner
            .db
            .auth(who.scope(None), move |tx| {
                pen.note(tx, read())?;
                let found = rows::people(tx, skip, most)?;
                Ok::<_, IdentityError>((rows::people_count(tx)?, with_groups(tx, found)?))
            })
            .await?;
        let total = usize::try_from(total).unwrap_or_default();
        Ok((total, self.inner.scim_opened(who.tenant, found).await?))
    }

    /// All of them; refused when they are too many to be opened for one answer.
    pub async fn scim_people_all(&self, who: &Provisioner) -> Outcome<Vec<Person>> {
        let pen = who.pen();
        let found = self
            .inner
            .db
            .auth(who.scope(None), move |tx| {
                pen.note(tx, read())?;
                if rows::people_count(tx)? > MOST_OPENED {
                    return Err(IdentityError::from(Refusal::ScimTooMany));
                }
                let found = rows::people(tx, 0, MOST_OPENED)?;
                with_groups(tx, found)
            })
            .await?;
        self.inner.scim_opened(who.tenant, found).await
    }

    /// Those with this key.
    pub async fn scim_people_found(
        &self,
        who: &Provisioner,
        key: &PersonKey,
    ) -> Outcome<Vec<Person>> {
        let (inner, pen) = (&self.inner, who.pen());
        let by = match key {
            PersonKey::UserName(name) => Row::UserName(inner.scim_name_hash(who.tenant, name)?),
            PersonKey::ExternalId(id) => Row::ExternalId(inner.scim_external_hash(who.tenant, id)?),
            PersonKey::Id(user) => Row::Id(*user),
        };
        let found = inner
            .db
            .auth(who.scope(None), move |tx| {
                pen.note(tx, read())?;
                let found = rows::people_found(tx, &by)?;
                with_groups(tx, found)
            })
            .await?;
        inner.scim_opened(who.tenant, found).await
    }

    pub async fn scim_person_show(&self, who: &Provisioner, user: UserId) -> Outcome<Person> {
        let mut found = self.scim_people_found(who, &PersonKey::Id(user)).await?;
        found.pop().ok_or_else(|| Refusal::UnknownMember.into())
    }

    /// Makes a member: of a new account that is the tenant's own, or of one that is a member already.
    pub async fn scim_person_create(
        &self,
        who: &Provisioner,
        input: PersonInput,
    ) -> Outcome<Person> {
        who.check_writes()?;
        input.profile.check()?;
        let made = match self.scim_person_make(who, input).await {
            Ok(user) => user,
            Err(error) => {
                let asked = (Action::ScimUserCreate, None);
                return Err(self.scim_refused(who, asked, error).await);
            }
        };
        fail::fail_point!("scim_person_made");
        self.forget_tenant(who.tenant);
        self.scim_person_show(who, made).await
    }

    async fn scim_person_make(&self, who: &Provisioner, input: PersonInput) -> Outcome<UserId> {
        let inner = &self.inner;
        let key = &inner.secrets()?.index_key;
        let address = Address::new(key, who.tenant, input.profile.address())?;
        let (address, found) = inner
            .db
            .auth(who.scope(None), move |tx| {
                let found = whom(tx, &address)?;
                Ok::<_, IdentityError>((address, found))
            })
            .await?;
        let name = input.profile.shown_name();
        let (user, new_user) = match found {
            Found::Person(user) => (user, None),
            Found::Nobody { email_hash } => {
                let new = inner.new_user(&address, email_hash, Some(&name)).await?;
                (UserId::from_uuid(new.user_id), Some(new))
            }
        };
        let row = inner.scim_row(who.tenant, user, &input.profile).await?;
        let (pen, active) = (who.pen(), input.active.unwrap_or(true));
        inner
            .db
            .auth(who.scope(Some(user)), move |tx| {
                create(tx, &pen, (row, new_user), (&name, active))
            })
            .await?;
        Ok(user)
    }

    /// The whole description anew, from what the caller has seen.
    pub async fn scim_person_replace(
        &self,
        who: &Provisioner,
        seen: &Person,
        input: PersonInput,
    ) -> Outcome<Person> {
        if input.active != Some(false) {
            who.check_writes()?;
        }
        input.profile.check()?;
        let user = seen.id;
        if let Err(error) = self.scim_person_change(who, seen, input).await {
            let asked = (Action::ScimUserUpdate, Some(user));
            return Err(self.scim_refused(who, asked, error).await);
        }
        self.forget_tenant(who.tenant);
        self.scim_person_show(who, user).await
    }

    async fn scim_person_change(
        &self,
        who: &Provisioner,
        seen: &Person,
        input: PersonInput,
    ) -> Outcome<()> {
        let inner = &self.inner;
        let (user, version) = (seen.id, seen.version.clone());
        let address = inner
            .scim_new_address(who.tenant, seen, &input.profile)
            .await?;
        let fresh = inner.scim_row(who.tenant, user, &input.profile).await?;
        let (pen, name) = (who.pen(), input.profile.shown_name());
        inner
            .db
            .auth(who.scope(Some(user)), move |tx| {
                let (member, old) = under_change(tx, user)?;
                if version_of(&old.0, member.epoch) != version {
                    return Err(Refusal::VersionConflict.into());
                }
                if let Some(new) = &address {
                    readdress(tx, user, (&new.address, &new.sealed))?;
                }
                rows::account_name(tx, user, &name)?;
                let change = PersonChange {
                    user_name_hash: fresh.user_name_hash,
                    external_hash: fresh.external_hash,
                    profile_sealed: fresh.profile_sealed,
                    version: old.0.version.saturating_add(1),
                    updated_at: fresh.updated_at,
                };
                rows::person_update(tx, user, &change)?;
                let entry = Entry::new(Action::ScimUserUpdate, "user", user)
                    .after(json!({ "active": input.active, "address_changed": address.is_some() }));
                pen.note(tx, entry)?;
                activate(tx, &pen, user, &member, input.active)?;
                hints(tx)
            })
            .await
    }

    /// The person is shut out and not looked after any more.
    pub async fn scim_person_delete(&self, who: &Provisioner, seen: &Person) -> Outcome<()> {
        let (pen, user, version) = (who.pen(), seen.id, seen.version.clone());
        let done = self
            .inner
            .db
            .auth(who.scope(Some(user)), move |tx| {
                let (member, old) = under_change(tx, user)?;
                if version_of(&old.0, member.epoch) != version {
                    return Err(Refusal::VersionConflict.into());
                }
                activate(tx, &pen, user, &member, Some(false))?;
                rows::person_delete(tx, user)?;
                pen.note(tx, Entry::new(Action::ScimUserDelete, "user", user))?;
                hints(tx)
            })
            .await;
        if let Err(error) = done {
            let asked = (Action::ScimUserDelete, Some(user));
            return Err(self.scim_refused(who, asked, error).await);
        }
        self.forget_tenant(who.tenant);
        Ok(())
    }
}

impl Inner {
    /// `None` where the address stays.
    async fn scim_new_address(
        &self,
        tenant: TenantId,
        seen: &Person,
        profile: &Profile,
    ) -> Outcome<Option<NewAddress>> {
        let key = &self.secrets()?.index_key;
        let address = Address::new(key, tenant, profile.address())?;
        let before = Address::new(key, tenant, seen.profile.address())?;
        if before.email.as_str() == address.email.as_str() {
            return Ok(None);
        }
        let sealed = self.seal_email(seen.id, &address.email).await?;
        Ok(Some(NewAddress { address, sealed }))
    }
}

/// A provisioned person of the scope, within reach, under the tenant's lock.
fn under_change(tx: &mut AuthTx<'_>, user: UserId) -> Outcome<(Membership, PersonStanding)> {
    lock_tenant(tx)?;
    let old = rows::person(tx, user)?.ok_or(Refusal::UnknownMember)?;
    let member = reach(tx, user)?.ok_or(Refusal::UnknownMember)?;
    Ok((member, old))
}

fn create(
    tx: &mut AuthTx<'_>,
    pen: &Pen,
    (row, new_user): (PersonRow, Option<NewUser>),
    (name, active): (&str, bool),
) -> Outcome<()> {
    lock_tenant(tx)?;
    let (user, tenant) = (
        UserId::from_uuid(row.user_id),
        TenantId::from_uuid(row.tenant_id),
    );
    let member = match &new_user {
        Some(new) => {
            crate::store::user_insert(tx, new)?;
            store::person_home(tx, user, tenant)?;
            fail::fail_point!("scim_account_made");
            pen.note(tx, Entry::new(Action::UserCreate, "user", user))?;
            None
        }
        None => reach(tx, user)?,
    };
    if rows::person(tx, user)?.is_some() {
        return Err(Refusal::ScimTaken.into());
    }
    let was_member = member.is_some();
    join(tx, pen, (tenant, user), member)?;
    fail::fail_point!("scim_member_made");
    rows::person_insert(tx, &row)?;
    rows::account_name(tx, user, name)?;
    let entry = Entry::new(Action::ScimUserCreate, "user", user).after(json!({ "active": active }));
    pen.note(tx, entry)?;
    fail::fail_point!("scim_person_audited");
    let member = membership(tx, user)?.ok_or(Refusal::UnknownMember)?;
    if was_member || active {
        activate(tx, pen, user, &member, Some(active))?;
    } else {
        // Nobody is shut out, and nobody need be told.
        let waiting = Change {
            state: Some("deactivated"),
            ..Change::default()
        };
        set(tx, user, &member, waiting)?;
    }
    follow(tx, pen, Some(&BTreeSet::from([row.user_id])))?;
    hints(tx)
}

/// That the provider reads people.
fn read() -> Entry {
    Entry::new(Action::ScimRead, "member", "all").even_sealed()
}

/// A member with a member's role. Who is one already stays as they are; who was shut out comes back with
/// nothing of what they could do before.
fn join(
    tx: &mut AuthTx<'_>,
    pen: &Pen,
    (tenant, user): (TenantId, UserId),
    member: Option<Membership>,
) -> Outcome<()> {
    let roles = ["member"];
    match member {
        None => {
            crate::store::membership_insert(tx, (tenant, user), &roles, false)?;
            let entry =
                Entry::new(Action::MemberCreate, "user", user).after(json!({ "roles": roles }));
            pen.note(tx, entry)
        }
        Some(old) if old.state != "active" => {
            let change = Change {
                roles: Some(roles.map(str::to_owned).to_vec()),
                ..Change::default()
            };
            set(tx, user, &old, change)?;
            let entry = Entry::new(Action::MemberRolesMap, "user", user)
                .before(json!({ "roles": old.roles }))
                .after(json!({ "roles": roles }));
            pen.note(tx, entry)
        }
        Some(_) => Ok(()),
    }
}

/// Shuts out or lets in, where that is a change; by the verbs that administrators have.
fn activate(
    tx: &mut AuthTx<'_>,
    pen: &Pen,
    user: UserId,
    member: &Membership,
    active: Option<bool>,
) -> Outcome<()> {
    match (member.state == "active", active) {
        (true, Some(false)) => {
            let ended = deactivate(tx, user, member)?;
            let entry = Entry::new(Action::MemberDeactivate, "user", user)
                .after(json!({ "sessions_ended": ended }));
            pen.note(tx, entry)
        }
        (false, Some(true)) => {
            reactivate(tx, user, member)?;
            pen.note(tx, Entry::new(Action::MemberReactivate, "user", user))
        }
        (_, _) => Ok(()),
    }
}

fn hints(tx: &mut AuthTx<'_>) -> Outcome<()> {
    db::hint(tx, "sessions")?;
    Ok(db::hint(tx, "members")?)
}
