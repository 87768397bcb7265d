//! The words of the layer: which objects, which types, which data classes.

use serde::{Deserialize, Serialize};

/// The CRM objects that can be routed, and so can be in the layer (LR-26, LR-27).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Object {
    Lead,
    Contact,
}

impl Object {
    pub const ALL: [Self; 2] = [Self::Lead, Self::Contact];

    /// The CRM's own name, which is also the name on the wire and in the tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lead => "Lead",
            Self::Contact => "Contact",
        }
    }
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|object| object.name() == name)
    }
}

/// How the values of a field are read and compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldType {
    String,
    Number,
    Boolean,
    Date,
    DateTime,
    Picklist,
    Id,
}

impl FieldType {
    pub const ALL: [Self; 7] = [
        Self::String,
        Self::Number,
        Self::Boolean,
        Self::Date,
        Self::DateTime,
        Self::Picklist,
        Self::Id,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::DateTime => "datetime",
            Self::Picklist => "picklist",
            Self::Id => "id",
        }
    }
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The layer's type for a type name of Salesforce's describe; `None` for types that the layer
    /// does not take (addresses, encrypted text, binary content).
    pub fn from_describe(name: &str) -> Option<Self> {
        match name {
            "string" | "textarea" | "email" | "phone" | "url" | "multipicklist" | "combobox" => {
                Some(Self::String)
            }
            "double" | "int" | "long" | "currency" | "percent" => Some(Self::Number),
            "boolean" => Some(Self::Boolean),
            "date" => Some(Self::Date),
            "datetime" => Some(Self::DateTime),
            "picklist" => Some(Self::Picklist),
            "id" | "reference" => Some(Self::Id),
            _ => None,
        }
    }
}

/// What kind of data a field holds (CX-09, CX-32). It decides who may see it and what erases it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DataClass {
    /// About a person: a name, an address, a phone number.
    CrmPersonal,
    /// About a company or a deal.
    CrmBusiness,
    /// An id of the CRM.
    CrmId,
}

impl DataClass {
    pub const ALL: [Self; 3] = [Self::CrmPersonal, Self::CrmBusiness, Self::CrmId];

    pub const fn name(self) -> &'static str {
        match self {
            Self::CrmPersonal => "crm_personal",
            Self::CrmBusiness => "crm_business",
            Self::CrmId => "crm_id",
        }
    }
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_on_the_wire_are_the_names_in_the_tables() {
        for kind in FieldType::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
            assert_eq!(FieldType::from_name(kind.name()), Some(kind));
        }
        for class in DataClass::ALL {
            assert_eq!(serde_json::to_value(class).unwrap(), class.name());
            assert_eq!(DataClass::from_name(class.name()), Some(class));
        }
        for object in Object::ALL {
            assert_eq!(serde_json::to_value(object).unwrap(), object.name());
        }
        assert_eq!(Object::from_name("Opportunity"), None);
    }

    #[test]
    fn a_type_that_the_layer_does_not_take_is_refused() {
        assert_eq!(FieldType::from_describe("encryptedstring"), None);
        assert_eq!(FieldType::from_describe("address"), None);
        assert_eq!(FieldType::from_describe("reference"), Some(FieldType::Id));
    }
}
