import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { findOwnBundle } from "../../platform/bundle";
import { PostureError } from "../../platform/errors";
import { readRelease } from "../../platform/release";
import type { RunnerStamp } from "./protocol";

export const runnerFileName = "backup-posture.cjs";

/** What was put there, beside it. */
export const stampFileName = "runner.json";

/** The runner's place in a home. */
export function describeRunnerPlace(home: string): { readonly file: string; readonly stamp: string } {
  return { file: posix.join(home, "runner", runnerFileName), stamp: posix.join(home, "runner", stampFileName) };
}

/** The runner that this release carries. */
export interface CarriedRunner {
  readonly content: Buffer;
  readonly stamp: RunnerStamp;
}

let carried: Promise<CarriedRunner> | null = null;

/** @throws PostureError `permanent` where the package is not whole. */
export function readCarriedRunner(): Promise<CarriedRunner> {
  carried ??= read();
  return carried;
}

async function read(): Promise<CarriedRunner> {
  const path = findOwnBundle()?.file ?? join(__dirname, "..", "..", "bundle", runnerFileName);
  try {
    const content = await readFile(path);
    const sha256 = createHash("sha256").update(content).digest("hex");
    return { content, stamp: { release: readRelease(), sha256 } };
  } catch (cause) {
    throw new PostureError(
      "permanent",
      `${path}: the runner for hosts is missing from this package; install it again`,
      {
        cause,
      },
    );
  }
}
