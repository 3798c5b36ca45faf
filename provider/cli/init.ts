import type { Command } from "commander";
import { z } from "zod";
import { openHost } from "../hosts";
import type { SshHostDeclaration } from "../hosts/schema";
import { RemoteHosts } from "../lifecycle/remote/hosts";
import { describeRunnerPlace } from "../lifecycle/remote/runner-file";
import { failureKinds, messageOf, PostureError, systemCodeOf } from "../platform/errors";
import { readRelease } from "../platform/release";
import { defaultRemoteHome, initialiseHome } from "../runner/home";
import { openStore } from "../snapshot/stores";
import { describePlace } from "../snapshot/stores/schema";
import { type CommandSurroundings, type Report, register } from "./command";
import { exitCodes } from "./exit-codes";
import { readRemoteHost, remoteHostInput, remoteHostOptions } from "./remote-host";
import { readStoreOption } from "./stores";

const timeLimitMilliseconds = 60_000;

const readySchema = z.object({ kind: z.enum(["home", "store"]), path: z.string() });
const toldSchema = z.union([
  z.object({ ready: z.array(readySchema) }),
  z.object({ error: z.object({ kind: z.enum(failureKinds), message: z.string() }) }),
]);

type Ready = z.infer<typeof readySchema>;

/** `backup-posture init`: makes a home or a store ready. */
export function registerInit(program: Command, surroundings: CommandSurroundings): void {
  register(
    program,
    {
      usage: "init",
      summary: "make a posture home or a store ready",
      details:
        "pulumi up does this for what it declares. By hand it is needed where a home or store was lost for good: a run never makes one, " +
        "since a missing one may only be unmounted. What is ready already stays as it is.",
      options: [
        [
          "--store <store>",
          "make this store ready (a directory, azure-files://account/share, or a declaration in JSON), and the home only if --home is given too",
        ],
        ...remoteHostOptions,
      ],
      examples: [
        ["init", "make the default home ready"],
        ["init --home /srv/posture", "make this home ready"],
        ["init --store /backup/store", "make this store ready"],
        [
          `init --store '{"kind":"restic","repository":"/backup/restic","password":{"file":"/etc/backup/password"}}'`,
          "make a restic repository",
        ],
        ["init --host backup@db1.example.com --home /srv/posture", "make this home ready on another host"],
      ],
      input: z.object({ store: z.string().min(1).optional(), ...remoteHostInput }),
      act: async ({ home, homeNamed, signal }, { store, ...input }) => {
        const remote = readRemoteHost(input);
        if (remote !== null)
          return initialiseRemotely(remote, homeNamed ? home.root : defaultRemoteHome, store, signal);
        const ready: Ready[] = [];
        if (store === undefined || homeNamed) {
          await explained(`posture home ${home.root}`, initialiseHome(home));
          ready.push({ kind: "home", path: home.root });
        }
        if (store !== undefined) {
          const declaration = readStoreOption(store);
          const path = describePlace(declaration);
          await explained(`store ${path}`, openStore(declaration).initialise(signal));
          ready.push({ kind: "store", path });
        }
        return describe(ready, "");
      },
    },
    surroundings,
  );
}

/** Puts the runner there, then does there what is done here. */
async function initialiseRemotely(
  declaration: SshHostDeclaration,
  home: string,
  store: string | undefined,
  signal: AbortSignal,
): Promise<Report> {
  const hosts = new RemoteHosts(() => undefined);
  const host = openHost(declaration, declaration.apply);
  try {
    await hosts.view(declaration, home).apply(readRelease(), null);
    const { file } = describeRunnerPlace(home);
    const stores = store === undefined ? [] : ["--store", store];
    const command = [declaration.node ?? "node", file, "init", "--json", "--home", home, ...stores] as const;
    const { exitCode, stdout } = await host.run(command, { timeoutMilliseconds: timeLimitMilliseconds, signal });
    const told = toldSchema.parse(JSON.parse(stdout));
    if ("error" in told) throw new PostureError(told.error.kind, `${host.name}: ${told.error.message}`);
    if (exitCode !== 0) throw new PostureError("permanent", `${host.name}: init ended with exit code ${exitCode}`);
    return describe(told.ready, `${host.name}: `);
  } finally {
    await host.close();
    await hosts.close();
  }
}

function describe(ready: readonly Ready[], where: string): Report {
  return {
    exitCode: exitCodes.fine,
    document: { ready },
    text: ready.map(({ kind, path }) => `${where}${kind} ${path}: ready`).join("\n"),
  };
}

async function explained(what: string, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (error instanceof PostureError) throw error;
    throw new PostureError("permanent", `${what}: cannot be made ready: ${systemCodeOf(error) ?? messageOf(error)}`, {
      cause: error,
    });
  }
}
