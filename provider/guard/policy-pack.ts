import {
  PolicyPack,
  type PolicyResource,
  type ReportViolation,
  type StackValidationArgs,
  type StackValidationPolicy,
} from "@pulumi/policy";
import { now } from "../platform/clock";
import {
  type ControlFinding,
  describeFinding,
  type EffectiveControl,
  judgeControl,
  listControls,
} from "./controls/judge";
import { readPosture } from "./controls/posture";
import { type PlainResource, reveal } from "./controls/properties";
import { type ControlsSettings, parseSettings } from "./controls/settings";

export type { ControlsSettings } from "./controls/settings";

/**
 * A policy pack that holds a stack's declarations against the controls; see `docs/controls.md`. It judges what is declared, never what is
 * observed: whether backups are fresh and restores fast enough, `backup-posture gate` tells.
 *
 * @example
 * new BackupPosturePack("backups", {
 *   framework: "cis-v8",
 *   controls: { "retention-floor": { level: "mandatory", atLeast: "90d" } },
 *   places: { "/backup": { encrypted: true, isolated: true, deletionGuarded: true } },
 *   process: { document: "https://wiki/backup", reviewedOn: "2026-05-01" },
 *   waivers: [{ control: "restore-tested", resource: "scratch", reason: "rebuilt nightly", owner: "storage team", expires: "2027-01-31" }],
 * });
 */
export class BackupPosturePack extends PolicyPack {
  /**
   * @param name Of the pack, as previews show it.
   * @throws Error that names every setting that cannot be.
   */
  constructor(name: string, settings: ControlsSettings = {}) {
    super(name, { policies: [...backupPosturePolicies(settings)] });
  }
}

/**
 * The controls as policies, for a pack of your own. Each takes `atMost`, `atLeast` or `count` from a policy pack's configuration as well, where
 * the control has it.
 *
 * @throws Error that names every setting that cannot be.
 */
export function backupPosturePolicies(settings: ControlsSettings = {}): readonly StackValidationPolicy[] {
  const parsed = parseSettings(settings);
  const effective = listControls(parsed);
  return [...effective.map((each) => toPolicy(each, parsed)), lapsedWaivers(effective, parsed)];
}

function toPolicy(effective: EffectiveControl, settings: ControlsSettings): StackValidationPolicy {
  const { id, control, level } = effective;
  const { atMost, atLeast, count } = effective.settings;
  return {
    name: id,
    displayName: control.title,
    description: control.asks,
    enforcementLevel: level,
    configSchema: {
      properties: {
        ...(atMost === undefined ? {} : { atMost: { type: "string", default: atMost } }),
        ...(atLeast === undefined ? {} : { atLeast: { type: "string", default: atLeast } }),
        ...(count === undefined ? {} : { count: { type: "integer", default: count } }),
      },
    },
    validateStack: (args, report) => {
      const configured = {
        ...effective,
        level: "mandatory",
        settings: { ...effective.settings, ...args.getConfig() },
      } as const;
      tell(findOf(args, [configured], settings, "open"), report);
    },
  };
}

/** Whatever a control's level: a waiver that has expired fails. */
function lapsedWaivers(effective: readonly EffectiveControl[], settings: ControlsSettings): StackValidationPolicy {
  return {
    name: "waivers-current",
    displayName: "Waivers are current",
    description: "A finding whose waiver has expired fails, whatever the level of its control.",
    enforcementLevel: "mandatory",
    validateStack: (args, report) => tell(findOf(args, effective, settings, "expired"), report),
  };
}

function findOf(
  { resources }: StackValidationArgs,
  effective: readonly EffectiveControl[],
  settings: ControlsSettings,
  state: ControlFinding["state"],
): readonly ControlFinding[] {
  const posture = readPosture(resources.map(toPlain), settings.places ?? {});
  return effective
    .flatMap((each) => judgeControl(posture, each, settings, now()))
    .filter((finding) => finding.state === state);
}

function tell(findings: readonly ControlFinding[], report: ReportViolation): void {
  for (const finding of findings) {
    const text = `[${finding.control}] ${describeFinding(finding)}`;
    if (finding.urn === null) report(text);
    else report(text, finding.urn);
  }
}

function toPlain({ urn, type, name, props }: PolicyResource): PlainResource {
  return { urn, type, name, properties: reveal(props) };
}
