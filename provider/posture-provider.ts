import * as pulumi from "@pulumi/pulumi";

/** Settings for the resources that a provider is given to, in place of the stack's configuration. */
export interface BackupPostureProviderArgs {
  /** Absolute path of the posture home; configuration key `posture:home`. Default: the platform's. */
  readonly home?: pulumi.Input<string>;
  /** `state`: touch no host and only report what the state knows; configuration key `posture:observe`. Default: `live`. */
  readonly observe?: pulumi.Input<"live" | "state">;
}

/**
 * A provider with settings of its own, for resources that are given it as `provider`, or components as `providers`.
 *
 * @example
 * const branch = new BackupPostureProvider("branch-office", { home: "/srv/branch/posture" });
 * new BackupSchedule("files", { … }, { provider: branch });
 */
export class BackupPostureProvider extends pulumi.ProviderResource {
  constructor(name: string, args: BackupPostureProviderArgs, options?: pulumi.ResourceOptions) {
    const settings = { "posture:home": args.home, "posture:observe": args.observe };
    super("pulumi-nodejs", name, settings, options);
  }
}
