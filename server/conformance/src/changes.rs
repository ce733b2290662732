//! What changes while the server runs, and who is told: the lists of tools and prompts, and one
//! resource.
//!
//! From 2026-07-28 on a client hears of changes on a `subscriptions/listen` stream. Earlier a
//! session hears of the changes that it made itself, and of resources that it subscribed to.

#![expect(
    deprecated,
    reason = "2026-07-28 has no levels of sessions; older revisions do"
)]

use std::{
    collections::HashSet,
    pin::pin,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use futures::future::{Either, select};
use rmcp::{
    ErrorData, RoleServer,
    model::{LoggingLevel, ResourceUpdatedNotificationParam},
    service::{RequestContext, ServiceError, SubscriptionContext, SubscriptionSendError},
    tool, tool_router,
};
use tokio::sync::broadcast::{self, error::RecvError};

use crate::{Fixtures, is_self_contained, prompts, resources::WATCHED};

/// The tool that `test_trigger_tool_change` adds and removes.
const CHANGING_TOOL: &str = "test_changing_tool";
/// How many changes a slow listener may fall behind before it misses some.
const BACKLOG: usize = 16;

/// What has changed.
#[derive(Clone, Copy, Debug)]
enum Change {
    Tools,
    Prompts,
    Resource,
}

/// The state that changes, shared by all clients.
pub(crate) struct Changes {
    has_changing_tool: AtomicBool,
    has_changing_prompt: AtomicBool,
    of_the_resource: AtomicU64,
    news: broadcast::Sender<Change>,
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            has_changing_tool: AtomicBool::default(),
            has_changing_prompt: AtomicBool::default(),
            of_the_resource: AtomicU64::default(),
            news: broadcast::Sender::new(BACKLOG),
        }
    }
}

impl Changes {
    /// Whether the tool `name`, if there is one, is listed and may be called.
    pub(crate) fn has_tool(&self, name: &str) -> bool {
        name != CHANGING_TOOL || self.has_changing_tool.load(Ordering::Relaxed)
    }

    /// Whether the prompt `name`, if there is one, is listed and may be asked for.
    pub(crate) fn has_prompt(&self, name: &str) -> bool {
        name != prompts::CHANGING || self.has_changing_prompt.load(Ordering::Relaxed)
    }

    /// How often the watched resource has changed.
    pub(crate) fn of_the_resource(&self) -> u64 {
        self.of_the_resource.load(Ordering::Relaxed)
    }

    fn make(&self, change: Change) {
        match change {
            Change::Tools => {
                self.has_changing_tool.fetch_not(Ordering::Relaxed);
            }
            Change::Prompts => {
                self.has_changing_prompt.fetch_not(Ordering::Relaxed);
            }
            Change::Resource => {
                self.of_the_resource.fetch_add(1, Ordering::Relaxed);
            }
        }
        // An error means that nobody listens.
        let _ = self.news.send(change);
    }

    /// Tells a listener what changes, until it leaves. The sink knows what it asked for.
    pub(crate) async fn tell(&self, context: &SubscriptionContext) {
        let mut news = self.news.subscribe();
        let sink = context.sink();
        loop {
            let next = pin!(news.recv());
            let change = match select(next, pin!(context.cancelled())).await {
                Either::Left((Ok(change), _)) => change,
                Either::Left((Err(RecvError::Lagged(_)), _)) => continue,
                Either::Left((Err(RecvError::Closed), _)) | Either::Right(_) => return,
            };
            let told = match change {
                Change::Tools => sink.notify_tool_list_changed().await,
                Change::Prompts => sink.notify_prompt_list_changed().await,
                Change::Resource => sink.notify_resource_updated(WATCHED).await,
            };
            match told {
                Ok(()) | Err(SubscriptionSendError::NotificationNotAccepted(_)) => {}
                Err(_) => return,
            }
        }
    }
}

/// What one session has asked for. A clone begins without anything: rmcp serves each session with a
/// clone of the handler, and without sessions each request.
#[derive(Default)]
pub(crate) struct Session {
    level: Mutex<Option<LoggingLevel>>,
    subscriptions: Mutex<HashSet<String>>,
}

impl Clone for Session {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Session {
    /// Returns the least severe level that the session wants to see: all of them, until it says so.
    pub(crate) fn level(&self) -> LoggingLevel {
        locked(&self.level).unwrap_or(LoggingLevel::Debug)
    }

    pub(crate) fn set_level(&self, level: LoggingLevel) {
        *locked(&self.level) = Some(level);
    }

    pub(crate) fn subscribe(&self, uri: String) {
        locked(&self.subscriptions).insert(uri);
    }

    pub(crate) fn unsubscribe(&self, uri: &str) {
        locked(&self.subscriptions).remove(uri);
    }

    fn is_subscribed(&self, uri: &str) -> bool {
        locked(&self.subscriptions).contains(uri)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[tool_router(router = changes_router, vis = "pub(crate)")]
impl Fixtures {
    #[tool(description = "Is there after every other call of test_trigger_tool_change")]
    #[expect(clippy::unused_self, reason = "a tool is a method")]
    pub(crate) fn test_changing_tool(&self) -> String {
        "This tool comes and goes.".to_owned()
    }

    #[tool(description = "Adds test_changing_tool, or removes it")]
    pub(crate) async fn test_trigger_tool_change(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<String, ErrorData> {
        self.change(Change::Tools, &context).await
    }

    #[tool(description = "Adds test_changing_prompt, or removes it")]
    pub(crate) async fn test_trigger_prompt_change(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<String, ErrorData> {
        self.change(Change::Prompts, &context).await
    }

    #[tool(description = "Changes test://watched-resource")]
    pub(crate) async fn test_trigger_resource_change(
        &self,
        context: RequestContext<RoleServer>,
    ) -> Result<String, ErrorData> {
        self.change(Change::Resource, &context).await
    }
}

impl Fixtures {
    /// Makes a change and tells the session that asked for it, in revisions that have sessions.
    async fn change(
        &self,
        change: Change,
        context: &RequestContext<RoleServer>,
    ) -> Result<String, ErrorData> {
        self.changes.make(change);
        if !is_self_contained(context) {
            let told = self.tell_session(change, context).await;
            told.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        }
        Ok("Changed.".to_owned())
    }

    async fn tell_session(
        &self,
        change: Change,
        context: &RequestContext<RoleServer>,
    ) -> Result<(), ServiceError> {
        let peer = &context.peer;
        match change {
            Change::Tools => peer.notify_tool_list_changed().await,
            Change::Prompts => peer.notify_prompt_list_changed().await,
            Change::Resource if self.session.is_subscribed(WATCHED) => {
                let update = ResourceUpdatedNotificationParam::new(WATCHED);
                peer.notify_resource_updated(update).await
            }
            Change::Resource => Ok(()),
        }
    }
}
