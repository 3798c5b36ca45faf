import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { findOwnBundle } from "../../platform/bundle";
import { isAbsent, PostureError } from "../../platform/errors";
import { parseJson } from "../../platform/json";
import { readRelease } from "../../platform/release";
import { describeHome, type Home } from "../../runner/home";
import { HomeView } from "../../runner/home-view";
import { InstalledOnlyView } from "../../runner/installed-only-view";
import { storeSchema } from "../../snapshot/stores/schema";
import { textAt } from "../bag";
import type { Bag } from "../kind";
import { createProviders } from "../providers";
import { describeFailure } from "./failure";
import { type Hello, numberedSchema, protocol, type Request, runnerStampSchema } from "./protocol";
import { stampFileName } from "./runner-file";

/** How a runner answers the engine. */
export interface Service {
  /** The only home that may be looked at, and that only; null: all may be, and be changed. */
  readonly observeOnly: Home | null;
  readonly input: Readable;
  /** Writes one line. */
  readonly write: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Answers the engine until it has said everything: the lifecycle that it would carry out itself, carried out here. What is under way when the
 * engine goes is given up, as where an engine is killed.
 */
export async function serve({ observeOnly, input, write, signal }: Service): Promise<void> {
  const say = (saying: object): void => write(JSON.stringify(saying));
  const course = new Course(observeOnly, (report) => say({ report }), signal);
  say({ hello: await introduce() });
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  const stop = (): void => lines.close();
  signal.addEventListener("abort", stop, { once: true });
  lines.on("line", (line) => void answer(course, line).then(say));
  await new Promise<void>((resolve) => lines.once("close", resolve));
  signal.removeEventListener("abort", stop);
}

async function introduce(): Promise<Hello> {
  const bundle = findOwnBundle();
  return {
    protocol,
    release: readRelease(),
    sha256: bundle === null ? null : createHash("sha256").update(bundle.source).digest("hex"),
    put: bundle === null ? null : await readStamp(join(dirname(bundle.file), stampFileName)),
    time: new Date().toISOString(),
  };
}

async function readStamp(path: string): Promise<Hello["put"]> {
  try {
    return runnerStampSchema.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    if (isAbsent(error) || error instanceof Error) return null; // what is not there, or is none, tells nothing
    throw error;
  }
}

async function answer(course: Course, line: string): Promise<object> {
  const parsed = numberedSchema.safeParse(parseJson(line));
  if (!parsed.success)
    return { report: "a line was not understood: engine and runner are of releases that do not fit" };
  const { number, request } = parsed.data;
  try {
    return { number, result: (await course.take(request)) ?? null };
  } catch (error) {
    return { number, failure: describeFailure(error) };
  }
}

/** The lifecycle of every kind, over shared looks at the homes of this host. */
class Course {
  readonly #views = new Map<string, HomeView>();
  readonly #providers;

  constructor(
    readonly observeOnly: Home | null,
    report: (line: string) => void,
    readonly signal: AbortSignal,
  ) {
    const { BackupSchedule, FileShareSnapshot, RestoreTarget } = createProviders(report, (root) => this.#view(root));
    this.#providers = { schedule: BackupSchedule, snapshot: FileShareSnapshot, drill: RestoreTarget };
  }

  async take(request: Request): Promise<unknown> {
    switch (request.method) {
      case "create": {
        this.#refuseChange();
        const view = this.#viewOf(request.inputs);
        if (request.others.known) view.noteKnownObject();
        if (request.others.unreachable !== null) view.noteUnreachable(request.others.unreachable);
        return this.#providers[request.kind].create(request.inputs);
      }
      case "read":
        this.#viewOf(request.props);
        return this.#providers[request.kind].read(request.id, request.props, request.beside);
      case "update":
        this.#refuseChange();
        return this.#providers[request.kind].update(request.id, request.olds, request.news);
      case "delete":
        this.#refuseChange();
        return this.#providers[request.kind].delete(request.id, request.props);
      case "listPoints": {
        const view = this.#view(request.home);
        view.forgetPoints();
        return view.listPoints(storeSchema.parse(request.store), request.schedule);
      }
    }
  }

  #viewOf(bag: Bag): HomeView {
    return this.#view(textAt(bag, "home") ?? "");
  }

  #view(root: string): HomeView {
    const known = this.#views.get(root);
    if (known !== undefined) return known;
    const view = this.#makeView(describeHome(root));
    this.#views.set(root, view);
    return view;
  }

  #makeView(home: Home): HomeView {
    if (this.observeOnly === null) return new HomeView(home, this.signal);
    if (home.root === this.observeOnly.root) return new InstalledOnlyView(home, this.signal);
    throw new PostureError(
      "usage",
      `this key looks at the home ${this.observeOnly.root} only: give its line in authorized_keys --home ${home.root}, or use another key`,
    );
  }

  #refuseChange(): void {
    if (this.observeOnly === null) return;
    throw new PostureError("usage", "this key only looks: changes need the key of apply");
  }
}
