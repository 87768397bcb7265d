//! What may be asked for, and the one table that says which role may ask (LM-27 to LM-30, CX-28).
//! `tests/golden/permissions.txt` shows the table as reviewers read it.

use kernel::{Reach, Role, Roles};

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
    IntentRead = "intent_read",
    IntentDecide = "intent_decide",
    ConnectionRead = "connection_read",
    ConnectionEdit = "connection_edit",
    LayerRead = "layer_read",
    LayerEdit = "layer_edit",
    JobRead = "job_read",
    JobRetry = "job_retry",
    MemberRead = "member_read",
    MemberEdit = "member_edit" fresh_factor,
    TenantEdit = "tenant_edit" fresh_factor,
    DataRead = "data_read",
    TenantExport = "tenant_export" fresh_factor,
    TenantDelete = "tenant_delete" fresh_factor,
    PersonData = "person_data" fresh_factor,
    ApiKeyRead = "api_key_read",
    ApiKeyEdit = "api_key_edit" fresh_factor,
    SsoRead = "sso_read",
    SsoEdit = "sso_edit" fresh_factor,
    SiemRead = "siem_read",
    SiemEdit = "siem_edit" fresh_factor,
    WebhookRead = "webhook_read",
    WebhookEdit = "webhook_edit" fresh_factor,
    SigningKeyRead = "signing_key_read",
    SigningKeyRotate = "signing_key_rotate" fresh_factor,
    ApplianceSsoRead = "appliance_sso_read",
    ApplianceSsoEdit = "appliance_sso_edit" fresh_factor,
    ApplianceSiemRead = "appliance_siem_read",
    ApplianceSiemEdit = "appliance_siem_edit" fresh_factor,
    SystemRead = "system_read",
    ControlRead = "control_read",
    ControlVerify = "control_verify",
    AuditRead = "audit_read",
    AuditExport = "audit_export",
    PlatformAuditRead = "platform_audit_read",
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
            P::IntentRead,
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
            P::IntentRead,
            P::IntentDecide,
            P::ConnectionRead,
            P::ConnectionEdit,
            P::LayerRead,
            P::LayerEdit,
            P::JobRead,
            P::JobRetry,
            P::MemberRead,
            P::MemberEdit,
            P::TenantEdit,
            P::DataRead,
            P::TenantExport,
            P::TenantDelete,
            P::PersonData,
            P::ApiKeyRead,
            P::ApiKeyEdit,
            P::SsoRead,
            P::SsoEdit,
            P::SiemRead,
            P::SiemEdit,
            P::WebhookRead,
            P::WebhookEdit,
            P::AuditRead,
            P::AuditExport,
        ],
        Role::SuperAdmin => &[
            P::JobRead,
            P::JobRetry,
            P::SigningKeyRead,
            P::SigningKeyRotate,
            P::ApplianceSsoRead,
            P::ApplianceSsoEdit,
            P::ApplianceSiemRead,
            P::ApplianceSiemEdit,
            P::SystemRead,
            P::ControlRead,
            P::ControlVerify,
            P::PlatformAuditRead,
            P::TenantRead,
            P::TenantManage,
        ],
    }
}

impl Permission {
    /// Looks, and changes nothing. An organisation whose trial is over takes its own data home (CX-27).
    pub fn is_read(self) -> bool {
        self.name().ends_with("_read") || matches!(self, Self::AuditExport)
    }

    /// About the appliance and not about the tenant that the session is in.
    const fn is_platform(self) -> bool {
        matches!(
            self,
            Self::SigningKeyRead
                | Self::SigningKeyRotate
                | Self::ApplianceSsoRead
                | Self::ApplianceSsoEdit
                | Self::ApplianceSiemRead
                | Self::ApplianceSiemEdit
                | Self::SystemRead
                | Self::ControlRead
                | Self::ControlVerify
                | Self::PlatformAuditRead
                | Self::TenantRead
                | Self::TenantManage
        )
    }

    /// What a visiting super_admin never does, whoever consents (CX-33): let people, keys or rules of
    /// access in, or take the data or the log away.
    const fn is_never_support(self) -> bool {
        matches!(
            self,
            Self::MemberEdit
                | Self::TenantEdit
                | Self::TenantExport
                | Self::TenantDelete
                | Self::PersonData
                | Self::ApiKeyEdit
                | Self::SsoEdit
                | Self::SiemEdit
                | Self::WebhookEdit
                | Self::AuditExport
        )
    }

