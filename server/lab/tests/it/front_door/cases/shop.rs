//! The tools that ask the upstream and the store at once.
//!
//! All servers of a test run share one store, so each test buys for a user of its own.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::common::{Client, Gate, Server, Subject, client, eventually};

/// A user with a cart and without orders, for one test alone.
fn user() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1_000);
    format!("user-{:05}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn history(client: &mut Client, user: &str) -> Vec<Value> {
    let cart = client.right("get_user_cart", &json!({"user_id": user}));
    cart["recent_history"].as_array().expect("a list").clone()
}

pub(crate) fn the_shop_keeps_its_contract(subject: &Subject) {
    let mut server = Server::start(subject, &[]);
    let mut client = Client::ready(&mut server);
    let found = client.right("search_products", &json!({}));
    assert_eq!(found["total_found"], 2251);
    for list in ["products", "top10_popular_ids"] {
        assert_eq!(found[list].as_array().map(Vec::len), Some(10), "{list}");
    }
    assert_eq!(history(&mut client, "user-00042").len(), 5);

    let user = user();
    let order = client.right("checkout", &json!({"user_id": user}));
    assert_eq!(
        (&order["status"], &order["items_count"], &order["total"]),
        (&json!("confirmed"), &json!(2), &json!(24.63))
    );
    assert!(order["rate_limit_count"].as_i64() > Some(0), "{order}");
    let recorded = history(&mut client, &user);
    assert_eq!(recorded.len(), 1);
    assert_eq!(recorded[0]["order_id"], order["order_id"]);

    for (tool, arguments, says) in [
        (
            "search_products",
            json!({"category": "Cheese"}),
            "Electronics",
        ),
        (
            "get_user_cart",
            json!({"user_id": "somebody"}),
            "user-00042",
        ),
        ("checkout", json!({"items": []}), "1 to 100"),
    ] {
        let said = client.wrong(tool, &arguments);
        assert!(said.contains(says), "{tool}: {said}");
    }
    client.is_served();
}

pub(crate) fn a_checkout_without_its_total_says_so_in_time(subject: &Subject) {
    let gate = Gate::new();
    let flags = ["--upstream-url", &gate.url(), "--time-limit=checkout=1"];
    let user = user();
    let mut server = Server::start(subject, &flags);
    let mut client = Client::ready(&mut server);
    let said = client.wrong("checkout", &json!({"user_id": user}));
    let mut whole = Server::start(subject, &[]);
    let recorded = history(&mut Client::ready(&mut whole), &user);
    assert_eq!(recorded.len(), 1);
    let order_id = recorded[0]["order_id"].as_str().expect("a name");
    for part in [order_id, "was recorded", "upstream", "within 0.95 s"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

pub(crate) fn a_cancelled_checkout_is_recorded_all_the_same(subject: &Subject) {
    let gate = Gate::new();
    let user = user();
    let mut server = Server::start(subject, &["--upstream-url", &gate.url()]);
    let mut client = Client::ready(&mut server);
    let call = client::call("checkout", &json!({"user_id": user}));
    let id = client.begin("tools/call", &call);
    gate.wait_for(1);
    client.cancel(id);
    gate.wait_until_left_by(1);
    // The next thing to be heard is another answer.
    client.is_served();

    let mut whole = Server::start(subject, &[]);
    let mut client = Client::ready(&mut whole);
    eventually("the order is recorded", || {
        (history(&mut client, &user).len() == 1).then_some(())
    });
}
