/**
 * Loaded before anything else into a process that is to be killed: `KILL_AT=<n>` ends it by SIGKILL just before its n-th
 * step, a step being a call that changes the file system. `STEP_LOG=<file>` lists the steps instead.
 */
const fs = require("node:fs");
const promises = require("node:fs/promises");

const killAt = Number(process.env.KILL_AT ?? Number.NaN);
const log = process.env.STEP_LOG;
const { appendFileSync } = fs;
let step = 0;
const lines = [];

function take(name, subject) {
  step += 1;
  if (log !== undefined) {
    const { length } = lines;
    lines.push(`${name} ${String(subject)}`);
    if (length === 0) process.once("exit", () => appendFileSync(log, `${lines.join("\n")}\n`));
  }
  if (step === killAt) process.kill(process.pid, "SIGKILL");
}

const names = new Map();
const stepNames = new Map([
  ["fsync", "sync"],
  ["fsyncSync", "sync"],
  ["renameSync", "rename"],
]);

const originalOpenSync = fs.openSync;
fs.openSync = function namedOpen(path, ...rest) {
  const file = originalOpenSync.call(this, path, ...rest);
  names.set(file, path);
  return file;
};

const originalOpen = fs.open;
fs.open = function namedOpen(path, ...rest) {
  const done = rest.pop();
  return originalOpen.call(this, path, ...rest, (error, file) => {
    if (error === null) names.set(file, path);
    done(error, file);
  });
};

function watch(module, name) {
  const original = module[name];
  const stepName = stepNames.get(name) ?? name;
  module[name] = function watched(subject, ...rest) {
    const what = typeof subject === "number" ? names.get(subject) : subject;
    if (what !== undefined) take(stepName, stepName === "rename" ? rest[0] : what);
    return original.call(this, subject, ...rest);
  };
}

for (const name of [
  "writeSync",
  "writeFileSync",
  "fsync",
  "fsyncSync",
  "renameSync",
  "unlinkSync",
  "ftruncateSync",
  "mkdirSync",
  "symlinkSync",
  "linkSync",
  "futimesSync",
  "rmSync",
])
  watch(fs, name);
for (const name of ["rename", "unlink", "rm", "mkdir", "link"]) watch(promises, name);

const { open } = promises;
promises.open = async function watchedOpen(path, flags, ...rest) {
  if (flags !== undefined && flags !== "r") take("open", path);
  const file = await open.call(this, path, flags, ...rest);
  for (const name of ["sync", "writeFile", "write"]) {
    const original = file[name];
    file[name] = function watched(...input) {
      take(name, path);
      return original.apply(this, input);
    };
  }
  return file;
};
