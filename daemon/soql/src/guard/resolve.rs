//! Names to fields. Every path, wherever it stands, is looked up hop by hop in the allow-list and
//! rewritten without aliases and in the spelling of the list; what is not on it is refused.

use super::{
    allow::{AllowList, Domain, Field, FieldType, Object},
    function,
};
use crate::{
    ast::{Argument, Call, Operand, Path, Query, Source},
    error::{Code, SoqlError},
    name::Name,
};

/// What is known of an operand once it is resolved.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) kind: FieldType,
    pub(super) nullable: bool,
    pub(super) filterable: bool,
    pub(super) sortable: bool,
    pub(super) domain: Domain,
}

impl Column {
    fn of(field: &Field, reached_surely: bool) -> Self {
        Self {
            kind: field.kind,
            nullable: !(field.required && reached_surely),
            filterable: field.filterable,
            sortable: field.sortable,
            domain: field.domain.clone(),
        }
    }
}

/// The names that a query sees: its object, and the aliases of FROM.
pub(super) struct Scope<'a> {
    pub(super) allow: &'a AllowList,
    pub(super) object: Object,
    root_alias: Option<Name>,
    /// Alias, and the relationship that it stands for.
    relation_aliases: Vec<(Name, Name)>,
}

impl<'a> Scope<'a> {
    pub(super) fn of(query: &Query, allow: &'a AllowList) -> Result<Self, SoqlError> {
        let (root, others) = query.from.split_first().ok_or_else(no_source)?;
        let object = root_object(root)?;
        let root_alias = root.alias.clone();
        let mut scope = Self {
            allow,
            object,
            root_alias,
            relation_aliases: Vec::new(),
        };
        if let Some(alias) = &scope.root_alias {
            scope.refuse_ambiguous(alias, root)?;
        }
        for source in others {
            scope.add(source)?;
        }
        Ok(scope)
    }

    /// `l.Owner o` after `Lead l`.
    fn add(&mut self, source: &Source) -> Result<(), SoqlError> {
        let forbidden = || {
            SoqlError::of(
                Code::SourceForbidden,
                source.path.origin,
                "FROM names one object. To shorten a relationship write FROM Lead l, l.Owner o.",
            )
        };
        let (Some(alias), [start, relation]) = (&source.alias, source.path.names.as_slice()) else {
            return Err(forbidden());
        };
        let from_root = Some(start) == self.root_alias.as_ref() || start.is(self.object.name());
        if !from_root {
            return Err(forbidden());
        }
        self.refuse_ambiguous(alias, source)?;
        self.relation(relation, &source.path)?;
        self.relation_aliases
            .push((alias.clone(), relation.clone()));
        Ok(())
    }

    /// An alias that is also a relationship, a field or another alias would let one text mean two
    /// things, here and at Salesforce.
    fn refuse_ambiguous(&self, alias: &Name, source: &Source) -> Result<(), SoqlError> {
        let another = self
            .relation_aliases
            .iter()
            .any(|(other, _)| other == alias)
            || (self.root_alias.as_ref() == Some(alias) && source.path.names.len() > 1);
        let known = self.allow.relation(self.object, alias).is_some()
            || self.allow.field(self.object, alias).is_some()
            || Object::named(alias.as_str()).is_some();
        if another || known {
            return Err(SoqlError::of(
                Code::AliasAmbiguous,
                source.path.origin,
                format!("The alias {alias} already names something else. Choose another."),
            ));
        }
        Ok(())
    }

    fn relation(&self, name: &Name, path: &Path) -> Result<&super::allow::Relation, SoqlError> {
        self.allow.relation(self.object, name).ok_or_else(|| {
            SoqlError::of(
                Code::RelationshipForbidden,
                path.origin,
                format!(
                    "{path} follows {name}, which is not allowed. From {} one can follow: {}.",
                    self.object.name(),
                    self.allow.relation_names(self.object)
                ),
            )
        })
    }

