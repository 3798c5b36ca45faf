import { type Control, controls, type Observation } from "./controls";
import { frameworks, namesOf } from "./frameworks";
import { type ControlId, controlIds } from "./ids";
import type { Posture } from "./model";
import { readPosture } from "./posture";
import type { PlainResource } from "./properties";
import type { ControlSettings, ControlsSettings, Level, Waiver } from "./settings";

/** What does not satisfy a control. */
export interface ControlFinding extends Observation {
  readonly control: ControlId;
  readonly level: Exclude<Level, "disabled">;
  /** By what names frameworks know the control. */
  readonly names: readonly string[];
  /** The waiver that covers it, or did until it expired; null where nobody waived it. */
  readonly waiver: Waiver | null;
  /** `waived`: it holds today, and nothing fails. `expired`: it held once, and the finding is mandatory now. */
  readonly state: "open" | "waived" | "expired";
}

/** A control as the settings have it. */
export interface EffectiveControl {
  readonly id: ControlId;
  readonly control: Control;
  readonly level: Level;
  readonly settings: ControlSettings;
}

/** Judges a stack's declarations by all controls that the settings switch on. */
export function judge(
  resources: readonly PlainResource[],
  settings: ControlsSettings,
  now: Date,
): readonly ControlFinding[] {
  const posture = readPosture(resources, settings.places ?? {});
  return listControls(settings).flatMap((effective) => judgeControl(posture, effective, settings, now));
}

/** Judges a posture by one control. */
export function judgeControl(
  posture: Posture,
  { id, control, level, settings: own }: EffectiveControl,
  settings: ControlsSettings,
  now: Date,
): readonly ControlFinding[] {
  if (level === "disabled") return [];
  return control.judge(posture, { ...own, process: settings.process }, now).map((observation): ControlFinding => {
    const waivers = (settings.waivers ?? []).filter((waiver) => waiver.control === id && concerns(waiver, observation));
    const holding = waivers.find((waiver) => !hasExpired(waiver, now));
    const waiver = holding ?? waivers[0] ?? null;
    const state = waiver === null ? "open" : holding === undefined ? "expired" : "waived";
    const weight = state === "expired" ? "mandatory" : level;
    return { ...observation, control: id, level: weight, names: namesOf(id), waiver, state };
  });
}

/** All controls with the level and the figures that the settings give them. */
export function listControls({ framework, controls: chosen = {} }: ControlsSettings): readonly EffectiveControl[] {
  return controlIds.map((id) => {
    const control = controls[id];
    const given = chosen[id];
    const own = typeof given === "string" ? { level: given } : given;
    const mappings =
      framework === undefined ? [] : frameworks[framework].mappings.filter(({ control: of }) => of === id);
    const usual = framework === undefined ? control.level : mappings.length > 0 ? "mandatory" : "disabled";
    const figures = mappings.reduce<ControlSettings>((all, { settings }) => ({ ...all, ...settings }), {});
    return { id, control, level: own?.level ?? usual, settings: { ...control.defaults, ...figures, ...own } };
  });
}

/** A finding in one line: of what, what was found, what satisfies the control, and by what names it is known. */
export function describeFinding(finding: ControlFinding): string {
  const known = finding.names.length === 0 ? "" : ` [${finding.names.join("; ")}]`;
  return `${finding.name}: ${explainFinding(finding)}${known}`;
}

/** What was found, and what satisfies the control. */
export function explainFinding({ found, satisfiedBy, waiver, state }: ControlFinding): string {
  const lapsed =
    state === "expired" && waiver !== null
      ? ` The waiver of ${waiver.owner} (${waiver.reason}) expired on ${waiver.expires}.`
      : "";
  return `${found}. To satisfy it: ${satisfiedBy}.${lapsed}`;
}

function concerns({ resource }: Waiver, { urn, name }: Observation): boolean {
  return resource === undefined || resource === name || resource === urn;
}

/** It holds to the end of its last day, in UTC. */
function hasExpired({ expires }: Waiver, now: Date): boolean {
  return now.getTime() >= Date.parse(expires) + 86_400_000;
}
