//! Mail through the guard, with servers that misbehave.

use std::sync::{Arc, Mutex};

use crate::world::{World, listener, read_request};
use egress::{EgressError, Login, Security, SmtpError, SmtpServer};
use kernel::Secret;
use lettre::Message;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio_rustls::TlsAcceptor;

/// What the server heard, line by line, with `c:` before what came in the clear.
type Heard = Arc<Mutex<Vec<String>>>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Good,
    NoStarttls,
    /// Appends a reply to the consent to STARTTLS, in the clear.
    Inject,
    RefuseRecipient,
    Busy,
    /// Closes when it has the whole message, without a word.
    CutAfterMessage,
    CutBeforeMessage,
}

fn message() -> Message {
    Message::builder()
        .from("revkeep@example.com".parse().unwrap())
        .to("admin@example.com".parse().unwrap())
        .subject("A digest")
        .body(String::from("Two records failed.\r\n.hidden dot\r\n"))
        .unwrap()
}

/// Speaks SMTP until the client leaves; true when the client asked for TLS and got consent.
async fn converse<S>(
    stream: &mut S,
    manner: Manner,
    heard: &Heard,
    clear: bool,
    greet: bool,
) -> bool
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut stream = BufReader::new(stream);
    if greet {
        stream.write_all(b"220 mail.test ESMTP\r\n").await.unwrap();
    }
    let mut line = String::new();
    while stream.read_line(&mut line).await.unwrap_or(0) > 0 {
        let said = std::mem::take(&mut line);
        heard.lock().unwrap().push(format!(
            "{}{}",
            if clear { "c:" } else { "" },
            said.trim_end()
        ));
        let verb = said
            .split([' ', '\r'])
            .next()
            .unwrap_or_default()
            .to_uppercase();
        let reply = match (verb.as_str(), manner) {
            ("EHLO", Manner::NoStarttls) => "250-mail.test\r\n250 AUTH PLAIN\r\n",
            ("EHLO", _) if clear => "250-mail.test\r\n250 STARTTLS\r\n",
            ("EHLO", _) => "250-mail.test\r\n250 AUTH PLAIN LOGIN\r\n",
            ("STARTTLS", Manner::Inject) => "220 go\r\n250 trust me\r\n",
            ("STARTTLS", _) => "220 go\r\n",
            ("AUTH", _) => "235 welcome\r\n",
            ("RCPT", Manner::RefuseRecipient) => "550 no such user admin@example.com\r\n",
            ("RCPT", Manner::CutBeforeMessage) => return false,
            ("MAIL", Manner::Busy) => "451 try later\r\n",
            ("DATA", _) => "354 go ahead\r\n",
            ("QUIT", _) => "221 bye\r\n",
            (_, _) => "250 fine\r\n",
        };
        stream.write_all(reply.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        if verb == "STARTTLS" {
            return true;
        }
        if verb == "DATA" {
            let mut content = String::new();
            while !content.ends_with("\r\n.\r\n")
                && stream.read_line(&mut content).await.unwrap() > 0
            {}
            heard.lock().unwrap().push(content);
            if manner == Manner::CutAfterMessage {
                return false;
            }
            stream.write_all(b"250 taken\r\n").await.unwrap();
            stream.flush().await.unwrap();
        }
    }
    false
}

/// A mail server of that manner; TLS from the first byte, or by STARTTLS.
async fn mail_server(acceptor: TlsAcceptor, manner: Manner, implicit: bool) -> (u16, Heard) {
    let (listener, port) = listener().await;
    let heard = Heard::default();
    let ears = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            if implicit {
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    converse(&mut stream, manner, &ears, false, true).await;
                }
            } else if converse(&mut stream, manner, &ears, true, true).await
                && let Ok(mut stream) = acceptor.accept(stream).await
            {
                converse(&mut stream, manner, &ears, false, false).await;
            }
        }
    });
    (port, heard)
}

async fn send(
    world: &World,
    manner: Manner,
    security: Security,
) -> (Result<(), SmtpError>, Vec<String>) {
    let acceptor = world.acceptor(&["localhost"]);
    let (port, heard) = mail_server(acceptor, manner, security == Security::Tls).await;
    let result = send_to(world, port, security).await;
    let heard = heard.lock().unwrap().clone();
    (result, heard)
}

async fn send_to(world: &World, port: u16, security: Security) -> Result<(), SmtpError> {
    let endpoint = format!("localhost:{port}");
    let login = Login {
        user: String::from("revkeep"),
        password: Secret::new(String::from("pw")),
    };
    let server = SmtpServer {
        endpoint: endpoint.parse().unwrap(),
        security,
        login: (security != Security::None).then_some(login),
        own_name: String::from("revkeep.test"),
    };
    world
        .egress(&[endpoint])
        .smtp(server)
        .send(&message())
        .await
}

