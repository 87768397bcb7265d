//! What a query may name. The set of objects is closed here, in code; the fields of each object
//! are a hard-coded table that a tenant's field policy may extend.

use crate::name::Name;

/// The objects that lead routing reads (control LR-26).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Object {
    Lead,
    Contact,
    Account,
    Group,
    QueueSobject,
    User,
}

impl Object {
    pub const ALL: [Self; 6] = [
        Self::Lead,
        Self::Contact,
        Self::Account,
        Self::Group,
        Self::QueueSobject,
        Self::User,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Lead => "Lead",
            Self::Contact => "Contact",
            Self::Account => "Account",
            Self::Group => "Group",
            Self::QueueSobject => "QueueSobject",
            Self::User => "User",
        }
    }

    /// Without regard to case, as SOQL compares names.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|object| object.name().eq_ignore_ascii_case(name))
    }

    /// The first three characters of the object's ids.
    pub const fn key_prefix(self) -> &'static str {
        match self {
            Self::Lead => "00Q",
            Self::Contact => "003",
            Self::Account => "001",
            Self::Group => "00G",
            Self::QueueSobject => "03g",
            Self::User => "005",
        }
    }
}

/// Salesforce's field types, as far as the guard tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldType {
    /// The record's own id.
    Id,
    /// The id of another record.
    Reference,
    Boolean,
    /// string, email, phone, url, textarea, combobox, auto number
    Text,
    /// Long and rich text: cannot be filtered or sorted by.
    LongText,
    Picklist,
    MultiPicklist,
    Integer,
    /// double, percent
    Decimal,
    Currency,
    Date,
    DateTime,
    Time,
}

impl FieldType {
    /// The name that a describe answer gives. None for compound, encrypted and binary fields,
    /// which routing never reads.
    pub fn from_describe(name: &str) -> Option<Self> {
        Some(match name {
            "id" => Self::Id,
            "reference" => Self::Reference,
            "boolean" => Self::Boolean,
            "string" | "email" | "phone" | "url" | "textarea" | "combobox" => Self::Text,
            "picklist" => Self::Picklist,
            "multipicklist" => Self::MultiPicklist,
            "int" | "long" => Self::Integer,
            "double" | "percent" => Self::Decimal,
            "currency" => Self::Currency,
            "date" => Self::Date,
            "datetime" => Self::DateTime,
            "time" => Self::Time,
            _ => return None,
        })
    }
}

/// What is known of a field's values beyond its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Domain {
    /// Whatever the type allows.
    Typed,
    /// One of these texts.
    OneOf(Vec<String>),
    /// True for no record that a query returns: IsDeleted (only queryAll returns such rows), and
    /// IsConverted on Lead (the guard adds `IsConverted = FALSE`).
    AlwaysFalse,
    /// Set by Salesforce's clock: never before Salesforce existed, never in the future.
    Stamp,
    /// Ids that begin with this prefix; unique per record.
    Unique(Object),
    /// A whole number within bounds, both included: what a date function returns.
    Between(i64, i64),
}

#[derive(Clone, Debug)]
pub struct Field {
    pub(crate) name: Name,
    pub(crate) kind: FieldType,
    /// Never null.
    pub(crate) required: bool,
    pub(crate) filterable: bool,
    pub(crate) sortable: bool,
    pub(crate) domain: Domain,
}

impl Field {
    /// None when the name is not an identifier.
    pub fn new(name: &str, kind: FieldType) -> Option<Self> {
        let domain = match (kind, name) {
            (FieldType::DateTime, "CreatedDate" | "LastModifiedDate" | "SystemModstamp") => {
                Domain::Stamp
            }
            (FieldType::Boolean, "IsDeleted") => Domain::AlwaysFalse,
            _ => Domain::Typed,
        };
        let open = !matches!(kind, FieldType::LongText);
        Some(Self {
            name: Name::new(name)?,
            kind,
            required: matches!(kind, FieldType::Id | FieldType::Boolean) || domain == Domain::Stamp,
            filterable: open,
            sortable: open && kind != FieldType::MultiPicklist,
            domain,
        })
    }

