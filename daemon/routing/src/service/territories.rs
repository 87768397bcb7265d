//! The territories of a router's draft: seen, changed one by one, imported from CSV and exported, and
//! where they overlap or leave gaps. They decide when the draft is published.

use std::{collections::HashMap, sync::Arc};

use audit::Entry;
use db::{DbError, TenantTx, Unit};
use diesel::{ExpressionMethods, RunQueryDsl};
use kernel::Action;
use layer::{Object, value::id_key};
use schema::routers;
use serde_json::json;

use crate::{
    error::RoutingError,
    model::{book::TerritoryChanges, compile::Fields, rules::Target},
    service::versions::draft_locked,
    store::{
        Names, Router, pools_all, queues_all, reps_all, router_of, target_known,
        territories::{set_of, set_put},
    },
    territory::{
        Area, Gap, Imported, MAX_ROWS, Naming, Overlap, Reads, RowError, Territory, TerritorySet,
        export, gaps, import, overlaps,
    },
};

/// The draft's territories, with the names of whoever owns them.
#[derive(Debug)]
pub struct Territories {
    /// Every change names it, so that nobody changes what they have not seen.
    pub draft_version: i64,
    pub set: Arc<TerritorySet>,
    pub names: Names,
    /// The layer's fields of now out of which the columns are read.
    pub reads: Reads,
    /// Some rule of the draft gives to the owner of the record's territory.
    pub asked: bool,
}

impl Territories {
    /// What the owner of a territory is called.
    pub fn owner(&self, owner: Target) -> Option<&str> {
        self.names.target(owner.kind(), owner.uuid())
    }
}

/// The territories of an object's draft; none while it has no router.
pub fn territories(tx: &mut TenantTx<'_>, object: Object) -> Result<Territories, RoutingError> {
    let names = Names::load(tx)?;
    let reads = Reads::of(&layer::field_types(tx, object)?);
    let Some(router) = router_of(tx, object)? else {
        return Ok(Territories {
            draft_version: 0,
            set: Arc::default(),
            names,
            reads,
            asked: false,
        });
    };
    let draft = crate::store::versions::draft_of(tx, &router)?;
    Ok(Territories {
        draft_version: router.rules_version,
        asked: draft.asks_territory().is_some(),
        set: draft.territories,
        names,
        reads,
    })
}

/// Adds a territory after the others, changes the one that is called `was`, or removes it where there is
/// no other instead.
///
/// # Errors
/// `VersionConflict` when the draft has changed since; `TerritoryUnknown`, `NameTaken`, `Areas`,
/// `TargetUnknown` for what is wrong with it.
pub fn territory_write(
    tx: &mut TenantTx<'_>,
    object: Object,
    draft_version: i64,
    was: Option<&str>,
    territory: Option<Territory<Target>>,
) -> Result<(), RoutingError> {
    let router = draft_locked(tx, object, draft_version)?;
    let before = set_of(tx, router.router_id, router.territories)?;
    let fields = layer::field_types_held(tx, object)?;
    let mut set = TerritorySet {
        reads: Reads::of(&fields),
        ..(*before).clone()
    };
    if let Some(territory) = &territory {
        territory_check(territory, &set.reads, &fields)?;
        if !target_known(tx, &territory.owner)? {
            return Err(RoutingError::TargetUnknown);
        }
        let mut others = set
            .territories
            .iter()
            .filter(|one| Some(one.name.as_str()) != was);
        if others.any(|one| same_name(&one.name, &territory.name)) {
            return Err(RoutingError::NameTaken);
        }
    }
    let at = was.map(|was| {
        let mut all = set.territories.iter();
        all.position(|one| one.name == was)
            .ok_or(RoutingError::TerritoryUnknown)
    });
    match (at.transpose()?, territory) {
        (None, None) => return Err(RoutingError::TerritoryUnknown),
        (None, Some(territory)) => set.territories.push(territory),
        (Some(at), None) => {
            set.territories.remove(at);
        }
        (Some(at), Some(territory)) => {
            if let Some(place) = set.territories.get_mut(at) {
                *place = territory;
            }
        }
    }
    if set.areas() > MAX_ROWS {
        return Err(RoutingError::TooManyAreas);
    }
    store(tx, &router, &before, &set, Action::TerritoryChange)
}

fn same_name(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}

