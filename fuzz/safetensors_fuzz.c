/* Weight files: whatever is accepted must lie inside the bytes, tensor by tensor. */
#include "tensor/safetensors.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    error e = {0};
    safetensors s;
    if (!safetensors_parse(&s, (str){(const char *)data, size}, "it", &e)) {
        if (e.kind == ERR_NONE || e.message[0] == '\0')
            __builtin_trap(); /* a failure without a reason */
        return 0;
    }
    size_t total = 0;
    unsigned char sum = 0;
    for (int i = 0; i < s.n; i++) {
        const tensor *t = &s.tensors[i];
        char shape[TENSOR_SHAPE_TEXT];
        tensor_shape(t, shape);
        if (safetensors_find(&s, t->name) != t ||
            (uint64_t)t->n_elements * (uint64_t)dtype_bits(t->type) != 8 * (uint64_t)t->size_bytes)
            __builtin_trap();
        for (size_t j = 0; j < t->size_bytes; j++)
            sum ^= ((const unsigned char *)t->data)[j];
        total += t->size_bytes;
    }
    if (total > size)
        __builtin_trap();
    volatile unsigned char keep = sum;
    (void)keep;
    safetensors_release(&s);
    return 0;
}
