//! What grows, lags or ages over time, counted by the database across tenants.

use db::{Counted, Db, DbError};

use super::{Finding, Verdict, cause};

/// One rule of `upkeep_census` and what it means.
struct Rule {
    name: &'static str,
    subject: &'static str,
    well: &'static str,
    amiss: &'static str,
    verdict: Verdict,
    next_step: &'static str,
}

const RULES: [Rule; 8] = [
    Rule {
        name: "partitions_missing",
        subject: "partitions",
        well: "are made for this month and three ahead",
        amiss: "months of the next three have no partition",
        verdict: Verdict::Fail,
        next_step: "`journalctl -u revkeep` says why the daemon could not make them",
    },
    Rule {
        name: "rows_without_partition",
        subject: "partitions",
        well: "hold every row",
        amiss: "rows stand in the default partition: their month had none when they were written",
        verdict: Verdict::Fail,
        next_step: "as revkeep_owner, move them out in one transaction and run partitions_ensure(3); docs/troubleshooting.md has the statements",
    },
    Rule {
        name: "jobs_dead",
        subject: "jobs",
        well: "none was given up",
        amiss: "jobs were given up after their last attempt",
        verdict: Verdict::Warn,
        next_step: "the console, Jobs, says why each ended and tries it again",
    },
    Rule {
        name: "jobs_late",
        subject: "jobs",
        well: "none waits longer than a quarter of an hour",
        amiss: "jobs have been due for a quarter of an hour",
        verdict: Verdict::Warn,
        next_step: "`revkeep status` says whether a part is away; else raise worker.parallel",
    },
    Rule {
        name: "streams_late",
        subject: "siem",
        well: "every stream has what was sealed ten minutes ago",
        amiss: "streams of the audit log fail or are behind",
        verdict: Verdict::Warn,
        next_step: "the console, Streams, says what each target answered; nothing is lost meanwhile",
    },
    Rule {
        name: "connections_broken",
        subject: "connections",
        well: "none is broken",
        amiss: "connections to outside systems are broken",
        verdict: Verdict::Warn,
        next_step: "the console, Connections, has the reason; an administrator of that organisation reconnects it",
    },
    Rule {
        name: "interface_keys_old",
        subject: "interface keys",
        well: "none is older than 180 days",
        amiss: "interface keys are older than 180 days",
        verdict: Verdict::Warn,
        next_step: "the console, API keys: make a new one, give it to the program, revoke the old one",
    },
    Rule {
        name: "tokens_not_renewed",
        subject: "tokens",
        well: "each connection's was renewed within 90 days, and no renewal is in doubt",
        amiss: "connections have a token that was not renewed for 90 days, or a renewal that was never settled",
        verdict: Verdict::Warn,
        next_step: "reconnect them in the console, Connections",
    },
];

pub(super) async fn look(db: &Db) -> Vec<Finding> {
    let now = db.clock().now();
    match db.system(move |tx| tx.upkeep_census(now)).await {
        Ok(census) => RULES.iter().map(|rule| judged(rule, &census)).collect(),
        Err(error) => {
            let error: DbError = error;
            vec![Finding::fail("upkeep", cause(&error), "`revkeep migrate`")]
        }
    }
}

fn judged(rule: &Rule, census: &[Counted]) -> Finding {
    let broken = census
        .iter()
        .find(|count| count.rule == rule.name)
        .map(|count| count.broken);
    match broken {
        None => Finding::fail(
            rule.subject,
            format!("the database counts no {}", rule.name),
            "`revkeep migrate`",
        ),
        Some(0) => Finding::pass(rule.subject, rule.well),
        Some(broken) => Finding {
            verdict: rule.verdict,
            next_step: Some(rule.next_step.to_owned()),
            ..Finding::pass(rule.subject, format!("{broken} {}", rule.amiss))
        },
    }
}
