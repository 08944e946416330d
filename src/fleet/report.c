#include "fleet/report.h"

#include <inttypes.h>
#include <string.h>

#include "tools/text.h"

static const struct {
    const char *name;
    double share;
} percentiles[] = {{"p50", 0.5}, {"p95", 0.95}, {"p99", 0.99}};
#define PERCENTILES (sizeof percentiles / sizeof percentiles[0])

static double rate(const struct report_look *before, const struct report_look *now, enum counter which)
{
    const double seconds = (double)(now->at_us - before->at_us) / 1e6;
    return seconds > 0 ? (double)(now->value[which] - before->value[which]) / seconds : 0;
}

static double ms(uint64_t us)
{
    return (double)us / 1000;
}

/* --- while it runs --- */

void report_progress(FILE *out, double second, const struct report_look *before, const struct report_look *now)
{
    struct histogram_view latency;
    histogram_between(&before->latency, &now->latency, &latency);
    fprintf(out,
            "%5.0f s  connected %" PRIu64 "  READY %" PRIu64 "  sent %.0f/s  acknowledged %.0f/s  errors %" PRIu64
            "  reconnects %" PRIu64,
            second, now->value[COUNT_CONNECTED], now->value[COUNT_READY], rate(before, now, COUNT_SENT),
            rate(before, now, COUNT_ACKED), now->value[COUNT_ERRORS], now->value[COUNT_RECONNECTS]);
    for (size_t i = 0; i < PERCENTILES && latency.total > 0; i++)
        fprintf(out, "  %s %.1f", percentiles[i].name, ms(histogram_percentile(&latency, percentiles[i].share)));
    if (latency.total > 0)
        fprintf(out, "  max %.1f ms", ms(latency.most_us));
}

void report_csv_head(FILE *out)
{
    fputs("second,started,connected,ready,failed,sent_per_s,acknowledged_per_s,skipped,dropped,errors,reconnects,"
          "commands,properties,p50_ms,p95_ms,p99_ms,max_ms\n",
          out);
}

void report_csv(FILE *out, double second, const struct report_look *before, const struct report_look *now)
{
    struct histogram_view latency;
    const uint64_t *v = now->value;
    histogram_between(&before->latency, &now->latency, &latency);
    fprintf(out, "%.3f,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%.1f,%.1f", second, v[COUNT_STARTED],
            v[COUNT_CONNECTED], v[COUNT_READY], v[COUNT_FAILED], rate(before, now, COUNT_SENT),
            rate(before, now, COUNT_ACKED));
    fprintf(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64, v[COUNT_SKIPPED],
            v[COUNT_DROPPED], v[COUNT_ERRORS], v[COUNT_RECONNECTS], v[COUNT_COMMANDS], v[COUNT_PROPERTIES]);
    for (size_t i = 0; i < PERCENTILES; i++)
        fprintf(out, ",%.3f", ms(histogram_percentile(&latency, percentiles[i].share)));
    fprintf(out, ",%.3f\n", ms(latency.most_us));
}

/* --- at the end --- */

static double total_rate(const struct report_totals *t, enum counter which)
{
    return t->send_seconds > 0 ? (double)t->look.value[which] / t->send_seconds : 0;
}

static void list_troubles(FILE *out, struct troubles *troubles)
{
    struct trouble kind;
    for (size_t i = 0; (kind = troubles_at(troubles, i)).count > 0; i++)
        fprintf(out, "  %8" PRIu64 " x %s (first: %s)\n", kind.count, kind.text, kind.device);
    if (troubles->others > 0)
        fprintf(out, "  %8" PRIu64 " x others\n", troubles->others);
}

