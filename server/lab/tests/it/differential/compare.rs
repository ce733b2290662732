//! Two servers that differ in the fast path alone, and one client of both.

use serde_json::{Value, json};
use transports::{
    fast_path::Counters,
    http::HttpService,
    streamable::{Answer as Kind, Streamable},
};

use super::{
    differences::{Difference, Exchange},
    request::{Request, bytes, post},
};
use crate::in_process::{
    Tools,
    http::{Answer, Content, Peer},
    streamable, tools_of,
};

/// Bodies longer than this are not made smaller: they would take long, and say as much.
const SHRINK_BYTES: usize = 4096;

/// The two servers.
pub(crate) struct Pair {
    kind: Kind,
    has_sessions: bool,
    fast: Peer<Streamable<Tools>>,
    rmcp: Peer<Streamable<Tools>>,
    /// The session on either side, once there is one.
    sessions: Option<(String, String)>,
    pub(crate) tally: Tally,
}

/// How many requests came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) asked: usize,
    /// Answered equally.
    pub(crate) equal: usize,
    /// Answered differently, as the table has it.
    pub(crate) explained: usize,
    /// Of all, those that the fast path took.
    pub(crate) taken: usize,
}

/// Two answers to one request whose difference is not intended.
pub(crate) struct Mismatch {
    fast: Answer,
    rmcp: Answer,
}

impl Pair {
    pub(crate) async fn start(tools: &Tools, kind: Kind, has_sessions: bool) -> Self {
        Self::of([tools, tools], kind, has_sessions).await
    }

    async fn of([fast, rmcp]: [&Tools; 2], kind: Kind, has_sessions: bool) -> Self {
        Self {
            kind,
            has_sessions,
            fast: Peer::new(streamable(fast, kind, has_sessions, true).await),
            rmcp: Peer::new(streamable(rmcp, kind, has_sessions, false).await),
            sessions: None,
            tally: Tally::default(),
        }
    }

    /// Asks both, without a verdict.
    pub(crate) async fn ask(&mut self, request: &Request) -> (Answer, Answer) {
        let (fast, rmcp) = match &self.sessions {
            Some((fast, rmcp)) => (Some(fast.as_str()), Some(rmcp.as_str())),
            None => (None, None),
        };
        let (fast, rmcp) = (bytes(request, fast), bytes(request, rmcp));
        let answers = (self.fast.ask(&fast).await, self.rmcp.ask(&rmcp).await);
        (comparable(answers.0), comparable(answers.1))
    }

    /// Asks both, and keeps the sessions that they have opened for what is asked from now on.
    pub(crate) async fn open_session(&mut self, initialize: &Request) {
        let (fast, rmcp) = self.ask(initialize).await;
        self.sessions = fast.session_id.zip(rmcp.session_id);
        assert!(
            self.sessions.is_some(),
            "both opened a session: {initialize}"
        );
    }

    /// Asks both and compares.
    ///
    /// # Errors
    /// The answers, when they differ and the table does not say why.
    pub(crate) async fn compare(&mut self, request: &Request) -> Result<(), Box<Mismatch>> {
        let before = self.count_taken();
        let (fast, rmcp) = self.ask(request).await;
        self.tally.asked += 1;
        self.tally.taken += usize::from(self.count_taken() > before);
        if is_equal(&fast, &rmcp) {
            self.tally.equal += 1;
            return Ok(());
        }
        let exchange = Exchange {
            request,
            kind: self.kind,
            has_sessions: self.has_sessions,
            fast: &fast,
            rmcp: &rmcp,
        };
        if Difference::explaining(&exchange).is_some() {
            self.tally.explained += 1;
            return Ok(());
        }
        Err(Box::new(Mismatch { fast, rmcp }))
    }

    /// Compares, and says all that is known of the case `name` when the answers differ.
    ///
    /// # Errors
    /// What to print.
    pub(crate) async fn check(&mut self, name: &str, request: &Request) -> Result<(), String> {
        let Err(mismatch) = self.compare(request).await else {
            return Ok(());
        };
        let tally = self.tally;
        let (request, mismatch) = self.shrink(request.clone(), mismatch).await;
        self.tally = tally;
        let Mismatch { fast, rmcp } = *mismatch;
        let kind = self.kind;
        Err(format!(
            "{name}, {kind:?}\n{request}\nfast path: {fast:?}\nrmcp:      {rmcp:?}\n"
        ))
    }

    /// The messages that the fast path took and left.
    pub(crate) fn counters(&self) -> &Counters {
        let counters = self.fast.service().counters();
        counters.expect("the fast path is on")
    }