/// Whether a territory is one that the import would take.
///
/// # Errors
/// `Name` or `Areas`.
pub(crate) fn territory_check(
    territory: &Territory<Target>,
    reads: &Reads,
    fields: &Fields,
) -> Result<(), RoutingError> {
    if !(1..=255).contains(&territory.name.trim().chars().count()) {
        return Err(RoutingError::Name);
    }
    let whole = |area: &Area| {
        let read = |given: bool, column: &str| !given || reads.column(column).is_some();
        let country = area.country.as_deref().is_none_or(|country| {
            let code = country.len() == 2 && country.chars().all(|c| c.is_ascii_alphabetic());
            code || !reads.country_codes()
        });
        let texts = [&area.country, &area.state, &area.industry].into_iter();
        let mut texts = texts.flatten().chain(area.fields.values());
        area.narrowness() > 0
            && country
            && texts.all(|text| (1..=255).contains(&text.trim().chars().count()))
            && (area.postal.is_none() || area.country.is_some())
            && area
                .size
                .is_none_or(|size| size.until.is_none_or(|until| size.from <= until))
            && read(area.country.is_some(), "country")
            && read(area.state.is_some(), "state")
            && read(area.postal.is_some(), "postal_from")
            && read(area.industry.is_some(), "industry")
            && read(area.size.is_some(), "employees_from")
            && area.fields.keys().all(|name| fields.contains_key(name))
    };
    if territory.areas.is_empty() || !territory.areas.iter().all(whole) {
        return Err(RoutingError::Areas);
    }
    Ok(())
}

/// How a file of territories is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportMode {
    /// Nothing is written.
    DryRun,
    /// Nothing is written when a row is wrong.
    Whole,
    /// The rows that are right are taken over, and the others left out.
    WithoutWrong,
}

/// What a file says, and what taking it over changes or has changed.
#[derive(Debug)]
pub struct TerritoryImport {
    pub rows: usize,
    pub wrong: usize,
    pub territories: usize,
    pub areas: usize,
    /// The first [`MAX_TOLD`] of what is wrong.
    pub errors: Vec<RowError>,
    /// What is wrong in all: a row can have more than one flaw.
    pub flaws: usize,
    /// Against the draft; `None` when nothing differs.
    pub changes: Option<TerritoryChanges>,
    /// It was taken over.
    pub taken: bool,
}

/// Flaws of a file that are told one by one.
pub const MAX_TOLD: usize = 1000;

/// Reads a file of territories, which replace those of the draft when they are taken over.
///
/// # Errors
/// `VersionConflict` when the draft has changed since; `TerritoryRows` when nothing may be left out and
/// a row is wrong, or when no row is right.
pub fn territories_import(
    tx: &mut TenantTx<'_>,
    object: Object,
    draft_version: i64,
    text: &str,
    mode: ImportMode,
) -> Result<TerritoryImport, RoutingError> {
    let router = draft_locked(tx, object, draft_version)?;
    let before = set_of(tx, router.router_id, router.territories)?;
    let fields = layer::field_types_held(tx, object)?;
    let naming = Known::load(tx, fields)?;
    let mut read: Imported<Target> = import(text, &naming);
    let set = TerritorySet {
        reads: naming.reads,
        territories: std::mem::take(&mut read.territories),
    };
    let flaws = read.errors.len();
    if mode != ImportMode::DryRun {
        let refused = mode == ImportMode::Whole && flaws > 0;
        // A file of which nothing is right is no wish to have no territories.
        if refused || set.is_empty() {
            return Err(RoutingError::TerritoryRows {
                wrong: read.wrong.max(usize::from(flaws > 0)),
            });
        }
        store(tx, &router, &before, &set, Action::TerritoryImport)?;
    }
    read.errors.truncate(MAX_TOLD);
    Ok(TerritoryImport {
        rows: read.rows,
        wrong: read.wrong,
        territories: set.territories.len(),
        areas: set.areas(),
        errors: read.errors,
        flaws,
        changes: TerritoryChanges::between(&before, &set),
        taken: mode != ImportMode::DryRun,
    })
}

/// The draft's territories as CSV, in the form that the import reads.
pub fn territories_export(tx: &mut TenantTx<'_>, object: Object) -> Result<String, RoutingError> {
    let router = router_of(tx, object)?.ok_or(DbError::NotFound)?;
    let set = set_of(tx, router.router_id, router.territories)?;
    let naming = Known::load(tx, Fields::new())?;
    Ok(export(&set.territories, |owner| naming.label(*owner)))
}

/// Where two territories claim the same records, and where nobody does.
#[derive(Debug)]
pub struct TerritoryReport {
    pub territories: Territories,
    pub overlaps: Vec<Overlap>,
    /// There are more than were looked for.
    pub more_overlaps: bool,
    pub gaps: Vec<Gap>,
    pub more_gaps: bool,
}

/// Overlaps and gaps that are looked for.
const MAX_REPORTED: usize = 500;