void report_summary(FILE *out, const struct report_totals *t, struct troubles *troubles)
{
    const uint64_t *v = t->look.value;
    const struct histogram_view *latency = &t->look.latency;
    fprintf(out, "%u devices of %s at %s, %.1f s\n", (unsigned)t->devices, t->model, t->target, t->seconds);
    fprintf(out,
            "  devices     READY at the end %" PRIu64 ", READY at some time %" PRIu64 ", given up %" PRIu64
            ", reconnects %" PRIu64 "\n",
            v[COUNT_READY], v[COUNT_REACHED], v[COUNT_FAILED], v[COUNT_RECONNECTS]);
    fprintf(out,
            "  messages    sent %" PRIu64 " (%.1f/s), acknowledged %" PRIu64 " (%.1f/s), without answer %" PRIu64
            ", dropped %" PRIu64 ", left out %" PRIu64 "\n",
            v[COUNT_SENT], total_rate(t, COUNT_SENT), v[COUNT_ACKED], total_rate(t, COUNT_ACKED), t->undelivered,
            v[COUNT_DROPPED], v[COUNT_SKIPPED]);
    if (latency->total > 0)
        fprintf(out, "  until PUBACK p50 %.1f ms, p95 %.1f ms, p99 %.1f ms, max %.1f ms\n",
                ms(histogram_percentile(latency, 0.5)), ms(histogram_percentile(latency, 0.95)),
                ms(histogram_percentile(latency, 0.99)), ms(latency->most_us));
    fprintf(out,
            "  and         reports %" PRIu64 ", properties set %" PRIu64 ", commands %" PRIu64
            ", cloud-to-device messages %" PRIu64 "\n",
            v[COUNT_REPORTS], v[COUNT_PROPERTIES], v[COUNT_COMMANDS], v[COUNT_CLOUD]);
    fprintf(out, "  this process %.1f CPU s, at most %.1f MB\n", t->cpu_s, (double)t->most_rss_bytes / 1e6);
    fprintf(out, "  errors      %" PRIu64 "\n", v[COUNT_ERRORS]);
    list_troubles(out, troubles);
}

static void add_count(struct text *text, const char *name, uint64_t value)
{
    text_addf(text, "  \"%s\": %" PRIu64 ",\n", name, value);
}

static void add_latency(struct text *text, const struct histogram_view *latency)
{
    text_adds(text, "  \"latencyMs\": {");
    for (size_t i = 0; i < PERCENTILES; i++)
        text_addf(text, "\"%s\": %.3f, ", percentiles[i].name,
                  ms(histogram_percentile(latency, percentiles[i].share)));
    text_addf(text, "\"max\": %.3f},\n", ms(latency->most_us));
}

static void add_troubles(struct text *text, struct troubles *troubles)
{
    struct trouble kind;
    text_adds(text, "  \"troubles\": [");
    for (size_t i = 0; (kind = troubles_at(troubles, i)).count > 0; i++) {
        text_addf(text, "%s\n    {\"count\": %" PRIu64 ", \"text\": ", i > 0 ? "," : "", kind.count);
        text_add_json(text, spoke_str_of(kind.text));
        text_adds(text, ", \"firstDevice\": ");
        text_add_json(text, spoke_str_of(kind.device));
        text_adds(text, "}");
    }
    text_adds(text, "]\n");
}

void report_json(FILE *out, const struct report_totals *t, struct troubles *troubles)
{
    static const struct {
        const char *name;
        enum counter which;
    } names[] = {{"readyAtEnd", COUNT_READY},
                 {"ready", COUNT_REACHED},
                 {"failed", COUNT_FAILED},
                 {"reconnects", COUNT_RECONNECTS},
                 {"errors", COUNT_ERRORS},
                 {"sent", COUNT_SENT},
                 {"acknowledged", COUNT_ACKED},
                 {"dropped", COUNT_DROPPED},
                 {"leftOut", COUNT_SKIPPED},
                 {"reports", COUNT_REPORTS},
                 {"propertiesSet", COUNT_PROPERTIES},
                 {"commands", COUNT_COMMANDS},
                 {"cloudToDevice", COUNT_CLOUD}};
    struct text text = {0};
    text_adds(&text, "{\n  \"model\": ");
    text_add_json(&text, spoke_str_of(t->model));
    text_adds(&text, ",\n  \"target\": ");
    text_add_json(&text, spoke_str_of(t->target));
    text_addf(&text, ",\n  \"well\": %s,\n", t->well ? "true" : "false");
    add_count(&text, "devices", t->devices);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        add_count(&text, names[i].name, t->look.value[names[i].which]);
    add_count(&text, "withoutAnswer", t->undelivered);
    text_addf(&text, "  \"seconds\": %.3f,\n  \"sentPerSecond\": %.1f,\n", t->seconds, total_rate(t, COUNT_SENT));
    text_addf(&text, "  \"acknowledgedPerSecond\": %.1f,\n", total_rate(t, COUNT_ACKED));
    text_addf(&text, "  \"cpuSeconds\": %.3f,\n", t->cpu_s);
    add_count(&text, "maxRssBytes", t->most_rss_bytes);
    add_latency(&text, &t->look.latency);
    add_troubles(&text, troubles);
    text_adds(&text, "}\n");
    if (!text.failed)
        fwrite(text.ptr, 1, text.len, out);
    text_free(&text);
}
