//! `layers.json`: what `just bench-layers` found about the layers of a call. FORMAT.md, "Layers",
//! documents the members; the benchmark of the servers writes them.

use serde::Deserialize;

use super::folder::RunFolder;
use crate::config::FormatError;

/// The parts of a call, from the tool outwards.
pub(crate) const PARTS: [&str; 4] = ["tool", "protocol", "http", "socket"];

/// What one run of the benchmark found.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Layers {
    /// The commit that was measured.
    pub(crate) commit: Option<String>,
    /// The processor's name.
    pub(crate) cpu: Option<String>,
    /// A row for each tool and layer.
    #[serde(rename = "layers")]
    pub(crate) rows: Vec<Layer>,
}

/// One tool through one layer.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Layer {
    pub(crate) tool: String,
    #[serde(rename = "layer")]
    pub(crate) name: String,
    /// The layer below; none below the tool's own method.
    pub(crate) over: Option<String>,
    /// Which of [`PARTS`] it adds to.
    pub(crate) part: String,
    /// Processor time of a call through this layer and all below.
    pub(crate) median_ns: u64,
    /// What this layer adds; negative where the spread hides it.
    pub(crate) added_ns: Option<i64>,
    /// The published figure of such a layer, claim D1.
    pub(crate) django_ns: Option<u64>,
}

impl Layers {
    /// Reads the file that lies beside a run: in its folder, or in the folder above. None where
    /// there is no such file.
    pub(crate) fn beside(run: &RunFolder) -> Result<Option<Self>, FormatError> {
        let folders = run.root().ancestors().take(2);
        let mut files = folders.map(|folder| folder.join("layers.json"));
        let Some(file) = files.find(|file| file.is_file()) else {
            return Ok(None);
        };
        let text = std::fs::read_to_string(&file).map_err(|source| FormatError::Read {
            path: file.clone(),
            source,
        })?;
        let read = serde_json::from_str(&text);
        read.map(Some)
            .map_err(|error| FormatError::invalid(&file, error.to_string()))
    }

    /// The tools, in the order of the file.
    pub(crate) fn tools(&self) -> Vec<&str> {
        let mut tools: Vec<&str> = self.rows.iter().map(|row| row.tool.as_str()).collect();
        tools.dedup();
        tools
    }

    /// One tool through one layer.
    pub(crate) fn of(&self, tool: &str, layer: &str) -> Option<&Layer> {
        let mut rows = self.rows.iter();
        rows.find(|row| row.tool == tool && row.name == layer)
    }

    /// Nanoseconds of each of [`PARTS`] in a call of `tool` that comes in by `layer`; none where a
    /// layer on the way was not measured.
    pub(crate) fn parts(&self, tool: &str, layer: &str) -> Option<[f64; PARTS.len()]> {
        let mut parts = [0.0; PARTS.len()];
        let mut row = self.of(tool, layer)?;
        loop {
            let part = PARTS.iter().position(|part| *part == row.part)?;
            let Some(over) = &row.over else {
                parts[part] += row.median_ns as f64;
                return Some(parts);
            };
            parts[part] += row.added_ns? as f64;
            row = self.of(tool, over)?;
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::Layers;

    /// An echo over HTTP, as the benchmark writes it.
    pub(crate) const LAYERS: &str = r#"{"measured_unix_s": 1, "commit": "abc", "cpu": "a CPU", "cores": 2, "layers": [
        {"tool": "echo", "layer": "direct_call", "over": null, "part": "tool",
         "median_ns": 300, "low_ns": 1, "high_ns": 2, "added_ns": null, "django_ns": 100},
        {"tool": "echo", "layer": "fast_path", "over": "direct_call", "part": "protocol",
         "median_ns": 1000, "low_ns": 1, "high_ns": 2, "added_ns": 700, "django_ns": null},
        {"tool": "echo", "layer": "http_memory", "over": "fast_path", "part": "http",
         "median_ns": 3000, "low_ns": 1, "high_ns": 2, "added_ns": 2000, "django_ns": null},
        {"tool": "echo", "layer": "http_loopback", "over": "http_memory", "part": "socket",
         "median_ns": 15000, "low_ns": 1, "high_ns": 2, "added_ns": 12000, "django_ns": 170000}]}"#;

    #[test]
    fn the_parts_of_a_call_are_its_layers_down_to_the_tool() {
        let layers: Layers = serde_json::from_str(LAYERS).unwrap();
        assert_eq!(layers.tools(), ["echo"]);
        let parts = layers.parts("echo", "http_loopback");
        assert_eq!(parts, Some([300.0, 700.0, 2_000.0, 12_000.0]));
        assert_eq!(layers.parts("echo", "stdio"), None);
    }
}
