//! Answers the administrator's command.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use http::Readiness;
use identity::{IdentityError, SessionsOf, SigningKeys};
use kernel::{Actor, Classified};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    evidence, facts,
    parts::Parts,
    presence, quarantine,
    readiness::DaemonReadiness,
    renewal::{self, Renewal},
    rewrap, routing, secrets,
};
use crate::{
    admin::{Answers, Question, Reply},
    bundle::Facts,
    checks::{self, Finding},
    config::Config,
};

/// Somebody looks at a screen. An empty part says less than the reason, which is there.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) struct DaemonAnswers {
    pub(super) parts: Parts,
    pub(super) readiness: Arc<DaemonReadiness>,
    pub(super) config: Config,
    /// Where the configuration was read, to look at what stands there now.
    file: PathBuf,
    /// Known once the server has begun.
    served: OnceLock<Served>,
    pub(super) started_at: DateTime<Utc>,
}

/// The server's certificate, and who renews it.
pub(super) struct Served {
    pub(super) certificate: Arc<http::Certificate>,
    pub(super) renewal: Option<Renewal>,
}

impl DaemonAnswers {
    pub(super) fn new(
        parts: Parts,
        readiness: Arc<DaemonReadiness>,
        config: Config,
        file: PathBuf,
    ) -> Self {
        let started_at = parts.db.clock().now();
        Self {
            parts,
            readiness,
            config,
            file,
            served: OnceLock::new(),
            started_at,
        }
    }

    pub(super) fn serves(&self, served: Served) {
        let _ = self.served.set(served);
    }

    /// The certificate that is served, once one is.
    pub(super) fn certificate(&self) -> Option<&http::Certificate> {
        Some(&self.served.get()?.certificate)
    }

    async fn status(&self) -> Reply {
        let reasons = self.readiness.reasons().await;
        let part = |name: &str| {
            let reason = reasons.iter().find(|reason| reason.component == name);
            json!({
                "part": name,
                "state": if reason.is_none() { "ok" } else { "bad" },
                "detail": reason.map_or("", |reason| reason.message.as_str()),
            })
        };
        // All at once: each waits for a database that is away, and would wait forever for one that hangs.
        let (census, nodes, audit, quarantine) = tokio::join!(
            timeout(PATIENCE, self.parts.db.system(|tx| tx.jobs_census())),
            timeout(
                PATIENCE,
                presence::nodes(&self.parts.db, &self.config.database)
            ),
            timeout(PATIENCE, evidence::standing(&self.parts)),
            timeout(PATIENCE, quarantine::standing(&self.parts.db)),
        );
        let mut jobs: BTreeMap<String, i64> = BTreeMap::new();
        for count in census.ok().and_then(Result::ok).unwrap_or_default() {
            *jobs.entry(count.state).or_default() += count.jobs;
        }
        Reply::Answer(json!({
            "version": env!("CARGO_PKG_VERSION"),
            "address": self.config.site.public_url,
            "started_at": self.started_at.to_rfc3339(),
            "ready": reasons.is_empty(),
            "parts": [part("secrets"), part("database")],
            "nodes": nodes.unwrap_or_default(),
            "jobs": jobs,
            "audit": audit.unwrap_or_else(|_| json!({ "error": "the database does not answer" })),
            "quarantine": quarantine.ok().and_then(Result::ok),
        }))
    }

    /// The configuration as it stands in the file now: that is what a restart would take.
    async fn checked(&self) -> Vec<Finding> {
        let mut findings = match Config::load(&self.file) {
            Ok(config) => checks::all(&config, &self.file).await,
            Err(error) => vec![checks::unusable(&error)],
        };
        if let Ok(keys) = self.parts.identity.signing_key_list().await {
            findings.push(checks::signing_keys(&keys));
        }
        if let Some(renewal) = self.served.get().and_then(|served| served.renewal.as_ref()) {
            findings.push(checks::renewal(&renewal.standing()));
        }
        if let Ok(standing) = self.parts.sealer.standing().await {
            let now = self.parts.db.clock().now();
            findings.push(checks::audit_log(&standing, now));
        }
        findings
    }

    /// And what it runs with, and what shows only over time.
    pub(super) async fn examined(&self) -> Vec<Finding> {
        let mut findings = self.checked().await;
        let now = self.parts.db.clock().now();
        if let Ok(last) = self.parts.verifier.last().await {
            findings.push(checks::last_verify(last.as_ref(), now));
        }
        findings.extend(checks::own_process(&self.config));
        findings.extend(checks::machine(now));
        findings
    }

    /// For a support bundle.
    async fn facts(&self) -> Facts {
        let reasons = self.readiness.reasons().await;
        facts::gather(&self.parts, &reasons, self.started_at).await
    }

    /// What stands in the files is served from now on, or nothing changes.
    async fn certificate_reload(&self, asker: &Actor) -> Reply {
        let Some(served) = self.served.get() else {
            return Reply::Refusal {
                code: "starting".to_owned(),
                message: "The daemon is starting. Try again in a moment.".to_owned(),
            };
        };
        if let Err(error) = served.certificate.reload() {
            return Reply::Refusal {
                code: "certificate_unusable".to_owned(),
                message: error.to_string(),
            };
        }
        let noted = renewal::reloaded(&self.parts.db, asker, &served.certificate);
        reply(
            noted
                .await
                .map(|fingerprint| json!({ "fingerprint": fingerprint })),
        )
    }

    async fn keys(&self) -> Reply {
        keys_reply(self.parts.identity.signing_key_list().await)
    }

    async fn keys_rotate(&self, asker: &Actor) -> Reply {
        let rotated = self.parts.identity.signing_key_rotate(asker, None, None);
        keys_reply(rotated.await)
    }

