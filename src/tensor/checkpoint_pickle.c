/* The pickle machine: one table row per opcode, a stack, a memo. Marks are NULL on the stack. */
#include "tensor/checkpoint_pickle.h"
#include "base/memory.h"
#include "base/own.h"
#include "tensor/checkpoint_globals.h"

#include <inttypes.h>
#include <stdlib.h>

enum { FIRST_ROOM = 8, OPCODES = 256, MAX_PROTOCOL = 5 };

struct machine {
    str in;
    size_t at;
    pickle_heap *heap;
    pickled **stack, **memo;
    size_t depth, stack_room, n_memo, memo_room;
    bool stopped;
    error *e;
};

void pickle_heap_init(pickle_heap *h)
{
    *h = (pickle_heap){.memory = arena_new(PICKLE_MEMORY_BYTES)};
}

void pickle_heap_release(pickle_heap *h)
{
    if (!h)
        return;
    arena_free(h->memory);
    *h = (pickle_heap){0};
}

static bool no_memory(error *e)
{
    return fail(e, ERR_BAD_MODEL, "the pickle needs more than %d MB of memory",
                PICKLE_MEMORY_BYTES >> 20);
}

pickled *pickled_new(pickle_heap *h, enum pickled_kind kind, error *e)
{
    pickled *value = arena_try(h->memory, 1, sizeof *value);
    if (!value) {
        no_memory(e);
        return NULL;
    }
    value->kind = kind;
    return value;
}

bool pickled_add(pickle_heap *h, pickled *list, pickled *item, error *e)
{
    struct pickled_list *l = &list->list;
    if (l->n == l->room) {
        size_t room = l->room ? l->room * 2 : FIRST_ROOM;
        pickled **items = arena_raw(h->memory, room, sizeof *items);
        if (!items)
            return no_memory(e);
        if (l->n)
            memcpy(items, l->items, l->n * sizeof *items);
        l->items = items;
        l->room = room;
    }
    l->items[l->n++] = item;
    return true;
}

/* Input. */

static bool broken(struct machine *m, const char *what)
{
    return fail(m->e, ERR_BAD_MODEL, "the pickle is broken at byte %zu: %s", m->at, what);
}

/* The next n bytes as a little-endian number, n <= 8. */
static bool take_number(struct machine *m, int n, uint64_t *value)
{
    if (m->in.n - m->at < (size_t)n)
        return broken(m, "it is cut off");
    *value = 0;
    for (int i = n - 1; i >= 0; i--)
        *value = *value << 8 | (unsigned char)m->in.p[m->at + (size_t)i];
    m->at += (size_t)n;
    return true;
}

static bool take_bytes(struct machine *m, uint64_t n, str *bytes)
{
    if (n > m->in.n - m->at)
        return broken(m, "it is cut off");
    *bytes = (str){m->in.p + m->at, (size_t)n};
    m->at += (size_t)n;
    return true;
}

/* Bytes with their length, in `width` bytes, in front. */
static bool take_counted(struct machine *m, int width, str *bytes)
{
    uint64_t n = 0;
    return take_number(m, width, &n) && take_bytes(m, n, bytes);
}

static bool take_line(struct machine *m, str *line)
{
    const char *from = m->in.p + m->at, *end = memchr(from, '\n', m->in.n - m->at);
    if (!end)
        return broken(m, "a name has no end");
    *line = (str){from, (size_t)(end - from)};
    m->at += line->n + 1;
    return true;
}

/* Stack. */

/* Makes room for index n - 1 of an array that doubles. */
static bool grow(pickled ***array, size_t *room, size_t n)
{
    size_t want = *room ? *room : 256;
    while (want < n)
        want *= 2;
    if (want == *room)
        return true;
    pickled **grown = reallocarray(*array, want, sizeof *grown);
    if (!grown)
        return false;
    memset(grown + *room, 0, (want - *room) * sizeof *grown);
    *array = grown;
    *room = want;
    return true;
}

