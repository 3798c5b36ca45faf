import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { performance } from "node:perf_hooks";
import { messageOf, PostureError, systemCodeOf } from "../../platform/errors";
import { withinTime } from "../../platform/time-limit";
import type { Home } from "../../runner/home";
import { describeHomeReport } from "../describe-home";
import type { HomeReport } from "../model";
import { writeMetrics } from "./exposition";

/** Where an endpoint listens. Port 0: any that is free. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** An endpoint that listens. */
export interface Endpoint {
  /** `http://127.0.0.1:9464/metrics`. */
  readonly url: string;
  close(): Promise<void>;
}

/** A look serves all who ask within so long, in milliseconds: many scrapers are no load on stores. */
const freshFor = 10_000;
/** Prometheus itself gives up after ten seconds. */
const answerWithin = 9_000;

/**
 * Serves the metrics of a home over HTTP, at `/metrics`: as OpenMetrics to whoever asks for it, else as Prometheus' text. Nothing else can be
 * asked, nothing is changed. A home that cannot be looked at, or not in time, is answered with 503 and no metrics.
 *
 * @throws PostureError `permanent` where it cannot listen there.
 */
export async function serveMetrics(home: Home, address: Address, signal: AbortSignal): Promise<Endpoint> {
  const look = shareLooks(() => describeHomeReport(home, signal));
  const server = createServer((request, response) => void answer(look, request, response));
  const port = await listen(server, address);
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return {
    url: `http://${host}:${port}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Who asks while somebody looks gets the same; so does who asks soon after. */
function shareLooks(look: () => Promise<HomeReport>): () => Promise<HomeReport> {
  let last: { readonly at: number; readonly found: Promise<HomeReport> } | null = null;
  let looking = false;
  return () => {
    if (last !== null && (looking || performance.now() - last.at < freshFor)) return last.found;
    looking = true;
    const found = look().finally(() => (looking = false));
    last = { at: performance.now(), found };
    return found;
  };
}

async function answer(
  look: () => Promise<HomeReport>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== "GET" && request.method !== "HEAD") end(response, 405, "only GET");
  else if (request.url?.split("?")[0] !== "/metrics") end(response, 404, "see /metrics");
  else await answerWithMetrics(look, request, response);
}

async function answerWithMetrics(
  look: () => Promise<HomeReport>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const wanted = request.headers.accept?.includes("application/openmetrics-text") === true;
    const late = () => new PostureError("transient", "the home could not be looked at in time");
    const home = await withinTime(look(), answerWithin, late);
    const { contentType, text } = await writeMetrics(home, wanted ? "openmetrics" : "prometheus");
    end(response, 200, text, contentType);
  } catch (error) {
    end(response, 503, messageOf(error));
  }
}

function end(response: ServerResponse, status: number, text: string, contentType = "text/plain; charset=utf-8"): void {
  response.writeHead(status, { "content-type": contentType, "cache-control": "no-store" }).end(text);
}

function listen(server: Server, { host, port }: Address): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) =>
      reject(
        new PostureError(
          "permanent",
          `metrics: cannot listen at ${host}:${port} (${systemCodeOf(error) ?? "unknown error"})`,
          {
            cause: error,
          },
        ),
      ),
    );
    server.listen(port, host, () => resolve(portOf(server.address(), port)));
  });
}

function portOf(address: AddressInfo | string | null, asked: number): number {
  return address === null || typeof address === "string" ? asked : address.port;
}
