//! `schema`: the JSON Schemas of the results.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;

use super::{Places, Verdict, print};
use crate::format::write_atomically;
use crate::schema::{all, text};

/// Flags of `schema`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mcp-harness schema                    what there is
  mcp-harness schema trial              a row of trials.csv
  mcp-harness schema --write            all into ROOT/harness/schema")]
pub(super) struct Schema {
    /// The schema to print
    name: Option<String>,
    /// Write all of them, each into a file NAME.json
    #[arg(long, conflicts_with = "name")]
    write: bool,
    /// The folder for --write [default: ROOT/harness/schema]
    #[arg(long, value_name = "DIR", requires = "write")]
    out: Option<PathBuf>,
}

impl Schema {
    pub(super) fn run(&self, places: &Places) -> anyhow::Result<Verdict> {
        let schemas = all();
        let names: Vec<&str> = schemas.iter().map(|(name, _)| *name).collect();
        if self.write {
            let default = || places.root().join("harness/schema");
            let folder = self.out.clone().unwrap_or_else(default);
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
            for (name, schema) in &schemas {
                let path = folder.join(format!("{name}.json"));
                write_atomically(&path, text(schema)?.as_bytes())?;
            }
        } else if let Some(wanted) = &self.name {
            let Some((_, schema)) = schemas.iter().find(|(name, _)| name == wanted) else {
                bail!(
                    "there is no schema \"{wanted}\"; known: {}",
                    names.join(", ")
                );
            };
            print(&text(schema)?)?;
        } else {
            print(&(names.join("\n") + "\n"))?;
        }
        Ok(Verdict::Right)
    }
}
