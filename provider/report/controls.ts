import { frameworks } from "../guard/controls/frameworks";
import { type ControlId, type FrameworkId, frameworkIds } from "../guard/controls/ids";
import { type ControlFinding, type EffectiveControl, judgeControl, listControls } from "../guard/controls/judge";
import type { Posture } from "../guard/controls/model";
import { readPosture } from "../guard/controls/posture";
import type { PlainResource } from "../guard/controls/properties";
import type { ControlSettings, ControlsSettings, Level } from "../guard/controls/settings";

/** How a control stands: `open` has findings that nobody took upon themselves, `waived` only such as somebody did. */
export type ControlState = "satisfied" | "waived" | "open" | "disabled";

/** A control, and what does not satisfy it. */
export interface ControlReport {
  readonly id: ControlId;
  readonly title: string;
  readonly asks: string;
  readonly level: Level;
  readonly state: ControlState;
  readonly findings: readonly ControlFinding[];
}

/** What one name of a framework comes to. */
export interface MappingReport {
  readonly name: string;
  readonly control: ControlId;
  readonly figures: string;
  readonly state: ControlState;
  readonly open: number;
  readonly waived: number;
}

/** A framework, and how the posture stands to everything that it asks for. */
export interface FrameworkReport {
  readonly id: FrameworkId;
  readonly title: string;
  readonly mappings: readonly MappingReport[];
}

/** How declarations stand to the controls. */
export interface ControlsReport {
  /** By the settings' own levels and figures. */
  readonly controls: readonly ControlReport[];
  /** Each by its own figures; only the settings' framework where they name one. */
  readonly frameworks: readonly FrameworkReport[];
}

/** Judges declarations by all controls, and by each framework. */
export function reportControls(
  resources: readonly PlainResource[],
  settings: ControlsSettings,
  moment: Date,
): ControlsReport {
  const posture = readPosture(resources, settings.places ?? {});
  const wanted = settings.framework === undefined ? frameworkIds : [settings.framework];
  return {
    controls: listControls(settings).map((effective) => reportControl(posture, effective, settings, moment)),
    frameworks: wanted.map((framework) => reportFramework(posture, { ...settings, framework }, framework, moment)),
  };
}

function reportControl(
  posture: Posture,
  effective: EffectiveControl,
  settings: ControlsSettings,
  moment: Date,
): ControlReport {
  const findings = judgeControl(posture, effective, settings, moment);
  const { id, control, level } = effective;
  return { id, title: control.title, asks: control.asks, level, state: stateOf(level, findings), findings };
}

function reportFramework(
  posture: Posture,
  settings: ControlsSettings,
  framework: FrameworkId,
  moment: Date,
): FrameworkReport {
  const reports = new Map(
    listControls(settings).map((effective) => [
      effective.id,
      { effective, report: reportControl(posture, effective, settings, moment) },
    ]),
  );
  const { title, mappings } = frameworks[framework];
  return {
    id: framework,
    title,
    mappings: mappings.flatMap(({ name, control }) => {
      const judged = reports.get(control);
      if (judged === undefined) return [];
      const { findings, state } = judged.report;
      const waived = findings.filter((finding) => finding.state === "waived").length;
      const figures = describeFigures(judged.effective.settings);
      return [{ name, control, figures, state, open: findings.length - waived, waived }];
    }),
  };
}

function stateOf(level: Level, findings: readonly ControlFinding[]): ControlState {
  if (level === "disabled") return "disabled";
  if (findings.length === 0) return "satisfied";
  return findings.every(({ state }) => state === "waived") ? "waived" : "open";
}

function describeFigures({ atMost, atLeast, count }: ControlSettings): string {
  return [
    ...(atMost === undefined ? [] : [`at most ${atMost}`]),
    ...(atLeast === undefined ? [] : [`at least ${atLeast}`]),
    ...(count === undefined ? [] : [`${count}`]),
  ].join(", ");
}
