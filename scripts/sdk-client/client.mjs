// A closed loop of the official TypeScript SDK's client over HTTP+SSE, which times its own calls.
// Usage: node client.mjs URL CLIENTS SECONDS CALL, where CALL is the JSON of the parameters of tools/call.
// Prints {"calls", "calls_per_s", "p50_us", "p99_us"}. A failed call ends it with exit code 1.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";

const [url, clients, seconds, call] = process.argv.slice(2);
const parameters = JSON.parse(call);
const latencies = [];

const sessions = await Promise.all(
  Array.from({ length: Number(clients) }, async () => {
    const client = new Client({ name: "agree", version: "1.0.0" });
    await client.connect(new SSEClientTransport(new URL(url)));
    return client;
  }),
);
// The first second is not counted: the functions of a new process are not compiled yet.
const begin = performance.now() + 1000;
const end = begin + 1000 * Number(seconds);
await Promise.all(
  sessions.map(async (client) => {
    while (performance.now() < end) {
      const sent = performance.now();
      const answer = await client.callTool(parameters);
      if (answer.isError) throw new Error(JSON.stringify(answer));
      if (sent >= begin) latencies.push(performance.now() - sent);
    }
  }),
);
const passed = (performance.now() - begin) / 1000;
latencies.sort((a, b) => a - b);
const us = (share) => 1000 * latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))];
const calls = latencies.length;
console.log(JSON.stringify({ calls, calls_per_s: calls / passed, p50_us: us(0.5), p99_us: us(0.99) }));
process.exit(0);
