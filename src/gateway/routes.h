/* The routes of the gateway: X(method, pattern, handler, access). A new route is one row here and
 * its handler in a file of api/, hub/ or beside. */

/* Inference API and its older forms (api/inference.c, api/status.c). */
X("POST", "/models/{rest...}", post_model, ACCESS_RATED)
X("GET", "/models/{rest...}", get_model, ACCESS_RATED)
X("POST", "/hf-inference/models/{rest...}", post_model, ACCESS_RATED)
X("GET", "/hf-inference/models/{rest...}", get_model, ACCESS_RATED)
X("POST", "/pipeline/{task}/{id...}", post_pipeline, ACCESS_RATED)
X("GET", "/status/{id...}", get_status, ACCESS_TOKEN)
X("GET", "/framework/{framework}", get_framework, ACCESS_TOKEN)

/* OpenAI's API (api/openai.c). */
X("POST", "/v1/embeddings", post_openai_embeddings, ACCESS_RATED)
X("POST", "/v1/rerank", post_rerank, ACCESS_RATED)
X("POST", "/v2/rerank", post_rerank, ACCESS_RATED)
X("GET", "/v1/models", get_openai_models, ACCESS_TOKEN)
X("GET", "/v1/models/{id...}", get_openai_model, ACCESS_TOKEN)

/* Hub (hub/). The id has one or two parts: hub/model.c takes the path apart. */
X("GET", "/api/models", get_models, ACCESS_RATED)
X("GET", "/api/models/{rest...}", get_model_part, ACCESS_RATED)
X("POST", "/api/models/{rest...}", post_model_part, ACCESS_RATED)
X("GET", "/api/datasets", get_no_repos, ACCESS_TOKEN)
X("GET", "/api/datasets/{rest...}", get_no_repo, ACCESS_TOKEN)
X("GET", "/api/spaces", get_no_repos, ACCESS_TOKEN)
X("GET", "/api/spaces/{rest...}", get_no_repo, ACCESS_TOKEN)
X("GET", "/datasets/{rest...}", get_no_repo, ACCESS_TOKEN)
X("GET", "/spaces/{rest...}", get_no_repo, ACCESS_TOKEN)
X("GET", "/api/models-tags-by-type", get_tags_by_type, ACCESS_TOKEN)
X("GET", "/api/tasks", get_tasks, ACCESS_TOKEN)
X("GET", "/api/whoami-v2", get_whoami, ACCESS_TOKEN)
X("GET", "/{owner}/{name}/resolve/{revision}/{path...}", get_resolve, ACCESS_RATED)
X("GET", "/{name}/resolve/{revision}/{path...}", get_resolve_short, ACCESS_RATED)
X("GET", "/{owner}/{name}/raw/{revision}/{path...}", get_raw, ACCESS_RATED)
X("GET", "/{name}/raw/{revision}/{path...}", get_raw_short, ACCESS_RATED)

/* Pages (pages.c). */
X("GET", "/", get_index_page, ACCESS_PUBLIC)
X("GET", "/{name}", get_model_page, ACCESS_PUBLIC)
X("GET", "/{owner}/{name}", get_model_page, ACCESS_PUBLIC)
X("GET", "/assets/{path...}", get_asset, ACCESS_PUBLIC)

/* Operations (ops.c). */
X("GET", "/livez", get_livez, ACCESS_PUBLIC)
X("GET", "/readyz", get_readyz, ACCESS_PUBLIC)
X("GET", "/metrics", get_metrics, ACCESS_TOKEN)
X("GET", "/api/server", get_server, ACCESS_TOKEN)
