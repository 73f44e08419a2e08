import { Deadline } from "./deadline.js";
import { AgentConnectionError, AgentError, AgentProblemError, AgentProtocolError } from "./errors.js";
import { delayBeforeRetry, retryAfterMs } from "./retry.js";
import { parseEvents } from "./sse.js";
import type { AgentEvent, ProblemDetails, Stats, TurnResponse, Version } from "./types.js";

export interface AgentClientOptions {
  /** Such as "http://coach-companion:8001". */
  readonly baseUrl: string;
  /** The agent's own path; "/coach" by default. */
  readonly path?: string;
  /** A bearer token, or what gives one for each attempt. */
  readonly token?: string | (() => string | Promise<string>);
  /** Headers of every request, such as the trusted user header. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds for one attempt at a whole answer, and for each wait within a stream; 70 s by default, above the runtime's own limit. */
  readonly timeoutMs?: number;
  /** Attempts at one message; 3 by default. */
  readonly maxAttempts?: number;
  /** The longest wait between two attempts; 10 s by default. */
  readonly maxRetryDelayMs?: number;
}

export interface RequestOptions {
  /** Names the conversation; without it a new one begins, and the answer says its id. */
  readonly sessionId?: string;
  readonly requestId?: string;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

export type StatusOptions = Pick<RequestOptions, "signal" | "timeoutMs">;

const REFUSED_CODES: ReadonlySet<string> = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"]);

/** Talks to one agent. Safe to share between all requests of a backend. */
export class AgentClient {
  readonly #options: AgentClientOptions;
  readonly #baseUrl: string;
  readonly #timeoutMs: number;

  constructor(options: AgentClientOptions) {
    this.#options = options;
    this.#baseUrl = options.baseUrl.replace(/\/+$/, "");
    this.#timeoutMs = options.timeoutMs ?? 70_000;
  }

  /** Sends a message and waits for the whole answer. Throws AgentError, or the signal's reason. */
  async send(message: string, options: RequestOptions = {}): Promise<TurnResponse> {
    return this.#attempts(options, async (deadline) => {
      const response = await this.#post(message, "application/json", options, deadline);
      return (await readJson(response, deadline)) as TurnResponse;
    });
  }

  /**
   * Sends a message and gives the answer as it comes. Only what fails before the first event is tried again.
   * Leaving the loop early closes the connection, and the agent stops its model. Throws AgentError, or the signal's reason.
   */
  async *stream(message: string, options: RequestOptions = {}): AsyncGenerator<AgentEvent, void, undefined> {
    const [response, deadline] = await this.#attempts(options, async (attempt) => {
      const accepted = await this.#post(message, "text/event-stream", options, attempt);
      if (accepted.body === null) throw new AgentProtocolError("the agent sent no event stream");
      return [accepted, attempt] as const;
    }, true);
    try {
      for await (const { event, data } of parseEvents(bodyOf(response, deadline))) {
        const body: unknown = JSON.parse(data);
        if (event === "error") throw problemError(body as ProblemDetails, null);
        yield toAgentEvent(event, body);
        if (event === "done") return;
      }
      throw new AgentConnectionError("the event stream ended before the answer", true, undefined);
    } finally {
      deadline.end();
    }
  }

  async version(options: StatusOptions = {}): Promise<Version> {
    return (await this.#get("/version", options)) as Version;
  }

  async stats(options: StatusOptions = {}): Promise<Stats> {
    return (await this.#get("/stats", options)) as Stats;
  }

  /** Whether the task can take messages; false also if it cannot be reached. */
  async ready(options: StatusOptions = {}): Promise<boolean> {
    try {
      await this.#get("/ready", options);
      return true;
    } catch (error) {
      if (error instanceof AgentError) return false;
      throw error;
    }
  }

  async #get(path: string, options: StatusOptions): Promise<unknown> {
    return this.#attempts(options, async (deadline) => readJson(await this.#fetch(path, {}, deadline), deadline));
  }

  /** Makes attempts until one succeeds or none is left; the deadline of a successful one ends here unless it is kept. */
  async #attempts<T>(options: RequestOptions, run: (deadline: Deadline) => Promise<T>, keepDeadline = false): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const deadline = new Deadline(options.timeoutMs ?? this.#timeoutMs, options.signal);
      try {
        const result = await run(deadline);
        if (!keepDeadline) deadline.end();
        return result;
      } catch (error) {
        deadline.end();
        const wait = delayBeforeRetry(error, attempt, this.#options.maxRetryDelayMs ?? 10_000, Math.random);
        if (wait === undefined || attempt >= (this.#options.maxAttempts ?? 3)) throw error;
        await sleep(wait, options.signal);
      }
    }
  }

  async #post(message: string, accept: string, options: RequestOptions, deadline: Deadline): Promise<Response> {
    const headers: Record<string, string> = { ...this.#options.headers, Accept: accept, "Content-Type": "application/json" };
    if (options.sessionId !== undefined) headers["X-Session-Id"] = options.sessionId;
    if (options.requestId !== undefined) headers["X-Request-Id"] = options.requestId;
    const token = this.#options.token;
    if (token !== undefined) headers["Authorization"] = `Bearer ${typeof token === "string" ? token : await token()}`;
    return this.#fetch(this.#options.path ?? "/coach", { method: "POST", headers, body: JSON.stringify({ message }) }, deadline);
  }

  async #fetch(path: string, init: RequestInit, deadline: Deadline): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(this.#baseUrl + path, { ...init, signal: deadline.signal });
    } catch (error) {
      throw deadline.reasonFor(error) ?? connectionError(error);
    }
    if (response.ok) return response;
    const body = await readJson(response, deadline);
    throw problemError(body as ProblemDetails, response.headers.get("retry-after"));
  }
}

