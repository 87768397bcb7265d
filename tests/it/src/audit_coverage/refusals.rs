//! What was not permitted is on record as well, for every route: of whoever is known, an entry of its own; of
//! nobody known, one for each route and minute.

use std::collections::BTreeSet;

use kernel::RequestId;
use reqwest::Method;
use serde_json::json;

use crate::{
    console_access::{address, expected},
    console_desk::Desk,
};

#[tokio::test]
async fn what_a_role_may_not_do_is_refused_and_on_record() {
    let mut desk = Desk::open().await;
    desk.become_role("member").await;
    let mut refused = BTreeSet::new();
    for route in expected() {
        let place = format!("{} {}", route.method, route.path);
        let open = matches!(route.access.as_str(), "public" | "knock");
        if open || route.roles.iter().any(|role| role == "member") {
            continue;
        }
        let path = address(&route);
        let answer = desk.send(route.method.clone(), &path, None, Some(&desk.token));
        let answer = answer.await;
        assert_eq!(answer.status().as_u16(), 403, "{place}");
        let id: RequestId = answer.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        refused.insert((id.uuid().to_string(), route.access));
    }
    assert!(refused.len() > 100, "only {} were tried", refused.len());
    let told: BTreeSet<(String, String)> = desk
        .rows(
            "SELECT request_id || ' ' || resource_id FROM audit_log WHERE action = 'access_deny' AND outcome = 'refused' \
             AND actor_kind = 'human' AND resource_type = 'permission' AND code = 'not_permitted' AND origin_sealed IS NOT NULL",
        )
        .into_iter()
        .map(|row| {
            let (request, permission) = row.split_once(' ').unwrap();
            (request.to_owned(), permission.to_owned())
        })
        .collect();
    assert_eq!(told, refused);
    desk.running.stop().await;
}

#[tokio::test]
async fn whoever_is_not_known_is_counted_for_every_route() {
    let desk = Desk::open().await;
    let mut asked = BTreeSet::new();
    for route in expected() {
        if route.method == Method::GET {
            continue;
        }
        let request = desk.request(
            route.method.clone(),
            &address(&route),
            Some(&json!({})),
            None,
        );
        let foreign = request.header("origin", "https://evil.example");
        let status = foreign.send().await.unwrap().status().as_u16();
        assert!(
            matches!(status, 401 | 403),
            "{} {}",
            route.method,
            route.path
        );
        asked.insert(format!("{} /api/console/v1{}", route.method, route.path));
    }
    for route in console::scim::routes().list() {
        let method: Method = route.method.as_str().parse().unwrap();
        let path = format!("/scim/v2{}", route.path);
        let there = path.replace("{id}", "user_00000000000000000000000000000007");
        let answer = desk.outside(method, &there).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 401, "{path}");
        asked.insert(format!("{} {path}", route.method));
    }
    desk.shared.knocks_note().await.unwrap();
    let told: BTreeSet<String> = desk
        .rows(
            "SELECT resource_id FROM audit_log WHERE action = 'access_deny' AND outcome = 'refused' \
             AND resource_type = 'route' AND code IS NOT NULL AND origin_sealed IS NOT NULL",
        )
        .into_iter()
        .collect();
    assert_eq!(told, asked);
    desk.running.stop().await;
}
