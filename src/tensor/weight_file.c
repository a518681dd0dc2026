/* Hands on to the reader of the format. */
#include "tensor/weight_file.h"

bool weight_file_open(weight_file *f, const char *path, error *e)
{
    weight_file made = {0};
    if (str_ends(str_of(path), STR(".bin"))) {
        if (!checkpoint_open(&made.checkpoint, path, e))
            return false;
        made.tensors = made.checkpoint.tensors;
        made.n = made.checkpoint.n;
        made.mapped_bytes = made.checkpoint.file.n;
        made.copied_bytes = checkpoint_copied_bytes(&made.checkpoint);
    } else {
        if (!safetensors_open(&made.safetensors, path, e))
            return false;
        made.tensors = made.safetensors.tensors;
        made.n = made.safetensors.n;
        made.mapped_bytes = made.safetensors.file.n;
    }
    *f = made;
    return true;
}

void weight_file_release(weight_file *f)
{
    if (!f)
        return;
    safetensors_release(&f->safetensors);
    checkpoint_release(&f->checkpoint);
    *f = (weight_file){0};
}

const tensor *weight_file_find(const weight_file *f, str name)
{
    const tensor *t = safetensors_find(&f->safetensors, name);
    return t ? t : checkpoint_find(&f->checkpoint, name);
}
