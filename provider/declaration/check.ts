import type { z } from "zod";
import { findSecretPaths } from "./secrets";
import { concernsUnknown, findUnknownPaths, liesWithin } from "./unknowns";

/**
 * Everything that is wrong with a property bag, as one message; undefined when nothing is.
 *
 * Each violation opens with its path. Unknown keys are named; values are never shown, since any of them may be a secret.
 * What cannot be judged before `up`, because a value is still unknown, is passed over. A secret is refused wherever it stands:
 * there is none that takes one, and it would lie open in the job.
 */
export function findViolations(schema: z.ZodType, inputs: Readonly<Record<string, unknown>>): string | undefined {
  const secretPaths = findSecretPaths(inputs);
  const issues = schema.safeParse(inputs).error?.issues ?? [];
  const unknownPaths = [...findUnknownPaths(inputs), ...secretPaths];
  const violations = [
    ...secretPaths.map(
      (path) =>
        `${describePath(path)}: is a secret, and would lie open in the job; secrets are given by reference, in a hook's environment: {env: "NAME"} or {file: "/path"}; what is none needs pulumi.unsecret`,
    ),
    ...issues.filter((issue) => isCertain(issue, unknownPaths)).map((issue) => describeIssue(issue, inputs)),
  ];
  return violations.length === 0 ? undefined : [...new Set(violations)].join("; ");
}

/** A key too many stays one, whatever the values of others turn out to be. */
function isCertain(issue: z.core.$ZodIssue, unknownPaths: readonly (readonly PropertyKey[])[]): boolean {
  if (issue.code === "unrecognized_keys") return !unknownPaths.some((unknown) => liesWithin(issue.path, unknown));
  return !concernsUnknown(issue.path, unknownPaths);
}

function describeIssue(issue: z.core.$ZodIssue, inputs: unknown): string {
  const path = describePath(issue.path);
  switch (issue.code) {
    case "unrecognized_keys":
      return `${path === "" ? "" : `${path}: `}${issue.keys.map(showKey).join(", ")}: no such propert${issue.keys.length === 1 ? "y" : "ies"}`;
    case "invalid_key":
      return `${path}: ${issue.issues[0]?.message ?? "not a valid name"}`;
    case "invalid_union":
      return `${path}: ${issue.message}`;
    default:
      return `${path}: ${valueAt(inputs, issue.path) === undefined ? "is missing" : issue.message}`;
  }
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
