import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo, createServer as createSocketServer } from "node:net";
import { join, resolve } from "node:path";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { type Attempt, notifyOfHealth } from "../../provider/notify/notify";
import { isJobLocked } from "../../provider/runner/job-lock";
import { type JournalRecord, readJournal } from "../../provider/runner/journal";
import { runSchedule } from "../../provider/runner/run";
import { openScheduler } from "../../provider/schedule/schedulers";
import type { ScheduleDeclaration } from "../../provider/schedule/schema";
import { type Ground, makeGround } from "../fixtures/posture";

type Notifiers = NonNullable<ScheduleDeclaration["notify"]>;

const binary = resolve(__dirname, "../../provider/bin/backup-posture.js");
const { signal } = new AbortController();
/** Must be found nowhere but with the receivers. */
const marked = "MARKED-5d1e";

let ground: Ground;
const closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  ground = await makeGround();
  await ground.readyStore();
  at("19T12:00");
});
afterEach(async () => {
  delete process.env.BACKUP_POSTURE_NOW;
  delete process.env.MARKED_PASSWORD;
  for (const close of closing.splice(0)) await close();
  await ground.remove();
});

function at(time: string): void {
  process.env.BACKUP_POSTURE_NOW = `2026-11-${time}:00Z`;
}

/** A hook fails while this file is there. */
const broken = () => join(ground.root, "broken");

async function declare(notify: Notifiers): Promise<void> {
  const job = await ground.addSchedule("shares", {
    rpo: "2h",
    notify,
    hooks: { quiesce: { at: "before", command: ["test", "!", "-e", broken()] } },
  });
  const { id, owner, incarnation, declaration } = job;
  const entry = { id, verb: "run", when: declaration.when, owner, incarnation, pausedUntil: null } as const;
  await openScheduler({ kind: "embedded" }, ground.home).install(entry, signal);
}

const run = async () => (await runSchedule(ground.home, "shares", { signal })).outcome;
const look = () => notifyOfHealth(ground.home, { signal });
const toldOf = (attempts: readonly Attempt[]) => attempts.map(({ notifier, what, fault }) => [notifier, what, fault]);
const notified = async (id = "shares") =>
  (await readJournal(ground.home, id)).filter(({ event }) => event === "notified");

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
  readonly journal: readonly JournalRecord[];
  readonly locked: boolean;
}

interface Receiver {
  readonly asked: Asked[];
  status: number;
  /** A file that holds a URL of it. */
  urlOf(path: string): Promise<{ file: string }>;
}

/** A real HTTP server, which notes what the journal told when it was asked. */
async function receive(): Promise<Receiver> {
  const receiver: Receiver = {
    asked: [],
    status: 200,
    urlOf: async (path) => {
      const file = join(ground.root, `url-${encodeURIComponent(path)}`);
      await writeFile(file, `http://127.0.0.1:${portOf(server)}/${marked}${path}\n`);
      return { file };
    },
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      void (async () => {
        receiver.asked.push({
          method: request.method ?? "",
          url: (request.url ?? "").replace(`/${marked}`, ""),
          headers: request.headers,
          body: Buffer.concat(chunks).toString(),
          journal: await readJournal(ground.home, "shares"),
          locked: await isJobLocked(ground.home, "shares"),
        });
        response.writeHead(receiver.status).end(marked);
      })();
    });
  });
  await listen(server);
  return receiver;
}

async function listen(server: Server): Promise<void> {
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  closing.push(
    () =>
      new Promise((closed) => {
        server.closeAllConnections();
        server.close(closed);
      }),
  );
}

function portOf(server: { address(): unknown }): number {
  return (server.address() as AddressInfo).port;
}

interface Mailbox {
  readonly letters: { readonly user: string; readonly secure: boolean; readonly to: string[]; readonly text: string }[];
  readonly port: number;
}

/** A real SMTP server that takes one user. */
async function openMailbox(options: SMTPServerOptions = {}): Promise<Mailbox> {
  const letters: Mailbox["letters"] = [];
  const server = new SMTPServer({
    key: await readFile(join(ground.root, "key.pem")),
    cert: await readFile(join(ground.root, "cert.pem")),
    authOptional: true,
    onAuth: ({ username, password }, _session, done) =>
      username === "posture" && password === marked
        ? done(null, { user: "posture" })
        : done(new Error(`no such user, ${marked}`)),
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const to = session.envelope.rcptTo.map(({ address }) => address);
        letters.push({
          user: typeof session.user === "string" ? session.user : "",
          secure: session.secure,
          to,
          text: Buffer.concat(chunks).toString(),
        });
        done();
      });
    },
    ...options,
  });
  server.on("error", () => undefined); // a client that does not trust the certificate hangs up
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  closing.push(() => new Promise<void>((closed) => server.close(() => closed())));
  return { letters, port: portOf(server.server) };
}

