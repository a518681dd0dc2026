/* Pooling and resizing: against torch at every level, the same bits with any number of threads, NaN
 * and infinities. */
#include "harness.h"

#include "kernels/pool.h"
#include "kernels/resize.h"

static const char *levels[8];
static int n_levels;

#define FOR_LEVELS(i) for (int i = 0; i < n_levels && kernels_init_level(levels[i], NULL); i++)

static edge edge_read(FILE *f, size_t n)
{
    edge e = edge_new(n);
    assert_int_equal(fread(e.p, sizeof(float), n, f), n);
    return e;
}

static FILE *golden(const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/goldens/pixels/%s", TEST_ROOT, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    return f;
}

static bool read_numbers(FILE *f, int *v, int n)
{
    for (int i = 0; i < n; i++) {
        if (fscanf(f, "%d", &v[i]) != 1)
            return false;
    }
    return true;
}

static void assert_all_near(const edge *found, const edge *expected, const char *name, int n)
{
    char what[60];
    snprintf(what, sizeof what, "%s %d", name, n);
    for (size_t i = 0; i < found->n; i++)
        assert_near(found->p[i], expected->p[i], 4e-6, what);
}

static void run_pool(team *t, int kind, const pool_args *a, const int out[2])
{
    if (kind == 0)
        pool_largest(t, a);
    else if (kind == 1)
        pool_average(t, a);
    else if (kind == 2)
        pool_largest_to(t, a, out[0], out[1]);
    else
        pool_average_to(t, a, out[0], out[1]);
}

static void pools_are_those_of_torch(void **state)
{
    (void)state;
    FILE *list = golden("pool.txt"), *data = golden("pool.f32");
    team *t = team_new(2, NULL), *one = team_new(1, NULL);
    int v[18], n_cases = 0;
    for (; read_numbers(list, v, 18); n_cases++) {
        pool_args a = {.n = v[1],
                       .height = v[2],
                       .width = v[3],
                       .channels = v[4],
                       .kernel = {v[5], v[6]},
                       .stride = {v[7], v[8]},
                       .before = {v[9], v[10]},
                       .after = {v[9], v[10]},
                       .dilation = {v[11], v[12]},
                       .ceil = v[13] != 0,
                       .count_padding = v[14] != 0,
                       .divisor = v[15]};
        bool sized = v[0] > 1;
        int size[2] = {sized ? v[16] : (int)pool_length(&a, 0),
                       sized ? v[17] : (int)pool_length(&a, 1)};
        edge x = edge_read(data, (size_t)(a.n * a.height * a.width * a.channels));
        edge expected = edge_read(data, (size_t)(a.n * size[0] * size[1] * a.channels));
        edge out = edge_new(expected.n), again = edge_new(expected.n);
        a.x = x.p;
        FOR_LEVELS(level)
        {
            a.out = out.p;
            memset(out.p, 0x7f, out.n * sizeof(float));
            run_pool(t, v[0], &a, size);
            assert_all_near(&out, &expected, "pool", n_cases);
            a.out = again.p;
            run_pool(one, v[0], &a, size);
            assert_same_bits(again.p, out.p, out.n, "pool by one thread");
        }
        edge_free(&x), edge_free(&expected), edge_free(&out), edge_free(&again);
    }
    assert_int_equal(n_cases, 12);
    assert_int_equal(fgetc(data), EOF);
    fclose(list), fclose(data);
    team_free(t), team_free(one);
}

static void images_are_resized_as_by_torch(void **state)
{
    (void)state;
    static const double factors[2][2] = {{1.7, 2.3}, {0.6, 0.37}};
    FILE *list = golden("resize.txt"), *data = golden("resize.f32");
    team *t = team_new(2, NULL);
    int v[10], n_cases = 0;
    for (; read_numbers(list, v, 10); n_cases++) {
        resize_args a = {.filter = (enum resize_filter)v[0],
                         .n = v[1],
                         .height = v[2],
                         .width = v[3],
                         .channels = v[4],
                         .out_height = v[5],
                         .out_width = v[6],
                         .align_corners = v[7] != 0,
                         .antialias = v[8] != 0};
        for (int axis = 0; v[9] >= 0 && axis < 2; axis++)
            a.factor[axis] = factors[v[9]][axis];
        edge x = edge_read(data, (size_t)(a.n * a.height * a.width * a.channels));
        edge expected = edge_read(data, (size_t)(a.n * v[5] * v[6] * a.channels));
        edge out = edge_new(expected.n), work = edge_new(resize_work(&a));
        a.x = x.p;
        a.out = out.p;
        FOR_LEVELS(level)
        {
            memset(out.p, 0x7f, out.n * sizeof(float));
            resize_f32(t, &a, work.p);
            assert_all_near(&out, &expected, "resize", n_cases);
        }
        edge_free(&x), edge_free(&expected), edge_free(&out), edge_free(&work);
    }
    assert_int_equal(n_cases, 72);
    assert_int_equal(fgetc(data), EOF);
    fclose(list), fclose(data);
    team_free(t);
}

/* Every length around the vectors, NaN at each place of the window. */
static void the_largest_may_be_nan(void **state)
{
    (void)state;
    team *t = team_new(1, NULL);
    FOR_LEVELS(level)
    {
        for (int channels = 1; channels < 40; channels++) {
            edge x = edge_random((size_t)(3 * channels)), out = edge_new((size_t)channels);
            for (int c = 0; c < channels; c++) {
                x.p[c % 3 * channels + c] = c % 2 ? NAN : INFINITY;
                x.p[(c + 1) % 3 * channels + c] = c % 4 < 2 ? -INFINITY : INFINITY;
            }
            pool_args a = {.x = x.p, .out = out.p, .n = 1, .height = 1, .width = 3};
            a.channels = channels;
            pool_largest_to(t, &a, 1, 1);
            for (int c = 0; c < channels; c++)
                assert_true(c % 2 ? isnan(out.p[c]) : out.p[c] == INFINITY);
            edge_free(&x), edge_free(&out);
        }
    }
    team_free(t);
}

static int find_levels(void **state)
{
    (void)state;
    n_levels = reachable_levels(levels);
    return n_levels > 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pools_are_those_of_torch),
        cmocka_unit_test(images_are_resized_as_by_torch),
        cmocka_unit_test(the_largest_may_be_nan),
    };
    return cmocka_run_group_tests(tests, find_levels, NULL);
}
