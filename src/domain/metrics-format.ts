/** In what metrics are told: `text` is Prometheus' own format, version 0.0.4; `openmetrics` is OpenMetrics 1.0.0. */
export type MetricsFormat = "text" | "openmetrics";
