/* One row per known name. Calls only rearrange values: what a tensor's arguments say is checked by
 * whoever reads the tensor, who knows its name. */
#include "tensor/checkpoint_globals.h"

#include <stdio.h>

#define UTILS "torch._utils"

static const struct known_global known[] = {
    {"collections", "OrderedDict", GLOBAL_DICT, N_DTYPES},
    {"collections", "defaultdict", GLOBAL_DICT, N_DTYPES},
    {UTILS, "_rebuild_tensor", GLOBAL_TENSOR, N_DTYPES},
    {UTILS, "_rebuild_tensor_v2", GLOBAL_TENSOR, N_DTYPES},
    {UTILS, "_rebuild_tensor_v3", GLOBAL_TYPED, N_DTYPES},
    {UTILS, "_rebuild_parameter", GLOBAL_WRAP, N_DTYPES},
    {UTILS, "_rebuild_parameter_with_state", GLOBAL_WRAP, N_DTYPES},
    {"torch.nn.parameter", "Parameter", GLOBAL_WRAP, N_DTYPES},
    {"torch.nn.parameter", "Buffer", GLOBAL_WRAP, N_DTYPES},
    {"torch._tensor", "_rebuild_from_type_v2", GLOBAL_FROM_TYPE, N_DTYPES},
    {"torch", "Tensor", GLOBAL_CLASS, N_DTYPES},
    {"torch", "Size", GLOBAL_TUPLE, N_DTYPES},
    {"torch", "device", GLOBAL_DATA, N_DTYPES},
    {"_codecs", "encode", GLOBAL_DATA, N_DTYPES},
    {"numpy", "dtype", GLOBAL_DATA, N_DTYPES},
    {"numpy.core.multiarray", "scalar", GLOBAL_DATA, N_DTYPES},
    {"numpy._core.multiarray", "scalar", GLOBAL_DATA, N_DTYPES},
    {"torch", "FloatStorage", GLOBAL_STORAGE, DTYPE_F32},
    {"torch", "DoubleStorage", GLOBAL_STORAGE, DTYPE_F64},
    {"torch", "HalfStorage", GLOBAL_STORAGE, DTYPE_F16},
    {"torch", "BFloat16Storage", GLOBAL_STORAGE, DTYPE_BF16},
    {"torch", "LongStorage", GLOBAL_STORAGE, DTYPE_I64},
    {"torch", "IntStorage", GLOBAL_STORAGE, DTYPE_I32},
    {"torch", "ShortStorage", GLOBAL_STORAGE, DTYPE_I16},
    {"torch", "CharStorage", GLOBAL_STORAGE, DTYPE_I8},
    {"torch", "ByteStorage", GLOBAL_STORAGE, DTYPE_U8},
    {"torch", "BoolStorage", GLOBAL_STORAGE, DTYPE_BOOL},
    {"torch", "ComplexFloatStorage", GLOBAL_STORAGE, DTYPE_C64},
    {"torch.cuda", "FloatStorage", GLOBAL_STORAGE, DTYPE_F32},
    {"torch.cuda", "DoubleStorage", GLOBAL_STORAGE, DTYPE_F64},
    {"torch.cuda", "HalfStorage", GLOBAL_STORAGE, DTYPE_F16},
    {"torch.cuda", "BFloat16Storage", GLOBAL_STORAGE, DTYPE_BF16},
    {"torch.cuda", "LongStorage", GLOBAL_STORAGE, DTYPE_I64},
    {"torch.cuda", "IntStorage", GLOBAL_STORAGE, DTYPE_I32},
    {"torch.cuda", "ShortStorage", GLOBAL_STORAGE, DTYPE_I16},
    {"torch.cuda", "CharStorage", GLOBAL_STORAGE, DTYPE_I8},
    {"torch.cuda", "ByteStorage", GLOBAL_STORAGE, DTYPE_U8},
    {"torch.cuda", "BoolStorage", GLOBAL_STORAGE, DTYPE_BOOL},
    {"torch.storage", "UntypedStorage", GLOBAL_BYTES, DTYPE_U8},
    {"torch.storage", "_UntypedStorage", GLOBAL_BYTES, DTYPE_U8},
    {"torch", "UntypedStorage", GLOBAL_BYTES, DTYPE_U8},
    {"torch", "float32", GLOBAL_DTYPE, DTYPE_F32},
    {"torch", "float64", GLOBAL_DTYPE, DTYPE_F64},
    {"torch", "float16", GLOBAL_DTYPE, DTYPE_F16},
    {"torch", "bfloat16", GLOBAL_DTYPE, DTYPE_BF16},
    {"torch", "float8_e4m3fn", GLOBAL_DTYPE, DTYPE_F8_E4M3},
    {"torch", "float8_e5m2", GLOBAL_DTYPE, DTYPE_F8_E5M2},
    {"torch", "float8_e8m0fnu", GLOBAL_DTYPE, DTYPE_F8_E8M0},
    {"torch", "float8_e4m3fnuz", GLOBAL_DTYPE, DTYPE_F8_E4M3FNUZ},
    {"torch", "float8_e5m2fnuz", GLOBAL_DTYPE, DTYPE_F8_E5M2FNUZ},
    {"torch", "int64", GLOBAL_DTYPE, DTYPE_I64},
    {"torch", "int32", GLOBAL_DTYPE, DTYPE_I32},
    {"torch", "int16", GLOBAL_DTYPE, DTYPE_I16},
    {"torch", "int8", GLOBAL_DTYPE, DTYPE_I8},
    {"torch", "uint64", GLOBAL_DTYPE, DTYPE_U64},
    {"torch", "uint32", GLOBAL_DTYPE, DTYPE_U32},
    {"torch", "uint16", GLOBAL_DTYPE, DTYPE_U16},
    {"torch", "uint8", GLOBAL_DTYPE, DTYPE_U8},
    {"torch", "bool", GLOBAL_DTYPE, DTYPE_BOOL},
    {"torch", "complex64", GLOBAL_DTYPE, DTYPE_C64},
};

