//! The integration tests: one binary, a module per capability, each test on a database of its own.
//! The servers come from `stack`; the outside world from `simulators`.

#![cfg(test)]
#![expect(
    clippy::disallowed_methods,
    clippy::as_conversions,
    reason = "the attacks are hand-written SQL, and a handle is given as the port that it implements"
)]

mod administration;
mod api_keys;
mod audit_coverage;
mod audit_page;
mod audit_plans;
mod authorization;
mod backup;
mod backup_bucket;
mod breach_mirror;
mod canary;
mod catalogue;
mod certificate;
mod connections;
mod console_access;
mod console_api;
mod console_availability;
mod console_desk;
mod console_foreign;
mod console_lists;
mod controls;
mod crash;
mod database_tls;
mod delivery;
mod devices;
mod docs;
mod doctor;
mod erasure;
mod evidence;
mod export;
mod factor_mail;
mod factors;
mod failover;
mod figures;
mod fleet;
mod gate;
mod gateway;
mod harness;
mod http;
mod identity;
mod invitations;
mod isolation;
mod jobs;
mod keys;
mod ldap;
mod live;
mod mailroom;
mod maintenance;
mod mcp;
mod members;
mod migrations;
mod oauth;
mod org;
mod outage;
mod passkeys;
mod passwords;
mod people_mail;
mod people_plans;
mod person;
mod phone;
mod plans;
mod programs;
mod pull;
mod renewal;
mod reset;
mod restore;
mod rotation;
mod routing_command;
mod salesforce;
mod saml;
mod scim;
mod sessions_end;
mod siem;
mod sso;
mod sso_appliance;
mod sso_crash;
mod statements;
mod support_bundle;
mod system;
mod tenants;
mod verify;
mod visits;
mod webhooks;
mod zones;
