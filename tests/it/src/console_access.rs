//! Every route of the console, asked as nobody and as each role (LR-13, LM-27 to LM-30). The golden
//! file says what is expected; `console` proves that the file names every route.

use reqwest::Method;

use crate::console_desk::Desk;

/// The roles that Ada holds in turn.
const HELD: [&[&str]; 4] = [
    &["member"],
    &["reviewer"],
    &["admin"],
    &["super_admin", "member"],
];

/// What the id in a path begins with.
pub(crate) const PREFIXES: [(&str, &str); 11] = [
    ("/sessions/", "session"),
    ("/pools/", "pool"),
    ("/jobs/", "job"),
    ("/reps/", "rep"),
    ("/fields/", "field"),
    ("/assignments/", "asg"),
    ("/members/", "user"),
    ("/invitations/", "inv"),
    ("/api-keys/", "apikey"),
    ("/platform/tenants/", "tenant"),
    ("/support-visits/", "visit"),
];

pub(crate) struct Expected {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) access: String,
    roles: Vec<String>,
}

pub(crate) fn expected() -> Vec<Expected> {
    include_str!("../../golden/routes.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (route, roles) = line.split_once(": ").unwrap();
            let parts: Vec<&str> = route.split(' ').collect();
            Expected {
                method: parts[0].parse().unwrap(),
                path: parts[1].to_owned(),
                access: parts[2].to_owned(),
                roles: roles.split(' ').map(str::to_owned).collect(),
            }
        })
        .collect()
}

/// An address that the pattern matches and that names nothing.
fn address(route: &Expected) -> String {
    let id = uuid::Uuid::from_u128(7).as_simple().to_string();
    let prefix = PREFIXES
        .into_iter()
        .find(|(place, _)| route.path.contains(place))
        .map_or("rule", |(_, prefix)| prefix);
    route
        .path
        .replace("{object}", "Lead")
        .replace("{record_id}", "00Q000000000007AAA")
        .replace("{id}", &format!("{prefix}_{id}"))
}

#[tokio::test]
async fn nobody_gets_past_a_door_without_a_session() {
    let desk = Desk::open().await;
    let mut closed = 0;
    for route in expected() {
        if matches!(route.access.as_str(), "public" | "knock") {
            continue;
        }
        closed += 1;
        for token in [None, Some("x"), Some("a.b.c")] {
            let answer = desk
                .send(route.method.clone(), &address(&route), None, token)
                .await;
            assert_eq!(
                answer.status().as_u16(),
                401,
                "{} {}",
                route.method,
                route.path
            );
        }
    }
    assert!(closed > 40, "only {closed} routes were tried");
    desk.running.stop().await;
}

#[tokio::test]
async fn each_role_is_admitted_where_the_table_says_and_nowhere_else() {
    let mut desk = Desk::open().await;
    for held in HELD {
        let role = held[0];
        desk.become_role(role).await;
        let mut routes = expected();
        // Ends the session that the others are asked with.
        routes.sort_by_key(|route| route.method == Method::DELETE && route.path == "/session");
        for route in routes {
            if matches!(route.access.as_str(), "public" | "knock") {
                continue;
            }
            let answer = desk
                .send(
                    route.method.clone(),
                    &address(&route),
                    None,
                    Some(&desk.token),
                )
                .await;
            let status = answer.status().as_u16();
            let admitted = route.roles.iter().any(|role| held.contains(&role.as_str()));
            let place = format!("{role}: {} {} answered {status}", route.method, route.path);
            if admitted {
                assert!(!matches!(status, 401 | 403 | 405 | 500), "{place}");
            } else {
                assert_eq!(status, 403, "{place}");
            }
        }
    }
    let _ = desk.stopper.send(true);
    desk.running.stop().await;
}
