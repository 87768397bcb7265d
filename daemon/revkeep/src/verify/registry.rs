//! Every live probe, by the name under which the control table calls it.

use std::pin::Pin;

use super::{
    Sight,
    probes::{appliance, database, evidence, keys, outside, rows, web},
    verdict::Verdict,
};

type Judging<'a> = Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;

#[derive(Clone, Copy)]
pub(crate) struct Probe {
    pub(crate) name: &'static str,
    pub(crate) run: for<'a> fn(&'a Sight) -> Judging<'a>,
}

macro_rules! probes {
    ($($module:ident::$name:ident,)*) => {
        pub(crate) const PROBES: &[Probe] = &[$(Probe {
            name: stringify!($name),
            run: |sight| Box::pin(async move { Verdict::settle($module::$name(sight).await) }),
        },)*];
    };
}

probes! {
    database::row_security_forced,
    database::policies_as_shipped,
    database::grants_as_shipped,
    database::functions_as_shipped,
    database::roles_without_power,
    database::owner_out_of_reach,
    database::tenants_apart,
    database::persons_apart,
    database::contexts_not_forged,
    database::worker_functions_closed,
    database::schema_fixed,
    evidence::audit_append_only,
    evidence::audit_guarded,
    evidence::audit_intact,
    evidence::audit_sealed,
    rows::sessions_capped,
    rows::password_hashes_strong,
    rows::key_hashes_strong,
    rows::reset_links_short,
    rows::invitations_short,
    rows::states_short,
    rows::tokens_sealed,
    rows::keys_sealed,
    rows::addresses_sealed,
    rows::restored_held,
    keys::sealed_in_place,
    keys::tenant_keys_turn,
    keys::opener_closed,
    keys::signing_key_young,
    keys::signing_algorithm_current,
    keys::private_key_closed,
    keys::breach_list_readable,
    web::tls_versions,
    web::plain_http_refused,
    web::certificate_days,
    web::security_headers,
    web::content_security_policy,
    web::one_origin,
    web::signed_out_refused,
    web::forged_token_refused,
    outside::egress_refuses,
    appliance::ports_closed,
    appliance::unit_confined,
    appliance::database_unread_on_the_way,
    appliance::database_without_password,
    appliance::data_services_private,
    appliance::interface_keys_young,
    appliance::tokens_renewed,
    appliance::archives_closed,
}

pub(crate) fn probe(name: &str) -> Option<Probe> {
    PROBES.iter().copied().find(|probe| probe.name == name)
}