    /// What an organisation may do with its data even when its trial is over (CX-27).
    const fn is_own_data(self) -> bool {
        matches!(
            self,
            Self::TenantExport | Self::TenantDelete | Self::PersonData
        )
    }
}

/// Why a permission is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    NotPermitted,
    TrialOver,
    SupportReadOnly,
    SupportNever,
}

impl Denial {
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotPermitted => "not_permitted",
            Self::TrialOver => "trial_over",
            Self::SupportReadOnly => "support_read_only",
            Self::SupportNever => "support_never",
        }
    }

    pub const fn message(self) -> &'static str {
        match self {
            Self::NotPermitted => {
                "Your role does not permit this. An owner of the organisation can change your role."
            }
            Self::TrialOver => {
                "The trial is over, so nothing can be changed and routing rests. Everything is kept; the operator of this appliance can activate the organisation."
            }
            Self::SupportReadOnly => {
                "This visit reads only. The organisation's owner can consent to more."
            }
            Self::SupportNever => "No visitor does this, whoever consents.",
        }
    }
}

/// `None` when the roles grant the permission and reach that far at this moment.
pub fn denial(roles: &Roles, permission: Permission) -> Option<Denial> {
    let holds = |role| granted(role).contains(&permission);
    match roles.reach() {
        Reach::SupportRead | Reach::SupportWrite if !holds(Role::Admin) => {
            Some(Denial::NotPermitted)
        }
        Reach::SupportRead | Reach::SupportWrite if permission.is_never_support() => {
            Some(Denial::SupportNever)
        }
        Reach::SupportRead if !permission.is_read() => Some(Denial::SupportReadOnly),
        Reach::SupportRead | Reach::SupportWrite => None,
        Reach::Whole | Reach::TrialOver if !roles.iter().any(holds) => Some(Denial::NotPermitted),
        Reach::TrialOver
            if !permission.is_read() && !permission.is_platform() && !permission.is_own_data() =>
        {
            Some(Denial::TrialOver)
        }
        Reach::Whole | Reach::TrialOver => None,
    }
}

/// Whether the roles grant the permission, as far as they reach at this moment.
pub fn allows(roles: &Roles, permission: Permission) -> bool {
    denial(roles, permission).is_none()
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
    fn a_visitor_reads_what_an_admin_reads_and_never_lets_anybody_in() {
        let visitor = |reach| Roles::new([Role::SuperAdmin], false).within(reach);
        for permission in Permission::ALL.iter().copied() {
            let admins = granted(Role::Admin).contains(&permission);
            let reads = allows(&visitor(Reach::SupportRead), permission);
            let writes = allows(&visitor(Reach::SupportWrite), permission);
            let never = matches!(
                permission,
                Permission::MemberEdit
                    | Permission::TenantEdit
                    | Permission::TenantExport
                    | Permission::TenantDelete
                    | Permission::PersonData
                    | Permission::ApiKeyEdit
                    | Permission::SsoEdit
                    | Permission::SiemEdit
                    | Permission::WebhookEdit
                    | Permission::AuditExport
            );
            assert_eq!(
                reads,
                admins && permission.is_read() && !never,
                "{permission:?}"
            );
            assert_eq!(writes, admins && !never, "{permission:?}");
        }
        assert_eq!(
            denial(&visitor(Reach::SupportWrite), Permission::ApiKeyEdit),
            Some(Denial::SupportNever)
        );
        assert_eq!(
            denial(&visitor(Reach::SupportRead), Permission::RuleEdit),
            Some(Denial::SupportReadOnly)
        );
    }

    #[test]
    fn a_trial_that_is_over_leaves_reading_and_the_platform() {
        let roles = Roles::new([Role::Admin, Role::SuperAdmin], true).within(Reach::TrialOver);
        for permission in Permission::ALL.iter().copied() {
            let expected = permission.is_read()
                || permission.is_platform()
                || matches!(
                    permission,
                    Permission::TenantExport | Permission::TenantDelete | Permission::PersonData
                );
            assert_eq!(allows(&roles, permission), expected, "{permission:?}");
        }
    }

    #[test]
    fn nobody_in_no_role_may_do_anything() {
        assert!(permissions_of(&Roles::default()).is_empty());
        assert!(permissions_of(&Roles::new([], true)).is_empty());
    }
}
