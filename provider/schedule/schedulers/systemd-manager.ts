import { messageOf, PostureError } from "../../platform/errors";
import { type Completed, runCommand } from "../../platform/processes";
import { type UnitKind, unitName } from "./systemd-units";

/** What a manager says of a unit. */
export interface UnitState {
  /** `loaded`, `not-found`, `masked`, `bad-setting`, … */
  readonly loaded: string;
  readonly active: string;
  /** `enabled`, `disabled`, `masked`, …; empty where there is no file. */
  readonly file: string;
  /** Whether its files have changed since the manager read them. */
  readonly outdated: boolean;
  /** Whether somebody put settings beside this very unit that take the place of its own. */
  readonly overridden: boolean;
}

const timeLimitMilliseconds = 60_000;
const properties = ["Id", "LoadState", "ActiveState", "UnitFileState", "NeedDaemonReload", "DropInPaths"] as const;

/** A manager of units, the system's or an account's own. */
export class SystemdManager {
  readonly #systemctl: readonly [string, ...string[]];

  /** @param systemctl the command that speaks to it, without its arguments. */
  constructor(systemctl: readonly [string, ...string[]]) {
    this.#systemctl = systemctl;
  }

  /**
   * What the manager says of units, in one look, whether or not it has read them.
   *
   * @throws PostureError `unreachable`.
   */
  async show(units: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, UnitState>> {
    const { exitCode, stdout } = await this.#run(
      ["show", `--property=${properties.join(",")}`, "--", ...units],
      signal,
    );
    if (exitCode !== 0)
      throw new PostureError(
        "unreachable",
        `systemd: cannot be asked (exit code ${exitCode}); it does not run this host, or not for this account`,
      );
    const states = stdout.split("\n\n").map(readState);
    return new Map(units.length === 0 ? [] : states);
  }

  /** @throws PostureError `permanent`, with what was printed as its cause. */
  async order(what: string, command: readonly [string, ...string[]], signal: AbortSignal): Promise<void> {
    const { exitCode, stderr } = await this.#run(command, signal);
    if (exitCode === 0) return;
    throw new PostureError("permanent", `${what}: systemctl ${command[0]} ended with exit code ${exitCode}`, {
      cause: new Error(stderr),
    });
  }

  async #run(command: readonly string[], signal: AbortSignal): Promise<Completed> {
    try {
      return await runCommand([...this.#systemctl, ...command], {
        timeoutMilliseconds: timeLimitMilliseconds,
        signal,
        environment: describeEnvironment(),
      });
    } catch (error) {
      if (!(error instanceof PostureError)) throw error;
      throw new PostureError("unreachable", `systemd: ${messageOf(error)}`, { cause: error });
    }
  }
}

/** The names of all units of an id. */
export function unitNamesOf(id: string, kinds: readonly UnitKind[]): readonly string[] {
  return kinds.map((kind) => unitName(id, kind));
}

function readState(block: string): [string, UnitState] {
  const values = new Map(
    block.split("\n").map((line): [string, string] => {
      const [key = ""] = line.split("=");
      return [key, line.slice(key.length + 1)];
    }),
  );
  const id = values.get("Id") ?? "";
  return [
    id,
    {
      loaded: values.get("LoadState") ?? "",
      active: values.get("ActiveState") ?? "",
      file: values.get("UnitFileState") ?? "",
      outdated: values.get("NeedDaemonReload") === "yes",
      // What applies to all units of a kind, or to all of ours, is the host's own affair.
      overridden: (values.get("DropInPaths") ?? "").includes(`/${id}.d/`),
    },
  ];
}

/** A login that has no session of its own, such as one of `su`, still has its manager. */
function describeEnvironment(): Readonly<Record<string, string>> {
  const own = Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  return { XDG_RUNTIME_DIR: `/run/user/${process.getuid?.() ?? 0}`, ...own };
}
