import type { Product } from "../catalogue/types";
import { quotePowerShell } from "../quoting/powershell";

/** Something to run on a Windows machine, by one of three programs. */
export type Command =
  | { readonly program: "powershell"; readonly lines: readonly string[] }
  | { readonly program: "sqlcmd" | "robocopy"; readonly arguments: readonly [string, ...string[]] };

/** A command of PowerShell, line by line. */
export function powerShell(...lines: readonly [string, ...string[]]): Command {
  return { program: "powershell", lines };
}

/** A command as a person types it into PowerShell. */
export function displayCommand(command: Command): string {
  if (command.program === "powershell") return command.lines.join("\n");
  return displayArguments([command.program, ...command.arguments]);
}

/** An argument array as a person types it into PowerShell. */
export function displayArguments([program, ...rest]: readonly [string, ...string[]]): string {
  return [program, ...rest.map(quoteWhereNeeded)].join(" ");
}

/**
 * A command as an argument array. PowerShell gets its script encoded, so that no other program reads it on the way; the product's
 * module is loaded first, and the exit code is 1 when anything failed.
 */
export function toArgumentArray(command: Command, product: Product): readonly [string, ...string[]] {
  if (command.program !== "powershell") return [command.program, ...command.arguments];
  const script = [
    "$ErrorActionPreference = 'Stop'",
    `Import-Module ${quotePowerShell(moduleOf(product))}`,
    ...command.lines,
  ];
  const encoded = Buffer.from(script.join("\r\n"), "utf16le").toString("base64");
  return ["powershell", "-NoLogo", "-NoProfile", "-NonInteractive", "-EncodedCommand", encoded];
}

/** The PowerShell module with a product's cmdlets. */
function moduleOf(product: Product): string {
  return product === "lync2013" ? "Lync" : "SkypeForBusiness";
}

function quoteWhereNeeded(argument: string): string {
  return /^[\w./:\\-]+$/.test(argument) ? argument : quotePowerShell(argument);
}
