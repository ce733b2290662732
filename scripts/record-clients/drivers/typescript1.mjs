// One session of @modelcontextprotocol/sdk 1.x: node typescript1.mjs http|sse|stdio URL|COMMAND REVISION
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { LATEST_PROTOCOL_VERSION } from "@modelcontextprotocol/sdk/types.js";
import { session } from "./session.mjs";

const [wire, target, revision] = process.argv.slice(2);
if (LATEST_PROTOCOL_VERSION !== revision) {
  throw new Error(`this version offers ${LATEST_PROTOCOL_VERSION}, not ${revision}`);
}
const transports = {
  // Versions before 1.10 have no Streamable HTTP.
  http: async () => {
    const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
    return new StreamableHTTPClientTransport(new URL(target));
  },
  sse: () => new SSEClientTransport(new URL(target)),
  stdio: () => new StdioClientTransport({ command: "sh", args: ["-c", target] }),
};
await session(new Client({ name: "recorded", version: "1.0.0" }), await transports[wire](), { ping: true });
