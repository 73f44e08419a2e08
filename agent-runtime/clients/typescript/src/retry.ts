import { AgentConnectionError, AgentProblemError } from "./errors.js";

/** Statuses with which the agent refuses a message before it takes it on: to send it again is safe. */
const REFUSED: ReadonlySet<number> = new Set([409, 429, 503]);

/**
 * Milliseconds that a Retry-After header asks to wait: seconds, or a date. Undefined without one, or if it says nothing.
 */
export function retryAfterMs(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/**
 * Milliseconds to wait before attempt number `attempt` + 1, or undefined if there should be none.
 *
 * Only what was certainly not taken on is sent again: a message that is answered twice stands twice in the history.
 * What the agent asks to wait is waited; if that is longer than `maxDelayMs`, there is no other attempt.
 */
export function delayBeforeRetry(error: unknown, attempt: number, maxDelayMs: number, random: () => number): number | undefined {
  const backoff = Math.min(maxDelayMs, 100 * 2 ** (attempt - 1)) * (0.5 + random() / 2);
  if (error instanceof AgentConnectionError) return error.sent ? undefined : backoff;
  if (!(error instanceof AgentProblemError) || !REFUSED.has(error.status)) return undefined;
  if (error.retryAfterMs === undefined) return backoff;
  return error.retryAfterMs > maxDelayMs ? undefined : Math.max(error.retryAfterMs, backoff);
}
