// @modelcontextprotocol/client 2.x: node typescript2.mjs http|sse|stdio URL|COMMAND REVISION|auto CANCELS
import { Client, SSEClientTransport, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { answers, session } from "./session.mjs";

const [wire, target, mode, cancels] = process.argv.slice(2);
const revisions = mode === "auto" ? { versionNegotiation: { mode: "auto" } } : { supportedProtocolVersions: [mode] };
const transports = {
  http: () => new StreamableHTTPClientTransport(new URL(target)),
  sse: () => new SSEClientTransport(new URL(target)),
  stdio: () => new StdioClientTransport({ command: "sh", args: ["-c", target] }),
};
const capabilities = { elicitation: {}, sampling: {} };
const client = new Client({ name: "tester", version: "1.0.0" }, { capabilities, ...revisions });
for (const [method, answer] of Object.entries(answers)) client.setRequestHandler(method, answer);
await session(client, transports[wire](), {
  call: (params, options) => client.callTool(params, options),
  cancels: cancels === "yes",
  // HTTP+SSE is older than 2026-07-28, and servers of it say so.
  rounds: mode === "auto" && wire !== "sse",
});
