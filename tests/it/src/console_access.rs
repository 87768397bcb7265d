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
pub(crate) const PREFIXES: [(&str, &str); 25] = [
    ("/platform/tenants/", "tenant"),
    ("/audit/entries/", "audit"),
    ("/passkeys/", "passkey"),
    ("/sessions/", "session"),
    ("/pools/", "pool"),
    ("/jobs/", "job"),
    ("/exports/", "export"),
    ("/person-cases/", "case"),
    ("/reps/", "rep"),
    ("/time-off/", "timeoff"),
    ("/holiday-calendars/", "calendar"),
    ("/fields/", "field"),
    ("/assignments/", "asg"),
    ("/members/", "user"),
    ("/invitations/", "inv"),
    ("/api-keys/", "apikey"),
    ("/clients/", "client"),
    ("/grants/", "grant"),
    ("/support-visits/", "visit"),
    ("/sso/providers/", "provider"),
    ("/sso/links/", "provider"),
    ("/siem/targets/", "siem"),
    ("/webhooks/", "webhook"),
    ("/sso/scim/tokens/", "scimtoken"),
    ("/sso/scim/groups/", "group"),
];

pub(crate) struct Expected {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) access: String,
    pub(crate) roles: Vec<String>,
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
pub(crate) fn address(route: &Expected) -> String {
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
        // What takes Ada's factor away, and what ends the session that the others are asked with.
        let last = ["/me/factors/totp", "/session"];
        routes.sort_by_key(|route| {
            let gone = last.iter().position(|path| route.path == *path);
            gone.filter(|_| route.method == Method::DELETE)
                .map_or(0, |place| place + 1)
        });
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
            // It ends the session that the others are asked with.
            if route.path == "/sso/sign-out" {
                desk.become_role(role).await;
            }
        }
    }
    let _ = desk.stopper.send(true);
    desk.running.stop().await;
}

/// LM-89, CX-18: whose role asks for a factor, or whose organisation does, gets nowhere without one but
/// to their own account.
#[tokio::test]
async fn without_a_required_factor_every_permission_is_refused() {
    let mut desk = Desk::open().await;
    desk.owner("DELETE FROM totp_factors; DELETE FROM recovery_codes");
    let cases = [
        ("reviewer", false),
        ("admin", false),
        ("super_admin", false),
        ("member", true),
    ];
    for (role, for_all) in cases {
        let held = HELD.iter().find(|held| held[0] == role).unwrap();
        desk.become_role_without_factor(role, for_all).await;
        let (mut refused, mut open) = (0, 0);
        for route in expected() {
            if matches!(route.access.as_str(), "public" | "knock")
                || route.method == Method::DELETE && route.path == "/session"
                || route.path == "/sso/sign-out"
            {
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
            let place = format!("{role}: {} {}", route.method, route.path);
            if route.access == "signed_in" {
                // The stream of events never ends; its head is enough.
                assert!(
                    !matches!(status, 401 | 403 if route.path == "/session"),
                    "{place}: {status}"
                );
                open += 1;
                continue;
            }
            assert_eq!(status, 403, "{place}");
            let answer: serde_json::Value = answer.json().await.unwrap();
            let admitted = route.roles.iter().any(|role| held.contains(&role.as_str()));
            let code = if admitted {
                "factor_enrolment_required"
            } else {
                "not_permitted"
            };
            assert_eq!(answer["code"], code, "{place}");
            refused += usize::from(admitted);
        }
        assert!(
            refused > 4 && open > 5,
            "{role}: {refused} refused, {open} open"
        );
        let session = desk.get("/session").await;
        assert_eq!(session["factor"]["required"], true, "{role}");
        assert_eq!(session["factor"]["enrolled"], false, "{role}");
        assert_eq!(desk.get("/me/factors").await["prompt"], true, "{role}");
    }
    let _ = desk.stopper.send(true);
    desk.running.stop().await;
}

/// Routes that read a cookie are those that need no session; each refuses what another site's page can
/// send. Whatever needs a session takes no cookie for it.
#[tokio::test]
async fn no_cookie_acts_for_a_foreign_page() {
    let desk = Desk::open().await;
    let cookies = "__Host-revkeep-refresh=AAAA; __Host-revkeep-sign-in=AAAA";
    let (mut refused, mut deaf) = (0, 0);
    for route in expected() {
        let knock = matches!(route.access.as_str(), "public" | "knock");
        if knock && route.method == Method::GET {
            continue;
        }
        for (name, value) in [
            ("x-revkeep", "0"),
            ("origin", "https://evil.example"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let answer = desk
                .request(
                    route.method.clone(),
                    &address(&route),
                    Some(&serde_json::json!({})),
                    None,
                )
                .header("cookie", cookies)
                .headers(headers(name, value))
                .send()
                .await
                .unwrap();
            let status = answer.status().as_u16();
            let place = format!("{} {}: {name} {value}", route.method, route.path);
            assert!(!answer.headers().contains_key("set-cookie"), "{place}");
            if knock {
                let body: serde_json::Value = answer.json().await.unwrap();
                assert_eq!(
                    (status, body["code"].as_str()),
                    (403, Some("foreign_request")),
                    "{place}"
                );
                refused += 1;
            } else {
                assert_eq!(status, 401, "{place}");
                deaf += 1;
            }
        }
    }
    assert!(
        refused >= 16 && deaf > 150,
        "{refused} refused, {deaf} deaf"
    );
    desk.running.stop().await;
}

/// In place of those that the desk sends.
fn headers(name: &'static str, value: &'static str) -> reqwest::header::HeaderMap {
    let mut headers = reqwest::header::HeaderMap::new();
    headers.insert("x-revkeep", "1".parse().unwrap());
    headers.insert(name, value.parse().unwrap());
    headers
}