    fn count_taken(&self) -> u64 {
        self.counters().count_taken()
    }

    /// The smallest request near `request` that is answered differently.
    async fn shrink(
        &mut self,
        mut request: Request,
        mut mismatch: Box<Mismatch>,
    ) -> (Request, Box<Mismatch>) {
        let mut piece = match request.body.len() {
            ..=SHRINK_BYTES => request.body.len().div_ceil(2),
            _ => 0,
        };
        for at in (0..request.headers.len()).rev() {
            let mut smaller = request.clone();
            smaller.headers.remove(at);
            if let Err(still) = self.compare(&smaller).await {
                (request, mismatch) = (smaller, still);
            }
        }
        while piece > 0 {
            let mut at = 0;
            while at < request.body.len() {
                let mut smaller = request.clone();
                let end = (at + piece).min(smaller.body.len());
                smaller.body.drain(at..end);
                match self.compare(&smaller).await {
                    Err(still) => (request, mismatch) = (smaller, still),
                    Ok(()) => at += piece,
                }
            }
            piece /= 2;
        }
        (request, mismatch)
    }
}

/// `answer` with its messages in canonical form.
fn comparable(mut answer: Answer) -> Answer {
    answer.body = match answer.body {
        Content::Json(Value::Array(batch)) => {
            Content::Json(batch.into_iter().map(canonical).collect())
        }
        Content::Json(message) => Content::Json(canonical(message)),
        Content::Events(messages) => Content::Events(messages.into_iter().map(canonical).collect()),
        body => body,
    };
    answer
}

/// `message` with each text of its result that is a JSON object or array replaced by its value and
/// its length. Two texts are equal then when only the order of their members differs: rmcp sorts
/// members, and the fast path keeps the order of the result's type.
pub(crate) fn canonical(mut message: Value) -> Value {
    let content = message.pointer_mut("/result/content");
    for item in content.and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(text) = item["text"].as_str() else {
            continue;
        };
        let value = serde_json::from_str(text).ok();
        if let Some(value) = value.filter(|value: &Value| value.is_object() || value.is_array()) {
            item["text"] = json!({"value": value, "bytes": text.len()});
        }
    }
    message
}

/// Whether two answers are the same but for the session that they may name.
fn is_equal(fast: &Answer, rmcp: &Answer) -> bool {
    fast.session_id.is_some() == rmcp.session_id.is_some()
        && (fast.status, &fast.content_type, &fast.allow, &fast.body)
            == (rmcp.status, &rmcp.content_type, &rmcp.allow, &rmcp.body)
}

#[tokio::test]
async fn a_difference_is_found_and_made_small() {
    let (one, other) = (tools_of("one").await, tools_of("other").await);
    for kind in [Kind::Json, Kind::EventStream] {
        let mut pair = Pair::of([&one, &other], kind, false).await;
        let call = |members: &str| {
            post(format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"echo",{members}}}}}"#
            ))
        };
        let named = call(r#""_meta":{"progressToken":1},"arguments":{"message":"a long one"}"#);
        let failure = pair.check("named", &named).await.unwrap_err();
        assert!(failure.starts_with("named"), "{failure}");
        assert!(
            failure.contains("one") && failure.contains("other"),
            "{failure}"
        );
        assert!(!failure.contains("long"), "it is made smaller: {failure}");
        // What is answered without a tool is the same.
        let refused = call(r#""arguments":[]"#);
        assert_eq!(pair.check("refused", &refused).await, Ok(()));
        assert_eq!((pair.tally.asked, pair.tally.equal), (2, 1));
    }
}

#[test]
fn the_order_of_members_is_all_that_may_differ_in_a_text() {
    let answer = |text: &str| {
        let content = json!([{"type": "text", "text": text}]);
        canonical(json!({"id": 1, "result": {"content": content}}))
    };
    assert_eq!(answer(r#"{"b":1,"a":[2]}"#), answer(r#"{"a":[2],"b":1}"#));
    for other in [
        r#"{"a":[2], "b":1}"#,
        r#"{"a":[3],"b":1}"#,
        r#"{"a":[2],"b":1.0}"#,
        r#"{"a":[2],"c":1}"#,
        r#"["a","b"]"#,
    ] {
        assert_ne!(answer(r#"{"a":[2],"b":1}"#), answer(other), "{other}");
    }
    for (one, other) in [("[1,2]", "[2,1]"), ("a b", "b a"), ("1", "1 ")] {
        assert_ne!(answer(one), answer(other));
    }
}
