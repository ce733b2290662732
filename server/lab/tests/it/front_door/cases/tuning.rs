//! Flags that change the answers of a server, on both paths.

use serde_json::{Value, json};

use crate::common::{Client, Gate, Server, Subject, client};

fn listed(client: &mut Client) -> Vec<String> {
    let answer = client.request("tools/list", &json!({}));
    let tools = answer["result"]["tools"].as_array().expect("tools");
    let name = |tool: &Value| tool["name"].as_str().map(Into::into);
    let mut names: Vec<_> = tools.iter().filter_map(name).collect();
    names.sort_unstable();
    names
}

pub(crate) fn tools_that_are_left_out_are_not_there(subject: &Subject) {
    let mut server = Server::start(subject, &["--tools", "query_products,echo"]);
    let mut client = Client::ready(&mut server);
    assert_eq!(listed(&mut client), ["echo", "query_products"]);
    client.is_served();
    assert_eq!(
        client.right("query_products", &json!({}))["total_found"],
        2251
    );
    for left_out in ["calculate_fibonacci", "checkout", "no_such_tool"] {
        let call = client::call(left_out, &json!({"n": 1}));
        assert_eq!(client.error("tools/call", &call), -32602, "{left_out}");
    }
    // Nothing is wrong with a server that serves less; what is said of such calls is rmcp's.
    let said = server.log().lines();
    let warned = said.iter().any(|line| line.contains("WARN transports"));
    assert!(!warned, "{said:?}");
}

pub(crate) fn a_time_limit_holds_for_its_tool_alone(subject: &Subject) {
    let gate = Gate::new();
    let flags = [
        "--upstream-url",
        &gate.url(),
        "--time-limit=fetch_external_data=0.2,echo=1",
    ];
    let mut server = Server::start(subject, &flags);
    let mut client = Client::ready(&mut server);
    let said = client.wrong("fetch_external_data", &json!({"endpoint": "/held"}));
    for part in ["fetch_external_data", "within 0.2 s", "--time-limit"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let slow = json!({"query": "SELECT 1", "delay_ms": 400});
    client.right("simulate_database_query", &slow);
}

pub(crate) fn what_is_cached_is_asked_for_once(subject: &Subject) {
    let gate = Gate::new();
    let flags = ["--upstream-url", &gate.url(), "--cache", "memory"];
    let mut server = Server::start(subject, &flags);
    let mut client = Client::ready(&mut server);
    gate.open();
    let endpoint = json!({"endpoint": "/held"});
    let first = client.right("fetch_external_data", &endpoint);
    assert_eq!(first["body"], json!({"held": true}));
    assert_eq!(client.right("fetch_external_data", &endpoint), first);
    let text = json!({"format": "text"});
    let first = client.call("query_products", &text);
    assert_eq!(client.call("query_products", &text), first);
    client.right("fetch_external_data", &json!({"endpoint": "/other"}));
    assert_eq!(gate.arrived(), 2);
}

pub(crate) fn calls_beyond_the_upstream_limit_wait_their_turn(subject: &Subject) {
    let gate = Gate::new();
    let flags = [
        "--upstream-url",
        &gate.url(),
        "--upstream-limit=1",
        "--pool-timeout=0.2",
    ];
    let mut server = Server::start(subject, &flags);
    let mut first = Client::ready(&mut server);
    let mut second = Client::ready(&mut server);
    first.begin_held();
    gate.wait_for(1);
    let said = second.wrong("fetch_external_data", &json!({"endpoint": "/held"}));
    for part in ["upstream", "busy", "--upstream-limit"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    second.is_served();
    gate.open();
    first.end_held();
    second.right("fetch_external_data", &json!({"endpoint": "/held"}));
    assert_eq!(gate.arrived(), 2);
}
