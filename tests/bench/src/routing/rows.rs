//! The floor's rows: the columns that Revkeep fills, as text of COPY.

use std::fmt::Write as _;

use anyhow::Result;
use diesel::{
    ExecuteCopyFromDsl as _, PgConnection, QueryResult, connection::SimpleConnection as _,
};
use schema::{assignments, audit_log, layer_records, layer_values, routing_records};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use uuid::Uuid;

use super::floor::{Setup, Written};

/// A lead with the fields of the layer's policy.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Lead {
    pub(crate) id: String,
    pub(crate) owner_id: String,
    pub(crate) created_date: String,
    pub(crate) system_modstamp: String,
    pub(crate) company: Option<String>,
    pub(crate) country: Option<String>,
    pub(crate) industry: Option<String>,
    pub(crate) number_of_employees: Option<Number>,
    pub(crate) lead_source: Option<String>,
    pub(crate) rating: Option<String>,
}

impl Lead {
    fn value(&self, field: &str) -> Option<String> {
        match field {
            "Company" => self.company.clone(),
            "Country" => self.country.clone(),
            "Industry" => self.industry.clone(),
            "LeadSource" => self.lead_source.clone(),
            "Rating" => self.rating.clone(),
            "NumberOfEmployees" => self.number_of_employees.as_ref().map(Number::to_string),
            _ => None,
        }
    }
}

/// Runs one statement without parameters.
pub(crate) fn sql(conn: &mut PgConnection, text: &str) -> Result<()> {
    #[expect(clippy::disallowed_methods, reason = "the floor owns its connection")]
    Ok(conn.batch_execute(text)?)
}

pub(crate) struct Writer<'a> {
    setup: &'a Setup,
    conn: &'a mut PgConnection,
    tenant: Uuid,
    now: String,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(setup: &'a Setup, conn: &'a mut PgConnection) -> Self {
        use kernel::Clock as _;
        Self {
            tenant: setup.tenant,
            setup,
            conn,
            now: kernel::SystemClock.now().to_rfc3339(),
        }
    }

    pub(crate) fn records(&mut self, leads: &[Lead]) -> Result<()> {
        let mut text = String::new();
        let (tenant, now) = (self.tenant, &self.now);
        for lead in leads {
            let fields = escaped(&serde_json::to_string(lead)?);
            let Lead {
                id,
                owner_id,
                created_date,
                system_modstamp,
                ..
            } = lead;
            writeln!(
                text,
                "{tenant}\tLead\t{id}\t{owner_id}\t{fields}\t{created_date}\t{system_modstamp}\t{now}"
            )?;
        }
        use layer_records::dsl as r;
        diesel::copy_from(layer_records::table)
            .from_raw_data(
                (
                    r::tenant_id,
                    r::object,
                    r::record_id,
                    r::owner_id,
                    r::fields,
                    r::source_created_at,
                    r::source_modified_at,
                    r::imported_at,
                ),
                |copy| given(copy, &text),
            )
            .execute(self.conn)?;
        Ok(())
    }

    pub(crate) fn values(&mut self, leads: &[Lead]) -> Result<()> {
        let mut text = String::new();
        for lead in leads {
            for (name, field) in &self.setup.searchable {
                if let Some(value) = lead.value(name) {
                    let value = escaped(&value.to_lowercase());
                    writeln!(text, "{}\t{field}\t{value}\t{}", self.tenant, lead.id)?;
                }
            }
        }
        use layer_values::dsl as v;
        diesel::copy_from(layer_values::table)
            .from_raw_data(
                (v::tenant_id, v::field_id, v::value, v::record_id),
                |copy| given(copy, &text),
            )
            .execute(self.conn)?;
        Ok(())
    }

    pub(crate) fn assignments(&mut self, leads: &[Lead], written: &[Written]) -> Result<()> {
        let mut text = String::new();
        let Setup {
            router,
            rule,
            pool,
            rep,
            reasons,
            ..
        } = self.setup;
        let (tenant, now, reasons) = (self.tenant, &self.now, escaped(reasons));
        for (lead, written) in leads.iter().zip(written) {
            let Written {
                assignment,
                record,
                owner,
            } = written;
            writeln!(
                text,
                "{tenant}\t{now}\t{assignment}\tLead\t{record}\t{router}\t1\t{rule}\t1\tpool\t{pool}\t{rep}\t{owner}\t{}\tassigned\t{reasons}\t{}\t{now}\t{now}",
                lead.owner_id, lead.created_date
            )?;
        }
        use assignments::dsl as a;
        diesel::copy_from(assignments::table)
            .from_raw_data(
                (
                    a::tenant_id,
                    a::decided_at,
                    a::assignment_id,
                    a::object,
                    a::record_id,
                    a::router_id,
                    a::rules_version,
                    a::rule_id,
                    a::rule_version,
                    a::target_kind,
                    a::target_id,
                    a::rep_id,
                    a::new_owner,
                    a::previous_owner,
                    a::state,
                    a::reasons,
                    a::source_created_at,
                    a::sent_at,
                    a::written_at,
                ),
                |copy| given(copy, &text),
            )
            .execute(self.conn)?;
        Ok(())
    }

    pub(crate) fn marks(&mut self, written: &[Written]) -> Result<()> {
        let mut text = String::new();
        let (tenant, now, router) = (self.tenant, &self.now, self.setup.router);
        for Written {
            assignment, record, ..
        } in written
        {
            writeln!(
                text,
                "{tenant}\tLead\t{record}\t{router}\tassigned\t0\t{assignment}\t{now}\t{now}\t{now}"
            )?;
        }
        use routing_records::dsl as r;
        diesel::copy_from(routing_records::table)
            .from_raw_data(
                (
                    r::tenant_id,
                    r::object,
                    r::record_id,
                    r::router_id,
                    r::state,
                    r::attempts,
                    r::assignment_id,
                    r::assignment_at,
                    r::first_seen_at,
                    r::updated_at,
                ),
                |copy| given(copy, &text),
            )
            .execute(self.conn)?;
        Ok(())
    }

    pub(crate) fn audit(&mut self, written: &[Written]) -> Result<()> {
        let mut text = String::new();
        let (tenant, now, actor) = (self.tenant, &self.now, &self.setup.actor);
        for Written { assignment, .. } in written {
            writeln!(
                text,
                "{tenant}\t{now}\t{}\tsystem\t{actor}\trecord_assign\tdone\tassignment\tasg_{assignment}",
                Uuid::now_v7()
            )?;
        }
        use audit_log::dsl as l;
        diesel::copy_from(audit_log::table)
            .from_raw_data(
                (
                    l::tenant_id,
                    l::at,
                    l::audit_id,
                    l::actor_kind,
                    l::actor_id,
                    l::action,
                    l::outcome,
                    l::resource_type,
                    l::resource_id,
                ),
                |copy| given(copy, &text),
            )
            .execute(self.conn)?;
        Ok(())
    }
}

