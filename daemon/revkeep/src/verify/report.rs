//! From verdicts of probes to where each control stands.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    build_evidence::BuildEvidence,
    verdict::{Standing, Verdict},
};
use crate::controls::{Control, Status};

/// What one probe said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tried {
    pub(crate) probe: String,
    /// `holds`, `fails` or `unknown`.
    pub(crate) verdict: String,
    pub(crate) evidence: String,
    pub(crate) at: DateTime<Utc>,
}

/// One control, as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ControlResult {
    pub(crate) id: String,
    pub(crate) area: String,
    pub(crate) title: String,
    pub(crate) status: Standing,
    pub(crate) evidence: String,
    pub(crate) at: DateTime<Utc>,
    pub(crate) live: Vec<Tried>,
    /// Tests of this version that attack it.
    pub(crate) tests: Vec<String>,
}

/// A run's result. It names no person and no record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) version: String,
    pub(crate) finished_at: DateTime<Utc>,
    /// Over every control, or over some that were asked for.
    pub(crate) whole: bool,
    pub(crate) controls: Vec<ControlResult>,
}

pub(super) type Verdicts = BTreeMap<&'static str, (Verdict, DateTime<Utc>)>;

impl Report {
    pub(super) fn new(
        chosen: &[Control],
        verdicts: &Verdicts,
        build: &BuildEvidence,
        whole: bool,
        now: DateTime<Utc>,
    ) -> Self {
        let mut controls: Vec<ControlResult> = chosen
            .iter()
            .map(|control| stands(control, verdicts, build, now))
            .collect();
        let bases: BTreeMap<String, Standing> = controls
            .iter()
            .map(|result| (result.id.clone(), result.status))
            .collect();
        for (result, control) in controls.iter_mut().zip(chosen) {
            if !control.rests_on.is_empty() {
                rest(result, &control.rests_on, &bases);
            }
        }
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            finished_at: now,
            whole,
            controls,
        }
    }

    pub(crate) fn count(&self, standing: Standing) -> usize {
        self.controls
            .iter()
            .filter(|control| control.status == standing)
            .count()
    }

    pub(crate) fn ids(&self, standing: Standing) -> Vec<String> {
        self.controls
            .iter()
            .filter(|control| control.status == standing)
            .map(|control| control.id.clone())
            .collect()
    }

    /// To the journal, and so to whoever watches it: each failing control is an error of its own.
    pub(super) fn tell(&self) {
        for control in &self.controls {
            match control.status {
                Standing::Failing => {
                    log::error!(REVKEEP_ACTION = "controls_verify", REVKEEP_CONTROL = control.id.as_str(); "control {} is failing: {}", control.id, control.evidence);
                }
                Standing::Unknown => {
                    log::warn!(REVKEEP_ACTION = "controls_verify", REVKEEP_CONTROL = control.id.as_str(); "control {} could not be tried: {}", control.id, control.evidence);
                }
                _ => {}
            }
        }
        log::info!(REVKEEP_ACTION = "controls_verify"; "controls: {}", self.summary());
    }

    /// `120 enforced, 60 build evidence, ...`
    pub(crate) fn summary(&self) -> String {
        let counts: Vec<String> = Standing::ALL
            .into_iter()
            .map(|standing| (standing, self.count(standing)))
            .filter(|(_, count)| *count > 0)
            .map(|(standing, count)| format!("{count} {}", standing.words()))
            .collect();
        counts.join(", ")
    }
}

fn stands(
    control: &Control,
    verdicts: &Verdicts,
    build: &BuildEvidence,
    now: DateTime<Utc>,
) -> ControlResult {
    let live: Vec<Tried> = control
        .live
        .iter()
        .filter_map(|name| {
            let (verdict, at) = verdicts.get(name.as_str())?;
            Some(Tried {
                probe: name.clone(),
                verdict: verdict.word().to_owned(),
                evidence: verdict.text().to_owned(),
                at: *at,
            })
        })
        .collect();
    let (status, evidence) = judge(control, &live, build, now);
    ControlResult {
        id: control.id.clone(),
        area: control.mapping.area.clone(),
        title: control.title.clone(),
        status,
        evidence,
        at: live.iter().map(|tried| tried.at).max().unwrap_or(now),
        live,
        tests: control.probes.clone(),
    }
}