/* NULL: a mark. */
static bool push(struct machine *m, pickled *value)
{
    if (m->depth == PICKLE_STACK || !grow(&m->stack, &m->stack_room, m->depth + 1))
        return fail(m->e, ERR_BAD_MODEL, "the pickle has more than %d values on its stack",
                    PICKLE_STACK);
    m->stack[m->depth++] = value;
    return true;
}

static bool push_new(struct machine *m, enum pickled_kind kind, pickled **value)
{
    *value = pickled_new(m->heap, kind, m->e);
    return *value && push(m, *value);
}

/* NULL on failure. */
static pickled *top(struct machine *m)
{
    if (m->depth && m->stack[m->depth - 1])
        return m->stack[m->depth - 1];
    broken(m, "a value is missing on the stack");
    return NULL;
}

static pickled *pop(struct machine *m)
{
    pickled *value = top(m);
    m->depth -= value != NULL;
    return value;
}

/* Takes what is above the topmost mark, and the mark, off the stack: items[n] stay readable until
 * the next push. */
static bool pop_mark(struct machine *m, pickled ***items, size_t *n)
{
    size_t from = m->depth;
    while (from && m->stack[from - 1])
        from--;
    if (!from)
        return broken(m, "a mark is missing on the stack");
    *items = m->stack + from;
    *n = m->depth - from;
    m->depth = from - 1;
    return true;
}

/* Opcodes: scalars. */

static bool op_skip(struct machine *m, int width)
{
    uint64_t skipped;
    return take_number(m, width, &skipped);
}

static bool op_protocol(struct machine *m, int width)
{
    uint64_t version = 0;
    if (!take_number(m, width, &version))
        return false;
    return version <= MAX_PROTOCOL || broken(m, "it is of a protocol later than 5");
}

static bool op_constant(struct machine *m, int kind)
{
    pickled *value;
    return push_new(m, (enum pickled_kind)kind, &value);
}

static bool op_bool(struct machine *m, int number)
{
    pickled *value;
    if (!push_new(m, PICKLED_BOOL, &value))
        return false;
    value->number = number;
    return true;
}

static bool op_unsigned(struct machine *m, int width)
{
    pickled *value;
    uint64_t number = 0;
    if (!take_number(m, width, &number) || !push_new(m, PICKLED_INT, &value))
        return false;
    value->number = (int64_t)number;
    return true;
}

static bool op_int(struct machine *m, int width)
{
    pickled *value;
    uint64_t number = 0;
    if (!take_number(m, width, &number) || !push_new(m, PICKLED_INT, &value))
        return false;
    value->number = (int32_t)(uint32_t)number;
    return true;
}

static bool op_long(struct machine *m, int width)
{
    pickled *value;
    str bytes = {0};
    if (!take_counted(m, width, &bytes) ||
        !push_new(m, bytes.n > 8 ? PICKLED_LONG : PICKLED_INT, &value))
        return false;
    if (bytes.n > 8) {
        value->text = bytes;
        return true;
    }
    uint64_t number = bytes.n && bytes.p[bytes.n - 1] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = bytes.n; i-- > 0;)
        number = number << 8 | (unsigned char)bytes.p[i];
    value->number = (int64_t)number;
    return true;
}

static bool op_float(struct machine *m, int width)
{
    return op_skip(m, width) && op_constant(m, PICKLED_OTHER);
}

static bool op_text(struct machine *m, int width)
{
    pickled *value;
    str text = {0};
    if (!take_counted(m, width, &text) || !push_new(m, PICKLED_STRING, &value))
        return false;
    value->text = text;
    return true;
}

static bool op_bytes(struct machine *m, int width)
{
    str bytes = {0};
    return take_counted(m, width, &bytes) && op_constant(m, PICKLED_OTHER);
}

/* Opcodes: containers. */

static bool op_mark(struct machine *m, int unused)
{
    (void)unused;
    return push(m, NULL);
}

