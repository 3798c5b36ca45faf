export { type Command, displayArguments, displayCommand, toArgumentArray } from "./commands/command";
export * from "./commands/databases";
export * from "./commands/exports";
export * from "./commands/file-stores";
export * from "./commands/imports";
export * from "./commands/queries";
