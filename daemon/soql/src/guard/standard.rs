//! The hard-coded table of fields and relationships that routing may read.

use super::allow::{Domain, Field, FieldType, Object, Relation};
use crate::name::Name;

use FieldType::{
    Boolean, Currency, Date, DateTime, Id, Integer, LongText, Picklist, Reference, Text,
};

/// `!` after a name: Salesforce never leaves the field empty.
type Row = (&'static str, FieldType);

const SYSTEM: &[Row] = &[
    ("IsDeleted", Boolean),
    ("CreatedDate", DateTime),
    ("LastModifiedDate", DateTime),
    ("SystemModstamp", DateTime),
];

const LEAD: &[Row] = &[
    ("OwnerId!", Reference),
    ("IsConverted", Boolean),
    ("Name!", Text),
    ("FirstName", Text),
    ("LastName!", Text),
    ("Salutation", Picklist),
    ("Title", Text),
    ("Company!", Text),
    ("Email", Text),
    ("Phone", Text),
    ("MobilePhone", Text),
    ("Website", Text),
    ("Street", Text),
    ("City", Text),
    ("State", Text),
    ("PostalCode", Text),
    ("Country", Text),
    ("LeadSource", Picklist),
    ("Status!", Picklist),
    ("Industry", Picklist),
    ("Rating", Picklist),
    ("AnnualRevenue", Currency),
    ("NumberOfEmployees", Integer),
    ("Description", LongText),
    ("IsUnreadByOwner", Boolean),
    ("ConvertedDate", Date),
    ("LastActivityDate", Date),
    ("CreatedById!", Reference),
    ("LastModifiedById!", Reference),
];

const CONTACT: &[Row] = &[
    ("OwnerId!", Reference),
    ("AccountId", Reference),
    ("Name!", Text),
    ("FirstName", Text),
    ("LastName!", Text),
    ("Salutation", Picklist),
    ("Title", Text),
    ("Department", Text),
    ("Email", Text),
    ("Phone", Text),
    ("MobilePhone", Text),
    ("MailingCity", Text),
    ("MailingState", Text),
    ("MailingPostalCode", Text),
    ("MailingCountry", Text),
    ("LeadSource", Picklist),
    ("Description", LongText),
    ("LastActivityDate", Date),
    ("CreatedById!", Reference),
    ("LastModifiedById!", Reference),
];

const ACCOUNT: &[Row] = &[
    ("OwnerId!", Reference),
    ("ParentId", Reference),
    ("Name!", Text),
    ("Type", Picklist),
    ("Industry", Picklist),
    ("Rating", Picklist),
    ("Website", Text),
    ("Phone", Text),
    ("BillingCity", Text),
    ("BillingState", Text),
    ("BillingPostalCode", Text),
    ("BillingCountry", Text),
    ("AnnualRevenue", Currency),
    ("NumberOfEmployees", Integer),
    ("LastActivityDate", Date),
    ("CreatedById!", Reference),
    ("LastModifiedById!", Reference),
];

const GROUP: &[Row] = &[
    ("Name!", Text),
    ("DeveloperName", Text),
    ("Type!", Picklist),
    ("Email", Text),
    ("RelatedId", Reference),
    ("CreatedDate", DateTime),
    ("LastModifiedDate", DateTime),
    ("SystemModstamp", DateTime),
];

const QUEUE_SOBJECT: &[Row] = &[
    ("QueueId!", Reference),
    ("SobjectType!", Picklist),
    ("SystemModstamp", DateTime),
];

const USER: &[Row] = &[
    ("Name!", Text),
    ("FirstName", Text),
    ("LastName!", Text),
    ("Email!", Text),
    ("Username!", Text),
    ("Title", Text),
    ("IsActive", Boolean),
    ("UserType!", Picklist),
    ("ManagerId", Reference),
    ("TimeZoneSidKey!", Picklist),
    ("CreatedDate", DateTime),
    ("LastModifiedDate", DateTime),
    ("SystemModstamp", DateTime),
];

fn field((name, kind): &Row) -> Option<Field> {
    match name.strip_suffix('!') {
        Some(name) => Field::new(name, *kind).map(Field::required),
        None => Field::new(name, *kind),
    }
}

pub(super) fn fields(object: Object) -> Vec<Field> {
    let (own, shared) = match object {
        Object::Lead => (LEAD, SYSTEM),
        Object::Contact => (CONTACT, SYSTEM),
        Object::Account => (ACCOUNT, SYSTEM),
        Object::Group => (GROUP, &[][..]),
        Object::QueueSobject => (QUEUE_SOBJECT, &[][..]),
        Object::User => (USER, &[][..]),
    };
    let mut id = Field::new("Id", Id);
    if let Some(id) = &mut id {
        id.domain = Domain::Unique(object);
    }
    let mut fields: Vec<Field> = id
        .into_iter()
        .chain(own.iter().chain(shared).filter_map(field))
        .collect();
    let on_lead = object == Object::Lead;
    for field in fields
        .iter_mut()
        .filter(|field| on_lead && field.name.is("IsConverted"))
    {
        field.domain = Domain::AlwaysFalse;
    }
    fields
}

const PERSON: &[Row] = &[("Name!", Text)];

/// Id needs no row: a relationship's id is read from the key field.
pub(super) fn relations(object: Object) -> Vec<Relation> {
    let users = || PERSON.iter().filter_map(field).collect::<Vec<_>>();
    let user_or_queue = || {
        let kind = Field::new("Type", Picklist);
        let kind = kind.map(|kind| kind.required().one_of(&["User", "Queue"]));
        users().into_iter().chain(kind).collect::<Vec<_>>()
    };
    let accounts = || {
        let rows = [
            "Name",
            "Type",
            "Industry",
            "Rating",
            "BillingCountry",
            "BillingState",
        ];
        let wanted = |field: &Field| rows.iter().any(|row| field.name.is(row));
        ACCOUNT
            .iter()
            .filter_map(field)
            .filter(wanted)
            .collect::<Vec<_>>()
    };
    let relation = |name: &str, key: &str, fields| {
        Some(Relation {
            name: Name::new(name)?,
            key: Name::new(key)?,
            fields,
        })
    };
    let created_by = || relation("CreatedBy", "CreatedById", users());
    let found = match object {
        Object::Lead => vec![relation("Owner", "OwnerId", user_or_queue()), created_by()],
        Object::Contact => vec![
            relation("Owner", "OwnerId", users()),
            relation("Account", "AccountId", accounts()),
            created_by(),
        ],
        Object::Account => vec![relation("Owner", "OwnerId", users()), created_by()],
        Object::QueueSobject => {
            let rows: &[Row] = &[("Name!", Text), ("DeveloperName", Text)];
            vec![relation(
                "Queue",
                "QueueId",
                rows.iter().filter_map(field).collect(),
            )]
        }
        Object::Group | Object::User => Vec::new(),
    };
    found.into_iter().flatten().collect()
}
