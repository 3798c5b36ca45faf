// What the suites need of the machine, beyond Node and the engine: the one list, by Debian package.
import { findOnPath } from "./path.mjs";
import { run } from "./processes.mjs";

/** Package, and a command that shows that it is there. */
const systemPackages = [
  { name: "rsync", command: "rsync" },
  { name: "attr", command: "getfattr" },
  { name: "acl", command: "getfacl" },
  { name: "openssl", command: "openssl" },
  { name: "systemd", command: "systemd-analyze" },
  { name: "cron", command: "crontab" },
  { name: "restic", command: "restic" },
  { name: "rclone", command: "rclone" },
  { name: "openssh-client", command: "ssh" },
  { name: "openssh-server", command: "sshd" },
  { name: "sshfs", command: "sshfs" },
  { name: "samba", command: "smbd" },
  { name: "smbclient", command: "smbclient" },
  { name: "chromium", command: "chromium" },
  { name: "prometheus", command: "promtool" },
];

/**
 * Installs missing ones by apt-get in CI and for root; elsewhere says how to. Tests that need one that is missing are
 * skipped, except in CI, where it is a failure.
 *
 * @param {(line: string) => void} say
 * @returns {Promise<readonly string[]>} The names of those that are still missing.
 */
export async function ensureSystemPackages(say) {
  const missing = findMissing();
  if (missing.length === 0) return [];
  const isRoot = process.getuid?.() === 0;
  const command = `apt-get install ${missing.join(" ")}`;
  if (findOnPath("apt-get") === undefined || (!isRoot && process.env.CI !== "true")) {
    say(`Tests that need ${missing.join(", ")} are skipped. To run them, on Debian or Ubuntu: sudo ${command}`);
    return missing;
  }
  say(`Installing what tests need: ${command}`);
  const asRoot = isRoot ? [] : ["sudo", "-n"];
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const step of [["update"], ["install", "--yes", "--no-install-recommends", ...missing]]) {
    const [file, ...rest] = [...asRoot, "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=600", ...step];
    await run([file ?? "", ...rest], { env: environment, stdio: ["ignore", "ignore", "inherit"] });
  }
  return findMissing();
}

function findMissing() {
  return systemPackages.filter(({ command }) => findOnPath(command) === undefined).map(({ name }) => name);
}
