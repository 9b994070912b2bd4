//! What came out, and the files that it is written to.

mod figures;
pub mod html;
pub mod json;
pub mod medians;
pub mod svg;
pub mod table;

use std::{fs, path::Path};

pub use self::figures::{PERCENTILES, Report, Row, Unit, micros};

impl Report {
    /// Writes the report's files.
    pub fn save(&self, folder: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(folder)?;
        let plot = svg::latency(&self.rows);
        fs::write(folder.join("latency.svg"), &plot)?;
        fs::write(folder.join("figures.jsonl"), json::lines(self))?;
        fs::write(folder.join("report.html"), html::page(self, &plot))?;
        Ok(())
    }
}