fn judge(
    control: &Control,
    live: &[Tried],
    build: &BuildEvidence,
    now: DateTime<Utc>,
) -> (Standing, String) {
    match control.status {
        Status::Pending => (Standing::Absent, format!("Not built: {}.", control.title)),
        Status::Customer => customers(control, live),
        Status::Attested => attested(control, now),
        Status::Enforced if !live.is_empty() => tried(live),
        Status::Enforced if !control.build.is_empty() => build.says(&control.build),
        Status::Enforced => (
            Standing::BuildEvidence,
            format!(
                "Not tried live. Version {} is attacked by {}: {}.",
                env!("CARGO_PKG_VERSION"),
                counted(control.probes.len(), "test"),
                control.probes.join(", ")
            ),
        ),
    }
}

/// The customer's own is never told as kept by us (CX-29). What is seen of it from here can still be amiss.
fn customers(control: &Control, live: &[Tried]) -> (Standing, String) {
    let whose = control.enforced_by.clone().unwrap_or_default();
    if live.is_empty() {
        return (Standing::CustomerOwned, whose);
    }
    match tried(live) {
        (Standing::Failing, evidence) => (Standing::Failing, evidence),
        (_, evidence) => (Standing::CustomerOwned, format!("{whose} {evidence}.")),
    }
}

/// The worst verdict decides, and its evidence comes first.
fn tried(live: &[Tried]) -> (Standing, String) {
    for (word, standing) in [
        ("fails", Standing::Failing),
        ("unknown", Standing::Unknown),
        ("holds", Standing::Enforced),
    ] {
        let said: Vec<String> = live
            .iter()
            .filter(|tried| tried.verdict == word)
            .map(|tried| format!("{}: {}", tried.probe, tried.evidence))
            .collect();
        if !said.is_empty() {
            return (standing, said.join(". "));
        }
    }
    (Standing::Unknown, "no probe answered".to_owned())
}

fn attested(control: &Control, now: DateTime<Utc>) -> (Standing, String) {
    let Some(word) = &control.attestation else {
        return (Standing::Unknown, "nobody vouches for it".to_owned());
    };
    let text = format!(
        "{} {}, {}; counts until {}.",
        word.text, word.owner, word.date, word.expires
    );
    if now.date_naive() > word.expires {
        (
            Standing::Failing,
            format!("The word is out of date. {text}"),
        )
    } else {
        (Standing::Attested, text)
    }
}

/// A control that stands for others is as good as the worst of them.
fn rest(result: &mut ControlResult, on: &[String], bases: &BTreeMap<String, Standing>) {
    let of: Vec<(&String, Standing)> = on
        .iter()
        .map(|id| (id, bases.get(id).copied().unwrap_or(Standing::Unknown)))
        .collect();
    let worst = of
        .iter()
        .map(|(_, standing)| *standing)
        .max()
        .unwrap_or(Standing::Unknown)
        .max(result.status_of_own());
    let named = |standing: Standing| {
        let ids: Vec<&str> = of
            .iter()
            .filter(|(_, of)| *of == standing)
            .map(|(id, _)| id.as_str())
            .collect();
        ids.join(", ")
    };
    let parts: Vec<String> = Standing::ALL
        .into_iter()
        .rev()
        .map(|standing| (standing, named(standing)))
        .filter(|(_, ids)| !ids.is_empty())
        .map(|(standing, ids)| format!("{}: {ids}", standing.words()))
        .collect();
    result.status = worst;
    result.evidence = format!(
        "Rests on {}. {}.",
        counted(on.len(), "control"),
        parts.join("; ")
    );
}

