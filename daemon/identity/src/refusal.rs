//! What identity refuses a person who is known and may ask: kinds, codes and words.

use kernel::ErrorKind;

macro_rules! refusals {
    ($($(#[$doc:meta])* $variant:ident = $kind:ident $code:literal $message:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Refusal { $($(#[$doc])* $variant,)* }

        impl Refusal {
            pub(crate) const fn kind(self) -> ErrorKind {
                match self { $(Self::$variant => ErrorKind::$kind,)* }
            }
            pub(crate) const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }
            pub(crate) const fn message(self) -> &'static str {
                match self { $(Self::$variant => $message,)* }
            }
        }
    };
}

refusals! {
    UnknownMember = NotFound "not_found" "There is no such person in this organisation.",
    UnknownThing = NotFound "not_found" "There is no such thing here.",
    LastAdmin = Conflict "last_admin" "This is the last active administrator. Make somebody else an administrator first.",
    Operator = Conflict "operator" "This person runs the appliance. Somebody else must run it before what is held of them can be erased.",
    LastOwner = Conflict "last_owner" "This person owns the organisation. Ownership must be transferred first.",
    NotOwner = Denied "not_owner" "Only the owner of the organisation may do this.",
    OwnAccount = Conflict "own_account" "Nobody does this to themselves. Ask another administrator.",
    OwnRequest = Denied "own_request" "Nobody decides their own request.",
    ProgramSession = Denied "program_session" "A program does not let another program in. Approve it in the console.",
    Deactivated = Conflict "member_deactivated" "This person is deactivated. Reactivate them first.",
    SharedAccount = Conflict "shared_account" "This account belongs to other organisations too, or runs the appliance, so its second factors are not yours to reset.",
    VersionConflict = Conflict "version_conflict" "Somebody else has changed this meanwhile. Look at it again before you change it.",
    AlreadyMember = Conflict "already_member" "This person is a member already.",
    InvitationPending = Conflict "invitation_pending" "This address has an invitation that still waits. Send it again or revoke it.",
    InvitationClosed = Conflict "invitation_closed" "This invitation was accepted or revoked.",
    /// One answer for a link that is unknown, used, revoked, too old, or somebody else's.
    InvitationInvalid = Invalid "invitation_invalid" "This invitation is not valid: it was used or revoked, is older than 7 days, or is for another address. Ask for a new one.",
    AccountExists = Conflict "account_exists" "This address has an account. Sign in with it, and open the link again.",
    SignUpOff = NotFound "sign_up_off" "Nobody signs up here by themselves. Ask an administrator for an invitation.",
    SignUpInvalid = Invalid "sign_up_invalid" "This link is not valid: it was used, or is older than a day. Sign up again.",
    ConfirmWrong = Invalid "confirm_wrong" "What was typed is not what was to be typed.",
    VisitOver = Conflict "visit_over" "This visit is over.",
    NotVisiting = Conflict "not_visiting" "This session is not on a visit.",
    OwnTenant = Conflict "own_tenant" "You are a member there. Switch to it instead.",
    TrialOver = Denied "trial_over" "The trial is over, so nothing can be changed. A provider can still shut people out.",
    ScimToken = Unauthenticated "scim_token_invalid" "This takes a valid provisioning token: this one is unknown, revoked or expired.",
    ScimOwner = Denied "scim_owner" "This is the organisation's owner, whom no provider changes. Transfer the ownership first.",
    ScimSuperAdmin = Denied "scim_super_admin" "This person has the appliance in their care, so no organisation's provider changes the account.",
    ScimLastAdmin = Denied "scim_last_admin" "This is the last active administrator, whom no provider changes. Make somebody else an administrator first.",
    ScimElsewhere = Conflict "scim_account_elsewhere" "This address has an account that is not the organisation's. Invite the person instead.",
    ScimTaken = Conflict "scim_user_exists" "This person is provisioned already.",
    ScimDomain = Invalid "scim_domain_unverified" "The mail domain of this address is not verified for the organisation.",
    ScimAddressFixed = Denied "scim_address_fixed" "The address of this account is not the organisation's to change: the person had it before, or is a member elsewhere too.",
    ScimMember = Invalid "scim_member_unknown" "A member of the group is no provisioned person.",
    ScimTooMany = Invalid "scim_too_many" "There are too many resources to look through. Filter users by userName or externalId.",
    ScimTooManyGroups = Conflict "scim_too_many_groups" "An organisation may have 2,000 provisioned groups.",
    TooManyScimTokens = Conflict "too_many_scim_tokens" "An organisation may have 20 provisioning tokens in use. Revoke one first.",
    TooManyKeys = Conflict "too_many_keys" "An organisation may have 100 keys in use. Revoke one first.",
    TooManyClients = Conflict "too_many_clients" "An organisation may have 50 programs of others in use. Revoke one first.",
    TooManyInvitations = Conflict "too_many_invitations" "An organisation may have 200 invitations that wait. Revoke some first.",
}
