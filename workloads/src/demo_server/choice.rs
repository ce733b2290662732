//! Which of the tools a server serves.

use std::sync::{Arc, LazyLock};

use super::DemoServer;
use crate::lessons::extra;

impl DemoServer {
    /// The names of the tools that a server can serve, in alphabetical order: with the lesson tools or without them,
    /// and with `extra` of the extra tools.
    #[must_use]
    pub fn tool_names(with_lessons: bool, extra: usize) -> Vec<String> {
        let mut router = Self::usual_tools();
        if with_lessons {
            router.merge(Self::lesson_tools());
        }
        let extra = extra::definitions(extra);
        let tools = router.list_all().into_iter().chain(extra);
        let mut names: Vec<_> = tools.map(|tool| tool.name.into_owned()).collect();
        names.sort_unstable();
        names
    }

    /// Whether `name` is a tool that this server was not asked to serve.
    pub(super) fn is_withheld(&self, name: &str) -> bool {
        static ALL: LazyLock<Vec<String>> = LazyLock::new(|| DemoServer::tool_names(true, 0));
        !self.tool_router.has_route(name) && ALL.iter().any(|tool| tool == name)
    }

    /// This server without the tools that `names` leaves out: nobody lists them or can call them.
    #[must_use]
    pub fn only(mut self, names: &[String]) -> Self {
        let router = Arc::make_mut(&mut self.tool_router);
        for tool in router.list_all() {
            if !names.iter().any(|name| *name == tool.name) {
                router.remove_route(&tool.name);
            }
        }
        self
    }
}
