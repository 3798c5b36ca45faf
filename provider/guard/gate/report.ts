import { z } from "zod";
import { healthy } from "../../declaration/health";
import { type ControlFinding, explainFinding, judge } from "../controls/judge";
import { type PlainResource, reveal } from "../controls/properties";
import type { ControlsSettings } from "../controls/settings";
import { simulatedDeclaration } from "../simulate";
import { describeForecast } from "../warnings";
import { type Difference, findDifferences } from "./differences";
import type { PreviewSeen, SeenResource } from "./events";
import { collectPaths, withoutPaths } from "./redact";

/** What the gate is run on: a change that somebody proposes, or the state of things. */
export type Occasion = "pr" | "schedule";

/** `broken`: the preview came to no end that says anything. */
export type Verdict = "passed" | "failed" | "unobserved" | "broken";

/** One thing that the gate found. */
export interface GateFinding {
  readonly kind: "refused" | "removed" | "drift" | "control" | "policy" | "warning" | "orphan";
  /** What exactly: a control's id, a policy's name, or the kind. */
  readonly rule: string;
  /** The resource's name; the stack's where it concerns none. */
  readonly resource: string;
  readonly message: string;
  /** Whether the change brings it in; what was there before it is listed, and no pull request fails for it. */
  readonly isNew: boolean;
  readonly fails: boolean;
}

/** What the preview would do to one resource because the program says so. */
export interface DeclaredChange {
  readonly resource: string;
  readonly kind: string;
  readonly operation: "create" | "update" | "replace" | "remove";
  readonly properties: readonly Difference[];
  /** What is foretold of it: worst-case age, recovery sets and look-back. */
  readonly forecast: string | null;
}

/** All that a gate has to say. Shape of `--format json`; it only ever grows. */
export interface GateReport {
  readonly format: 1;
  readonly stack: string;
  readonly on: Occasion;
  readonly verdict: Verdict;
  /** The verdict in a sentence. */
  readonly summary: string;
  readonly changes: readonly DeclaredChange[];
  /** What fails first. */
  readonly findings: readonly GateFinding[];
  readonly waived: readonly string[];
  /** What could not be looked at, and why. */
  readonly notes: readonly string[];
}

/** What goes into a report. */
export interface Evidence {
  readonly stack: string;
  readonly on: Occasion;
  readonly seen: PreviewSeen;
  /** Settings of the controls that the gate applies itself; null: a policy pack was given in their place. */
  readonly controls: ControlsSettings | null;
  readonly orphans: readonly { readonly what: string }[];
  readonly notes: readonly string[];
  readonly now: Date;
}

const bagSchema = z.record(z.string(), z.unknown());
const posture = "pulumi-nodejs:dynamic/backup-posture:";
const about = [posture, "pulumi-backup-posture:", "azure-native:recoveryservices"];
/** What a resource's own `check` refused; without a URN in some releases of the engine. */
const refusal = /resource '([^']*)' has a problem: (.*)/s;
/** What the engine says last whenever it fails. */
const echo = /^(preview|update) failed$/;

/** Draws a report, and the verdict, from what a preview told by its events. */
export function drawReport(evidence: Evidence): GateReport {
  const { stack, on, seen } = evidence;
  const resources = [...seen.resources.values()]
    .filter(({ type }) => about.some((prefix) => type.startsWith(prefix)))
    .sort((left, right) => (left.urn < right.urn ? -1 : 1));
  const changes = resources.flatMap(describeChange);
  const touched = new Set(resources.filter((each) => describeChange(each).length > 0).map(({ urn }) => urn));
  const { findings: ofControls, waived } = findControls(evidence);
  const refusals = findRefusals(seen);
  const findings = [
    ...refusals,
    ...resources.flatMap((resource) => findRemoval(resource, evidence)),
    ...ofControls,
    ...findViolations(evidence, touched),
    ...resources.flatMap((resource) => findDrift(resource, on)),
    ...findWarnings(evidence, touched),
    ...evidence.orphans.map(({ what }) => find("orphan", "orphan", stack, what, false, false)),
  ];
  const isBroken =
    findFaults(seen).length > 0 || (!seen.ended && refusals.length === 0 && seen.violations.length === 0);
  const notes = [
    ...(refusals.length > 0
      ? ["the engine stopped at what was refused: there may be more to see once that is put right"]
      : []),
    ...evidence.notes,
  ];
  const verdict = decide(findings, isBroken, isBlind(seen));
  const known = new Set(
    resources.flatMap(({ state, observed, declared }) => collectPaths([state, observed, declared])),
  );
  const shown = (text: string) => (on === "pr" ? withoutPaths(text, [...known]) : text);
  return {
    format: 1,
    stack,
    on,
    verdict,
    summary: summarise(verdict, findings, on),
    changes: changes.map((change) => showChange(change, shown)),
    findings: [...findings].sort(byWeight).map((finding) => ({ ...finding, message: shown(finding.message) })),
    waived: waived.map(shown),
    notes: notes.map(shown),
  };
}

