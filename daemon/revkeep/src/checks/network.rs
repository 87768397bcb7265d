//! Outside systems: what the configuration declares, and the mail server.

use delivery::Config as Mail;
use egress::{Egress, EgressError, Endpoint, Purpose, SmtpServer};

use super::{Finding, PATIENCE, cause};
use crate::config::Config;

pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let egress = match Egress::new(config.egress.clone()) {
        Ok(egress) => egress,
        Err(error) => return vec![Finding::fail("egress", cause(&error), "correct [egress]")],
    };
    let declared = &config.egress.private_endpoints;
    let (endpoints, mail) = tokio::join!(reached(&egress, declared), mail(&egress, &config.mail));
    vec![endpoints, mail]
}

/// Each at the same time, so that a silent one costs no more than itself.
async fn reached(egress: &Egress, declared: &[Endpoint]) -> Finding {
    let knocks: Vec<_> = declared
        .iter()
        .cloned()
        .map(|endpoint| {
            let egress = egress.clone();
            tokio::spawn(async move { knock(&egress, &endpoint).await })
        })
        .collect();
    let mut silent = Vec::new();
    for knock in knocks {
        silent.extend(knock.await.ok().flatten());
    }
    if silent.is_empty() {
        return Finding::pass(
            "egress",
            format!("each of {} declared endpoints answers", declared.len()),
        );
    }
    Finding::warn(
        "egress",
        silent.join("; "),
        "check that it runs and that this machine's firewall and unit let the connection out; one that takes UDP alone does not answer here",
    )
}

/// Why there is no connection, if there is none.
async fn knock(egress: &Egress, endpoint: &Endpoint) -> Option<String> {
    let dialled = egress.dial(Purpose::Reachability, endpoint);
    match tokio::time::timeout(PATIENCE, dialled).await {
        Ok(Ok(_)) => None,
        Ok(Err(EgressError::Connect { detail, .. })) => Some(format!("{endpoint}: {detail}")),
        Ok(Err(error)) => Some(cause(&error)),
        Err(_) => Some(format!("{endpoint}: no answer")),
    }
}

/// The greeting, EHLO and TLS, as a mail would begin.
async fn mail(egress: &Egress, config: &Mail) -> Finding {
    const SUBJECT: &str = "mail";
    let Some(endpoint) = config.server.clone() else {
        return Finding::pass(SUBJECT, "no server is configured: nobody gets mail");
    };
    let smtp = egress.smtp(SmtpServer {
        endpoint: endpoint.clone(),
        security: config.security.into(),
        login: None,
        own_name: config.own_name.clone(),
    });
    let next =
        "check mail.server and mail.security; an authority of your own goes into egress.ca_file";
    match tokio::time::timeout(PATIENCE, smtp.greet()).await {
        Ok(Ok(())) => Finding::pass(SUBJECT, format!("{endpoint} greets")),
        Ok(Err(error)) => Finding::warn(SUBJECT, format!("{endpoint}: {}", cause(&error)), next),
        Err(_) => Finding::warn(SUBJECT, format!("{endpoint}: no answer"), next),
    }
}
