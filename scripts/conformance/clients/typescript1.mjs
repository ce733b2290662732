// @modelcontextprotocol/sdk 1.x: node typescript1.mjs http|sse|stdio URL|COMMAND MODE CANCELS
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { CreateMessageRequestSchema, ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { answers, session } from "./session.mjs";

const [wire, target, , cancels] = process.argv.slice(2);
const transports = {
  http: () => new StreamableHTTPClientTransport(new URL(target)),
  sse: () => new SSEClientTransport(new URL(target)),
  stdio: () => new StdioClientTransport({ command: "sh", args: ["-c", target] }),
};
const client = new Client({ name: "tester", version: "1.0.0" }, { capabilities: { elicitation: {}, sampling: {} } });
client.setRequestHandler(CreateMessageRequestSchema, answers["sampling/createMessage"]);
client.setRequestHandler(ElicitRequestSchema, answers["elicitation/create"]);
await session(client, transports[wire](), {
  call: (params, options) => client.callTool(params, undefined, options),
  cancels: cancels === "yes",
  rounds: false,
});
