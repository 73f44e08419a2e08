import type { components } from "./schema.js";

type Schemas = components["schemas"];

/** The agent's answer. */
export type TurnResponse = Schemas["TurnResponse"];
/** The one shape of every error, RFC 9457. */
export type ProblemDetails = Schemas["ProblemDetails"];
/** What really runs. */
export type Version = Schemas["Version"];
/** Totals of one task since it started. */
export type Stats = Schemas["Stats"];

/**
 * One event of a streamed answer. `restart` voids the text since the last `tool`; the last event is `done`.
 * An answer that fails throws AgentProblemError instead of giving an event.
 */
export type AgentEvent =
  | { readonly type: "delta"; readonly text: string }
  | { readonly type: "tool"; readonly name: string }
  | { readonly type: "restart" }
  | { readonly type: "done"; readonly response: TurnResponse };
