import type { z } from "zod";
import type { Channel, ChannelEnd, Host } from "../../hosts/host";
import { clockTolerance } from "../../platform/clock";
import { formatMilliseconds } from "../../platform/durations";
import { PostureError } from "../../platform/errors";
import { parseJson } from "../../platform/json";
import { withinTime } from "../../platform/time-limit";
import { type Failure, type Hello, helloSchema, protocol, type Request, sayingSchema } from "./protocol";

const startTakesAtMost = 60_000;
const leastNode = "20.19";

/** What a shell's own start-up files may print before the runner says hello. */
const mostNoise = 200;

const exitCodes = { nodeTooOld: 65, missing: 66, damaged: 67, notFound: 127 } as const;

/** Judges Node before anything is read that an old one cannot even parse. */
const starter = [
  'var v=process.versions.node.split("."),p=process.argv[1];',
  `if(v[0]<20||(v[0]==20&&v[1]<19))process.exit(${exitCodes.nodeTooOld});`,
  `if(!require("fs").existsSync(p))process.exit(${exitCodes.missing});`,
  `try{require(p)}catch(e){process.exit(${exitCodes.damaged})}`,
].join("");

/** The runner does not start. */
export class RunnerFailure extends PostureError {
  constructor(
    message: string,
    /** Whether putting it there again can mend that. */
    readonly mendable: boolean,
  ) {
    super("unreachable", message);
  }
}

/** A failure that the host tells. */
export class RemoteFailure extends Error {
  constructor(readonly failure: Failure) {
    super(failure.message);
  }
}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A runner on a host that answers this engine. */
export class RunnerConnection {
  readonly #waiting = new Map<number, Waiting>();
  #number = 0;
  #hello: Hello | null = null;
  #greet: () => void = () => undefined;
  #noise = 0;
  #channel: Channel | null = null;
  #lost: PostureError | null = null;
  #retired = false;

  private constructor(
    readonly host: Host,
    readonly report: (line: string) => void,
  ) {}

  /**
   * Starts the runner, unless the host starts one of its own choosing, and waits for its hello.
   *
   * @throws RunnerFailure where it does not start; PostureError `unreachable`.
   */
  static async open(
    host: Host,
    runner: { readonly node: string; readonly file: string; readonly home: string },
    report: (line: string) => void,
  ): Promise<RunnerConnection> {
    const connection = new RunnerConnection(host, report);
    await connection.#start(runner);
    return connection;
  }

  /** What the runner told of itself. */
  get hello(): Hello {
    if (this.#hello === null) throw new Error("the runner has not said hello");
    return this.#hello;
  }

  get isLost(): boolean {
    return this.#lost !== null;
  }

  /**
   * Asks, and waits for the answer.
   *
   * @throws RemoteFailure for a failure that the host tells, PostureError `unreachable` where the connection is lost.
   */
  async request<R>(request: Request, result: z.ZodType<R>): Promise<R> {
    if (this.#lost !== null) throw this.#lost;
    this.#number += 1;
    const number = this.#number;
    const answered = new Promise<unknown>((resolve, reject) => this.#waiting.set(number, { resolve, reject }));
    this.#channel?.send(JSON.stringify({ number, request }));
    try {
      return result.parse(await answered);
    } finally {
      this.#waiting.delete(number);
      if (this.#retired && this.#waiting.size === 0) await this.close();
    }
  }

  /** Closes once everything is answered: another stands in its place. */
  async retire(): Promise<void> {
    this.#retired = true;
    if (this.#waiting.size === 0) await this.close();
  }

  async close(): Promise<void> {
    await this.#channel?.close();
  }

  async #start({ node, file, home }: { node: string; file: string; home: string }): Promise<void> {
    const greeted = new Promise<"greeted">((resolve) => {
      this.#greet = () => resolve("greeted");
    });
    const began = Date.now();
    const command = [node, "-e", starter, file, "serve", "--home", home] as const;
    const channel = await this.host.openChannel(command, (line) => this.#hear(line));
    this.#channel = channel;
    const slow = () =>
      new RunnerFailure(
        `${this.host.name}: timed out: its runner said nothing for ${startTakesAtMost / 1_000} s`,
        false,
      );
    let first: "greeted" | ChannelEnd;
    try {
      first = await withinTime(Promise.race([greeted, channel.ended]), startTakesAtMost, slow);
    } catch (error) {
      await channel.close();
      throw error;
    }
    if (first !== "greeted") throw this.#explain(first, node);
    void channel.ended.then((end) => this.#lose(end));
    await this.#judge(channel, began);
  }

  async #judge(channel: Channel, began: number): Promise<void> {
    const { release, time, protocol: spoken } = this.hello;
    if (spoken !== protocol) {
      await channel.close();
      throw new RunnerFailure(
        `${this.host.name}: its runner, of release ${release}, does not speak with this release; install a later release of pulumi-backup-posture`,
        false,
      );
    }
    const offset = new Date(time).getTime() - (began + Date.now()) / 2;
    if (Math.abs(offset) > clockTolerance)
      this.report(
        `${this.host.name}: its clock is ${formatMilliseconds(Math.abs(offset))} ${offset > 0 ? "ahead of" : "behind"} this machine's; staleness is measured by its own`,
      );
  }

  #hear(line: string): void {
    const document = parseJson(line);
    if (this.#hello === null) {
      const hello = helloSchema.safeParse(document);
      if (hello.success) {
        this.#hello = hello.data.hello;
        this.#greet();
      } else {
        this.#noise += 1;
        if (this.#noise > mostNoise) void this.close();
      }
      return;
    }
    const saying = sayingSchema.safeParse(document);
    if (!saying.success) return;
    if ("report" in saying.data) {
      this.report(saying.data.report);
      return;
    }
    const waiting = this.#waiting.get(saying.data.number);
    if ("failure" in saying.data) waiting?.reject(new RemoteFailure(saying.data.failure));
    else waiting?.resolve(saying.data.result);
  }

  #lose({ unreachable }: ChannelEnd): void {
    this.#lost = new PostureError(
      "unreachable",
      `${this.host.name}: ${unreachable?.why ?? "its runner has ended"}, while it was being worked on; what was under way may have been done: pulumi up goes on from there`,
    );
    for (const { reject } of this.#waiting.values()) reject(this.#lost);
  }

  #explain({ exitCode, unreachable, stderr }: ChannelEnd, node: string): PostureError {
    const { name } = this.host;
    if (unreachable !== null) return new RunnerFailure(`${name}: ${unreachable.why}; ${unreachable.remedy}`, false);
    const install = `install Node ${leastNode} or later there (Debian and Ubuntu: apt-get install nodejs, where that is new enough; else from nodejs.org), or name it in host.node`;
    if (exitCode === exitCodes.nodeTooOld)
      return new RunnerFailure(`${name}: Node is too old (${node}); ${install}`, false);
    if (exitCode === exitCodes.notFound || exitCode === 126)
      return new RunnerFailure(`${name}: Node is missing (${node}); ${install}`, false);
    if (exitCode === exitCodes.missing || /Cannot find module/.test(stderr))
      return new RunnerFailure(`${name}: the runner is missing; pulumi up puts it there`, true);
    return new RunnerFailure(`${name}: the runner is damaged and does not start; pulumi up puts it there again`, true);
  }
}
