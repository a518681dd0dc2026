#include "models/architecture.h"

#include <stdio.h>

#define X(name) extern const architecture architecture_##name;
#include "models/list.h"
#undef X

static const architecture *const all[] = {
#define X(name) &architecture_##name,
#include "models/list.h"
#undef X
};

enum { N_ALL = sizeof all / sizeof *all };

const architecture *architecture_find(str model_type)
{
    for (int i = 0; i < N_ALL; i++)
        if (str_is(model_type, all[i]->model_type))
            return all[i];
    return NULL;
}

void architecture_names(char *out, size_t size)
{
    size_t used = 0;
    out[0] = 0;
    for (int i = 0; i < N_ALL && used < size; i++)
        used +=
            (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", all[i]->model_type);
}
