// Talks to a Fathom server through OpenAI's npm package. Usage: node talk.mjs http://127.0.0.1:PORT
// Prints the name of each check that held; the first that does not ends the process with its reason.

import assert from "node:assert/strict";
import OpenAI from "openai";

const client = new OpenAI({ baseURL: new URL("/v1", process.argv[2]).href, apiKey: "unused", maxRetries: 0 });
const user = content => [{ role: "user", content }];

async function refusal(call) {
  try {
    await call();
  } catch (error) {
    return error;
  }
  assert.fail("the call was not refused");
}

const checks = {
  async chat() {
    const completion = await client.chat.completions.create({ model: "echo", messages: user("bonjour é") });
    assert.equal(completion.choices[0].message.content, "Echo: bonjour é");
    assert.equal(completion.choices[0].finish_reason, "stop");
    assert.equal(completion.usage.total_tokens, completion.usage.prompt_tokens + completion.usage.completion_tokens);
    assert.ok(completion._request_id === null || completion._request_id === undefined);
  },

  async chatStream() {
    const stream = await client.chat.completions.create({
      model: "echo", messages: user("stream 🦆"), stream: true, stream_options: { include_usage: true },
    });
    let text = "", usage, reason;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta?.content ?? "";
      reason = chunk.choices[0]?.finish_reason ?? reason;
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, "Echo: stream 🦆");
    assert.equal(reason, "stop");
    assert.ok(usage.completion_tokens > 0);
  },

  async chatStreamHelper() {
    const runner = client.chat.completions.stream({ model: "echo", messages: user("helper"), n: 1 });
    assert.equal(await runner.finalContent(), "Echo: helper");
  },

  async chatLogprobs() {
    const completion = await client.chat.completions.create({
      model: "echo", messages: user("x"), logprobs: true, top_logprobs: 2, temperature: 0,
    });
    const tokens = completion.choices[0].logprobs.content;
    assert.equal(tokens.map(token => token.token).join(""), "Echo: x");
    assert.ok(tokens.every(token => token.top_logprobs.length === 2 && token.logprob <= 0));
  },

  async completion() {
    const completion = await client.completions.create({ model: "echo", prompt: ["a", "x"], max_tokens: 3, logprobs: 1, temperature: 0 });
    assert.deepEqual(completion.choices.map(choice => choice.text), ["bcd", "yz"]);
    assert.deepEqual(completion.choices[0].logprobs.tokens, ["b", "c", "d"]);
  },

  async completionStream() {
    let text = "";
    for await (const chunk of await client.completions.create({ model: "echo", prompt: [97, 98], max_tokens: 4, stream: true }))
      text += chunk.choices[0]?.text ?? "";
    assert.equal(text, "cdef");
  },

  async models() {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    assert.deepEqual(ids, ["echo"]);
    assert.equal((await client.models.retrieve("org/echo-alias")).id, "echo");
  },

  async abort() {
    const stream = await client.chat.completions.create({ model: "echo", messages: user("forever"), stream: true });
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta?.content) break;
    }
    assert.ok(stream.controller.signal.aborted);
  },

  async unknownModel() {
    const error = await refusal(() => client.chat.completions.create({ model: "nope", messages: user("x") }));
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.equal(error.code, "model_not_found");
    assert.equal(error.param, "model");
  },

  async badParameter() {
    const error = await refusal(() => client.chat.completions.create({ model: "echo", messages: user("x"), temperature: 9 }));
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.param, "temperature");
  },

  async tooLong() {
    const error = await refusal(() => client.chat.completions.create({ model: "echo", messages: user("x".repeat(600)), stream: true }));
    assert.equal(error.status, 400);
    assert.equal(error.code, "context_length_exceeded");
  },
};

for (const [name, check] of Object.entries(checks)) {
  await check();
  console.log(name);
}
