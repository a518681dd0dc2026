/* Cleanup attributes: `own_fd int fd = open(...)` is closed on every way out of its scope. */
#pragma once

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define OWN(release) __attribute__((cleanup(release)))

static inline void own_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void own_free_ptr(void *p)
{
    free(*(void **)p);
}

static inline void own_fclose(FILE **f)
{
    if (*f)
        fclose(*f);
}

static inline void own_json_decref(json_t **j)
{
    json_decref(*j);
}

/* File descriptor (-1: none), malloc'ed memory, stdio stream, jansson value. */
#define own_fd   OWN(own_close)
#define own_mem  OWN(own_free_ptr)
#define own_file OWN(own_fclose)
#define own_json OWN(own_json_decref)
