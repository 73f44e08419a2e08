import { AgentTimeoutError } from "./errors.js";

/** Aborts an attempt when its time is over, or when the caller's signal says so. */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #timeoutMs: number;
  readonly #outer: AbortSignal | undefined;
  readonly #onOuter = (): void => this.#controller.abort(this.#outer?.reason);
  #timer: NodeJS.Timeout | undefined;

  constructor(timeoutMs: number, outer: AbortSignal | undefined) {
    this.#timeoutMs = timeoutMs;
    this.#outer = outer;
    if (outer?.aborted === true) this.#onOuter();
    outer?.addEventListener("abort", this.#onOuter, { once: true });
    this.restart();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Gives the full time again: something has come. */
  restart(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#controller.abort(new AgentTimeoutError(`the agent was silent for ${this.#timeoutMs} ms`));
    }, this.#timeoutMs);
  }

  /** Stops watching, and lets go of whatever still runs. */
  end(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#onOuter);
    if (!this.#controller.signal.aborted) this.#controller.abort();
  }

  /** Why an operation failed, if this deadline or the caller's signal made it fail. */
  reasonFor(error: unknown): unknown {
    return this.#controller.signal.aborted ? (this.#controller.signal.reason ?? error) : undefined;
  }
}
