//! Territories as CSV, in the columns that the import reads.

use std::collections::BTreeSet;

use super::{
    area::{Area, Territory},
    import::{COLUMNS, FIELD},
};

/// A row an area, so that importing the text gives the same territories. Columns that no area fills are
/// left out: the layer may have no field for them. `owner` names whoever owns one.
pub fn export<O>(territories: &[Territory<O>], owner: impl Fn(&O) -> String) -> String {
    let areas = || territories.iter().flat_map(|territory| &territory.areas);
    let filled = |column: &str| areas().any(|area| !cell(area, column).is_empty());
    let named: BTreeSet<String> = areas()
        .flat_map(|area| area.fields.keys())
        .map(|field| format!("{FIELD}{field}"))
        .collect();
    let known = COLUMNS.iter().map(|column| (*column).to_owned());
    let known =
        known.filter(|column| matches!(column.as_str(), "territory" | "owner") || filled(column));
    let header: Vec<String> = known.chain(named).collect();
    let mut text = line(&header);
    for territory in territories {
        let owner = owner(&territory.owner);
        for area in &territory.areas {
            let cells: Vec<String> = header
                .iter()
                .map(|column| match column.as_str() {
                    "territory" => territory.name.clone(),
                    "owner" => owner.clone(),
                    column => cell(area, column),
                })
                .collect();
            text.push_str(&line(&cells));
        }
    }
    text
}

/// What an area has in a column; empty: no condition.
fn cell(area: &Area, column: &str) -> String {
    let postal = area.postal.as_ref();
    let size = area.size;
    let cell = match column {
        "country" => area.country.clone(),
        "state" => area.state.clone(),
        "postal_from" => postal.map(|range| range.from().to_owned()),
        "postal_until" => postal.map(|range| range.until().to_owned()),
        "industry" => area.industry.clone(),
        "employees_from" => size.map(|size| size.from.to_string()),
        "employees_until" => size.and_then(|size| Some(size.until?.to_string())),
        named => named
            .strip_prefix(FIELD)
            .and_then(|field| area.fields.get(field).cloned()),
    };
    cell.unwrap_or_default()
}

/// Cells in RFC 4180. One that a spreadsheet would take for a formula stays as it is: what is exported
/// is what is imported again, and who may write a territory may write a rule.
fn line(cells: &[String]) -> String {
    let quoted = |cell: &String| {
        if cell.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.clone()
        }
    };
    let cells: Vec<String> = cells.iter().map(quoted).collect();
    format!("{}\r\n", cells.join(","))
}
