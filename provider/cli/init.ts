import type { Command } from "commander";
import { z } from "zod";
import { messageOf, PostureError, systemCodeOf } from "../platform/errors";
import { initialiseHome } from "../runner/home";
import { openStore } from "../snapshot/stores";
import { describePlace } from "../snapshot/stores/schema";
import { type CommandSurroundings, register } from "./command";
import { exitCodes } from "./exit-codes";
import { readStoreOption } from "./stores";

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
      ],
      examples: [
        ["init", "make the default home ready"],
        ["init --home /srv/posture", "make this home ready"],
        ["init --store /backup/store", "make this store ready"],
        [
          `init --store '{"kind":"restic","repository":"/backup/restic","password":{"file":"/etc/backup/password"}}'`,
          "make a restic repository",
        ],
      ],
      input: z.object({ store: z.string().min(1).optional() }),
      act: async ({ home, homeNamed, signal }, { store }) => {
        const ready: { kind: "home" | "store"; path: string }[] = [];
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
        return {
          exitCode: exitCodes.fine,
          document: { ready },
          text: ready.map(({ kind, path }) => `${kind} ${path}: ready`).join("\n"),
        };
      },
    },
    surroundings,
  );
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