#[tokio::test]
async fn a_mail_arrives_whole_under_tls() {
    for security in [Security::Starttls, Security::Tls] {
        let (result, heard) = send(&World::new(), Manner::Good, security).await;
        result.unwrap();
        let clear: Vec<_> = heard.iter().filter(|line| line.starts_with("c:")).collect();
        let expected: &[&str] = match security {
            Security::Starttls => &["c:EHLO revkeep.test", "c:STARTTLS"],
            _ => &[],
        };
        assert_eq!(clear, expected);
        assert!(
            heard.contains(&String::from("MAIL FROM:<revkeep@example.com>")),
            "{heard:?}"
        );
        assert!(
            heard.contains(&String::from("RCPT TO:<admin@example.com>")),
            "{heard:?}"
        );
        assert!(
            heard.iter().any(|line| line.starts_with("AUTH PLAIN ")),
            "{heard:?}"
        );
        let content = heard
            .iter()
            .find(|line| line.contains("Subject: A digest"))
            .unwrap();
        assert!(
            content.contains("Two records failed.\r\n..hidden dot"),
            "{content}"
        );
    }
}

#[tokio::test]
async fn mail_in_the_clear_stays_on_this_machine() {
    let (result, heard) = send(&World::new(), Manner::Good, Security::None).await;
    result.unwrap();
    assert!(
        heard
            .iter()
            .any(|line| line.contains("Two records failed.")),
        "{heard:?}"
    );
}

#[tokio::test]
async fn no_password_is_spoken_in_the_clear() {
    let (result, heard) = send(&World::new(), Manner::NoStarttls, Security::Starttls).await;
    assert!(
        matches!(result, Err(SmtpError::Unsupported(_))),
        "{result:?}"
    );
    assert_eq!(heard, ["c:EHLO revkeep.test"]);
}

#[tokio::test]
async fn a_reply_smuggled_in_before_tls_ends_the_conversation() {
    let (result, heard) = send(&World::new(), Manner::Inject, Security::Starttls).await;
    assert!(
        matches!(result, Err(SmtpError::Broken { step: "STARTTLS" })),
        "{result:?}"
    );
    assert!(!heard.iter().any(|line| line.contains("AUTH")), "{heard:?}");
}

#[tokio::test]
async fn a_server_with_a_strange_certificate_gets_no_mail() {
    let (ours, stranger) = (World::new(), World::new());
    for security in [Security::Starttls, Security::Tls] {
        let acceptor = stranger.acceptor(&["localhost"]);
        let (port, heard) = mail_server(acceptor, Manner::Good, security == Security::Tls).await;
        let error = send_to(&ours, port, security).await.unwrap_err();
        assert!(
            matches!(error, SmtpError::Connection(EgressError::Tls { .. })),
            "{error:?}"
        );
        assert!(error.nothing_sent());
        assert!(
            !heard
                .lock()
                .unwrap()
                .iter()
                .any(|line| line.contains("AUTH"))
        );
    }
}

#[tokio::test]
async fn a_refusal_is_for_now_or_for_good_and_its_words_are_not_repeated() {
    let (result, _) = send(&World::new(), Manner::RefuseRecipient, Security::Tls).await;
    let error = result.unwrap_err();
    assert!(
        matches!(
            error,
            SmtpError::Refused {
                step: "the recipient",
                code: 550
            }
        ),
        "{error:?}"
    );
    assert!(error.is_permanent() && error.nothing_sent());
    assert!(!format!("{error} {error:?}").contains('@'));

    let (result, _) = send(&World::new(), Manner::Busy, Security::Tls).await;
    let error = result.unwrap_err();
    assert!(
        matches!(error, SmtpError::Refused { code: 451, .. }),
        "{error:?}"
    );
    assert!(!error.is_permanent() && error.nothing_sent());
}

#[tokio::test]
async fn a_cut_before_the_message_sent_nothing_and_one_after_it_is_in_doubt() {
    let (result, _) = send(&World::new(), Manner::CutBeforeMessage, Security::Tls).await;
    let error = result.unwrap_err();
    assert!(
        matches!(error, SmtpError::Broken { .. }) && error.nothing_sent(),
        "{error:?}"
    );

    let (result, _) = send(&World::new(), Manner::CutAfterMessage, Security::Tls).await;
    let error = result.unwrap_err();
    assert!(
        matches!(error, SmtpError::InDoubt) && !error.nothing_sent(),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_inner_mail_server_that_is_not_declared_is_not_contacted() {
    let world = World::new();
    let (inner, port) = listener().await;
    let reached = tokio::spawn(async move {
        let (mut stream, _) = inner.accept().await.unwrap();
        read_request(&mut stream).await
    });
    for host in [
        "localhost",
        "127.0.0.1",
        "[::1]",
        "10.0.0.1",
        "169.254.169.254",
    ] {
        let server = SmtpServer {
            endpoint: format!("{host}:{port}").parse().unwrap(),
            security: Security::None,
            login: None,
            own_name: String::from("revkeep.test"),
        };
        let error = world
            .egress(&[])
            .smtp(server)
            .send(&message())
            .await
            .unwrap_err();
        assert!(
            matches!(error, SmtpError::Connection(EgressError::Refused { .. })),
            "{error:?}"
        );
    }
    assert!(!reached.is_finished());
    reached.abort();
}
