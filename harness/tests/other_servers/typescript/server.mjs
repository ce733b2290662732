// A server of the official TypeScript SDK, as its documentation has one: the tool `add`, on stdio or Streamable HTTP.
// `node server.mjs` or `node server.mjs PORT [stateful]`.

import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { z } from "zod";

function lab() {
  const server = new McpServer({ name: "other", version: "1.0.0" });
  server.registerTool(
    "add",
    { description: "Adds two numbers.", inputSchema: { a: z.number(), b: z.number() } },
    async ({ a, b }) => ({ content: [{ type: "text", text: String(a + b) }] }),
  );
  return server;
}

// Each session has a transport of its own; without sessions each request has.
const sessions = new Map();

async function transport(isStateful) {
  const made = new StreamableHTTPServerTransport({
    sessionIdGenerator: isStateful ? randomUUID : undefined,
    onsessioninitialized: (id) => sessions.set(id, made),
  });
  await lab().connect(made);
  return made;
}

const [port, mode] = process.argv.slice(2);
if (port === undefined) {
  await lab().connect(new StdioServerTransport());
} else {
  createServer(async (request, response) => {
    const known = sessions.get(request.headers["mcp-session-id"]);
    const one = known ?? (await transport(mode === "stateful"));
    await one.handleRequest(request, response);
  }).listen(Number(port), "127.0.0.1");
}
