//! The standard objects that the simulated organisation has, and their fields.

use super::object::{Children, Field, Kind, Object};

const SALUTATIONS: &[&str] = &["Mr.", "Ms.", "Mrs.", "Dr.", "Prof.", "Mx."];
pub(crate) const SOURCES: &[&str] = &[
    "Web",
    "Phone Inquiry",
    "Partner Referral",
    "Purchased List",
    "Trade Show",
    "Other",
];
pub(crate) const RATINGS: &[&str] = &["Hot", "Warm", "Cold"];
pub(crate) const INDUSTRIES: &[&str] = &[
    "Agriculture",
    "Banking",
    "Biotechnology",
    "Construction",
    "Consulting",
    "Education",
    "Energy",
    "Engineering",
    "Finance",
    "Government",
    "Healthcare",
    "Hospitality",
    "Insurance",
    "Manufacturing",
    "Media",
    "Not For Profit",
    "Retail",
    "Technology",
    "Telecommunications",
    "Transportation",
    "Utilities",
];
const STATUSES: &[&str] = &[
    "Open - Not Contacted",
    "Working - Contacted",
    "Closed - Converted",
    "Closed - Not Converted",
];
const STAGES: &[&str] = &[
    "Prospecting",
    "Qualification",
    "Needs Analysis",
    "Value Proposition",
    "Proposal/Price Quote",
    "Negotiation/Review",
    "Closed Won",
    "Closed Lost",
];
const GROUP_TYPES: &[&str] = &["Regular", "Role", "Queue", "Organization"];

pub(crate) fn objects() -> Vec<Object> {
    vec![
        user(),
        group(),
        queue_sobject(),
        group_member(),
        account(),
        contact(),
        lead(),
        opportunity(),
    ]
}

fn text(name: &str, length: u32) -> Field {
    Field::new(name, Kind::String, length)
}

fn flag(name: &str) -> Field {
    Field::new(name, Kind::Boolean, 0)
}

fn pick(name: &str, values: &'static [&'static str]) -> Field {
    Field::new(name, Kind::Picklist, 255).picks(values)
}

fn email(name: &str) -> Field {
    Field::new(name, Kind::Email, 80)
}

fn phone(name: &str) -> Field {
    Field::new(name, Kind::Phone, 40)
}

fn refers(name: &str, to: &'static [&'static str], relationship: &'static str) -> Field {
    Field::new(name, Kind::Reference, 18).to(to, relationship)
}

fn address(prefix: &str) -> Vec<Field> {
    vec![
        Field::new(&format!("{prefix}Street"), Kind::Textarea, 255),
        text(&format!("{prefix}City"), 40),
        text(&format!("{prefix}State"), 80),
        text(&format!("{prefix}PostalCode"), 20),
        text(&format!("{prefix}Country"), 80),
    ]
}

/// `Name` is made of these three on every write.
fn person_name() -> Vec<Field> {
    vec![
        text("Name", 121).read_only(),
        text("FirstName", 40),
        text("LastName", 80).required(),
        pick("Salutation", SALUTATIONS),
    ]
}

fn user() -> Object {
    let mut fields = person_name();
    fields.retain(|field| field.name != "Salutation");
    fields.extend([
        text("Username", 80).required(),
        email("Email"),
        text("Alias", 8),
        flag("IsActive"),
        pick("UserType", &["Standard", "Guest", "AutomatedProcess"]),
        text("Title", 80),
        text("Department", 80),
        text("TimeZoneSidKey", 40),
        text("LanguageLocaleKey", 40),
        refers("ManagerId", &["User"], "Manager"),
    ]);
    Object::new("User", "Users", "005", fields, &[])
}

fn group() -> Object {
    let fields = vec![
        text("Name", 40).required(),
        text("DeveloperName", 80),
        pick("Type", GROUP_TYPES).required(),
        email("Email"),
        refers("OwnerId", &["User"], "Owner"),
        flag("DoesSendEmailToMembers"),
        flag("DoesIncludeBosses"),
    ];
    const CHILDREN: &[Children] = &[
        Children {
            relationship: "GroupMembers",
            object: "GroupMember",
            field: "GroupId",
        },
        Children {
            relationship: "QueueSobjects",
            object: "QueueSobject",
            field: "QueueId",
        },
    ];
    Object::new("Group", "Groups", "00G", fields, CHILDREN)
}

