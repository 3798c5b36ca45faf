import type { z } from "zod";
import { concernsUnknown, findUnknownPaths } from "./unknowns";

/**
 * Everything that is wrong with a property bag, as one message; undefined when nothing is.
 *
 * Each violation opens with its path. Unknown keys are named; values are never shown, since any of them may be a secret.
 * What cannot be judged before `up`, because a value is still unknown, is passed over.
 */
export function findViolations(schema: z.ZodType, inputs: Readonly<Record<string, unknown>>): string | undefined {
  const result = schema.safeParse(inputs);
  if (result.success) return undefined;
  const unknownPaths = findUnknownPaths(inputs);
  const violations = result.error.issues
    .filter((issue) => !concernsUnknown(issue.path, unknownPaths))
    .map((issue) => describeIssue(issue, inputs));
  return violations.length === 0 ? undefined : [...new Set(violations)].join("; ");
}

function describeIssue(issue: z.core.$ZodIssue, inputs: unknown): string {
  const path = describePath(issue.path);
  switch (issue.code) {
    case "unrecognized_keys":
      return `${path === "" ? "" : `${path}: `}${issue.keys.map(showKey).join(", ")}: no such propert${issue.keys.length === 1 ? "y" : "ies"}`;
    case "invalid_key":
      return `${path}: ${issue.issues[0]?.message ?? "not a valid name"}`;
    case "invalid_union":
      return `${path}: ${deepestMessage(issue)}`;
    default:
      return `${path}: ${valueAt(inputs, issue.path) === undefined ? "is missing" : issue.message}`;
  }
}

/** A union says which alternatives there are; where all but one fail at the root, the one that came further knows better. */
function deepestMessage(issue: z.core.$ZodIssueInvalidUnion): string {
  return issue.message;
}

function valueAt(inputs: unknown, path: readonly PropertyKey[]): unknown {
  let value = inputs;
  for (const step of path) {
    if (typeof value !== "object" || value === null) return value;
    value = Reflect.get(value, step);
  }
  return value;
}

function describePath(path: readonly PropertyKey[]): string {
  return path
    .map((step, index) =>
      typeof step === "number" ? `[${step}]` : `${index === 0 ? "" : "."}${showKey(String(step))}`,
    )
    .join("");
}

/** Keys come from users' data: cut, and quoted where they are not plain words. */
function showKey(key: PropertyKey): string {
  const text = String(key);
  return /^[\w-]{1,64}$/.test(text) ? text : JSON.stringify(text.slice(0, 64));
}