/**
 * What went wrong beyond what a resource's own check refused: the program, a plugin, the engine. For the log, never for the report. A refusal
 * ends the program, and what that says of it is none.
 */
export function findFaults({ errors }: PreviewSeen): readonly string[] {
  const texts = errors.map(({ text }) => text);
  return texts.some((text) => refusal.test(text)) ? [] : texts.filter((text) => !echo.test(text));
}

/** Whether the preview touched no host, and knows nothing of drift and staleness. */
export function isBlind({ config, resources }: PreviewSeen): boolean {
  const all = [...resources.values()];
  return (
    config["posture:observe"] === "state" ||
    all.some(
      ({ type, declared }) => type === "pulumi:providers:pulumi-nodejs" && declared?.["posture:observe"] === "state",
    )
  );
}

function decide(findings: readonly GateFinding[], isBroken: boolean, blind: boolean): Verdict {
  if (isBroken) return "broken";
  if (findings.some(({ fails }) => fails)) return "failed";
  return blind ? "unobserved" : "passed";
}

function summarise(verdict: Verdict, findings: readonly GateFinding[], on: Occasion): string {
  const failing = findings.filter(({ fails }) => fails).length;
  const listed = findings.length - failing;
  const more = listed === 0 ? "" : `; ${listed} more listed`;
  switch (verdict) {
    case "broken":
      return "broken: the preview did not come to its end, so nothing can be said; the log says why";
    case "failed":
      return `failed: ${failing} finding${failing === 1 ? "" : "s"}${on === "pr" ? " that this change brings in" : ""}${more}`;
    case "unobserved":
      return `unobserved: nothing that was declared is at fault, and no host was looked at (posture:observe is state), so drift and staleness are not known${more}`;
    case "passed":
      return `passed${more}`;
  }
}

/** What the program changes, as against what somebody else has changed meanwhile. */
function describeChange(resource: SeenResource): readonly DeclaredChange[] {
  const { name, type, operation, state, declared, observed } = resource;
  const kind = type.slice(type.lastIndexOf(":") + 1);
  const isGone = observed === null;
  if (operation === null || operation.startsWith("read") || operation === "refresh") return [];
  if (declared === null)
    return operation === "delete"
      ? [{ resource: name, kind, operation: "remove", properties: [], forecast: null }]
      : [];
  if (state === null) {
    return [{ resource: name, kind, operation: "create", properties: [], forecast: forecast(type, declared) }];
  }
  const properties = findDifferences(settingsOf(state), settingsOf(declared));
  if (properties.length === 0) return [];
  const replaces = operation.includes("replace") && !isGone;
  const foretold = forecast(type, declared);
  const before = forecast(type, state);
  return [
    {
      resource: name,
      kind,
      operation: replaces ? "replace" : "update",
      properties,
      forecast: foretold === before ? null : foretold,
    },
  ];
}

function forecast(type: string, declared: Readonly<Record<string, unknown>>): string | null {
  if (type !== `${posture}BackupSchedule`) return null;
  const simulated = simulatedDeclaration(declared);
  return simulated === null ? null : describeForecast(simulated);
}

function findRefusals({ errors }: PreviewSeen): readonly GateFinding[] {
  return errors.flatMap(({ text }) => {
    const [, name = "", why = ""] = refusal.exec(text) ?? [];
    return name === "" ? [] : [find("refused", "refused", name, why.trim(), true, true)];
  });
}

function findRemoval(resource: SeenResource, { seen, on }: Evidence): readonly GateFinding[] {
  const { type, name, operation, declared, state } = resource;
  if (operation !== "delete" || declared !== null || !type.startsWith(posture)) return [];
  const accepted = (seen.config["posture:acceptRemoval"] ?? "").split(",").map((each) => each.trim());
  const isAccepted = accepted.includes(name);
  const message = `${describeLoss(type, state ?? {})}${isAccepted ? "; accepted by posture:acceptRemoval" : `; to accept it: pulumi config set posture:acceptRemoval ${name}`}`;
  return [find("removed", "removed", name, message, true, on === "pr" && !isAccepted)];
}

function describeLoss(type: string, state: Readonly<Record<string, unknown>>): string {
  if (type.endsWith(":RestoreTarget")) return "removing it ends the drills that prove that a restore works";
  if (type.endsWith(":FileShareSnapshot"))
    return "removing it leaves its recovery point to nobody: it stays, and nothing looks after it";
  const sources = Object.keys(bagSchema.catch({}).parse(state.sources));
  return `removing it stops protecting ${sources.join(", ")}: the recovery points stay, and get no successor`;
}

/** What is not as it was declared, without anybody having declared anything else. */
function findDrift(resource: SeenResource, on: Occasion): readonly GateFinding[] {
  const { name, type, state, observed, operation } = resource;
  if (!type.startsWith(posture) || state === null || operation === "delete") return [];
  if (observed === null)
    return [find("drift", "gone", name, "nothing of it is left on its host", false, on === "schedule")];
  const now = observed ?? state;
  const health = typeof now.health === "string" ? now.health : healthy;
  const differences = findDifferences(settingsOf(state), settingsOf(now));
  return [
    ...(health === healthy ? [] : [find("drift", ruleOf(health), name, health, false, on === "schedule")]),
    ...differences.map(({ path, from, to }) =>
      find(
        "drift",
        "changed-on-host",
        name,
        `${path} was declared ${from ?? "not at all"} and is ${to ?? "gone"}`,
        false,
        on === "schedule",
      ),
    ),
  ];
}

