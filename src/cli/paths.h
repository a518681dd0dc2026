/* Where the program keeps its state. */
#pragma once

#include "base/error.h"

/* The data directory: `given`, else $XDG_DATA_HOME/inferd, else ~/.local/share/inferd. In new
 * memory. */
char *data_dir(const char *given);

/* The folder of a model that a user named: a path that is there, or an id in the store of the data
 * directory (as data_dir takes it). In new memory. */
bool model_folder(const char *data, const char *name, char **folder, error *e);
