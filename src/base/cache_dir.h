/* Where prepared files are kept that may be deleted at any time. */
#pragma once

/* "$INFERD_CACHE", else "$XDG_CACHE_HOME/inferd", else "~/.cache/inferd", made if need be; in new
 * memory (free). NULL when there is none or it cannot be made. */
char *cache_dir(void);

/* The folder below it for what is prepared from one model's folder ("models/<hash of its real
 * path>"), made if need be; in new memory (free). A worker may write to this one only, so that what
 * goes wrong with one model reaches no other. NULL as above. */
char *cache_dir_of(const char *model_folder);

/* Removes what is prepared from a model's folder, which must still be there. */
void cache_dir_remove(const char *model_folder);
