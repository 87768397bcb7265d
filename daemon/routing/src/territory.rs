//! Territories: areas by country, state, postal range, industry, size and any field of the layer, whose
//! owner gets what lies in them.
//!
//! A territory is one or more [`Area`]s, each with its conditions; a record is in it when it is in one
//! of them. [`import`] reads them from CSV and reports each wrong row; [`overlaps`] and [`gaps`] say
//! where two territories claim the same records and where nobody does.

mod area;
mod check;
mod export;
mod import;
mod postal;
mod set;

pub use area::{Area, Atlas, Facts, Located, Place, Size, Territory, Unmet, Won};
pub use check::{Gap, Overlap, gaps, overlaps};
pub use export::export;
pub use import::{Imported, MAX_ROWS, Naming, RowError, import};
pub use postal::{PostalFlaw, PostalRange};
pub use set::{Reads, TerritorySet};
