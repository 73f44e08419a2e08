export { AgentClient } from "./client.js";
export type { AgentClientOptions, RequestOptions, StatusOptions } from "./client.js";
export { AgentConnectionError, AgentError, AgentProblemError, AgentProtocolError, AgentTimeoutError } from "./errors.js";
export type { AgentEvent, ProblemDetails, Stats, TurnResponse, Version } from "./types.js";
