/**
 * The engine's Node.js language host: the engine starts it, reads its port from standard output, and asks it over gRPC to
 * run programs and policy packs. An installed Pulumi CLI brings its own; the engine that set-up builds uses this one.
 *
 * It lives in a per-user cache beside the engine, without dependencies of its own: it takes @pulumi/pulumi and gRPC
 * from the program it is started for, as the dynamic provider does, so it never points into a checkout that is gone.
 * It knows no packages to install: programs whose providers are not written in Node.js need the official CLI.
 */
const { spawn } = require("node:child_process");
const { createRequire } = require("node:module");
const { join } = require("node:path");

/** The exit code of a program that has already told its user what is wrong. */
const exitedAfterMessage = 32;

const fromProgram = createRequire(join(process.cwd(), "program.js"));
const fromPulumi = createRequire(fromProgram.resolve("@pulumi/pulumi"));
const grpc = fromPulumi("@grpc/grpc-js");
const { Empty } = fromPulumi("google-protobuf/google/protobuf/empty_pb");
const services = fromPulumi("@pulumi/pulumi/proto/language_grpc_pb");
const messages = fromPulumi("@pulumi/pulumi/proto/language_pb");
const { PluginInfo } = fromPulumi("@pulumi/pulumi/proto/plugin_pb");

const running = new Set();
let engineAddress = process.argv.slice(2).findLast((argument) => !argument.startsWith("-")) ?? "";

listen({
  handshake: answer((request) => {
    engineAddress = request.getEngineAddress() || engineAddress;
    return new messages.LanguageHandshakeResponse();
  }),
  getPluginInfo: answer(() => new PluginInfo().setVersion("1.0.0")),
  getRequiredPlugins: answer(() => new messages.GetRequiredPluginsResponse()),
  getRequiredPackages: answer(() => new messages.GetRequiredPackagesResponse()),
  getProgramDependencies: answer(() => new messages.GetProgramDependenciesResponse()),
  about: answer(() => new messages.AboutResponse().setExecutable(process.execPath).setVersion(process.versions.node)),
  run: answer(runProgram),
  runPlugin,
  cancel: answer(() => {
    for (const child of running) child.kill("SIGINT");
    return new Empty();
  }),
});

/** Serves until the engine ends this process, and says on which port. */
function listen(handlers) {
  const unlimited = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };
  const server = new grpc.Server(unlimited);
  server.addService(services.LanguageRuntimeService, handlers);
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    process.stdout.write(`${port}\n`);
  });
}

/** A gRPC handler from a function of the request. */
function answer(handle) {
  return async (call, respond) => {
    try {
      respond(null, await handle(call.request));
    } catch (error) {
      respond({ code: grpc.status.UNKNOWN, details: describe(error) });
    }
  };
}

/** Runs the user's program to its end; an error is told to the user unless the program has done so itself. */
async function runProgram(request) {
  const info = request.getInfo();
  const child = start(
    info.getProgramDirectory(),
    "run",
    [
      ...flag("monitor", request.getMonitorAddress()),
      ...flag("engine", engineAddress),
      ...flag("organization", request.getOrganization()),
      ...flag("project", request.getProject()),
      ...flag("root-directory", info.getRootDirectory()),
      ...flag("stack", request.getStack()),
      ...flag("pwd", request.getPwd()),
      ...(request.getDryrun() ? ["--dry-run"] : []),
      ...flag("query-mode", String(request.getQuerymode())),
      ...flag("parallel", String(request.getParallel())),
      info.getEntryPoint(),
      ...request.getArgsList(),
    ],
    {
      ...process.env,
      PULUMI_CONFIG: JSON.stringify(Object.fromEntries(request.getConfigMap().toArray())),
      PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
      PULUMI_NODEJS_TYPESCRIPT: String(info.getOptions()?.toJavaScript().typescript !== false),
    },
    ["ignore", "inherit", "inherit"],
  );
  const end = await ended(child);
  const response = new messages.RunResponse();
  if (end === exitedAfterMessage) response.setBail(true);
  else if (end !== 0) response.setError(`Program exited with ${typeof end === "string" ? end : `exit code ${end}`}`);
  return response;
}

/** Runs a policy pack, or a provider in TypeScript, until it or the engine ends; streams what it writes. */
async function runPlugin(call) {
  try {
    const child = startPlugin(call.request);
    call.on("cancelled", () => child.kill("SIGTERM"));
    child.stdout.on("data", (chunk) => call.write(new messages.RunPluginResponse().setStdout(chunk)));
    child.stderr.on("data", (chunk) => call.write(new messages.RunPluginResponse().setStderr(chunk)));
    const end = await ended(child);
    call.write(new messages.RunPluginResponse().setExitcode(typeof end === "number" ? end : 1));
  } catch (error) {
    call.write(new messages.RunPluginResponse().setStderr(Buffer.from(`${describe(error)}\n`)));
    call.write(new messages.RunPluginResponse().setExitcode(1));
  }
  call.end();
}

function startPlugin(request) {
  const directory = request.getInfo().getProgramDirectory();
  const environment = Object.fromEntries(
    request.getEnvList().map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]),
  );
  const [engine, ...rest] = request.getArgsList();
  return request.getKind() === "analyzer"
    ? start(directory, "run-policy-pack", [...flag("pwd", directory), engine, directory, ...rest], environment)
    : start(directory, "run-plugin", [directory, engine, ...rest], environment);
}

/** Starts one of @pulumi/pulumi's commands, as the folder of a program or policy pack resolves it. */
function start(directory, command, commandArguments, environment, stdio = ["ignore", "pipe", "pipe"]) {
  const script = createRequire(join(directory, "program.js")).resolve(`@pulumi/pulumi/cmd/${command}`);
  const preload = ["--require", join(__dirname, "plain-errors.cjs")];
  const child = spawn(process.execPath, [...preload, script, ...commandArguments], { env: environment, stdio });
  running.add(child);
  child.once("close", () => running.delete(child));
  return child;
}

/** Its exit code, or what else ended it, in words. */
function ended(child) {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (code, signal) => resolve(code ?? `signal ${signal}`));
  });
}

function flag(name, value) {
  return value === "" ? [] : [`--${name}`, value];
}

function describe(error) {
  return error instanceof Error ? error.message : String(error);
}
