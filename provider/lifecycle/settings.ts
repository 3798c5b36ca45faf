import { defaultHome } from "../runner/home";

/** Whether reality may be looked at: `state` is for pull requests without credentials. */
type ObserveMode = "live" | "state";

/** What the stack's configuration, or a `BackupPostureProvider`, says to every resource. */
export interface Settings {
  /** Absolute path of the posture home of resources that name none. */
  readonly home: string;
  readonly observe: ObserveMode;
}

/** The part of the SDK's dynamic-provider configuration that is used here. */
interface ConfigurationSource {
  get(key: string): string | undefined;
}

/**
 * Reads `posture:home` and `posture:observe`.
 *
 * @throws Error when `posture:observe` is neither `live` nor `state`.
 */
export function readSettings(configuration: ConfigurationSource): Settings {
  const observe = configuration.get("posture:observe") ?? "live";
  if (observe !== "live" && observe !== "state") throw new Error('posture:observe must be "live" or "state"');
  return { home: configuration.get("posture:home") ?? defaultHome(), observe };
}

/** What holds where nothing is configured. */
export function defaultSettings(): Settings {
  return { home: defaultHome(), observe: "live" };
}
