//! The extra tools.

use serde_json::json;
use workloads::lessons::extra::MAX_EXTRA_TOOLS;

use crate::client::{Client, SERVER_TYPE, lab};

#[tokio::test]
async fn as_many_as_are_asked_for_are_listed_and_say_back_their_arguments() {
    let without = Client::alone().await;
    let without = without.service().list_all_tools().await.unwrap().len();
    let lab = lab(None, None).await.with_extra_tools(45).unwrap();
    let client = Client::connect(lab).await;
    let listed = client.service().list_all_tools().await.unwrap();
    assert_eq!(listed.len(), without + 45);
    let tool = listed.iter().find(|tool| tool.name == "create_invoice");
    let required = &tool.unwrap().input_schema["required"];
    assert_eq!(
        *required,
        json!(["customer_id", "due_on", "currency", "net_amount"])
    );
    let arguments = json!({"customer_id": "cus_1", "net_amount": 9.5});
    let answer = client.answer("create_invoice", arguments.clone()).await;
    let expected =
        json!({"arguments": arguments, "server_type": SERVER_TYPE, "tool": "create_invoice"});
    assert_eq!(answer, expected);
    let answer = client.answer("get_invoice", json!({})).await;
    assert_eq!(answer["arguments"], json!({}));
}

#[tokio::test]
async fn more_than_there_are_is_refused() {
    let lab = lab(None, None).await;
    assert!(lab.clone().with_extra_tools(MAX_EXTRA_TOOLS).is_ok());
    let refused = lab.with_extra_tools(MAX_EXTRA_TOOLS + 1).err().unwrap();
    let expected = format!(
        "there are {MAX_EXTRA_TOOLS} extra tools, not {}",
        MAX_EXTRA_TOOLS + 1
    );
    assert!(refused.to_string().starts_with(&expected), "{refused}");
}
