/* Compatibility routes over the tasks: other rows and replies, no computing of their own. */
#pragma once

#include "tasks/task.h"

/* text-embeddings-inference (tei.c): /embed, /embed_all, /tokenize, /decode. */
extern const task tei_embed, tei_embed_all, tei_tokenize, tei_decode;

/* The same (classify.c): /predict, /embed_sparse. */
extern const task tei_predict, tei_embed_sparse;

/* The same, Cohere and Jina (rerank.c): /rerank, /v1/rerank, /v2/rerank. */
extern const task rerank;

/* OpenAI (openai.c): /v1/embeddings. */
extern const task openai_embeddings;
