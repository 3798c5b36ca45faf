// Compiles the Pulumi command line from its Go module, pinned and verified by go.mod and go.sum in this folder.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findOnPath } from "../set-up/path.mjs";
import { runWithLifeSigns } from "../set-up/processes.mjs";
import { SetUpError } from "../set-up/set-up-error.mjs";
import { isOlder } from "../set-up/versions.mjs";

/** The version of go.mod, which the command line is told: a build from source does not know its own. */
export const builtVersion = "3.250.0";

const sources = import.meta.dirname;
const neededGo = /^go (\S+)$/m.exec(readFileSync(join(sources, "go.mod"), "utf8"))?.[1] ?? "";

/**
 * @param {string} output Where the executable goes.
 * @param {(line: string) => void} say
 */
export async function compile(output, say) {
  const go = findGo();
  say(`There is no Pulumi CLI on PATH: building Pulumi ${builtVersion} from its Go module, once for this account.`);
  say("On two cores this takes 5 to 7 minutes, and on a fresh machine some downloads; go.sum verifies what is used.");
  const stamp = `-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=${builtVersion}`;
  const program = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi";
  await runWithLifeSigns(
    [go, "build", "-v", "-mod=readonly", "-trimpath", "-ldflags", `-s -w ${stamp}`, "-o", output, program],
    { cwd: sources, env: { ...process.env, ...goSettings() } },
    describeProgress,
    say,
  );
}

/** @param {readonly string[]} lines What Go wrote: a line a download, then a line a package that it compiles. */
function describeProgress(lines) {
  const downloads = lines.filter((line) => line.startsWith("go: downloading")).length;
  const packages = lines.filter((line) => !line.startsWith("go: ")).length;
  return packages === 0 ? `${downloads} modules downloaded` : `${packages} of about 1,640 packages compiled`;
}

/** @throws {SetUpError} where Go is missing or too old. */
function findGo() {
  const go = findOnPath("go");
  if (go === undefined) throw new SetUpError(`There is neither a Pulumi CLI nor Go on PATH. ${remedies}`, 2);
  const mayFetchToolchain = (process.env.GOTOOLCHAIN ?? "local") !== "local";
  if (mayFetchToolchain) return go;
  const answer = spawnSync(go, ["version"], {
    cwd: tmpdir(),
    encoding: "utf8",
    env: { ...process.env, ...goSettings() },
  });
  const version = /\bgo(\d+(?:\.\d+)+)/.exec(answer.stdout ?? "")?.[1];
  if (version !== undefined && !isOlder(version, neededGo)) return go;
  const fault = version === undefined ? "does not tell its version" : `is Go ${version}, older than ${neededGo}`;
  throw new SetUpError(
    `There is no Pulumi CLI on PATH, and ${go} ${fault}. ${remedies}
  * let Go fetch a newer toolchain by itself:  GOTOOLCHAIN=auto npm start`,
    2,
  );
}

const remedies = `Do one of these, then start again:
  * install the Pulumi CLI:  https://www.pulumi.com/docs/install
  * install Go ${neededGo} or newer:  https://go.dev/dl  (set-up then builds the CLI, once, in 5 to 7 minutes)`;

/** Go as it is installed: it fetches no other toolchain, heeds no workspace file, and needs no C compiler. */
function goSettings() {
  return { GOTOOLCHAIN: process.env.GOTOOLCHAIN ?? "local", GOWORK: "off", GOOS: "", GOARCH: "", CGO_ENABLED: "0" };
}
