import { writeSync } from "node:fs";
import { BackupScheduleProvider } from "./lifecycle/backup-schedule";
import { createProviders } from "./lifecycle/providers";
import { WatchProvider } from "./watch/lifecycle";

const providers = createProviders(reportToEngine);

// The providers that state names, by kind; see `providerSource`. These names are fixed for good.
export const BackupSchedule = new BackupScheduleProvider(providers.BackupSchedule, new WatchProvider(reportToEngine));
export const { FileShareSnapshot, RestoreTarget } = providers;

/** The engine shows what a dynamic provider prints under the stack's row. */
function reportToEngine(line: string): void {
  writeSync(1, `${line}\n`);
}
