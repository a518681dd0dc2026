/* Compatibility routes over the tasks: other rows and replies, no computing of their own. */
#pragma once

#include "tasks/task.h"

/* text-embeddings-inference (tei.c): /embed, /embed_all, /tokenize, /decode. */
extern const task tei_embed, tei_embed_all, tei_tokenize, tei_decode;

/* OpenAI (openai.c): /v1/embeddings. */
extern const task openai_embeddings;
