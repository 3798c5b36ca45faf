import { checkPolicy } from "../../../provider/azure/policy-check";
import { toPolicyProperties } from "../../../provider/azure/policy-properties";
import { findRetentionLoss, refuseRetentionLoss } from "../../../provider/azure/retention-loss";

const now = new Date("2026-11-25T12:00:00Z");
const urn = "urn:pulumi:production::files::azure-native:recoveryservices:ProtectionPolicy::files-policy";

function inputsOf(policy: object): Record<string, unknown> {
  const checked = checkPolicy({ when: { cron: "0 1 * * *" }, ...policy });
  if (!("policy" in checked)) throw new Error(checked.join("; "));
  return { properties: toPolicyProperties(checked) };
}

const lossOf = (before: object, after: object) =>
  findRetentionLoss({ urn, oldInputs: inputsOf(before), newInputs: inputsOf(after) }, now)?.points ?? 0;

describe("a change of retention", () => {
  it.each<readonly [string, object, object, number]>([
    ["that is none", { keep: { daily: 30 } }, { keep: { daily: 30 } }, 0],
    ["that keeps more", { keep: { daily: 30 } }, { keep: { daily: 31, weekly: 4 } }, 0],
    ["to fewer days", { keep: { daily: 30 } }, { keep: { daily: 20 } }, 10],
    [
      "to fewer days of several backups",
      { when: { every: "12h" }, keep: { daily: 30 } },
      { when: { every: "12h" }, keep: { daily: 20 } },
      20,
    ],
    ["to fewer weeks", { keep: { daily: 7, weekly: 52 } }, { keep: { daily: 7, weekly: 26 } }, 26],
    ["to no months", { keep: { daily: 7, monthly: 12 } }, { keep: { daily: 7 } }, 11],
    [
      "of the vault",
      { keep: { daily: 400 }, tier: { kind: "vault", snapshotDays: 5 } },
      { keep: { daily: 300 }, tier: { kind: "vault", snapshotDays: 5 } },
      100,
    ],
    [
      "of the snapshots beside the vault",
      { keep: { daily: 400 }, tier: { kind: "vault", snapshotDays: 9 } },
      { keep: { daily: 400 }, tier: { kind: "vault", snapshotDays: 5 } },
      4,
    ],
    [
      "out of the vault",
      { keep: { daily: 100 }, tier: { kind: "vault", snapshotDays: 5 } },
      { keep: { daily: 100 } },
      99,
    ],
  ])("%s", (_name, before, after, points) => {
    expect(lossOf(before, after)).toBe(points);
  });

  it("that deletes is refused without the token of this very change", () => {
    const update = { urn, oldInputs: inputsOf({ keep: { daily: 30 } }), newInputs: inputsOf({ keep: { daily: 20 } }) };
    const refusal = refuseRetentionLoss(update, undefined, now);
    expect(refusal).toContain("this retention would delete up to 10 existing recovery points");
    const token = /acknowledgeDataLoss: "([^"]+)"/.exec(refusal ?? "")?.[1];
    expect(token).toMatch(/^delete-10-[0-9a-f]{16}$/);
    expect(refuseRetentionLoss(update, token, now)).toBeUndefined();
    const other = { ...update, newInputs: inputsOf({ keep: { daily: 19 } }) };
    expect(refuseRetentionLoss(other, token, now)).toContain("that of another change");
    expect(refuseRetentionLoss({ ...update, urn: `${urn}2` }, token, now)).toContain("that of another change");
  });

  it("of which the engine does not tell what was before is not judged", () => {
    expect(findRetentionLoss({ urn, newInputs: inputsOf({ keep: { daily: 1 } }) }, now)).toBeNull();
    expect(findRetentionLoss({ urn, oldInputs: {}, newInputs: inputsOf({ keep: { daily: 1 } }) }, now)).toBeNull();
  });
});
