import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { frozenAt, unpackRelease } from "../fixtures/releases";
import { expectSuccess, makeStack, type Stack } from "./stack";

const programSchema = z.object({
  resources: z.record(
    z.string(),
    z.object({
      kind: z.enum(["BackupSchedule", "FileShareSnapshot", "RestoreTarget"]),
      args: z.record(z.string(), z.unknown()),
      options: z.record(z.string(), z.unknown()).default({}),
    }),
  ),
});

let stack: Stack;

beforeEach(async () => {
  stack = await makeStack();
});

afterEach(() => stack.remove());

const declaredAt = "2026-10-24T22:00:00Z";

/** Twenty moments of the day after, at another minute of each hour: among them the hour that is there twice, and the last before something is due. */
const times = [
  ...["22:00:01", "22:59:59", "23:59:59"].map((time) => `2026-10-24T${time}Z`),
  ...["00:00:00", "00:29:59", "00:30:00", "00:30:01", "01:00:00", "01:30:00", "02:03:04", "03:45:00", "05:06:07"].map(
    (time) => `2026-10-25T${time}Z`,
  ),
  ...["07:12:00", "09:30:00", "11:59:59", "12:00:00", "15:15:15", "18:27:36", "20:40:00", "21:59:59"].map(
    (time) => `2026-10-25T${time}Z`,
  ),
];

/** The clocks of Berlin go back at 2026-10-25T01:00:00Z: 02:30 is there twice. */
it(`shows no difference in ${times.length} previews in a row through the night in which the clocks go back`, async () => {
  const share = join(stack.root, "share");
  await mkdir(share);
  await writeFile(join(share, "file"), "content");
  const store = { kind: "directory", path: join(stack.root, "store") };
  const sources = { files: { kind: "file-share", path: share } };
  const berlin = { cron: "30 2 * * *", timeZone: "Europe/Berlin" };
  await stack.declare({
    waiting: { kind: "BackupSchedule", args: { when: berlin, sources, store, keep: { daily: 7 } } },
    taken: {
      kind: "BackupSchedule",
      args: { when: { ...berlin, jitter: "10m" }, sources, store, rpo: "26h", runOnCreate: true, waitFor: "3m" },
    },
    snapshot: { kind: "FileShareSnapshot", args: { share: { path: share }, store, maxAge: "1d", verify: "content" } },
    target: {
      kind: "RestoreTarget",
      args: {
        from: { store, schedule: { $ref: "taken.id" } },
        to: join(stack.root, "restore"),
        drill: { every: "1d" },
        runOnCreate: true,
        waitFor: "3m",
      },
    },
  });
  expectSuccess(await stack.up(declaredAt));
  for (const time of times) {
    const preview = await stack.preview(time);
    if (preview.exitCode !== 0) throw new Error(`${time}: ${preview.text}`);
  }
  expectSuccess(await stack.pulumi(["preview", "--expect-no-changes"], times.at(-1)));
});

it("shows no difference over what release 0.1.0 declared, and takes it away", async () => {
  const frozen = await unpackRelease("0.1.0", stack.root);
  await writeFile(join(stack.root, "state.json"), frozen.state);
  await stack.declare(programSchema.parse(JSON.parse(frozen.resources)).resources);
  expectSuccess(await stack.pulumi(["stack", "import", "--file", join(stack.root, "state.json")]));
  expectSuccess(await stack.preview(frozenAt));
  expectSuccess(await stack.pulumi(["destroy", "--yes", "--skip-preview", "--refresh"], frozenAt));
});