async function makeCertificate(): Promise<void> {
  const { execa } = await import("execa");
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const files = ["-keyout", join(ground.root, "key.pem"), "-out", join(ground.root, "cert.pem")];
  await execa("openssl", [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-days",
    "2",
    ...subject,
    ...files,
  ]);
}

function mail(port: number, more: Partial<Extract<Notifiers[string], { kind: "email" }>> = {}): Notifiers[string] {
  return {
    kind: "email",
    server: "127.0.0.1",
    port,
    authorities: join(ground.root, "cert.pem"),
    user: "posture",
    password: { env: "MARKED_PASSWORD" },
    from: "backup@example.com",
    to: ["ops@example.com", "boss@example.com"],
    ...more,
  };
}

describe("receivers", () => {
  it("get a failure once, a recovery once and staleness once, by e-mail and by webhook, and no secret stands anywhere", async () => {
    await makeCertificate();
    process.env.MARKED_PASSWORD = marked;
    const receiver = await receive();
    const { letters, port } = await openMailbox();
    await writeFile(join(ground.root, "token"), marked);
    await declare({
      people: mail(port),
      machine: { kind: "webhook", url: await receiver.urlOf("/hook"), token: { file: join(ground.root, "token") } },
    });
    expect(await run()).toBe("succeeded");
    expect(await look()).toEqual([]);
    await writeFile(broken(), "");
    for (const time of ["19T12:30", "19T12:31"]) {
      at(time);
      expect(await run()).toBe("failed");
      await look();
    }
    await rm(broken());
    at("19T12:40");
    expect(await run()).toBe("succeeded");
    await look();
    expect(await look()).toEqual([]);
    at("19T16:00");
    await look();
    expect(await look()).toEqual([]);

    const events = receiver.asked.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
    expect(events.map(({ event, health }) => [event, health])).toEqual([
      ["failure", "failing: hook quiesce ended with exit code 1, since 2026-11-19T12:30:00Z"],
      ["recovery", "healthy"],
      ["staleness", "stale: last success 2026-11-19T12:40:00Z, rpo 2h"],
    ]);
    expect(events[0]).toMatchObject({
      version: 1,
      schedule: "shares",
      owner: "urn:test",
      at: "2026-11-19T12:30:00Z",
      faults: [{ kind: "failing", remedy: "mend what the message says, then: backup-posture run shares" }],
    });
    expect(receiver.asked[0]).toMatchObject({
      method: "POST",
      url: "/hook",
      headers: { authorization: `Bearer ${marked}` },
    });
    expect(letters.map(({ text }) => /^Subject: (.*(?:\r\n[ \t].*)*)/m.exec(text)?.[1]?.replace(/\r\n/g, ""))).toEqual([
      expect.stringMatching(/^Backup shares on .*: failing: hook quiesce/),
      expect.stringMatching(/: well again$/),
      expect.stringMatching(/: stale: last success/),
    ]);
    for (const letter of letters)
      expect(letter).toMatchObject({
        user: "posture",
        secure: true,
        to: ["boss@example.com", "ops@example.com"].reverse(),
      });
    expect(await notified()).toHaveLength(6);
    await rm(join(ground.root, "token"));
    for (const name of await readdir(ground.root)) if (name.startsWith("url-")) await rm(join(ground.root, name));
    expect(await findFilesWith(marked)).toEqual([]);
  });

  it("that are chats get what they take", async () => {
    const receiver = await receive();
    const url = await receiver.urlOf("/chat");
    const formats = ["slack", "mattermost", "teams"] as const;
    await declare(Object.fromEntries(formats.map((format) => [format, { kind: "webhook", url, format } as const])));
    await writeFile(broken(), "");
    await run();
    await look();
    const bodies = receiver.asked.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
    const of = (key: string, wanted: unknown) =>
      bodies.find((body) => body[key] !== undefined && (wanted === undefined || body[key] === wanted));
    const slack = bodies.find((body) => Object.keys(body).join() === "text");
    expect(slack?.text).toMatch(/^Backup shares on .*: failing: hook quiesce[\s\S]*what to do: mend what/);
    expect(of("username", "backup-posture")?.text).toMatch(/^Backup shares on/);
    expect(of("type", "message")).toMatchObject({
      attachments: [
        {
          contentType: "application/vnd.microsoft.card.adaptive",
          content: { type: "AdaptiveCard", body: [{ type: "TextBlock", weight: "Bolder" }, { wrap: true }, {}, {}] },
        },
      ],
    });
  });

  it("that refuse are told again at each look, and the journal says so once", async () => {
    const receiver = await receive();
    receiver.status = 500;
    await declare({ machine: { kind: "webhook", url: await receiver.urlOf("/hook") } });
    await writeFile(broken(), "");
    await run();
    for (let looks = 0; looks < 3; looks += 1)
      expect(toldOf(await look())).toEqual([["machine", "failure", "webhook machine: it answered with status 500"]]);
    receiver.status = 204;
    expect(toldOf(await look())).toEqual([["machine", "failure", null]]);
    expect(await look()).toEqual([]);
    expect(await notified()).toMatchObject([{ outcome: "failed" }, { outcome: "succeeded", message: "" }]);
  });

  it("of e-mail that cannot be trusted get nothing in clear, and what is wrong is told without what the server says", async () => {
    await makeCertificate();
    process.env.MARKED_PASSWORD = "wrong";
    const { letters, port } = await openMailbox();
    const plain = await openMailbox({ hideSTARTTLS: true, disabledCommands: ["STARTTLS"] });
    const closed = await freePort();
    const { authorities, ...untrusting } = mail(port) as Extract<Notifiers[string], { kind: "email" }>;
    expect(authorities).toBeDefined();
    await declare({
      "a-password": mail(port),
      "b-untrusted": untrusting,
      "c-clear": mail(plain.port),
      "d-closed": mail(closed),
    });
    await writeFile(broken(), "");
    await run();
    expect(toldOf(await look()).map(([name, , fault]) => [name, fault])).toEqual([
      ["a-password", "email a-password: the server does not accept the user or the password"],
      [
        "b-untrusted",
        expect.stringMatching(/^email b-untrusted: (the server does not encrypt, or|it could not be sent)/),
      ],
      ["c-clear", "email c-clear: the server does not encrypt, or its certificate is not trusted"],
      ["d-closed", expect.stringMatching(/^email d-closed: it could not be sent/)],
    ]);
    expect([letters, plain.letters]).toEqual([[], []]);
    expect(JSON.stringify(await notified())).not.toContain(marked);
  });

  it("whose URL is missing or none are named without it", async () => {
    await writeFile(join(ground.root, "none"), `ftp://${marked}/`);
    await declare({
      absent: { kind: "webhook", url: { file: join(ground.root, "absent") } },
      none: { kind: "webhook", url: { file: join(ground.root, "none") } },
    });
    await writeFile(broken(), "");
    await run();
    expect(toldOf(await look())).toEqual([
      ["absent", "failure", expect.stringContaining("webhook absent, url: the file")],
      ["none", "failure", "webhook none: its URL is none that begins with https:// or http://"],
    ]);
  });
});

