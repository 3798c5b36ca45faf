import { Command } from "commander";
import { readRelease } from "../platform/release";
import { registerAgent } from "./agent";
import { addGlobalOptions, type CommandSurroundings } from "./command";
import { registerCopy } from "./copy";
import { registerDoctor } from "./doctor";
import { registerDrill } from "./drill";
import { registerEvidence } from "./evidence";
import { exitCodesHelp } from "./exit-codes";
import { registerGate } from "./gate";
import { registerInit } from "./init";
import { registerList } from "./list";
import { registerLync } from "./lync";
import { registerMetrics } from "./metrics";
import { registerNotify } from "./notify";
import { registerOrphans } from "./orphans";
import { registerPrune } from "./prune";
import { registerPurge } from "./purge";
import { registerReport } from "./report";
import { registerRestore } from "./restore";
import { registerRun } from "./run";
import { registerServe } from "./serve";
import { registerStatus } from "./status";
import { registerVerify } from "./verify";

const commands = [
  registerStatus,
  registerRun,
  registerCopy,
  registerAgent,
  registerList,
  registerVerify,
  registerRestore,
  registerDrill,
  registerEvidence,
  registerPrune,
  registerPurge,
  registerDoctor,
  registerNotify,
  registerOrphans,
  registerReport,
  registerMetrics,
  registerGate,
  registerInit,
  registerLync,
  registerServe,
];

/** The whole command line. Parsing it runs the command; wrong usage and `--help` throw commander's error. */
export function makeProgram(surroundings: CommandSurroundings): Command {
  const program = new Command("backup-posture")
    .description("Backup posture as code: run, look at and restore what Pulumi programs declare about backups.")
    .version(readRelease())
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError();
  addGlobalOptions(program);
  for (const registerCommand of commands) registerCommand(program, surroundings);
  program.addHelpText("afterAll", `\n${exitCodesHelp}`);
  return program;
}
