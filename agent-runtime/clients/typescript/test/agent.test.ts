import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { AgentClient, AgentConnectionError, type AgentEvent, AgentProblemError, AgentTimeoutError } from "../src/index.js";
import { calls, type Running, startAgent, startStub, until } from "./processes.js";

async function collect(stream: AsyncIterable<AgentEvent>): Promise<AgentEvent[]> {
  const found: AgentEvent[] = [];
  for await (const event of stream) found.push(event);
  return found;
}

describe("with the running app and its fake model", () => {
  let agent: Running;
  let client: AgentClient;
  before(async () => {
    agent = await startAgent({ AGENT_USER_HEADER: "X-User-Id", AGENT_RATE_LIMIT: "3/second", AGENT_REVISION: "0123456789ab" });
    client = new AgentClient({ baseUrl: `${agent.url}/`, headers: { "X-User-Id": "user-1" } });
  });
  after(async () => {
    assert.equal(await agent.stop(), 0);
  });

  it("sends a message and remembers the conversation", async () => {
    const first = await client.send("Hello", { requestId: "r-1" });
    const second = await client.send("Again", { sessionId: first.session_id });
    assert.equal(first.reply, "(turn 1) You said: Hello");
    assert.equal(first.request_id, "r-1");
    assert.equal(second.reply, "(turn 2) You said: Again");
    assert.equal(second.revision, "0123456789ab");
  });

  it("gives a streamed answer in pieces and then whole", async () => {
    const events = await collect(client.stream("Zurück ☕", { sessionId: "streamed" }));
    const last = events.at(-1);
    assert.ok(last?.type === "done");
    assert.equal(last.response.reply, "(turn 1) You said: Zurück ☕");
    assert.equal(events.map((event) => (event.type === "delta" ? event.text : "")).join(""), last.response.reply);
  });

  it("tells what runs and what it did", async () => {
    assert.equal((await client.version()).agent, "test-agent");
    assert.ok((await client.stats()).invocations >= 1);
    assert.equal(await client.ready(), true);
  });

  it("throws a problem that names its kind and not the message", async () => {
    const nameless = new AgentClient({ baseUrl: agent.url });
    await assert.rejects(nameless.send("my secret symptom"), (error: unknown) => {
      assert.ok(error instanceof AgentProblemError);
      assert.equal(error.status, 401);
      assert.equal(error.kind, "user-missing");
      assert.doesNotMatch(String(error), /symptom/);
      return true;
    });
    await assert.rejects(collect(nameless.stream("Hi")), AgentProblemError);
  });

  it("waits as Retry-After asks when the user has asked too often", async () => {
    const eager = new AgentClient({ baseUrl: agent.url, headers: { "X-User-Id": "eager" }, maxAttempts: 20 });
    const answers = await Promise.all(Array.from({ length: 10 }, (_, number) => eager.send(`message ${number}`)));
    assert.equal(answers.length, 10);
    assert.ok((await eager.stats()).rejected >= 1);
  });
});

describe("with an agent whose model misbehaves", () => {
  it("stops the model when the caller leaves the loop, aborts, or runs out of time", async () => {
    const stub = await startStub("--token-delay", "0.1", "--text", "word ".repeat(500));
    const agent = await startAgent(stub.env);
    try {
      const client = new AgentClient({ baseUrl: agent.url });
      for await (const event of client.stream("Hi")) {
        if (event.type === "delta") break;
      }
      const abort = new AbortController();
      await assert.rejects(async () => {
        for await (const _ of client.stream("Hi", { signal: abort.signal })) abort.abort(new Error("the user left"));
      }, /the user left/);
      await assert.rejects(client.send("Hi", { timeoutMs: 300 }), AgentTimeoutError);
      await until(async () => {
        const found = await calls(stub);
        return found.length === 3 && found.every((call) => call.state === "client-left");
      });
    } finally {
      await agent.stop();
      await stub.stop();
    }
  });

  it("throws the problem that ends a stream", async () => {
    const stub = await startStub("--stream-error", "modelStreamErrorException");
    const agent = await startAgent(stub.env);
    try {
      const seen: string[] = [];
      await assert.rejects(async () => {
        for await (const event of new AgentClient({ baseUrl: agent.url }).stream("Hi")) seen.push(event.type);
      }, (error: unknown) => error instanceof AgentProblemError && error.status === 502 && error.kind === "model-failed");
      assert.deepEqual(seen, ["delta"]);
      assert.equal((await calls(stub)).length, 1);
    } finally {
      await agent.stop();
      await stub.stop();
    }
  });

  it("says that a stopped agent cannot be reached", async () => {
    const agent = await startAgent();
    const client = new AgentClient({ baseUrl: agent.url, maxAttempts: 2 });
    await client.send("Hi");
    await agent.stop();
    await assert.rejects(client.send("Hi"), AgentConnectionError);
    assert.equal(await client.ready(), false);
  });
});
