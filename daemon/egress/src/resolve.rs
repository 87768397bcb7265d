//! From a name to the addresses that may be connected to.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::{
    address::class,
    error::EgressError,
    policy::{Reach, Target},
};

/// Answers a name with its addresses. The machine's resolver, unless a test brings its own.
#[async_trait]
pub trait Resolver: Send + Sync + 'static {
    async fn resolve(&self, name: &str) -> std::io::Result<Vec<IpAddr>>;
}

/// The machine's resolver (`getaddrinfo`).
pub(crate) struct System;

#[async_trait]
impl Resolver for System {
    async fn resolve(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        #[expect(
            clippy::disallowed_methods,
            reason = "names are resolved here and nowhere else"
        )]
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// Resolves `name` and checks every address. One that is not admitted refuses the name as a
/// whole: a name that answers with a public and a private address is an attempt.
async fn checked(
    resolver: &dyn Resolver,
    name: &str,
    reach: Reach,
) -> Result<Vec<IpAddr>, EgressError> {
    let found = resolver
        .resolve(name)
        .await
        .map_err(|error| EgressError::Resolve {
            host: name.to_owned(),
            detail: error.to_string(),
        })?;
    if found.is_empty() {
        return Err(EgressError::Resolve {
            host: name.to_owned(),
            detail: String::from("the answer is empty"),
        });
    }
    for address in &found {
        reach
            .admits(class(*address))
            .map_err(|why| EgressError::Refused {
                host: name.to_owned(),
                why,
            })?;
    }
    Ok(found)
}

/// The addresses to dial for `target`, checked.
pub(crate) async fn addresses(
    resolver: &dyn Resolver,
    target: &Target,
) -> Result<Vec<SocketAddr>, EgressError> {
    let port = target.endpoint.port;
    let found = match target.endpoint.address() {
        Some(address) => {
            target
                .reach
                .admits(class(address))
                .map_err(|why| EgressError::Refused {
                    host: target.endpoint.to_string(),
                    why,
                })?;
            vec![address]
        }
        None => checked(resolver, &target.endpoint.name(), target.reach).await?,
    };
    Ok(found
        .into_iter()
        .map(|address| SocketAddr::new(address, port))
        .collect())
}

/// The HTTP client's resolver. The client connects to what this returns and asks nobody else, so
/// the addresses are pinned by construction; it asks again for each new connection, and each
/// answer is checked.
pub(crate) struct Guarded {
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) reach: Reach,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (resolver, reach) = (Arc::clone(&self.resolver), self.reach);
        Box::pin(async move {
            let found = checked(resolver.as_ref(), name.as_str(), reach).await?;
            // Port 0 stands for the URL's port.
            let found = found.into_iter().map(|address| SocketAddr::new(address, 0));
            let addresses: Addrs = Box::new(found);
            Ok(addresses)
        })
    }
}
