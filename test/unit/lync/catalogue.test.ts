import {
  backupItem,
  type Citation,
  catalogue,
  outsideRequirement,
  permission,
  products,
  restorationStep,
  type SectionId,
  transientDatum,
} from "../../../provider/lync/catalogue";
import { readRequirementPages } from "./requirement-pages";

const pages = readRequirementPages();
const groups = {
  backupItems: catalogue.backupItems,
  transientData: catalogue.transientData,
  outsideRequirements: catalogue.outsideRequirements,
  contactStoreScenarios: catalogue.contactStoreScenarios,
  restorationSteps: catalogue.restorationSteps,
  permissions: catalogue.permissions,
};
const requirements = Object.values(groups).flat();
const citations: readonly Citation[] = requirements.flatMap((entry) => entry.citations);

describe("the pages, as they stand", () => {
  it.each<[SectionId, number, number]>([
    ["tools/backing-up", 7, 3],
    ["tools/restoring", 13, 9],
    ["tools/permissions", 4, 0],
    ["data/settings", 3, 0],
    ["data/not-required", 5, 0],
    ["data/databases", 4, 0],
    ["data/file-stores", 1, 0],
    ["data/additional", 7, 7],
  ])("%s has %i rows and %i entries of lists within them", (section, rows, items) => {
    const found = pages.get(section) ?? [];
    expect(found).toHaveLength(rows);
    expect(found.flatMap((row) => row.items)).toHaveLength(items);
  });
});

describe.each([...pages])("%s", (section, rows) => {
  it.each(rows.map((row, index) => [index + 1, row] as const))("row %i maps to the catalogue", (number, row) => {
    const here = citations.filter((citation) => citation.section === section && citation.row === number);
    expect(here).not.toHaveLength(0);
    row.items.forEach((_, index) => {
      expect(here.map((citation) => citation.item)).toContain(index + 1);
    });
  });
});

describe("the catalogue", () => {
  it("quotes the pages word for word, where it says it does", () => {
    for (const citation of [...citations, ...catalogue.corrections.flatMap((correction) => correction.citations)]) {
      const row = pages.get(citation.section)?.[citation.row - 1];
      const text = citation.item === undefined ? row?.text : row?.items[citation.item - 1];
      expect(text).toContain(citation.quote);
    }
  });

  it("cites a page for everything but what it marks as coming from elsewhere", () => {
    const uncited = requirements.filter((entry) => entry.citations.length === 0);
    expect(uncited.map((entry) => entry.id)).toEqual([
      "application-audio",
      "CsResponseGroupAdministrator",
      "domain-administrator",
      "sql-backup-operator",
      "file-store-reader",
      "file-store-writer",
    ]);
    for (const entry of uncited) expect("basis" in entry && entry.basis).not.toBe("page");
  });

  it("names every database file of the pages, the two typing errors apart", () => {
    const onPages = new Set(
      [...pages.values()]
        .flat()
        .flatMap((row) => row.text.match(/\w+\.mdf/gi) ?? [])
        .map((name) => name.toLowerCase()),
    );
    const known = new Set(
      [...catalogue.backupItems, ...catalogue.transientData]
        .flatMap((entry) => entry.databases)
        .map((name) => name.toLowerCase()),
    );
    expect([...onPages].filter((name) => !known.has(name)).sort()).toEqual(["mgd.mdf", "mgs.mdf"]);
    expect([...known].filter((name) => !onPages.has(name))).toEqual([]);
  });

  it("names every cmdlet of the two tables of tools", () => {
    const named = new Set(
      [
        ...catalogue.backupItems.flatMap((item) => [...item.backupTools, ...item.restoreTools]),
        ...catalogue.restorationSteps.flatMap((step) => step.tools),
      ].flatMap((tool) => (tool.kind === "cmdlet" ? [tool.cmdlet] : [])),
    );
    const onPages = new Set(
      ["tools/backing-up", "tools/restoring"].flatMap((section) =>
        (pages.get(section as SectionId) ?? []).flatMap((row) => row.text.match(/\b[A-Z][a-z]+-Cs\w+/g) ?? []),
      ),
    );
    expect([...named].sort()).toEqual([...onPages].sort());
  });

  it("has unique ids, known products, and a restoration step for everything that is backed up", () => {
    for (const group of Object.values(groups)) expect(new Set(group.map((entry) => entry.id)).size).toBe(group.length);
    const brought = catalogue.restorationSteps.flatMap((step) => step.brings);
    for (const item of catalogue.backupItems) {
      expect(brought).toContain(item.id);
      for (const product of item.products) expect(products).toContain(product);
    }
    expect(brought).toHaveLength(catalogue.backupItems.length);
  });

  it("says of the compliance database, and of nothing else, that not backing it up has a condition", () => {
    expect(catalogue.transientData.filter((entry) => entry.condition !== null).map((entry) => entry.id)).toEqual([
      "persistent-chat-compliance",
    ]);
  });

  it("asks for the same time of Active Directory only", () => {
    expect(catalogue.outsideRequirements.filter((entry) => entry.sameTime).map((entry) => entry.id)).toEqual([
      "active-directory",
    ]);
  });

  it("is frozen throughout", () => {
    expect(() => Object.assign(backupItem("topology").when, { regular: "daily" })).toThrow(TypeError);
    expect(Object.isFrozen(catalogue.backupItems)).toBe(true);
  });

  it("finds entries by their ids", () => {
    expect(backupItem("user-data").databases).toEqual(["Rtcxds.mdf"]);
    expect(transientDatum("address-book").databases).toEqual(["Rtcab.mdf", "Rtcab1.mdf"]);
    expect(outsideRequirement("exchange").need).toBe("conditional");
    expect(restorationStep("import-user-data").notes[0]).toContain("stopped");
    expect(permission("domain-administrator").basis).toBe("documentation");
  });
});
