/* Where prepared files are kept that may be deleted at any time. */
#pragma once

/* "$INFERD_CACHE", else "$XDG_CACHE_HOME/inferd", else "~/.cache/inferd", made if need be; in new
 * memory (free). NULL when there is none or it cannot be made. */
char *cache_dir(void);
