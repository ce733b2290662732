// One session of @modelcontextprotocol/client 2.x: node typescript2.mjs http|sse|stdio URL|COMMAND REVISION|auto
import { Client, SSEClientTransport, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { session } from "./session.mjs";

const [wire, target, mode] = process.argv.slice(2);
const options = {
  auto: { versionNegotiation: { mode: "auto" } },
  "2026-07-28": { versionNegotiation: { mode: { pin: "2026-07-28" } } },
}[mode] ?? { supportedProtocolVersions: [mode] };
const transports = {
  http: () => new StreamableHTTPClientTransport(new URL(target)),
  sse: () => new SSEClientTransport(new URL(target)),
  stdio: () => new StdioClientTransport({ command: "sh", args: ["-c", target] }),
};
const client = new Client({ name: "recorded", version: "1.0.0" }, options);
// Revision 2026-07-28 has no ping.
await session(client, transports[wire](), { ping: mode !== "auto" && mode !== "2026-07-28" });
