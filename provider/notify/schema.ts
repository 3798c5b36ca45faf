import { z } from "zod";
import { absolutePath, duration, isWithin, secretReference, sentence, wholeNumber } from "../declaration/primitives";

const occasion = z.enum(["failure", "recovery", "staleness"], 'must be "failure", "recovery" or "staleness"');

const isWorthTelling = (on: readonly string[]) => on.length === 0 || on.some((each) => each !== "recovery");

const told = {
  /** `failure`: something is wrong beside its age. `staleness`: a backup, a copy or evidence is too old. `recovery`: nothing is wrong any more. Default: all. */
  on: z
    .array(occasion, "must be an array of occasions")
    .min(1, "must name at least one occasion")
    .refine(isWorthTelling, "must name failure or staleness: a recovery is told only of what was told before")
    .optional(),
  /** How often it is said again while it lasts. At least ten minutes. Default: never. */
  remind: duration.refine(isWithin("10m", "3660d"), "must be from 10m to 3660d").optional(),
};

const timeout = {
  /** How long one attempt may take; at most one minute. Default: `10s`. */
  timeout: duration.refine(isWithin("1s", "1m"), "must be from 1s to 1m").optional(),
};

const address = z
  .string("must be an e-mail address")
  .regex(/^[^\s<>()[\],;:"@\u0000-\u001f]+@[A-Za-z0-9.-]+$/, "must be an e-mail address such as backup@example.com")
  .max(254, "must be at most 254 characters");

const webhook = z.strictObject({
  kind: z.literal("webhook"),
  ...told,
  ...timeout,
  /** Where its URL is to be found: whoever knows that of a chat's webhook may write there. */
  url: secretReference,
  /** The shape of the body: our own JSON, or what a chat takes. Default: `json`. */
  format: z
    .enum(["json", "slack", "mattermost", "teams"], 'must be "json", "slack", "mattermost" or "teams"')
    .optional(),
  /** Sent as `Authorization: Bearer …`. Default: none. */
  token: secretReference.optional(),
});

const email = z
  .strictObject({
    kind: z.literal("email"),
    ...told,
    ...timeout,
    /** Name of the SMTP server. */
    server: z
      .string("must be the name of a server")
      .regex(/^[A-Za-z0-9]([A-Za-z0-9.:-]{0,252}[A-Za-z0-9])?$/, "must be the name or address of a server"),
    /** Default: 587, with `tls` 465. */
    port: wholeNumber(1, 65_535).optional(),
    /** `starttls`: encrypted or not at all. `tls`: encrypted from the first byte. `none`: in clear, and without a password. Default: `starttls`. */
    security: z.enum(["starttls", "tls", "none"], 'must be "starttls", "tls" or "none"').optional(),
    /** A file with certificates of authorities to trust beside the known ones, in PEM. */
    authorities: absolutePath.optional(),
    user: sentence.optional(),
    password: secretReference.optional(),
    from: address,
    to: z.array(address, "must be an array of e-mail addresses").min(1, "must name at least one address"),
  })
  .superRefine(({ user, password, security }, context) => {
    const add = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
    if (user !== undefined && password === undefined) add("password", "is missing");
    if (user === undefined && password !== undefined) add("user", "is missing");
    if (security === "none" && password !== undefined)
      add("security", "must be starttls or tls where there is a user: a password does not travel in clear");
  });

const ping = z.strictObject({
  kind: z.literal("ping"),
  ...timeout,
  /** Where the URL of the check is to be found; it is asked for after each success. With `/start` and `/fail` at its end it tells of the others. */
  url: secretReference,
  /** Default: success and failure. */
  on: z
    .array(
      z.enum(["start", "success", "failure"], 'must be "start", "success" or "failure"'),
      "must be an array of occasions",
    )
    .min(1, "must name at least one occasion")
    .optional(),
});

/** Somebody, or something, that is told how a schedule or a restore target is, apart by `kind`. */
export const notifierSchema = z.discriminatedUnion(
  "kind",
  [webhook, email, ping],
  'must be an object whose kind is "webhook", "email" or "ping"',
);

/** See {@link notifierSchema}. */
export type Notifier = z.infer<typeof notifierSchema>;
export type Webhook = z.infer<typeof webhook>;
export type Email = z.infer<typeof email>;
export type Ping = z.infer<typeof ping>;
export type Occasion = z.infer<typeof occasion>;
