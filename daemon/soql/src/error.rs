//! Why a statement is refused: a stable code for programs, a sentence for people, and the place.

use std::fmt;

/// Byte offsets into the statement, end exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    pub(crate) const fn to(self, end: Self) -> Self {
        Self {
            start: self.start,
            end: end.end,
        }
    }
}

/// Where in the text a node stood, if it came from text. Not part of a node's identity: two nodes
/// are equal wherever they stand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Origin(pub Option<Span>);

impl PartialEq for Origin {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Origin {}

impl From<Span> for Origin {
    fn from(span: Span) -> Self {
        Self(Some(span))
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// The closed list of reasons. The text of a code never changes once released.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $variant,)* }

        impl Code {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

codes! {
    /// Longer than [`crate::MAX_STATEMENT_CHARS`].
    StatementTooLong = "statement_too_long",
    /// Nested deeper than [`crate::MAX_DEPTH`].
    TooDeep = "too_deep",
    /// A character that no token of SOQL begins with; comments, `;` and quotes other than `'`.
    UnknownCharacter = "unknown_character",
    TextUnclosed = "text_unclosed",
    TextTooLong = "text_too_long",
    /// A raw line break or control character inside a string.
    TextControl = "text_control",
    EscapeUnknown = "escape_unknown",
    NumberMalformed = "number_malformed",
    DateMalformed = "date_malformed",
    /// A word or symbol stands where the grammar wants another.
    Unexpected = "unexpected",
    /// AND and OR in one chain, or NOT inside one, without parentheses.
    ParenthesesNeeded = "parentheses_needed",
    /// LAST_N_DAYS without its number, and its like.
    DateLiteralMalformed = "date_literal_malformed",
    ValueUnknown = "value_unknown",
    CountOutOfRange = "count_out_of_range",
    ClauseOrder = "clause_order",
    IdMalformed = "id_malformed",
    /// An object outside the closed set.
    ObjectForbidden = "object_forbidden",
    /// An allowed object, but not the one that is being set up.
    ObjectMismatch = "object_mismatch",
    FieldForbidden = "field_forbidden",
    RelationshipForbidden = "relationship_forbidden",
    FunctionForbidden = "function_forbidden",
    AggregateForbidden = "aggregate_forbidden",
    SubqueryForbidden = "subquery_forbidden",
    TypeOfForbidden = "typeof_forbidden",
    /// USING SCOPE, WITH, GROUP BY, HAVING, LIMIT, OFFSET, FOR and UPDATE.
    ClauseForbidden = "clause_forbidden",
    /// A second source in FROM that is not an alias of an allowed relationship.
    SourceForbidden = "source_forbidden",
    AliasAmbiguous = "alias_ambiguous",
    FieldNotFilterable = "field_not_filterable",
    FieldNotSortable = "field_not_sortable",
    /// The operator does not work on fields of this type.
    OperatorType = "operator_type",
    /// The value cannot be compared with fields of this type.
    ValueType = "value_type",
    SemiJoinNested = "semi_join_nested",
    SemiJoinColumn = "semi_join_column",
    SemiJoinUnrestricted = "semi_join_unrestricted",
    WhereMissing = "where_missing",
    /// The condition holds for every record.
    Tautology = "tautology",
    /// Whether the condition holds for every record takes too long to find out.
    TooComplex = "too_complex",
    /// No id, or more than one request may name.
    IdsOutOfRange = "ids_out_of_range",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refusal. `Display` is for people and says what to do; `code` is for programs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SoqlError {
    pub code: Code,
    /// None when the refusal concerns the statement as a whole.
    pub span: Option<Span>,
    pub message: String,
}

impl SoqlError {
    pub(crate) fn at(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            span: Some(span),
            message: message.into(),
        }
    }

    /// At a node, which has no place in the text when it was built by hand.
    pub(crate) fn of(code: Code, origin: Origin, message: impl Into<String>) -> Self {
        Self {
            code,
            span: origin.0,
            message: message.into(),
        }
    }

    /// Line and column, both from 1 and counted in characters, of the place in `statement`.
    pub fn line_and_column(&self, statement: &str) -> Option<(usize, usize)> {
        let before = statement.get(..self.span?.start)?;
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .map_or(0, |last| last.chars().count())
            + 1;
        Some((line, column))
    }
}
