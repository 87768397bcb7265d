//! What people's pages ask of Salesforce itself, behind the port of `connections`.

use async_trait::async_trait;
use connections::{AvailableField, EnrollmentCounts, RoutingSource, SourceError};
use db::Db;
use kernel::{Classified, ErrorKind, Principal};
use layer::{Field, FieldType, LayerError, Object};
use soql::guard::{Enrollment, Guarded};

use crate::{
    client::{ApiError, SalesforceClient},
    rows::{allow_list, guarded},
    wire::DescribedField,
};

/// Live reads for the console.
pub struct SalesforceSource {
    db: Db,
    client: SalesforceClient,
}

impl SalesforceSource {
    pub const fn new(db: Db, client: SalesforceClient) -> Self {
        Self { db, client }
    }

    async fn policy(&self, who: &Principal, object: Object) -> Result<Vec<Field>, SourceError> {
        self.db
            .run(who, move |tx| layer::field_list(tx, object))
            .await
            .map_err(|error: LayerError| told(&error))
    }
}

#[async_trait]
impl RoutingSource for SalesforceSource {
    async fn available_fields(
        &self,
        who: &Principal,
        object: &str,
    ) -> Result<Vec<AvailableField>, SourceError> {
        let object = known(object)?;
        let connection = self
            .client
            .routing(who)
            .await
            .map_err(|e| unavailable(&e))?;
        let fields = connection
            .describe(object)
            .await
            .map_err(|e| unavailable(&e))?;
        Ok(fields.iter().filter_map(available).collect())
    }

    async fn enrollment_counts(
        &self,
        who: &Principal,
        object: &str,
        canonical: &str,
    ) -> Result<EnrollmentCounts, SourceError> {
        let object = known(object)?;
        let allow = allow_list(object, &self.policy(who, object).await?);
        let now = self.db.clock().now();
        let refused = |error: soql::SoqlError| SourceError {
            kind: ErrorKind::Conflict,
            code: "enrollment_refused",
            message: error.to_string(),
        };
        let enrollment =
            Enrollment::guard(canonical, guarded(object), &allow, now).map_err(refused)?;
        let everything = match object {
            Object::Lead => "SELECT COUNT() FROM Lead",
            Object::Contact => "SELECT COUNT() FROM Contact",
        };
        let everything = Guarded::fixed(everything, &allow).map_err(refused)?;
        let connection = self
            .client
            .routing(who)
            .await
            .map_err(|e| unavailable(&e))?;
        let count =
            async |query: &Guarded| connection.count(query).await.map_err(|e| unavailable(&e));
        Ok(EnrollmentCounts {
            matching: count(&enrollment.count()).await?,
            total: count(&everything).await?,
        })
    }
}

fn known(object: &str) -> Result<Object, SourceError> {
    Object::from_name(object).ok_or_else(|| SourceError {
        kind: ErrorKind::NotFound,
        code: "not_found",
        message: "There is no such object here.".to_owned(),
    })
}

fn told(error: &impl Classified) -> SourceError {
    SourceError {
        kind: error.kind(),
        code: error.code(),
        message: error.message(),
    }
}

/// A page that needs Salesforce is told that the connection is not available, and why.
fn unavailable(error: &ApiError) -> SourceError {
    let told = told(error);
    match told.kind {
        ErrorKind::Conflict => SourceError {
            kind: ErrorKind::Unavailable,
            code: "connection_unavailable",
            message: told.message,
        },
        _ => told,
    }
}

/// A field of a type that the layer takes.
fn available(field: &DescribedField) -> Option<AvailableField> {
    let kind = FieldType::from_describe(&field.kind)?;
    Some(AvailableField {
        name: field.name.clone(),
        label: field.label.clone(),
        kind: kind.name(),
        personal: is_personal(field),
    })
}

/// A guess by name and type, for a proposal that a person confirms.
fn is_personal(field: &DescribedField) -> bool {
    const WORDS: &[&str] = &[
        "firstname",
        "lastname",
        "middlename",
        "salutation",
        "suffix",
        "email",
        "phone",
        "mobile",
        "fax",
        "street",
        "postalcode",
        "birth",
        "latitude",
        "longitude",
        "photo",
        "linkedin",
        "twitter",
        "description",
        "title",
    ];
    let name = field.name.to_ascii_lowercase();
    matches!(field.kind.as_str(), "email" | "phone")
        || name == "name"
        || WORDS.iter().any(|word| name.contains(word))
}