void pickled_show(str name, char *out, size_t room)
{
    size_t n = 0;
    for (; n < name.n && n + 1 < room; n++)
        out[n] = name.p[n] >= ' ' && name.p[n] <= '~' ? name.p[n] : '?';
    out[n] = 0;
}

void pickled_describe(const pickled *value, char out[PICKLED_TEXT])
{
    static const char *const names[] = {
        [PICKLED_NONE] = "None",         [PICKLED_BOOL] = "a bool",
        [PICKLED_INT] = "an int",        [PICKLED_LONG] = "a large int",
        [PICKLED_STRING] = "a string",   [PICKLED_TUPLE] = "a tuple",
        [PICKLED_LIST] = "a list",       [PICKLED_DICT] = "a dictionary",
        [PICKLED_OTHER] = "plain data",  [PICKLED_GLOBAL] = "a class or function",
        [PICKLED_STORAGE] = "a storage", [PICKLED_TENSOR] = "a tensor",
        [PICKLED_PLACEHOLDER] = "",
    };
    char name[PICKLED_TEXT - 20];
    if (value->kind != PICKLED_PLACEHOLDER) {
        snprintf(out, PICKLED_TEXT, "%s", names[value->kind]);
        return;
    }
    pickled_show(value->text, name, sizeof name);
    snprintf(out, PICKLED_TEXT, "of the unknown '%s'", name);
}

static const struct known_global *find(str module, str name)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_is(name, known[i].name) && str_is(module, known[i].module))
            return &known[i];
    return NULL;
}

