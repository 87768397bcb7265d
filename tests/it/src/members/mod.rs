//! Members of a tenant: their roles, deactivation, ownership, and what an administrator of one tenant
//! cannot do to another's (LR-13, LM-27 to LM-29, CX-28).

mod help;
mod leaving;
mod list;
mod reach;
mod roles;
mod settings;

use chrono::TimeDelta;
use identity::{
    Grant, IdentityError, InvitationAcceptance, Member, MemberFilter, Refusal, SignIn, SignInStep,
    TenantChange,
};
use kernel::{InvitationId, Principal, Role, Secret, TenantId, UserId};

use crate::identity::{House, caller, token};

pub(crate) const PASSWORD: &str = "Canary-horse-7-battery";

/// An organisation with Ada, who owns it and is the appliance's super_admin.
pub(crate) struct Company {
    pub(crate) house: House,
    pub(crate) ada: Principal,
    pub(crate) ada_grant: Grant,
}

/// Somebody who joined.
pub(crate) struct Joined {
    pub(crate) who: Principal,
    pub(crate) grant: Grant,
}

impl Joined {
    pub(crate) fn user(&self) -> UserId {
        self.who.user().unwrap()
    }
}

impl Company {
    pub(crate) async fn open() -> Self {
        let (house, ada_grant) = House::set_up().await;
        let ada = house.who(&ada_grant).await.unwrap();
        Self {
            house,
            ada,
            ada_grant,
        }
    }

    /// The token that the invitation's mail would carry.
    pub(crate) async fn link(&self, tenant: TenantId, id: InvitationId) -> String {
        let letter = self.house.identity.invitation_letter(tenant, id).await;
        letter.unwrap().unwrap().token.expose().clone()
    }

    /// Somebody new, invited by `by` and accepted.
    pub(crate) async fn join(&self, by: &Principal, email: &str, roles: &[Role]) -> Joined {
        let identity = &self.house.identity;
        let invited = identity.invitation_create(by, email, roles.to_vec()).await;
        let token = self.link(by.tenant, invited.unwrap().id).await;
        self.accept(&token, email).await.unwrap()
    }

    pub(crate) async fn accept(&self, token: &str, name: &str) -> Result<Joined, IdentityError> {
        let input = InvitationAcceptance {
            token: token.to_owned(),
            name: name.to_owned(),
            password: Secret::new(PASSWORD.to_owned()),
        };
        let identity = &self.house.identity;
        let grant = identity
            .invitation_accept(input, &caller("192.0.2.9"))
            .await?;
        let who = self.house.who(&grant).await.unwrap();
        Ok(Joined { who, grant })
    }

    /// Another tenant with its owner.
    pub(crate) async fn other(&self, name: &str, owner: &str) -> Joined {
        let identity = &self.house.identity;
        let made = identity
            .tenant_create(&self.ada, name, owner)
            .await
            .unwrap();
        let id = self.house.rows(&format!(
            "SELECT 'inv_' || replace(invitation_id::text, '-', '') FROM invitations WHERE tenant_id = '{}'",
            made.tenant.uuid()
        ));
        let token = self.link(made.tenant, id[0].parse().unwrap()).await;
        self.accept(&token, owner).await.unwrap()
    }

    pub(crate) async fn member(&self, by: &Principal, user: UserId) -> Member {
        let identity = &self.house.identity;
        let page = identity
            .member_list(by, MemberFilter::default(), None, 200)
            .await
            .unwrap();
        page.items
            .into_iter()
            .find(|member| member.user == user)
            .unwrap()
    }

    pub(crate) async fn alive(&self, grant: &Grant) -> bool {
        self.house.who(grant).await.is_ok()
    }

    fn trail(&self, action: &str) -> Vec<String> {
        self.house.rows(&format!(
            "SELECT outcome FROM audit_log WHERE action = '{action}'"
        ))
    }
}

pub(crate) fn refused<T>(result: Result<T, IdentityError>) -> Refusal {
    match result {
        Err(IdentityError::Refused(refusal)) => refusal,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was allowed"),
    }
}
