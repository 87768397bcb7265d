//! Does a condition restrict anything? The condition is judged over sample values that stand for
//! all values of each field (see `domain`): if no combination of samples makes it false, it holds
//! for every record and is refused; if none makes it true, it matches nothing.
//!
//! Every sample is a value that the field could really hold, so a query that passes has at least
//! one record that it would leave out. The search is exhaustive over the samples and bounded.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::{
    domain::{self, Test},
    resolve::{Column, Scope},
};
use crate::{
    ast::{Condition, Membership, Operand, Set},
    error::{Code, SoqlError},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// No record is left out.
    Everything,
    Some,
    /// No record is matched.
    Nothing,
}

/// Sample values times tests, weighted by the length of LIKE patterns.
const MAX_TABLE: usize = 4_000_000;
/// Nodes visited by one search.
const MAX_VISITS: usize = 4_000_000;

/// Judges a resolved condition on the object of `scope`.
pub(super) fn judge(
    condition: &Condition,
    scope: &Scope<'_>,
    now: DateTime<Utc>,
) -> Result<Verdict, SoqlError> {
    let mut compiler = Compiler {
        scope,
        now,
        variables: Vec::new(),
        known: HashMap::new(),
    };
    let formula = compiler.formula(condition)?;
    let excluding = Problem::new(&compiler.variables, domain::Purpose::Exclude)?;
    if !excluding.reaches(&formula, false)? {
        return Ok(Verdict::Everything);
    }
    let matching = Problem::new(&compiler.variables, domain::Purpose::Match)?;
    // Whether it matches anything is a courtesy; running out of budget is no reason to refuse.
    let matches = matching.reaches(&formula, true).unwrap_or(true);
    Ok(if matches {
        Verdict::Some
    } else {
        Verdict::Nothing
    })
}

enum Formula {
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Atom { variable: usize, test: usize },
}

/// One field (or function of a field, or semi-join) and everything that is asked of it.
struct Variable {
    /// None for a semi-join, which may hold or not hold whatever the record is.
    column: Option<Column>,
    tests: Vec<Test>,
}

struct Compiler<'a> {
    scope: &'a Scope<'a>,
    now: DateTime<Utc>,
    variables: Vec<Variable>,
    known: HashMap<String, usize>,
}

impl Compiler<'_> {
    fn formula(&mut self, condition: &Condition) -> Result<Formula, SoqlError> {
        Ok(match condition {
            Condition::And(terms) => Formula::And(self.formulas(terms)?),
            Condition::Or(terms) => Formula::Or(self.formulas(terms)?),
            Condition::Not(term) => Formula::Not(Box::new(self.formula(term)?)),
            Condition::Compare(comparison) => {
                let (variable, column) = self.variable(&comparison.left)?;
                let (test, negated) = domain::comparison(comparison, &column, self.now);
                self.atom(variable, test, negated)
            }
            Condition::In(Membership {
                left,
                negated,
                set: Set::Query(query),
                ..
            }) => {
                let variable = self.named(format!("{left} IN ({query})"), None);
                self.atom(variable, Test::Holds, *negated)
            }
            Condition::In(Membership {
                left,
                negated,
                set: Set::Values(values),
                ..
            }) => {
                let (variable, column) = self.variable(left)?;
                let test = domain::any_of(values, &column, self.now);
                self.atom(variable, test, *negated)
            }
            Condition::Multi(multi) => {
                let (variable, _) = self.variable(&multi.left)?;
                self.atom(variable, domain::includes(&multi.values), multi.negated)
            }
        })
    }

    fn formulas(&mut self, terms: &[Condition]) -> Result<Vec<Formula>, SoqlError> {
        terms.iter().map(|term| self.formula(term)).collect()
    }

    fn variable(&mut self, operand: &Operand) -> Result<(usize, Column), SoqlError> {
        let (operand, column) = self.scope.operand(operand)?;
        Ok((
            self.named(operand.to_string(), Some(column.clone())),
            column,
        ))
    }

    fn named(&mut self, name: String, column: Option<Column>) -> usize {
        let next = self.variables.len();
        let index = *self.known.entry(name.to_lowercase()).or_insert(next);
        if index == next {
            self.variables.push(Variable {
                column,
                tests: Vec::new(),
            });
        }
        index
    }

    fn atom(&mut self, variable: usize, test: Test, negated: bool) -> Formula {
        let mut place = 0;
        if let Some(found) = self.variables.get_mut(variable) {
            place = found.tests.len();
            found.tests.push(test);
        }
        let atom = Formula::Atom {
            variable,
            test: place,
        };
        if negated {
            Formula::Not(Box::new(atom))
        } else {
            atom
        }
    }
}

