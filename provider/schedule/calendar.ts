/** When things are due. Pure: time is an argument, nothing looks at a clock. */
export { findCronFault, parseCron } from "./cron-expression";
export { dueTimes, latestDue, nextDue, toMinutes } from "./due-times";
export { evenStretches, isTimeZone } from "./time-zone";
export { defaultRpoMilliseconds, type WorstCase, worstCase } from "./worst-case";
