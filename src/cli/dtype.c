#include "cli/dtype.h"
#include "kernels/kernels.h"

#include <stdio.h>

void dtype_tell(const char *command, const char *precision)
{
    const char *family = precision_family(precision), *lacks = kernels_lacking(family);
    if (lacks)
        fprintf(stderr, "inferd %s: " PRECISION_LACKS "\n", command, precision, lacks,
                kernels_variant(family));
}