static bool op_pop(struct machine *m, int unused)
{
    (void)unused;
    if (!m->depth)
        return broken(m, "a value is missing on the stack");
    m->depth--;
    return true;
}

static bool op_pop_mark(struct machine *m, int unused)
{
    pickled **items = NULL;
    size_t n = 0;
    (void)unused;
    return pop_mark(m, &items, &n);
}

static bool op_dup(struct machine *m, int unused)
{
    (void)unused;
    pickled *value = top(m);
    return value && push(m, value);
}

/* A tuple, list or dictionary of n items, pushed. The items may be on the stack. */
static bool push_list(struct machine *m, int kind, pickled **items, size_t n)
{
    pickled *value = pickled_new(m->heap, (enum pickled_kind)kind, m->e);
    if (!value)
        return false;
    if (n) {
        value->list.items = arena_raw(m->heap->memory, n, sizeof *items);
        if (!value->list.items)
            return no_memory(m->e);
        memcpy(value->list.items, items, n * sizeof *items);
        value->list.n = value->list.room = n;
    }
    return push(m, value);
}

static bool op_marked_list(struct machine *m, int kind)
{
    pickled **items = NULL;
    size_t n = 0;
    if (!pop_mark(m, &items, &n))
        return false;
    if (kind == PICKLED_DICT && n % 2)
        return broken(m, "a key has no value");
    return push_list(m, kind, items, n);
}

static bool op_empty_list(struct machine *m, int kind)
{
    return push_list(m, kind, NULL, 0);
}

static bool op_tuple(struct machine *m, int n)
{
    pickled *items[3];
    for (int i = n - 1; i >= 0; i--)
        if (!(items[i] = pop(m)))
            return false;
    return push_list(m, PICKLED_TUPLE, items, (size_t)n);
}

static bool op_frozen_set(struct machine *m, int unused)
{
    return op_pop_mark(m, unused) && op_constant(m, PICKLED_OTHER);
}

/* Adds to the list or dictionary on top; objects of no interest take anything. */
static bool add_items(struct machine *m, enum pickled_kind kind, pickled **items, size_t n)
{
    pickled *to = top(m);
    if (!to)
        return false;
    if (to->kind == PICKLED_PLACEHOLDER || to->kind == PICKLED_OTHER)
        return true;
    if (to->kind != kind)
        return broken(m, kind == PICKLED_DICT ? "it sets items of what is no dictionary"
                                              : "it appends to what is no list");
    for (size_t i = 0; i < n; i++)
        if (!pickled_add(m->heap, to, items[i], m->e))
            return false;
    return true;
}

static bool op_add_one(struct machine *m, int kind)
{
    pickled *items[2];
    int n = kind == PICKLED_DICT ? 2 : 1;
    for (int i = n - 1; i >= 0; i--)
        if (!(items[i] = pop(m)))
            return false;
    return add_items(m, (enum pickled_kind)kind, items, (size_t)n);
}

static bool op_add_marked(struct machine *m, int kind)
{
    pickled **items = NULL;
    size_t n = 0;
    if (!pop_mark(m, &items, &n))
        return false;
    if (kind == PICKLED_DICT && n % 2)
        return broken(m, "a key has no value");
    return add_items(m, (enum pickled_kind)kind, items, n);
}

/* Opcodes: memo. */

static bool memoize(struct machine *m, uint64_t index)
{
    pickled *value = top(m);
    if (!value)
        return false;
    if (index >= PICKLE_MEMO || !grow(&m->memo, &m->memo_room, (size_t)index + 1))
        return fail(m->e, ERR_BAD_MODEL,
                    "the pickle has a memo index of %" PRIu64 ", expected less than %d", index,
                    PICKLE_MEMO);
    m->n_memo += m->memo[index] == NULL;
    m->memo[index] = value;
    return true;
}

static bool op_put(struct machine *m, int width)
{
    uint64_t index = 0;
    return take_number(m, width, &index) && memoize(m, index);
}