describe("the command line", () => {
  async function call(...commandLine: readonly string[]): Promise<{ code: number; text: string }> {
    const { execa } = await import("execa");
    const env = { BACKUP_POSTURE_HOME: ground.home.root };
    const { exitCode, all } = await execa(process.execPath, [binary, ...commandLine], {
      env,
      reject: false,
      all: true,
    });
    return { code: exitCode ?? -1, text: all };
  }

  it("tells after a run has ended, and its lock is free; checks hear of start, success and failure", async () => {
    const receiver = await receive();
    const url = await receiver.urlOf("/check?key=1");
    await declare({
      machine: { kind: "webhook", url: await receiver.urlOf("/hook") },
      check: { kind: "ping", url, on: ["start", "success", "failure"] },
      usual: { kind: "ping", url: await receiver.urlOf("/usual/") },
    });
    expect(await call("run", "shares")).toMatchObject({ code: 0 });
    expect(receiver.asked.map(({ url: asked }) => asked).sort()).toEqual([
      "/check/start?key=1",
      "/check?key=1",
      "/usual/",
    ]);
    receiver.asked.length = 0;
    await writeFile(broken(), "");
    expect(await call("run", "shares")).toMatchObject({ code: 1 });
    expect(receiver.asked.map(({ url: asked }) => asked).sort()).toEqual([
      "/check/fail?key=1",
      "/check/start?key=1",
      "/hook",
      "/usual/fail",
    ]);
    for (const { url: asked, journal, locked } of receiver.asked.filter(({ url: each }) => !each.includes("start"))) {
      expect([asked, locked, journal.filter(({ event }) => event === "ended").length]).toEqual([asked, false, 2]);
    }
  });

  it("tells after a drill how that went, and looks at restore targets as well", async () => {
    const receiver = await receive();
    await ground.addSchedule("shares", { rpo: "30d" });
    await mkdir(ground.place);
    const job = await ground.addTarget({
      drill: { every: "7d", checks: { whole: { kind: "command", command: ["test", "!", "-e", broken()] } } },
      notify: {
        machine: { kind: "webhook", url: await receiver.urlOf("/hook") },
        check: { kind: "ping", url: await receiver.urlOf("/check"), on: ["start", "success", "failure"] },
      },
    });
    const entry = { ...job, verb: "drill", when: { every: "7d" }, pausedUntil: null } as const;
    await openScheduler({ kind: "embedded" }, ground.home).install(entry, signal);
    const asked = () =>
      receiver.asked.splice(0).map(({ url, body }) => [url, body === "" ? null : (JSON.parse(body) as unknown)]);
    expect(await run()).toBe("succeeded");
    expect(await call("drill", "target")).toMatchObject({ code: 0 });
    expect(asked().sort()).toEqual([
      ["/check", null],
      ["/check/start", null],
    ]);

    await writeFile(broken(), "");
    at("19T12:30");
    expect(await call("drill", "target")).toMatchObject({ code: 1 });
    const sentence = "drill failed: 1 check";
    expect(asked().sort()).toEqual([
      ["/check/fail", null],
      ["/check/start", null],
      ["/hook", expect.objectContaining({ event: "failure", restoreTarget: "target", health: sentence })],
    ]);
    expect(await call("notify")).toMatchObject({ code: 0, text: "nothing to tell" });

    await rm(broken());
    at("19T12:40");
    expect(await call("drill", "target")).toMatchObject({ code: 0 });
    expect(asked()).toContainEqual([
      "/hook",
      expect.objectContaining({ event: "recovery", restoreTarget: "target", health: "healthy", faults: [] }),
    ]);
    at("28T12:40");
    expect(await call("notify", "target")).toMatchObject({ code: 0, text: "target: machine was told of staleness" });
    expect(asked()).toEqual([
      [
        "/hook",
        expect.objectContaining({
          event: "staleness",
          health: "evidence expired: drilled 2026-11-19T12:40:00Z, every 7d",
        }),
      ],
    ]);
    expect((await notified("target")).map((record) => record.event === "notified" && record.what)).toEqual([
      "failure",
      "recovery",
      "staleness",
    ]);
  });

  it("is delayed by nobody who does not answer for longer than the time limit, and fails for none", async () => {
    const silent = createSocketServer();
    await new Promise<void>((ready) => silent.listen(0, "127.0.0.1", ready));
    const sockets = new Set<{ destroy(): void }>();
    silent.on("connection", (socket) => {
      sockets.add(socket);
      socket.on("error", () => undefined);
    });
    closing.push(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => silent.close(closed));
    });
    const port = portOf(silent);
    await writeFile(join(ground.root, "url"), `http://127.0.0.1:${port}/`);
    const url = { file: join(ground.root, "url") };
    await ground.addSchedule("shares", {
      rpo: "2h",
      copies: { lost: { store: { kind: "directory", path: join(ground.root, "lost") } } },
      notify: {
        check: { kind: "ping", url, on: ["start", "success", "failure"], timeout: "1s" },
        machine: { kind: "webhook", url, timeout: "1s" },
        people: {
          kind: "email",
          server: "127.0.0.1",
          port,
          security: "none",
          from: "a@example.com",
          to: ["b@example.com"],
          timeout: "1s",
        },
      },
    });
    expect(await call("run", "shares")).toMatchObject({ code: 3 });
    const records = await readJournal(ground.home, "shares");
    expect(records.find(({ event }) => event === "ended")).toMatchObject({ outcome: "succeeded", message: "" });
    const ended = records.findIndex(({ event }) => event === "ended");
    const attempts = records.flatMap((record, index) =>
      record.event === "notified" && record.what !== "start" ? [index] : [],
    );
    expect(attempts.length).toBeGreaterThan(0);
    expect(Math.min(...attempts)).toBeGreaterThan(ended);
    for (const record of await notified())
      expect(record).toMatchObject({
        outcome: "failed",
        message: expect.stringMatching(/in time|could not be sent/) as string,
      });
  });

  it("looks by itself for those who start it now and then", async () => {
    const receiver = await receive();
    await declare({ machine: { kind: "webhook", url: await receiver.urlOf("/hook") } });
    await run();
    expect(await call("notify")).toMatchObject({ code: 0, text: "nothing to tell" });
    at("20T18:00");
    expect(await call("notify", "shares")).toMatchObject({ code: 0, text: "shares: machine was told of staleness" });
    expect(await call("notify")).toMatchObject({ code: 0, text: "nothing to tell" });
    receiver.status = 404;
    await run();
    expect(await call("notify")).toMatchObject({
      code: 1,
      text: expect.stringContaining(
        "could not be told of recovery: webhook machine: it answered with status 404",
      ) as string,
    });
  });
});

async function freePort(): Promise<number> {
  const server = createSocketServer();
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const port = portOf(server);
  await new Promise((closed) => server.close(closed));
  return port;
}

async function findFilesWith(text: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const entry of await readdir(ground.root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && (await readFile(path)).includes(text)) found.push(path);
  }
  return found;
}
