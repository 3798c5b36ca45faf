import type * as pulumi from "@pulumi/pulumi";

/** A declaration as a program writes it: every value, at every depth, may be an output of another resource. */
export type DeepInput<T> = pulumi.Input<T> | InputWithin<T>;

/** Of a union each kind for itself; an output of the whole union is an input as well. */
type InputWithin<T> = T extends object ? pulumi.Input<{ [K in keyof T]: DeepInput<T[K]> }> : never;

/** The arguments of a resource: its declaration, with inputs in place of values. */
export type ArgsOf<T> = { [K in keyof T]: DeepInput<T[K]> };
