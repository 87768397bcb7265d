//! The way out: what no configuration may open (CX-17, CX-20).

use egress::{Egress, EgressError, Endpoint, Purpose};

use crate::verify::{
    Sight,
    verdict::{Trouble, Verdict},
};

/// Addresses of this machine, of inner networks and of cloud metadata, in several notations. Whoever
/// declares one of the first kinds in the configuration means it; metadata nobody may.
const NEVER: [&str; 12] = [
    "169.254.169.254",
    "metadata.google.internal",
    "[fd00:ec2::254]",
    "127.0.0.1",
    "2130706433",
    "0x7f.1",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "printer.local",
];
/// Discard (RFC 863): nothing of anybody's listens there.
const PORT: u16 = 9;

pub(in crate::verify) async fn egress_refuses(sight: &Sight) -> Result<Verdict, Trouble> {
    let findings = admitted(&sight.egress).await?;
    Ok(Verdict::of(
        &findings,
        format!(
            "{} addresses of this machine, of inner networks and of cloud metadata were refused",
            NEVER.len()
        ),
    ))
}

async fn admitted(egress: &Egress) -> Result<Vec<String>, Trouble> {
    let mut findings = Vec::new();
    for host in NEVER {
        let endpoint = Endpoint::new(host, PORT)?;
        match egress.dial(Purpose::Trial, &endpoint).await {
            Err(EgressError::Refused { .. }) => {}
            Ok(_) | Err(_) => findings.push(format!("{host} was not refused")),
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use egress::EgressConfig;

    use super::*;

    #[tokio::test]
    async fn what_the_guard_lets_through_is_named() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let closed = Egress::new(EgressConfig::default()).unwrap();
        assert_eq!(admitted(&closed).await.unwrap(), Vec::<String>::new());
        let open = Egress::new(EgressConfig {
            private_endpoints: vec![Endpoint::new("127.0.0.1", PORT).unwrap()],
            ..EgressConfig::default()
        })
        .unwrap();
        let found = admitted(&open).await.unwrap();
        assert!(
            found.contains(&"127.0.0.1 was not refused".to_owned()),
            "{found:?}"
        );
    }
}
