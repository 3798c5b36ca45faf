import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { source as axe } from "axe-core";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import type { Report } from "../../provider/report/describe-report";
import { toHtml } from "../../provider/report/html/document";
import { chromium, startBrowser } from "../fixtures/browser";
import { drawFleet, drawOffice } from "../fixtures/report";

/** `npm run docs:report` keeps the pictures that this test takes anyway. */
const pictures = process.env.REPORT_PICTURES;
const mostMilliseconds = 3_000;

let folder: string;
let browser: Browser;
const said: string[] = [];

(chromium === undefined ? describe.skip : describe)("the page in a real browser", () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "posture-page-"));
    browser = await startBrowser();
  });
  afterAll(async () => {
    await browser.close();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    said.length = 0;
  });

  it.each(["light", "dark"] as const)(
    "has no violation that axe finds, in %s, and says nothing on the console",
    async (colorScheme) => {
      const page = await open(await office(), { colorScheme });
      await page.getByRole("button", { name: "Expand all" }).click();
      expect(await violations(page)).toEqual([]);
      expect(said).toEqual([]);
      await page.context().close();
    },
  );

  it("fits a narrow screen", async () => {
    const page = await open(await office(), { viewport: { width: 390, height: 844 } });
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
    expect(await violations(page)).toEqual([]);
    await picture(page, "narrow");
    await page.context().close();
  });

  it("searches, filters and folds by keyboard alone", async () => {
    const page = await open(await office());
    const rows = page.locator("table.runs tbody tr:visible");
    await page.keyboard.press("/");
    await page.keyboard.type("pool01");
    expect(await rows.allInnerTexts()).toEqual([expect.stringContaining("lync-user-data")]);
    expect(await page.locator("#found").innerText()).toBe("1 of 10 shown");
    await page.keyboard.press("Escape");
    expect(await rows.count()).toBe(7);
    await page.keyboard.press("Tab");
    await page.keyboard.type("Needs");
    expect(await rows.count()).toBe(2);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(
      await page
        .locator("details.fold:visible")
        .evaluateAll((folds) => folds.every((fold) => fold.hasAttribute("open"))),
    ).toBe(true);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(await page.locator("details[open]:visible").count()).toBe(0);
    await page.locator("table.runs a").first().focus();
    await page.keyboard.press("Enter");
    // The browser follows a link within the page when it gets to it.
    await page.locator("details.fold[open]").first().waitFor();
    expect(await page.locator("details.fold[open]").count()).toBe(1);
    await page.context().close();
  });

  it("shows everything without JavaScript, and folds open still", async () => {
    const page = await open(await office(), { javaScriptEnabled: false });
    expect(await page.locator("#tools").isVisible()).toBe(false);
    for (const text of ["Needs attention", "drill failed: 3 files", "file-share /srv/shares/archive", "restore-tested"])
      expect(await page.getByText(text).first().isVisible()).toBe(true);
    const fold = page.locator("details.fold", { hasText: "lync-settings" });
    await fold.locator("summary").click();
    expect(await fold.getByText("RPO 1d 1h").isVisible()).toBe(true);
    await page.context().close();
  });

  it("shows hostile names as text", async () => {
    const hostile = `<script>globalThis.ran = true</script><img src=x onerror="globalThis.ran = true">"'&amp;\u202e\u0007`;
    const report = await drawOffice();
    const page = await open(rename(report, hostile));
    const name = await page.locator("table.runs tbody th a").first().innerText();
    expect(name).toBe(hostile.replace("\u202e", "\\u{202e}").replace("\u0007", "\\x07"));
    expect(await page.evaluate("globalThis.ran")).toBeUndefined();
    expect(await page.locator("img, iframe, main script").count()).toBe(0);
    expect(said).toEqual([]);
    await page.context().close();
  });

  it("runs no script and takes no style that is put into it", async () => {
    const html = (await toHtml(await office())).replace(
      "</main>",
      `<script>globalThis.ran = true</script><p id="victim" style="color: rgb(1, 2, 3)" onclick="globalThis.ran = true">x</p></main>`,
    );
    const page = await openHtml(html);
    await page.locator("#victim").click();
    expect(await page.evaluate("globalThis.ran")).toBeUndefined();
    expect(await page.evaluate("getComputedStyle(document.getElementById('victim')).color")).not.toBe("rgb(1, 2, 3)");
    expect(said.join("\n")).toMatch(/Content Security Policy/);
    await page.context().close();
  });

  it("asks the network for nothing", async () => {
    const asked: string[] = [];
    const context = await browser.newContext();
    const page = await context.newPage();
    page.on("request", (request) => asked.push(request.url()));
    await page.goto(await write(await toHtml(await office())));
    expect(asked).toHaveLength(1);
    await context.close();
  });

  it("prints", async () => {
    const page = await open(await office());
    await page.emulateMedia({ media: "print" });
    expect(await page.locator(".bar").isVisible()).toBe(false);
    expect((await page.pdf({ format: "A4" })).subarray(0, 5).toString()).toBe("%PDF-");
    await page.setViewportSize({ width: 794, height: 1123 });
    await picture(page, "print");
    await page.context().close();
  });

  it("renders 2,000 schedules with a year of runs in less than 3 s of the browser's own time, and filters them", async () => {
    const page = await open(await drawFleet(2_000), {}, true);
    const { processed, painted } = await measure(page);
    process.stderr.write(
      `2,000 schedules: ${Math.round(processed)} ms of processor time, ${Math.round(painted)} ms by the clock\n`,
    );
    expect(processed).toBeLessThan(mostMilliseconds);
    expect(await page.locator("table.runs tbody tr").count()).toBe(2_000);
    await page.locator("#search").fill("files-1999");
    expect(await page.locator("#found").innerText()).toBe("1 of 2000 shown");
    expect(said).toEqual([]);
    await page.context().close();
  });

  it("looks well in light and dark", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      const page = await open(await office(), { colorScheme, viewport: { width: 1200, height: 1500 } });
      await picture(page, colorScheme);
      await page.locator("#runs").evaluate((section) => section.scrollIntoView());
      await picture(page, `${colorScheme}-schedules`);
      await page.context().close();
    }
  });
});

