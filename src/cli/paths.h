/* Where the program keeps its state. */
#pragma once

/* The data directory: `given`, else $XDG_DATA_HOME/inferd, else ~/.local/share/inferd. In new
 * memory. */
char *data_dir(const char *given);
