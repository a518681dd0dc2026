/* Request bodies: parsed by the field rows of every task. The first byte chooses the task. */
#include "tasks/task.h"
#include "worker/views.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const task *all[32] = {&tei_embed, &tei_tokenize, &tei_decode, &openai_embeddings};
    int n = 4;
    for (int i = 0; tasks[i] && n < 32; i++)
        all[n++] = tasks[i];
    if (size == 0)
        return 0;
    const task *t = all[data[0] % n];
    error e = {0};
    arena *memory = arena_new(16 << 20);
    void *request = arena_alloc(memory, t->request_size);
    if (!task_parse(t, (str){(const char *)data + 1, size - 1}, request, memory, &e) &&
        (e.kind == ERR_NONE || e.message[0] == '\0'))
        __builtin_trap(); /* a failure without a reason */
    arena_free(memory);
    return 0;
}
