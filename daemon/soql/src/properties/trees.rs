//! Any tree that the grammar can express.

use chrono::{NaiveDate, NaiveTime};
use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::{
    ast::{
        Argument, Call, CategoryFilter, CategorySelector, Comparison, Condition, Direction,
        GroupBy, Grouping, Membership, MultiMatch, Nulls, Operand, Operator, OrderBy, Path, Query,
        Select, SelectExpression, SelectItem, Set, Source, Tracking, TypeBranch, TypeOf, View,
        With,
    },
    error::Origin,
    name::Name,
    number::Number,
    value::{DateLiteral, LikePattern, PatternPiece, Period, Value},
};

/// Names of which some are allowed on Lead and some are not, and words that are keywords elsewhere.
const NAMES: [&str; 22] = [
    "Id",
    "Name",
    "City",
    "Status",
    "OwnerId",
    "IsConverted",
    "CreatedDate",
    "NumberOfEmployees",
    "AnnualRevenue",
    "Description",
    "Lead",
    "Owner",
    "Type",
    "User",
    "SSN__c",
    "Secret__c",
    "Password",
    "Manager",
    "group",
    "typeof",
    "offset",
    "l",
];

fn name() -> BoxedStrategy<Name> {
    select(&NAMES[..])
        .prop_map(|text| Name::new(text).unwrap())
        .boxed()
}

fn path() -> BoxedStrategy<Path> {
    vec(name(), 1..4).prop_map(Path::of).boxed()
}

fn call() -> BoxedStrategy<Call> {
    let functions = [
        "COUNT",
        "MAX",
        "toLabel",
        "CALENDAR_YEAR",
        "DAY_ONLY",
        "FORMAT",
        "FIELDS",
    ];
    let function = select(functions.to_vec()).prop_map(|text| Name::new(text).unwrap());
    let of = |function, argument| Call {
        function,
        arguments: vec![argument],
        origin: Origin::default(),
    };
    let inner = (function.clone(), path())
        .prop_map(move |(function, path)| of(function, Argument::Field(path)));
    let argument = prop_oneof![
        3 => path().prop_map(Argument::Field),
        1 => inner.prop_map(Argument::Call),
    ];
    (function, argument)
        .prop_map(move |(function, argument)| of(function, argument))
        .boxed()
}

fn operand() -> BoxedStrategy<Operand> {
    prop_oneof![4 => path().prop_map(Operand::Field), 1 => call().prop_map(Operand::Call)].boxed()
}

fn number() -> BoxedStrategy<Number> {
    "-?[0-9]{1,14}(\\.[0-9]{1,12})?"
        .prop_map(|text| Number::parse(&text).unwrap())
        .boxed()
}

fn text() -> BoxedStrategy<String> {
    prop_oneof![any::<String>(), "[a-c%_\\\\'\n]{0,6}"].boxed()
}

fn period() -> BoxedStrategy<Period> {
    select(vec![
        Period::Day,
        Period::Week,
        Period::Month,
        Period::Quarter,
        Period::Year,
        Period::FiscalQuarter,
        Period::FiscalYear,
    ])
    .boxed()
}

fn date_literal() -> BoxedStrategy<DateLiteral> {
    let longer = period().prop_map(|period| match period {
        Period::Day => Period::Week,
        longer => longer,
    });
    let count = 0..=0x7fff_ffff_u32;
    prop_oneof![
        select(vec![
            DateLiteral::Yesterday,
            DateLiteral::Today,
            DateLiteral::Tomorrow,
            DateLiteral::Last90Days,
            DateLiteral::Next90Days,
        ]),
        longer.clone().prop_map(DateLiteral::Last),
        longer.clone().prop_map(DateLiteral::This),
        longer.prop_map(DateLiteral::Next),
        (period(), count.clone()).prop_map(|(period, count)| DateLiteral::LastN(period, count)),
        (period(), count.clone()).prop_map(|(period, count)| DateLiteral::NextN(period, count)),
        (period(), count).prop_map(|(period, count)| DateLiteral::Ago(period, count)),
    ]
    .boxed()
}

fn day() -> BoxedStrategy<NaiveDate> {
    let from_ymd = |(year, day)| NaiveDate::from_yo_opt(year, day).unwrap();
    (1..=9999, 1..=365_u32).prop_map(from_ymd).boxed()
}

