//! The closed list of verbs that the audit log knows. One verb keeps one name in the route, the
//! service, the audit entry and the test.

macro_rules! actions {
    ($($variant:ident = $name:literal,)*) => {
        /// What was done, or refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action { $($variant,)* }

        impl Action {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in the audit log, the journal (`REVKEEP_ACTION`) and the manual.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|action| action.name() == name)
            }
        }
    };
}

actions! {
    SetupCodeCreate = "setup_code_create",
    SetupClaim = "setup_claim",
    TenantCreate = "tenant_create",
    UserCreate = "user_create",
    SignIn = "sign_in",
    SignInRefuse = "sign_in_refuse",
    SignInChallenge = "sign_in_challenge",
    SignOut = "sign_out",
    SessionRefresh = "session_refresh",
    SessionTheft = "session_theft",
    SessionRevoke = "session_revoke",
    SessionsEnd = "sessions_end",
    PasswordChange = "password_change",
    PasswordUpgrade = "password_upgrade",
    PasswordResetAsk = "password_reset_ask",
    PasswordReset = "password_reset",
    ResetLinkCreate = "reset_link_create",
    SigningKeyRotate = "signing_key_rotate",
    DeviceGrantAsk = "device_grant_ask",
    DeviceGrantApprove = "device_grant_approve",
    DeviceGrantDeny = "device_grant_deny",
    AuthorizationApprove = "authorization_approve",
    AuthorizationDeny = "authorization_deny",
    AuthorizationRefuse = "authorization_refuse",
    AuthorizationReplay = "authorization_replay",
    TenantSwitch = "tenant_switch",
    FactorAdd = "factor_add",
    FactorRemove = "factor_remove",
    FactorRefuse = "factor_refuse",
    FactorsReset = "factors_reset",
    RecoveryCodesCreate = "recovery_codes_create",
    RecoveryCodeUse = "recovery_code_use",
    PasskeyRename = "passkey_rename",
    StepUp = "step_up",
    AccessDeny = "access_deny",
    ProfileUpdate = "profile_update",
    MemberUpdate = "member_update",
    MemberDeactivate = "member_deactivate",
    MemberReactivate = "member_reactivate",
    OwnerTransfer = "owner_transfer",
    InvitationCreate = "invitation_create",
    InvitationResend = "invitation_resend",
    InvitationRevoke = "invitation_revoke",
    InvitationAccept = "invitation_accept",
    TenantUpdate = "tenant_update",
    TenantActivate = "tenant_activate",
    TrialEnd = "trial_end",
    ExportCreate = "export_create",
    ExportFinish = "export_finish",
    ExportCancel = "export_cancel",
    ExportDownload = "export_download",
    ExportExpire = "export_expire",
    TenantDelete = "tenant_delete",
    TenantKeep = "tenant_keep",
    TenantErase = "tenant_erase",
    PersonExport = "person_export",
    PersonErase = "person_erase",
    PersonSearch = "person_search",
    PersonRead = "person_read",
    PersonClose = "person_close",
    ErasureAsk = "erasure_ask",
    ErasureWithdraw = "erasure_withdraw",
    SignUp = "sign_up",
    SignUpComplete = "sign_up_complete",
    VisitEnter = "visit_enter",
    VisitConsent = "visit_consent",
    VisitEnd = "visit_end",
    VisitLeave = "visit_leave",
    ApiKeyCreate = "api_key_create",
    ApiKeyRevoke = "api_key_revoke",
    BreakGlass = "break_glass",
    ProviderCreate = "provider_create",
    ProviderUpdate = "provider_update",
    ProviderDelete = "provider_delete",
    DomainAdd = "domain_add",
    DomainRemove = "domain_remove",
    DomainVerify = "domain_verify",
    SsoOnlySet = "sso_only_set",
    ApplianceSsoAllow = "appliance_sso_allow",
    IdentityLink = "identity_link",
    IdentityUnlink = "identity_unlink",
    IdentityProve = "identity_prove",
    MemberCreate = "member_create",
    MemberRolesMap = "member_roles_map",
    ScimTokenCreate = "scim_token_create",
    ScimTokenRevoke = "scim_token_revoke",
    ScimUserCreate = "scim_user_create",
    ScimUserUpdate = "scim_user_update",
    ScimUserDelete = "scim_user_delete",
    ScimGroupCreate = "scim_group_create",
    ScimGroupUpdate = "scim_group_update",
    ScimGroupDelete = "scim_group_delete",
    ScimGroupMap = "scim_group_map",
    ConnectionConfigure = "connection_configure",
    ConnectionAuthorize = "connection_authorize",
    ConnectionRefresh = "connection_refresh",
    ConnectionBreak = "connection_break",
    ConnectionDisconnect = "connection_disconnect",
    ConnectionRevoke = "connection_revoke",
    FieldAdd = "field_add",
    FieldRemove = "field_remove",
    RouterConfigure = "router_configure",
    RouterActivate = "router_activate",
    RouterPause = "router_pause",
    RouterSwitchOff = "router_switch_off",
    RuleCreate = "rule_create",
    RuleUpdate = "rule_update",
    RuleDelete = "rule_delete",
    RuleReorder = "rule_reorder",
    PoolCreate = "pool_create",
    PoolUpdate = "pool_update",
    PoolDelete = "pool_delete",
    RepSync = "rep_sync",
    RepSyncAsk = "rep_sync_ask",
    RepUpdate = "rep_update",
    RepAvailabilityUpdate = "rep_availability_update",
    TimeOffAdd = "time_off_add",
    TimeOffRemove = "time_off_remove",
    TimeOffImport = "time_off_import",
    HolidayCalendarCreate = "holiday_calendar_create",
    HolidayCalendarUpdate = "holiday_calendar_update",
    HolidayCalendarDelete = "holiday_calendar_delete",
    RecordBaseline = "record_baseline",
    RecordAssign = "record_assign",
    RecordFail = "record_fail",
    RecordRetry = "record_retry",
    RecordReconcile = "record_reconcile",
    JobRetry = "job_retry",
    JobDiscard = "job_discard",
    MailSend = "mail_send",
    MailSettingsUpdate = "mail_settings_update",
    CertificateRenew = "certificate_renew",
    CertificateReload = "certificate_reload",
    KeyRotate = "key_rotate",
    KeyRewrap = "key_rewrap",
    RecoveryKeyCreate = "recovery_key_create",
    SecretSet = "secret_set",
    MemberRead = "member_read",
    InvitationRead = "invitation_read",
    ApiKeyRead = "api_key_read",
    SigningKeyRead = "signing_key_read",
    ScimTokenRead = "scim_token_read",
    ScimRead = "scim_read",
    CrmRead = "crm_read",
    AuditRead = "audit_read",
    AuditExport = "audit_export",
    AuditPull = "audit_pull",
    AuditVerify = "audit_verify",
    ControlsVerify = "controls_verify",
    AuditPrune = "audit_prune",
    ApplianceRestore = "appliance_restore",
    ApplianceResume = "appliance_resume",
    BackupCreate = "backup_create",
    BackupRehearse = "backup_rehearse",
    SiemTargetCreate = "siem_target_create",
    SiemTargetUpdate = "siem_target_update",
    SiemTargetDelete = "siem_target_delete",
    SiemTargetTest = "siem_target_test",
}

#[cfg(test)]
mod tests {
    use super::Action;

    #[test]
    fn no_two_actions_share_a_name() {
        let mut names: Vec<_> = Action::ALL.iter().map(|action| action.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Action::ALL.len());
    }
}