    /// The path without its alias.
    fn without_alias(&self, path: &Path) -> Vec<Name> {
        let Some((first, rest)) = path
            .names
            .split_first()
            .filter(|(_, rest)| !rest.is_empty())
        else {
            return path.names.clone();
        };
        let root = self.root_alias.as_ref() == Some(first)
            || (first.is(self.object.name()) && self.allow.relation(self.object, first).is_none());
        if root {
            return rest.to_vec();
        }
        match self
            .relation_aliases
            .iter()
            .find(|(alias, _)| alias == first)
        {
            Some((_, relation)) => std::iter::once(relation).chain(rest).cloned().collect(),
            None => path.names.clone(),
        }
    }

    pub(super) fn path(&self, path: &Path) -> Result<(Path, Column), SoqlError> {
        let names = self.without_alias(path);
        let found = match names.as_slice() {
            [name] => self.own_field(name),
            [hop, name] => {
                let relation = self.relation(hop, path)?;
                if name.is("Id") {
                    self.own_field(&relation.key)
                } else {
                    let sure = self.allow.field(self.object, &relation.key);
                    let sure = sure.is_some_and(|key| key.required);
                    let field = relation.fields.iter().find(|field| field.name == *name);
                    let full = |field: &Field| vec![relation.name.clone(), field.name.clone()];
                    field.map(|field| (full(field), Column::of(field, sure)))
                }
            }
            [hop, next, ..] => {
                self.relation(hop, path)?;
                return Err(SoqlError::of(
                    Code::RelationshipForbidden,
                    path.origin,
                    format!("{path} goes on from {hop} to {next}. Only one step is allowed."),
                ));
            }
            [] => None,
        };
        let (names, column) = found.ok_or_else(|| self.forbidden(path))?;
        Ok((
            Path {
                names,
                origin: path.origin,
            },
            column,
        ))
    }

    fn own_field(&self, name: &Name) -> Option<(Vec<Name>, Column)> {
        let field = self.allow.field(self.object, name)?;
        Some((vec![field.name.clone()], Column::of(field, true)))
    }

    fn forbidden(&self, path: &Path) -> SoqlError {
        SoqlError::of(
            Code::FieldForbidden,
            path.origin,
            format!(
                "{path} is not on the list of allowed fields of {}. Check the spelling; an \
                 administrator can add a field on the Data layer page.",
                self.object.name()
            ),
        )
    }

    pub(super) fn operand(&self, operand: &Operand) -> Result<(Operand, Column), SoqlError> {
        match operand {
            Operand::Field(path) => self
                .path(path)
                .map(|(path, column)| (Operand::Field(path), column)),
            Operand::Call(call) => self
                .call(call)
                .map(|(call, column)| (Operand::Call(call), column)),
        }
    }

    pub(super) fn call(&self, call: &Call) -> Result<(Call, Column), SoqlError> {
        // FIELDS(ALL) would be looked up as a field named ALL; say what is really wrong.
        let single = match call.arguments.as_slice() {
            [single] if !call.function.is("FIELDS") => Some(single),
            _ => None,
        };
        let (argument, inner) = match single {
            Some(Argument::Field(path)) => {
                let (path, column) = self.path(path)?;
                (Argument::Field(path), column)
            }
            Some(Argument::Call(nested)) => {
                let (nested, column) = self.call(nested)?;
                (Argument::Call(nested), column)
            }
            Some(Argument::Literal(_)) | None => {
                return Err(SoqlError::of(
                    Code::FunctionForbidden,
                    call.origin,
                    format!(
                        "{}() is not allowed; name every field by itself.",
                        call.function
                    ),
                ));
            }
        };
        let column = function::result(call, &inner)?;
        let function = call.function.clone();
        Ok((
            Call {
                function,
                arguments: vec![argument],
                origin: call.origin,
            },
            column,
        ))
    }
}

fn no_source() -> SoqlError {
    let message = "The query names no object. Write FROM Lead.".to_owned();
    SoqlError {
        code: Code::ObjectForbidden,
        span: None,
        message,
    }
}

fn root_object(source: &Source) -> Result<Object, SoqlError> {
    let single = match source.path.names.as_slice() {
        [single] => Object::named(single.as_str()),
        _ => None,
    };
    single.ok_or_else(|| {
        let allowed = Object::ALL.map(Object::name).join(", ");
        SoqlError::of(
            Code::ObjectForbidden,
            source.path.origin,
            format!(
                "Routing reads {allowed}, and nothing else; {} is not one.",
                source.path
            ),
        )
    })
}
