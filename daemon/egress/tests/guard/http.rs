//! HTTP through the guard, with the attacks that it exists for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::world::{Names, World, answering, listener, read_request, tls_server};
use egress::{Egress, EgressError, Method, Purpose, Request, Response};
use kernel::Secret;
use tokio::io::AsyncWriteExt as _;

async fn get(egress: &Egress, url: &str) -> Result<Response, EgressError> {
    egress
        .http(Purpose::Salesforce)
        .send(Request::new(Method::Get, url))
        .await
}

#[tokio::test]
async fn a_declared_endpoint_answers_over_one_connection() {
    let world = World::new();
    let (port, connections) = tls_server(world.acceptor(&["localhost"]), async |mut stream| {
        while let Some(request) = read_request(&mut stream).await {
            let head = format!(
                "HTTP/1.1 201 Created\r\nX-Seen: yes\r\nContent-Length: {}\r\n\r\n",
                request.len()
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
        }
    })
    .await;
    let http = world
        .egress(&[format!("localhost:{port}")])
        .http(Purpose::Salesforce);
    for _ in 0..3 {
        let request = Request::new(Method::Patch, format!("https://localhost:{port}/a?b=c"))
            .bearer(&Secret::new(String::from("token")))
            .form(&[("grant type", "a&b")]);
        let answer = http.send(request).await.unwrap();
        assert_eq!((answer.status, answer.header("x-seen")), (201, Some("yes")));
        let echoed = String::from_utf8_lossy(answer.body()).into_owned();
        assert!(echoed.starts_with("PATCH /a?b=c HTTP/1.1\r\n"), "{echoed}");
        assert!(
            echoed.contains("authorization: Bearer token\r\n"),
            "{echoed}"
        );
        assert!(echoed.ends_with("\r\n\r\ngrant+type=a%26b"), "{echoed}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_declared_address_is_contacted_by_that_address_alone() {
    let world = World::new();
    let acceptor = world.acceptor(&["127.0.0.1", "localhost"]);
    let (port, connections) = tls_server(acceptor, async |mut stream| {
        read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    })
    .await;
    let egress = world.egress(&[format!("127.0.0.1:{port}")]);
    assert_eq!(
        get(&egress, &format!("https://127.0.0.1:{port}/"))
            .await
            .unwrap()
            .status,
        204
    );
    // Another notation of the declared address is that address; another name for it is not.
    assert_eq!(
        get(&egress, &format!("https://0x7f.1:{port}/"))
            .await
            .unwrap()
            .status,
        204
    );
    let seen = connections.load(Ordering::SeqCst);
    for host in ["localhost", "127.0.0.2", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        let error = get(&egress, &format!("https://{host}:{port}/"))
            .await
            .unwrap_err();
        assert!(
            matches!(error, EgressError::Refused { .. }),
            "{host}: {error:?}"
        );
    }
    assert_eq!(connections.load(Ordering::SeqCst), seen);
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_before_anything_is_sent() {
    let world = World::new();
    for addresses in [
        &["127.0.0.1"][..],
        &["10.0.0.1"],
        &["169.254.169.254"],
        &["100.64.0.1"],
        &["::1"],
        &["::ffff:192.168.0.1"],
        &["64:ff9b::a00:1"],
        &["1.1.1.1", "10.0.0.1"],
        &["2606:4700::1111", "fd00:ec2::254"],
    ] {
        let names = Names::default().answer("crm.example.com", &[addresses]);
        let egress = Egress::with_resolver(world.config(&[]), Arc::new(names)).unwrap();
        let error = get(&egress, "https://crm.example.com/").await.unwrap_err();
        assert!(
            matches!(error, EgressError::Refused { .. }),
            "{addresses:?}: {error:?}"
        );
        assert!(error.nothing_sent());
    }
}

#[tokio::test]
async fn a_declared_name_never_leads_to_metadata() {
    let world = World::new();
    let names = Names::default().answer("idp.corp", &[&["169.254.169.254"]]);
    let declared = [String::from("idp.corp:443")];
    let egress = Egress::with_resolver(world.config(&declared), Arc::new(names)).unwrap();
    let error = get(&egress, "https://idp.corp/").await.unwrap_err();
    assert!(matches!(error, EgressError::Refused { .. }), "{error:?}");
}

#[tokio::test]
async fn a_name_is_resolved_once_for_a_connection_and_checked_again_for_the_next() {
    let world = World::new();
    let (port, connections) = tls_server(world.acceptor(&["app.corp"]), async |mut stream| {
        read_request(&mut stream).await;
        let answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        let _ = stream.shutdown().await;
    })
    .await;
    // A second look between the check and the connection would be given the metadata address.
    let names =
        Arc::new(Names::default().answer("app.corp", &[&["127.0.0.1"], &["169.254.169.254"]]));
    let declared = [format!("app.corp:{port}")];
    let egress = Egress::with_resolver(world.config(&declared), names.clone()).unwrap();
    let url = format!("https://app.corp:{port}/");
    assert_eq!(get(&egress, &url).await.unwrap().status, 200);
    assert_eq!(names.asked.load(Ordering::SeqCst), 1);

    let error = get(&egress, &url).await.unwrap_err();
    assert!(matches!(error, EgressError::Refused { .. }), "{error:?}");
    assert_eq!(names.asked.load(Ordering::SeqCst), 2);
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_answer_without_end_is_cut_at_the_limit() {
    let world = World::new();
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let (port, _) = tls_server(world.acceptor(&["localhost"]), move |mut stream| {
        let counter = Arc::clone(&counter);
        async move {
            read_request(&mut stream).await;
            let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            stream.write_all(head).await.unwrap();
            let chunk = [b"2000\r\n".as_slice(), &[b'x'; 0x2000], b"\r\n"].concat();
            while stream.write_all(&chunk).await.is_ok() {
                counter.fetch_add(0x2000, Ordering::SeqCst);
            }
        }
    })
    .await;
    let egress = world.egress(&[format!("localhost:{port}")]);
    let request = Request::new(Method::Get, format!("https://localhost:{port}/"))
        .most_response_bytes(100_000);
    let error = egress
        .http(Purpose::Salesforce)
        .send(request)
        .await
        .unwrap_err();
    assert!(
        matches!(error, EgressError::TooLarge { limit: 100_000, .. }),
        "{error:?}"
    );
    assert!(!error.nothing_sent());
    assert!(sent.load(Ordering::SeqCst) < 16 << 20);
}

#[tokio::test]
async fn a_mute_server_is_a_time_out_in_doubt() {
    let world = World::new();
    let (port, _) = tls_server(world.acceptor(&["localhost"]), async |mut stream| {
        read_request(&mut stream).await;
        std::future::pending::<()>().await;
    })
    .await;
    let egress = world.egress(&[format!("localhost:{port}")]);
    let request = Request::new(Method::Patch, format!("https://localhost:{port}/"))
        .timeout(Duration::from_millis(300));
    let error = egress
        .http(Purpose::Salesforce)
        .send(request)
        .await
        .unwrap_err();
    assert!(matches!(error, EgressError::Timeout { .. }), "{error:?}");
    assert!(!error.nothing_sent());
}

#[tokio::test]
async fn a_connection_cut_after_the_request_is_in_doubt() {
    for answer in ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"] {
        let world = World::new();
        let (port, _) = tls_server(world.acceptor(&["localhost"]), async move |mut stream| {
            read_request(&mut stream).await;
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        })
        .await;
        let egress = world.egress(&[format!("localhost:{port}")]);
        let error = get(&egress, &format!("https://localhost:{port}/"))
            .await
            .unwrap_err();
        assert!(
            matches!(error, EgressError::Cut { .. }),
            "{answer:?}: {error:?}"
        );
        assert!(!error.nothing_sent());
    }
}

#[tokio::test]
async fn what_fails_before_the_request_left_says_so() {
    let world = World::new();
    let closed = stack::ports::free().unwrap();
    let egress = world.egress(&[format!("localhost:{closed}")]);
    let error = get(&egress, &format!("https://localhost:{closed}/"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, EgressError::Connect { .. }) && error.nothing_sent(),
        "{error:?}"
    );

    let stranger = World::new();
    let (port, _) = tls_server(stranger.acceptor(&["localhost"]), async |_| ()).await;
    let egress = world.egress(&[format!("localhost:{port}")]);
    let error = get(&egress, &format!("https://localhost:{port}/"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, EgressError::Tls { .. }) && error.nothing_sent(),
        "{error:?}"
    );

    let (port, _) = tls_server(world.acceptor(&["other.example"]), async |_| ()).await;
    let egress = world.egress(&[format!("localhost:{port}")]);
    let error = get(&egress, &format!("https://localhost:{port}/"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, EgressError::Tls { .. }) && error.nothing_sent(),
        "{error:?}"
    );

    let (plain, port) = listener().await;
    tokio::spawn(async move {
        let (mut stream, _) = plain.accept().await.unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
    });
    let egress = world.egress(&[format!("localhost:{port}")]);
    let error = get(&egress, &format!("https://localhost:{port}/"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, EgressError::Tls { .. }) && error.nothing_sent(),
        "{error:?}"
    );

    let names = Arc::new(Names::default());
    let egress = Egress::with_resolver(world.config(&[]), names).unwrap();
    let error = get(&egress, "https://nowhere.example.com/")
        .await
        .unwrap_err();
    assert!(
        matches!(error, EgressError::Resolve { .. }) && error.nothing_sent(),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_header_cannot_smuggle_another() {
    let (egress, url, requests, _world) =
        answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    for (name, value) in [
        ("x-a", "1\r\nx-b: 2"),
        ("x a", "1"),
        ("x-a\r\nx-b", "1"),
        ("x", "\0"),
    ] {
        let request = Request::new(Method::Get, &*url).header(name, value);
        let error = egress
            .http(Purpose::Salesforce)
            .send(request)
            .await
            .unwrap_err();
        assert!(matches!(error, EgressError::Invalid(_)), "{error:?}");
    }
    assert_eq!(requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn no_error_and_no_debug_print_shows_a_url_or_a_token() {
    let world = World::new();
    let closed = stack::ports::free().unwrap();
    let egress = world.egress(&[format!("localhost:{closed}")]);
    let secret = Secret::new(String::from("canary-token"));
    let request = Request::new(
        Method::Get,
        format!("https://localhost:{closed}/canary-path?canary"),
    )
    .bearer(&secret)
    .body("text/plain", b"canary-body".to_vec());
    let printed = format!("{request:?}");
    let error = egress
        .http(Purpose::Salesforce)
        .send(request)
        .await
        .unwrap_err();
    for text in [printed, format!("{error} {error:?}")] {
        assert!(!text.contains("canary"), "{text}");
    }
}