fn queue_sobject() -> Object {
    let fields = vec![
        refers("QueueId", &["Group"], "Queue").required(),
        text("SobjectType", 40).required(),
    ];
    Object::new("QueueSobject", "Queue Sobjects", "03g", fields, &[])
}

fn group_member() -> Object {
    let fields = vec![
        refers("GroupId", &["Group"], "Group").required(),
        refers("UserOrGroupId", &["Group", "User"], "UserOrGroup").required(),
    ];
    Object::new("GroupMember", "Group Members", "011", fields, &[])
}

fn account() -> Object {
    let mut fields = vec![
        text("Name", 255).required(),
        pick("Industry", INDUSTRIES),
        Field::new("Website", Kind::Url, 255),
        phone("Phone"),
        Field::new("NumberOfEmployees", Kind::Int, 0),
        Field::new("AnnualRevenue", Kind::Currency, 0),
        pick(
            "Type",
            &["Prospect", "Customer - Direct", "Partner", "Other"],
        ),
        pick("Rating", RATINGS),
        Field::new("Description", Kind::Textarea, 32_000),
        refers("ParentId", &["Account"], "Parent"),
        refers("OwnerId", &["User"], "Owner"),
    ];
    fields.extend(address("Billing"));
    const CHILDREN: &[Children] = &[
        Children {
            relationship: "Contacts",
            object: "Contact",
            field: "AccountId",
        },
        Children {
            relationship: "Opportunities",
            object: "Opportunity",
            field: "AccountId",
        },
    ];
    Object::new("Account", "Accounts", "001", fields, CHILDREN)
}

fn contact() -> Object {
    let mut fields = person_name();
    fields.extend([
        refers("AccountId", &["Account"], "Account"),
        email("Email"),
        phone("Phone"),
        phone("MobilePhone"),
        text("Title", 128),
        text("Department", 80),
        pick("LeadSource", SOURCES),
        Field::new("Description", Kind::Textarea, 32_000),
        refers("OwnerId", &["User"], "Owner"),
    ]);
    fields.extend(address("Mailing"));
    Object::new("Contact", "Contacts", "003", fields, &[])
}

fn lead() -> Object {
    let mut fields = person_name();
    fields.extend([
        text("Company", 255).required(),
        text("Title", 128),
        email("Email"),
        phone("Phone"),
        phone("MobilePhone"),
        Field::new("Website", Kind::Url, 255),
        pick("LeadSource", SOURCES),
        pick("Status", STATUSES),
        pick("Industry", INDUSTRIES),
        pick("Rating", RATINGS),
        Field::new("NumberOfEmployees", Kind::Int, 0),
        Field::new("AnnualRevenue", Kind::Currency, 0),
        Field::new("Description", Kind::Textarea, 32_000),
        flag("HasOptedOutOfEmail"),
        flag("IsConverted").read_only(),
        Field::new("ConvertedDate", Kind::Date, 0).read_only(),
        refers("ConvertedAccountId", &["Account"], "ConvertedAccount").read_only(),
        refers("OwnerId", &["Group", "User"], "Owner"),
    ]);
    fields.extend(address(""));
    Object::new("Lead", "Leads", "00Q", fields, &[])
}

fn opportunity() -> Object {
    let fields = vec![
        text("Name", 120).required(),
        refers("AccountId", &["Account"], "Account"),
        pick("StageName", STAGES).required(),
        Field::new("Amount", Kind::Currency, 0),
        Field::new("Probability", Kind::Percent, 0),
        Field::new("CloseDate", Kind::Date, 0).required(),
        flag("IsClosed").read_only(),
        flag("IsWon").read_only(),
        pick("Type", &["Existing Business", "New Business"]),
        pick("LeadSource", SOURCES),
        text("NextStep", 255),
        Field::new("Description", Kind::Textarea, 32_000),
        refers("OwnerId", &["User"], "Owner"),
    ];
    Object::new("Opportunity", "Opportunities", "006", fields, &[])
}