fn clock() -> BoxedStrategy<NaiveTime> {
    let time =
        |(seconds, nanos)| NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos).unwrap();
    (
        0..86_400_u32,
        prop_oneof![Just(0), Just(500_000_000), 0..1_000_000_000_u32],
    )
        .prop_map(time)
        .boxed()
}

fn value() -> BoxedStrategy<Value> {
    let currency = select(vec!["USD", "EUR"]).prop_map(|code| Name::new(code).unwrap());
    let amount = number().prop_filter("currency has no sign", |number| *number >= Number::from(0));
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        text().prop_map(Value::Text),
        number().prop_map(Value::Number),
        (currency, amount).prop_map(|(code, amount)| Value::Currency(code, amount)),
        day().prop_map(Value::Date),
        (day(), clock()).prop_map(|(day, clock)| Value::DateTime(day.and_time(clock).and_utc())),
        clock().prop_map(Value::Time),
        date_literal().prop_map(Value::Relative),
    ]
    .boxed()
}

/// Runs of literals are joined, as the parser joins them.
fn pattern() -> BoxedStrategy<LikePattern> {
    let piece = prop_oneof![
        Just(PatternPiece::AnyOne),
        Just(PatternPiece::AnyRun),
        text()
            .prop_filter("not empty", |text| !text.is_empty())
            .prop_map(PatternPiece::Literal),
    ];
    vec(piece, 0..5)
        .prop_map(|mut pieces| {
            let literal = |piece: &PatternPiece| matches!(piece, PatternPiece::Literal(_));
            pieces.dedup_by(|next, before| literal(next) && literal(before));
            LikePattern(pieces)
        })
        .boxed()
}

fn comparison() -> BoxedStrategy<Condition> {
    let operators = vec![
        Operator::Equal,
        Operator::NotEqual,
        Operator::Less,
        Operator::LessOrEqual,
        Operator::Greater,
        Operator::GreaterOrEqual,
    ];
    let right = prop_oneof![
        4 => (select(operators), value()),
        1 => pattern().prop_map(|pattern| (Operator::Like, Value::Pattern(pattern))),
    ];
    let make = |(left, (operator, value))| {
        Condition::Compare(Comparison {
            left,
            operator,
            value,
            origin: Origin::default(),
        })
    };
    (operand(), right).prop_map(make).boxed()
}

fn leaf() -> BoxedStrategy<Condition> {
    let origin = Origin::default();
    let values = || vec(value(), 1..4);
    prop_oneof![
        4 => comparison(),
        1 => (operand(), any::<bool>(), values()).prop_map(move |(left, negated, values)| {
            Condition::In(Membership { left, negated, set: Set::Values(values), origin })
        }),
        1 => (operand(), any::<bool>(), values()).prop_map(move |(left, negated, values)| {
            Condition::Multi(MultiMatch { left, negated, values, origin })
        }),
        1 => (operand(), any::<bool>(), path(), name(), option::of(comparison())).prop_map(
            move |(left, negated, column, object, filter)| {
                let expression = SelectExpression::Field(column);
                let item = SelectItem { expression, alias: None };
                let source = Source { path: Path::of(vec![object]), alias: None };
                let query = Query { filter, ..plain(Select::Items(vec![item]), source) };
                Condition::In(Membership { left, negated, set: Set::Query(Box::new(query)), origin })
            }
        ),
    ]
    .boxed()
}

fn condition() -> BoxedStrategy<Condition> {
    leaf()
        .prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                vec(inner.clone(), 2..4).prop_map(Condition::And),
                vec(inner.clone(), 2..4).prop_map(Condition::Or),
                inner.prop_map(|term| Condition::Not(Box::new(term))),
            ]
        })
        .boxed()
}

fn plain(select: Select, source: Source) -> Query {
    Query {
        select,
        from: vec![source],
        scope: None,
        filter: None,
        with: Vec::new(),
        group_by: None,
        having: None,
        order_by: Vec::new(),
        limit: None,
        offset: None,
        view: None,
        update: Vec::new(),
    }
}

fn source() -> BoxedStrategy<Source> {
    let make = |(names, alias)| Source {
        path: Path::of(names),
        alias,
    };
    (vec(name(), 1..3), option::of(name()))
        .prop_map(make)
        .boxed()
}

