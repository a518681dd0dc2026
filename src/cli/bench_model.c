/* `inferd bench model`: requests in this process, as `inferd run` answers them: from the JSON body
 * to the JSON reply, without HTTP. One row for each batch size and length. */
#include "base/clock.h"
#include "base/json.h"
#include "base/own.h"
#include "base/profile.h"
#include "cli/bench.h"
#include "cli/dtype.h"
#include "cli/paths.h"
#include "kernels/bench.h"
#include "kernels/kernels.h"
#include "tasks/run.h"

#include <stdio.h>
#include <string.h>

enum { MAX_REPEATS = 100000, BODY_BYTES = 256 << 20, REPLY_BYTES = 1 << 30 };

struct row {
    int batch, length, repeats;
    double median, p90, p99, least, mean; /* seconds */
    int64_t tokens;                       /* of a request, as they were computed */
    profile spent;                        /* of all repeats */
};

/* Memory of this process in bytes: private, of mapped files, and the most so far. */
struct memory {
    int64_t anonymous, mapped, most;
};

static struct memory memory_now(void)
{
    struct memory m = {0};
    char line[256];
    long long kb;
    own_file FILE *f = fopen("/proc/self/status", "re");
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "RssAnon: %lld", &kb) == 1)
            m.anonymous = kb * 1024;
        else if (sscanf(line, "RssFile: %lld", &kb) == 1)
            m.mapped = kb * 1024;
        else if (sscanf(line, "VmHWM: %lld", &kb) == 1)
            m.most = kb * 1024;
    }
    return m;
}

/* One request; its seconds. */
static bool answer(runner *r, const pipeline *p, const buf *body, buf *reply, struct row *row,
                   double *seconds, error *e)
{
    call_usage usage = {0};
    buf_clear(reply);
    int64_t start = clock_ns();
    bool ok = runner_answer(r, p->task, buf_view(body), reply, &usage, e);
    *seconds = 1e-9 * (double)(clock_ns() - start);
    row->tokens = usage.tokens;
    return ok;
}

static void add_profile(profile *sum, const profile *one)
{
    for (int i = 0; i < N_PROFILE_PARTS; i++) {
        sum->ns[i] += one->ns[i];
        sum->calls[i] += one->calls[i];
        sum->operations[i] += one->operations[i];
    }
}

static bool repeat(const struct bench_args *a, const pipeline *p, const buf *body, struct row *row,
                   error *e)
{
    own_buf buf reply = buf_new(REPLY_BYTES);
    own_mem double *times = calloc(MAX_REPEATS, sizeof *times);
    runner *r = runner_new(p);
    double total = 0, warm_up;
    bool ok = times && answer(r, p, body, &reply, row, &warm_up, e);
    while (ok && row->repeats < MAX_REPEATS &&
           (row->repeats < 3 || 1e3 * total < (double)a->per_row_ms)) {
        profile one;
        if (a->profile)
            profile_start(&one);
        ok = answer(r, p, body, &reply, row, &times[row->repeats], e);
        if (a->profile) {
            profile_stop();
            add_profile(&row->spent, &one);
        }
        total += times[row->repeats++];
    }
    runner_free(r);
    if (!ok)
        return false;
    row->mean = total / row->repeats;
    row->median = bench_quantile(times, row->repeats, 0.5);
    row->p90 = bench_quantile(times, row->repeats, 0.9);
    row->p99 = bench_quantile(times, row->repeats, 0.99);
    row->least = times[0];
    return true;
}

static bool measure(const struct bench_args *a, const pipeline *p, struct row *row, error *e)
{
    arena *memory = arena_new(BODY_BYTES);
    own_buf buf body = buf_new(BODY_BYTES);
    str *items = arena_raw(memory, (size_t)row->batch, sizeof *items);
    bool ok = items || fail(e, ERR_TOO_LARGE, "no memory for %d texts", row->batch);
    for (int i = 0; ok && i < row->batch; i++)
        ok = bench_text_make(p, i, row->length, &items[i], memory, e);
    ok = ok && bench_body(p, items, row->batch, &a->parameters, &body, e) &&
         repeat(a, p, &body, row, e);
    arena_free(memory);
    return ok || fail_in(e, "%d texts of %d tokens", row->batch, row->length);
}

static json_t *profile_json(const profile *p, int repeats)
{
    json_t *list = json_array();
    for (int i = 0; i < N_PROFILE_PARTS; i++)
        if (p->ns[i] > 0)
            json_array_append_new(list,
                                  json_pack("{s:s, s:f, s:f, s:f}", "part", profile_part_name(i),
                                            "ms", 1e-6 * (double)p->ns[i] / repeats, "calls",
                                            (double)p->calls[i] / repeats, "gflop",
                                            1e-9 * p->operations[i] / repeats));
    return list;
}