async function readJson(response: Response, deadline: Deadline): Promise<unknown> {
  try {
    return await response.json();
  } catch (error) {
    const reason = deadline.reasonFor(error);
    if (reason !== undefined) throw reason;
    if (error instanceof SyntaxError) throw new AgentProtocolError(`the agent answered ${response.status} without JSON`);
    throw new AgentConnectionError("the connection broke inside the answer", true, error);
  }
}

async function* bodyOf(response: Response, deadline: Deadline): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      deadline.restart();
      yield chunk;
    }
  } catch (error) {
    throw deadline.reasonFor(error) ?? new AgentConnectionError("the connection broke inside the answer", true, error);
  }
}

function toAgentEvent(event: string, body: unknown): AgentEvent {
  switch (event) {
    case "delta":
      return { type: "delta", text: (body as { text: string }).text };
    case "tool":
      return { type: "tool", name: (body as { name: string }).name };
    case "restart":
      return { type: "restart" };
    case "done":
      return { type: "done", response: body as TurnResponse };
    default:
      throw new AgentProtocolError("the agent sent an event of a kind that the client does not know");
  }
}

function problemError(problem: ProblemDetails, header: string | null): AgentError {
  if (typeof problem?.type !== "string" || typeof problem.status !== "number") {
    return new AgentProtocolError("the agent answered with an error that is no problem document");
  }
  const fromBody = typeof problem.retry_after === "number" ? problem.retry_after * 1000 : undefined;
  return new AgentProblemError(problem, retryAfterMs(header, Date.now()) ?? fromBody);
}

function connectionError(error: unknown): AgentConnectionError {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = (cause as { code?: string } | undefined)?.code ?? "";
  const sent = !REFUSED_CODES.has(code);
  return new AgentConnectionError(sent ? "the connection to the agent broke" : "the agent cannot be reached", sent, error);
}

async function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const give = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", give);
      resolve();
    }, ms);
    signal?.addEventListener("abort", give, { once: true });
  });
}