/** The control that an observation speaks to. */
function ruleOf(health: string): string {
  if (/^(stale|failing|interrupted)/.test(health)) return "fresh";
  if (health.startsWith("restore took")) return "restore-in-time";
  if (/^(evidence|drill failed|no recovery point)/.test(health)) return "restore-tested";
  if (/^(damaged|missing|older)/.test(health)) return "verified";
  return health.split(":")[0] ?? "drift";
}

function findControls({ seen, controls, on, now }: Evidence) {
  if (controls === null) return { findings: [], waived: [] };
  const all = [...seen.resources.values()];
  const before = new Set(
    judge(
      all.flatMap(({ state, ...each }) => toPlain(each, state)),
      controls,
      now,
    ).map(keyOf),
  );
  const judged = judge(
    all.flatMap(({ declared, ...each }) => toPlain(each, declared)),
    controls,
    now,
  );
  const findings = judged
    .filter(({ state }) => state !== "waived")
    .map((each) => {
      const isNew = !before.has(keyOf(each));
      const fails = each.level === "mandatory" && (on === "schedule" || isNew);
      return find("control", each.control, each.name, explainFinding(each), isNew, fails);
    });
  const waived = judged
    .filter(({ state }) => state === "waived")
    .map(
      ({ control, name, waiver }) =>
        `${control} of ${name}: waived until ${waiver?.expires ?? ""} by ${waiver?.owner ?? ""} (${waiver?.reason ?? ""})`,
    );
  return { findings, waived };
}

/** A control that a resource did not satisfy before is none that the change brings in, whatever was found then. */
function keyOf({ control, urn, name }: ControlFinding): string {
  return `${control} ${urn ?? name}`;
}

function toPlain(
  { urn, type, name, outputs }: Pick<SeenResource, "urn" | "type" | "name" | "outputs">,
  inputs: Readonly<Record<string, unknown>> | null,
): readonly PlainResource[] {
  return inputs === null ? [] : [{ urn, type, name, properties: reveal({ ...outputs, ...inputs }) }];
}

function findViolations({ seen, on, stack }: Evidence, touched: ReadonlySet<string>): readonly GateFinding[] {
  return seen.violations.map(({ urn, text, policy, pack, mandatory }) => {
    const isNew = urn === null || isStack(urn) ? touched.size > 0 : touched.has(urn) || isChanged(seen, urn);
    return find(
      "policy",
      `${pack}/${policy}`,
      nameOf(urn) ?? stack,
      text,
      isNew,
      mandatory && (on === "schedule" || isNew),
    );
  });
}

function isStack(urn: string): boolean {
  return urn.includes("::pulumi:pulumi:Stack::");
}

/** Of a resource that is none of ours, the engine's own word counts. */
function isChanged(seen: PreviewSeen, urn: string): boolean {
  const resource = seen.resources.get(urn);
  if (resource === undefined || about.some((prefix) => resource.type.startsWith(prefix))) return false;
  return resource.operation !== "same";
}

function findWarnings({ seen, stack }: Evidence, touched: ReadonlySet<string>): readonly GateFinding[] {
  return seen.warnings
    .filter(({ urn, text }) => urn?.includes(posture) === true && !text.startsWith("not observed:"))
    .map(({ urn, text }) => {
      const [, rule = "warning", message = text] = /^([a-z-]+): (.*)$/s.exec(text) ?? [];
      return find("warning", rule, nameOf(urn) ?? stack, message, touched.has(urn ?? ""), false);
    });
}

function find(
  kind: GateFinding["kind"],
  rule: string,
  resource: string,
  message: string,
  isNew: boolean,
  fails: boolean,
): GateFinding {
  return { kind, rule, resource, message, isNew, fails };
}

const kindsInOrder = ["refused", "removed", "drift", "control", "policy", "warning", "orphan"];

/** What fails first; the same order for the same findings, whatever order the engine came to them in. */
function byWeight(left: GateFinding, right: GateFinding): number {
  const key = ({ fails, kind, resource, rule, message }: GateFinding) =>
    [fails ? 0 : 1, kindsInOrder.indexOf(kind), resource, rule, message].join("\n");
  return key(left) < key(right) ? -1 : 1;
}

function nameOf(urn: string | null): string | null {
  return urn === null ? null : urn.slice(urn.lastIndexOf("::") + 2);
}

/** Without what no program declares. */
function settingsOf(bag: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(bag).filter(([key]) => !["__provider", "health"].includes(key)));
}

function showChange(change: DeclaredChange, shown: (text: string) => string): DeclaredChange {
  const show = (text: string | null) => (text === null ? null : shown(text));
  return {
    ...change,
    properties: change.properties.map(({ path, from, to }) => ({ path, from: show(from), to: show(to) })),
  };
}
