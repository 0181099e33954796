//! Metrics, spans and events over OTLP (HTTP, protobuf), for an OpenTelemetry
//! collector.
//!
//! ```no_run
//! use iggyctl_messaging::observe::opentelemetry::OpenTelemetry;
//! use tracing_subscriber::layer::SubscriberExt as _;
//! use tracing_subscriber::util::SubscriberInitExt as _;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let telemetry = OpenTelemetry::to("http://localhost:4318", "orders")?;
//! telemetry.install_recorder()?;
//! tracing_subscriber::registry().with(telemetry.layer()).init();
//! // … work …
//! telemetry.shutdown();
//! # Ok(())
//! # }
//! ```

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, MeterProvider as _};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{
    ExporterBuildError, LogExporter, MetricExporter, SpanExporter, WithExportConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

use super::describe_metrics;

/// The name of the instrumentation, and the beginning of the targets of its events.
const SCOPE: &str = "iggyctl_messaging";

/// Sends what can be seen of messages to a collector, in the background.
#[derive(Debug, Clone)]
pub struct OpenTelemetry {
    traces: SdkTracerProvider,
    logs: SdkLoggerProvider,
    metrics: SdkMeterProvider,
}

/// Why nothing can be sent to a collector.
#[derive(Debug, thiserror::Error)]
pub enum OpenTelemetryError {
    /// The address cannot be used.
    #[error("telemetry cannot be sent: {0}")]
    Exporter(#[from] ExporterBuildError),
    /// Somebody else collects the metrics of this process.
    #[error("there is another recorder of metrics in this process")]
    RecorderTaken,
}

impl OpenTelemetry {
    /// To a collector that takes OTLP over HTTP at this address, such as
    /// `http://localhost:4318`, in the name of a service.
    ///
    /// # Errors
    /// An address that cannot be used. Whether anybody is there shows later, in the
    /// log.
    pub fn to(collector: &str, service: &str) -> Result<Self, OpenTelemetryError> {
        let collector = collector.trim_end_matches('/');
        let resource = Resource::builder()
            .with_service_name(service.to_owned())
            .build();
        let spans = SpanExporter::builder()
            .with_http()
            .with_endpoint(format!("{collector}/v1/traces"))
            .build()?;
        let records = LogExporter::builder()
            .with_http()
            .with_endpoint(format!("{collector}/v1/logs"))
            .build()?;
        let figures = MetricExporter::builder()
            .with_http()
            .with_endpoint(format!("{collector}/v1/metrics"))
            .build()?;
        Ok(Self {
            traces: SdkTracerProvider::builder()
                .with_batch_exporter(spans)
                .with_resource(resource.clone())
                .build(),
            logs: SdkLoggerProvider::builder()
                .with_batch_exporter(records)
                .with_resource(resource.clone())
                .build(),
            metrics: SdkMeterProvider::builder()
                .with_periodic_exporter(figures)
                .with_resource(resource)
                .build(),
        })
    }

    /// For a `tracing` subscriber: spans of this crate as traces, its events as logs.
    /// Those of others are left out; the exporter's own would never end.
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + 'static
    where
        S: tracing::Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        let traces = tracing_opentelemetry::layer().with_tracer(self.traces.tracer(SCOPE));
        let logs = OpenTelemetryTracingBridge::new(&self.logs);
        traces
            .and_then(logs)
            .with_filter(filter_fn(|metadata| metadata.target().starts_with(SCOPE)))
    }

    /// Collects the metrics of this process from now on.
    ///
    /// # Errors
    /// When somebody else does already.
    pub fn install_recorder(&self) -> Result<(), OpenTelemetryError> {
        let recorder = MetricsBridge {
            meter: self.metrics.meter(SCOPE),
            described: Mutex::default(),
            handles: Mutex::default(),
        };
        metrics::set_global_recorder(recorder).map_err(|_| OpenTelemetryError::RecorderTaken)?;
        describe_metrics();
        Ok(())
    }

    /// Sends what is left. Blocks, for some seconds when nobody is there; to be called
    /// outside of asynchronous code, or in `spawn_blocking`.
    pub fn shutdown(&self) {
        for (what, ended) in [
            ("traces", self.traces.shutdown()),
            ("logs", self.logs.shutdown()),
            ("metrics", self.metrics.shutdown()),
        ] {
            if let Err(error) = ended {
                tracing::warn!(what, %error, "the last telemetry was not sent");
            }
        }
    }
}

/// From the `metrics` facade to instruments of OpenTelemetry.
struct MetricsBridge {
    meter: Meter,
    described: Mutex<BTreeMap<String, (Option<Unit>, String)>>,
    /// Asked for with each use, so they are kept.
    handles: Mutex<Handles>,
}

#[derive(Default)]
struct Handles {
    counters: BTreeMap<Key, Counter>,
    gauges: BTreeMap<Key, Gauge>,
    histograms: BTreeMap<Key, Histogram>,
}

impl MetricsBridge {
    fn describe(&self, name: &KeyName, unit: Option<Unit>, description: &SharedString) {
        let mut described = self
            .described
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        described.insert(name.as_str().to_owned(), (unit, description.to_string()));
    }

    /// The unit as OpenTelemetry writes it (UCUM), and the description.
    fn about(&self, key: &Key) -> (String, String) {
        let described = self
            .described
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (unit, description) = described.get(key.name()).cloned().unwrap_or_default();
        let unit = unit.map(|unit| unit.as_canonical_label().to_owned());
        (unit.unwrap_or_default(), description)
    }
}

fn attributes(key: &Key) -> Vec<KeyValue> {
    key.labels()
        .map(|label| KeyValue::new(label.key().to_owned(), label.value().to_owned()))
        .collect()
}

impl Recorder for MetricsBridge {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe(&name, unit, &description);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe(&name, unit, &description);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe(&name, unit, &description);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let (unit, description) = self.about(key);
            let instrument = self
                .meter
                .u64_counter(key.name().to_owned())
                .with_unit(unit)
                .with_description(description)
                .build();
            Counter::from_arc(Arc::new(BridgedCounter {
                instrument,
                attributes: attributes(key),
                total: AtomicU64::new(0),
            }))
        };
        let entry = handles.counters.entry(key.clone());
        entry.or_insert_with(make).clone()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let (unit, description) = self.about(key);
            let instrument = self
                .meter
                .f64_gauge(key.name().to_owned())
                .with_unit(unit)
                .with_description(description)
                .build();
            Gauge::from_arc(Arc::new(BridgedGauge {
                instrument,
                attributes: attributes(key),
                value: Mutex::new(0.0),
            }))
        };
        handles
            .gauges
            .entry(key.clone())
            .or_insert_with(make)
            .clone()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let (unit, description) = self.about(key);
            let instrument = self
                .meter
                .f64_histogram(key.name().to_owned())
                .with_unit(unit)
                .with_description(description)
                .with_boundaries(super::LATENCY_BUCKETS.to_vec())
                .build();
            Histogram::from_arc(Arc::new(BridgedHistogram {
                instrument,
                attributes: attributes(key),
            }))
        };
        let entry = handles.histograms.entry(key.clone());
        entry.or_insert_with(make).clone()
    }
}

