import { toMarkdown } from "../../../provider/report/markdown";
import { drawOffice } from "../../fixtures/report";

const hostile = "`a` | b <script>alert(1)</script> ![x](http://x) # _y_ \u202e\n| --- |\n<!-- c -->";

describe("a report as Markdown", () => {
  it("keeps hostile names as text in their cells", async () => {
    const { fromMarkdown } = await import("mdast-util-from-markdown");
    const { gfmTable } = await import("micromark-extension-gfm-table");
    const { gfmTableFromMarkdown } = await import("mdast-util-gfm-table");
    const drawn = await drawOffice();
    const homes = drawn.homes.map((home) => ({
      ...home,
      host: hostile,
      items: home.items.map((item) => ({ ...item, name: hostile, health: hostile })),
    }));
    const written = await toMarkdown({ ...drawn, homes, summary: hostile });
    const tree = fromMarkdown(written, { extensions: [gfmTable()], mdastExtensions: [gfmTableFromMarkdown()] });
    const kinds = new Set(JSON.stringify(tree).match(/"type":"(\w+)"/g));
    expect([...kinds].sort()).toEqual(
      ["heading", "paragraph", "root", "table", "tableCell", "tableRow", "text"].map((kind) => `"type":"${kind}"`),
    );
    expect(written).not.toContain("\u202e");
  });

  it("has the sections of the page in their order", async () => {
    const written = await toMarkdown(await drawOffice());
    expect(written.match(/^#+ .*$/gm)).toEqual([
      "# ❌ Backup posture: 3 of 10 promises are not kept",
      "## Open drift",
      "## Coverage",
      "## Schedules",
      "## Restore drills",
      "## Controls",
      "## Frameworks",
    ]);
  });
});
