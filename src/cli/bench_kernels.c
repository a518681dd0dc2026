/* `inferd bench kernels`: rows of kernels/bench.h as a table or as JSON. */
#include "base/buf.h"
#include "base/json.h"
#include "base/own.h"
#include "cli/bench.h"
#include "kernels/bench.h"
#include "kernels/kernels.h"
#include "kernels/list.h"

#include <stdio.h>

enum { MEMORY_BYTES = 256 << 20 };

struct report {
    bool json;
    json_t *list;
};

static void take(void *arg, const bench_result *r)
{
    static const char *const bounds[] = {"none", "compute", "bandwidth"};
    static const char *const of[] = {"", "of peak", "of bandwidth"};
    struct report *to = arg;
    if (!to->json) {
        printf("%-14s %-8s %-52s %10.2f %9.1f %9.1f %6.1f %% %s\n", r->family, r->variant, r->shape,
               1e6 * r->seconds, r->gflops, r->gigabytes, 100 * r->peak_share, of[r->bound]);
        fflush(stdout);
        return;
    }
    json_array_append_new(
        to->list, json_pack("{s:s, s:s, s:s, s:f, s:f, s:f, s:s, s:f, s:f}", "family", r->family,
                            "variant", r->variant, "shape", r->shape, "us", 1e6 * r->seconds,
                            "gflops", r->gflops, "gigabytes_per_s", r->gigabytes, "bound",
                            bounds[r->bound], "peak", r->peak, "share", r->peak_share));
}

/* Fails with the names that there are. */
static bool check_names(const struct bench_args *a, error *e)
{
    own_buf buf names = buf_new(4096);
    int count;
    if (kernels_bench_has(a->family, a->variant))
        return true;
    const kernel_row *rows = kernel_rows(&count);
    for (int i = 0; i < count; i++)
        if (kernels_bench_has(rows[i].family, rows[i].variant))
            buf_printf(&names, "%s %s/%s", names.n ? "," : "", rows[i].family, rows[i].variant);
    return fail(e, ERR_NOT_FOUND,
                "no kernel of family '%s' and variant '%s' runs on this CPU; there are%.*s",
                a->family ? a->family : "any", a->variant ? a->variant : "any", (int)names.n,
                names.p);
}

bool bench_kernels(const struct bench_args *a, error *e)
{
    team *t = check_names(a, e) ? team_new((int)a->threads, e) : NULL;
    if (!t)
        return false;
    double gflops = kernels_peak_gflops(t), reads = kernels_peak_read(t, MEMORY_BYTES);
    own_json json_t *list = json_array();
    struct report report = {a->json, list};
    if (!a->json) {
        printf("level %s, %d threads; peaks measured: %.1f GFLOP/s f32, %.1f GB/s read from "
               "memory\n\n",
               kernels_level(), team_size(t), gflops, reads);
        printf("%-14s %-8s %-52s %10s %9s %9s\n", "family", "variant", "shape", "us", "GFLOP/s",
               "GB/s");
    }
    bench_options o = {1e-3 * (double)a->per_row_ms, a->family, a->variant};
    kernels_bench(t, &o, take, &report);
    own_json json_t *document = json_pack("{s:s, s:i, s:{s:f, s:f}, s:O}", "level", kernels_level(),
                                          "threads", team_size(t), "peaks", "f32_gflops", gflops,
                                          "memory_gigabytes_per_s", reads, "kernels", list);
    team_free(t);
    return !a->json || bench_print(document, e);
}