fn given(copy: &mut dyn std::io::Write, text: &str) -> QueryResult<()> {
    copy.write_all(text.as_bytes())
        .map_err(|error| diesel::result::Error::SerializationError(Box::new(error)))
}

/// A value as COPY's text form wants it.
fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('\t', "\\t")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
}

/// Leads as the organisation has them: with holes, spread over countries and sizes.
pub(crate) fn organisation_leads(count: u32, round: u32, status: &str) -> Vec<Value> {
    const COUNTRIES: [&str; 6] = [
        "United States",
        "Germany",
        "France",
        "Austria",
        "Japan",
        "Brazil",
    ];
    const INDUSTRIES: [&str; 4] = ["Technology", "Education", "Retail", "Energy"];
    const RATINGS: [&str; 3] = ["Hot", "Warm", "Cold"];
    const SOURCES: [&str; 3] = ["Web", "Phone Inquiry", "Partner Referral"];
    let of = |words: &[&'static str], n: u32| {
        let at = usize::try_from(n).unwrap_or_default() % words.len().max(1);
        words.get(at).copied().map_or(Value::Null, Value::from)
    };
    (0..count)
        .map(|n| {
            // A step that shares no factor with the lists' lengths mixes the fields.
            let mixed = n.wrapping_mul(7_919).wrapping_add(round);
            serde_json::json!({
                "FirstName": "Ada", "LastName": format!("Example {n}"),
                "Company": format!("Example {round}-{n} GmbH"),
                "Email": format!("ada.{n}@example{round}.test"), "Phone": "+49 30 1234567",
                "Title": "Head of Sales", "Status": status, "City": "Berlin",
                "LeadSource": of(&SOURCES, mixed / 5), "Rating": of(&RATINGS, mixed / 3),
                "Industry": if n % 12 == 0 { Value::Null } else { of(&INDUSTRIES, mixed / 7) },
                "Country": of(&COUNTRIES, mixed),
                "NumberOfEmployees": mixed % 2_500,
            })
        })
        .collect()
}
