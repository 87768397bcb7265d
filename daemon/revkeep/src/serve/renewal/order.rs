//! One certificate from an authority that issues by RFC 8555, proven by `tls-alpn-01` (RFC 8737): on the very
//! port that people use, so that no other has to be open.

use std::{fs, path::PathBuf, time::Duration};

use http::Certificate;
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Identifier, NewAccount,
    NewOrder, Order, OrderStatus, RetryPolicy,
};

use super::{RenewalError, transport::Transport};
use crate::{
    certificate::{bring::Brought, make},
    setup::system,
};

/// How long the authority may take to look, and again to issue.
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(120));

/// Who asks whom, and for which name.
pub(super) struct Asking<'a> {
    pub(super) http: egress::Http,
    pub(super) acme: &'a crate::config::Acme,
    /// The account's key, beside the certificate.
    pub(super) account: PathBuf,
    pub(super) host: &'a str,
    /// Where the challenge is answered.
    pub(super) served: &'a Certificate,
}

impl Asking<'_> {
    /// A certificate for the host and a key that was made for it.
    pub(super) async fn obtain(&self) -> Result<Brought, RenewalError> {
        let account = self.account().await?;
        let names = [Identifier::Dns(self.host.to_owned())];
        let mut order = account.new_order(&NewOrder::new(&names)).await?;
        let proven = self.prove(&mut order).await;
        self.served.forget_challenge();
        proven?;
        let key = make::key()?;
        let request = make::request(&[self.host], &key)?.to_der()?;
        order.finalize_csr(&request).await?;
        let chain = order.poll_certificate(&PATIENCE).await?;
        let file = PathBuf::from(&self.acme.directory);
        Ok(Brought::from_pem(&file, chain.as_bytes(), vec![key])?)
    }

    /// The account that is there, or a new one.
    async fn account(&self) -> Result<Account, RenewalError> {
        let builder = Account::builder_with_http(Box::new(Transport(self.http.clone())));
        if let Ok(text) = fs::read(&self.account) {
            let credentials: AccountCredentials = serde_json::from_slice(&text)
                .map_err(|_| RenewalError::Account(self.account.clone()))?;
            return Ok(builder.from_credentials(credentials).await?);
        }
        let contact = self
            .acme
            .contact
            .as_deref()
            .map(|mail| format!("mailto:{mail}"));
        let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
        let new = NewAccount {
            contact: &contact,
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let (account, credentials) = builder
            .create(&new, self.acme.directory.clone(), None)
            .await?;
        let text = serde_json::to_vec(&credentials)
            .map_err(|_| RenewalError::Account(self.account.clone()))?;
        system::write(&self.account, &text, 0o600, system::own())?;
        Ok(account)
    }

    /// Answers what the authority asks, until it believes that the host is ours.
    async fn prove(&self, order: &mut Order) -> Result<(), RenewalError> {
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let mut challenge = authorization
                .challenge(ChallengeType::TlsAlpn01)
                .ok_or(RenewalError::NoChallenge)?;
            let key = make::key()?;
            let digest = challenge.key_authorization().digest();
            let answer = make::challenge(self.host, &key, digest.as_ref())?;
            self.served.answer_challenge(
                self.host,
                answer.to_der()?,
                key.private_key_to_pkcs8()?,
            )?;
            challenge.set_ready().await?;
        }
        match order.poll_ready(&PATIENCE).await {
            Ok(OrderStatus::Ready | OrderStatus::Valid) => Ok(()),
            Ok(_) => Err(RenewalError::Refused(why(order).await)),
            Err(error) => match why(order).await {
                found if found.is_empty() => Err(error.into()),
                found => Err(RenewalError::Refused(found)),
            },
        }
    }
}

/// What the authority says of the challenges that it found unanswered.
async fn why(order: &mut Order) -> String {
    let mut said = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else {
            continue;
        };
        let problems = state.challenges.iter().filter_map(|one| one.error.as_ref());
        said.extend(problems.map(ToString::to_string));
    }
    said.join("; ")
}
