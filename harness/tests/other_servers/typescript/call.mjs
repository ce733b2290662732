// The client of the official TypeScript SDK: lists the tools of a server and calls one of them.
// Usage: node call.mjs URL|PROGRAM TOOL ARGUMENTS, where ARGUMENTS is JSON. Prints {"tools", "result"}.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [server, name, given] = process.argv.slice(2);
const transport = server.startsWith("http://")
  ? new StreamableHTTPClientTransport(new URL(server))
  : new StdioClientTransport({ command: server });
const client = new Client({ name: "call", version: "1.0.0" });
await client.connect(transport);
const { tools } = await client.listTools();
const result = await client.callTool({ name, arguments: JSON.parse(given) });
console.log(JSON.stringify({ tools: tools.map((tool) => tool.name), result }));
await client.close();
