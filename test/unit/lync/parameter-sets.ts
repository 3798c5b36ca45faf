import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Product } from "../../../provider/lync/catalogue";
import type { ParsedCommand, ParsedElement } from "./powershell-grammar";

interface Parameter {
  readonly name: string;
  readonly mandatory: boolean;
  /** Null: a switch. */
  readonly type: string | null;
}

export interface ParameterSet {
  readonly cmdlet: string;
  readonly parameters: readonly Parameter[];
}

/** Parameters of every cmdlet; those of common use here. */
const common: readonly Parameter[] = [{ name: "ErrorAction", mandatory: false, type: "ActionPreference: Stop" }];

/** Cmdlets and parameters that only the releases of 2015 and later have, as the syntax file's remarks say. */
const remark = /^\s+# ([\w, ]+): SfB 2015\/2019 only$/;

/** Every parameter set of the two syntax files, and what of them Lync Server 2013 lacks. */
export function readParameterSets(): { readonly sets: readonly ParameterSet[]; readonly later: ReadonlySet<string> } {
  const sets: ParameterSet[] = [];
  const later = new Set<string>();
  for (const file of ["cmdlet-syntax.txt", "cmdlet-syntax-further.txt"]) {
    let cmdlet = "";
    for (const line of readFileSync(join(__dirname, "../../fixtures/lync", file), "utf8").split("\n")) {
      const named = /^([A-Z][a-z]+-Cs\w+)(.*)$/.exec(line);
      if (named !== null) {
        cmdlet = named[1] ?? "";
        sets.push(...parseLine(cmdlet, named[2] ?? "", sets));
      } else if (/^\s+# role switches: /.test(line)) sets.push(...roleSets(sets, cmdlet, line));
      else for (const name of remark.exec(line)?.[1]?.split(", ") ?? []) later.add(`${cmdlet} ${name}`);
    }
  }
  return { sets, later };
}

/** Switches that give a set its name. The reference lists them as optional; a command that leaves them out means something else. */
const naming: ReadonlySet<string> = new Set(["AsBytes", "ConfiguredDatabases", "LocalDatabases"]);

/** Why a command binds to no parameter set, or to more than one; null when it binds to exactly one. */
export function findBindingFault(
  command: ParsedCommand,
  product: Product,
  known: ReturnType<typeof readParameterSets>,
): string | null {
  const given = pairUp(command.elements);
  if (typeof given === "string") return given;
  const candidates = known.sets.filter((set) => set.cmdlet === command.name);
  if (candidates.length === 0) return `${command.name} is not a cmdlet of the reference`;
  const missing = [...given.keys()].find(
    (name) => product === "lync2013" && known.later.has(`${command.name} ${name}`),
  );
  if (missing !== undefined) return `-${missing} is not in Lync Server 2013`;
  const fitting = candidates.filter((set) => fits(set, given));
  if (fitting.length === 1) return null;
  // Sets that differ by nothing that is given or must be: PowerShell takes the first, which is the default.
  if (fitting.length > 1 && given.size === 1) return null;
  return `${command.name} with ${[...given.keys()].join(", ")} binds to ${fitting.length} sets`;
}

function fits(set: ParameterSet, given: ReadonlyMap<string, readonly ParsedElement[]>): boolean {
  const all = [...set.parameters, ...common];
  const mandatory = set.parameters.filter((parameter) => parameter.mandatory);
  return (
    mandatory.every((parameter) => given.has(parameter.name)) &&
    [...given].every(([name, values]) => {
      const parameter = all.find((candidate) => candidate.name === name);
      return parameter !== undefined && accepts(parameter, values);
    })
  );
}

function accepts({ type }: Parameter, values: readonly ParsedElement[]): boolean {
  const [value] = values;
  if (type === null) return value === undefined || (value.kind === "other" && /^\$(true|false)$/.test(value.source));
  if (values.length !== 1 || value === undefined || value.kind === "parameter") return false;
  const text = value.kind === "text" ? value.value : value.source;
  const choices = /: ([\w|]+)$/.exec(type)?.[1]?.split("|");
  if (choices !== undefined) return choices.includes(text);
  if (type === "Fqdn") return value.kind === "text" && /^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(text);
  return value.kind === "text" && text !== "";
}

/** Each parameter with the values that follow it. */
function pairUp(elements: readonly ParsedElement[]): ReadonlyMap<string, readonly ParsedElement[]> | string {
  const given = new Map<string, ParsedElement[]>();
  let values: ParsedElement[] | undefined;
  for (const element of elements) {
    if (element.kind === "parameter") {
      const name = element.name.replace(/:$/, "");
      if (given.has(name)) return `-${name} is given twice`;
      given.set(name, (values = []));
    } else if (values === undefined) return "a value belongs to no parameter";
    else values.push(element);
  }
  return given;
}

/** `A | B | C  [-D]`: sets with one of A, B and C each, and D. */
function parseLine(cmdlet: string, line: string, earlier: readonly ParameterSet[]): readonly ParameterSet[] {
  const syntax = line.replace(/\s# .*$/, "").replace(/\(2010 only\)/, "");
  const remarks = /\s# .*$/.exec(line)?.[0] ?? "";
  const alternatives: Parameter[] = [];
  const shared: Parameter[] = [];
  let joined = false;
  for (const token of tokens(syntax)) {
    if (token === "|") {
      const last = joined ? undefined : shared.pop();
      if (last !== undefined) alternatives.push(last);
      joined = true;
    } else if (/^\[\.\.\.(same )?common\.\.\.\]$/.test(token)) shared.push(...commonOf(cmdlet, earlier));
    else if (token !== "ONE role switch") {
      const parameter = toParameter(token, remarks);
      if (joined) alternatives.push(parameter);
      else shared.push(parameter);
      joined = false;
    } else joined = false;
  }
  if (alternatives.length === 0) return [{ cmdlet, parameters: shared }];
  return alternatives.map((alternative) => ({ cmdlet, parameters: [alternative, ...shared] }));
}

/** `[...]`, `-Name <Type>`, `-Name A|B`, `-Name`, `|`. */
function tokens(syntax: string): readonly string[] {
  const pattern =
    /\[\.\.\.[a-z ]+\.\.\.\]|\[\[-\w+\] <[^>]+>\]|\[-\w+\] <[^>]+>|\[-\w+(?: <[^>]+>| [\w|]+| \(listed Required: True\))?\]|-\w+(?: <[^>]+>)?|\||ONE role switch/g;
  const found = syntax.match(pattern) ?? [];
  const rest = syntax.replace(pattern, "").trim();
  if (rest !== "") throw new Error(`not understood: ${rest}`);
  return found;
}

function toParameter(token: string, remarks: string): Parameter {
  const [, name = ""] = /-(\w+)/.exec(token) ?? [];
  const type = /<([^>]+)>/.exec(token)?.[1] ?? / ([\w]+\|[\w|]+)\]?$/.exec(token)?.[1] ?? null;
  const optional = /^\[-\w+(?!\w|\] <)/.test(token) || token.startsWith("[[");
  const mandatory =
    !optional ||
    naming.has(name) ||
    remarks.includes(`-${name} is mandatory`) ||
    token.includes("listed Required: True");
  return { name, mandatory, type: toType(type) };
}

function toType(type: string | null): string | null {
  return type !== null && /^\w+\|[\w|]+$/.test(type) ? `Choice: ${type}` : type;
}

/** What `[...common...]` stands for: of the cmdlet's first set, all but what the other sets name themselves. */
function commonOf(cmdlet: string, earlier: readonly ParameterSet[]): readonly Parameter[] {
  const own = ["CentralManagementDatabase", "Clean", "Collocated", "DatabasePaths", "SqlInstanceName", "SqlServerFqdn"];
  const first = earlier.find((set) => set.cmdlet === cmdlet);
  if (first === undefined) throw new Error(`${cmdlet} has no earlier set`);
  return first.parameters.filter((parameter) => !own.includes(parameter.name));
}

function roleSets(sets: readonly ParameterSet[], cmdlet: string, line: string): readonly ParameterSet[] {
  const poolFqdn =
    sets.find((set) => set.cmdlet === cmdlet)?.parameters.filter(({ name }) => name === "PoolFqdn") ?? [];
  const roles = line.replace(/^.*role switches: /, "").split(" ");
  return roles.map((name) => ({ cmdlet, parameters: [{ name, mandatory: true, type: null }, ...poolFqdn] }));
}