struct BridgedCounter {
    instrument: opentelemetry::metrics::Counter<u64>,
    attributes: Vec<KeyValue>,
    total: AtomicU64,
}

impl metrics::CounterFn for BridgedCounter {
    fn increment(&self, value: u64) {
        self.total.fetch_add(value, Ordering::Relaxed);
        self.instrument.add(value, &self.attributes);
    }

    fn absolute(&self, value: u64) {
        let before = self.total.fetch_max(value, Ordering::Relaxed);
        self.instrument
            .add(value.saturating_sub(before), &self.attributes);
    }
}

struct BridgedGauge {
    instrument: opentelemetry::metrics::Gauge<f64>,
    attributes: Vec<KeyValue>,
    value: Mutex<f64>,
}

impl BridgedGauge {
    fn change(&self, to: impl FnOnce(f64) -> f64) {
        let mut value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        *value = to(*value);
        self.instrument.record(*value, &self.attributes);
    }
}

impl metrics::GaugeFn for BridgedGauge {
    fn increment(&self, value: f64) {
        self.change(|before| before + value);
    }

    fn decrement(&self, value: f64) {
        self.change(|before| before - value);
    }

    fn set(&self, value: f64) {
        self.change(|_| value);
    }
}

struct BridgedHistogram {
    instrument: opentelemetry::metrics::Histogram<f64>,
    attributes: Vec<KeyValue>,
}

impl metrics::HistogramFn for BridgedHistogram {
    fn record(&self, value: f64) {
        self.instrument.record(value, &self.attributes);
    }
}
