// What every recorded session of a TypeScript client does.
import assert from "node:assert/strict";

export async function session(client, transport, { ping }) {
  await client.connect(transport);
  const { tools } = await client.listTools();
  assert.equal(tools.length, 4);
  const call = async (name, args) => (await client.callTool({ name, arguments: args })).structuredContent;
  assert.equal((await call("echo", { message: "hello" })).message, "hello");
  assert.equal((await call("calculate_fibonacci", { n: 10 })).result, 55);
  assert.equal((await call("query_products", {})).total_found, 2251);
  if (ping) await client.ping();
  // A session is ended by whoever opened it; without one this sends nothing.
  await transport.terminateSession?.();
  await client.close();
}