pickled *global_value(pickle_heap *h, str module, str name, error *e)
{
    const struct known_global *row = find(module, name);
    pickled *value = pickled_new(h, row ? PICKLED_GLOBAL : PICKLED_PLACEHOLDER, e);
    if (!value)
        return NULL;
    if (row) {
        value->global = row;
        return value;
    }
    char *text = arena_raw(h->memory, module.n + 1 + name.n, 1);
    if (!text) {
        fail(e, ERR_BAD_MODEL, "the pickle needs too much memory for its names");
        return NULL;
    }
    memcpy(text, module.p, module.n);
    text[module.n] = '.';
    memcpy(text + module.n + 1, name.p, name.n);
    value->text = (str){text, module.n + 1 + name.n};
    return value;
}

/* A dictionary from nothing, from a factory of values (defaultdict), or from [(key, value), ...] as
 * Python 2 writes it. */
static pickled *make_dict(pickle_heap *h, const pickled *arguments, error *e)
{
    pickled *dict = pickled_new(h, PICKLED_DICT, e);
    const pickled *pairs = arguments->list.n ? arguments->list.items[0] : NULL;
    if (!dict || !pairs || pairs->kind != PICKLED_LIST)
        return dict;
    for (size_t i = 0; i < pairs->list.n; i++) {
        const pickled *pair = pairs->list.items[i];
        if ((pair->kind != PICKLED_LIST && pair->kind != PICKLED_TUPLE) || pair->list.n != 2) {
            fail(e, ERR_BAD_MODEL, "the pickle makes a dictionary of what are no pairs");
            return NULL;
        }
        if (!pickled_add(h, dict, pair->list.items[0], e) ||
            !pickled_add(h, dict, pair->list.items[1], e))
            return NULL;
    }
    return dict;
}

static pickled *make_tensor(pickle_heap *h, const struct known_global *maker,
                            const pickled *arguments, error *e)
{
    pickled *value = pickled_new(h, PICKLED_TENSOR, e);
    if (!value)
        return NULL;
    value->call.maker = maker;
    value->call.arguments = arguments;
    return value;
}

/* The first argument, which has to be of this kind or something unknown. */
static pickled *first(const struct known_global *row, const pickled *arguments,
                      enum pickled_kind kind, error *e)
{
    char found[PICKLED_TEXT] = "nothing";
    pickled *value = arguments->list.n ? arguments->list.items[0] : NULL;
    if (value && (value->kind == kind || value->kind == PICKLED_PLACEHOLDER))
        return value;
    if (value)
        pickled_describe(value, found);
    fail(e, ERR_BAD_MODEL, "the pickle has '%s.%s' of %s, expected %s", row->module, row->name,
         found, kind == PICKLED_TENSOR ? "a tensor" : "a tuple");
    return NULL;
}

/* (function, class, arguments, state): tensors with attributes. Of another class than ours, it is
 * no plain tensor but something of that class. */
static pickled *make_from_type(pickle_heap *h, const pickled *arguments, error *e)
{
    const struct pickled_list *list = &arguments->list;
    if (list->n < 3 || list->items[2]->kind != PICKLED_TUPLE) {
        fail(e, ERR_BAD_MODEL, "the pickle has a tensor with attributes without its arguments");
        return NULL;
    }
    pickled *function = list->items[0], *type = list->items[1];
    if (type->kind == PICKLED_PLACEHOLDER)
        return type;
    if (function->kind == PICKLED_PLACEHOLDER)
        return function;
    if (function->kind != PICKLED_GLOBAL || function->global->role == GLOBAL_FROM_TYPE) {
        fail(e, ERR_BAD_MODEL, "the pickle has a tensor with attributes without its function");
        return NULL;
    }
    return global_call(h, function, list->items[2], e);
}

