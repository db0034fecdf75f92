//! Many captures as text: a row each, the worst first.

use super::page::Page;
use super::table;
use crate::report::overview::{Overview, Row};

/// The table of the captures.
pub fn overview(overview: &Overview, width: usize) -> String {
    let mut page = Page::new(width);
    let row = |row: &Row| {
        let affected = if row.host.is_empty() && row.vtis == 0 {
            "-".to_owned()
        } else {
            format!("{}/{}", row.affected, row.vtis)
        };
        [row.file.clone(), row.host.clone(), row.verdict.to_string(), affected, row.worst.clone()]
    };
    let rows: Vec<[String; 5]> = overview.captures.iter().map(row).collect();
    table::simple(&mut page, 0, ["Capture", "Host", "Verdict", "VTIs", "Worst"], &rows);
    page.finish()
}
