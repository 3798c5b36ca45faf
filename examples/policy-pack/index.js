// pulumi preview --policy-pack examples/policy-pack
const { BackupPosturePack } = require("pulumi-backup-posture/policy-pack");

new BackupPosturePack("backups", {
  // Switches on what the framework asks for; the controls below change its figures, or add to it.
  framework: "cis-v8",
  controls: {
    frequency: { level: "mandatory", atMost: "1d" },
    "retention-floor": { level: "mandatory", atLeast: "35d" },
    "restore-in-time": "advisory",
  },
  // What a declaration cannot show of the places that hold recovery points.
  places: {
    "/backup": { encrypted: true, isolated: true, deletionGuarded: true },
  },
  process: { document: "https://wiki.example.com/backup", reviewedOn: "2026-09-01" },
  waivers: [
    {
      control: "restore-tested",
      resource: "scratch",
      reason: "is built anew every night",
      owner: "storage team",
      expires: "2027-03-31",
    },
  ],
});