    /// Salesforce refuses records without it (`nillable: false` in describe).
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Describe says that WHERE may not name it.
    #[must_use]
    pub fn not_filterable(mut self) -> Self {
        self.filterable = false;
        self
    }

    /// Describe says that ORDER BY may not name it.
    #[must_use]
    pub fn not_sortable(mut self) -> Self {
        self.sortable = false;
        self
    }

    /// Its values are a closed list that nobody can add to.
    #[must_use]
    pub fn one_of(mut self, values: &[&str]) -> Self {
        self.domain = Domain::OneOf(values.iter().map(|value| value.to_lowercase()).collect());
        self
    }

    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    pub fn kind(&self) -> FieldType {
        self.kind
    }
}

/// A relationship that may be followed one step, and the fields that may be read at its end.
#[derive(Clone, Debug)]
pub(crate) struct Relation {
    pub(crate) name: Name,
    /// The field of the object that holds the id, as OwnerId for Owner.
    pub(crate) key: Name,
    pub(crate) fields: Vec<Field>,
}

#[derive(Clone, Debug)]
struct Entry {
    object: Object,
    fields: Vec<Field>,
    relations: Vec<Relation>,
}

/// Objects, their fields with types, and the relationships that may be followed.
#[derive(Clone, Debug)]
pub struct AllowList {
    entries: Vec<Entry>,
}

impl AllowList {
    /// The hard-coded table alone, without custom fields.
    pub fn standard() -> Self {
        let entry = |object| Entry {
            object,
            fields: super::standard::fields(object),
            relations: super::standard::relations(object),
        };
        Self {
            entries: Object::ALL.map(entry).to_vec(),
        }
    }

    /// Adds a field of Lead, Contact or Account that the tenant's policy names. The other objects
    /// are fixed, and a field of the hard-coded table keeps what the table says of it.
    #[must_use]
    pub fn allow(mut self, object: Object, field: Field) -> Self {
        let open = matches!(object, Object::Lead | Object::Contact | Object::Account);
        let known = self.field(object, &field.name).is_some();
        let entry = self.entries.iter_mut().find(|entry| entry.object == object);
        if let (Some(entry), true, false) = (entry, open, known) {
            entry.fields.push(field);
        }
        self
    }

    /// Takes a field away again, for a policy that is narrower than the table. The fields by which
    /// Revkeep itself pages and tells records apart stay.
    #[must_use]
    pub fn forbid(mut self, object: Object, field: &str) -> Self {
        let needed = [
            "Id",
            "OwnerId",
            "SystemModstamp",
            "IsDeleted",
            "IsConverted",
        ];
        let kept = needed.iter().any(|name| name.eq_ignore_ascii_case(field));
        for entry in self
            .entries
            .iter_mut()
            .filter(|entry| entry.object == object && !kept)
        {
            entry.fields.retain(|known| !known.name.is(field));
        }
        self
    }

    /// The allowed fields of an object, relationships aside.
    pub fn fields(&self, object: Object) -> &[Field] {
        self.entry(object).map_or(&[], |entry| &entry.fields)
    }

    pub(crate) fn field(&self, object: Object, name: &Name) -> Option<&Field> {
        self.fields(object).iter().find(|field| field.name == *name)
    }

    pub(crate) fn relation(&self, object: Object, name: &Name) -> Option<&Relation> {
        self.entry(object)?
            .relations
            .iter()
            .find(|relation| relation.name == *name)
    }

    /// For a message: the relationships that may be followed, or "nothing".
    pub(crate) fn relation_names(&self, object: Object) -> String {
        let relations = self.entry(object).map_or(&[][..], |entry| &entry.relations);
        let names: Vec<&str> = relations
            .iter()
            .map(|relation| relation.name.as_str())
            .collect();
        if names.is_empty() {
            "nothing".to_owned()
        } else {
            names.join(", ")
        }
    }

    fn entry(&self, object: Object) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.object == object)
    }
}
