import assert from "node:assert/strict";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it } from "node:test";

import { AgentClient, AgentConnectionError, AgentProblemError, AgentProtocolError } from "../src/index.js";
import { delayBeforeRetry, retryAfterMs } from "../src/retry.js";
import { parseEvents } from "../src/sse.js";

const problem = (status: number, retryAfter?: number): AgentProblemError =>
  new AgentProblemError({ type: "urn:x:y", title: "t", status, detail: "d", request_id: "r" }, retryAfter);

describe("Retry-After", () => {
  it("is seconds or a date, and nothing else", () => {
    const now = Date.parse("2026-01-01T00:00:00Z");
    assert.equal(retryAfterMs("7", now), 7000);
    assert.equal(retryAfterMs("Thu, 01 Jan 2026 00:00:05 GMT", now), 5000);
    assert.equal(retryAfterMs("Wed, 31 Dec 2025 00:00:00 GMT", now), 0);
    assert.equal(retryAfterMs("soon", now), undefined);
    assert.equal(retryAfterMs(null, now), undefined);
  });

  it("is never undercut, and too long a wait means no other attempt", () => {
    assert.equal(delayBeforeRetry(problem(429, 3000), 1, 10_000, () => 0), 3000);
    assert.equal(delayBeforeRetry(problem(503, 60_000), 1, 10_000, () => 0), undefined);
  });

  it("is only asked for where the message was certainly not taken on", () => {
    for (const status of [401, 413, 422, 500, 502, 504]) assert.equal(delayBeforeRetry(problem(status), 1, 10_000, () => 0), undefined);
    assert.equal(delayBeforeRetry(new AgentConnectionError("x", true, undefined), 1, 10_000, () => 0), undefined);
    assert.equal(delayBeforeRetry(new AgentConnectionError("x", false, undefined), 1, 10_000, () => 1), 100);
    assert.equal(delayBeforeRetry(problem(503), 3, 10_000, () => 1), 400);
  });
});

async function* cut(bytes: Uint8Array, sizes: number[]): AsyncGenerator<Uint8Array> {
  let start = 0;
  for (const size of sizes) {
    yield bytes.subarray(start, start + size);
    start += size;
  }
  yield bytes.subarray(start);
}

describe("server-sent events", () => {
  it("are the same wherever the bytes are cut and however lines end", async () => {
    const text = ': comment\n\nevent: delta\ndata: {"text":"Grüße ☕"}\n\ndata: a\ndata: b\n\nevent: nothing\n\nevent:x\ndata:y\n\n';
    const expected = [
      { event: "delta", data: '{"text":"Grüße ☕"}' },
      { event: "message", data: "a\nb" },
      { event: "x", data: "y" },
    ];
    for (const end of ["\n", "\r\n", "\r"]) {
      const bytes = new TextEncoder().encode(text.replaceAll("\n", end));
      for (let size = 1; size < bytes.length; size += 1) {
        const found = [];
        const sizes = Array.from({ length: Math.floor(bytes.length / size) }, () => size);
        for await (const event of parseEvents(cut(bytes, sizes))) found.push(event);
        // A last carriage return may be half of a line's end, so the last event waits for what follows it.
        const complete = end === "\r" ? expected.slice(0, found.length) : expected;
        assert.deepEqual(found, complete);
        assert.ok(found.length >= 2);
      }
    }
  });
});

async function serving(handle: RequestListener, run: (url: string) => Promise<void>): Promise<void> {
  const server: Server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

describe("the client", () => {
  it("asks for a token for each attempt and tries again after a 503", async () => {
    const seen: (string | undefined)[] = [];
    await serving(
      (request, response) => {
        seen.push(request.headers.authorization);
        if (seen.length === 1) {
          response.writeHead(503, { "Retry-After": "0", "Content-Type": "application/problem+json" });
          response.end(JSON.stringify(problem(503).problem));
          return;
        }
        response.end(JSON.stringify({ reply: "ok" }));
      },
      async (url) => {
        let asked = 0;
        const client = new AgentClient({ baseUrl: url, token: () => Promise.resolve(`t${(asked += 1)}`) });
        assert.equal((await client.send("Hi")).reply, "ok");
      },
    );
    assert.deepEqual(seen, ["Bearer t1", "Bearer t2"]);
  });

  it("does not send a message again when the connection broke after it was sent", async () => {
    let asked = 0;
    await serving(
      (request) => {
        asked += 1;
        request.socket.destroy();
      },
      async (url) => {
        await assert.rejects(new AgentClient({ baseUrl: url }).send("Hi"), (error: unknown) => error instanceof AgentConnectionError && error.sent);
      },
    );
    assert.equal(asked, 1);
  });

  it("says when something other than an agent answers", async () => {
    await serving(
      (_, response) => response.writeHead(502).end("<html>bad gateway</html>"),
      async (url) => {
        await assert.rejects(new AgentClient({ baseUrl: url }).send("Hi"), AgentProtocolError);
      },
    );
  });

  it("notices a stream that ends before its answer", async () => {
    await serving(
      (_, response) => response.writeHead(200, { "Content-Type": "text/event-stream" }).end('event: delta\ndata: {"text":"a"}\n\n'),
      async (url) => {
        await assert.rejects(async () => {
          for await (const _ of new AgentClient({ baseUrl: url }).stream("Hi"));
        }, AgentConnectionError);
      },
    );
  });
});
