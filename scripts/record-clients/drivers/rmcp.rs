//! One session of rmcp's client: `rmcp-driver http|stdio URL|COMMAND REVISION|auto`

use anyhow::{Context, ensure};
use rmcp::{
    model::{CallToolRequestParams, ClientConfig, ClientRequest, ProtocolVersion},
    service::{ClientLifecycleMode, ClientServiceExt, PeerRequestOptions},
    transport::{StreamableHttpClientTransport, TokioChildProcess},
};
use serde_json::{Value, json};

type Client = rmcp::service::RunningService<rmcp::RoleClient, ClientConfig>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [wire, target, mode] = arguments.as_slice() else {
        anyhow::bail!("three arguments: http|stdio, a URL or command, a revision or auto");
    };
    let lifecycle = match mode.as_str() {
        "auto" => ClientLifecycleMode::Auto {
            preferred_versions: vec![ProtocolVersion::LATEST],
            legacy_version: None,
        },
        "2026-07-28" => ClientLifecycleMode::Discover {
            preferred_versions: vec![ProtocolVersion::LATEST],
        },
        _ => ClientLifecycleMode::Initialize,
    };
    let initializes = lifecycle == ClientLifecycleMode::Initialize;
    let config = if initializes {
        let revision = serde_json::from_value(json!(mode))?;
        ClientConfig::default().with_protocol_version(revision)
    } else {
        ClientConfig::default()
    };
    let client = if wire == "stdio" {
        let mut command = tokio::process::Command::new("sh");
        command.arg("-c").arg(target);
        let process = TokioChildProcess::new(command)?;
        config.serve_with_lifecycle(process, lifecycle).await?
    } else {
        let transport = StreamableHttpClientTransport::from_uri(target.as_str());
        config.serve_with_lifecycle(transport, lifecycle).await?
    };
    session(client, initializes).await
}

async fn session(client: Client, ping: bool) -> anyhow::Result<()> {
    ensure!(client.list_all_tools().await?.len() == 4);
    let message = call(&client, "echo", json!({"message": "hello"})).await?;
    ensure!(message["message"] == "hello", "{message}");
    let number = call(&client, "calculate_fibonacci", json!({"n": 10})).await?;
    ensure!(number["result"] == 55, "{number}");
    let products = call(&client, "query_products", json!({})).await?;
    ensure!(products["total_found"] == 2251, "{products}");
    if ping {
        let request = ClientRequest::PingRequest(rmcp::model::PingRequest {
            method: Default::default(),
            extensions: Default::default(),
        });
        client
            .send_cancellable_request(request, PeerRequestOptions::default())
            .await?
            .await_response()
            .await?;
    }
    client.cancel().await?;
    Ok(())
}

async fn call(client: &Client, tool: &'static str, arguments: Value) -> anyhow::Result<Value> {
    let Value::Object(arguments) = arguments else {
        anyhow::bail!("arguments are an object");
    };
    let request = CallToolRequestParams::new(tool).with_arguments(arguments);
    let result = client.call_tool(request).await?;
    result.structured_content.context("structured content")
}
