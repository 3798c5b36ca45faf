import { posix } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { isAtLeast } from "../../declaration/release";
import type { Host } from "../../hosts/host";
import type { SshCredential, SshHostDeclaration } from "../../hosts/schema";
import { PostureError } from "../../platform/errors";
import { describeHome } from "../../runner/home";
import { HomeView } from "../../runner/home-view";
import type { StoreDeclaration } from "../../snapshot/stores/schema";
import type { RecoveryPoint } from "../../snapshot/stores/store";
import { RemoteFailure, RunnerConnection, RunnerFailure } from "./connection";
import { reviveFailure } from "./failure";
import { type Hello, pointsSchema, type RunnerStamp } from "./protocol";
import { describeRunnerPlace, readCarriedRunner } from "./runner-file";

/** What a look needs of the process that it belongs to. */
interface Surroundings {
  readonly report: (line: string) => void;
  readonly open: (credential: SshCredential) => Host;
}

type Opened = Promise<RunnerConnection>;

/**
 * A look at a home on a remote host, through the runner that stands in it: by one connection for looking and one for changing, which are
 * the same where their credentials are.
 */
export class RemoteView extends HomeView {
  readonly #others: { known: boolean; unreachable: string | null } = { known: false, unreachable: null };
  #observing: Opened | null = null;
  #applying: Opened | null = null;
  readonly #sharesCredential: boolean;

  constructor(
    readonly declaration: SshHostDeclaration,
    home: string,
    readonly surroundings: Surroundings,
  ) {
    super(describeHome(home), new AbortController().signal);
    this.#sharesCredential = isDeepStrictEqual(declaration.observe ?? {}, declaration.apply ?? {});
  }

  /** What is known here of other objects in that home. */
  get others(): { readonly known: boolean; readonly unreachable: string | null } {
    return this.#others;
  }

  override noteUnreachable(why: string): void {
    this.#others.unreachable ??= why;
  }

  override noteKnownObject(): void {
    this.#others.known = true;
  }

  override async listPoints(store: StoreDeclaration, schedule: string): Promise<readonly RecoveryPoint[]> {
    const connection = await this.observe();
    try {
      const request = { method: "listPoints", home: this.home.root, store, schedule } as const;
      return await connection.request(request, pointsSchema);
    } catch (error) {
      throw error instanceof RemoteFailure ? reviveFailure(error.failure, () => ({})) : error;
    }
  }

  /**
   * The runner, for looking. A failure is kept: every look of this process shares it.
   *
   * @throws PostureError `unreachable`.
   */
  observe(): Opened {
    if (this.#sharesCredential && this.#applying !== null) return this.#applying;
    this.#observing ??= this.#open(this.declaration.observe ?? {});
    return this.#observing;
  }

  /**
   * The runner, for changing: put there, or put there again, where it is missing, older than it must be, or not what was put there.
   *
   * @param least the release that it must have at least.
   * @param known what the state knows of it.
   * @throws PostureError `unreachable`, `permanent`.
   */
  apply(least: string, known: RunnerStamp | null): Opened {
    const before = this.#applying ?? (this.#sharesCredential ? this.#observing : null);
    const after = this.#ensure(before, least, known);
    this.#applying = after;
    return after;
  }

  async close(): Promise<void> {
    for (const opened of [this.#observing, this.#applying])
      await opened?.then(
        (connection) => connection.close(),
        () => undefined, // it never was open, which was told when it was tried
      );
  }

  async #open(credential: SshCredential): Opened {
    const { node = "node" } = this.declaration;
    const { file } = describeRunnerPlace(this.home.root);
    const runner = { node, file, home: this.home.root };
    return RunnerConnection.open(this.surroundings.open(credential), runner, this.surroundings.report);
  }

  async #ensure(before: Opened | null, least: string, known: RunnerStamp | null): Opened {
    const host = this.surroundings.open(this.declaration.apply ?? {});
    const standing = await (before === null ? this.#look(host) : catchRunnerFailure(before));
    if (standing instanceof RunnerConnection) {
      const carried = (await readCarriedRunner()).stamp;
      const { hello } = standing;
      if (standing.isLost || (isAtLeast(hello.release, least) && isIntact(hello, carried, known))) return standing;
    } else if (!standing.mendable) throw standing;
    const put = await this.#put(host, least);
    if (standing instanceof RunnerConnection) await standing.retire();
    return put;
  }

  /** Opens the connection by reading, which all that follows then shares. */
  async #look(host: Host): Promise<RunnerConnection | RunnerFailure> {
    const { file, stamp } = describeRunnerPlace(this.home.root);
    if ((await host.readFile(stamp, this.signal)) === null)
      return new RunnerFailure(`${host.name}: ${file} is missing`, true);
    return catchRunnerFailure(this.#open(this.declaration.apply ?? {}));
  }

  async #put(host: Host, least: string): Opened {
    const { content, stamp } = await readCarriedRunner();
    if (!isAtLeast(stamp.release, least))
      throw new PostureError(
        "permanent",
        `${host.name}: its runner must be put there again, of release ${least} or later, and this is pulumi-backup-posture ${stamp.release}; install ${least} or later`,
      );
    await this.#requireHome(host);
    const place = describeRunnerPlace(this.home.root);
    await host.writeFileAtomically(place.file, content, { mode: 0o700, signal: this.signal });
    await host.writeFileAtomically(place.stamp, Buffer.from(`${JSON.stringify(stamp)}\n`), {
      mode: 0o600,
      signal: this.signal,
    });
    const connection = await this.#open(this.declaration.apply ?? {});
    if (connection.hello.sha256 === stamp.sha256) {
      this.surroundings.report(`${host.name}: runner ${stamp.release} was put into ${this.home.root}`);
      return connection;
    }
    await connection.close();
    throw new PostureError(
      "transient",
      `${host.name}: the runner there is not the one that was just put there; run up again`,
    );
  }

  /** A home that is known, and is not there, may be a mount that is missing: nothing is put in its place. */
  async #requireHome(host: Host): Promise<void> {
    const { root } = this.home;
    const isThere = (await host.readFile(posix.join(root, "posture-home.json"), this.signal)) !== null;
    if (isThere || (!this.#others.known && this.#others.unreachable === null)) return;
    throw new PostureError(
      "unreachable",
      `${host.name}: posture home ${root}: it is not there; mount it, or, if it is lost for good, make it anew: backup-posture init --host ${host.name} --home ${root}`,
    );
  }
}

/** Whether a runner is what was put there, as far as anybody knows what that was. */
export function isIntact({ release, sha256, put }: Hello, carried: RunnerStamp, known: RunnerStamp | null): boolean {
  const told = [put, carried.release === release ? carried : null, known?.release === release ? known : null];
  return put?.release === release && told.every((stamp) => stamp === null || stamp.sha256 === sha256);
}

async function catchRunnerFailure(opened: Opened): Promise<RunnerConnection | RunnerFailure> {
  try {
    return await opened;
  } catch (error) {
    if (error instanceof RunnerFailure) return error;
    throw error;
  }
}
