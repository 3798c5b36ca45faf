import { readFile } from "node:fs/promises";
import { setFlagsFromString } from "node:v8";
import type { Node, Parser } from "web-tree-sitter";

/** One command of a script: its name, and its elements in order. */
export interface ParsedCommand {
  readonly name: string;
  readonly elements: readonly ParsedElement[];
}

/** `-Name`, or a value: a verbatim string as PowerShell would read it, or anything else as it is written. */
export type ParsedElement =
  | { readonly kind: "parameter"; readonly name: string }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "other"; readonly source: string };

let loading: Promise<Parser> | undefined;

/** All commands of a script, those in script blocks included, in the order written. Throws where the grammar finds an error. */
export async function parsePowerShell(script: string): Promise<readonly ParsedCommand[]> {
  loading ??= loadParser();
  const tree = (await loading).parse(script);
  if (tree === null) throw new Error("not parsed");
  try {
    if (tree.rootNode.hasError) throw new Error(`not PowerShell: ${script}\n${tree.rootNode.toString()}`);
    return tree.rootNode.descendantsOfType("command").map(toCommand);
  } finally {
    tree.delete();
  }
}

/**
 * What PowerShell makes of a verbatim string, by its own tokenizer's rule: each of five characters opens, closes and, doubled, stands
 * for itself. The grammar knows one of them only.
 */
export function readVerbatimString(source: string): string {
  const isQuote = (character: string | undefined) => character !== undefined && /^['\u2018-\u201b]$/.test(character);
  if (!isQuote(source[0])) throw new Error("does not begin with a quote");
  let value = "";
  for (let at = 1; at < source.length; at += 1) {
    if (isQuote(source[at])) {
      if (!isQuote(source[at + 1])) {
        if (at !== source.length - 1) throw new Error(`the string ends early: ${source}`);
        return value;
      }
      at += 1;
    }
    value += source[at] ?? "";
  }
  throw new Error("the string does not end");
}

/** The grammar is a large WebAssembly module: optimising it takes V8 most of a minute, for which the process's end would wait. */
async function loadParser(): Promise<Parser> {
  setFlagsFromString("--liftoff-only");
  const { Language, Parser: TreeSitter } = await import("web-tree-sitter");
  await TreeSitter.init();
  const grammar = await readFile(require.resolve("tree-sitter-powershell/tree-sitter-powershell.wasm"));
  const parser = new TreeSitter();
  parser.setLanguage(await Language.load(grammar));
  return parser;
}

function toCommand(node: Node): ParsedCommand {
  const name = node.childForFieldName("command_name");
  const elements = node.childForFieldName("command_elements");
  return {
    name: name?.text ?? "",
    elements: (elements?.namedChildren ?? []).flatMap((element) =>
      element.type === "command_argument_sep" ? [] : [toElement(element)],
    ),
  };
}

function toElement(node: Node): ParsedElement {
  if (node.type === "command_parameter") return { kind: "parameter", name: node.text.replace(/^-/, "") };
  const strings = node.descendantsOfType("verbatim_string_characters");
  const [string] = strings;
  if (strings.length === 1 && string?.text === node.text) return { kind: "text", value: readVerbatimString(node.text) };
  return { kind: "other", source: node.text };
}
