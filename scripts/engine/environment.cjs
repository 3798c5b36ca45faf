const { delimiter, dirname, join } = require("node:path");
const { pathToFileURL } = require("node:url");

/**
 * The environment in which scripts and tests run the Pulumi engine: its home, login, state and passphrase lie in
 * `<root>/.posture`, so that the user's own Pulumi home, login and stacks are never read and never changed.
 *
 * The passphrase is no secret: these local stacks hold none (see SECURITY.md).
 *
 * @param {string} root The folder whose `.posture` holds the state: the checkout, or a test's own folder.
 * @param {string} engineFolder The folder of the `pulumi` executable, as `ensureEngine` returns it.
 * @param {Readonly<Record<string, string | undefined>>} [inherited] What to start from; default: this process's environment.
 * @returns {Record<string, string>}
 */
function engineEnvironment(root, engineFolder, inherited = process.env) {
  /** @type {Record<string, string>} */
  const environment = {};
  for (const [name, value] of Object.entries(inherited))
    if (value !== undefined && !name.startsWith("PULUMI_")) environment[name] = value;
  return {
    ...environment,
    PATH: [engineFolder, dirname(process.execPath), environment.PATH ?? ""].join(delimiter),
    PULUMI_HOME: join(root, ".posture", "pulumi-home"),
    PULUMI_BACKEND_URL: pathToFileURL(join(root, ".posture", "state")).href,
    PULUMI_CONFIG_PASSPHRASE: "backup-posture",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    // Programs in here are type-checked by `npm run check`, and not again, for seconds, at each preview.
    PULUMI_NODEJS_TRANSPILE_ONLY: "true",
    DO_NOT_TRACK: "1",
  };
}

module.exports = { engineEnvironment };
