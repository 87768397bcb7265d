//! Rates, sizes, time-outs, the metrics listener and an orderly end (LR-44, CX-30).

use super::*;

#[tokio::test]
async fn the_eleventh_sign_in_of_a_minute_waits() {
    let (house, _) = House::set_up().await;
    let site = Site::start(house).await;
    let body = json!({"email": "nobody", "password": "x"});
    for _ in 0..10 {
        let answer = site
            .post("/session", &body)
            .header("x-forwarded-for", "203.0.113.1")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "no address");
    }
    let held = site
        .post("/session", &body)
        .header("x-forwarded-for", "203.0.113.2")
        .send()
        .await
        .unwrap();
    assert_eq!(
        held.status(),
        StatusCode::TOO_MANY_REQUESTS,
        "a header of one's own changes nothing"
    );
    assert_headers(&held);
    assert_eq!(held.headers()["retry-after"], "6");
    site.house.bed.clock.advance(chrono::TimeDelta::seconds(6));
    assert_eq!(
        site.post("/session", &body).send().await.unwrap().status(),
        StatusCode::BAD_REQUEST
    );
    site.running.stop().await;
}

/// CX-30: the site's own numbers are the ones that hold.
#[tokio::test]
async fn the_paces_of_the_configuration_are_the_ones_that_hold() {
    let (house, _) = House::set_up().await;
    let site = Site::start_with(house, |config| {
        config.sign_ins_per_minute = 2;
        config.requests_per_minute = 3;
    })
    .await;
    let body = json!({"email": "nobody", "password": "x"});
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(site.post("/session", &body).send().await.unwrap().status());
    }
    let bad = StatusCode::BAD_REQUEST;
    assert_eq!(answers, [bad, bad, StatusCode::TOO_MANY_REQUESTS]);
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(site.get("/setup").await.status());
    }
    let good = StatusCode::OK;
    assert_eq!(answers, [good, good, good, StatusCode::TOO_MANY_REQUESTS]);
    site.running.stop().await;
}

#[tokio::test]
async fn metrics_are_on_loopback_by_route_and_name_nobody() {
    let (house, _) = House::set_up().await;
    let site = Site::start(house).await;
    let (token, _) = site.sign_in().await;
    site.client
        .get(site.url("/read"))
        .bearer_auth(&token)
        .send()
        .await
        .unwrap();
    site.get("/canary-path?q=canary-query").await;
    let address = site.running.metrics_address().unwrap();
    assert!(address.ip().is_loopback());
    let text = site
        .client
        .get(format!("http://{address}/metrics"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        text.contains(
            "revkeep_http_answers_total{method=\"GET\",route=\"/read\",status=\"200\"} 1"
        ),
        "{text}"
    );
    assert!(!text.contains("canary"), "{text}");
    assert_eq!(
        site.get("/metrics").await.status(),
        StatusCode::NOT_FOUND,
        "not for people"
    );
    site.running.stop().await;
}

#[tokio::test]
async fn metrics_in_public_and_limits_of_zero_are_refused_at_start() {
    let house = House::empty().await;
    let directory = tempfile::tempdir().unwrap();
    let ca = TestCa::new().unwrap();
    let files = ca
        .leaf(&["127.0.0.1"])
        .unwrap()
        .write(directory.path(), "server")
        .unwrap();
    let mut config = config(&files);
    let start = |config: &http::Config| {
        let shared = Shared::new(
            config,
            house.identity.clone(),
            Arc::new(SystemClock),
            Arc::new(State::default()),
            prometheus::Registry::new(),
        )
        .unwrap();
        http::serve(config, None, shared, |_| ()).map(|_| ())
    };
    config.metrics_listen = Some(SocketAddr::from(([0, 0, 0, 0], 0)));
    assert!(matches!(start(&config), Err(HttpError::MetricsInPublic(_))));
    config.metrics_listen = None;
    config.request_timeout_seconds = 0;
    assert!(matches!(
        start(&config),
        Err(HttpError::Zero("request_timeout_seconds"))
    ));
    config.request_timeout_seconds = 30;
    config.private_key = PathBuf::from("/nowhere.key");
    assert!(matches!(start(&config), Err(HttpError::Certificate { .. })));
}

/// A client that never finishes its request is let go, and others are served meanwhile.
#[tokio::test]
async fn a_client_that_dawdles_is_let_go() {
    let site = Site::start(House::empty().await).await;
    let mut dawdlers = Vec::new();
    for _ in 0..20 {
        dawdlers.push(site.raw().await);
    }
    assert_eq!(site.get("/health/live").await.status(), StatusCode::OK);
    for mut dawdler in dawdlers {
        let mut heard = Vec::new();
        let ended =
            tokio::time::timeout(Duration::from_secs(20), dawdler.read_to_end(&mut heard)).await;
        assert!(ended.is_ok(), "the server closes it");
    }
    site.running.stop().await;
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_given_up() {
    let site = Site::start_with(House::empty().await, |config| {
        config.request_timeout_seconds = 1
    })
    .await;
    let late = site.get("/never").await;
    assert_eq!(late.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_headers(&late);
    let late: Value = late.json().await.unwrap();
    assert_eq!(late["code"], "timed_out");
    site.running.stop().await;
}

/// Work in hand is finished, and nothing new is taken.
#[tokio::test]
async fn a_stop_lets_the_work_in_hand_finish() {
    let site = Site::start(House::empty().await).await;
    let (url, client, address) = (
        site.url("/slow"),
        site.client.clone(),
        site.running.address(),
    );
    let working =
        tokio::spawn(async move { client.get(url).send().await.unwrap().text().await.unwrap() });
    ARRIVED.get_or_init(Notify::new).notified().await;
    let stopping = tokio::spawn(site.running.stop());
    // The listener is closed as soon as the stop begins.
    loop {
        #[expect(clippy::disallowed_methods, reason = "a stranger's socket")]
        let attempt = TcpStream::connect(address).await;
        if attempt.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(!stopping.is_finished());
    RELEASE.get_or_init(Notify::new).notify_waiters();
    assert_eq!(working.await.unwrap(), "done");
    stopping.await.unwrap();
}
