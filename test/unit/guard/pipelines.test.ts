import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";

const read = (name: string) => readFileSync(join(__dirname, "../../../examples/pipelines", name), "utf8");
const bag = z.record(z.string(), z.unknown());

/** Who gets what: nothing for forks, a token that may only read for pull requests and schedules, one that may change for main only. */
describe("the pipeline templates", () => {
  it("GitHub Actions: is a workflow by GitHub's own parser", async () => {
    const { NoOperationTraceWriter, parseWorkflow } = await import("@actions/workflow-parser");
    const file = { name: "backup-posture.yml", content: read("github-actions.yml") };
    const { context, value } = parseWorkflow(file, new NoOperationTraceWriter());
    expect(context.errors.getErrors()).toEqual([]);
    expect(value).toBeDefined();
  });

  it("GitHub Actions: credentials", () => {
    const text = read("github-actions.yml");
    const workflow = z
      .object({ on: bag, permissions: z.record(z.string(), z.string()), jobs: z.record(z.string(), bag) })
      .parse(parse(text));
    expect(Object.keys(workflow.on)).toEqual(["pull_request", "push", "schedule"]);
    expect(workflow.permissions).toEqual({ contents: "read" });
    expect(tokensOf(workflow.jobs, /secrets\.(\w+)/g)).toEqual({
      fork: [],
      "pull-request": ["PULUMI_OBSERVE_TOKEN"],
      drift: ["PULUMI_OBSERVE_TOKEN"],
      apply: ["PULUMI_APPLY_TOKEN"],
    });
    expect(environmentsOf(workflow.jobs)).toEqual([undefined, "backup-observe", "backup-observe", "backup-apply"]);
    const [fork, pullRequest, drift, apply] = Object.values(workflow.jobs).map((job) => job.if);
    expect(fork).toContain("head.repo.full_name != github.repository");
    expect(pullRequest).toContain("head.repo.full_name == github.repository");
    expect(drift).toBe("github.event_name == 'schedule'");
    expect(apply).toBe("github.event_name == 'push' && github.ref == 'refs/heads/main'");
    expectOnlyApplyChanges(workflow.jobs);
    expect(text.match(/uses: actions\/checkout/g)).toHaveLength(text.match(/persist-credentials: false/g)?.length ?? 0);
  });

  it("Azure Pipelines: credentials", () => {
    const { stages } = z.object({ stages: z.array(bag) }).parse(parse(read("azure-pipelines.yml")));
    const byName = Object.fromEntries(stages.map((stage) => [z.string().parse(stage.stage), stage]));
    expect(tokensOf(byName, /"group":"([\w-]+)"/g)).toEqual({
      fork: [],
      pull_request: ["backup-observe"],
      drift: ["backup-observe"],
      apply: ["backup-apply"],
    });
    expect(tokensOf(byName, /\$\((pulumi\w+)\)/g)).toEqual({
      fork: [],
      pull_request: ["pulumiObserveToken"],
      drift: ["pulumiObserveToken"],
      apply: ["pulumiApplyToken"],
    });
    expect(byName.apply?.condition).toContain("eq(variables['Build.SourceBranch'], 'refs/heads/main')");
    expect(byName.apply?.condition).not.toContain("PullRequest");
    expect(byName.pull_request?.condition).toContain("ne(variables['isFork'], true)");
    expectOnlyApplyChanges(byName);
  });

  it("GitLab: credentials", () => {
    const pipeline = z.record(z.string(), z.unknown()).parse(parse(read("gitlab-ci.yml")));
    const jobs = Object.fromEntries(
      Object.entries(pipeline).flatMap(([name, job]) => {
        const parsed = bag.safeParse(job);
        return parsed.success && "script" in parsed.data ? [[name, parsed.data]] : [];
      }),
    );
    expect(tokensOf(jobs, /\$(PULUMI_\w+_TOKEN)/g)).toEqual({
      fork: [],
      "merge-request": ["PULUMI_OBSERVE_TOKEN"],
      drift: ["PULUMI_OBSERVE_TOKEN"],
      apply: ["PULUMI_APPLY_TOKEN"],
    });
    const rules = (name: string) => JSON.stringify(jobs[name]?.rules);
    expect(rules("fork")).toContain("$CI_MERGE_REQUEST_SOURCE_PROJECT_ID != $CI_MERGE_REQUEST_PROJECT_ID");
    expect(rules("merge-request")).toContain("$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_MERGE_REQUEST_PROJECT_ID");
    expect(rules("apply")).toContain("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH");
    expect(rules("apply")).toContain('$CI_COMMIT_REF_PROTECTED == \\"true\\"');
    expect(jobs.fork?.allow_failure).toEqual({ exit_codes: [5] });
    expectOnlyApplyChanges(jobs);
  });
});

type Jobs = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

function tokensOf(jobs: Jobs, pattern: RegExp): Record<string, readonly string[]> {
  const find = (job: unknown) => [...JSON.stringify(job).matchAll(pattern)].map(([, name = ""]) => name);
  return Object.fromEntries(Object.entries(jobs).map(([name, job]) => [name, [...new Set(find(job))]]));
}

function environmentsOf(jobs: Jobs): readonly unknown[] {
  return Object.values(jobs).map(({ environment }) => environment);
}

function expectOnlyApplyChanges(jobs: Jobs): void {
  for (const [name, job] of Object.entries(jobs)) {
    const text = JSON.stringify(job);
    expect(text.includes("pulumi up")).toBe(name === "apply");
    expect(text.includes("backup-posture gate")).toBe(name !== "apply");
    expect(text.includes("posture:observe state")).toBe(name === "fork");
  }
}
