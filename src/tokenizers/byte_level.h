/* GPT-2's alphabet: every byte as one printable character, so that a vocabulary of characters can
 * hold any bytes. */
#pragma once

#include "tokenizers/text.h"

/* The character of a byte, '!' .. U+0143. */
uint32_t byte_level_char(unsigned char byte);

/* The byte of a character, -1 when it is none of the alphabet. */
int byte_level_byte(uint32_t c);

/* Writes the bytes of a text as characters; each stands for the character it was part of. */
void byte_level_write(text_writer *w, const text *t);