static bool op_memoize(struct machine *m, int unused)
{
    (void)unused;
    return memoize(m, m->n_memo);
}

static bool op_get(struct machine *m, int width)
{
    uint64_t index = 0;
    if (!take_number(m, width, &index))
        return false;
    if (index >= m->memo_room || !m->memo[index])
        return broken(m, "it gets what the memo does not have");
    return push(m, m->memo[index]);
}

/* Opcodes: what would be imports and calls. */

static bool push_value(struct machine *m, pickled *value)
{
    return value && push(m, value);
}

static bool op_global(struct machine *m, int unused)
{
    str module, name;
    (void)unused;
    return take_line(m, &module) && take_line(m, &name) &&
           push_value(m, global_value(m->heap, module, name, m->e));
}

static bool op_stack_global(struct machine *m, int unused)
{
    (void)unused;
    pickled *name = pop(m), *module = name ? pop(m) : NULL;
    if (!module)
        return false;
    if (module->kind != PICKLED_STRING || name->kind != PICKLED_STRING)
        return broken(m, "the name of a global is no string");
    return push_value(m, global_value(m->heap, module->text, name->text, m->e));
}

/* REDUCE, NEWOBJ: callable, arguments; NEWOBJ_EX has keywords behind them. */
static bool op_call(struct machine *m, int has_keywords)
{
    if (has_keywords && !pop(m))
        return false;
    pickled *arguments = pop(m), *callee = arguments ? pop(m) : NULL;
    if (!callee)
        return false;
    return push_value(m, global_call(m->heap, callee, arguments, m->e));
}

/* The state of an object: attributes, which no value here has ("_metadata" of a state dict). */
static bool op_build(struct machine *m, int unused)
{
    (void)unused;
    return pop(m) && top(m);
}

static bool op_persistent(struct machine *m, int unused)
{
    (void)unused;
    pickled *id = pop(m);
    return id && push_value(m, global_persistent(m->heap, id, m->e));
}

static bool op_stop(struct machine *m, int unused)
{
    (void)unused;
    m->stopped = true;
    return true;
}

