//! The shape of one object: its fields, their types, and what a client may do with each.

use std::collections::HashMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Id,
    Reference,
    String,
    Email,
    Phone,
    Url,
    Picklist,
    Textarea,
    Boolean,
    Int,
    Double,
    Currency,
    Percent,
    Date,
    DateTime,
}

impl Kind {
    /// The `type` of a describe.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Reference => "reference",
            Self::String => "string",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Url => "url",
            Self::Picklist => "picklist",
            Self::Textarea => "textarea",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Double => "double",
            Self::Currency => "currency",
            Self::Percent => "percent",
            Self::Date => "date",
            Self::DateTime => "datetime",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        [
            Self::Reference,
            Self::String,
            Self::Email,
            Self::Phone,
            Self::Url,
            Self::Picklist,
            Self::Textarea,
            Self::Boolean,
            Self::Int,
            Self::Double,
            Self::Currency,
            Self::Percent,
            Self::Date,
            Self::DateTime,
        ]
        .into_iter()
        .find(|kind| kind.name() == name)
    }

    /// The `soapType` of a describe.
    pub(crate) fn soap(self) -> &'static str {
        match self {
            Self::Id | Self::Reference => "tns:ID",
            Self::Boolean => "xsd:boolean",
            Self::Int => "xsd:int",
            Self::Double | Self::Currency | Self::Percent => "xsd:double",
            Self::Date => "xsd:date",
            Self::DateTime => "xsd:dateTime",
            _ => "xsd:string",
        }
    }

    pub(crate) fn is_text(self) -> bool {
        self.soap() == "xsd:string"
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) length: u32,
    pub(crate) writable: bool,
    pub(crate) required: bool,
    /// Hidden by field-level security: absent from describe, unknown to queries.
    pub(crate) hidden: bool,
    pub(crate) refers_to: &'static [&'static str],
    pub(crate) relationship: Option<&'static str>,
    pub(crate) picklist: &'static [&'static str],
}

impl Field {
    pub(crate) fn new(name: &str, kind: Kind, length: u32) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            length,
            writable: true,
            required: false,
            hidden: false,
            refers_to: &[],
            relationship: None,
            picklist: &[],
        }
    }

    pub(crate) fn read_only(mut self) -> Self {
        self.writable = false;
        self
    }

    pub(crate) fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(crate) fn to(
        mut self,
        objects: &'static [&'static str],
        relationship: &'static str,
    ) -> Self {
        self.refers_to = objects;
        self.relationship = Some(relationship);
        self
    }

    pub(crate) fn picks(mut self, values: &'static [&'static str]) -> Self {
        self.picklist = values;
        self
    }

    pub(crate) fn is_custom(&self) -> bool {
        self.name.ends_with("__c")
    }
}

/// A list of children that a query may ask for: `SELECT (SELECT Id FROM Contacts) FROM Account`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Children {
    pub(crate) relationship: &'static str,
    pub(crate) object: &'static str,
    pub(crate) field: &'static str,
}

/// The system fields stand first in every object, in this order.
pub(crate) mod column {
    pub(crate) const ID: usize = 0;
    pub(crate) const IS_DELETED: usize = 1;
    pub(crate) const CREATED_DATE: usize = 2;
    pub(crate) const CREATED_BY: usize = 3;
    pub(crate) const MODIFIED_DATE: usize = 4;
    pub(crate) const MODIFIED_BY: usize = 5;
    pub(crate) const STAMP: usize = 6;
}

#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) name: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) prefix: &'static str,
    pub(crate) fields: Vec<Field>,
    pub(crate) children: &'static [Children],
    by_name: HashMap<String, usize>,
}

impl Object {
    pub(crate) fn new(
        name: &'static str,
        plural: &'static str,
        prefix: &'static str,
        own: Vec<Field>,
        children: &'static [Children],
    ) -> Self {
        let mut object = Self {
            name,
            plural,
            prefix,
            fields: Vec::new(),
            children,
            by_name: HashMap::new(),
        };
        for field in system_fields().into_iter().chain(own) {
            object.add(field);
        }
        object
    }

    /// Adds the field, or replaces the one of that name.
    pub(crate) fn add(&mut self, field: Field) {
        let key = field.name.to_ascii_lowercase();
        match self
            .by_name
            .get(&key)
            .and_then(|at| self.fields.get_mut(*at))
        {
            Some(place) => *place = field,
            None => {
                self.by_name.insert(key, self.fields.len());
                self.fields.push(field);
            }
        }
    }

    /// Field names ignore case. A hidden field is not found.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        let at = self.stored_column(name)?;
        self.fields
            .get(at)
            .is_some_and(|field| !field.hidden)
            .then_some(at)
    }

    /// As [`Self::column`], but hidden fields are found: for the administrator's loads.
    pub(crate) fn stored_column(&self, name: &str) -> Option<usize> {
        match self.by_name.get(name) {
            Some(at) => Some(*at),
            None => self.by_name.get(&name.to_ascii_lowercase()).copied(),
        }
    }

    /// The reference field that a dotted path goes through: `Owner` -> `OwnerId`.
    pub(crate) fn reference(&self, relationship: &str) -> Option<(usize, &Field)> {
        self.fields.iter().enumerate().find(|(_, field)| {
            !field.hidden
                && field
                    .relationship
                    .is_some_and(|name| name.eq_ignore_ascii_case(relationship))
        })
    }
}

fn system_fields() -> Vec<Field> {
    vec![
        Field::new("Id", Kind::Id, 18).read_only(),
        Field::new("IsDeleted", Kind::Boolean, 0).read_only(),
        Field::new("CreatedDate", Kind::DateTime, 0).read_only(),
        Field::new("CreatedById", Kind::Reference, 18)
            .to(&["User"], "CreatedBy")
            .read_only(),
        Field::new("LastModifiedDate", Kind::DateTime, 0).read_only(),
        Field::new("LastModifiedById", Kind::Reference, 18)
            .to(&["User"], "LastModifiedBy")
            .read_only(),
        Field::new("SystemModstamp", Kind::DateTime, 0).read_only(),
    ]
}
