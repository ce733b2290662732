//! What each layer adds to a call: the figures that `just bench-layers` left beside a run.

use serde::Serialize;

use super::{Key, Picture, Sources};
use crate::report::plot::{self, Bar, Fill};
use crate::report::tables::anchor;
use crate::results::layers::{Layer, Layers, PARTS};

/// Where the table of layers stands on the page.
const TABLE: &str = "layers";

/// The ways into a server that are drawn, by the outermost layer of each.
const WAYS: [(&str, &str); 3] = [
    ("http_loopback", "HTTP"),
    ("sse", "SSE"),
    ("stdio", "stdio"),
];

/// The table of layers: for each layer the time of each tool, and the published one.
#[derive(Debug, Serialize)]
pub(in crate::report) struct LayerTable {
    made_by: String,
    tools: Vec<String>,
    rows: Vec<LayerRow>,
}

/// A layer with its cells.
#[derive(Debug, Serialize)]
struct LayerRow {
    layer: String,
    part: String,
    /// Time of a call, and what the layer adds to it, for each tool.
    cells: Vec<(String, String)>,
    django: String,
}

/// A call by each way, stacked by part: a picture for each tool.
pub(super) fn stacks(sources: &Sources<'_>) -> anyhow::Result<Vec<Picture>> {
    let Some(layers) = beside(sources)? else {
        return Ok(Vec::new());
    };
    let tools = layers.tools().into_iter();
    tools.filter_map(|tool| of(&layers, tool)).collect()
}

/// The picture of a tool; none where no way into it was measured whole.
fn of(layers: &Layers, tool: &str) -> Option<anyhow::Result<Picture>> {
    let bar = |(layer, way): (&str, &str)| Some(stack(way, layers.parts(tool, layer)?));
    let bars: Vec<Bar> = WAYS.into_iter().filter_map(bar).collect();
    let key = |(colour, part): (usize, &&str)| Key {
        name: (*part).to_owned(),
        colour,
        href: format!("#{TABLE}"),
    };
    let picture = |svg| {
        Picture {
        id: anchor(&format!("picture-layers-{tool}")),
        title: format!("CPU time per call by layer: {tool}"),
        run: String::new(),
        caption: "Microseconds of processor time of server, client and database together, one call after another, \
                  on the fast path."
            .to_owned(),
        svg,
        keys: PARTS.iter().enumerate().map(key).collect(),
        has_colours: true,
    }
    };
    (!bars.is_empty()).then(|| plot::bars(&bars).map(picture))
}

fn stack(name: &str, parts: [f64; PARTS.len()]) -> Bar {
    let mut until = 0.0;
    let ends = parts.iter().enumerate().map(|(colour, ns)| {
        // A part that is smaller than the spread of its two times can come out negative.
        until += ns.max(0.0) / 1_000.0;
        (until, Fill::Series(colour))
    });
    let parts: Vec<(f64, Fill)> = ends.collect();
    Bar {
        name: name.to_owned(),
        value: parts.last().map_or(0.0, |(until, _)| *until),
        parts,
        ends: None,
        holds: true,
    }
}

/// The layers that lie beside the first run that has some.
fn beside(sources: &Sources<'_>) -> anyhow::Result<Option<Layers>> {
    for source in sources {
        if let Some(layers) = Layers::beside(&source.run.folder)? {
            return Ok(Some(layers));
        }
    }
    Ok(None)
}

impl LayerTable {
    /// The table of the layers beside these runs, where there are some.
    pub(super) fn of(sources: &Sources<'_>) -> anyhow::Result<Option<Self>> {
        Ok(beside(sources)?.map(|layers| Self::from(&layers)))
    }
}

impl From<&Layers> for LayerTable {
    fn from(layers: &Layers) -> Self {
        let tools = layers.tools();
        let first = tools.first().copied().unwrap_or_default();
        let named = layers.rows.iter().filter(|row| row.tool == first);
        let row = |first: &Layer| {
            let cell = |tool: &&str| {
                let of = layers.of(tool, &first.name);
                let time = of.map_or("-".to_owned(), |row| row.median_ns.to_string());
                let added = of.and_then(|row| row.added_ns);
                let added = added.map_or_else(String::new, |ns| format!("{ns:+}"));
                (time, added)
            };
            LayerRow {
                layer: first.name.replace('_', " "),
                part: first.part.clone(),
                cells: tools.iter().map(cell).collect(),
                django: first
                    .django_ns
                    .map_or_else(String::new, |ns| ns.to_string()),
            }
        };
        let unknown = || "unknown".to_owned();
        Self {
            made_by: format!(
                "Commit {}, {}",
                layers.commit.clone().unwrap_or_else(unknown),
                layers.cpu.clone().unwrap_or_else(unknown)
            ),
            rows: named.map(row).collect(),
            tools: tools.into_iter().map(str::to_owned).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LayerTable, stack};
    use crate::results::layers::Layers;
    use crate::results::layers::tests::LAYERS;

    #[test]
    fn a_stack_is_as_long_as_its_parts_and_never_runs_backwards() {
        let bar = stack("HTTP", [300.0, -50.0, 2_000.0, 12_000.0]);
        let ends: Vec<f64> = bar.parts.iter().map(|(until, _)| *until).collect();
        assert_eq!(ends, [0.3, 0.3, 2.3, 14.3]);
        assert!((bar.value - 14.3).abs() < 1e-9);
    }

    #[test]
    fn the_table_has_the_published_figures_beside_the_measured_ones() {
        let layers: Layers = serde_json::from_str(LAYERS).unwrap();
        let table = LayerTable::from(&layers);
        assert_eq!(table.tools, ["echo"]);
        let last = table.rows.last().unwrap();
        assert_eq!(last.layer, "http loopback");
        assert_eq!(last.cells, [("15000".to_owned(), "+12000".to_owned())]);
        assert_eq!(last.django, "170000");
    }
}
