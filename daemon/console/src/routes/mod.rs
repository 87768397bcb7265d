//! The API's routes, a module per domain.

mod absences;
mod account;
mod api_keys;
mod assignments;
mod audit;
mod audit_export;
mod authorization;
mod availability;
mod clients;
mod connections;
mod consents;
mod controls;
mod data;
mod deletion;
mod device;
mod events;
mod factors;
mod failures;
mod intents;
mod invitations;
mod jobs;
mod layer;
mod members;
mod overview;
mod own_data;
mod password;
mod people_cases;
mod pools;
mod records;
mod reps;
mod routers;
mod rules;
mod scim;
mod session;
mod setup;
mod siem;
mod signing_keys;
mod sso;
mod sso_appliance;
mod sso_providers;
mod step_up;
mod system;
mod tenants;
mod territories;
mod titles;
mod versions;
mod webhooks;

use http::Routes;

/// The provider of the routing connection.
const PROVIDER: &str = "salesforce";

/// The limit of a page in the domains' own type.
fn rows(limit: i64) -> u16 {
    u16::try_from(limit).unwrap_or(u16::MAX)
}

/// Every route of the console, with what it requires.
pub fn all() -> Routes {
    entrance()
        .and(absences::routes())
        .and(account::routes())
        .and(authorization::routes())
        .and(consents::routes())
        .and(clients::routes())
        .and(device::routes())
        .and(signing_keys::routes())
        .and(controls::routes())
        .and(system::routes())
        .and(overview::routes())
        .and(own_data::routes())
        .and(people_cases::routes())
        .and(connections::routes())
        .and(layer::routes())
        .and(reps::routes())
        .and(availability::routes())
        .and(pools::routes())
        .and(routers::routes())
        .and(rules::routes())
        .and(assignments::routes())
        .and(failures::routes())
        .and(intents::routes())
        .and(records::routes())
        .and(jobs::routes())
        .and(audit::routes())
        .and(members::routes())
        .and(invitations::routes())
        .and(tenants::routes())
        .and(versions::routes())
        .and(territories::routes())
        .and(data::routes())
        .and(deletion::routes())
        .and(deletion::entrance())
        .and(api_keys::routes())
        .and(events::routes())
        .and(sso::routes())
        .and(sso_providers::routes())
        .and(sso_appliance::routes())
        .and(scim::routes())
        .and(siem::routes())
        .and(webhooks::routes())
}

/// Set-up and sign-in: what there is before anyone is inside. Needs `http::Shared` alone.
pub fn entrance() -> Routes {
    Routes::new()
        .and(setup::routes())
        .and(session::routes())
        .and(step_up::routes())
        .and(factors::routes())
        .and(password::routes())
        .and(invitations::entrance())
}

#[cfg(test)]
mod tests {
    use http::{Access, Route};
    use kernel::Role;

    /// A route, what it requires, and whom it therefore admits.
    fn line(route: &Route) -> String {
        let (access, admitted) = match route.access {
            Access::Public => ("public", vec!["everyone"]),
            Access::Knock => ("knock", vec!["everyone"]),
            Access::Client => ("client", vec!["everyone"]),
            Access::Provisioner => ("provisioner", vec!["provider"]),
            Access::Program(scope) => (scope, vec!["program"]),
            Access::Grant => ("grant", vec!["program"]),
            Access::SignedIn => ("signed_in", Role::ALL.map(Role::name).to_vec()),
            Access::Permission(permission) => {
                let held = Role::ALL
                    .into_iter()
                    .filter(|role| identity::granted(*role).contains(&permission));
                (permission.name(), held.map(Role::name).collect())
            }
        };
        format!(
            "{} {} {access}: {}",
            route.method,
            route.path,
            admitted.join(" ")
        )
    }

    /// The integration tests walk the same file and ask as each role.
    #[test]
    fn the_golden_file_shows_every_route_and_whom_it_admits() {
        let mut lines: Vec<String> = super::all().list().iter().map(line).collect();
        lines.sort_by_key(|line| line.split(' ').nth(1).map(str::to_owned));
        let text = format!(
            "# Every route below /api/console/v1: what it requires, and the roles that have it.\n{}\n",
            lines.join("\n")
        );
        let golden = include_str!("../../../../tests/golden/routes.txt");
        assert_eq!(text, golden, "tests/golden/routes.txt is out of date");
    }

    /// No route without a pace (CX-30). `REVKEEP_BLESS=1` writes the list anew.
    #[test]
    fn the_golden_file_shows_the_rate_class_of_every_route() {
        let mut lines: Vec<String> = super::all()
            .list()
            .iter()
            .map(|route| {
                let class = route.access.rate_class().name();
                format!("{} {} {class}", route.path, route.method)
            })
            .collect();
        lines.sort_unstable();
        let text = format!(
            "# Every route below /api/console/v1 and whose bucket it is charged to: sign_in and network are the\n# network's (server.sign_ins_per_minute, server.requests_per_minute), person is the person's.\n{}\n",
            lines.join("\n")
        );
        #[expect(clippy::disallowed_methods, reason = "a switch of the test itself")]
        if std::env::var("REVKEEP_BLESS").is_ok() {
            let file = concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../tests/golden/rate-classes.txt"
            );
            std::fs::write(file, &text).unwrap();
            return;
        }
        let golden = include_str!("../../../../tests/golden/rate-classes.txt");
        assert_eq!(text, golden, "tests/golden/rate-classes.txt is out of date");
    }

    /// What may be done without a session. A new line here is a decision.
    #[test]
    fn only_these_routes_are_open() {
        let open: Vec<String> = super::all()
            .list()
            .iter()
            .filter(|route| !matches!(route.access, Access::SignedIn | Access::Permission(_)))
            .map(|route| format!("{} {} {:?}", route.method, route.path, route.access))
            .collect();
        assert_eq!(
            open,
            [
                "GET /setup Public",
                "POST /setup Knock",
                "POST /session Knock",
                "POST /session/refresh Public",
                "POST /session/factor Knock",
                "POST /session/passkey/begin Knock",
                "POST /session/passkey Knock",
                "GET /sign-in/options Public",
                "POST /password/strength Public",
                "POST /password/reset Knock",
                "POST /password/reset/complete Knock",
                "POST /invitations/look Knock",
                "POST /invitations/accept Knock",
                "POST /sign-up Knock",
                "POST /sign-up/complete Knock",
                "POST /erasures/look Knock",
                "POST /sign-in/discover Public",
                "POST /sso/start Knock",
                "POST /sso/oidc/complete Knock",
                "POST /sso/saml/complete Knock",
                "POST /sso/ldap/sign-in Knock",
            ]
        );
    }

    #[test]
    fn no_route_is_listed_twice() {
        let mut seen = std::collections::BTreeSet::new();
        for route in super::all().list() {
            assert!(
                seen.insert(format!("{} {}", route.method, route.path)),
                "{route:?}"
            );
        }
    }
}
