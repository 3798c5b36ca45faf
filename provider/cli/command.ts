import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { z } from "zod";
import { PostureError } from "../platform/errors";
import { defaultHome, describeHome, type Home } from "../runner/home";
import type { ExitCode } from "./exit-codes";
import { openProgress, type Progress } from "./progress";

/** What a command has found or done: as one JSON document, or as text for people. */
export interface Report {
  readonly exitCode: ExitCode;
  readonly document: unknown;
  readonly text: string;
}

/** What every command is given beside its own input. */
export interface CommandContext {
  readonly home: Home;
  /** Whether the home was named by `--home`. */
  readonly homeNamed: boolean;
  readonly json: boolean;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/** One command of the command line. */
export interface CommandDefinition<Input extends z.ZodType> {
  /** As commander reads it: `verify <id>`. */
  readonly usage: string;
  readonly summary: string;
  /** What follows the summary in its own `--help`. */
  readonly details?: string;
  readonly options?: readonly (readonly [flags: string, what: string])[];
  /** Each a command line without the executable, and what it does. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  /** Arguments and options by name, as commander names them. */
  readonly input: Input;
  readonly act: (context: CommandContext, input: z.infer<Input>) => Promise<Report>;
}

/** Where a command's report goes, and what may stop it. */
export interface CommandSurroundings {
  readonly signal: AbortSignal;
  deliver(report: Report): void;
}

const surroundingsSchema = z.object({ home: z.string().optional(), json: z.boolean().default(false) });

/** The options that every command has. */
export function addGlobalOptions(program: Command): void {
  program
    .addOption(
      new Option("--home <path>", "the posture home").env("BACKUP_POSTURE_HOME").default(undefined, defaultHome()),
    )
    .option("--json", 'print one JSON document, errors too as {"error": {kind, message}}');
}

/** Puts a command into the program, or below another command of it. */
export function register<Input extends z.ZodType>(
  parent: Command,
  definition: CommandDefinition<Input>,
  surroundings: CommandSurroundings,
): Command {
  const program = findProgram(parent);
  const command = parent.command(definition.usage).summary(definition.summary);
  command.description(
    [capitalise(definition.summary), ...(definition.details === undefined ? [] : [definition.details])].join("\n\n"),
  );
  for (const [flags, what] of definition.options ?? []) command.option(flags, what);
  command.addHelpText("after", describeExamples(definition.examples));
  return command.action(async () => {
    const global = surroundingsSchema.parse(command.optsWithGlobals());
    const progress = openProgress(global.json);
    const context: CommandContext = {
      home: describeHome(resolve(global.home ?? defaultHome())),
      homeNamed: program.getOptionValueSource("home") === "cli",
      json: global.json,
      signal: surroundings.signal,
      progress,
    };
    try {
      const report = await definition.act(context, parseInput(definition.input, command));
      progress.end();
      surroundings.deliver(report);
    } finally {
      progress.end();
    }
  });
}

function findProgram(command: Command): Command {
  return command.parent === null ? command : findProgram(command.parent);
}

/** The command as it is typed: with the names of those above it, the program's apart. */
function nameOf(command: Command): string {
  const { parent } = command;
  return parent === null || parent.parent === null ? command.name() : `${nameOf(parent)} ${command.name()}`;
}

function parseInput<Input extends z.ZodType>(schema: Input, command: Command): z.infer<Input> {
  const given = command.registeredArguments.map((argument, index): [string, unknown] => [
    argument.name(),
    command.processedArgs[index],
  ]);
  // An option that a command above has too is read by that one.
  const parsed = schema.safeParse({ ...Object.fromEntries(given), ...command.optsWithGlobals() });
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new PostureError(
    "usage",
    `${nameOf(command)}: ${faults.join("; ")}; see backup-posture ${nameOf(command)} --help`,
  );
}

function describeExamples(examples: CommandDefinition<z.ZodType>["examples"]): string {
  return ["", "Examples:", ...examples.map(([line, what]) => `  # ${what}\n  backup-posture ${line}`)].join("\n");
}

function capitalise(sentence: string): string {
  return `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`;
}
