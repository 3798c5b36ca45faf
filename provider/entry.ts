import { writeSync } from "node:fs";
import { createProviders } from "./lifecycle/providers";

/** The providers that state names, by kind; see `providerSource`. These names are fixed for good. */
export const { BackupSchedule, FileShareSnapshot, RestoreTarget } = createProviders(reportToEngine);

/** The engine shows what a dynamic provider prints under the stack's row. */
function reportToEngine(line: string): void {
  writeSync(1, `${line}\n`);
}