static json_t *row_json(const struct row *r, bool profiled)
{
    json_t *out = json_pack("{s:i, s:i, s:I, s:i, s:f, s:f, s:f, s:f, s:f, s:f}", "batch", r->batch,
                            "length", r->length, "tokens", (json_int_t)r->tokens, "repeats",
                            r->repeats, "median_ms", 1e3 * r->median, "p90_ms", 1e3 * r->p90,
                            "p99_ms", 1e3 * r->p99, "least_ms", 1e3 * r->least, "texts_per_s",
                            r->batch / r->median, "tokens_per_s", (double)r->tokens / r->median);
    if (profiled)
        json_object_set_new(out, "profile", profile_json(&r->spent, r->repeats));
    return out;
}

static void print_profile(const struct row *r, double peak)
{
    double total = 0;
    for (int i = 0; i < N_PROFILE_PARTS; i++)
        total += (double)r->spent.ns[i];
    for (int i = 0; i < N_PROFILE_PARTS; i++) {
        const double ns = (double)r->spent.ns[i], gflops = r->spent.operations[i] / ns;
        if (ns <= 0)
            continue;
        printf("  %-20s %6.2f %% %10.3f ms %8.0f calls", profile_part_name(i), 100 * ns / total,
               1e-6 * ns / r->repeats, (double)r->spent.calls[i] / r->repeats);
        if (r->spent.operations[i] > 0)
            printf(" %8.1f GFLOP/s, %.0f %% of the f32 peak", gflops, 100 * gflops / peak);
        printf("\n");
    }
}

static void print_row(const struct bench_args *a, const struct row *r, double peak)
{
    printf("%6d %7d %8lld %9.3f %9.3f %9.3f %10.1f %11.0f\n", r->batch, r->length,
           (long long)r->tokens, 1e3 * r->median, 1e3 * r->p90, 1e3 * r->p99, r->batch / r->median,
           (double)r->tokens / r->median);
    if (a->profile)
        print_profile(r, peak);
    fflush(stdout);
}

static void print_head(const pipeline *p, double peak)
{
    printf("%s, task %s, kernels %s, %d threads (%.1f GFLOP/s f32); ready in %.1f ms\n\n", p->id,
           p->task->name, kernels_level(), team_size(p->threads), peak, (double)p->load_us / 1e3);
    printf("%6s %7s %8s %9s %9s %9s %10s %11s\n", "batch", "length", "tokens", "median ms", "p90",
           "p99", "texts/s", "tokens/s");
}

static bool measure_all(const struct bench_args *a, const pipeline *p, double peak, json_t *list,
                        error *e)
{
    for (int j = 0; j < a->lengths.n; j++) {
        if (a->lengths.items[j] > p->max_tokens) {
            fprintf(stderr, "inferd bench: the model takes %d tokens; texts of %d are left out\n",
                    p->max_tokens, a->lengths.items[j]);
            continue;
        }
        for (int i = 0; i < a->batches.n; i++) {
            struct row row = {.batch = a->batches.items[i], .length = a->lengths.items[j]};
            if (!measure(a, p, &row, e))
                return false;
            if (a->json)
                json_array_append_new(list, row_json(&row, a->profile));
            else
                print_row(a, &row, peak);
        }
    }
    return true;
}

static bool report(const struct bench_args *a, const pipeline *p, error *e)
{
    double peak = kernels_peak_gflops(p->threads);
    dtype_tell("bench", p->info->precision);
    struct memory loaded = memory_now();
    own_json json_t *list = json_array();
    if (!a->json)
        print_head(p, peak);
    if (!measure_all(a, p, peak, list, e))
        return false;
    struct memory used = memory_now();
    if (!a->json) {
        printf("\nmemory: %.1f MB private (%.1f MB when loaded), %.1f MB of mapped files, %.1f MB "
               "at most\n",
               1e-6 * (double)used.anonymous, 1e-6 * (double)loaded.anonymous,
               1e-6 * (double)used.mapped, 1e-6 * (double)used.most);
        return true;
    }
    own_json json_t *document = json_pack(
        "{s:s, s:s, s:s, s:i, s:f, s:f, s:{s:I, s:I, s:I, s:I}, s:O}", "model", p->id, "task",
        p->task->name, "level", kernels_level(), "threads", team_size(p->threads), "f32_gflops",
        peak, "load_ms", (double)p->load_us / 1e3, "memory", "private_loaded_bytes",
        (json_int_t)loaded.anonymous, "private_bytes", (json_int_t)used.anonymous, "mapped_bytes",
        (json_int_t)used.mapped, "most_bytes", (json_int_t)used.most, "rows", list);
    return bench_print(document, e);
}

bool bench_model(const struct bench_args *a, const char *name, error *e)
{
    own_mem char *folder = NULL;
    pipeline p = {0};
    team *threads = NULL;
    const model_options options = {.precision = (enum precision)a->precision, .keeps = true};
    bool ok = model_folder(a->data, name, &folder, e) && (threads = team_new((int)a->threads, e)) &&
              pipeline_open_as(&p, folder, strcmp(folder, name) == 0 ? NULL : name, a->task,
                               &options, threads, e) &&
              report(a, &p, e);
    pipeline_close(&p);
    team_free(threads);
    return ok;
}
