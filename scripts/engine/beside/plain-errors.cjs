// Loaded before every program: errors are shown without colours. In Node.js releases up to mid-2026 util.inspect with
// colours runs for a minute, and to the end of memory, on stack traces that hold `node_modules/@scope/file.ts`
// (nodejs/node#64011), and @pulumi/pulumi shows a failing program's error in just that way.
const util = require("node:util");

const { inspect } = util;

util.inspect = Object.assign(
  (value, ...options) => (value instanceof Error ? inspect(value, { colors: false }) : inspect(value, ...options)),
  inspect,
);
