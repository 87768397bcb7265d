//! The abstract syntax tree of one SOQL statement. Parentheses are not kept: the shape of the tree
//! says it all, and the printer writes those that the grammar needs.

use crate::{error::Origin, name::Name, value::Value};

/// A statement, or a query inside one (child subquery, semi-join).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub select: Select,
    /// At least one. The first names the object (in a child subquery: the relationship); further
    /// ones give aliases to relationships of the first, as in `FROM Lead l, l.Owner o`.
    pub from: Vec<Source>,
    /// `USING SCOPE name`
    pub scope: Option<Name>,
    /// The WHERE clause.
    pub filter: Option<Condition>,
    pub with: Vec<With>,
    pub group_by: Option<GroupBy>,
    pub having: Option<Condition>,
    pub order_by: Vec<OrderBy>,
    pub limit: Option<u32>,
    pub offset: Option<u32>,
    pub view: Option<View>,
    pub update: Vec<Tracking>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Select {
    /// `SELECT COUNT()`: the answer is `totalSize` alone.
    Count,
    /// At least one.
    Items(Vec<SelectItem>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectItem {
    pub expression: SelectExpression,
    pub alias: Option<Name>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectExpression {
    Field(Path),
    Call(Call),
    /// `(SELECT … FROM Contacts)`: the children of each row.
    Children(Box<Query>),
    TypeOf(TypeOf),
}

/// `Name`, `Owner.Name`, `l.Owner.Name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// At least one; all but the last are relationships (or, first, an alias).
    pub names: Vec<Name>,
    pub origin: Origin,
}

/// `COUNT(Id)`, `FORMAT(MAX(Amount))`, `DISTANCE(Location__c, GEOLOCATION(1, 2), 'mi')`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub function: Name,
    /// At least one.
    pub arguments: Vec<Argument>,
    pub origin: Origin,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    Field(Path),
    Call(Call),
    /// A number or a string; only DISTANCE and GEOLOCATION take them.
    Literal(Value),
}

/// `TYPEOF What WHEN Account THEN Name ELSE Id END`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeOf {
    pub subject: Path,
    pub branches: Vec<TypeBranch>,
    pub otherwise: Vec<Path>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeBranch {
    pub object: Name,
    pub fields: Vec<Path>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    pub path: Path,
    pub alias: Option<Name>,
}

/// A condition of WHERE or HAVING.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Two or more.
    And(Vec<Self>),
    /// Two or more.
    Or(Vec<Self>),
    Not(Box<Self>),
    Compare(Comparison),
    In(Membership),
    Multi(MultiMatch),
}

/// `left op value`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    pub left: Operand,
    pub operator: Operator,
    pub value: Value,
    pub origin: Origin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    Equal,
    /// `!=` or `<>`
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
}

/// `left [NOT] IN (…)`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    pub left: Operand,
    pub negated: bool,
    pub set: Set,
    pub origin: Origin,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Set {
    /// At least one.
    Values(Vec<Value>),
    /// A semi-join (anti-join when negated). Selects exactly one column; has no GROUP BY, ORDER
    /// BY, LIMIT, OFFSET, FOR or UPDATE.
    Query(Box<Query>),
}

/// `left INCLUDES ('a;b', 'c')`: any of the values, each of which names all of its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultiMatch {
    pub left: Operand,
    /// EXCLUDES
    pub negated: bool,
    /// At least one.
    pub values: Vec<Value>,
    pub origin: Origin,
}

/// What can be compared, grouped by or sorted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    Field(Path),
    Call(Call),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum With {
    /// `SECURITY_ENFORCED`, `USER_MODE`, `SYSTEM_MODE` or another bare word.
    Mode(Name),
    /// `DATA CATEGORY Geography__c ABOVE usa__c AND …`
    DataCategory(Vec<CategoryFilter>),
    /// `name = value`
    Setting(Name, Value),
    /// `name (key = value, …)`
    Context(Name, Vec<(Name, Value)>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CategoryFilter {
    pub group: Name,
    pub selector: CategorySelector,
    /// At least one.
    pub categories: Vec<Name>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CategorySelector {
    At,
    Above,
    Below,
    AboveOrBelow,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupBy {
    pub kind: Grouping,
    /// At least one.
    pub operands: Vec<Operand>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Grouping {
    Plain,
    Rollup,
    Cube,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderBy {
    pub operand: Operand,
    /// None is ascending.
    pub direction: Option<Direction>,
    /// None is nulls first.
    pub nulls: Option<Nulls>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    Ascending,
    Descending,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Nulls {
    First,
    Last,
}

/// `FOR VIEW`, `FOR REFERENCE`: both write to the records that they read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum View {
    View,
    Reference,
}

/// `UPDATE TRACKING`, `UPDATE VIEWSTAT`: both write statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tracking {
    Tracking,
    Viewstat,
}

impl Query {
    /// The object that the statement reads, or the relationship in a child subquery: the last name
    /// of the first source. None only for a hand-built tree without a source.
    pub fn object(&self) -> Option<&Name> {
        self.from
            .first()
            .and_then(|source| source.path.names.last())
    }
}

impl Path {
    /// A path that did not come from text.
    pub fn of(names: Vec<Name>) -> Self {
        Self {
            names,
            origin: Origin::default(),
        }
    }

    /// The field, once the relationships are followed.
    pub fn field(&self) -> Option<&Name> {
        self.names.last()
    }

    /// The relationships (or, first, an alias) before the field.
    pub fn hops(&self) -> &[Name] {
        self.names.split_last().map_or(&[], |(_, hops)| hops)
    }
}

impl Operand {
    pub fn origin(&self) -> Origin {
        match self {
            Self::Field(path) => path.origin,
            Self::Call(call) => call.origin,
        }
    }
}