pub fn territories_report(
    tx: &mut TenantTx<'_>,
    object: Object,
) -> Result<TerritoryReport, RoutingError> {
    let territories = territories(tx, object)?;
    let all = &territories.set.territories;
    let mut overlaps = overlaps(all, MAX_REPORTED.saturating_add(1));
    let mut gaps = gaps(all);
    let (more_overlaps, more_gaps) = (overlaps.len() > MAX_REPORTED, gaps.len() > MAX_REPORTED);
    overlaps.truncate(MAX_REPORTED);
    gaps.truncate(MAX_REPORTED);
    Ok(TerritoryReport {
        territories,
        overlaps,
        more_overlaps,
        gaps,
        more_gaps,
    })
}

/// Gives the draft another set, notes what that changed, and raises the draft's version.
fn store(
    tx: &mut TenantTx<'_>,
    router: &Router,
    before: &TerritorySet,
    set: &TerritorySet,
    action: Action,
) -> Result<(), RoutingError> {
    let Some(changes) = TerritoryChanges::between(before, set) else {
        return Ok(());
    };
    set_put(tx, router, set)?;
    diesel::update(routers::table)
        .filter(routers::tenant_id.eq(tx.tenant().uuid()))
        .filter(routers::router_id.eq(router.router_id))
        .set(routers::rules_version.eq(router.rules_version.saturating_add(1)))
        .execute(tx.conn())?;
    Entry::new(action, "router", router.id())
        .after(json!({
            "territories": set.territories.len(), "areas": set.areas(), "changes": changes,
        }))
        .write(tx)?;
    db::hint(tx, "router")?;
    Ok(())
}

/// What the cells of a file can name: fields of the layer, and whoever can own a territory.
struct Known {
    fields: Fields,
    reads: Reads,
    /// By name in small letters, and by kind and name.
    named: HashMap<String, Vec<Target>>,
    /// By the id at Salesforce.
    external: HashMap<String, Target>,
    labels: HashMap<Target, (String, Option<String>)>,
}

impl Known {
    fn load(tx: &mut TenantTx<'_>, fields: Fields) -> Result<Self, RoutingError> {
        let mut known = Self {
            reads: Reads::of(&fields),
            fields,
            named: HashMap::new(),
            external: HashMap::new(),
            labels: HashMap::new(),
        };
        for row in pools_all(tx)? {
            let pool_id = row.id();
            known.add(Target::Pool { pool_id }, row.name, None);
        }
        for row in reps_all(tx)? {
            let rep_id = row.id();
            known.add(Target::User { rep_id }, row.name, Some(row.external_id));
        }
        for row in queues_all(tx)? {
            let queue_id = row.id();
            known.add(Target::Queue { queue_id }, row.name, Some(row.external_id));
        }
        Ok(known)
    }

    fn add(&mut self, target: Target, name: String, external: Option<String>) {
        let plain = name.trim().to_lowercase();
        let kinded = format!("{}:{plain}", called(target));
        for key in [plain, kinded] {
            self.named.entry(key).or_default().push(target);
        }
        if let Some(id) = &external {
            self.external.insert(id_key(id).to_owned(), target);
        }
        self.labels.insert(target, (name, external));
    }

    /// How a file names somebody, so that reading it comes to the same.
    fn label(&self, target: Target) -> String {
        let Some((name, external)) = self.labels.get(&target) else {
            return String::new();
        };
        match self.owner(name) {
            Ok(found) if found == target => name.clone(),
            _ => external
                .clone()
                .unwrap_or_else(|| format!("{}:{name}", called(target))),
        }
    }
}

const fn called(target: Target) -> &'static str {
    match target {
        Target::Pool { .. } => "pool",
        Target::User { .. } => "rep",
        Target::Queue { .. } => "queue",
    }
}

impl Naming for Known {
    type Owner = Target;

    fn column(&self, column: &str) -> bool {
        matches!(column, "territory" | "owner") || self.reads.column(column).is_some()
    }

    fn country_codes(&self) -> bool {
        self.reads.country_codes()
    }

    fn field(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    fn owner(&self, cell: &str) -> Result<Target, (&'static str, String)> {
        if let Some(target) = self.external.get(id_key(cell)) {
            return Ok(*target);
        }
        let plain = cell.trim().to_lowercase();
        let plain = match plain.split_once(':') {
            Some((kind @ ("pool" | "rep" | "queue"), name)) => format!("{kind}:{}", name.trim()),
            _ => plain,
        };
        match self.named.get(&plain).map(Vec::as_slice) {
            Some([target]) => Ok(*target),
            None | Some([]) => Err((
                "owner_unknown",
                format!("No rep, pool or queue is called “{cell}” here."),
            )),
            Some(_) => Err((
                "owner_ambiguous",
                format!(
                    "More than one is called “{cell}”: write pool:, rep: or queue: before the name, or give the id at Salesforce."
                ),
            )),
        }
    }
}
