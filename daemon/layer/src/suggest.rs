//! What class a field of the CRM most likely has, proposed to the person who adds it and decides.

use crate::model::DataClass;

/// Standard fields of Lead and Contact that are about a person.
const PERSONAL: [&str; 24] = [
    "AssistantName",
    "AssistantPhone",
    "Birthdate",
    "City",
    "Description",
    "Email",
    "Fax",
    "FirstName",
    "HomePhone",
    "LastName",
    "MailingCity",
    "MailingPostalCode",
    "MailingStreet",
    "MiddleName",
    "MobilePhone",
    "Name",
    "OtherPhone",
    "Phone",
    "PhotoUrl",
    "PostalCode",
    "Salutation",
    "Street",
    "Suffix",
    "Title",
];

/// `describe_type` is the type name of the CRM's describe.
pub fn class_suggested(name: &str, describe_type: &str) -> DataClass {
    match describe_type {
        "id" | "reference" => DataClass::CrmId,
        "email" | "phone" => DataClass::CrmPersonal,
        _ if PERSONAL.contains(&name) => DataClass::CrmPersonal,
        _ => DataClass::CrmBusiness,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_from_companies() {
        assert_eq!(class_suggested("Email", "email"), DataClass::CrmPersonal);
        assert_eq!(class_suggested("Second_Mail__c", "email"), DataClass::CrmPersonal);
        assert_eq!(class_suggested("LastName", "string"), DataClass::CrmPersonal);
        assert_eq!(class_suggested("Company", "string"), DataClass::CrmBusiness);
        assert_eq!(class_suggested("OwnerId", "reference"), DataClass::CrmId);
    }
}