    async fn setup_code(&self, asker: &Actor) -> Reply {
        let code = self.parts.identity.setup_code_create(asker).await;
        reply(code.map(|code| {
            json!({
                "code": code.expose(),
                "lives_hours": 24,
                "address": self.config.site.public_url,
            })
        }))
    }
}

fn reply<E: Classified>(answer: Result<Value, E>) -> Reply {
    match answer {
        Ok(answer) => Reply::Answer(answer),
        Err(error) => Reply::Refusal {
            code: error.code().to_owned(),
            message: error.message(),
        },
    }
}

fn keys_reply(keys: Result<SigningKeys, IdentityError>) -> Reply {
    let keys = match keys {
        Ok(keys) => keys,
        Err(error) => {
            return Reply::Refusal {
                code: error.code().to_owned(),
                message: error.message(),
            };
        }
    };
    let items: Vec<_> = keys
        .items
        .iter()
        .map(|key| {
            json!({
                "id": key.id,
                "state": key.state,
                "algorithm": key.algorithm,
                "created_at": key.created_at.to_rfc3339(),
                "current_since": key.current_since.map(|since| since.to_rfc3339()),
                "age_days": key.age_days,
            })
        })
        .collect();
    Reply::Answer(json!({
        "algorithm": keys.algorithm,
        "rotate_every_days": keys.rotate_every_days,
        "due": keys.due,
        "items": items,
    }))
}

#[async_trait]
impl Answers for DaemonAnswers {
    async fn answer(&self, question: Question, asker: &Actor) -> Reply {
        log::info!(REVKEEP_ACTOR = asker.id().as_str(); "an administrator asked: {question:?}");
        match question {
            Question::Status => self.status().await,
            Question::Check => Reply::Answer(json!({ "findings": self.checked().await })),
            Question::Facts => match serde_json::to_value(self.facts().await) {
                Ok(facts) => Reply::Answer(facts),
                Err(error) => Reply::Refusal {
                    code: "internal".to_owned(),
                    message: error.to_string(),
                },
            },
            Question::Doctor => Reply::Answer(json!({ "findings": self.examined().await })),
            Question::SetupCode => self.setup_code(asker).await,
            Question::KeysRewrap { rotate } => {
                let begun = rewrap::begin(&self.parts.db, asker, rotate).await;
                reply(begun.map(|(run, jobs)| json!({ "run": run, "jobs": jobs })))
            }
            Question::SessionsEnd { tenant } => {
                let of = tenant.map_or(SessionsOf::Appliance, SessionsOf::Tenant);
                let ended = self.parts.identity.sessions_end_local(asker, of).await;
                reply(ended.map(|ended| json!({ "ended": ended })))
            }
            Question::RecoveryKey => {
                let made = secrets::recovery_key(&self.parts.db, &self.config.secrets, asker).await;
                reply(made.map(|key| json!({ "recovery_key": key.expose() })))
            }
            Question::SecretSet { name, value } => {
                let parts = (&self.parts.db, &self.parts.vault);
                let set = secrets::secret_set(parts, asker, &name, value.0).await;
                reply(set.map(|()| json!({ "stored": name })))
            }
            Question::KeysProgress { run } => reply(rewrap::progress(&self.parts.db, run).await),
            Question::AuditOpen { purpose } => {
                reply(evidence::open(&self.parts, asker, &purpose).await)
            }
            Question::AuditVerified {
                heads,
                leaves,
                findings,
            } => {
                let told = json!({ "heads": heads, "leaves": leaves, "findings": findings });
                reply(evidence::verified(&self.parts, asker, told, findings == 0).await)
            }
            Question::Quarantine => reply(quarantine::standing(&self.parts.db).await),
            Question::Resume => reply(quarantine::resume(&self.parts.db, asker).await),
            Question::LayerDescribe { tenant } => {
                let gateway = gateway::Gateway::new(self.parts.db.clone());
                reply(gateway.describe(tenant).await)
            }
            Question::RoutingExplain { tenant, id } => {
                reply(routing::explain(&self.parts.db, asker, tenant, &id).await)
            }
            Question::RoutingExport { tenant, object } => {
                reply(routing::export(&self.parts.db, asker, tenant, object).await)
            }
            Question::RoutingPlan {
                tenant,
                object,
                text,
            } => reply(routing::plan(&self.parts.db, asker, tenant, (object, text.0)).await),
            Question::RoutingApply {
                tenant,
                object,
                text,
                draft,
                note,
            } => {
                let (file, named) = ((object, text.0), (draft, note.0));
                reply(routing::apply(&self.parts.db, asker, tenant, file, named).await)
            }
            Question::Verify { ids } => {
                let begun = self.parts.verifier.begin(asker, &ids).await;
                reply(begun.map(|run| json!({ "run": run })))
            }
            Question::VerifyProgress { run } => reply(self.parts.verifier.progress(run).await),
            Question::BackupMade {
                taken_at,
                size,
                checked,
            } => {
                let told = json!({ "size": size, "checked": checked });
                reply(evidence::backup_made(&self.parts, asker, taken_at, told).await)
            }
            Question::BackupRehearsed {
                at,
                taken_at,
                seconds,
                rows,
                code,
            } => {
                let told =
                    json!({ "taken_at": taken_at, "seconds": seconds, "rows": rows, "code": code });
                reply(evidence::backup_rehearsed(&self.parts, asker, at, told, code).await)
            }
            Question::AuditPrune => {
                reply(evidence::prune(&self.parts, asker, &self.config.audit).await)
            }
            Question::CertificateReload => self.certificate_reload(asker).await,
            Question::Keys => self.keys().await,
            Question::KeysRotate => self.keys_rotate(asker).await,
        }
    }
}