/* Names as in Lib/pickletools.py; without a function: refused. */
static const struct opcode {
    const char *name;
    bool (*run)(struct machine *m, int argument);
    int argument;
} opcodes[OPCODES] = {
    ['('] = {"MARK", op_mark, 0},
    ['.'] = {"STOP", op_stop, 0},
    ['0'] = {"POP", op_pop, 0},
    ['1'] = {"POP_MARK", op_pop_mark, 0},
    ['2'] = {"DUP", op_dup, 0},
    ['F'] = {"FLOAT", NULL, 0},
    ['I'] = {"INT", NULL, 0},
    ['J'] = {"BININT", op_int, 4},
    ['K'] = {"BININT1", op_unsigned, 1},
    ['L'] = {"LONG", NULL, 0},
    ['M'] = {"BININT2", op_unsigned, 2},
    ['N'] = {"NONE", op_constant, PICKLED_NONE},
    ['P'] = {"PERSID", NULL, 0},
    ['Q'] = {"BINPERSID", op_persistent, 0},
    ['R'] = {"REDUCE", op_call, 0},
    ['S'] = {"STRING", NULL, 0},
    ['T'] = {"BINSTRING", op_text, 4},
    ['U'] = {"SHORT_BINSTRING", op_text, 1},
    ['V'] = {"UNICODE", NULL, 0},
    ['X'] = {"BINUNICODE", op_text, 4},
    ['a'] = {"APPEND", op_add_one, PICKLED_LIST},
    ['b'] = {"BUILD", op_build, 0},
    ['c'] = {"GLOBAL", op_global, 0},
    ['d'] = {"DICT", op_marked_list, PICKLED_DICT},
    ['}'] = {"EMPTY_DICT", op_empty_list, PICKLED_DICT},
    ['e'] = {"APPENDS", op_add_marked, PICKLED_LIST},
    ['g'] = {"GET", NULL, 0},
    ['h'] = {"BINGET", op_get, 1},
    ['i'] = {"INST", NULL, 0},
    ['j'] = {"LONG_BINGET", op_get, 4},
    ['l'] = {"LIST", op_marked_list, PICKLED_LIST},
    [']'] = {"EMPTY_LIST", op_empty_list, PICKLED_LIST},
    ['o'] = {"OBJ", NULL, 0},
    ['p'] = {"PUT", NULL, 0},
    ['q'] = {"BINPUT", op_put, 1},
    ['r'] = {"LONG_BINPUT", op_put, 4},
    ['s'] = {"SETITEM", op_add_one, PICKLED_DICT},
    ['t'] = {"TUPLE", op_marked_list, PICKLED_TUPLE},
    [')'] = {"EMPTY_TUPLE", op_empty_list, PICKLED_TUPLE},
    ['u'] = {"SETITEMS", op_add_marked, PICKLED_DICT},
    ['G'] = {"BINFLOAT", op_float, 8},
    ['B'] = {"BINBYTES", op_bytes, 4},
    ['C'] = {"SHORT_BINBYTES", op_bytes, 1},
    [0x80] = {"PROTO", op_protocol, 1},
    [0x81] = {"NEWOBJ", op_call, 0},
    [0x82] = {"EXT1", NULL, 0},
    [0x83] = {"EXT2", NULL, 0},
    [0x84] = {"EXT4", NULL, 0},
    [0x85] = {"TUPLE1", op_tuple, 1},
    [0x86] = {"TUPLE2", op_tuple, 2},
    [0x87] = {"TUPLE3", op_tuple, 3},
    [0x88] = {"NEWTRUE", op_bool, 1},
    [0x89] = {"NEWFALSE", op_bool, 0},
    [0x8a] = {"LONG1", op_long, 1},
    [0x8b] = {"LONG4", op_long, 4},
    [0x8c] = {"SHORT_BINUNICODE", op_text, 1},
    [0x8d] = {"BINUNICODE8", op_text, 8},
    [0x8e] = {"BINBYTES8", op_bytes, 8},
    [0x8f] = {"EMPTY_SET", op_constant, PICKLED_OTHER},
    [0x90] = {"ADDITEMS", op_pop_mark, 0},
    [0x91] = {"FROZENSET", op_frozen_set, 0},
    [0x92] = {"NEWOBJ_EX", op_call, 1},
    [0x93] = {"STACK_GLOBAL", op_stack_global, 0},
    [0x94] = {"MEMOIZE", op_memoize, 0},
    [0x95] = {"FRAME", op_skip, 8},
    [0x96] = {"BYTEARRAY8", op_bytes, 8},
    [0x97] = {"NEXT_BUFFER", NULL, 0},
    [0x98] = {"READONLY_BUFFER", NULL, 0},
};

static bool run(struct machine *m)
{
    while (!m->stopped) {
        if (m->at == m->in.n)
            return broken(m, "it is cut off");
        unsigned char code = (unsigned char)m->in.p[m->at++];
        const struct opcode *op = &opcodes[code];
        if (!op->run)
            return fail(m->e, ERR_BAD_MODEL,
                        "the pickle has the opcode 0x%02x%s%s at byte %zu, which is not supported",
                        code, op->name ? " " : "", op->name ? op->name : "", m->at - 1);
        if (!op->run(m, op->argument))
            return false;
    }
    return true;
}

bool pickle_read(pickle_heap *h, str bytes, size_t *at, pickled **value, error *e)
{
    struct machine m = {.in = bytes, .at = *at, .heap = h, .e = e};
    pickled *last = run(&m) ? pop(&m) : NULL;
    if (last) {
        *at = m.at;
        *value = last;
    }
    free(m.stack);
    free(m.memo);
    return last != NULL;
}
