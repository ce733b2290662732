//! The extra tools, and which tools a server has.

use experiments::{ExperimentOptions, ExperimentServer, extra::MAX_EXTRA_TOOLS};
use rmcp::ServerHandler as _;
use serde_json::json;
use transports::fast_path::FastTools as _;

use crate::client::{Client, SERVER_TYPE, experiments, server};

fn extra_tools(count: usize) -> ExperimentOptions {
    ExperimentOptions {
        extra_tools: count,
        ..ExperimentOptions::default()
    }
}

#[tokio::test]
async fn as_many_as_are_asked_for_are_listed_and_return_their_arguments() {
    let client = Client::connect(server(None, &extra_tools(45)).await).await;
    let listed = client.tools().await;
    assert_eq!(listed.len(), workloads::tools::NAMES.len() + 45);
    assert!(listed.is_sorted(), "{listed:?}");
    let arguments = json!({"customer_id": "cus_1", "net_amount": 9.5});
    let answer = client.answer("create_invoice", arguments.clone()).await;
    let expected =
        json!({"arguments": arguments, "server_type": SERVER_TYPE, "tool": "create_invoice"});
    assert_eq!(answer, expected);
    let answer = client.answer("get_invoice", json!({})).await;
    assert_eq!(answer["arguments"], json!({}));
}

#[tokio::test]
async fn a_server_without_experiments_is_the_inner_server() {
    let options = ExperimentOptions::default();
    assert!(ExperimentServer::tool_names(&options).is_empty());
    let server = server(None, &options).await;
    assert_eq!(server.fast_tools(), server.demo().fast_tools());
    assert!(server.get_tool("experiment_waits").is_none());
    assert_eq!(server.get_info(), server.demo().get_info());
    let client = Client::connect(server).await;
    assert_eq!(client.tools().await.len(), workloads::tools::NAMES.len());
    assert_eq!(
        client.answer("echo", json!({"message": "a"})).await["message"],
        "a"
    );
}

#[tokio::test]
async fn every_experiment_but_the_streaming_one_is_fast() {
    let options = experiments();
    let server = server(None, &options).await;
    let inner = server.demo().fast_tools().len();
    let fast = server.fast_tools().split_off(inner);
    let mut names = ExperimentServer::tool_names(&options);
    names.retain(|name| name != "experiment_result");
    assert_eq!(fast, names);
    for name in names {
        assert_eq!(
            server.get_tool(&name).map(|tool| tool.name),
            Some(name.into())
        );
    }
}

#[test]
fn the_names_are_those_of_all_tools_added() {
    let options = ExperimentOptions {
        extra_tools: MAX_EXTRA_TOOLS,
        ..experiments()
    };
    let names = ExperimentServer::tool_names(&options);
    assert_eq!(names.len(), 7 + MAX_EXTRA_TOOLS);
    assert!(names.is_sorted(), "{names:?}");
}