function office(): Promise<Report> {
  return drawOffice();
}

/** The same report with another name for all its schedules. */
function rename(report: Report, name: string): Report {
  const homes = report.homes.map((home) => ({ ...home, items: home.items.map((item) => ({ ...item, name })) }));
  return {
    ...report,
    homes,
    attention: report.attention.map((each) => ({ ...each, name, sentence: name, remedy: name })),
  };
}

async function open(report: Report, options: BrowserContextOptions = {}, measured = false): Promise<Page> {
  return openHtml(await toHtml(report), options, measured);
}

async function openHtml(html: string, options: BrowserContextOptions = {}, measured = false): Promise<Page> {
  const context = await browser.newContext({ reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.on("console", (message) => said.push(message.text()));
  page.on("pageerror", (error) => said.push(error.message));
  if (measured) {
    const session = await context.newCDPSession(page);
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    sessions.set(page, session);
  }
  await page.goto(await write(html));
  return page;
}

const sessions = new WeakMap<Page, Awaited<ReturnType<ReturnType<Page["context"]>["newCDPSession"]>>>();

/** What loading took: processor time of the page's main thread, which other work on the machine does not lengthen, and the clock's. */
async function measure(page: Page): Promise<{ readonly processed: number; readonly painted: number }> {
  await page.evaluate("new Promise((painted) => requestAnimationFrame(() => setTimeout(painted)))");
  const metrics = (await sessions.get(page)!.send("Performance.getMetrics")).metrics;
  const processed = (metrics.find(({ name }) => name === "TaskDuration")?.value ?? Number.NaN) * 1_000;
  const painted = await page.evaluate("performance.now()");
  return { processed, painted: Number(painted) };
}

async function write(html: string): Promise<string> {
  const path = join(folder, `${Math.random().toString(36).slice(2)}.html`);
  await writeFile(path, html);
  return pathToFileURL(path).href;
}

async function violations(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe);
  return page.evaluate(
    "axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target} ${failureSummary}`)))",
  );
}

async function picture(page: Page, name: string): Promise<void> {
  const taken = await page.screenshot();
  expect(taken.length).toBeLessThan(300_000);
  if (pictures === undefined) return;
  await mkdir(resolve(pictures), { recursive: true });
  await writeFile(resolve(pictures, `report-${name}.png`), taken);
}
