//! How a bench is set up, and the values of templates that follow from it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::config::load::Load;
use crate::config::template::Context;
use crate::host::cores::{Cores, Layout};
use crate::host::limits::Limits;

/// How a bench is set up.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// The project's root folder.
    pub(crate) root: PathBuf,
    /// Profile of the builds.
    pub(crate) profile: String,
    /// The database of subjects that want one; by default an `SQLite` file under the target folder.
    pub(crate) database_url: Option<String>,
    /// The store of subjects that want one; by default an `SQLite` file beside the database.
    pub(crate) store_url: Option<String>,
    /// Who runs where.
    pub(crate) layout: Layout,
    /// Who runs where in the suites that say how many cores the server has, by that number.
    pub(crate) wider: BTreeMap<usize, Layout>,
    /// What the servers may use.
    pub(crate) limits: Limits,
}

impl Setup {
    fn target_dir(&self) -> PathBuf {
        std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| self.root.join("target"), |dir| self.root.join(dir))
    }

    /// Who runs where under this load.
    pub(crate) fn layout_of(&self, load: &Load) -> &Layout {
        let wider = load.server_cores.and_then(|count| self.wider.get(&count));
        wider.unwrap_or(&self.layout)
    }

    /// Cores that the load has in every suite, for services and the harness itself.
    pub(crate) fn common_load(&self) -> &Cores {
        let widest = self.wider.values().next_back();
        let load = &widest.unwrap_or(&self.layout).load;
        if load.overlap(&self.layout.server) {
            &self.layout.load
        } else {
            load
        }
    }

    pub(super) fn state_folder(&self) -> PathBuf {
        self.target_dir().join("mcp-harness")
    }
}

/// What every template may name.
pub(super) fn base_context(setup: &Setup) -> Context {
    let target_dir = setup.target_dir();
    // Cargo's profile `dev` (and `test`) builds into `debug`, all others into a folder of their own
    // name.
    let folder = match setup.profile.as_str() {
        "dev" | "test" => "debug",
        "bench" => "release",
        other => other,
    };
    let embedded = |file: &str| format!("sqlite://{}", setup.state_folder().join(file).display());
    let chosen = |url: &Option<String>, file| url.clone().unwrap_or_else(|| embedded(file));
    let text = |path: &Path| path.display().to_string();
    [
        ("root", text(&setup.root)),
        ("target_dir", text(&target_dir)),
        ("bin_dir", text(&target_dir.join(folder))),
        ("profile", setup.profile.clone()),
        ("database_url", chosen(&setup.database_url, "products.db")),
        ("store_url", chosen(&setup.store_url, "store.db")),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), Value::String(value)))
    .collect()
}
