import type { OpenMetricsContentType, PrometheusContentType } from "prom-client";
import type { HomeReport } from "../model";
import { families } from "./families";

/** How metrics are written: as Prometheus has always read them, or as OpenMetrics. */
export type ExpositionFormat = "prometheus" | "openmetrics";

/** An exposition with the type that HTTP tells of it. */
export interface Exposition {
  readonly contentType: string;
  readonly text: string;
}

/** Writes what one look at a home tells as metrics. Labels are escaped by the writer. */
export async function writeMetrics(home: HomeReport, format: ExpositionFormat): Promise<Exposition> {
  const { Gauge, Registry } = await import("prom-client"); // most commands do without
  const registry = new Registry<PrometheusContentType | OpenMetricsContentType>();
  registry.setContentType(
    format === "openmetrics" ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE,
  );
  for (const { name, help, labelNames, sample } of families) {
    const gauge = new Gauge({ name, help, labelNames: [...labelNames], registers: [registry] });
    for (const { labels, value } of sample(home)) gauge.set({ ...labels }, value);
  }
  return { contentType: registry.contentType, text: await registry.metrics() };
}
