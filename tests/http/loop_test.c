/* The loop: posts from threads, timers, signals, watches, work for the next turn. */
#include "http/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS = 4, POSTS = 2000 };

static loop *l;
static int count, order[100], n_order;
static timer *a, *b;
static later first, second;

static int set_up(void **state)
{
    (void)state;
    l = loop_new(NULL);
    assert_non_null(l);
    count = n_order = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    loop_free(l);
    return 0;
}

static void add(void *arg)
{
    order[n_order++] = (int)(size_t)arg;
}

static void stop(void *arg)
{
    (void)arg;
    loop_stop(l);
}

static void count_up(void *arg)
{
    (void)arg;
    assert_true(loop_is_here(l));
    if (++count == THREADS * POSTS)
        loop_stop(l);
}

static void *post_many(void *arg)
{
    (void)arg;
    assert_false(loop_is_here(l));
    for (int i = 0; i < POSTS; i++)
        loop_post(l, count_up, NULL);
    return NULL;
}

static void test_posts(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, post_many, NULL);
    loop_run(l);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(count, THREADS * POSTS);
    for (size_t i = 1; i <= 3; i++)
        loop_post(l, add, (void *)i);
    loop_post(l, stop, NULL);
    loop_post(l, add, (void *)4); /* behind the stop */
    loop_run(l);
    assert_int_equal(order[0] * 100 + order[1] * 10 + order[2], 123);
    loop_post(l, add, NULL); /* dropped with the loop */
}

static void free_itself(void *arg)
{
    (void)arg;
    timer_free(a);
    a = NULL;
    count++;
}

static void test_timers(void **state)
{
    (void)state;
    a = timer_new(l, free_itself, NULL);
    b = timer_new(l, add, (void *)1);
    timer *end = timer_new(l, stop, NULL);
    timer_start(a, 20);
    timer_start(b, 5);
    timer_start(b, 1000000); /* forgets the first */
    timer_start(end, 40);
    assert_true(timer_is_running(b));
    loop_run(l);
    assert_null(a);
    assert_int_equal(count, 1);
    assert_int_equal(n_order, 0);
    timer_stop(b);
    assert_false(timer_is_running(b));
    timer_free(b);
    timer_free(end);
    timer_free(NULL);
}

static void on_signal(void *arg)
{
    add(arg);
    loop_stop(l);
}

static void test_signals(void **state)
{
    (void)state;
    loop_on_signal(l, SIGUSR1, on_signal, (void *)7);
    kill(getpid(), SIGUSR1);
    loop_run(l);
    assert_int_equal(n_order, 1);
    assert_int_equal(order[0], 7);
}

static int ends[2];
static watch *w;

static void on_readable(void *arg)
{
    char byte;
    (void)arg;
    assert_int_equal(read(ends[0], &byte, 1), 1);
    if (++count == 2) {
        watch_free(w);
        loop_stop(l);
    }
}

static void test_watch(void **state)
{
    (void)state;
    assert_int_equal(pipe(ends), 0);
    w = watch_new(l, ends[0], on_readable, NULL);
    assert_int_equal(write(ends[1], "ab", 2), 2);
    loop_run(l);
    assert_int_equal(count, 2);
    close(ends[0]);
    close(ends[1]);
}

static void again(void *arg)
{
    add((void *)1);
    later_set(arg); /* in the next turn, for ever: others must get on */
}

static void drop_second(void *arg)
{
    (void)arg;
    add((void *)3);
    later_clear(&second);
    loop_stop(l);
}

static void test_later(void **state)
{
    (void)state;
    later_init(&first, l, again, &first);
    timer *t = timer_new(l, stop, NULL);
    later_set(&first);
    later_set(&first);
    order[0] = 0;
    loop_post(l, stop, NULL);
    loop_run(l);
    assert_true(n_order < 50);
    n_order = 0;
    later_clear(&first);
    later dropper;
    later_init(&dropper, l, drop_second, NULL);
    later_init(&second, l, add, (void *)2);
    later_set(&dropper);
    later_set(&second);
    timer_start(t, 1000);
    loop_run(l);
    assert_int_equal(n_order, 1);
    assert_int_equal(order[0], 3);
    timer_free(t);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_posts), TEST(test_timers), TEST(test_signals), TEST(test_watch), TEST(test_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
