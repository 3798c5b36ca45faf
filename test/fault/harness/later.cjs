/** Loaded before anything else into a process for which it is an hour later: nothing in a tree was changed just now. */
const { now } = Date;
Date.now = () => now() + 3_600_000;