fn type_of() -> BoxedStrategy<TypeOf> {
    let branch =
        (name(), vec(path(), 1..3)).prop_map(|(object, fields)| TypeBranch { object, fields });
    (path(), vec(branch, 1..3), vec(path(), 0..2))
        .prop_map(|(subject, branches, otherwise)| TypeOf {
            subject,
            branches,
            otherwise,
        })
        .boxed()
}

fn item(children: BoxedStrategy<Query>) -> BoxedStrategy<SelectItem> {
    let expression = prop_oneof![
        4 => path().prop_map(SelectExpression::Field),
        2 => call().prop_map(SelectExpression::Call),
        1 => type_of().prop_map(SelectExpression::TypeOf),
        1 => children.prop_map(|query| SelectExpression::Children(Box::new(query))),
    ];
    (expression, option::weighted(0.2, name()))
        .prop_map(|(expression, alias)| SelectItem { expression, alias })
        .boxed()
}

fn with() -> BoxedStrategy<With> {
    let selector = select(vec![
        CategorySelector::At,
        CategorySelector::Above,
        CategorySelector::Below,
        CategorySelector::AboveOrBelow,
    ]);
    let category =
        (name(), selector, vec(name(), 1..3)).prop_map(|(group, selector, categories)| {
            CategoryFilter {
                group,
                selector,
                categories,
            }
        });
    let setting = prop_oneof![
        text().prop_map(Value::Text),
        any::<bool>().prop_map(Value::Bool)
    ];
    prop_oneof![
        name().prop_map(With::Mode),
        vec(category, 1..3).prop_map(With::DataCategory),
        (name(), text()).prop_map(|(key, text)| With::Setting(key, Value::Text(text))),
        (name(), vec((name(), setting), 1..3)).prop_map(|(key, all)| With::Context(key, all)),
    ]
    .boxed()
}

fn order_by() -> BoxedStrategy<OrderBy> {
    let direction = option::of(select(vec![Direction::Ascending, Direction::Descending]));
    let nulls = option::of(select(vec![Nulls::First, Nulls::Last]));
    (operand(), direction, nulls)
        .prop_map(|(operand, direction, nulls)| OrderBy {
            operand,
            direction,
            nulls,
        })
        .boxed()
}

fn group_by() -> BoxedStrategy<GroupBy> {
    let kind = select(vec![Grouping::Plain, Grouping::Rollup, Grouping::Cube]);
    (kind, vec(operand(), 1..3))
        .prop_map(|(kind, operands)| GroupBy { kind, operands })
        .boxed()
}

/// Any tree that the grammar can express.
fn query(children: BoxedStrategy<Query>) -> BoxedStrategy<Query> {
    let select = prop_oneof![
        1 => Just(Select::Count),
        5 => vec(item(children), 1..4).prop_map(Select::Items),
    ];
    let head = (
        select,
        vec(source(), 1..3),
        option::of(name()),
        option::of(condition()),
    );
    let groups = option::of((group_by(), option::of(condition())));
    let rest = (vec(with(), 0..2), groups, vec(order_by(), 0..3));
    let counts = (option::of(any::<u32>()), option::of(any::<u32>()));
    let views = option::of(prop_oneof![Just(View::View), Just(View::Reference)]);
    let updates = vec(
        prop_oneof![Just(Tracking::Tracking), Just(Tracking::Viewstat)],
        0..3,
    );
    (head, rest, counts, views, updates)
        .prop_map(
            |((select, from, scope, filter), (with, groups, order_by), counts, view, update)| {
                let (group_by, having) = groups.unzip();
                let having = having.flatten();
                let (limit, offset) = counts;
                Query {
                    select,
                    from,
                    scope,
                    filter,
                    with,
                    group_by,
                    having,
                    order_by,
                    limit,
                    offset,
                    view,
                    update,
                }
            },
        )
        .boxed()
}

pub(super) fn any_query() -> BoxedStrategy<Query> {
    let nothing = plain(
        Select::Count,
        Source {
            path: Path::of(vec![Name::new("A").unwrap()]),
            alias: None,
        },
    );
    query(query(Just(nothing).boxed()))
}
