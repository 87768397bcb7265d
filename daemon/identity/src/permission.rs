//! What may be asked for, and the one table that says which role may ask (LM-27 to LM-30, CX-28).
//! `tests/golden/permissions.txt` shows the table as reviewers read it.

use kernel::{Role, Roles};

/// A permission as a type, so that a route's signature can name it.
pub trait Permit: Send + Sync + 'static {
    const PERMISSION: Permission;
}

macro_rules! permissions {
    ($($variant:ident = $name:literal $($fresh:ident)?,)*) => {
        /// One thing that a route may require.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Permission { $($variant,)* }

        impl Permission {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Whether using it takes a factor that was proven within the last minutes, besides the
            /// role: what opens a door for others or cannot be undone.
            pub const fn needs_fresh_factor(self) -> bool {
                match self { $(Self::$variant => permissions!(@fresh $($fresh)?),)* }
            }
        }

        /// The same permissions as types: `Allowed<permit::RuleEdit>`.
        pub mod permit {
            use super::{Permission, Permit};
            $(
                pub struct $variant;
                impl Permit for $variant {
                    const PERMISSION: Permission = Permission::$variant;
                }
            )*
        }
    };
    (@fresh fresh_factor) => { true };
    (@fresh) => { false };
}

permissions! {
    OverviewRead = "overview_read",
    RuleRead = "rule_read",
    RuleEdit = "rule_edit",
    PoolRead = "pool_read",
    PoolEdit = "pool_edit",
    RouterOperate = "router_operate",
    LogRead = "log_read",
    FailureRead = "failure_read",
    FailureRetry = "failure_retry",
    ConnectionRead = "connection_read",
    ConnectionEdit = "connection_edit",
    LayerRead = "layer_read",
    LayerEdit = "layer_edit",
    JobRead = "job_read",
    JobRetry = "job_retry",
    MemberRead = "member_read",
    MemberEdit = "member_edit" fresh_factor,
    TenantEdit = "tenant_edit" fresh_factor,
    ApiKeyRead = "api_key_read",
    ApiKeyEdit = "api_key_edit" fresh_factor,
    SigningKeyRead = "signing_key_read",
    SigningKeyRotate = "signing_key_rotate" fresh_factor,
    TenantRead = "tenant_read",
    TenantManage = "tenant_manage" fresh_factor,
}

/// What a role may do. The only place that says so.
pub const fn granted(role: Role) -> &'static [Permission] {
    use Permission as P;
    match role {
        Role::Member | Role::Reviewer => &[
            P::OverviewRead,
            P::RuleRead,
            P::PoolRead,
            P::LogRead,
            P::FailureRead,
            P::LayerRead,
        ],
        Role::Admin => &[
            P::OverviewRead,
            P::RuleRead,
            P::RuleEdit,
            P::PoolRead,
            P::PoolEdit,
            P::RouterOperate,
            P::LogRead,
            P::FailureRead,
            P::FailureRetry,
            P::ConnectionRead,
            P::ConnectionEdit,
            P::LayerRead,
            P::LayerEdit,
            P::JobRead,
            P::JobRetry,
            P::MemberRead,
            P::MemberEdit,
            P::TenantEdit,
            P::ApiKeyRead,
            P::ApiKeyEdit,
        ],
        Role::SuperAdmin => &[
            P::JobRead,
            P::JobRetry,
            P::SigningKeyRead,
            P::SigningKeyRotate,
            P::TenantRead,
            P::TenantManage,
        ],
    }
}

/// Whether any held role grants the permission.
pub fn allows(roles: &Roles, permission: Permission) -> bool {
    roles.iter().any(|role| granted(role).contains(&permission))
}

/// Everything that the held roles grant together, in the order of the list.
pub fn permissions_of(roles: &Roles) -> Vec<Permission> {
    Permission::ALL
        .iter()
        .copied()
        .filter(|permission| allows(roles, *permission))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> String {
        let mut text = String::from(
            "# Which role may do what (LM-27 to LM-30, CX-28). The owner flag adds nothing here.\n# (fresh factor): besides the role it takes a second factor that was proven within the last five minutes.\n",
        );
        for permission in Permission::ALL {
            let roles: Vec<_> = Role::ALL
                .into_iter()
                .filter(|role| granted(*role).contains(permission))
                .map(Role::name)
                .collect();
            let fresh = if permission.needs_fresh_factor() {
                " (fresh factor)"
            } else {
                ""
            };
            text.push_str(&format!(
                "{}: {}{fresh}\n",
                permission.name(),
                roles.join(" ")
            ));
        }
        text
    }

    #[test]
    fn the_golden_file_shows_the_table() {
        let golden = include_str!("../../../tests/golden/permissions.txt");
        assert_eq!(
            table(),
            golden,
            "tests/golden/permissions.txt is out of date"
        );
    }

    #[test]
    fn no_role_but_admin_changes_anything_in_a_tenant() {
        for permission in Permission::ALL {
            let changes = !permission.name().ends_with("_read");
            for role in [Role::Member, Role::Reviewer] {
                assert!(
                    !(changes && granted(role).contains(permission)),
                    "{role:?} {permission:?}"
                );
            }
        }
    }

    #[test]
    fn a_super_admin_without_a_membership_reads_no_tenant_data() {
        let roles = Roles::new([Role::SuperAdmin], false);
        for permission in [
            Permission::LogRead,
            Permission::LayerRead,
            Permission::RuleRead,
        ] {
            assert!(!allows(&roles, permission));
        }
        assert!(allows(&roles, Permission::TenantManage));
    }

    #[test]
    fn nobody_in_no_role_may_do_anything() {
        assert!(permissions_of(&Roles::default()).is_empty());
        assert!(permissions_of(&Roles::new([], true)).is_empty());
    }
}
