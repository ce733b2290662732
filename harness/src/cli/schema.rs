//! `schema`: the JSON Schemas of the results.

use anyhow::bail;
use clap::Args;

use super::{Verdict, print};
use crate::schema::ALL;

/// Flags of `schema`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mcp-harness schema                    the names of all schemas
  mcp-harness schema trial              a row of trials.csv")]
pub(super) struct Schema {
    /// The schema to print
    name: Option<String>,
}

impl Schema {
    pub(super) fn run(&self) -> anyhow::Result<Verdict> {
        let names: Vec<&str> = ALL.iter().map(|(name, _)| *name).collect();
        let Some(wanted) = &self.name else {
            print(&(names.join("\n") + "\n"))?;
            return Ok(Verdict::Right);
        };
        let Some((_, schema)) = ALL.iter().find(|(name, _)| name == wanted) else {
            bail!(
                "there is no schema \"{wanted}\"; known: {}",
                names.join(", ")
            );
        };
        print(schema)?;
        Ok(Verdict::Right)
    }
}
