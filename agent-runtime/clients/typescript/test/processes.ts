import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const RUNTIME = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../../..");
const PYTHON = process.env["AGENT_PYTHON"] ?? path.join(RUNTIME, ".venv/bin/python");

export interface Running {
  readonly url: string;
  readonly process: ChildProcess;
  stop(): Promise<number | null>;
}

async function start(args: string[], env: Record<string, string>, urlOf: (line: Record<string, unknown>) => string | undefined): Promise<Running> {
  const child = spawn(PYTHON, args, { cwd: RUNTIME, env: { PATH: process.env["PATH"] ?? "", ...env }, stdio: ["ignore", "pipe", "inherit"] });
  const stop = async (): Promise<number | null> => {
    if (child.exitCode !== null) return child.exitCode;
    child.kill("SIGTERM");
    const [code] = (await once(child, "exit")) as [number | null];
    return code;
  };
  for await (const line of createInterface({ input: child.stdout })) {
    const url = urlOf(JSON.parse(line) as Record<string, unknown>);
    if (url !== undefined) {
      child.stdout.resume();
      return { url, process: child, stop };
    }
  }
  throw new Error(`${args.join(" ")} ended before it served`);
}

/** The real app on a free loopback port, with the fake model unless `env` says otherwise. */
export async function startAgent(env: Record<string, string> = {}): Promise<Running> {
  const settings = { AGENT_MODEL: "fake", AGENT_HOST: "127.0.0.1", AGENT_PORT: "0", AGENT_RATE_LIMIT: "", AGENT_DRAIN: "3", ...env };
  return start(["-m", "agent_runtime", "test_agent"], settings, (line) =>
    line["event"] === "serving" ? `http://127.0.0.1:${String(line["port"])}` : undefined,
  );
}

/** The Bedrock stub, and the environment that makes an agent use it. */
export async function startStub(...args: string[]): Promise<Running & { readonly env: Record<string, string> }> {
  const stub = await start(["-m", "bedrock_stub", "--port", "0", ...args], {}, (line) => String(line["url"]));
  const env = {
    AGENT_MODEL: "anthropic.claude-3-5-sonnet-20241022-v2:0",
    AWS_ENDPOINT_URL_BEDROCK_RUNTIME: stub.url,
    AWS_ACCESS_KEY_ID: "stub",
    AWS_SECRET_ACCESS_KEY: "stub",
  };
  return { ...stub, env };
}

export async function calls(stub: Running): Promise<{ state: string; pieces_sent: number }[]> {
  return (await (await fetch(`${stub.url}/_stub/calls`)).json()) as { state: string; pieces_sent: number }[];
}

/** Asks `condition` until it holds; throws after ten seconds. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error("it did not come to pass within ten seconds");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
