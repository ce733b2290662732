//! The report as CSV: a row for each suite and subject, raw figures with their units in the columns' names.

use serde_json::Value;

use crate::analysis::summary::Report;

/// Draws all rows of all suites. Floors have no rank.
///
/// # Errors
/// When it cannot be written, which is not to be expected.
pub fn csv(report: &Report) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut has_header = false;
    for table in &report.suites {
        for row in table.servers.iter().chain(&table.floors) {
            let Value::Object(mut figures) = serde_json::to_value(row)? else {
                continue;
            };
            figures.remove("subject");
            if !has_header {
                let columns = figures.keys().map(String::as_str);
                writer.write_record(["suite", "subject"].into_iter().chain(columns))?;
                has_header = true;
            }
            let cells = figures.values().map(cell);
            let names = [table.suite.clone(), row.subject.clone()];
            writer.write_record(names.into_iter().chain(cells))?;
        }
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

/// What a cell shows of a value; nothing for a figure that could not be had.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
