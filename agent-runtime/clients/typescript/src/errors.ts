import type { ProblemDetails } from "./types.js";

/** Everything that the client throws, except what the caller's own AbortSignal gives as its reason. */
export class AgentError extends Error {
  override readonly name: string = "AgentError";
}

/** The agent answered with a problem. The message names its kind and holds nothing that a user wrote. */
export class AgentProblemError extends AgentError {
  override readonly name = "AgentProblemError";
  readonly status: number;
  readonly problem: ProblemDetails;
  /** Milliseconds after which another attempt is worthwhile, if the agent said so. */
  readonly retryAfterMs: number | undefined;

  constructor(problem: ProblemDetails, retryAfterMs?: number) {
    super(`the agent answered ${problem.status}: ${problem.type}`);
    this.status = problem.status;
    this.problem = problem;
    this.retryAfterMs = retryAfterMs;
  }

  /** The last part of the problem's type, such as "session-busy". */
  get kind(): string {
    return this.problem.type.slice(this.problem.type.lastIndexOf(":") + 1);
  }
}

/** No answer, or no next event, came in time. */
export class AgentTimeoutError extends AgentError {
  override readonly name = "AgentTimeoutError";
}

/** The connection could not be made, or broke. `sent` says whether the agent may have begun to answer. */
export class AgentConnectionError extends AgentError {
  override readonly name = "AgentConnectionError";
  readonly sent: boolean;

  constructor(message: string, sent: boolean, cause: unknown) {
    super(message, { cause });
    this.sent = sent;
  }
}

/** What came back is not what the API describes: probably something else answered. */
export class AgentProtocolError extends AgentError {
  override readonly name = "AgentProtocolError";
}
