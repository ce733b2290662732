// What every TypeScript client does with a server of the fixtures.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

// What reaches this only hangs.
const PATIENCE_MS = 10_000;

// `call` differs between the libraries. `cancels` says whether a cancellation can reach the call,
// `rounds` whether the revision has multi-round results, otherwise the server asks in a request.
export async function session(client, transport, { call, cancels, rounds }) {
  await client.connect(transport);
  await list(client);
  const text = async (name, args = {}, options) => (await call({ name, arguments: args }, options)).content[0].text;
  assert.equal(await text("test_simple_text"), "This is a simple text response for testing.");

  const failed = await call({ name: "test_error_handling", arguments: {} });
  assert.equal(failed.isError, true);
  await assert.rejects(call({ name: "no_such_tool", arguments: {} }), (error) => error.code === -32602);
  await assert.rejects(client.readResource({ uri: "test://none" }), (error) => [-32002, -32602].includes(error.code));

  const heard = [];
  await call({ name: "test_tool_with_progress", arguments: {} }, { onprogress: ({ progress }) => heard.push(progress) });
  assert.deepEqual(heard, [0, 50, 100]);
  if (rounds) {
    assert.equal(await text("test_input_required_result_elicitation"), "Hello, Ada!");
  } else if (cancels) {
    // Without sessions the server cannot ask.
    assert.equal(await text("test_sampling", { prompt: "Who?" }), "LLM response: You asked: Who?");
    assert.match(await text("test_elicitation", { message: "Who?" }), /action=accept, content=\{.*"Ada"/);
  }
  if (cancels) await cancel(text);
  assert.equal(await text("test_simple_text"), "This is a simple text response for testing.");
  // A session is ended by whoever opened it; without one this sends nothing.
  await transport.terminateSession?.();
  await client.close();
}

async function list(client) {
  const { tools } = await client.listTools();
  assert.ok(tools.some(({ name }) => name === "test_simple_text"));
  const { resources } = await client.listResources();
  assert.equal(resources.length, 3);
  const { contents } = await client.readResource({ uri: "test://template/7/data" });
  assert.equal(JSON.parse(contents[0].text).id, "7");
  const { prompts } = await client.listPrompts();
  assert.equal(prompts.length, 5);
  const prompt = await client.getPrompt({ name: "test_prompt_with_arguments", arguments: { arg1: "a", arg2: "b" } });
  assert.equal(prompt.messages[0].content.text, "Prompt with arguments: arg1='a', arg2='b'");
  const ref = { type: "ref/prompt", name: "test_prompt_with_arguments" };
  const { completion } = await client.complete({ ref, argument: { name: "arg1", value: "par" } });
  assert.deepEqual(completion.values, ["paris", "park", "party"]);
}

async function cancel(text) {
  const before = Number(await text("test_cancelled_calls"));
  const abort = new AbortController();
  const call = text("test_waiting_tool", {}, { signal: abort.signal });
  await counted(text, "test_waiting_calls", 1);
  abort.abort("the user has changed his mind");
  await assert.rejects(call);
  await counted(text, "test_cancelled_calls", before + 1);
}

// Waits until the server counts that many.
async function counted(text, tool, wanted) {
  const end = Date.now() + PATIENCE_MS;
  while (Number(await text(tool)) !== wanted) {
    assert.ok(Date.now() < end, `${tool} did not come to ${wanted}`);
    await sleep(20);
  }
}

export const answers = {
  "sampling/createMessage": async ({ params }) => ({
    role: "assistant",
    model: "none",
    content: { type: "text", text: `You asked: ${[params.messages[0].content].flat()[0].text}` },
  }),
  "elicitation/create": async () => ({
    action: "accept",
    content: { name: "Ada", username: "Ada", email: "ada@example.org" },
  }),
};