/// For each variable the distinct outcomes of its tests that some value of the field brings about.
struct Problem {
    outcomes: Vec<Vec<Vec<bool>>>,
}

enum Partial {
    Known(bool),
    /// Depends on this variable.
    Open(usize),
}

impl Problem {
    fn new(variables: &[Variable], purpose: domain::Purpose) -> Result<Self, SoqlError> {
        let mut budget = MAX_TABLE;
        let mut outcomes = Vec::with_capacity(variables.len());
        for variable in variables {
            outcomes.push(distinct(variable, purpose, &mut budget)?);
        }
        Ok(Self { outcomes })
    }

    /// Whether some record gives the formula this truth value.
    fn reaches(&self, formula: &Formula, wanted: bool) -> Result<bool, SoqlError> {
        let mut search = Search {
            problem: self,
            chosen: vec![None; self.outcomes.len()],
            visits: 0,
        };
        search.run(formula, wanted)
    }
}

fn distinct(
    variable: &Variable,
    purpose: domain::Purpose,
    budget: &mut usize,
) -> Result<Vec<Vec<bool>>, SoqlError> {
    let Some(column) = &variable.column else {
        let both = |holds| vec![holds; variable.tests.len()];
        return Ok(vec![both(true), both(false)]);
    };
    let samples = domain::samples(column, &variable.tests, purpose);
    let weight: usize = variable.tests.iter().map(Test::weight).sum();
    *budget = weight
        .checked_mul(samples.len())
        .and_then(|cost| budget.checked_sub(cost))
        .ok_or_else(too_complex)?;
    let mut seen = HashSet::new();
    for sample in &samples {
        seen.insert(
            variable
                .tests
                .iter()
                .map(|test| test.holds(sample))
                .collect::<Vec<_>>(),
        );
    }
    let mut outcomes: Vec<_> = seen.into_iter().collect();
    // The hash set's order is random; the verdict of a bounded search must not be.
    outcomes.sort_unstable();
    Ok(outcomes)
}

struct Search<'a> {
    problem: &'a Problem,
    /// The outcome chosen for each variable.
    chosen: Vec<Option<usize>>,
    visits: usize,
}

impl Search<'_> {
    fn run(&mut self, formula: &Formula, wanted: bool) -> Result<bool, SoqlError> {
        match self.evaluate(formula)? {
            Partial::Known(truth) => Ok(truth == wanted),
            Partial::Open(variable) => {
                let count = self.problem.outcomes.get(variable).map_or(0, Vec::len);
                for outcome in 0..count {
                    self.choose(variable, Some(outcome));
                    if self.run(formula, wanted)? {
                        return Ok(true);
                    }
                }
                self.choose(variable, None);
                Ok(false)
            }
        }
    }

    fn choose(&mut self, variable: usize, outcome: Option<usize>) {
        if let Some(place) = self.chosen.get_mut(variable) {
            *place = outcome;
        }
    }

    fn evaluate(&mut self, formula: &Formula) -> Result<Partial, SoqlError> {
        self.visits += 1;
        if self.visits > MAX_VISITS {
            return Err(too_complex());
        }
        match formula {
            Formula::Atom { variable, test } => Ok(self.look_up(*variable, *test)),
            Formula::Not(inner) => Ok(match self.evaluate(inner)? {
                Partial::Known(truth) => Partial::Known(!truth),
                open @ Partial::Open(_) => open,
            }),
            Formula::And(terms) => self.chain(terms, false),
            Formula::Or(terms) => self.chain(terms, true),
        }
    }

    /// A chain is decided by the first term with the truth value `deciding`.
    fn chain(&mut self, terms: &[Formula], deciding: bool) -> Result<Partial, SoqlError> {
        let mut open = None;
        for term in terms {
            match self.evaluate(term)? {
                Partial::Known(truth) if truth == deciding => return Ok(Partial::Known(truth)),
                Partial::Known(_) => {}
                Partial::Open(variable) => open = open.or(Some(variable)),
            }
        }
        Ok(open.map_or(Partial::Known(!deciding), Partial::Open))
    }

    fn look_up(&self, variable: usize, test: usize) -> Partial {
        let outcome = self.chosen.get(variable).copied().flatten();
        let outcomes = self.problem.outcomes.get(variable);
        let truth = outcome.and_then(|outcome| outcomes?.get(outcome)?.get(test).copied());
        truth.map_or(Partial::Open(variable), Partial::Known)
    }
}

fn too_complex() -> SoqlError {
    SoqlError {
        code: Code::TooComplex,
        span: None,
        message: "The condition has too many parts to check that it leaves a record out. Use IN \
                  lists, or a formula field in Salesforce."
            .to_owned(),
    }
}
