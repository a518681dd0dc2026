/* Where a token stands on a page. */
#pragma once

/* Whatever the unit, usually thousandths of the page's width and height from its upper left corner.
 * left <= right, top <= bottom. */
typedef struct box {
    int left, top, right, bottom;
} box;