impl ControlResult {
    /// What its own probes say; without any, nothing that would weigh.
    fn status_of_own(&self) -> Standing {
        if self.live.is_empty() {
            Standing::Enforced
        } else {
            self.status
        }
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;
    use crate::controls::{Attestation, Mapping};

    fn control(id: &str, status: Status) -> Control {
        Control {
            id: id.to_owned(),
            status,
            title: "t".to_owned(),
            enforced_by: Some("e".to_owned()),
            probes: vec!["it::a::b".to_owned()],
            live: Vec::new(),
            build: Vec::new(),
            rests_on: Vec::new(),
            attestation: None,
            mapping: Mapping::default(),
        }
    }

    fn at() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn nothing() -> BuildEvidence {
        BuildEvidence::Missing("x".to_owned())
    }

    fn report(controls: &[Control], verdicts: &Verdicts) -> Vec<Standing> {
        let report = Report::new(controls, verdicts, &nothing(), true, at());
        report.controls.iter().map(|found| found.status).collect()
    }

    #[test]
    fn the_worst_verdict_decides_and_a_test_alone_is_build_evidence() {
        let mut two = control("LR-01", Status::Enforced);
        two.live = vec!["tenants_apart".to_owned(), "tls_versions".to_owned()];
        let mut verdicts = Verdicts::new();
        let say = |verdicts: &mut Verdicts, name, verdict| verdicts.insert(name, (verdict, at()));
        say(&mut verdicts, "tenants_apart", Verdict::Holds("a".into()));
        say(&mut verdicts, "tls_versions", Verdict::Holds("b".into()));
        assert_eq!(
            report(std::slice::from_ref(&two), &verdicts),
            [Standing::Enforced]
        );
        say(&mut verdicts, "tls_versions", Verdict::Unknown("c".into()));
        assert_eq!(
            report(std::slice::from_ref(&two), &verdicts),
            [Standing::Unknown]
        );
        say(&mut verdicts, "tenants_apart", Verdict::Fails("d".into()));
        let told = Report::new(&[two], &verdicts, &nothing(), true, at());
        assert_eq!(told.controls[0].status, Standing::Failing);
        assert_eq!(told.controls[0].evidence, "tenants_apart: d");
        let alone = [
            control("LR-02", Status::Enforced),
            control("LR-03", Status::Customer),
            control("LR-04", Status::Pending),
        ];
        assert_eq!(
            report(&alone, &Verdicts::new()),
            [
                Standing::BuildEvidence,
                Standing::CustomerOwned,
                Standing::Absent
            ]
        );
    }

    /// CX-29.
    #[test]
    fn the_customers_own_is_never_green_and_fails_when_it_is_seen_to() {
        let mut owned = control("LM-94", Status::Customer);
        owned.live = vec!["data_services_private".to_owned()];
        for (verdict, standing) in [
            (Verdict::Holds("a".into()), Standing::CustomerOwned),
            (Verdict::Unknown("b".into()), Standing::CustomerOwned),
            (Verdict::Fails("c".into()), Standing::Failing),
        ] {
            let verdicts = Verdicts::from([("data_services_private", (verdict, at()))]);
            assert_eq!(report(std::slice::from_ref(&owned), &verdicts), [standing]);
        }
    }

    #[test]
    fn an_attestation_runs_out() {
        let mut vouched = control("LM-81", Status::Attested);
        assert_eq!(
            report(std::slice::from_ref(&vouched), &Verdicts::new()),
            [Standing::Unknown]
        );
        let today = at().date_naive();
        for (expires, standing) in [
            (today, Standing::Attested),
            (today.pred_opt().unwrap(), Standing::Failing),
        ] {
            vouched.attestation = Some(Attestation {
                text: "It is so.".to_owned(),
                owner: "somebody".to_owned(),
                date: NaiveDate::from_ymd_opt(2026, 1, 1).unwrap(),
                expires,
            });
            assert_eq!(
                report(std::slice::from_ref(&vouched), &Verdicts::new()),
                [standing]
            );
        }
    }

    #[test]
    fn who_rests_on_others_is_as_good_as_the_worst() {
        let mut composed = control("LM-83", Status::Enforced);
        composed.rests_on = vec!["LR-01".to_owned(), "LR-02".to_owned()];
        let mut base = control("LR-01", Status::Enforced);
        base.live = vec!["tenants_apart".to_owned()];
        let other = control("LR-02", Status::Enforced);
        let all = [base, other, composed];
        let mut verdicts = Verdicts::new();
        verdicts.insert("tenants_apart", (Verdict::Holds("a".into()), at()));
        assert_eq!(report(&all, &verdicts)[2], Standing::BuildEvidence);
        verdicts.insert("tenants_apart", (Verdict::Fails("a".into()), at()));
        assert_eq!(report(&all, &verdicts)[2], Standing::Failing);
    }
}