pickled *global_call(pickle_heap *h, const pickled *callee, pickled *arguments, error *e)
{
    char what[PICKLED_TEXT];
    if (callee->kind == PICKLED_PLACEHOLDER) {
        pickled *value = pickled_new(h, PICKLED_PLACEHOLDER, e);
        if (value)
            value->text = callee->text;
        return value;
    }
    if (callee->kind != PICKLED_GLOBAL || arguments->kind != PICKLED_TUPLE) {
        pickled_describe(callee, what);
        fail(e, ERR_BAD_MODEL, "the pickle calls %s", what);
        return NULL;
    }
    switch (callee->global->role) {
    case GLOBAL_DICT:
        return make_dict(h, arguments, e);
    case GLOBAL_TENSOR:
    case GLOBAL_TYPED:
        return make_tensor(h, callee->global, arguments, e);
    case GLOBAL_WRAP:
        return first(callee->global, arguments, PICKLED_TENSOR, e);
    case GLOBAL_FROM_TYPE:
        return make_from_type(h, arguments, e);
    case GLOBAL_TUPLE:
        return first(callee->global, arguments, PICKLED_TUPLE, e);
    default:
        return pickled_new(h, PICKLED_OTHER, e);
    }
}

/* "view" of old files: None, or (key, first element, number of elements). */
static bool read_view(struct pickled_storage *s, const pickled *view)
{
    s->first = 0;
    s->n = s->n_elements;
    if (view->kind != PICKLED_TUPLE)
        return view->kind == PICKLED_NONE;
    if (view->list.n != 3 || view->list.items[1]->kind != PICKLED_INT ||
        view->list.items[2]->kind != PICKLED_INT)
        return false;
    s->first = view->list.items[1]->number;
    s->n = view->list.items[2]->number;
    return s->first >= 0 && s->n >= 0 && s->first <= s->n_elements &&
           s->n <= s->n_elements - s->first;
}

static bool read_storage(struct pickled_storage *s, const pickled *id)
{
    pickled *const *items = id->list.items;
    if (id->kind != PICKLED_TUPLE || id->list.n < 5 || id->list.n > 6 ||
        items[0]->kind != PICKLED_STRING || !str_is(items[0]->text, "storage") ||
        items[2]->kind != PICKLED_STRING || items[4]->kind != PICKLED_INT || items[4]->number < 0)
        return false;
    s->key = items[2]->text;
    s->n_elements = items[4]->number;
    if (items[1]->kind == PICKLED_PLACEHOLDER)
        s->type_name = items[1]->text;
    else if (items[1]->kind == PICKLED_GLOBAL &&
             (items[1]->global->role == GLOBAL_STORAGE || items[1]->global->role == GLOBAL_BYTES))
        s->type = items[1]->global;
    else
        return false;
    static const pickled none = {.kind = PICKLED_NONE};
    return read_view(s, id->list.n == 6 ? items[5] : &none);
}

/* ("module", class, ...): the class of a module whose source the file carries along. */
static pickled *module_class(const pickled *id)
{
    if (id->kind != PICKLED_TUPLE || id->list.n < 2 || id->list.items[0]->kind != PICKLED_STRING ||
        !str_is(id->list.items[0]->text, "module") ||
        id->list.items[1]->kind != PICKLED_PLACEHOLDER)
        return NULL;
    return id->list.items[1];
}

pickled *global_persistent(pickle_heap *h, const pickled *id, error *e)
{
    struct pickled_storage read = {0};
    pickled *module = module_class(id);
    if (module)
        return module;
    if (!read_storage(&read, id)) {
        fail(e, ERR_BAD_MODEL,
             "the pickle has a persistent id that is not ('storage', class, key, "
             "location, number of elements)");
        return NULL;
    }
    pickled *value = pickled_new(h, PICKLED_STORAGE, e);
    struct pickled_storage *s = value ? arena_try(h->memory, 1, sizeof *s) : NULL;
    if (!s) {
        fail(e, ERR_BAD_MODEL, "the pickle needs too much memory for its storages");
        return NULL;
    }
    *s = read;
    s->next = h->storages;
    value->storage = s;
    h->storages = value;
    return value;
}
