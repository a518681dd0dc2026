/* Code points that a property has in the reference's regular expressions (Unicode 16) and that
 * Unicode 14 does not know. */
#pragma once

/* name: of the property; members: as in a class. {NULL, NULL} at the end. */
extern const struct pattern_newer {
    const char *name, *members;
} pattern_newer[];
