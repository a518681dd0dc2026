/* Files of torch.save from any bytes. Whatever is read has to lie in the file or in the copies, and
 * every byte of it can be touched. */
#include "tensor/checkpoint.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_tensor(const tensor *t, str bytes)
{
    int64_t n = 1;
    for (int i = 0; i < t->n_dims; i++)
        n *= t->dims[i];
    require(n == t->n_elements && n >= 0);
    require(t->size_bytes == (size_t)n * (size_t)dtype_bits(t->type) / 8);
    require(t->name.p >= bytes.p && t->name.p + t->name.n <= bytes.p + bytes.n);
    require(t->size_bytes <= bytes.n + CHECKPOINT_COPY_BYTES);
    unsigned sum = 0;
    for (size_t i = 0; i < t->size_bytes; i++)
        sum += ((const unsigned char *)t->data)[i];
    __asm__ volatile("" : : "r"(sum)); /* every byte is read */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    checkpoint c;
    error e = {0};
    str bytes = {(const char *)data, size};
    if (!checkpoint_parse(&c, bytes, "fuzz", &e)) {
        require(e.kind == ERR_BAD_MODEL && e.message[0]);
        return 0;
    }
    require(c.n > 0 && checkpoint_copied_bytes(&c) <= size + CHECKPOINT_COPY_BYTES);
    for (int i = 0; i < c.n; i++) {
        check_tensor(&c.tensors[i], bytes);
        require(checkpoint_find(&c, c.tensors[i].name) == &c.tensors[i]);
    }
    checkpoint_release(&c);
    return 0;
}
