import { resolveSecret } from "../platform/secrets";
import { request } from "./http";
import type { Ping } from "./schema";

/** What a check is told of. */
export type PingOccasion = NonNullable<Ping["on"]>[number];

const endings: Readonly<Record<PingOccasion, string>> = { start: "/start", success: "", failure: "/fail" };

/** Tells a check how a run goes, as healthchecks.io and its like take it. @throws PostureError that does not hold its URL. */
export async function tellCheck(name: string, ping: Ping, occasion: PingOccasion, signal: AbortSignal): Promise<void> {
  const what = `ping ${name}`;
  const url = await resolveSecret(ping.url, `${what}, url`);
  await request(what, { url: withEnding(url, endings[occasion]), method: "GET" }, signal);
}

/** Before the query, where there is one. */
function withEnding(url: string, ending: string): string {
  const [, base = url, query = ""] = /^([^?#]*)(.*)$/.exec(url) ?? [];
  return ending === "" ? url : `${base.replace(/\/+$/, "")}${ending}${query}`;
}
