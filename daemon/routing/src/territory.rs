//! Territories: areas by country, state, postal range, industry, size and any field of the layer, whose
//! owner gets what lies in them.
//!
//! A territory is one or more [`Area`]s, each with its conditions; a record is in it when it is in one
//! of them. [`import`] reads them from CSV and reports each wrong row; [`overlaps`] and [`gaps`] say
//! where two territories claim the same records and where nobody does.

mod area;
mod check;
mod import;
mod postal;

pub use area::{Area, Facts, Size, Territory, Unmet, locate};
pub use check::{Gap, Overlap, gaps, overlaps};
pub use import::{Imported, MAX_ROWS, RowError, import};
pub use postal::{PostalFlaw, PostalRange};
